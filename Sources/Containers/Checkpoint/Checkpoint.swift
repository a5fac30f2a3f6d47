// SPDX-License-Identifier: Apache-2.0

internal import Cgroups
internal import JSON
internal import Linux
internal import OCI

/// What `checkpoint` and `restore` have in common.
package struct CriuSettings: Sendable {
    /// What CRIU does about cgroups.
    package enum CgroupMode: String, CaseIterable, Sendable {
        case soft, full, strict, ignore
    }

    /// The directory of the images; made when it is missing.
    package var imagePath: String
    /// The directory of the log, when it is another.
    package var workPath: String?
    package var allowsConnections = false
    package var allowsExternalSockets = false
    package var allowsFileLocks = false
    package var isShellJob = false
    package var deduplicates = false
    package var hasLazyPages = false
    /// nil is `soft` where the container has a cgroup of its own in every hierarchy, and else
    /// `ignore`: CRIU would take the host's for the container's, with all that is below it.
    package var cgroupMode: CgroupMode?
    /// What is not in the images of a network namespace is for others to set up again.
    package var leavesNetworkEmpty = false

    package init(imagePath: String) { self.imagePath = imagePath }

    func mode(_ layout: CgroupLayout, _ places: [CgroupPlace]) -> CgroupMode {
        cgroupMode ?? (places.count == layout.hierarchies.count ? .soft : .ignore)
    }

    func options(_ cgroupMode: CgroupMode) -> CriuOptions {
        var options = CriuOptions()
        options.allowsConnections = allowsConnections
        options.allowsExternalSockets = allowsExternalSockets
        options.allowsFileLocks = allowsFileLocks
        options.isShellJob = isShellJob
        options.deduplicates = deduplicates
        options.hasLazyPages = hasLazyPages
        options.managesCgroups = cgroupMode != .ignore
        let mode: CriuOptions.CgroupMode =
            switch cgroupMode {
            case .soft: .soft
            case .full: .full
            case .strict: .strict
            case .ignore: .ignore
            }
        options.cgroupMode = UInt64(mode.rawValue)
        if leavesNetworkEmpty {
            options.emptyNamespaces = UInt32(
                truncatingIfNeeded: NamespaceFlags.network.rawValue)
        }
        return options
    }
}

/// What `checkpoint` is asked to do.
package struct CheckpointRequest: Sendable {
    package var id: String
    package var settings: CriuSettings
    /// The images of an earlier `--pre-dump`, from those of this one.
    package var parentPath: String?
    package var leavesRunning = false
    package var isPreDump = false
    package var skipsConnectionsInFlight = false
    package var remapsLinks = false
    /// A descriptor of ours that CRIU writes a byte to once it listens for lazy pages.
    package var statusDescriptor: CInt?
    package var pageServer: (address: String, port: Int32)?

    package init(id: String, settings: CriuSettings) {
        self.id = id
        self.settings = settings
    }
}

extension ContainerRuntime {
    /// Writes a running container into images, by CRIU. It has ended then, and is deleted, unless it
    /// is to go on.
    package func checkpoint(_ request: CheckpointRequest, warn: (String) -> Void)
        throws(ContainerError)
    {
        try performing("checkpoint", request.id) { (id) throws(ContainerError) in
            let directory = try store.openLocked(id)
            guard let record = try directory.record() else { throw Store.notFound }
            let status = try directory.status(record)
            guard status == .running || status == .paused,
                let process = try record.openProcess()
            else {
                throw ContainerError(
                    .wrongState, "Container cannot be checkpointed in \(status.rawValue) state")
            }
            let configuration = try directory.configuration(.all)
            try Dump(request, record, configuration).perform()
            if request.leavesRunning || request.isPreDump { return }
            try stopAndDestroy(directory, record, process, warn: warn)
        }
    }
}

/// Mounts of a container that CRIU cannot make again from the container alone.
enum ExternalMounts {
    /// Where masked files come from.
    static let null = "/dev/null"

    /// Those of the configuration: from where they are to what they show.
    static func configured(_ configuration: Configuration, bundle: String, _ view: CgroupView?)
        -> [(place: String, source: String)]
    {
        var mounts: [(place: String, source: String)] = []
        for mount in configuration.mounts {
            let place = normalized(mount.destination)
            let isBind = mount.options.contains { $0 == "bind" || $0 == "rbind" }
            if isBind, let source = mount.source {
                mounts.append((place, source.hasPrefix("/") ? source : "\(bundle)/\(source)"))
            } else if mount.type == "cgroup" || mount.type == "cgroup2", let view {
                for hierarchy in view.hierarchies {
                    mounts.append(
                        (
                            view.isUnified ? place : "\(place)/\(hierarchy.name)",
                            hierarchy.source
                        ))
                }
            }
        }
        return mounts
    }

