// SPDX-License-Identifier: Apache-2.0

internal import Cgroups
internal import Linux
package import OCI

/// One more process in a container that is there.
package struct ExecRequest: Sendable {
    package var id: String
    /// The process; nil takes the container's own, as it was at `create`, and changes it.
    package var process: ProcessSpec?
    /// What is given here goes before what `process` or the container's has.
    package var arguments: [String] = []
    package var environment: [String] = []
    package var workingDirectory: String?
    package var user: UInt32?
    package var group: UInt32?
    package var additionalGroups: [UInt32] = []
    package var capabilities: [String] = []
    package var noNewPrivileges: Bool?
    package var processLabel: String?
    package var appArmorProfile: String?
    package var hasTerminal = false

    package var console = ConsoleDestination.none
    /// A listening Unix stream socket that gets a pidfd of the process.
    package var pidfdSocket: String?
    package var pidFile: String?
    /// How many descriptors from 3 on the process keeps.
    package var preservedDescriptors = 0
    /// `[CONTROLLER:]PATH` of cgroups below the container's.
    package var cgroups: [String] = []
    /// Enter a paused container, too: the process then waits there until it is resumed.
    package var ignoresPause = false
    /// Leave the environment as it is given, without HOME if it has none.
    package var isStrict = false

    package init(id: String) { self.id = id }

    /// Whether the process gets a terminal.
    package var wantsTerminal: Bool { hasTerminal || process?.terminal == true }
}

/// A process in a container, ready to become its program, and still held by who made it: without it
/// the process ends.
package struct PreparedProcess: ~Copyable {
    /// As the caller sees it.
    package let pid: Int32
    let launcher: Launcher
    let record: ContainerRecord
    let pidFile: String?
    /// Whether it has said so, and waits. Else it is still on its way there, and will not wait.
    let isReady: Bool

    /// The same as a descriptor.
    package var pidfd: SharedDescriptor { launcher.pidfd }
}

extension ContainerRuntime {
    /// Makes a process in a container that runs, up to but without its program. Nothing of it is on
    /// record, so that nothing is left of one that fails, or whose maker is killed.
    ///
    /// `ownFile` is what ``ProtectedBinary/prepare()`` has answered, and this process has changed
    /// over to: the container's processes can see the new one from its birth.
    package func prepare(
        _ request: ExecRequest, protectedBy ownFile: ProtectedFile?, warn: (String) -> Void
    ) throws(ContainerError) -> PreparedProcess {
        try performing("exec", request.id) { (id) throws(ContainerError) in
            try Execution(request, id: id, store: store, ownFile, trace).perform(warn: warn)
        }
    }

    /// Lets it become its program, and returns once that runs, or says why it does not.
    ///
    /// `signals` is a descriptor that can be read when signals have come for us, or -1. Then
    /// `interruption` tells the one that asks to end, if one does, and the process is ended. `warn`
    /// gets what the specification wants logged.
    package func start(
        _ process: borrowing PreparedProcess, signals: CInt = -1,
        interruption: () throws(ContainerError) -> Int32? = { nil }, warn: (String) -> Void
    ) throws(ContainerError) {
        try performing("exec", process.record.id) { (_) throws(ContainerError) in
            do throws(ContainerError) {
                let connection = try process.launcher.start()
                process.launcher.releaseOwnFile()
                // A filter's listener is handed on meanwhile.
                if process.record.seccompAgent == nil {
                    try awaitEnd(of: connection, signals: signals) { () throws(ContainerError) in
                        guard let signal = try interruption() else { return }
                        try during("end the process") { () throws(SystemCallError) in
                            try process.launcher.end()
                        }
                        throw ContainerError(
                            .failed,
                            "ended by \(Signal.name(of: signal)) before its program started")
                    }
                }
                try follow(
                    connection, process.record, pid: process.pid, process.pidfd.descriptor,
                    from: process.isReady ? .starting : .preparing, warn: warn)
            } catch {
                if let path = process.pidFile { try? File.remove(path) }
                throw error
            }
        }
    }
}

