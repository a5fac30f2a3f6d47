// SPDX-License-Identifier: Apache-2.0

internal import Cgroups
internal import Linux
internal import OCI

/// The parent's side of a launch: makes the container's first process, serves it, and waits until
/// it is ready. Whatever goes wrong, that process is gone afterwards.
final class Launcher {
    let plan: LaunchPlan
    let host: Host
    /// The parent's end of the conversation.
    private let channel: SharedDescriptor
    let pid: Int32
    let pidfd: SharedDescriptor
    private var cgroup: Cgroup?
    private let callerUmask: UInt32
    private let killsBefore: UInt64
    private let resctrl: Resctrl?
    private let networkDevices: NetworkDevices?
    private var isReleased = false
    private let ownFile: ProtectedFile?
    private var laps: Laps

    /// What the caller has opened for the first process.
    struct Offers {
        /// nil when the parent itself goes on to start.
        var gate: SharedDescriptor?
        var console: SharedDescriptor?
        /// Descriptors that must not live on in the first process.
        var parentOnly: [CInt]
        var callerUmask: UInt32
        /// Where the process is born, or put before it does anything.
        var cgroup: Cgroup?
        var resctrl: Resctrl?
        var networkDevices: NetworkDevices?
        /// The container's process, when there is one already, and its root filesystem.
        var target: SharedDescriptor?
        var targetRoot: SharedDescriptor?
        /// Where in the container's part of cgroup2 the process is born instead, when its cgroup
        /// takes no processes because it has given its controllers to those below.
        var innerCgroup: (@Sendable () throws(ContainerError) -> SharedDescriptor?)?
        /// What the process changes over to, unless its maker has already.
        var ownFile: ProtectedFile?
        var hasChangedOver = false
        var trace: Trace?
    }

    /// Makes the process. It waits for `prepare`.
    init(_ plan: LaunchPlan, host: Host, offers: Offers) throws(ContainerError) {
        laps = Laps(offers.trace)
        let pair = try during("launch") { () throws(SystemCallError) in
            try Socket.pair(.packets)
        }
        let ends = SplitPair(pair)
        var resources = LaunchResources(
            channel: ends.theirs, gate: offers.gate, console: offers.console,
            parentOnly: offers.parentOnly + [ends.ours.number], callerUmask: offers.callerUmask,
            target: offers.target, targetRoot: offers.targetRoot,
            ownFile: offers.hasChangedOver ? nil : offers.ownFile, trace: offers.trace,
            isOpenUntilMapped: host.effectiveUserID != 0 && plan.namespaces.entered.isEmpty,
            mappedUser: Self.fileMaker(plan, plan.namespaces.uidMappings),
            mappedGroup: Self.fileMaker(plan, plan.namespaces.gidMappings))
        if offers.hasChangedOver { resources.parentOnly += offers.ownFile?.descriptors ?? [] }
        let sources = try MountSources(plan, host: host)
        resources.sources = sources.trees
        resources.userNamespaces = sources.userNamespaces
        killsBefore = MemoryKills.before(offers.cgroup)
        let birth = try Birth(plan.birth)
        resources.parentOnly += birth.descriptors
        let result = Result { () throws(ContainerError) in
            try Self.makeInTimeNamespace(plan, resources, offers)
        }
        try birth.end()
        let made = try result.get()
        cgroup = offers.cgroup
        callerUmask = offers.callerUmask
        resctrl = offers.resctrl
        networkDevices = offers.networkDevices
        ownFile = offers.ownFile
        self.plan = plan
        self.host = host
        pid = made.pid
        pidfd = made.pidfd
        channel = ends.ours
        laps.lap("make the first process")
    }

    deinit {
        guard !isReleased else { return }
        // The process may be gone already; there is nothing else to undo here.
        try? Process.send(Signal.kill, to: pidfd.descriptor)
        _ = try? Process.wait(for: pidfd.descriptor)
    }

    /// The id that files are made with inside: root where it is mapped, else the first that is.
    private static func fileMaker(_ plan: LaunchPlan, _ mappings: [IDMapping]) -> UInt32? {
        let mapped = plan.namespaces.new.union(plan.namespaces.entered)
        guard mapped.contains(.user), !mappings.isEmpty else {
            return plan.namespaces.hasUserNamespace ? 0 : nil
        }
        let hasRoot = mappings.contains { $0.containerID == 0 }
        return hasRoot ? 0 : mappings.first?.containerID
    }

    // MARK: Making the process

    private struct Made {
        var pid: Int32
        var pidfd: SharedDescriptor
    }

