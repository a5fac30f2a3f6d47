// SPDX-License-Identifier: Apache-2.0

internal import Containers
internal import Foreground
internal import Linux
internal import OCI

extension Invocation {
    /// `exec`.
    ///
    /// - Returns: the program's exit code, or 0 when it goes on by itself.
    func exec() throws(ContainerError) -> Int32 {
        do throws(ContainerError) {
            return try execNamed()
        } catch {
            var error = error
            if error.doing.isEmpty { error.doing = "exec \"\(id)\"" }
            throw error
        }
    }

    private func execNamed() throws(ContainerError) -> Int32 {
        // No file of ours may be written from inside (CVE-2019-5736).
        let ownFile = try ProtectedBinary.prepare()
        try ownFile?.changeOver()
        var request = try execRequest()
        if options.isSet(.detach) {
            if let path = options[.consoleSocket] { request.console = .socket(path: path) }
            let process = try runtime.prepare(
                request, protectedBy: ownFile, warn: log.warning)
            try runtime.start(process, warn: log.warning)
            return Program.ExitCode.success
        }
        if options[.consoleSocket] != nil {
            throw failure(
                "--console-socket needs --detach: in the foreground the terminal is ours")
        }
        return try execInForeground(request, ownFile)
    }

    /// Without a terminal, the program has our standard streams itself; with one, we stand between
    /// it and ours.
    private func execInForeground(_ request: ExecRequest, _ ownFile: ProtectedFile?)
        throws(ContainerError) -> Int32
    {
        var request = request
        var console: SocketPair?
        if request.wantsTerminal {
            guard (CInt(0)...2).contains(where: { Terminal.isTerminal($0) }) else {
                throw failure(
                    "the process is to have a terminal, and none of our own standard streams is "
                        + "one; leave out --tty, or use --detach with --console-socket")
            }
            let pair = try step("terminal") { () throws(SystemCallError) in
                try Socket.pair(.stream)
            }
            request.console = .descriptor(pair.theirs.number)
            console = consume pair
        }
        // Up to here a signal ends us, and the process with us: nothing has to be undone.
        let process = try runtime.prepare(
            request, protectedBy: ownFile, warn: log.warning)
        let signals = try step("hold signals back") { () throws(SystemCallError) in
            try HeldSignals()
        }
        let terminal = try terminalRelay(through: console)
        try runtime.start(
            process, signals: signals.number,
            interruption: { () throws(ContainerError) in
                try step("read signals") { () throws(SystemCallError) in
                    try signals.takeEnding()
                }
            },
            warn: log.warning)
        let relay = ForegroundRelay(signals: signals, terminal: terminal)
        do throws(SystemCallError) {
            return try relay.run(
                pid: process.pid, process: process.pidfd.descriptor, warn: log.warning
            ).shellCode
        } catch {
            throw failure("wait for the program: \(error)")
        }
    }

    // MARK: The request

    private func execRequest() throws(ContainerError) -> ExecRequest {
        var request = ExecRequest(id: id)
        request.isStrict = globals.isStrict
        request.arguments = Array(operands.dropFirst())
        if let path = options[.process] {
            guard request.arguments.isEmpty else {
                throw failure("give a program or --process, not both")
            }
            request.process = try ProcessSpec.read(from: path)
        } else if request.arguments.isEmpty {
            throw failure("process args cannot be empty: give a program, or --process")
        }
        request.environment = options.all(.env)
        request.workingDirectory = options[.cwd]
        if let text = options[.user] { try readUser(text, into: &request) }
        for text in options.all(.additionalGids) {
            request.additionalGroups.append(try number(text, "--additional-gids"))
        }
        request.capabilities = options.all(.capability)
        request.noNewPrivileges = options[.noNewPrivileges].map { $0 == "true" }
        request.processLabel = options[.processLabel]
        request.appArmorProfile = options[.apparmor]
        request.hasTerminal = options.isSet(.tty)
        request.pidfdSocket = options[.pidfdSocket]
        request.pidFile = options[.pidFile]
        request.preservedDescriptors = descriptors.preserved
        request.cgroups = options.all(.cgroup)
        request.ignoresPause = options.isSet(.ignorePaused)
        return request
    }

    private func readUser(_ text: String, into request: inout ExecRequest) throws(ContainerError) {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        request.user = try number(String(parts[0]), "--user, bad uid")
        if parts.count > 1 { request.group = try number(String(parts[1]), "--user, bad gid") }
    }

    /// Digits alone, and of what they say all: -1 and 4294967295 are no id to the kernel, and
    /// 4294967296 would be root's where it is cut to 32 bits.
    private func number(_ text: String, _ flag: String) throws(ContainerError) -> UInt32 {
        let isDecimal = text.utf8.allSatisfy { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }
        guard isDecimal, let number = UInt32(text), number != .max else {
            throw failure(
                "\(flag): \"\(text)\" is not a number from 0 to 4294967294; names are not looked up"
            )
        }
        return number
    }
}
