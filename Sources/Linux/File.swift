// SPDX-License-Identifier: Apache-2.0

internal import CLinux

/// How a file is opened: the O_ words of open(2). Close-on-exec is always added.
package struct OpenFlags: FlagSet, Sendable {
    package let rawValue: CInt
    package init(rawValue: CInt) { self.rawValue = rawValue }

    package static var readOnly: OpenFlags { OpenFlags(rawValue: O_RDONLY) }
    package static var writeOnly: OpenFlags { OpenFlags(rawValue: O_WRONLY) }
    package static var readWrite: OpenFlags { OpenFlags(rawValue: O_RDWR) }
    package static var create: OpenFlags { OpenFlags(rawValue: O_CREAT) }
    package static var exclusive: OpenFlags { OpenFlags(rawValue: O_EXCL) }
    package static var append: OpenFlags { OpenFlags(rawValue: O_APPEND) }
    package static var synchronous: OpenFlags { OpenFlags(rawValue: O_SYNC) }
    package static var directory: OpenFlags { OpenFlags(rawValue: O_DIRECTORY) }
    package static var noFollow: OpenFlags { OpenFlags(rawValue: O_NOFOLLOW) }
    package static var nonBlocking: OpenFlags { OpenFlags(rawValue: O_NONBLOCK) }
    package static var noControllingTerminal: OpenFlags { OpenFlags(rawValue: O_NOCTTY) }
    /// Names the file without opening it (O_PATH).
    package static var pathOnly: OpenFlags { OpenFlags(rawValue: O_PATH) }

    // Names for the combinations that start-up is full of: a literal of several options is put
    // together at run time.

    /// A directory that is no link, to be read or walked from.
    package static var realDirectory: OpenFlags {
        OpenFlags(rawValue: O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
    }
    /// A file that is no link, named without opening it.
    package static var realPath: OpenFlags { OpenFlags(rawValue: O_PATH | O_NOFOLLOW) }
    /// A directory that is no link, named without opening it.
    package static var realDirectoryPath: OpenFlags {
        OpenFlags(rawValue: O_PATH | O_DIRECTORY | O_NOFOLLOW)
    }
    /// A directory, named without opening it.
    package static var directoryPath: OpenFlags { OpenFlags(rawValue: O_PATH | O_DIRECTORY) }
    /// A file to be read that is no link.
    package static var realFile: OpenFlags { OpenFlags(rawValue: O_RDONLY | O_NOFOLLOW) }
    /// A file to be read that is no link; a fifo in its place does not make us wait.
    package static var realFileAtOnce: OpenFlags {
        OpenFlags(rawValue: O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
    }
    /// A file to be read; a fifo in its place does not make us wait.
    package static var readOnlyAtOnce: OpenFlags { OpenFlags(rawValue: O_RDONLY | O_NONBLOCK) }
    /// A new file that takes no other's place.
    package static var newFile: OpenFlags {
        OpenFlags(rawValue: O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW)
    }
}

/// How a path is walked: the RESOLVE_ words of openat2(2).
package struct Resolution: FlagSet, Sendable {
    package let rawValue: UInt64
    package init(rawValue: UInt64) { self.rawValue = rawValue }

    /// The starting directory is "/" for the walk, for "..", and for symbolic links.
    package static var inRoot: Resolution { Resolution(rawValue: UInt64(RESOLVE_IN_ROOT)) }
    /// Nothing above the starting directory is reached, not even by a link.
    package static var beneath: Resolution { Resolution(rawValue: UInt64(RESOLVE_BENEATH)) }
    package static var noMagicLinks: Resolution {
        Resolution(rawValue: UInt64(RESOLVE_NO_MAGICLINKS))
    }
    package static var noSymbolicLinks: Resolution {
        Resolution(rawValue: UInt64(RESOLVE_NO_SYMLINKS))
    }
    package static var noMountCrossing: Resolution { Resolution(rawValue: UInt64(RESOLVE_NO_XDEV)) }

    /// For paths of a container. A name of its own, because a literal of several options is put
    /// together at run time, and this one is used for every path.
    package static var insideRoot: Resolution {
        Resolution(rawValue: UInt64(RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS))
    }
    /// The same where no part of the path may be a link.
    package static var insideRootWithoutLinks: Resolution {
        Resolution(
            rawValue: UInt64(RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS))
    }
}

/// What kind of file an inode is.
package enum FileType: Sendable {
    case regular, directory, symbolicLink, characterDevice, blockDevice, fifo, socket, unknown
}

/// What the kernel says about an inode (stat(2)).
package struct FileStatus: Equatable, Sendable {
    package let type: FileType
    /// Permission bits, set-id bits and the sticky bit.
    package let permissions: UInt32
    package let uid: UInt32
    package let gid: UInt32
    /// Bytes.
    package let size: Int64
    package let inode: UInt64
    /// The device the file is on.
    package let device: UInt64
    /// The device that a device node stands for.
    package let major: UInt32
    package let minor: UInt32
    /// When the contents last changed, in nanoseconds since 1970.
    package let modified: Int64
    /// Hard links; 0 once the file has been removed.
    package let links: UInt64

    init(_ raw: stat) {
        switch clinux_file_type(raw.st_mode) {
        case S_IFREG: type = .regular
        case S_IFDIR: type = .directory
        case S_IFLNK: type = .symbolicLink
        case S_IFCHR: type = .characterDevice
        case S_IFBLK: type = .blockDevice
        case S_IFIFO: type = .fifo
        case S_IFSOCK: type = .socket
        default: type = .unknown
        }
        permissions = raw.st_mode & 0o7777
        uid = raw.st_uid
        gid = raw.st_gid
        size = Int64(raw.st_size)
        inode = UInt64(raw.st_ino)
        device = UInt64(raw.st_dev)
        major = clinux_major(raw.st_rdev)
        minor = clinux_minor(raw.st_rdev)
        modified = Int64(raw.st_mtim.tv_sec) &* 1_000_000_000 &+ Int64(raw.st_mtim.tv_nsec)
        links = UInt64(raw.st_nlink)
    }

    /// Whether two looks were at the same file.
    package func isSameFile(as other: FileStatus) -> Bool {
        inode == other.inode && device == other.device
    }
}

/// What the kernel says about a mounted filesystem (statfs(2)).
package struct FileSystemStatus: Sendable {
    /// The magic number of its type.
    package let magic: UInt64
    package let isReadOnly: Bool
    package let forbidsExecution: Bool

    package var isProc: Bool { magic == UInt64(PROC_SUPER_MAGIC) }
    /// procfs or sysfs.
    package var isKernelInterface: Bool { isProc || magic == UInt64(SYSFS_MAGIC) }
    package var isCgroup2: Bool { magic == UInt64(CGROUP2_SUPER_MAGIC) }
    package var isDevpts: Bool { magic == UInt64(DEVPTS_SUPER_MAGIC) }
    /// An nsfs file stands for a namespace.
    package var isNamespace: Bool { magic == UInt64(NSFS_MAGIC) }
}

/// Files, one call of the kernel each.
package enum File {
    /// The system call is `openat(2)`.
    package static func open(
        _ path: String, at directory: CInt = Directory.current, _ flags: OpenFlags,
        permissions: UInt32 = 0
    ) throws(SystemCallError) -> FileDescriptor {
        FileDescriptor(
            owning: try check("open", path) {
                unsafe clinux_openat(directory, path, flags.rawValue | O_CLOEXEC, permissions)
            })
    }

    /// Opens with a walk that cannot leave where it should stay. A race with a rename makes the
    /// kernel give up with EAGAIN; it is asked again, a bounded number of times. The system call
    /// is `openat2(2)`, Linux 5.6.
    package static func open(
        _ path: String, at directory: CInt, _ flags: OpenFlags, resolving resolution: Resolution,
        permissions: UInt32 = 0
    ) throws(SystemCallError) -> FileDescriptor {
        var how = open_how()
        how.flags = UInt64(flags.rawValue | O_CLOEXEC)
        how.mode = UInt64(permissions)
        how.resolve = resolution.rawValue
        var attempts = 128
        while true {
            do throws(SystemCallError) {
                return FileDescriptor(
                    owning: try check("open", path) {
                        unsafe clinux_openat2(directory, path, &how, MemoryLayout<open_how>.size)
                    })
            } catch {
                attempts -= 1
                if error.errno != .again || attempts == 0 { throw error }
            }
        }
    }

    /// The system call is `fstat(2)`.
    package static func status(of descriptor: borrowing FileDescriptor) throws(SystemCallError)
        -> FileStatus
    {
        try status(ofNumber: descriptor.number)
    }

    /// The same for a descriptor by its number, such as a standard stream.
    package static func status(ofNumber number: CInt) throws(SystemCallError) -> FileStatus {
        var raw = stat()
        _ = try check("fstat", "\(number)") { unsafe fstat(number, &raw) }
        return FileStatus(raw)
    }

    /// The system call is `fstatat(2)`.
    package static func status(
        of path: String, at directory: CInt = Directory.current, followingLink: Bool = true
    ) throws(SystemCallError) -> FileStatus {
        var raw = stat()
        _ = try check("stat", path) {
            unsafe fstatat(directory, path, &raw, followingLink ? 0 : AT_SYMLINK_NOFOLLOW)
        }
        return FileStatus(raw)
    }

    /// The system call is `fstatfs(2)`.
    package static func fileSystem(of descriptor: borrowing FileDescriptor)
        throws(SystemCallError) -> FileSystemStatus
    {
        var raw = statfs()
        _ = try check("fstatfs") { unsafe fstatfs(descriptor.number, &raw) }
        let flags = CInt(truncatingIfNeeded: raw.f_flags)
        return FileSystemStatus(
            magic: UInt64(UInt32(truncatingIfNeeded: raw.f_type)),
            isReadOnly: flags & clinux_st_rdonly() != 0,
            forbidsExecution: flags & clinux_st_noexec() != 0)
    }

    /// The system call is `mkdirat(2)`.
    package static func makeDirectory(
        _ path: String, at directory: CInt = Directory.current, permissions: UInt32
    ) throws(SystemCallError) {
        _ = try check("mkdir", path) { unsafe mkdirat(directory, path, permissions) }
    }

    /// The system call is `mknodat(2)`.
    package static func makeNode(
        _ path: String, at directory: CInt, type: FileType, permissions: UInt32, major: UInt32 = 0,
        minor: UInt32 = 0
    ) throws(SystemCallError) {
        let kind: CInt =
            switch type {
            case .characterDevice: S_IFCHR
            case .blockDevice: S_IFBLK
            case .fifo: S_IFIFO
            default: S_IFREG
            }
        _ = try check("mknod", path) {
            unsafe mknodat(
                directory, path, mode_t(kind) | permissions, clinux_makedev(major, minor))
        }
    }

    /// The system call is `symlinkat(2)`.
    package static func makeSymbolicLink(
        _ path: String, at directory: CInt, to target: String
    ) throws(SystemCallError) {
        _ = try check("symlink", path) { unsafe symlinkat(target, directory, path) }
    }

    /// The system call is `readlinkat(2)`; an empty path reads the link that `directory` names.
    package static func readSymbolicLink(
        _ path: String, at directory: CInt = Directory.current
    ) throws(SystemCallError) -> String {
        var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX))
        let count = try check("readlink", path) {
            unsafe buffer.withUnsafeMutableBytes { bytes in
                unsafe bytes.withMemoryRebound(to: CChar.self) { text in
                    guard let start = text.baseAddress else { return -1 }
                    return unsafe readlinkat(directory, path, start, text.count)
                }
            }
        }
        return String(decoding: buffer[..<count], as: UTF8.self)
    }

    /// The system call is `unlinkat(2)`.
    package static func remove(
        _ path: String, at directory: CInt = Directory.current, isDirectory: Bool = false
    ) throws(SystemCallError) {
        _ = try check(isDirectory ? "rmdir" : "unlink", path) {
            unsafe unlinkat(directory, path, isDirectory ? AT_REMOVEDIR : 0)
        }
    }

    /// The system call is `renameat(2)`: what was at `new` is replaced in one step.
    package static func rename(
        _ old: String, to new: String, at directory: CInt = Directory.current
    ) throws(SystemCallError) {
        _ = try check("rename", new) { unsafe renameat(directory, old, directory, new) }
    }

    /// The system call is `fchown(2)`.
    package static func changeOwner(ofNumber number: CInt, uid: UInt32, gid: UInt32)
        throws(SystemCallError)
    {
        _ = try check("fchown", "\(number)") { fchown(number, uid, gid) }
    }

    /// Of a file that is only named (`O_PATH`), too. The system call is `fchownat(2)`, AT_EMPTY_PATH.
    package static func changeOwner(
        of descriptor: borrowing FileDescriptor, uid: UInt32, gid: UInt32
    ) throws(SystemCallError) {
        let number = descriptor.number
        _ = try check("chown") { unsafe fchownat(number, "", uid, gid, AT_EMPTY_PATH) }
    }

    /// The system call is `fchownat(2)` on the file itself, link or not.
    package static func changeOwner(_ path: String, at directory: CInt, uid: UInt32, gid: UInt32)
        throws(SystemCallError)
    {
        _ = try check("chown", path) {
            unsafe fchownat(directory, path, uid, gid, AT_SYMLINK_NOFOLLOW)
        }
    }

    /// The system call is `fchmod(2)`.
    package static func changePermissions(
        of descriptor: borrowing FileDescriptor, to permissions: UInt32
    ) throws(SystemCallError) {
        let number = descriptor.number
        _ = try check("fchmod") { fchmod(number, permissions) }
    }

    /// Changes the mode of a file that was just made and cannot be a link. The system call is
    /// `fchmodat(2)`.
    package static func changePermissions(
        _ path: String, at directory: CInt, to permissions: UInt32
    ) throws(SystemCallError) {
        _ = try check("chmod", path) { unsafe fchmodat(directory, path, permissions, 0) }
    }

    /// Locks the open file against every other descriptor of it. The system call is `flock(2)`.
    ///
    /// - Returns: false when it is locked elsewhere and `waiting` is false.
    package static func lock(
        _ descriptor: borrowing FileDescriptor, exclusively: Bool = true, waiting: Bool
    ) throws(SystemCallError) -> Bool {
        let number = descriptor.number
        let operation = (exclusively ? LOCK_EX : LOCK_SH) | (waiting ? 0 : LOCK_NB)
        do throws(SystemCallError) {
            _ = try check("flock") { flock(number, operation) }
            return true
        } catch {
            if !waiting && error.errno == .again { return false }
            throw error
        }
    }
}

