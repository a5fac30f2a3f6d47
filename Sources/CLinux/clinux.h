// SPDX-License-Identifier: Apache-2.0
//
// What Swift cannot import by itself: variadic calls, function-like macros, and system calls that
// the C library of Debian 12 or Ubuntu 22.04 has no wrapper for. No logic lives here but in
// clinux_release.

#ifndef CLINUX_H
#define CLINUX_H

#ifndef _GNU_SOURCE
#error "build with -D_GNU_SOURCE=1, as Package.swift does"
#endif


#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <malloc.h>
#include <linux/capability.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/ioprio.h>
#include <linux/keyctl.h>
#include <linux/loop.h>
#include <linux/magic.h>
#include <linux/mempolicy.h>
#include <linux/mount.h>
#include <linux/netlink.h>
#include <linux/openat2.h>
#include <linux/rtnetlink.h>
#include <linux/sched.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/auxv.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

// <linux/fcntl.h> clashes with <fcntl.h>, and MNT_DETACH is in <sys/mount.h>, which clashes with
// <linux/mount.h>.
#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif
static inline int clinux_mnt_detach(void) { return 2; }
static inline int clinux_umount_nofollow(void) { return 8; }
_Static_assert(sizeof(struct mount_attr) == 32, "struct mount_attr is version 0");
_Static_assert(sizeof(struct open_how) == 24, "struct open_how is version 0");

// Numbers that kernel headers of the oldest supported distribution may lack. They are the same
// on every architecture that Linux added after 5.1 (asm-generic/unistd.h).
#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452  // Linux 6.6
#endif
#ifndef MOUNT_ATTR_NOSYMFOLLOW
#define MOUNT_ATTR_NOSYMFOLLOW 0x00200000  // Linux 5.14
#endif
#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080  // Linux 5.6
#endif
#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U  // Linux 6.3
#endif
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U  // Linux 6.3
#endif
#ifndef MFD_CLOEXEC
#define MFD_CLOEXEC 0x0001U
#endif
#ifndef MFD_ALLOW_SEALING
#define MFD_ALLOW_SEALING 0x0002U
#endif
#ifndef F_SEAL_EXEC
#define F_SEAL_EXEC 0x0020  // Linux 6.3
#endif

// errno is a macro.
static inline int clinux_errno(void) { return errno; }
static inline void clinux_clear_errno(void) { errno = 0; }

// Variadic in the C library.
static inline int clinux_openat(int dir, const char *path, int flags, mode_t mode) {
    return openat(dir, path, flags, mode);
}
static inline int clinux_fcntl(int fd, int command, long argument) {
    return fcntl(fd, command, argument);
}
static inline int clinux_ioctl(int fd, unsigned long request, void *argument) {
    return ioctl(fd, request, argument);
}
static inline int clinux_ioctl_value(int fd, unsigned long request, long value) {
    return ioctl(fd, request, value);
}
// Variadic. In these, addresses are numbers: the caller counts with them.
static inline void clinux_copy_page(unsigned long to, unsigned long from, unsigned long size) {
    memcpy((void *)to, (const void *)from, size);
}
static inline long clinux_mremap_onto(unsigned long from, unsigned long length, unsigned long onto) {
    return (long)mremap((void *)from, length, length, MREMAP_MAYMOVE | MREMAP_FIXED, (void *)onto);
}

// Nothing else of the program may run between these calls, or it would be
// read into memory again, or change data that is let go of. So they are made through syscall(2), from
// one function, with nothing but the stack. Of data, only pages that are still the file's are let go of
// (pagemap's bits 61 to 63; the kernel's documentation, admin-guide/mm/pagemap).
struct clinux_range {
    unsigned long start, length;
    int is_data;
};
static inline void clinux_release(const struct clinux_range *range, int pagemap) {
    const unsigned long page = 4096;
    unsigned long entries[64], first = range->start, end = range->start + range->length;
    if (!range->is_data) {
        syscall(SYS_madvise, range->start, range->length, MADV_DONTNEED);
        return;
    }
    while (first < end) {
        long count = syscall(SYS_pread64, pagemap, entries, sizeof entries, first / page * 8) / 8;
        for (long i = 0; i < count && first < end; i++, first += page)
            if (entries[i] >> 61 == 5)
                syscall(SYS_madvise, first, page, MADV_DONTNEED);
        if (count <= 0)
            return;
    }
}
static inline int clinux_epoll_wait_without(const struct clinux_range *ranges, int count, int pagemap,
                                            int epoll, struct epoll_event *events, int room,
                                            int milliseconds) {
    for (int i = 0; i < count; i++)
        clinux_release(&ranges[i], pagemap);
    if (pagemap >= 0)
        syscall(SYS_close, pagemap);
    return (int)syscall(SYS_epoll_pwait, epoll, events, room, milliseconds, NULL, 0L);
}
// MAP_FAILED is a cast.
static inline void *clinux_map_shared_anonymous(size_t size) {
    void *start = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return start == MAP_FAILED ? NULL : start;
}
// Atomics of the compiler: the count at the beginning of memory that processes share.
static inline unsigned long clinux_next_number(void *count) {
    return __atomic_fetch_add((unsigned long *)count, 1, __ATOMIC_RELAXED);
}
static inline unsigned long clinux_number(const void *count) {
    return __atomic_load_n((const unsigned long *)count, __ATOMIC_ACQUIRE);
}

