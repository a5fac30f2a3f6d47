// SPDX-License-Identifier: Apache-2.0

internal import Linux
internal import OCI

/// The container's first process, from its birth to execve(2).
///
/// It is ordinary single-threaded Swift in a copy of the parent's memory. It never returns: it
/// ends in execve or `_exit`, and what it has to say goes over its channel.
struct InitProcess {
    let resources: LaunchResources
    /// Whether the container is there already.
    var isEntering: Bool { resources.target != nil }
    var root: RootDirectory?
    /// Whether the root filesystem's mounts are a tree that no mount namespace has.
    var isRootDetached = false
    /// Mounts that become read-only once they are filled.
    var lateReadOnly: [SharedDescriptor] = []
    /// A procfs of our own, attached nowhere, for writes that must reach the real one.
    var procfs: SharedDescriptor?
    /// Where the last device or link was made: the next is likely to lie there, too. Nothing is
    /// attached while devices and links are made.
    var deviceParent: (components: [String], directory: SharedDescriptor)?
    /// The container's own, by the descriptor that it was made with.
    var mountedProcfs: SharedDescriptor?
    /// The host's null device, verified.
    var nullDevice: SharedDescriptor?
    /// The empty directory that masked directories show.
    var emptyMount: SharedDescriptor?
    /// The SELinux context of the container's mounts.
    var mountLabel: String?
    /// What startContainer hooks read; made early, because a seccomp filter may forbid it later.
    var startState: SharedDescriptor?
    /// What is left of the capabilities once the filter is loaded; nil when none are to go then.
    var lateCapabilities: FilteredProgram.CapabilitySets?
    /// Set when the working directory could not be entered with the rights of root.
    var lateWorkingDirectory: String?
    /// The user's home directory, where the environment is to get it from us.
    var home: String?
    /// What the parent has sent, where the plan does not know it.
    var filterProgram: [UInt8]?

    private init(_ resources: LaunchResources) { self.resources = resources }

    /// Runs a plan. Called in the new process.
    static func run(_ plan: LaunchPlan, _ resources: LaunchResources) -> Never {
        var process = InitProcess(resources)
        let channel = resources.channel.number
        resources.trace?.track = 2
        var laps = Laps(resources.trace)
        do throws(ContainerError) {
            try process.prepare(plan.namespaces, &laps)
            try process.prepareStartHooks(plan.hooks)
            for (index, step) in plan.initSteps.enumerated() {
                do throws(ContainerError) {
                    try process.perform(step, at: index)
                    laps.lap("\(step)")
                } catch where error.kind == .hookFailed {
                    throw error  // It names the hook.
                } catch {
                    throw ContainerError(error.kind, "\(step): \(error.reason)")
                }
            }
            try process.lookForProgram(plan)
            try process.reportReady()
        } catch {
            fail(error, on: channel)
        }
        laps.lap("report to the parent")
        process.waitAtGate(plan, &laps)
    }

    /// The first acts: nobody may look into this process, which can be in a container's pid
    /// namespace already (CVE-2016-9962); nothing of the parent's stays; its death is ours.
    private func prepare(_ namespaces: NamespacePlan, _ laps: inout Laps) throws(ContainerError) {
        try during("prepare") { () throws(SystemCallError) in
            if !resources.isOpenUntilMapped { try Process.setDumpable(false) }
        }
        try resources.ownFile?.changeOverInCopy()
        for number in resources.parentOnly { FileDescriptor.closeOwned(number) }
        Process.setName("martlet:init")
        try during("prepare") { () throws(SystemCallError) in
            try Process.setParentDeathSignal(Signal.kill)
            try Signal.resetChanged()
        }
        laps.lap("prepare")
        // The parent maps our ids first, and puts us where our limits are.
        try expect(.proceed)
        laps.lap("wait for the parent")
        if !namespaces.madeInside.isEmpty {
            do throws(SystemCallError) {
                try Process.separate(namespaces.madeInside)
            } catch {
                throw Launcher.refusal(error)
            }
            laps.lap("make namespaces")
        }
        if !namespaces.timeOffsets.isEmpty, resources.isOpenUntilMapped {
            // Where the parent had no right to. Before nobody may look into this process any more:
            // from then on its files in /proc are not its own.
            try TimeNamespace.enterNew(namespaces.timeOffsets)
        }
        try during("prepare") { () throws(SystemCallError) in
            if resources.isOpenUntilMapped { try Process.setDumpable(false) }
        }
        if namespaces.isBornInUserNamespace { try becomeNamespaceRoot() }
        Process.setUmask(0)
    }

    /// Takes on the ids that files inside are made with.
    func becomeNamespaceRoot() throws(ContainerError) {
        try during("become root of the user namespace") { () throws(SystemCallError) in
            if let gid = resources.mappedGroup { try Credentials.setGroupID(gid) }
            if let uid = resources.mappedUser { try Credentials.setUserID(uid) }
            // The change made us dumpable or not by the ids' rules; and cleared the signal.
            try Process.setDumpable(false)
            try Process.setParentDeathSignal(Signal.kill)
        }
    }

    /// Tells while the container can still be refused that its program cannot be run: engines take
    /// what `create` says for the reason, and `start` for a failure of their own. Hooks of `start`
    /// may yet bring the program; without them it is looked for again when it is executed.
    private func lookForProgram(_ plan: LaunchPlan) throws(ContainerError) {
        guard resources.gate != nil, plan.hooks.startContainer.isEmpty,
            !plan.program.arguments.isEmpty
        else { return }
        try Program.look(for: plan.program)
    }

