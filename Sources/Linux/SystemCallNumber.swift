// SPDX-License-Identifier: Apache-2.0

internal import CLinux

/// A system call's number on this machine (syscalls(2)).
package struct SystemCallNumber: Hashable, Sendable {
    package let rawValue: UInt32

    private init(_ number: Int32) { rawValue = UInt32(bitPattern: number) }

    package static var accept4: Self { Self(SYS_accept4) }
    package static var brk: Self { Self(SYS_brk) }
    package static var capget: Self { Self(SYS_capget) }
    package static var capset: Self { Self(SYS_capset) }
    package static var clockGetTime: Self { Self(SYS_clock_gettime) }
    package static var close: Self { Self(SYS_close) }
    package static var closeRange: Self { Self(SYS_close_range) }
    package static var dup3: Self { Self(SYS_dup3) }
    package static var execve: Self { Self(SYS_execve) }
    package static var exitGroup: Self { Self(SYS_exit_group) }
    package static var faccessat: Self { Self(SYS_faccessat) }
    package static var faccessat2: Self { Self(SYS_faccessat2) }
    package static var fcntl: Self { Self(SYS_fcntl) }
    package static var fstat: Self { Self(SYS_fstat) }
    package static var fstatfs: Self { Self(SYS_fstatfs) }
    package static var futex: Self { Self(SYS_futex) }
    package static var getrandom: Self { Self(SYS_getrandom) }
    package static var madvise: Self { Self(SYS_madvise) }
    package static var mmap: Self { Self(SYS_mmap) }
    package static var mprotect: Self { Self(SYS_mprotect) }
    package static var mremap: Self { Self(SYS_mremap) }
    package static var munmap: Self { Self(SYS_munmap) }
    package static var newfstatat: Self { Self(SYS_newfstatat) }
    package static var openat: Self { Self(SYS_openat) }
    package static var prlimit64: Self { Self(SYS_prlimit64) }
    package static var read: Self { Self(SYS_read) }
    package static var recvmsg: Self { Self(SYS_recvmsg) }
    package static var rtSigprocmask: Self { Self(SYS_rt_sigprocmask) }
    package static var rtSigreturn: Self { Self(SYS_rt_sigreturn) }
    package static var sendmsg: Self { Self(SYS_sendmsg) }
    package static var write: Self { Self(SYS_write) }
}