    /// With clocks of its own when the plan has any, and the parent may make them.
    private static func makeInTimeNamespace(
        _ plan: LaunchPlan, _ resources: LaunchResources, _ offers: Offers
    ) throws(ContainerError) -> Made {
        if plan.namespaces.timeOffsets.isEmpty || resources.isOpenUntilMapped {
            return try makeProcess(plan, resources, offers)
        }
        return try TimeNamespace.withNew(plan.namespaces.timeOffsets) {
            () throws(ContainerError) in
            try makeProcess(plan, resources, offers)
        }
    }

    private static func makeProcess(
        _ plan: LaunchPlan, _ resources: LaunchResources, _ offers: Offers
    ) throws(ContainerError) -> Made {
        if let target = resources.target {
            try prepareToEnter(plan.namespaces, of: target)
        }
        let birthplace = try directoryForClone(offers.cgroup)
        if let made = try makeProcess(plan, resources, in: birthplace) { return made }
        if let inner = try offers.innerCgroup?(),
            let made = try makeProcess(plan, resources, in: inner)
        {
            return made
        }
        throw refusal(SystemCallError("clone3", "", .busy))
    }

    /// nil when the cgroup takes no process, which its own limits cannot be the reason for (EBUSY).
    private static func makeProcess(
        _ plan: LaunchPlan, _ resources: LaunchResources, in birthplace: SharedDescriptor?
    ) throws(ContainerError) -> Made? {
        var resources = resources
        // A directory of the host's, which the first process must not have (CVE-2024-21626).
        if let birthplace { resources.parentOnly.append(birthplace.number) }
        if !plan.namespaces.joined.isEmpty || plan.namespaces.isEnteredByStage {
            return try makeThroughStage(plan, resources, birthplace)
        }
        do throws(SystemCallError) {
            switch try Process.clone(
                plan.namespaces.madeAtBirth, intoCgroup: birthplace?.number)
            {
            case .child:
                InitProcess.run(plan, resources)
            case .parent(let pid, let pidfd):
                return Made(pid: pid, pidfd: SharedDescriptor(pidfd))
            }
        } catch where error.errno == .busy && birthplace != nil {
            return nil
        } catch {
            throw refusal(error)
        }
    }

    /// What the parent does before it makes a process in a container that is there.
    private static func prepareToEnter(_ namespaces: NamespacePlan, of target: SharedDescriptor)
        throws(ContainerError)
    {
        try during("enter the container's namespaces") { () throws(SystemCallError) in
            // Inherited: from its birth on the new process can be seen by the container's others,
            // and they may have its ids (CVE-2016-9962).
            try Process.setDumpable(false)
        }
        // It takes in only children: we stay where we are.
        if !namespaces.isEnteredByStage, !namespaces.enteredAtBirth.isEmpty {
            try InitProcess.enter(namespaces.enteredAtBirth, of: target)
        }
    }

    /// cgroup2's directory of the container, in which its process is born.
    private static func directoryForClone(_ cgroup: Cgroup?) throws(ContainerError)
        -> SharedDescriptor?
    {
        guard let cgroup else { return nil }
        do throws(CgroupError) {
            guard let directory = try cgroup.directoryForClone() else { return nil }
            return SharedDescriptor(directory)
        } catch {
            throw ContainerError(error)
        }
    }

    /// What a process makes is born where it is: the stage stands in the container's cgroup.
    private static func makeThroughStage(
        _ plan: LaunchPlan, _ resources: LaunchResources, _ birthplace: SharedDescriptor?
    ) throws(ContainerError) -> Made? {
        let pair = try during("launch") { () throws(SystemCallError) in
            try Socket.pair(.packets)
        }
        let ends = SplitPair(pair)
        var inherited = resources
        inherited.parentOnly.append(ends.ours.number)
        let stage: SharedDescriptor
        do throws(SystemCallError) {
            switch try Process.clone([], intoCgroup: birthplace?.number) {
            case .child:
                Stage.run(plan, inherited, report: ends.theirs.number)
            case .parent(_, let pidfd):
                stage = SharedDescriptor(pidfd)
            }
        } catch where error.errno == .busy && birthplace != nil {
            return nil
        } catch {
            throw refusal(error)
        }
        let made = try awaitReport(from: ends)
        // Reaped whatever it said; its report is what counts.
        _ = try? Process.wait(for: stage.descriptor)
        return made
    }

    private static func awaitReport(from ends: consuming SplitPair) throws(ContainerError) -> Made {
        let ours = ends.ours
        // With our copy of the far end gone, its owner's end is the end of the conversation.
        ends.forgetTheirs()
        let received = try during("launch") { () throws(SystemCallError) in
            try Socket.receive(from: ours.number, limit: Message.limit)
        }
        let message = Message(bytes: received.bytes)
        if case .failed(_, let reason) = message { throw ContainerError(.failed, reason) }
        guard case .made(let pid) = message, let pidfd = received.takeDescriptor() else {
            throw ContainerError(
                .failed, "the process that joins the namespaces was killed before it could")
        }
        return Made(pid: pid, pidfd: SharedDescriptor(pidfd))
    }

