// SPDX-License-Identifier: Apache-2.0

internal import CLinux

/// Properties of one mount: the MOUNT_ATTR_ words of mount_setattr(2).
package struct MountAttributes: FlagSet, Hashable, Sendable {
    package let rawValue: UInt64
    package init(rawValue: UInt64) { self.rawValue = rawValue }

    package static var readOnly: MountAttributes { .init(rawValue: UInt64(MOUNT_ATTR_RDONLY)) }
    package static var noSetID: MountAttributes { .init(rawValue: UInt64(MOUNT_ATTR_NOSUID)) }
    package static var noDevices: MountAttributes { .init(rawValue: UInt64(MOUNT_ATTR_NODEV)) }
    package static var noExecution: MountAttributes { .init(rawValue: UInt64(MOUNT_ATTR_NOEXEC)) }
    package static var noAccessTime: MountAttributes { .init(rawValue: UInt64(MOUNT_ATTR_NOATIME)) }
    package static var strictAccessTime: MountAttributes {
        .init(rawValue: UInt64(MOUNT_ATTR_STRICTATIME))
    }
    package static var noDirectoryAccessTime: MountAttributes {
        .init(rawValue: UInt64(MOUNT_ATTR_NODIRATIME))
    }
    package static var noSymbolicLinks: MountAttributes {
        .init(rawValue: UInt64(MOUNT_ATTR_NOSYMFOLLOW))
    }
    /// nosuid, nodev and noexec, for what holds neither programs nor devices.
    package static var inert: MountAttributes {
        .init(rawValue: UInt64(MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC))
    }
    /// The same, read-only too.
    package static var inertReadOnly: MountAttributes {
        .init(
            rawValue: UInt64(
                MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC))
    }
    /// The bits that hold one choice out of relatime (all 0), noatime and strictatime.
    package static var accessTimeMask: MountAttributes {
        .init(rawValue: UInt64(MOUNT_ATTR__ATIME))
    }
}

/// Where mounts and unmounts under a mount travel (mount_namespaces(7)).
package enum MountPropagation: Sendable {
    case shared, slave, `private`, unbindable

    var flag: UInt64 {
        switch self {
        case .shared: UInt64(MS_SHARED)
        case .slave: UInt64(MS_SLAVE)
        case .private: UInt64(MS_PRIVATE)
        case .unbindable: UInt64(MS_UNBINDABLE)
        }
    }
}

