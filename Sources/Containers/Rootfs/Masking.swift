// SPDX-License-Identifier: Apache-2.0

internal import Linux

/// Paths that are hidden, or only to be read.
extension InitProcess {
    /// Hides a path: a file behind the null device, a directory behind an empty one. A path that
    /// is not there needs no hiding.
    mutating func mask(_ path: String) throws(ContainerError) {
        guard let target = try openIfPresent(path) else { return }
        let isDirectory = try attempt { () throws(SystemCallError) in
            try File.status(of: target).type == .directory
        }
        if isDirectory {
            try maskDirectory(target, path)
        } else {
            let null = try openNullDevice()
            try attempt { () throws(SystemCallError) in
                let mount = try Mounting.clone("", at: null.number)
                try Mounting.attach(mount, to: target, subject: path)
            }
        }
    }

    /// All masked directories show one and the same empty filesystem.
    private mutating func maskDirectory(_ target: borrowing FileDescriptor, _ path: String)
        throws(ContainerError)
    {
        if let mount = emptyMount {
            let copy = try attempt { () throws(SystemCallError) in
                try Mounting.clone("", at: mount.number)
            }
            try attempt { () throws(SystemCallError) in
                try Mounting.attach(copy, to: target, subject: path)
            }
            return
        }
        let mount = try attempt { () throws(SystemCallError) in
            let context = try FileSystemContext(type: "tmpfs")
            try context.set("source", to: "tmpfs")
            try context.set("nr_blocks", to: "1")
            try context.set("nr_inodes", to: "1")
            if let mountLabel { try context.set("context", to: mountLabel) }
            return try context.mount(
                attributes: .inertReadOnly)
        }
        try attempt { () throws(SystemCallError) in
            try Mounting.attach(mount, to: target, subject: path)
        }
        emptyMount = SharedDescriptor(mount)
    }

    /// The host's null device, made sure of: an image's own is never trusted (CVE-2025-31133).
    private mutating func openNullDevice() throws(ContainerError) -> SharedDescriptor {
        if let nullDevice { return nullDevice }
        let device = try attempt { () throws(SystemCallError) in
            let device = try File.open("/dev/null", .realPath)
            let status = try File.status(of: device)
            guard status.type == .characterDevice, status.major == 1, status.minor == 3 else {
                throw SystemCallError("open", "/dev/null", .noDevice)
            }
            return SharedDescriptor(device)
        }
        nullDevice = device
        return device
    }

    /// Makes a path and all below it read-only. A path that is not there is passed over.
    func makeReadOnly(_ path: String) throws(ContainerError) {
        guard let target = try openIfPresent(path) else { return }
        try attempt { () throws(SystemCallError) in
            let mount = try Mounting.clone("", at: target.number, recursively: true)
            try Mounting.change(mount, set: .readOnly, recursively: true, subject: path)
            try Mounting.attach(mount, to: target, subject: path)
        }
    }

    /// config-linux.md#masked-paths and #readonly-paths say nothing of paths that are missing; all
    /// runtimes pass them over, and engines list many that a kernel may lack.
    private func openIfPresent(_ path: String) throws(ContainerError) -> FileDescriptor? {
        do throws(SystemCallError) {
            return try root?.open(path)
        } catch where error.errno == .noEntry || error.errno == .notDirectory {
            return nil
        } catch {
            throw ContainerError(.failed, error.description)
        }
    }
}

/// Kernel parameters.
extension InitProcess {
    /// Writes one parameter through a procfs of our own, which nothing in the container can have
    /// covered (CVE-2025-52881).
    ///
    /// The container's own is one, and takes no time to make, unless its options hide parameters, or
    /// another mount covers them.
    mutating func writeSysctl(_ key: String, _ value: String) throws(ContainerError) {
        let path = Sysctl.path(of: key)
        if let mountedProcfs, let file = try? Self.openSysctl(path, in: mountedProcfs) {
            return try attempt { () throws(SystemCallError) in
                try File.writeOnce(value, to: file, subject: "/proc/sys/\(path)")
            }
        }
        let procfs = try openProcfs()
        try attempt { () throws(SystemCallError) in
            let file = try Self.openSysctl(path, in: procfs)
            try File.writeOnce(value, to: file, subject: "/proc/sys/\(path)")
        }
    }

    private static func openSysctl(_ path: String, in procfs: SharedDescriptor)
        throws(SystemCallError) -> FileDescriptor
    {
        try File.open(
            "sys/\(path)", at: procfs.number, .writeOnly,
            resolving: [.beneath, .noMagicLinks, .noSymbolicLinks, .noMountCrossing])
    }

    /// A procfs that is the kernel's without doubt.
    mutating func openProcfs() throws(ContainerError) -> SharedDescriptor {
        if let procfs { return procfs }
        let made = try attempt { () throws(SystemCallError) in
            do throws(SystemCallError) {
                let context = try FileSystemContext(type: "proc")
                return SharedDescriptor(try context.mount(attributes: .inert))
            } catch where error.errno == .notPermitted {
                // Below another container a new one may not be had.
                return SharedDescriptor(try Self.openHostProcfs())
            }
        }
        procfs = made
        return made
    }

    /// The host's, which must be the root of a procfs and nothing mounted over it.
    private static func openHostProcfs() throws(SystemCallError) -> FileDescriptor {
        let procfs = try File.open("/proc", .realDirectoryPath)
        guard try File.fileSystem(of: procfs).isProc, try File.status(of: procfs).inode == 1 else {
            throw SystemCallError("open a procfs at", "/proc", .notPermitted)
        }
        return procfs
    }
}