static inline int clinux_prctl(int option, unsigned long a, unsigned long b, unsigned long c,
                               unsigned long d) {
    return prctl(option, a, b, c, d);
}

// No wrapper in glibc: clone3(2), Linux 5.3. The child goes on with a copy of the caller's memory
// and stack, as after fork(2).
static inline long clinux_clone3(struct clone_args *arguments, size_t size) {
    return syscall(SYS_clone3, arguments, size);
}
// Swift forbids fork(2), for what it does to threads; there are none. Where a seccomp filter makes
// clone3(2) ENOSYS, as Docker's does, glibc's fork still works.
static inline pid_t clinux_fork(void) { return fork(); }
// No wrapper in glibc: openat2(2), Linux 5.6.
static inline int clinux_openat2(int dir, const char *path, const struct open_how *how,
                                 size_t size) {
    return (int)syscall(SYS_openat2, dir, path, how, size);
}
// Wrapped by glibc from 2.36 on, in a header that clashes with <linux/mount.h>.
static inline int clinux_open_tree(int dir, const char *path, unsigned flags) {
    return (int)syscall(SYS_open_tree, dir, path, flags);
}
static inline int clinux_move_mount(int from_dir, const char *from, int to_dir, const char *to,
                                    unsigned flags) {
    return (int)syscall(SYS_move_mount, from_dir, from, to_dir, to, flags);
}
static inline int clinux_fsopen(const char *type, unsigned flags) {
    return (int)syscall(SYS_fsopen, type, flags);
}
static inline int clinux_fsconfig(int fs, unsigned command, const char *key, const void *value,
                                  int aux) {
    return (int)syscall(SYS_fsconfig, fs, command, key, value, aux);
}
static inline int clinux_fsmount(int fs, unsigned flags, unsigned attributes) {
    return (int)syscall(SYS_fsmount, fs, flags, attributes);
}
static inline int clinux_fspick(int dir, const char *path, unsigned flags) {
    return (int)syscall(SYS_fspick, dir, path, flags);
}
static inline int clinux_mount_setattr(int dir, const char *path, unsigned flags,
                                       struct mount_attr *attributes, size_t size) {
    return (int)syscall(SYS_mount_setattr, dir, path, flags, attributes, size);
}
static inline int clinux_mount(const char *source, const char *target, const char *type,
                               unsigned long flags, const void *data) {
    return (int)syscall(SYS_mount, source, target, type, flags, data);
}
static inline int clinux_umount2(const char *target, int flags) {
    return (int)syscall(SYS_umount2, target, flags);
}
// No wrapper in glibc.
static inline int clinux_pivot_root(const char *new_root, const char *put_old) {
    return (int)syscall(SYS_pivot_root, new_root, put_old);
}
static inline int clinux_execveat(int dir, const char *path, char *const *arguments,
                                  char *const *environment, int flags) {
    return (int)syscall(SYS_execveat, dir, path, arguments, environment, flags);
}
// Raw: glibc has its own type for the mask, which the kernel does not need, and which ends at 1024.
static inline int clinux_sched_setaffinity(pid_t pid, size_t size, const unsigned long *mask) {
    return (int)syscall(SYS_sched_setaffinity, pid, size, mask);
}
static inline int clinux_sched_getaffinity(pid_t pid, size_t size, unsigned long *mask) {
    return (int)syscall(SYS_sched_getaffinity, pid, size, mask);
}
static inline int clinux_pidfd_open(pid_t pid, unsigned flags) {
    return (int)syscall(SYS_pidfd_open, pid, flags);
}
static inline int clinux_pidfd_send_signal(int pidfd, int signal) {
    return (int)syscall(SYS_pidfd_send_signal, pidfd, signal, 0, 0);
}
static inline int clinux_close_range(unsigned first, unsigned last, unsigned flags) {
    return (int)syscall(SYS_close_range, first, last, flags);
}
static inline int clinux_memfd_create(const char *name, unsigned flags) {
    return (int)syscall(SYS_memfd_create, name, flags);
}
static inline long clinux_keyctl(int command, unsigned long a, unsigned long b, unsigned long c,
                                 unsigned long d) {
    return syscall(SYS_keyctl, command, a, b, c, d);
}
// Raw, because glibc's wrapper answers ENOENT for a directory outside the root and hides which.
static inline long clinux_getcwd(char *buffer, size_t size) {
    return syscall(SYS_getcwd, buffer, size);
}
// Raw, because glibc's setresuid and its kin signal the threads of a process; this one has none.
static inline int clinux_setgroups(size_t count, const gid_t *groups) {
    return (int)syscall(SYS_setgroups, count, groups);
}
static inline int clinux_setresgid(gid_t gid) {
    return (int)syscall(SYS_setresgid, gid, gid, gid);
}
static inline int clinux_setresuid(uid_t uid) {
    return (int)syscall(SYS_setresuid, uid, uid, uid);
}

