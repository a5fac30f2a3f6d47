// SPDX-License-Identifier: Apache-2.0

internal import CLinux

extension ClassicMountFlags {
    package static var readOnly: ClassicMountFlags { .init(rawValue: UInt(MS_RDONLY)) }
    package static var noSetID: ClassicMountFlags { .init(rawValue: UInt(MS_NOSUID)) }
    package static var noDevices: ClassicMountFlags { .init(rawValue: UInt(MS_NODEV)) }
    package static var noExecution: ClassicMountFlags { .init(rawValue: UInt(MS_NOEXEC)) }
    package static var noAccessTime: ClassicMountFlags { .init(rawValue: UInt(MS_NOATIME)) }
    package static var relativeAccessTime: ClassicMountFlags {
        .init(rawValue: UInt(MS_RELATIME))
    }
    package static var strictAccessTime: ClassicMountFlags {
        .init(rawValue: UInt(MS_STRICTATIME))
    }
    package static var noDirectoryAccessTime: ClassicMountFlags {
        .init(rawValue: UInt(MS_NODIRATIME))
    }
}

extension Mounting {
    /// Unmounts what is at a path now, without following a link there, and lets it go once it is
    /// no longer used. The system call is `umount2(2)` with MNT_DETACH and UMOUNT_NOFOLLOW.
    package static func detachWithoutLink(_ path: String) throws(SystemCallError) {
        _ = try check("umount", path) {
            unsafe clinux_umount2(path, clinux_mnt_detach() | clinux_umount_nofollow())
        }
    }
}