    static func normalized(_ path: String) -> String {
        "/" + RootDirectory.components(of: path).joined(separator: "/")
    }
}

/// A namespace that a container has joined, which CRIU is to leave alone.
enum ExternalNamespaces {
    /// Its names for those that it knows how to.
    static func key(_ kind: Namespace.Kind) -> (prefix: String, name: String)? {
        switch kind {
        case .network: ("net", "extRootNetNS")
        case .pid: ("pid", "extRootPidNS")
        default: nil
        }
    }
}

/// The container's standard streams, as the images know them: beside CRIU's own in a file that runc
/// writes, too.
struct StreamRecord {
    static let fileName = "descriptors.json"
    private static let sizeLimit = 1 << 16

    /// What each is called in the images.
    var names: [String]

    init(names: [String]) { self.names = names }

    init(in images: borrowing FileDescriptor) throws(ContainerError) {
        let number = images.number
        let bytes = try during("--image-path") { () throws(SystemCallError) in
            let file = try File.open(Self.fileName, at: number, .realFileAtOnce)
            return try File.readAll(file, limit: Self.sizeLimit, subject: Self.fileName)
        }
        do {
            let root = try JSONDocument(parsing: bytes).root
            var names: [String] = []
            for element in try root.elements() { names.append(try element.string()) }
            self.names = names
        } catch {
            throw ContainerError(.failed, "--image-path: \(Self.fileName) is damaged: \(error)")
        }
    }

    func write(to images: borrowing FileDescriptor) throws(ContainerError) {
        var json = JSONWriter()
        json.array { json in for name in names { json.string(name) } }
        let bytes = json.bytes
        let number = images.number
        try during("--image-path") { () throws(SystemCallError) in
            try File.replace(Self.fileName, at: number, with: bytes, permissions: 0o600)
        }
    }

    /// Those that are exchanged for the ones of who restores.
    var inherited: [CriuInherited] {
        var list: [CriuInherited] = []
        for (number, name) in names.prefix(3).enumerated()
        where name.hasPrefix("pipe:") || name.hasPrefix("file[") {
            if list.contains(where: { $0.key == name }) { continue }
            list.append(CriuInherited(name, CInt(number)))
        }
        return list
    }
}

/// One `checkpoint`.
private struct Dump {
    let request: CheckpointRequest
    let record: ContainerRecord
    let configuration: Configuration

    init(
        _ request: CheckpointRequest, _ record: ContainerRecord, _ configuration: Configuration
    ) {
        self.request = request
        self.record = record
        self.configuration = configuration
    }

    func perform() throws(ContainerError) {
        if record.join?.hasDetachedRoot == true {
            throw ContainerError(
                .unsupported, "CRIU knows no container without a mount namespace of its own")
        }
        let criu = try Criu(
            images: request.settings.imagePath, work: request.settings.workPath, log: "dump.log")
        let streams = try streams()
        try streams.write(to: criu.images.descriptor)
        let options = try options(streams)
        _ = try criu.perform(
            request.isPreDump ? .preDump : .dump, options,
            notified: { (_, _, _) throws(ContainerError) in })
    }

    private func options(_ streams: StreamRecord) throws(ContainerError) -> CriuOptions {
        let layout = try during("look at the host") { () throws(SystemCallError) in
            try CgroupLayout.current()
        }
        var options = request.settings.options(request.settings.mode(layout, record.cgroups))
        options.pid = record.pid
        options.root = record.rootfs
        options.leavesRunning = request.leavesRunning
        options.remapsLinks = request.remapsLinks
        options.skipsConnectionsInFlight = request.skipsConnectionsInFlight
        options.tracksMemory = request.isPreDump || request.parentPath != nil
        options.parentImage = request.parentPath ?? ""
        options.statusDescriptor = request.statusDescriptor ?? 0
        if let (address, port) = request.pageServer {
            var server = CriuPageServer()
            server.address = address
            server.port = port
            options.pageServer = server
        }
        options.frozenCgroup = record.cgroup?.freezerPath ?? ""
        options.external = streams.names.filter { $0.hasPrefix("file[") }
        for namespace in configuration.linux.namespaces {
            guard let path = namespace.path, let key = ExternalNamespaces.key(namespace.kind)
            else { continue }
            let status = try during("linux.namespaces") { () throws(SystemCallError) in
                try File.status(of: path)
            }
            options.external.append("\(key.prefix)[\(status.inode)]:\(key.name)")
        }
        options.externalMounts = try externalMounts(layout)
        return options
    }