extension ProcessSpec {
    /// Reads the file of `exec --process`.
    package static func read(from path: String) throws(ContainerError) -> ProcessSpec {
        let text: [UInt8]
        do throws(SystemCallError) {
            text = try File.readAll(
                File.open(path, .readOnly), limit: Bundle.sizeLimit, subject: path)
        } catch {
            throw ContainerError(.invalidConfiguration, "--process: \(error)")
        }
        do {
            return try ProcessSpec.decode(from: text)
        } catch {
            throw Bundle.refusal(error, of: path)
        }
    }

    /// Takes over from the container's process what this one does not say, and what confines it: a
    /// process that is added must not have more rights because its description is short.
    package func completed(by own: ProcessSpec?) -> ProcessSpec {
        guard let own else { return self }
        var process = self
        if process.capabilities == nil { process.capabilities = own.capabilities }
        if process.rlimits.isEmpty { process.rlimits = own.rlimits }
        process.noNewPrivileges = process.noNewPrivileges ?? own.noNewPrivileges
        process.apparmorProfile = process.apparmorProfile ?? own.apparmorProfile
        process.selinuxLabel = process.selinuxLabel ?? own.selinuxLabel
        process.oomScoreAdj = process.oomScoreAdj ?? own.oomScoreAdj
        process.scheduler = process.scheduler ?? own.scheduler
        process.ioPriority = process.ioPriority ?? own.ioPriority
        process.execCPUAffinity = process.execCPUAffinity ?? own.execCPUAffinity
        process.user.umask = process.user.umask ?? own.user.umask
        return process
    }
}

extension ExecRequest {
    /// The process that is meant, by the container's own.
    package func process(in container: Configuration) throws(ContainerError) -> ProcessSpec {
        var process: ProcessSpec
        if let given = self.process {
            process = given.completed(by: container.process)
        } else if let own = container.process {
            process = own
            process.terminal = false
            process.consoleSize = nil
            process.args = []
        } else {
            throw ContainerError(
                .invalidConfiguration,
                "config.json had no process when the container was created; give one by --process")
        }
        if hasTerminal { process.terminal = true }
        if !arguments.isEmpty { process.args = arguments }
        if process.args.first?.isEmpty ?? true {
            throw ContainerError(.invalidConfiguration, "process args cannot be empty")
        }
        if let workingDirectory {
            guard workingDirectory.hasPrefix("/") else {
                throw ContainerError(
                    .invalidConfiguration,
                    "--cwd \"\(workingDirectory)\": Cwd must be an absolute path")
            }
            process.cwd = workingDirectory
        }
        for variable in environment {
            let equals = variable.utf8.firstIndex(of: UInt8(ascii: "="))
            guard let equals, equals != variable.utf8.startIndex else {
                throw ContainerError(
                    .invalidConfiguration, "--env \"\(variable)\": expected NAME=VALUE")
            }
        }
        process.env = Self.merged(process.env, environment)
        if let user { process.user.uid = user }
        if let group { process.user.gid = group }
        process.user.additionalGids += additionalGroups
        if let processLabel { process.selinuxLabel = processLabel }
        if let appArmorProfile { process.apparmorProfile = appArmorProfile }
        if let noNewPrivileges { process.noNewPrivileges = noNewPrivileges }
        if !capabilities.isEmpty { add(to: &process) }
        return process
    }

    /// Not to the inheritable set, which would give them to programs of any user (CVE-2022-29162);
    /// and to the ambient one only as far as they are inheritable already.
    private func add(to process: inout ProcessSpec) {
        var sets = process.capabilities ?? CapabilitySets()
        sets.bounding += capabilities
        sets.effective += capabilities
        sets.permitted += capabilities
        sets.ambient += capabilities.filter { sets.inheritable.contains($0) }
        process.capabilities = sets
    }

    /// What is added stands alone, at the place of what it replaces: of two values glibc's getenv(3)
    /// would find the first, and a shell the last.
    static func merged(_ base: [String], _ added: [String]) -> [String] {
        if added.isEmpty { return base }
        var result = base
        for variable in added {
            let name = variable.utf8.prefix { $0 != UInt8(ascii: "=") }
            let isSame: (String) -> Bool = {
                $0.utf8.starts(with: name)
                    && $0.utf8.dropFirst(name.count).first == UInt8(ascii: "=")
            }
            let place = result.firstIndex(where: isSame) ?? result.endIndex
            result.removeAll(where: isSame)
            result.insert(variable, at: min(place, result.endIndex))
        }
        return result
    }
}

