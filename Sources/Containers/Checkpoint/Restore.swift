// SPDX-License-Identifier: Apache-2.0

internal import Cgroups
internal import Linux
internal import OCI

/// What `restore` is asked to do.
package struct RestoreRequest: Sendable {
    package var id: String
    package var bundle = "."
    package var settings: CriuSettings
    package var console = ConsoleDestination.none
    package var pidFile: String?
    /// Give the container cgroups of its own where its configuration asks for them.
    package var managesCgroups = true
    /// Have systemd make them.
    package var usesSystemd = false
    package var isStrict = false
    /// Labels that go before those in the images.
    package var labelProfile: String?
    package var mountLabel: String?

    package init(id: String, settings: CriuSettings) {
        self.id = id
        self.settings = settings
    }
}

extension ContainerRuntime {
    /// Makes a container that goes on where one was when it was written into images, by CRIU. The
    /// calling process has a mount namespace of its own afterwards.
    package func restore(_ request: RestoreRequest, bundle: Bundle, warn: (String) -> Void)
        throws(ContainerError) -> CreatedContainer
    {
        try performing("restore", request.id) { (id) throws(ContainerError) in
            try Restoration(request, bundle, id: id, store: store).perform(warn: warn)
        }
    }
}

/// One `restore`.
private struct Restoration {
    let request: RestoreRequest
    let bundle: Bundle
    let id: ContainerID
    let store: Store

    init(_ request: RestoreRequest, _ bundle: Bundle, id: ContainerID, store: Store) {
        self.request = request
        self.bundle = bundle
        self.id = id
        self.store = store
    }

    private var configuration: Configuration { bundle.configuration }

    func perform(warn: (String) -> Void) throws(ContainerError) -> CreatedContainer {
        let callerUmask = Process.setUmask(0)
        defer { Process.setUmask(callerUmask) }
        try Preflight.checkRoot(bundle.rootfs)
        guard
            configuration.linux.namespaces.contains(where: { $0.kind == .mount && $0.path == nil })
        else {
            throw ContainerError(
                .unsupported, "CRIU knows no container without a mount namespace of its own")
        }
        let host = try during("look at the host") { () throws(SystemCallError) in
            try Host.current(readingCgroups: true, readingSecurityModules: false)
        }
        let cgroups = try CgroupPlan(
            configuration, id: id, host: host, isManaged: request.managesCgroups,
            usesSystemd: request.usesSystemd, isStrict: request.isStrict)
        let filter = try FilterPreparation(configuration, store: store, warn: warn)?
            .complete(warn: warn)
        let console = try connectConsole(request.console)
        try makeRootMount()
        let criu = try Criu(
            images: request.settings.imagePath, work: request.settings.workPath,
            log: "restore.log")
        let streams = try StreamRecord(in: criu.images.descriptor)

        let directory = try store.claim(id)
        var record = newRecord(host, cgroups, filter)
        do throws(ContainerError) {
            // Before anything is made that outlives us, so that it can be found again.
            try directory.write(record)
            try directory.write(configuration: bundle.text)
            let pidfd = try restore(
                criu, streams, host, cgroups, console, callerUmask, &record, directory, warn: warn)
            filter?.keep(warn: warn)
            return CreatedContainer(
                pid: record.pid, pidfd: pidfd, directory: directory, record: record,
                launcher: nil)
        } catch {
            undo(directory, cgroups, record)
            throw error
        }
    }

    private func newRecord(_ host: Host, _ cgroups: CgroupPlan?, _ filter: PreparedFilter?)
        -> ContainerRecord
    {
        var record = ContainerRecord(
            phase: .creating, id: id.text, bundle: bundle.path, rootfs: bundle.rootfs,
            created: Clock.timestamp, owner: UserDatabase.name(of: host.effectiveUserID),
            annotations: configuration.annotations, hasProcess: configuration.process != nil,
            ownsPidNamespace: configuration.linux.namespaces.contains {
                $0.kind == .pid && $0.path == nil
            })
        record.hooks = .onRecord(configuration.hooks)
        if filter != nil, let profile = configuration.linux.seccomp {
            record.seccompAgent = SeccompAgent(profile, bundle: bundle.path)
        }
        var join = JoinRecord()
        join.namespaces = configuration.linux.namespaces.map(\.kind)
        join.keyring = CreateRequest(id: id.text).keyring
        join.filter = filter?.record
        record.join = join
        record.cgroups = cgroups?.creation.record.places ?? []
        record.scope = cgroups?.scope?.record
        return record
    }

    // MARK: Restoring

    /// CRIU wants the root filesystem to be a mount. It is made one in a mount namespace that is this
    /// process's and CRIU's alone, so that nobody else sees it, and it goes with us.
    private func makeRootMount() throws(ContainerError) {
        let root = bundle.rootfs
        try during("root filesystem") { () throws(SystemCallError) in
            try Process.separate(.mount)
            try Mounting.setPropagation(.private, of: "/", recursively: true)
            let copy = try Source.cloneRoot(root)
            let place = try File.open(root, .realDirectoryPath)
            try Mounting.attach(copy, to: place, subject: root)
        }
    }

