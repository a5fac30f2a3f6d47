// SPDX-License-Identifier: Apache-2.0

internal import CLinux

/// Whether the running kernel has a system call: asked with arguments that every kernel which has
/// it refuses, so that nothing happens. A filter on this process (seccomp(2)) that refuses the call
/// shows as a kernel without it.
package enum KernelSupport {
    /// A call that a container may need, and the first kernel with it.
    package enum Call: String, CaseIterable, Sendable {
        case clone3 = "clone3"
        case openat2 = "openat2"
        case openTree = "open_tree"
        case moveMount = "move_mount"
        case fsopen = "fsopen"
        case mountSetattr = "mount_setattr"
        case pidfdOpen = "pidfd_open"
        case closeRange = "close_range"

        /// The first kernel that has it.
        package var since: StaticString {
            switch self {
            case .openTree, .moveMount, .fsopen: "5.2"
            case .clone3, .pidfdOpen: "5.3"
            case .openat2: "5.6"
            case .closeRange: "5.9"
            case .mountSetattr: "5.12"
            }
        }
    }

    /// Whether a call is there.
    package static func has(_ call: Call) -> Bool {
        let result: Int
        switch call {
        case .clone3: result = clinux_clone3(nil, 0)
        case .openat2: result = unsafe Int(clinux_openat2(-1, "", nil, 0))
        case .openTree: result = unsafe Int(clinux_open_tree(-1, "", .max))
        case .moveMount: result = unsafe Int(clinux_move_mount(-1, "", -1, "", .max))
        case .fsopen: result = unsafe Int(clinux_fsopen("", .max))
        case .mountSetattr: result = unsafe Int(clinux_mount_setattr(-1, "", .max, nil, 0))
        case .pidfdOpen: result = Int(clinux_pidfd_open(-1, .max))
        // The last descriptor before the first.
        case .closeRange: result = Int(clinux_close_range(1, 0, 0))
        }
        return result != -1 || Errno.current != .unsupportedCall
    }

    /// Whether a process can be born in a cgroup (CLONE_INTO_CGROUP, Linux 5.7): a kernel that
    /// knows the word looks for the directory first, and there is none.
    package static var canCloneIntoCgroup: Bool {
        var arguments = clone_args()
        arguments.flags = 0x2_0000_0000  // CLONE_INTO_CGROUP, which does not fit an int.
        arguments.exit_signal = UInt64(SIGCHLD)
        arguments.cgroup = UInt64(CInt.max)
        let result = unsafe clinux_clone3(&arguments, MemoryLayout<clone_args>.size)
        if result == 0 { Process.exitNow(0) }
        return result == -1 && Errno.current == .badDescriptor
    }
}

extension File {
    /// What a caller would do with a file.
    package enum Access: Sendable {
        case read, write, execute
    }

    /// Whether this process may, by its effective ids and capabilities. The system call is
    /// `faccessat2(2)`, Linux 5.8.
    package static func permits(
        _ access: Access, _ path: String, at directory: CInt = Directory.current
    ) -> Bool {
        let mode: CInt =
            switch access {
            case .read: R_OK
            case .write: W_OK
            case .execute: X_OK
            }
        return unsafe faccessat(directory, path, mode, AT_EACCESS) == 0
    }
}