// Function-like macros.
static inline dev_t clinux_makedev(unsigned major_number, unsigned minor_number) {
    return makedev(major_number, minor_number);
}
static inline unsigned clinux_major(dev_t device) { return major(device); }
static inline unsigned clinux_minor(dev_t device) { return minor(device); }
static inline int clinux_wifexited(int status) { return WIFEXITED(status); }
static inline int clinux_wexitstatus(int status) { return WEXITSTATUS(status); }
static inline int clinux_wtermsig(int status) { return WTERMSIG(status); }

// The S_IF words are int in Swift and mode_t in struct stat.
static inline int clinux_file_type(mode_t mode) { return (int)(mode & S_IFMT); }

// The address argument is a transparent union under _GNU_SOURCE.
static inline int clinux_bind(int fd, const struct sockaddr_un *address) {
    return bind(fd, (const struct sockaddr *)address, sizeof(*address));
}
static inline int clinux_connect(int fd, const struct sockaddr_un *address) {
    return connect(fd, (const struct sockaddr *)address, sizeof(*address));
}
static inline int clinux_connect_length(int fd, const struct sockaddr_un *address,
                                        socklen_t length) {
    return connect(fd, (const struct sockaddr *)address, length);
}
static inline int clinux_accept(int fd) { return accept4(fd, NULL, NULL, SOCK_CLOEXEC); }
static inline int clinux_accept_at_once(int fd) {
    return accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
}

// A global variable of libc, which only the start of a program may touch.
static inline char **clinux_environ(void) { return environ; }

// Macros that expand to something Swift does not import.
static inline int clinux_msg_dontwait(void) { return MSG_DONTWAIT; }
static inline int clinux_msg_nosignal(void) { return MSG_NOSIGNAL; }
static inline int clinux_msg_trunc(void) { return MSG_TRUNC; }
static inline int clinux_st_rdonly(void) { return ST_RDONLY; }
static inline int clinux_st_noexec(void) { return ST_NOEXEC; }
static inline unsigned long clinux_tiocgptn(void) { return TIOCGPTN; }
static inline unsigned long clinux_tiocsptlck(void) { return TIOCSPTLCK; }

// Control messages are walked and built by macros alone. A message carries at most one descriptor
// here; any more that a peer sends are closed.
static inline ssize_t clinux_sendmsg(int fd, struct iovec *payload, const int *descriptors,
                                     size_t count) {
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr alignment;
    } control = {0};
    struct msghdr message = {.msg_iov = payload, .msg_iovlen = 1};
    if (count == 1) {
        message.msg_control = control.bytes;
        message.msg_controllen = sizeof(control.bytes);
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(header), descriptors, sizeof(int));
    }
    return sendmsg(fd, &message, MSG_NOSIGNAL);
}
static inline ssize_t clinux_recvmsg(int fd, struct iovec *payload, int *descriptor, int *flags) {
    union {
        char bytes[CMSG_SPACE(16 * sizeof(int))];
        struct cmsghdr alignment;
    } control;
    struct msghdr message = {.msg_iov = payload,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof(control.bytes)};
    ssize_t count = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
    if (count == -1) return -1;
    *flags = message.msg_flags;
    for (struct cmsghdr *h = CMSG_FIRSTHDR(&message); h; h = CMSG_NXTHDR(&message, h)) {
        if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS) continue;
        size_t numbers = (h->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < numbers; i++) {
            int number;
            memcpy(&number, CMSG_DATA(h) + i * sizeof(int), sizeof(int));
            if (*descriptor == -1) *descriptor = number;
            else close(number);
        }
    }
    return count;
}

// SIG_DFL and SIG_IGN are casts, which Swift does not import. Default by the system call itself: libc refuses
// the two signals that it keeps for itself, which its posix_spawn(3) leaves ignored. All of the kernel's
// struct sigaction is zero then (SIG_DFL, no flags, an empty mask of eight bytes).
static inline void clinux_signal_default(int number) {
    const unsigned long action[4] = {0};
    syscall(SYS_rt_sigaction, number, action, NULL, 8UL);
}
static inline void clinux_signal_ignore(int number) { signal(number, SIG_IGN); }

// An _IO macro of <linux/tty.h>; Linux 4.13.
static inline int clinux_tiocgptpeer(int master, int flags) {
    return ioctl(master, TIOCGPTPEER, flags);
}

// AT_FDCWD carries a cast in some versions of the headers.
static inline int clinux_at_fdcwd(void) { return AT_FDCWD; }

#include "attributes.h"
#include "bpf.h"
#include "pidfd.h"
#include "route.h"
#include "seccomp.h"

#endif