extension File {
    /// The processes that hold a lock of ``lock(_:exclusively:waiting:)`` on the same file, as far as
    /// they can be seen from here (proc_locks(5)).
    package static func lockHolders(_ descriptor: borrowing FileDescriptor)
        throws(SystemCallError) -> [Int32]
    {
        let status = try status(of: descriptor)
        // The device is told by its two numbers in base 16, with two digits at least.
        func hexadecimal(_ number: UInt32) -> String {
            (number < 16 ? "0" : "") + String(number, radix: 16)
        }
        let device = dev_t(status.device)
        let (major, minor) = (clinux_major(device), clinux_minor(device))
        let file = "\(hexadecimal(major)):\(hexadecimal(minor)):\(status.inode)"
        var pids: [Int32] = []
        for line in try readText("/proc/locks").split(separator: "\n") {
            // 1: FLOCK  ADVISORY  WRITE 708 08:01:2621443 0 EOF; with "->" for one who waits.
            let fields = line.split(separator: " ")
            guard fields.count >= 6, fields[1] == "FLOCK", fields[5] == file,
                let pid = Int32(fields[4]), pid > 0
            else { continue }
            pids.append(pid)
        }
        return pids
    }

    /// Gives a lock of ``lock(_:exclusively:waiting:)`` back. The system call is `flock(2)`.
    package static func unlock(_ descriptor: borrowing FileDescriptor) throws(SystemCallError) {
        let number = descriptor.number
        _ = try check("flock") { flock(number, LOCK_UN) }
    }
}
