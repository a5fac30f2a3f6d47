// SPDX-License-Identifier: Apache-2.0

internal import Linux
internal import OCI

/// The hooks that the container's first process runs: they are in its namespaces, and see its
/// pid as it does (runtime.md#state).
extension InitProcess {
    /// The hooks of `create`. The host's paths are still there, and theirs are looked up on it.
    func runHooks(_ hooks: [HookPlan], of subject: HookSubject) throws(ContainerError) {
        try during("report to the parent") { () throws(SystemCallError) in
            try Conversation.send(.hooksDue, to: resources.channel.number)
        }
        // The runtime's run now.
        try expect(.proceed)
        if hooks.isEmpty { return }
        var runner = try HookRunner(
            telling: subject.state(for: .createContainer, pid: Process.id))
        runner.directory = subject.bundle
        runner.umask = resources.callerUmask
        try runner.run(hooks)
        Self.reapStrays()
    }

    /// Makes what startContainer hooks will read.
    mutating func prepareStartHooks(_ hooks: LaunchHooks) throws(ContainerError) {
        if hooks.startContainer.isEmpty { return }
        startState = try HookRunner.input(
            hooks.subject.state(for: .startContainer, pid: Process.id))
    }

    /// The hooks of `start`, with the working directory, the user and the rights of the program;
    /// they end when `start` does.
    func runStartHooks(_ hooks: [HookPlan], for connection: CInt) throws(ContainerError) {
        guard let startState else { preconditionFailure("the state for hooks was not prepared") }
        var runner = HookRunner(input: startState)
        runner.end = connection
        try runner.run(hooks)
        Self.reapStrays()
    }

    /// What hooks left behind and has ended: as first of its pid namespace this process has become
    /// its parent, and the program would find children that it never had.
    private static func reapStrays() {
        while let reaped = try? Process.reapAny(), reaped.pid > 0 {}
    }
}
