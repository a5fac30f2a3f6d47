// SPDX-License-Identifier: Apache-2.0

internal import Cgroups
internal import Linux
internal import OCI

/// The root filesystem: taken, attached, entered.
extension InitProcess {
    /// Takes a copy of the root filesystem's mount, with what is mounted below it, and attaches it
    /// over "/": every process can reach that place, whatever its rights on the way to the bundle.
    ///
    /// Hooks look for the container's mounts below the path that the bundle names, and so do those
    /// that enter the mount namespace by themselves: for them it is attached there, if we may.
    mutating func attachRoot(_ path: String, atItsPath: Bool, at index: Int)
        throws(ContainerError)
    {
        let tree = try attempt { () throws(SystemCallError) in
            if let opened = resources.sources[index] { return opened }
            return SharedDescriptor(try Source.cloneRoot(path))
        }
        try attempt { () throws(SystemCallError) in
            if atItsPath, try attach(tree.descriptor, at: path) { return }
            try attachOverRoot(tree.descriptor)
        }
        root = RootDirectory(tree)
    }

    /// Whether the path could be reached: perhaps the user namespace's root may not, or a mount
    /// namespace that was joined does not have it.
    private func attach(_ tree: borrowing FileDescriptor, at path: String) throws(SystemCallError)
        -> Bool
    {
        let place: FileDescriptor
        do throws(SystemCallError) {
            place = try File.open(path, .realDirectoryPath)
        } catch where [.accessDenied, .noEntry, .notDirectory].contains(error.errno) {
            return false
        }
        try Mounting.attach(tree, to: place, subject: path)
        return true
    }

    func attachOverRoot(_ tree: borrowing FileDescriptor) throws(SystemCallError) {
        let slash = try File.open("/", .directoryPath)
        try Mounting.attach(tree, to: slash, subject: "/")
    }

    /// Takes a copy of the root filesystem's mount, and leaves it attached nowhere: every other
    /// mount is attached below it, the mounts of the namespace stay as they are, and the tree goes
    /// with the last process that has its root there.
    mutating func openRoot(_ path: String, at index: Int) throws(ContainerError) {
        let copy = try attempt { () throws(SystemCallError) in
            if let opened = resources.sources[index] { return opened }
            let copy = SharedDescriptor(try Source.cloneRoot(path))
            // What is attached below it must not travel to the mount that it is a copy of.
            try Mounting.change(
                copy.descriptor, propagation: .slave, recursively: true, subject: path)
            return copy
        }
        do throws(SystemCallError) {
            root = RootDirectory(try cutLoose(copy.descriptor))
        } catch where error.errno == .invalid {
            throw ContainerError(
                .unsupported,
                "\(error); a container without a mount namespace of its own needs Linux 6.15: "
                    + "add {\"type\": \"mount\"} to linux.namespaces")
        } catch {
            throw ContainerError(.failed, error.description)
        }
        isRootDetached = true
    }

    /// A tree of mounts like this one that anyone who holds it may attach to: the kernel lets
    /// nobody do that from another mount namespace than the tree was copied in, but when it was
    /// copied from where a new filesystem is, which never was in any.
    private func cutLoose(_ tree: borrowing FileDescriptor) throws(SystemCallError)
        -> SharedDescriptor
    {
        let number = tree.number
        let context = try FileSystemContext(type: "tmpfs")
        let nowhere = try context.mount(attributes: .inertReadOnly)
        try Mounting.attach(tree, to: nowhere, subject: "/")
        return SharedDescriptor(try Mounting.clone("", at: number, recursively: true))
    }

    /// Makes the detached root filesystem "/" for this process and its children.
    func changeRoot() throws(ContainerError) {
        try withRoot { (root) throws(SystemCallError) in
            try Process.changeDirectory(to: root.holder.descriptor)
            try Process.changeRoot(to: ".")
            try Process.changeDirectory(to: "/")
        }
    }

    /// Attaches a mount somewhere below the root.
    func attach(
        _ mount: borrowing FileDescriptor, to target: borrowing FileDescriptor, subject: String
    ) throws(ContainerError) {
        try attempt { () throws(SystemCallError) in
            try Mounting.attach(mount, to: target, subject: subject)
        }
    }

