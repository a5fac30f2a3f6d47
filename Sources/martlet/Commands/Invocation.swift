// SPDX-License-Identifier: Apache-2.0

internal import Containers
internal import Linux
internal import OCI

/// A command with everything that it works with.
struct Invocation {
    let globals: GlobalOptions
    let options: OptionValues
    let operands: [String]
    let descriptors: InheritedDescriptors
    let log: Log

    var runtime: ContainerRuntime { ContainerRuntime(root: globals.root) }

    /// The container's id, which the runtime looks at.
    var id: String { operands.first ?? "" }

    /// - Returns: the exit code.
    func perform(_ command: CommandName) throws(ContainerError) -> Int32 {
        switch command {
        case .create: try create()
        case .run: return try run()
        case .start: try runtime.start(id, notifying: notifyRequest, warn: log.warning)
        case .state: try Output.write(runtime.state(id).encode(pretty: true) + [newline])
        case .kill: try kill()
        case .delete: try delete()
        case .list: try list()
        case .spec: try spec()
        case .check: return try check()
        case .features: try Output.write(Self.features.encode(pretty: true) + [newline])
        case .help, .version: break  // The parser has made requests of their own of them.
        }
        return Program.ExitCode.success
    }

    private func kill() throws(ContainerError) {
        // The parser lets nothing but a signal's name through.
        let signal = operands.dropFirst().first.flatMap { Signal.number(from: $0) }
        try runtime.kill(id, signal: signal ?? Signal.terminate, all: options.isSet(.all))
    }

    private func delete() throws(ContainerError) {
        let force = options.isSet(.force)
        if globals.isStrict && !force {
            // "Attempting to delete a container that is not stopped MUST have no effect on the
            // container and MUST generate an error" (runtime.md#delete). Engines expect a created
            // one to be killed, so this is not the default.
            let status = try runtime.state(id).status
            if status != .stopped {
                throw ContainerError(
                    .wrongState, doing: "delete \"\(id)\"", "container is \(status), not stopped")
            }
        }
        try runtime.delete(id, force: force, warn: log.warning)
    }

    var newline: UInt8 { UInt8(ascii: "\n") }

    /// What is built in. Parts that this stage of the runtime cannot do say so.
    private static var features: Features {
        var features = Features()
        features.hooks = []
        features.mountOptions = MountOptions.recognizedNames.sorted()
        features.linux?.capabilities = Capabilities.allNames
        var cgroup = Features.Cgroup()
        cgroup.v1 = true
        cgroup.v2 = true
        cgroup.systemd = false
        cgroup.systemdUser = false
        cgroup.rdma = true
        features.linux?.cgroup = cgroup
        var seccomp = Features.Seccomp(enabled: false)
        seccomp.actions = nil
        seccomp.operators = nil
        seccomp.archs = nil
        seccomp.knownFlags = nil
        features.linux?.seccomp = seccomp
        // Keys of runc's that engines look for.
        features.annotations = [
            "org.opencontainers.runc.version": BuildInformation.version,
            "org.opencontainers.runc.commit": BuildInformation.commit,
            "org.opencontainers.runc.checkpoint.enabled": "false",
        ]
        features.linux?.apparmor = false
        features.linux?.selinux = false
        return features
    }
}
