// SPDX-License-Identifier: Apache-2.0

internal import Linux
internal import OCI

/// Runs hooks, in the namespaces and with the rights of the process that calls it.
struct HookRunner {
    /// What each of them reads, from its beginning.
    private let input: SharedDescriptor
    /// Where they run; nil leaves them where we are.
    var directory: String?
    /// The mode mask that they get; nil leaves ours.
    var umask: UInt32?
    /// A descriptor that can be read once nobody needs the hooks any more: the container's process
    /// has ended, or the command that waits for them.
    var end: CInt?
    /// Whether a hook ends with this process. What cleans up goes on instead.
    var diesWithUs = true

    /// A runner whose hooks are told this of the container.
    init(telling state: State) throws(ContainerError) {
        input = try Self.input(state)
    }

    init(input: SharedDescriptor) { self.input = input }

    /// The state as a file that hooks can only read. A file and no pipe: whoever does not read it
    /// keeps nobody waiting, and kills nobody with SIGPIPE.
    static func input(_ state: State) throws(ContainerError) -> SharedDescriptor {
        try during("state for hooks") { () throws(SystemCallError) in
            SharedDescriptor(
                try SealedFile.holding(state.encode(pretty: false), name: "state.json"))
        }
    }

    /// Runs them in order, up to the first that fails.
    func run(_ hooks: [HookPlan]) throws(ContainerError) {
        for hook in hooks { try run(hook) }
    }

    /// Runs them in order, each one whatever becomes of the others (runtime.md#lifecycle, 13).
    func runAll(_ hooks: [HookPlan], warn: (String) -> Void) {
        for hook in hooks {
            do throws(ContainerError) {
                try run(hook)
            } catch {
                warn(error.reason)
            }
        }
    }

    private func run(_ hook: HookPlan) throws(ContainerError) {
        let end: HookEnd
        let output: String
        do throws(SystemCallError) {
            // The hook before has read it.
            try File.rewind(input.descriptor)
            var process = try HookProcess(hook, self, input: input)
            end = try process.follow(until: self.end)
            output = process.output.line.map { "; its output: \"\($0)\"" } ?? ""
        } catch {
            throw ContainerError(.hookFailed, "\(hook): \(error)")
        }
        if let reason = end.reason(of: hook) {
            throw ContainerError(.hookFailed, "\(hook)\(reason)\(output)")
        }
    }
}