    private func externalMounts(_ layout: CgroupLayout) throws(ContainerError) -> [CriuPair] {
        var pairs = ExternalMounts.configured(
            configuration, bundle: record.bundle, CgroupView(layout, record.cgroups)
        ).map { CriuPair($0.place, $0.place) }
        let root = try during("the container's root filesystem") { () throws(SystemCallError) in
            RootDirectory(
                SharedDescriptor(try File.open("/proc/\(record.pid)/root", .directoryPath)))
        }
        for path in configuration.linux.maskedPaths {
            guard let file = try? root.open(path, followingLinks: false),
                let status = try? File.status(of: file), status.type != .directory
            else { continue }
            pairs.append(CriuPair(ExternalMounts.normalized(path), ExternalMounts.null))
        }
        // In a user namespace device nodes are the host's.
        if record.join?.namespaces.contains(.user) == true {
            let places = try mounts().map(\.mountPoint)
            for place in places where place.hasPrefix("/dev/") {
                guard let file = try? root.open(place, followingLinks: false),
                    let status = try? File.status(of: file), status.type == .characterDevice,
                    place != "/dev/console"
                else { continue }
                pairs.append(CriuPair(place, place))
            }
        }
        return pairs
    }

    private func mounts() throws(ContainerError) -> [MountInformation] {
        let pid = record.pid
        return try during("the container's mounts") { () throws(SystemCallError) in
            try MountInformation.table(of: "\(pid)")
        }
    }

    // MARK: Standard streams

    /// A file of the host's, such as a log, is on no mount of the container's. CRIU can leave it to
    /// who restores, when it is told which one it is.
    ///
    /// A shell keeps its output at a number of its own while a command writes to another file. So
    /// the container stands still meanwhile, if it has a cgroup that can.
    private func streams() throws(ContainerError) -> StreamRecord {
        guard let cgroup = record.cgroup, cgroup.freezerPath != nil else {
            return try currentStreams()
        }
        return try withCgroups { () throws(CgroupError) in
            try cgroup.whileFrozen { () throws(CgroupError) in
                Result { () throws(ContainerError) in try currentStreams() }
            }
        }.get()
    }

    private func currentStreams() throws(ContainerError) -> StreamRecord {
        let known = Set(try mounts().map(\.id))
        var names = (0...2).map { name(ofDescriptor: $0, known) }
        for number in try otherDescriptors() {
            guard let displaced = names.firstIndex(where: { $0.hasPrefix("/") }) else { break }
            let name = name(ofDescriptor: number, known)
            if name.hasPrefix("file["), !names.contains(name) { names[displaced] = name }
        }
        return StreamRecord(names: names)
    }

    private func otherDescriptors() throws(ContainerError) -> [Int] {
        let names = try during("the container's descriptors") { () throws(SystemCallError) in
            try File.names(in: File.open("/proc/\(record.pid)/fd", .realDirectory))
        }
        return names.compactMap { Int($0) }.filter { $0 > 2 }.sorted()
    }

    /// What CRIU calls a file of the host's, and else what procfs does.
    private func name(ofDescriptor number: Int, _ known: Set<String>) -> String {
        let path = "/proc/\(record.pid)/fd/\(number)"
        guard let link = try? File.readSymbolicLink(path) else { return "" }
        guard link.hasPrefix("/"), let mount = mount(ofDescriptor: number), !known.contains(mount),
            let id = Int(mount), let status = try? File.status(of: path)
        else { return link }
        return "file[\(String(id, radix: 16)):\(String(status.inode, radix: 16))]"
    }

    private func mount(ofDescriptor number: Int) -> String? {
        let path = "/proc/\(record.pid)/fdinfo/\(number)"
        guard let text = try? File.readText(path, limit: 1 << 16) else { return nil }
        for line in text.split(separator: "\n") where line.hasPrefix("mnt_id:") {
            return line.dropFirst(7).split { $0 == " " || $0 == "\t" }.first.map(String.init)
        }
        return nil
    }
}