    static func refusal(_ error: SystemCallError) -> ContainerError {
        var hint = ""
        if error.errno == .busy {
            hint =
                "; its cgroup gives controllers to those below, and such a one takes no processes: "
                + "--cgroup names one of those"
        } else if error.errno == .noSpace || error.errno == .notPermitted {
            hint =
                "; the host may limit namespaces (sysctl user.max_*_namespaces, or "
                + "kernel.unprivileged_userns_clone for an ordinary user)"
        }
        return ContainerError(.failed, "make the container's process: \(error.errno)\(hint)")
    }

    // MARK: Serving it

    /// Says in which cgroups the process is that was born outside: systemd makes those only around
    /// a process.
    func adopt(_ cgroup: Cgroup?) { self.cgroup = cgroup }

    /// How long a launch may take, in milliseconds, before it counts as slow: hardly any does.
    private static let usualTime = 500

    /// Does the parent's steps, lets the process go on, and returns when it is ready. `meanwhile` is
    /// called once it is on its way, `slow` when that takes unusually long, and `beforeHooks` before
    /// the first hook runs.
    func prepare(
        warn: (String) -> Void, meanwhile: () throws(ContainerError) -> Void,
        slow: () throws(ContainerError) -> Void,
        beforeHooks: () throws(ContainerError) -> Void
    ) throws(ContainerError) {
        try begin()
        try meanwhile()
        releaseOwnFile()
        laps.lap("let it proceed, and write its records")
        try awaitReady(warn: warn, slow: slow, beforeHooks: beforeHooks)
    }

    /// Does the parent's steps, and lets the process go on.
    func begin() throws(ContainerError) {
        if let cgroup {
            // Before it does anything: from its first step on it is held by its limits.
            try withCgroups { () throws(CgroupError) in
                try cgroup.add(pid, wasBornInside: cgroup.unified != nil)
            }
        }
        try perform(plan.parentSteps)
        try letProceed()
        if plan.namespaces.isNetworkMadeOutside {
            let network = try NetworkNamespace.make()
            try tell(.networkMade, passing: network.number)
            laps.lap("make the network namespace")
        }
    }

    /// Sends the program of its filter, which the new process waits for at the end of its steps.
    func send(filter program: [UInt8]) throws(ContainerError) { try tell(.filter(program)) }

    /// Lets go of what the new process has changed over to by now, while that is busy.
    func releaseOwnFile() { ownFile?.releaseMount() }

    /// Whether the parent has something to do when the process is ready. Else both need not wait for
    /// each other again.
    var isAwaitedWhenReady: Bool { !plan.closingSteps.isEmpty || plan.hooks.areDueAtCreate }

    /// Returns when it is ready.
    func awaitReady(
        warn: (String) -> Void, slow: () throws(ContainerError) -> Void,
        beforeHooks: () throws(ContainerError) -> Void
    ) throws(ContainerError) {
        let isQuick = try during("launch") { () throws(SystemCallError) in
            try Poll.readable([channel.number], milliseconds: Self.usualTime)[0]
        }
        if !isQuick { try slow() }
        var handshake = Handshake(.preparing, awaitsHooks: plan.hooks.areDueAtCreate)
        while true {
            defer { laps.lap("wait for the first process") }
            let message = try during("launch") { () throws(SystemCallError) in
                try Conversation.receive(from: channel.number)
            }
            switch handshake.receive(message) {
            case .ready: return try perform(plan.closingSteps)
            case .hooksDue:
                try beforeHooks()
                try runHooks()
            case .warning(let text): warn(text)
            case .failed(let kind, let reason): throw ContainerError(kind.kind, reason)
            case .vanished: throw vanished()
            case .executing, .listening, .running, .violation:
                throw ContainerError(.failed, "the container's process broke the handshake")
            }
        }
    }

    private func perform(_ steps: [ParentStep]) throws(ContainerError) {
        for step in steps {
            do throws(ContainerError) {
                try perform(step)
                laps.lap("\(step)")
            } catch {
                throw ContainerError(error.kind, "\(step): \(error.reason)")
            }
        }
    }

