// SPDX-License-Identifier: Apache-2.0

internal import JSON
internal import Linux
internal import Protobuf

/// `start`: leaves a shim behind, or finds the one of the same pod, and tells where it listens.
///
/// containerd reads both standard output and standard error as the answer: nothing else is written.
struct StartCommand {
    private let name: String
    private let arguments: ShimArguments
    /// nil before containerd 2.3.
    private let parameters: ShimMessages.BootstrapParameters?
    private let options: RuntimeOptions

    /// Containers with the same value of one of these have one shim.
    private static let groupAnnotations: [StaticString] = [
        "io.containerd.runc.v2.group", "io.kubernetes.cri.sandbox-id",
    ]

    /// - Parameters:
    ///   - name: of this program.
    ///   - arguments: the command line.
    ///   - input: what containerd says: since 2.3 all of it, before that the runtime's options.
    /// - Throws: when something of that fails.
    init(_ name: String, _ arguments: ShimArguments, _ input: [UInt8]) throws(CallError) {
        self.name = name
        self.arguments = arguments
        // The older form could be read as the newer one, so that has to name us.
        if let parameters = try? ShimMessages.BootstrapParameters(decoding: input),
            parameters.instanceID == arguments.id, parameters.namespace == arguments.namespace
        {
            self.parameters = parameters
            var options = RuntimeOptions()
            for any in parameters.extensions.compactMap(\.value)
            where any.typeName.hasSuffix("Options") {
                options = try RuntimeOptions(any)
            }
            self.options = options
            return
        }
        parameters = nil
        let any: AnyMessage
        do throws(WireError) {
            any = try AnyMessage(decoding: input)
        } catch {
            throw CallError(.invalidArgument, "what containerd says cannot be read: \(error)")
        }
        options = try RuntimeOptions(any)
    }

    /// - Returns: the answer for containerd.
    func run() throws(CallError) -> [UInt8] {
        let socket = ShimSocket(
            in: parameters?.socketDirectory,
            address: parameters?.grpcAddress ?? arguments.address,
            namespace: arguments.namespace, group: try group())
        switch try socket.listen() {
        case .taken: break
        case .listening(let listener):
            do throws(CallError) {
                try leaveShim(listener, socket)
            } catch {
                socket.remove()
                throw error
            }
        }
        // Where containerd 1.x looks after a restart.
        try doing("address") { () throws(SystemCallError) in
            try File.replace(
                "address", at: Directory.current, with: Array(socket.address.utf8),
                permissions: 0o600)
        }
        return answer(socket.address)
    }

    private func answer(_ address: String) -> [UInt8] {
        if parameters != nil {
            var result = ShimMessages.BootstrapResult()
            result.version = 3
            result.address = address
            result.protocolName = "ttrpc"
            return result.encoded
        }
        let newest = Process.environmentVariable("MAX_SHIM_VERSION").flatMap { Int($0) } ?? 2
        guard newest >= 3 else { return Array(address.utf8) }
        var json = JSONWriter()
        json.object { json in
            json.member("version", 3)
            json.member("address", address)
            json.member("protocol", "ttrpc")
        }
        return json.bytes
    }

    /// What the containers of this shim have in common.
    private func group() throws(CallError) -> String {
        let text = try doing("the bundle") { () throws(SystemCallError) in
            try File.readAll("config.json", limit: 16 << 20)
        }
        do throws(JSONError) {
            let root = try JSONDocument(parsing: text).root
            guard let annotations = root["annotations"] else { return arguments.id }
            for name in Self.groupAnnotations {
                if let value = annotations[name]?.stringIfAny, !value.isEmpty { return value }
            }
            return arguments.id
        } catch {
            throw CallError(.invalidArgument, "config.json: \(error)")
        }
    }

    private func leaveShim(_ listener: borrowing FileDescriptor, _ socket: ShimSocket)
        throws(CallError)
    {
        var words = [
            name, "-namespace", arguments.namespace, "-id", arguments.id, "-address",
            parameters?.grpcAddress ?? arguments.address, "-socket", socket.path,
        ]
        if arguments.isDebug || (parameters?.logLevel ?? 0) <= -4 { words.append("-debug") }
        var environment = Process.environment
        if let address = parameters?.ttrpcAddress, !address.isEmpty {
            environment.removeAll { $0.hasPrefix("TTRPC_ADDRESS=") }
            environment.append("TTRPC_ADDRESS=\(address)")
        }
        // This very program, even if another has taken its place by now.
        var spawn = Spawn("/proc/self/exe", arguments: words, environment: environment)
        spawn.passed = [listener.number]
        spawn.outOfMemoryScore = Self.outOfMemoryScore
        try doing("start the shim") { () throws(SystemCallError) in
            if !(Process.environmentVariable("SCHED_CORE") ?? "").isEmpty {
                try Process.separateCoreSchedulingOfGroup()
            }
            let pid = try spawn.start()
            do throws(SystemCallError) {
                try join(pid, options.message.shimCgroup)
            } catch {
                try? Process.send(Signal.kill, toChild: pid)
                throw error
            }
        }
    }

    /// One more than containerd's: of both, the kernel rather kills the shim.
    private static var outOfMemoryScore: String? {
        guard
            let text = try? File.readText("/proc/\(Process.parentID)/oom_score_adj", limit: 64),
            let score = Int(text.prefix { $0 != "\n" })
        else { return nil }
        return "\(min(1000, score + 1))"
    }

    /// Puts the shim into a cgroup that is there already, in every hierarchy that has it.
    private func join(_ pid: Int32, _ cgroup: String) throws(SystemCallError) {
        if cgroup.isEmpty { return }
        var hasJoined = false
        let mounts = try File.readText("/proc/self/mountinfo", limit: 16 << 20)
        for point in ControlGroups.mountPoints(in: mounts) {
            do throws(SystemCallError) {
                let slash = cgroup.hasPrefix("/") ? "" : "/"
                try File.write(
                    "\(pid)", toExisting: "\(point)\(slash)\(cgroup)/cgroup.procs")
                hasJoined = true
            } catch where error.errno == .noEntry {}
        }
        if !hasJoined { throw SystemCallError("join the cgroup", cgroup, .noEntry) }
    }
}