/// Mounts, held by descriptor from the moment they are made.
package enum Mounting {
    /// A copy of the mount at a path, not attached anywhere yet. The system call is
    /// `open_tree(2)` with OPEN_TREE_CLONE, Linux 5.2.
    package static func clone(
        _ path: String, at directory: CInt = Directory.current, recursively: Bool = false,
        followingLink: Bool = true
    ) throws(SystemCallError) -> FileDescriptor {
        var flags = CUnsignedInt(OPEN_TREE_CLONE) | CUnsignedInt(bitPattern: O_CLOEXEC)
        if recursively { flags |= CUnsignedInt(AT_RECURSIVE) }
        if path.isEmpty { flags |= CUnsignedInt(AT_EMPTY_PATH) }
        if !followingLink { flags |= CUnsignedInt(AT_SYMLINK_NOFOLLOW) }
        return FileDescriptor(
            owning: try check("open_tree", path) {
                unsafe clinux_open_tree(directory, path, flags)
            })
    }

    /// Attaches a mount on the very file that `target` names. The system call is `move_mount(2)`.
    package static func attach(
        _ mount: borrowing FileDescriptor, to target: borrowing FileDescriptor, subject: String
    ) throws(SystemCallError) {
        let (from, onto) = (mount.number, target.number)
        _ = try check("move_mount", subject) {
            unsafe clinux_move_mount(
                from, "", onto, "",
                CUnsignedInt(MOVE_MOUNT_F_EMPTY_PATH) | CUnsignedInt(MOVE_MOUNT_T_EMPTY_PATH))
        }
    }

    /// Changes properties of a mount that a descriptor holds. The system call is
    /// `mount_setattr(2)`, Linux 5.12.
    package static func change(
        _ mount: borrowing FileDescriptor, set: MountAttributes = [], clear: MountAttributes = [],
        propagation: MountPropagation? = nil, recursively: Bool = false, subject: String
    ) throws(SystemCallError) {
        var attributes = mount_attr()
        attributes.attr_set = set.rawValue
        attributes.attr_clr = clear.rawValue
        attributes.propagation = propagation?.flag ?? 0
        let number = mount.number
        let flags = CUnsignedInt(AT_EMPTY_PATH) | (recursively ? CUnsignedInt(AT_RECURSIVE) : 0)
        _ = try check("mount_setattr", subject) {
            unsafe clinux_mount_setattr(
                number, "", flags, &attributes, MemoryLayout<mount_attr>.size)
        }
    }

    /// Shows the files of a mount, and of all below it if asked to, with other owners: as the
    /// mappings of a user namespace say. Only a mount that is attached nowhere yet can get that.
    /// The system call is `mount_setattr(2)` with MOUNT_ATTR_IDMAP, Linux 5.12.
    package static func mapIDs(
        of mount: borrowing FileDescriptor, by userNamespace: borrowing FileDescriptor,
        recursively: Bool, subject: String
    ) throws(SystemCallError) {
        var attributes = mount_attr()
        attributes.attr_set = UInt64(MOUNT_ATTR_IDMAP)
        attributes.userns_fd = UInt64(userNamespace.number)
        let number = mount.number
        let flags = CUnsignedInt(AT_EMPTY_PATH) | (recursively ? CUnsignedInt(AT_RECURSIVE) : 0)
        _ = try check("mount_setattr MOUNT_ATTR_IDMAP", subject) {
            unsafe clinux_mount_setattr(
                number, "", flags, &attributes, MemoryLayout<mount_attr>.size)
        }
    }

    /// Unmounts what is at a path now, and lets it go once it is no longer used. The system call
    /// is `umount2(2)` with MNT_DETACH.
    package static func detach(_ path: String) throws(SystemCallError) {
        _ = try check("umount", path) { unsafe clinux_umount2(path, clinux_mnt_detach()) }
    }

    /// Makes the current directory the root, with the old root stacked on top of it. The system
    /// call is `pivot_root(".", ".")`, see pivot_root(2).
    package static func pivotIntoCurrentDirectory() throws(SystemCallError) {
        _ = try check("pivot_root") { unsafe clinux_pivot_root(".", ".") }
    }

    /// Mounts a filesystem on the file that a descriptor names, by the classic call, which takes
    /// the target as a path: the descriptor's own, in our procfs. The system call is `mount(2)`.
    package static func mount(
        type: String, source: String, on target: borrowing FileDescriptor, data: String,
        superblockFlags: ClassicMountFlags
    ) throws(SystemCallError) {
        let path = target.procPath
        _ = try check("mount", type) {
            unsafe data.withCString {
                unsafe clinux_mount(source, path, type, superblockFlags.rawValue, $0)
            }
        }
    }

    /// Sets the propagation of the mount at a path. The system call is `mount(2)`.
    package static func setPropagation(
        _ propagation: MountPropagation, of path: String, recursively: Bool
    ) throws(SystemCallError) {
        let flags = CUnsignedLong(propagation.flag) | (recursively ? CUnsignedLong(MS_REC) : 0)
        _ = try check("change propagation of", path) {
            unsafe clinux_mount(nil, path, nil, flags, nil)
        }
    }
}

/// Properties of a filesystem as a whole: MS_ words of mount(2).
package struct ClassicMountFlags: FlagSet, Sendable {
    package let rawValue: UInt
    package init(rawValue: UInt) { self.rawValue = rawValue }

    package static var synchronous: ClassicMountFlags { .init(rawValue: UInt(MS_SYNCHRONOUS)) }
    package static var directorySync: ClassicMountFlags { .init(rawValue: UInt(MS_DIRSYNC)) }
    package static var mandatoryLocks: ClassicMountFlags { .init(rawValue: UInt(MS_MANDLOCK)) }
    package static var lazyTime: ClassicMountFlags { .init(rawValue: UInt(MS_LAZYTIME)) }
    package static var inodeVersion: ClassicMountFlags { .init(rawValue: UInt(MS_I_VERSION)) }
    /// The kernel logs nothing about an attempt that fails.
    package static var silent: ClassicMountFlags { .init(rawValue: UInt(MS_SILENT)) }
}