/// One `exec`.
private struct Execution: ~Copyable {
    let request: ExecRequest
    let id: ContainerID
    let store: Store
    let ownFile: ProtectedFile?
    let trace: Trace?

    init(
        _ request: ExecRequest, id: ContainerID, store: Store, _ ownFile: ProtectedFile?,
        _ trace: Trace?
    ) {
        self.request = request
        self.id = id
        self.store = store
        self.ownFile = ownFile
        self.trace = trace
    }

    /// No lock is held: a process that hangs on its way in must not keep others from the container,
    /// `delete --force` least of all. The container's process is held by its descriptor, and looked
    /// at once more when the new one is there.
    func perform(warn: (String) -> Void) throws(ContainerError) -> PreparedProcess {
        // The pid file is made with the mode that we name, whatever the caller's mask.
        let callerUmask = Process.setUmask(0)
        defer { Process.setUmask(callerUmask) }
        var laps = Laps(trace)
        let directory = try store.open(id)
        guard let record = try directory.record() else { throw Store.notFound }
        let target = try openTarget(record)
        do throws(ContainerError) {
            return try make(directory, record, target, callerUmask: callerUmask, &laps, warn: warn)
        } catch where error.kind == .failed {
            // What was not there, or did not answer, may have gone with the container.
            guard try directory.isLinked() else { throw Store.notFound }
            guard try isAlive(target) else { throw Self.stopped }
            throw error
        }
    }

    private func make(
        _ directory: borrowing ContainerDirectory, _ record: ContainerRecord,
        _ target: SharedDescriptor, callerUmask: UInt32, _ laps: inout Laps,
        warn: (String) -> Void
    ) throws(ContainerError) -> PreparedProcess {
        guard let container = record.join else {
            throw ContainerError(
                .failed,
                "\(directory.path)/\(ContainerDirectory.recordName) does not say what to enter: "
                    + "another version of martlet has made the container")
        }
        laps.lap("look at the container")
        let plan = try plan(directory, record, container, warn: warn)
        laps.lap("plan")
        let console = try connectConsole(request.console)
        let pidfdReceiver = try connectPidfdSocket(request.pidfdSocket)

        var offers = Launcher.Offers(
            console: console,
            parentOnly: [directory.descriptor.number, directory.parentNumber],
            callerUmask: callerUmask, ownFile: ownFile, hasChangedOver: true, trace: trace)
        offers.target = target
        offers.resctrl = plan.resctrl
        if container.hasDetachedRoot { offers.targetRoot = try openRoot(of: record) }
        try choosePlace(record, &offers)
        laps.lap("choose its cgroups")
        let launcher = try Launcher(plan.launch, host: plan.host, offers: offers)
        try launcher.begin()
        // It can have ended before, and the path to its root been another's.
        guard try isAlive(target) else { throw Self.stopped }
        // A terminal is to have its size before the program asks for it.
        let isReady = launcher.isAwaitedWhenReady || console != nil
        if isReady { try launcher.awaitReady(warn: warn, slow: {}, beforeHooks: {}) }
        try send(launcher.pidfd.descriptor, as: "setns", to: pidfdReceiver)
        try writePidFile(launcher.pid, to: request.pidFile)
        return PreparedProcess(
            pid: launcher.pid, launcher: launcher, record: record, pidFile: request.pidFile,
            isReady: isReady)
    }

    // MARK: The container

    private static var stopped: ContainerError {
        ContainerError(.wrongState, "cannot exec in a stopped container")
    }

    private func openTarget(_ record: ContainerRecord) throws(ContainerError) -> SharedDescriptor {
        guard record.phase == .created else {
            throw ContainerError(.wrongState, "cannot exec in a container that is being created")
        }
        guard let process = try record.openProcess() else { throw Self.stopped }
        // Where its cgroup cannot be looked at any more, nobody can have stopped it there.
        if !request.ignoresPause, let cgroup = record.cgroup, (try? cgroup.isFrozen()) ?? false {
            throw ContainerError(
                .wrongState,
                "cannot exec in a paused container (use --ignore-paused to override)")
        }
        return SharedDescriptor(process)
    }