    private func restore(
        _ criu: Criu, _ streams: StreamRecord, _ host: Host, _ cgroups: CgroupPlan?,
        _ console: SharedDescriptor?, _ callerUmask: UInt32, _ record: inout ContainerRecord,
        _ directory: borrowing ContainerDirectory, warn: (String) -> Void
    ) throws(ContainerError) -> FileDescriptor {
        var cgroup: Cgroup?
        let owner = configuration.hostUser
        if cgroups?.scope == nil { cgroup = try cgroups?.carryOut(owner: owner, warn: warn) }
        try makeMountPoints()
        var surroundings = Criu.Surroundings()
        surroundings.cgroup = cgroup
        surroundings.keyring = record.join?.keyring
        surroundings.hasNoNewPrivileges = inheritsNoNewPrivileges
        var options = try options(streams, host, cgroups, &surroundings)
        options.restoresSibling = true
        let id = id
        let response = try criu.perform(
            .restore, options, in: surroundings,
            prepare: { (pid, options) throws(ContainerError) in
                if let scope = cgroups?.scope {
                    try scope.start(around: pid, for: id)
                    record.scope = scope.record
                    cgroup = try cgroups?.carryOut(owner: owner, warn: warn)
                }
                if let cgroup {
                    record.cgroups = cgroup.record.places
                    try withCgroups { () throws(CgroupError) in
                        try cgroup.add(
                            pid,
                            wasBornInside: cgroups?.scope == nil && cgroup.unified != nil)
                    }
                }
                options.cgroupRoots = try Self.cgroupRoots(of: pid)
            },
            notified: { (name, pid, descriptor) throws(ContainerError) in
                switch name {
                case "setup-namespaces": try runHooks(pid, callerUmask)
                case "orphan-pts-master": try Self.handOver(descriptor, to: console)
                default: break
                }
            })
        let pid = response.restored?.pid ?? 0
        let pidfd = try during("the restored process") { () throws(SystemCallError) in
            try Process.descriptor(of: pid)
        }
        record.pid = pid
        // One that has gone on to its end by now has none, and with none it counts as stopped.
        record.startTime = try during("the restored process") { () throws(SystemCallError) in
            try Process.startTime(of: pid) ?? 0
        }
        if record.startTime != 0 { try checkNoNewPrivileges(of: pid) }
        if let cgroups, let cgroup {
            try cgroups.scope?.finish()
            try withCgroups { () throws(CgroupError) in
                try cgroup.apply(cgroups.resources.lateSteps, warn: warn)
            }
        }
        try writePidFile(pid, to: request.pidFile)
        record.phase = .created
        do throws(ContainerError) {
            try directory.write(record)
        } catch {
            if let path = request.pidFile { try? File.remove(path) }
            throw error
        }
        return pidfd
    }

    private var mayGainNoPrivileges: Bool { configuration.process?.noNewPrivileges == true }

    /// Not where CRIU has to change to a label, which the kernel may refuse then.
    private var inheritsNoNewPrivileges: Bool {
        mayGainNoPrivileges && configuration.process?.apparmorProfile == nil
            && configuration.process?.selinuxLabel == nil
    }

    /// What is not restored must not be missed in silence.
    private func checkNoNewPrivileges(of pid: Int32) throws(ContainerError) {
        guard mayGainNoPrivileges else { return }
        let status = try during("the restored process") { () throws(SystemCallError) in
            try File.readText("/proc/\(pid)/status")
        }
        for line in status.split(separator: "\n") where line.hasPrefix("NoNewPrivs:") {
            if line.hasSuffix("1") { return }
        }
        throw ContainerError(
            .unsupported,
            "CRIU has not restored no_new_privs, which process.noNewPrivileges asks for; versions "
                + "from 3.18 on do")
    }