    /// Runs the hooks of the runtime's own namespaces, then lets the first process run its own.
    private func runHooks() throws(ContainerError) {
        if !plan.hooks.runtime.isEmpty {
            // prestart and createRuntime read the same.
            let state = plan.hooks.subject.state(for: .createRuntime, pid: pid)
            var runner = try HookRunner(telling: state)
            runner.directory = plan.hooks.subject.bundle
            runner.umask = callerUmask
            runner.end = pidfd.number
            try runner.run(plan.hooks.runtime)
        }
        try letProceed()
    }

    private func letProceed() throws(ContainerError) { try tell(.proceed) }

    /// One that has ended cannot be told, and why it ended is read next: on cgroup2 it is born with
    /// its limits, and may not live to hear this.
    private func tell(_ message: Message, passing descriptor: CInt? = nil)
        throws(ContainerError)
    {
        try during("launch") { () throws(SystemCallError) in
            do throws(SystemCallError) {
                try Conversation.send(message, passing: descriptor, to: channel.number)
            } catch where [.brokenPipe, .connectionReset].contains(error.errno) {}
        }
    }

    private func perform(_ step: ParentStep) throws(ContainerError) {
        switch step {
        case .mapIDs:
            try IDMaps.write(plan.namespaces, for: pid, host: host)
        case .setOOMScoreAdjustment(let value):
            do throws(SystemCallError) {
                try File.write("\(value)", toExisting: "/proc/\(pid)/oom_score_adj")
            } catch {
                let hint =
                    error.errno == .accessDenied
                    ? "; lowering it needs CAP_SYS_RESOURCE" : ""
                throw ContainerError(.failed, "\(error.errno)\(hint)")
            }
        case .joinResourceGroup:
            try resctrl?.add(pid)
        case .moveNetworkDevice(let device):
            try networkDevices?.move(device, into: "/proc/\(pid)/ns/net")
        case .setScheduler(let scheduler):
            try Scheduling.apply(scheduler, to: pid)
        case .setIOPriority(let priority):
            try Scheduling.apply(priority, toGroup: pid)
        case .setProcessors(let processors):
            try Scheduling.apply(processors, to: pid)
        case .raiseHardLimit(let limit):
            do throws(SystemCallError) {
                guard let resource = ResourceNumber(name: limit.type.rawValue) else {
                    throw SystemCallError("prlimit", limit.type.rawValue, .invalid)
                }
                try Process.raiseHardLimit(resource, to: limit.hard, of: pid)
            } catch {
                let hint =
                    error.errno == .notPermitted
                    ? "; raising a hard limit needs CAP_SYS_RESOURCE" : ""
                throw ContainerError(.failed, "\(error.errno)\(hint)")
            }
        }
    }

    private func vanished() -> ContainerError {
        let status = try? Process.wait(for: pidfd.descriptor)
        let end =
            switch status {
            case .signaled(let signal): " by \(Signal.name(of: signal))"
            default: ""
            }
        return ContainerError(
            .failed,
            "the container's process was killed\(end) before it was ready"
                + (plan.namespaces.entered.isEmpty
                    ? MemoryKills.hint(MemoryKills.count(in: cgroup) &- killsBefore) : ""))
    }

    /// Lets the process outlive this one: the container is on record now.
    func release() throws(ContainerError) {
        try during("launch") { () throws(SystemCallError) in
            try Conversation.send(.release, to: channel.number)
        }
        isReleased = true
    }

    /// Ends it, whether or not it was let go.
    func end() throws(SystemCallError) {
        do throws(SystemCallError) {
            try Process.send(Signal.kill, to: pidfd.descriptor)
        } catch where error.errno == .noProcess {}
    }

    /// Lets it go on to its program at once; what follows is said on this side of the conversation,
    /// also when it has ended by now.
    func start() throws(ContainerError) -> SharedDescriptor {
        try tell(.start)
        isReleased = true
        return channel
    }
}

extension Message.FailureKind {
    var kind: ContainerError.Kind {
        switch self {
        case .failed: .failed
        case .invalidConfiguration: .invalidConfiguration
        case .notExecutable: .notExecutable
        case .hookFailed: .hookFailed
        }
    }
}

/// The ends of a pair, each with a holder of its own.
struct SplitPair {
    var ours: SharedDescriptor
    private var held: SharedDescriptor?

    init(_ pair: consuming SocketPair) {
        let (first, second) = Self.split(pair)
        ours = first
        held = second
    }

    var theirs: SharedDescriptor {
        guard let held else { preconditionFailure("the far end was given away") }
        return held
    }

    mutating func forgetTheirs() { held = nil }

    private static func split(_ pair: consuming SocketPair) -> (SharedDescriptor, SharedDescriptor)
    {
        let ours = SharedDescriptor(pair.ours)
        let theirs = SharedDescriptor(pair.theirs)
        return (ours, theirs)
    }
}