    private func isAlive(_ target: SharedDescriptor) throws(ContainerError) -> Bool {
        try during("look at the container's process") { () throws(SystemCallError) in
            try !Poll.readable([target.number], milliseconds: 0)[0]
        }
    }

    private func openRoot(of record: ContainerRecord) throws(ContainerError) -> SharedDescriptor {
        try during("the container's root filesystem") { () throws(SystemCallError) in
            SharedDescriptor(try File.open("/proc/\(record.pid)/root", .directoryPath))
        }
    }

    private func choosePlace(_ record: ContainerRecord, _ offers: inout Launcher.Offers)
        throws(ContainerError)
    {
        let cgroups = request.cgroups
        guard let cgroup = record.cgroup else {
            guard cgroups.isEmpty else {
                throw ContainerError(
                    .wrongState, "--cgroup: the container has no cgroup of its own")
            }
            return
        }
        offers.cgroup = try withCgroups { () throws(CgroupError) in
            var paths: [SubCgroup] = []
            for text in cgroups { paths.append(try SubCgroup(text)) }
            return try cgroup.below(paths)
        }
        if cgroups.isEmpty {
            let pid = record.pid
            offers.innerCgroup = { () throws(ContainerError) in
                try withCgroups { () throws(CgroupError) in
                    guard let inner = try cgroup.directoryForClone(beside: pid) else { return nil }
                    return SharedDescriptor(inner)
                }
            }
        }
    }

    // MARK: The plan

    private func plan(
        _ directory: borrowing ContainerDirectory, _ record: ContainerRecord,
        _ container: JoinRecord, warn: (String) -> Void
    ) throws(ContainerError) -> (launch: LaunchPlan, host: Host, resctrl: Resctrl?) {
        var configuration = try directory.configuration(.execution)
        let process = try request.process(in: configuration)
        configuration.process = process
        try checkConsole(wantsTerminal: process.terminal)
        let host = try during("look at the host") { () throws(SystemCallError) in
            try Host.current(
                readingCgroups: false,
                readingSecurityModules: RequestedLabels(configuration).areAny)
        }
        let filter = try PreparedFilter.restored(
            container.filter, { () throws(ContainerError) in try directory.configuration(.all) },
            store: store, warn: warn)
        var create = CreateRequest(id: id.text)
        create.preservedDescriptors = request.preservedDescriptors
        create.isStrict = request.isStrict
        var planner = Planner(
            configuration, request: create, bundle: record.bundle, host: host,
            filter: filter.map { .known($0) })
        let plan = try planner.planExecution(in: container)
        for warning in planner.warnings { warn(warning) }
        return (plan, host, try Resctrl(configuration, id: id))
    }

    private func checkConsole(wantsTerminal: Bool) throws(ContainerError) {
        switch request.console {
        case .none where wantsTerminal:
            throw ContainerError(
                .invalidConfiguration,
                "cannot allocate tty if the process is detached without setting console socket: "
                    + "give --console-socket, or leave out --detach")
        case .socket where !wantsTerminal:
            throw ContainerError(
                .invalidConfiguration,
                "--console-socket was given, but the process is to have no terminal: give --tty")
        default: break
        }
    }
}

extension ContainerDirectory {
    /// The configuration as it was at `create`.
    func configuration(_ part: Configuration.Part) throws(ContainerError) -> Configuration {
        let text = try during("configuration on record") { () throws(SystemCallError) in
            let file = try File.open(Self.configurationName, at: descriptor.number, .realFile)
            return try File.readAll(file, limit: Bundle.sizeLimit, subject: "\(path)/config.json")
        }
        do throws(InvalidConfiguration) {
            return try Configuration.decode(part, from: text)
        } catch {
            throw ContainerError(
                .failed, "\(path)/\(Self.configurationName) on record is damaged: \(error)")
        }
    }
}