    /// From here on the end of the conversation stands for the parent's death: a signal could still
    /// hit after the parent has let us go and ended.
    private func reportReady() throws(ContainerError) {
        try during("report to the parent") { () throws(SystemCallError) in
            try Process.setParentDeathSignal(0)
            try Conversation.send(.ready, to: resources.channel.number)
        }
        if resources.gate != nil { try expect(.release) }
    }

    /// Waits for one message; ends quietly when the parent is gone, because then nobody listens.
    ///
    /// - Returns: the descriptor that came with it, if there was one.
    @discardableResult
    func expect(_ message: Message) throws(ContainerError) -> SharedDescriptor? {
        let received = try receive()
        guard received.message == message else { throw Self.outOfTurn }
        return received.descriptor
    }

    /// The same for a message of up to `limit` bytes, whatever it is.
    func receive(limit: Int = Message.limit) throws(ContainerError) -> (
        message: Message, descriptor: SharedDescriptor?
    ) {
        let received = try during("wait for the parent") { () throws(SystemCallError) in
            try Conversation.receiveWithDescriptor(from: resources.channel.number, limit: limit)
        }
        guard let message = received.message else { Process.exitNow(1) }
        return (message, received.descriptor)
    }

    static var outOfTurn: ContainerError {
        ContainerError(.failed, "the parent sent a message that was not due")
    }

    /// Says that something was left out, which the specification wants logged.
    func warn(_ text: String) throws(ContainerError) {
        try during("report to the parent") { () throws(SystemCallError) in
            try Conversation.send(.warning(text), to: resources.channel.number)
        }
    }

    private static func fail(_ error: ContainerError, on channel: CInt) -> Never {
        let kind: Message.FailureKind =
            switch error.kind {
            case .invalidConfiguration: .invalidConfiguration
            case .notExecutable: .notExecutable
            case .hookFailed: .hookFailed
            default: .failed
            }
        // If this fails the parent is gone, and sees our exit code at most.
        try? Conversation.send(.failed(kind: kind, reason: error.reason), to: channel)
        Process.exitNow(1)
    }
}

// MARK: - The gate

extension InitProcess {
    /// Waits for `start`, becomes the program, or says why not. The connection is close-on-exec:
    /// its end after `executing` means that the program runs.
    private func waitAtGate(_ plan: LaunchPlan, _ laps: inout Laps) -> Never {
        // The only descriptors that live on are the standard streams and the asked-for ones; the
        // connection sits just above them until the exec closes it.
        let last = CInt(3 + plan.program.preservedDescriptors)
        // While nobody waits for us; but there is nobody to tell yet of an error either.
        let loading = Result { () throws(ContainerError) in
            try prepareFilter(plan.program, plan.hooks, above: last)
        }
        laps.lap("prepare the filter")
        do throws(SystemCallError) {
            let connection = try openConnection()
            let message = try Conversation.receive(from: connection.number)
            // A `start` that was killed leaves a container that never ran.
            guard message == .start else { Process.exitNow(1) }
            laps.lap("wait at the gate")
            if !plan.hooks.startContainer.isEmpty {
                do throws(ContainerError) {
                    try runStartHooks(plan.hooks.startContainer, for: connection.number)
                } catch {
                    Self.fail(error, on: connection.number)
                }
            }
            let channel = try connection.move(to: last).release()
            laps.lap("start")
            var program = plan.program
            if let home {
                program.environment = ExecRequest.merged(program.environment, ["HOME=\(home)"])
            }
            Self.becomeProgram(program, under: loading, reportingTo: channel)
        } catch {
            Process.exitNow(1)
        }
    }

    /// With whoever starts this process: the parent, or who comes to the gate.
    private func openConnection() throws(SystemCallError) -> FileDescriptor {
        if let gate = resources.gate {
            // It may be a while.
            ProgramImage.releaseMemory()
            return try Socket.accept(gate.descriptor)
        }
        return try resources.channel.descriptor.duplicate()
    }

    private static func becomeProgram(
        _ program: ProgramPlan, under loading: consuming Result<FilterLoading?, ContainerError>,
        reportingTo channel: CInt
    ) -> Never {
        do throws(ContainerError) {
            switch try loading.get() {
            case .some(let loading):
                try settle(program, below: channel, keeping: loading.report.descriptor.number)
                try becomeProgram(program, under: loading, reportingTo: channel)
            case .none:
                try settle(program, below: channel, keeping: channel)
                try during("exec") { () throws(SystemCallError) in
                    try Conversation.send(.executing, to: channel)
                }
                throw Program.execute(program)
            }
        } catch {
            fail(error, on: channel)
        }
    }

    /// Leaves the program its descriptors: those below `channel`. What is over it is closed, but for
    /// `page`. Then come the limits.
    private static func settle(_ program: ProgramPlan, below channel: CInt, keeping page: CInt)
        throws(ContainerError)
    {
        try during("descriptors") { () throws(SystemCallError) in
            try Descriptors.closeAll(from: channel + 1, but: page)
            for number in 3..<max(3, channel) { try Descriptors.keepAcrossExec(number) }
        }
        for limit in program.limits {
            try during("rlimit \(limit.type.rawValue)") { () throws(SystemCallError) in
                guard let resource = ResourceNumber(name: limit.type.rawValue) else {
                    throw SystemCallError("setrlimit", limit.type.rawValue, .invalid)
                }
                try Process.setLimit(resource, soft: limit.soft, hard: limit.hard)
            }
        }
    }
}
