// SPDX-License-Identifier: Apache-2.0
//
// Scheduling, I/O priority and memory policy of a process: system calls that glibc has no wrapper
// for, and words that the kernel headers of the oldest supported distribution lack. Included by
// clinux.h.

#ifndef CLINUX_ATTRIBUTES_H
#define CLINUX_ATTRIBUTES_H

#include <stdint.h>

// struct sched_attr, version 1 (Linux 5.3): glibc 2.41 and <linux/sched/types.h> both define it,
// and clash.
struct clinux_sched_attr {
    uint32_t size;
    uint32_t policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime;
    uint64_t deadline;
    uint64_t period;
    uint32_t util_min;
    uint32_t util_max;
};
_Static_assert(sizeof(struct clinux_sched_attr) == 56, "struct sched_attr is version 1");

// Only a comment in <linux/sched.h>: "reserved but not implemented yet".
#ifndef SCHED_ISO
#define SCHED_ISO 4
#endif
// A member of an enum, so that its absence cannot be asked for: Linux 6.9.
#define CLINUX_MPOL_WEIGHTED_INTERLEAVE 6

// Wrapped by glibc from 2.41 on: sched_setattr(2), Linux 3.14.
static inline int clinux_sched_setattr(pid_t pid, struct clinux_sched_attr *attributes) {
    attributes->size = sizeof(*attributes);
    return (int)syscall(SYS_sched_setattr, pid, attributes, 0);
}
// No wrapper in glibc: ioprio_set(2). IOPRIO_PRIO_VALUE is a function-like macro.
static inline int clinux_ioprio_set_group(pid_t group, int level_class, int level) {
    return (int)syscall(SYS_ioprio_set, IOPRIO_WHO_PGRP, group,
                        IOPRIO_PRIO_VALUE(level_class, level));
}
static inline int clinux_ioprio_get(pid_t pid) {
    return (int)syscall(SYS_ioprio_get, IOPRIO_WHO_PROCESS, pid);
}
static inline int clinux_ioprio_class(int value) { return (int)IOPRIO_PRIO_CLASS(value); }
static inline int clinux_ioprio_level(int value) { return (int)IOPRIO_PRIO_DATA(value); }
// In libnuma alone: set_mempolicy(2).
static inline int clinux_set_mempolicy(int mode, const unsigned long *mask, unsigned long bits) {
    return (int)syscall(SYS_set_mempolicy, mode, mask, bits);
}

#endif