/// A filesystem being configured, before it is a mount. The system calls are `fsopen(2)`,
/// `fsconfig(2)` and `fsmount(2)`, Linux 5.2.
package struct FileSystemContext: ~Copyable {
    private let descriptor: FileDescriptor
    private let type: String

    /// Begins a filesystem of a type that the kernel knows (ENODEV when it does not).
    package init(type: String) throws(SystemCallError) {
        self.type = type
        descriptor = FileDescriptor(
            owning: try check("fsopen", type) {
                unsafe clinux_fsopen(type, CUnsignedInt(FSOPEN_CLOEXEC))
            })
    }

    /// Begins a change of the filesystem that an attached mount shows.
    package init(picking mount: borrowing FileDescriptor, type: String) throws(SystemCallError) {
        self.type = type
        let number = mount.number
        descriptor = FileDescriptor(
            owning: try check("fspick", type) {
                unsafe clinux_fspick(
                    number, "", CUnsignedInt(FSPICK_CLOEXEC) | CUnsignedInt(FSPICK_EMPTY_PATH))
            })
    }

    /// Sets an option without a value, such as `ro`.
    package func set(flag: String) throws(SystemCallError) {
        let number = descriptor.number
        try explaining(flag) { () throws(SystemCallError) in
            _ = try check("mount option", flag) {
                unsafe clinux_fsconfig(
                    number, CUnsignedInt(FSCONFIG_SET_FLAG.rawValue), flag, nil, 0)
            }
        }
    }

    /// Sets an option with a value, such as `size=64m`; `source` is one too.
    package func set(_ key: String, to value: String) throws(SystemCallError) {
        let number = descriptor.number
        try explaining("\(key)=\(value)") { () throws(SystemCallError) in
            _ = try check("mount option", "\(key)=\(value)") {
                unsafe clinux_fsconfig(
                    number, CUnsignedInt(FSCONFIG_SET_STRING.rawValue), key, value, 0)
            }
        }
    }

    /// Makes the filesystem, and a mount of it that is attached nowhere yet.
    package consuming func mount(attributes: MountAttributes) throws(SystemCallError)
        -> FileDescriptor
    {
        let number = descriptor.number
        try explaining(type) { () throws(SystemCallError) in
            _ = try check("mount", type) {
                clinux_fsconfig(
                    number, CUnsignedInt(FSCONFIG_CMD_CREATE.rawValue), nil, nil, 0)
            }
        }
        return FileDescriptor(
            owning: try check("fsmount", type) {
                clinux_fsmount(
                    number, CUnsignedInt(FSMOUNT_CLOEXEC),
                    CUnsignedInt(truncatingIfNeeded: attributes.rawValue))
            })
    }

    /// Applies the options to a filesystem that is mounted already.
    package consuming func reconfigure() throws(SystemCallError) {
        let number = descriptor.number
        _ = try check("remount", type) {
            clinux_fsconfig(
                number, CUnsignedInt(FSCONFIG_CMD_RECONFIGURE.rawValue), nil, nil, 0)
        }
    }

    /// Adds what the kernel says about a refusal, which can be read from the context, to its error.
    private func explaining(
        _ subject: String, _ body: () throws(SystemCallError) -> Void
    ) throws(SystemCallError) {
        do throws(SystemCallError) {
            try body()
        } catch {
            var buffer = [UInt8](repeating: 0, count: 512)
            guard let count = try? File.read(descriptor.number, into: &buffer), count > 2 else {
                throw error
            }
            // Each message is one letter for its weight, a space, and text (fsopen(2)).
            let message = String(decoding: buffer[2..<count], as: UTF8.self)
            let words = message.split(separator: "\n").first.map(String.init) ?? message
            throw SystemCallError("\(error.call) (\(words))", error.subject, error.errno)
        }
    }
}
