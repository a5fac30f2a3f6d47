// SPDX-License-Identifier: Apache-2.0

internal import Linux
internal import OCI

/// Device nodes and the links beside them.
extension InitProcess {
    mutating func makeDevice(_ plan: DevicePlan) throws(ContainerError) {
        let parent = try openDeviceParent(plan.path)
        do throws(SystemCallError) {
            try File.makeNode(
                parent.name, at: parent.directory.number, type: plan.fileType,
                permissions: plan.permissions, major: plan.major, minor: plan.minor)
            // As what it is made, if nobody else is named.
            if plan.uid != 0 || plan.gid != 0 {
                // The directory may be another container's, too, which can have put something in
                // the node's place.
                let node = try File.open(parent.name, at: parent.directory.number, .realPath)
                guard plan.matches(try File.status(of: node)) else {
                    throw SystemCallError("open", plan.path, .noDevice)
                }
                try File.changeOwner(of: node, uid: plan.uid, gid: plan.gid)
            }
        } catch where error.errno == .exists && error.call == "mknod" {
            // config-linux.md#devices: what is there must be the device itself. An image's own
            // /dev/null that is a link or a file is not (CVE-2025-31133).
            let existing = try attempt { () throws(SystemCallError) in
                try File.status(
                    of: parent.name, at: parent.directory.number, followingLink: false)
            }
            guard plan.matches(existing) else {
                throw ContainerError(
                    .invalidConfiguration,
                    "the root filesystem has something else there already")
            }
        } catch where error.errno == .notPermitted && error.call == "mknod" {
            // A user namespace may not make device nodes; the host's own are shown instead.
            try bindDevice(plan, in: parent)
        } catch {
            throw ContainerError(.failed, error.description)
        }
    }

    /// The directory that a device or link is to lie in, and its name there. Most lie in the same
    /// one, which is looked up once.
    private mutating func openDeviceParent(_ path: String) throws(ContainerError)
        -> (directory: SharedDescriptor, name: String)
    {
        var components = RootDirectory.components(of: path)
        if let name = components.popLast(), let last = deviceParent, last.components == components {
            return (last.directory, name)
        }
        let parent = try withRoot { (root) throws(SystemCallError) in
            try root.openParent(of: path)
        }
        let name = parent.name
        let directory = SharedDescriptor(parent.releaseDirectory())
        deviceParent = (components, directory)
        return (directory, name)
    }

    private func bindDevice(
        _ plan: DevicePlan, in parent: (directory: SharedDescriptor, name: String)
    ) throws(ContainerError) {
        let node = try attempt { () throws(SystemCallError) in
            try File.open(plan.path, .realPath)
        }
        let status = try attempt { () throws(SystemCallError) in try File.status(of: node) }
        guard plan.matches(status) else {
            throw ContainerError(
                .failed,
                "device nodes cannot be made here, and the host's \"\(plan.path)\" is not this "
                    + "device")
        }
        try attempt { () throws(SystemCallError) in
            let source = try Mounting.clone("", at: node.number)
            try File.makeNode(
                parent.name, at: parent.directory.number, type: .regular, permissions: 0o000)
            let target = try File.open(
                parent.name, at: parent.directory.number, .realPath)
            try Mounting.attach(source, to: target, subject: plan.path)
        }
    }

    /// A link of runtime-linux.md; one that an image brings is left as it is.
    mutating func makeLink(_ path: String, to target: String) throws(ContainerError) {
        let parent = try openDeviceParent(path)
        try attempt { () throws(SystemCallError) in
            do throws(SystemCallError) {
                try File.makeSymbolicLink(parent.name, at: parent.directory.number, to: target)
            } catch where error.errno == .exists {
                return
            }
        }
    }
}

extension DevicePlan {
    var fileType: FileType {
        switch kind {
        case .character, .unbuffered: .characterDevice
        case .block: .blockDevice
        case .fifo: .fifo
        }
    }

    /// Whether an inode is this very device.
    func matches(_ status: FileStatus) -> Bool {
        status.type == fileType
            && (kind == .fifo || (status.major == major && status.minor == minor))
    }
}

/// The container's terminal.
extension InitProcess {
    /// Opens a pseudoterminal on the container's own devpts, sends its master away, and makes the
    /// other end the process's standard streams and /dev/console. No path of the container's is
    /// trusted on the way (CVE-2025-52565).
    func openConsole(_ plan: ConsolePlan) throws(ContainerError) {
        let master = try withRoot { (root) throws(SystemCallError) in
            let node = try root.open("/dev/pts/ptmx", followingLinks: false)
            let status = try File.status(of: node)
            // The ptmx of a devpts is its inode 2, device 5:2.
            guard try File.fileSystem(of: node).isDevpts, status.inode == 2,
                status.type == .characterDevice, status.major == 5, status.minor == 2
            else { throw SystemCallError("open", "/dev/pts/ptmx", .noDevice) }
            return try openAgain(node, [.readWrite, .noControllingTerminal])
        }
        try attempt { () throws(SystemCallError) in
            try Terminal.unlock(master)
            let number = try Terminal.peerNumber(of: master)
            let peer = try Terminal.openPeer(of: master)
            if let size = plan.size {
                try Terminal.setSize(
                    WindowSize(rows: size.height, columns: size.width), of: peer.number)
            }
            try File.changeOwner(ofNumber: peer.number, uid: plan.uid, gid: .max)
            guard let console = resources.console else {
                throw SystemCallError("send terminal", "", .badDescriptor)
            }
            try Socket.send(
                Array("/dev/pts/\(number)".utf8), passing: master.number, to: console.number)
            try Terminal.makeControlling(peer)
            for stream in CInt(0)...2 { try peer.duplicate(onto: stream) }
            if plan.isMain { try attachConsole(peer) }
        }
    }

    /// Opens for use what was only named before. By the procfs that is held, where there is one:
    /// then "/proc" is the container's, and may lead anywhere.
    private func openAgain(_ node: borrowing FileDescriptor, _ flags: OpenFlags)
        throws(SystemCallError) -> FileDescriptor
    {
        guard let procfs else { return try File.open(node.procPath, flags) }
        return try File.open("thread-self/fd/\(node.number)", at: procfs.number, flags)
    }

    private func attachConsole(_ peer: borrowing FileDescriptor) throws(SystemCallError) {
        guard let parent = try root?.openParent(of: "/dev/console") else { return }
        do throws(SystemCallError) {
            try File.makeNode(
                parent.name, at: parent.directory.number, type: .regular, permissions: 0o666)
        } catch where error.errno == .exists {
            // An image may bring the mount point along.
        }
        let target = try File.open(parent.name, at: parent.directory.number, .realPath)
        if try File.status(of: target).type == .symbolicLink {
            throw SystemCallError("open", "/dev/console", .symbolicLinkLoop)
        }
        let mount = try Mounting.clone("", at: peer.number)
        try Mounting.attach(mount, to: target, subject: "/dev/console")
    }
}