    /// Changes a mount that is attached below the root. In a detached tree the kernel changes only
    /// what is attached nowhere: there, a changed copy of the mount goes on top of it.
    func changeAttached(
        _ mount: borrowing FileDescriptor, subject: String,
        _ body: (borrowing FileDescriptor) throws(ContainerError) -> Void
    ) throws(ContainerError) {
        guard isRootDetached else { return try body(mount) }
        let number = mount.number
        let copy = try attempt { () throws(SystemCallError) in
            try Mounting.clone("", at: number, recursively: true)
        }
        try body(copy)
        try attach(copy, to: mount, subject: subject)
    }

    /// Makes the root filesystem "/", and lets go of the host's.
    func enterRoot(pivot: Bool) throws(ContainerError) {
        if !pivot { try hideHostKernelFilesystems() }
        try withRoot { (root) throws(SystemCallError) in
            try Process.changeDirectory(to: root.holder.descriptor)
            if pivot {
                try Mounting.pivotIntoCurrentDirectory()
                // The old root lies on top of the new one now. It became a slave in an earlier
                // step, so that this does not unmount anything of the host's.
                try Mounting.detach(".")
            } else {
                // It lies over "/" already: an escape from it finds the host's root no more than
                // anyone who enters the mount namespace.
                try Process.changeRoot(to: ".")
            }
            try Process.changeDirectory(to: "/")
        }
    }

    /// With --no-pivot the host's mounts stay in the namespace, out of sight but within reach of
    /// one who escapes the chroot: its procfs and sysfs at least must not.
    private func hideHostKernelFilesystems() throws(ContainerError) {
        try attempt { () throws(SystemCallError) in
            let mounts = try MountInformation.table()
            let points = mounts.filter { $0.type == "proc" || $0.type == "sysfs" }.map(\.mountPoint)
            for point in points.reversed() {
                do throws(SystemCallError) {
                    // Text paths start at the host's root still: the container's own mounts are
                    // under the new root, which only its descriptor reaches.
                    try Mounting.detach(point)
                } catch where error.errno == .invalid || error.errno == .noEntry {
                    // Under the container's root, or locked, which an empty tmpfs covers.
                    try coverIfMounted(point)
                }
            }
        }
    }

    private func coverIfMounted(_ point: String) throws(SystemCallError) {
        let target: FileDescriptor
        do throws(SystemCallError) {
            target = try File.open(point, .realDirectoryPath)
        } catch where error.errno == .noEntry || error.errno == .notDirectory {
            return
        }
        guard try File.fileSystem(of: target).isKernelInterface else { return }
        let context = try FileSystemContext(type: "tmpfs")
        let cover = try context.mount(attributes: .inertReadOnly)
        try Mounting.attach(cover, to: target, subject: point)
    }

    /// Makes the process's working directory where the configuration names one that is missing.
    func makeWorkingDirectory(_ path: String) throws(ContainerError) {
        do throws(SystemCallError) {
            _ = try root?.openMaking(path, .directory)
        } catch {
            // Entering it tells the reason better, and may succeed as the process's own user.
        }
    }

    /// Enters the working directory, and makes sure that it lies inside (CVE-2024-21626).
    mutating func enterWorkingDirectory(_ path: String) throws(ContainerError) {
        do throws(SystemCallError) {
            try Process.changeDirectory(to: path)
        } catch where error.errno == .accessDenied {
            // Perhaps only the process's own user may enter: tried again as that user.
            lateWorkingDirectory = path
            return
        } catch {
            throw ContainerError(.failed, error.description)
        }
        try verifyWorkingDirectory(path)
    }

    /// The kernel marks a directory outside the root as unreachable.
    func verifyWorkingDirectory(_ path: String) throws(ContainerError) {
        let actual = try attempt { () throws(SystemCallError) in try Process.currentDirectory() }
        if !actual.hasPrefix("/") {
            throw ContainerError(
                .failed, "process.cwd \"\(path)\" lies outside the container's root filesystem")
        }
    }
}

/// Sources of mounts, opened on the host's side.
enum Source {
    /// A copy of the root filesystem's mount, which must be a directory and no link.
    static func cloneRoot(_ path: String) throws(SystemCallError) -> FileDescriptor {
        let directory = try File.open(path, .realDirectoryPath)
        return try Mounting.clone("", at: directory.number, recursively: true)
    }

    /// A copy of a bind mount's source. Links are followed: the source is the host's own.
    static func clone(_ path: String, recursively: Bool) throws(SystemCallError) -> FileDescriptor {
        try Mounting.clone(path, recursively: recursively)
    }
}
