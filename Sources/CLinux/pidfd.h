// SPDX-License-Identifier: Apache-2.0
//
// What a descriptor of a process tells about it. The headers of the oldest supported distribution
// do not have it (linux/pidfd.h): Linux 6.13, and the exit code since 6.15.

#ifndef CLINUX_PIDFD_H
#define CLINUX_PIDFD_H

#include <linux/types.h>
#include <sys/ioctl.h>

struct clinux_pidfd_info {
    __u64 mask;
    __u64 cgroup;
    __u32 pid;
    __u32 group;
    __u32 parent;
    __u32 ids[8];
    __s32 exit_code;
};
_Static_assert(sizeof(struct clinux_pidfd_info) == 64, "struct pidfd_info is version 0");

// An _IO macro, and a word with a shift in it.
static inline unsigned long clinux_pidfd_get_info(void) {
    return _IOWR(0xFF, 11, struct clinux_pidfd_info);
}
static inline __u64 clinux_pidfd_info_exit(void) { return 1ULL << 3; }

#endif
