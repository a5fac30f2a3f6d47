// SPDX-License-Identifier: Apache-2.0
//
// rtnetlink(7): what Swift cannot import of it. Included by clinux.h.

#ifndef CLINUX_ROUTE_H
#define CLINUX_ROUTE_H

#include <stdint.h>

// A member of an enum, so that its absence cannot be asked for: Linux 5.18.
#define CLINUX_IFA_PROTO 11

// A cast from int, which Swift does not import.
static inline uint32_t clinux_nla_type_mask(void) { return (uint32_t)NLA_TYPE_MASK; }

// The address argument is a transparent union under _GNU_SOURCE. MSG_TRUNC answers the length of
// the whole message, also when the buffer is too short for it.
static inline ssize_t clinux_route_receive(int fd, void *buffer, size_t size, uint32_t *sender) {
    struct sockaddr_nl from = {0};
    socklen_t length = sizeof(from);
    ssize_t count = recvfrom(fd, buffer, size, MSG_TRUNC, (struct sockaddr *)&from, &length);
    *sender = from.nl_pid;
    return count;
}

#endif
