// SPDX-License-Identifier: Apache-2.0
//
// seccomp(2), for which glibc has no wrapper, and what lies between a filter and the program that
// it is for.
//
// That part is C, and the only part of the runtime with logic in C, because of one promise: once
// the filter is in force, no system call is made but those that are written here. Swift may
// allocate wherever it likes, and a filter may kill for it.

#ifndef CLINUX_SECCOMP_H
#define CLINUX_SECCOMP_H

#include <errno.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)  // Linux 5.19
#endif
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U  // Linux 6.3
#endif
_Static_assert(sizeof(struct sock_filter) == 8, "an instruction is eight bytes");

static inline int clinux_seccomp(unsigned operation, unsigned flags, void *arguments) {
    return (int)syscall(SYS_seccomp, operation, flags, arguments);
}

// Loads a filter. The listener if the flags ask for one, else 0; -1 and errno when it is not loaded.
static inline int clinux_load_filter(unsigned flags, const void *instructions, uint16_t count) {
    struct sock_fprog filter = {.len = count, .filter = (struct sock_filter *)instructions};
    int result = clinux_seccomp(SECCOMP_SET_MODE_FILTER, flags, &filter);
    if (result > 0 && !(flags & SECCOMP_FILTER_FLAG_NEW_LISTENER)) {
        // That of a thread that could not get the filter, and so nobody has.
        errno = ESRCH;
        return -1;
    }
    return result;
}

// MAP_FAILED is a cast.
static inline void *clinux_map_shared(int fd, size_t size) {
    void *start = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    return start == MAP_FAILED ? NULL : start;
}

// The step that was begun last. The last one succeeds by not coming back.
enum clinux_filtered_step {
    CLINUX_STEP_NONE = 0,
    CLINUX_STEP_FILTER = 1,
    CLINUX_STEP_LISTENER = 2,
    CLINUX_STEP_CAPABILITIES = 3,
    CLINUX_STEP_PROGRAM = 4,
};

// How far it came, in memory that another process reads: a filter may forbid to send it. Without
// an error the step was begun and not ended: the filter killed for it.
struct clinux_filtered_outcome {
    int32_t step;
    int32_t error;
};

// What one thread leaves for the other. Read and written by __atomic builtins alone.
struct clinux_handover {
    int listener;  // -1: not there yet; -2: never
    int result;    // 0: not done yet; 1: handed over; else -errno
    int channel;
    const void *message;
    size_t length;
    unsigned char answer;
};

struct clinux_filtered_program {
    const char *path;
    char *const *arguments;
    char *const *environment;
    const void *instructions;
    unsigned short count;
    unsigned flags;
    // What is left of the capabilities once the filter is loaded; NULL leaves them.
    const struct __user_cap_data_struct *capabilities;
    struct clinux_filtered_outcome *outcome;
    // With SECCOMP_FILTER_FLAG_NEW_LISTENER; else NULL.
    struct clinux_handover *handover;
};

// The thread without a filter: waits for the listener, sends it with the message, waits for the
// answer. A peer that is gone ends the wait. It shares errno with the other thread, which makes no
// call meanwhile but the one that is checked before the number is stored.
static inline int clinux_hand_over(void *argument) {
    struct clinux_handover *handover = argument;
    const struct timespec pause = {.tv_nsec = 20000};
    int listener;
    while ((listener = __atomic_load_n(&handover->listener, __ATOMIC_ACQUIRE)) == -1)
        nanosleep(&pause, NULL);
    if (listener < 0) return 0;
    struct iovec payload = {.iov_base = (void *)handover->message, .iov_len = handover->length};
    int result = 1;
    unsigned char answer = 0;
    if (clinux_sendmsg(handover->channel, &payload, &listener, 1) == -1) {
        result = -errno;
    } else {
        ssize_t count;
        do count = recv(handover->channel, &answer, 1, 0);
        while (count == -1 && errno == EINTR);
        if (count != 1 || answer != handover->answer) result = -ECONNABORTED;
    }
    __atomic_store_n(&handover->result, result, __ATOMIC_RELEASE);
    return 0;
}

// Starts that thread. By clone(2), because a pthread would be a thread for the C library too, with
// all that it then does at exec; this one makes system calls and ends.
static inline int clinux_start_handover(struct clinux_handover *handover) {
    const size_t size = 65536;
    char *stack = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK,
                       -1, 0);
    if (stack == MAP_FAILED) return -1;
    return clone(clinux_hand_over, stack + size,
                 CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM,
                 handover);
}

static inline void clinux_begin(struct clinux_filtered_outcome *outcome, int step) {
    __atomic_store_n(&outcome->step, step, __ATOMIC_RELEASE);
}
static inline void clinux_failed(struct clinux_filtered_outcome *outcome, int error) {
    __atomic_store_n(&outcome->error, error, __ATOMIC_RELEASE);
}

// Loads the filter, hands the listener over, gives up the last capabilities, and becomes the
// program. Returns only after a failure, which is in `outcome` by then.
static inline void clinux_become_filtered(const struct clinux_filtered_program *program) {
    struct clinux_handover *handover = program->handover;
    struct clinux_filtered_outcome *outcome = program->outcome;
    if (handover) {
        clinux_begin(outcome, CLINUX_STEP_LISTENER);
        if (clinux_start_handover(handover) == -1) return clinux_failed(outcome, errno);
    }
    clinux_begin(outcome, CLINUX_STEP_FILTER);
    int listener = clinux_load_filter(program->flags, program->instructions, program->count);
    if (listener == -1) {
        clinux_failed(outcome, errno);
        if (handover) __atomic_store_n(&handover->listener, -2, __ATOMIC_RELEASE);
        return;
    }
    if (handover) {
        clinux_begin(outcome, CLINUX_STEP_LISTENER);
        __atomic_store_n(&handover->listener, listener, __ATOMIC_RELEASE);
        // Without a system call: the filter may ask its listener about any, and nobody listens yet.
        int result;
        while ((result = __atomic_load_n(&handover->result, __ATOMIC_ACQUIRE)) == 0)
            __asm__ volatile("" ::: "memory");
        if (result != 1) return clinux_failed(outcome, -result);
    }
    if (program->capabilities) {
        clinux_begin(outcome, CLINUX_STEP_CAPABILITIES);
        struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
        if (syscall(SYS_capset, &header, program->capabilities) == -1)
            return clinux_failed(outcome, errno);
    }
    clinux_begin(outcome, CLINUX_STEP_PROGRAM);
    execve(program->path, program->arguments, program->environment);
    clinux_failed(outcome, errno);
}

#endif
