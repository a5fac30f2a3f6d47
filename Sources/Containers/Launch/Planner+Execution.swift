// SPDX-License-Identifier: Apache-2.0

internal import Linux
internal import OCI

extension Planner {
    /// The plan for one more process of a container that is there, whose configuration is this but
    /// for the process. Its namespaces are entered; from there on it is as for the first process.
    package mutating func planExecution(in container: JoinRecord) throws(ContainerError)
        -> LaunchPlan
    {
        guard let process = configuration.process else {
            throw ContainerError(.invalidConfiguration, "there is no process to run")
        }
        let labels = RequestedLabels(configuration)
        try labels.check(host.securityModules)
        let namespaces = planEntering(container.flags)
        let identity = try planIdentity(process, namespaces)
        return LaunchPlan(
            namespaces: namespaces, parentSteps: try planParentSteps(of: process),
            initSteps: try planSteps(namespaces, process, identity, labels, container),
            program: planProgram(),
            hooks: LaunchHooks(
                Hooks(), of: HookSubject(id: request.id, bundle: "", annotations: [:])),
            closingSteps: planClosingSteps(namespaces),
            birth: BirthPlan(
                processors: try ProcessorSet(
                    process.execCPUAffinity?.initial, property: "process.execCPUAffinity.initial"),
                oomScoreAdjustment: process.oomScoreAdj))
    }

    private func planEntering(_ flags: NamespaceFlags) -> NamespacePlan {
        var plan = NamespacePlan(
            new: [], joined: [], uidMappings: configuration.linux.uidMappings,
            gidMappings: configuration.linux.gidMappings)
        plan.entered = flags
        // An ordinary user has the right to enter a pid namespace only as a member of the user
        // namespace that it belongs to, and cannot come back from there.
        plan.isEnteredByStage =
            host.effectiveUserID != 0 && flags.contains(.user) && flags.contains(.pid)
        return plan
    }

    private func planParentSteps(of process: ProcessSpec) throws(ContainerError) -> [ParentStep] {
        var steps: [ParentStep] = []
        // After it was put into the container's cgroups, which is done first of all.
        if let processors = try ProcessorSet(
            process.execCPUAffinity?.final, property: "process.execCPUAffinity.final")
        {
            steps.append(.setProcessors(processors))
        }
        if let rdt = configuration.linux.intelRdt {
            steps.append(.joinResourceGroup(name: rdt.closID ?? request.id))
        }
        for limit in process.rlimits { steps.append(.raiseHardLimit(limit)) }
        return steps
    }

    private func planSteps(
        _ namespaces: NamespacePlan, _ process: ProcessSpec, _ identity: IdentityPlan,
        _ labels: RequestedLabels, _ container: JoinRecord
    ) throws(ContainerError) -> [InitStep] {
        // A session of its own first, so that no terminal of the caller's can be reached (TIOCSTI).
        var steps: [InitStep] = [.startSession]
        // Through a procfs that is the kernel's, as long as the container's is not what is seen.
        if let label = labels.selinuxLabel, container.keyring != nil {
            steps.append(.writeLabel(.keyringLabel(label)))
        }
        steps += planLabels(labels)
        if process.terminal { steps.append(.openProcfs) }
        if !namespaces.enteredInside.isEmpty {
            steps.append(.enterNamespaces(namespaces.enteredInside))
        }
        // Names of keyrings are those of a user namespace.
        if let name = container.keyring { steps.append(.joinSessionKeyring(name)) }
        steps.append(.adoptRoot(isDetached: container.hasDetachedRoot))
        if process.terminal {
            var console = ConsolePlan(
                size: process.consoleSize, uid: identity.uid, gid: identity.gid)
            // That is the first process's.
            console.isMain = false
            steps.append(.openConsole(console))
        }
        return try steps + planProcess(namespaces, identity)
    }
}