    private func options(
        _ streams: StreamRecord, _ host: Host, _ cgroups: CgroupPlan?,
        _ surroundings: inout Criu.Surroundings
    ) throws(ContainerError) -> CriuOptions {
        let mode = request.settings.mode(
            host.cgroups ?? CgroupLayout(hierarchies: []), cgroups?.creation.record.places ?? [])
        var options = request.settings.options(mode)
        // What CRIU leaves alone it does not make again, either.
        surroundings.hasCgroupNamespace =
            mode == .ignore
            && configuration.linux.namespaces.contains { $0.kind == .cgroup && $0.path == nil }
        options.root = bundle.rootfs
        options.labelProfile = request.labelProfile ?? ""
        options.mountLabel = request.mountLabel ?? ""
        options.inherited = streams.inherited
        for namespace in configuration.linux.namespaces {
            guard let path = namespace.path, let key = ExternalNamespaces.key(namespace.kind)
            else { continue }
            let file = try Preflight.open(namespace.kind, path)
            options.inherited.append(
                CriuInherited(
                    key.name, Criu.firstInherited + CInt(surroundings.inherited.count)))
            surroundings.inherited.append(SharedDescriptor(file))
        }
        let view = host.cgroups.map { CgroupView($0, cgroups?.creation.record.places ?? []) }
        options.externalMounts = ExternalMounts.configured(
            configuration, bundle: bundle.path, view
        ).map { CriuPair($0.place, $0.source) }
        if !configuration.linux.maskedPaths.isEmpty {
            options.externalMounts.append(CriuPair(ExternalMounts.null, ExternalMounts.null))
        }
        if record(has: .user) {
            for name in ["null", "zero", "full", "random", "urandom", "tty"] {
                options.externalMounts.append(CriuPair("/dev/\(name)", "/dev/\(name)"))
            }
            for device in configuration.linux.devices {
                options.externalMounts.append(CriuPair(device.path, device.path))
            }
        }
        return options
    }

    private func record(has kind: Namespace.Kind) -> Bool {
        configuration.linux.namespaces.contains { $0.kind == kind }
    }

    /// Places to mount at that are in the root filesystem itself: `create` made them in the one that
    /// the container had, and this may be another.
    private func makeMountPoints() throws(ContainerError) {
        try during("mount points") { () throws(SystemCallError) in
            let root = RootDirectory(
                SharedDescriptor(try File.open(bundle.rootfs, .realDirectoryPath)))
            var covered: [[String]] = []
            for mount in configuration.mounts {
                let names = RootDirectory.components(of: mount.destination)
                defer { covered.append(names) }
                if names.isEmpty || covered.contains(where: { names.starts(with: $0) }) { continue }
                let isBind = mount.options.contains { $0 == "bind" || $0 == "rbind" }
                var kind = RootDirectory.Kind.directory
                if isBind, let source = mount.source {
                    let path = source.hasPrefix("/") ? source : "\(bundle.path)/\(source)"
                    if try File.status(of: path).type != .directory { kind = .file }
                }
                _ = try root.openMaking(mount.destination, kind)
            }
        }
    }

    /// Where CRIU is itself: there is where what it restores begins.
    private static func cgroupRoots(of pid: Int32) throws(ContainerError) -> [CriuPair] {
        let text = try during("criu's cgroups") { () throws(SystemCallError) in
            try File.readText("/proc/\(pid)/cgroup")
        }
        var roots: [CriuPair] = []
        for line in text.split(separator: "\n") {
            let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            if fields.count == 3 { roots.append(CriuPair(String(fields[1]), String(fields[2]))) }
        }
        return roots
    }

    private func runHooks(_ pid: Int32, _ callerUmask: UInt32) throws(ContainerError) {
        let hooks = LaunchHooks(
            configuration.hooks,
            of: HookSubject(
                id: id.text, bundle: bundle.path, annotations: configuration.annotations))
        if hooks.runtime.isEmpty { return }
        var runner = try HookRunner(telling: hooks.subject.state(for: .createRuntime, pid: pid))
        runner.directory = bundle.path
        runner.umask = callerUmask
        try runner.run(hooks.runtime)
    }

    /// The master of the container's terminal is with nobody else.
    private static func handOver(_ master: SharedDescriptor?, to console: SharedDescriptor?)
        throws(ContainerError)
    {
        guard let master else {
            throw ContainerError(.failed, "criu has told of a terminal, and sent none")
        }
        guard let console else {
            throw ContainerError(
                .invalidConfiguration,
                "the container has a terminal, which must go somewhere: give --console-socket, or "
                    + "leave out --detach")
        }
        try during("terminal") { () throws(SystemCallError) in
            let number = try Terminal.peerNumber(of: master.descriptor)
            try Socket.send(
                Array("/dev/pts/\(number)".utf8), passing: master.number, to: console.number)
        }
    }

    // MARK: Undoing

    /// The first error is the one to tell; what cannot be removed stays on record.
    private func undo(
        _ directory: borrowing ContainerDirectory, _ cgroups: CgroupPlan?, _ record: ContainerRecord
    ) {
        do throws(ContainerError) {
            if let process = try record.openProcess() {
                try during("end the restored process") { () throws(SystemCallError) in
                    try Process.send(Signal.kill, to: process)
                    _ = try Poll.readable([process.number], milliseconds: 10_000)
                }
            }
            if let cgroups {
                let cgroup = Cgroup(cgroups.creation.record)
                if let scope = cgroups.scope {
                    guard scope.isStarted else { return try directory.remove() }
                    try scope.stop()
                }
                try withCgroups { () throws(CgroupError) in
                    if try !cgroup.processes().isEmpty { try cgroup.kill() }
                    try cgroup.delete()
                }
            }
            try directory.remove()
        } catch {
            // `delete --force` tries again.
        }
    }
}
