// SPDX-License-Identifier: Apache-2.0

internal import Containers
internal import Foreground
internal import Linux
internal import OCI

extension Invocation {
    /// `run`.
    ///
    /// - Returns: the program's exit code, or 0 when it goes on by itself.
    func run() throws(ContainerError) -> Int32 {
        do throws(ContainerError) {
            return try runNamed()
        } catch {
            // Whoever typed "run" knows nothing of "create" and "start".
            var error = error
            error.doing = "run \"\(id)\""
            throw error
        }
    }

    private func runNamed() throws(ContainerError) -> Int32 {
        let ownFile = try ProtectedBinary.prepare()
        if options.isSet(.detach) {
            var request = request()
            request.startsAtOnce = true
            let container = try runtime.create(
                request, protecting: ownFile, warn: log.warning)
            do throws(ContainerError) {
                try runtime.start(container, notifying: notifyRequest, warn: log.warning)
            } catch {
                discard(container)
                throw error
            }
            return Program.ExitCode.success
        }
        if options[.consoleSocket] != nil {
            throw failure("--console-socket needs --detach: in the foreground the terminal is ours")
        }
        return try runInForeground(ownFile)
    }

    /// Without a terminal, the program has our standard streams itself; with one, we stand between
    /// it and ours.
    private func runInForeground(_ ownFile: ProtectedFile?) throws(ContainerError) -> Int32 {
        var laps = Laps(trace)
        let bundle = try Bundle(path: options[.bundle] ?? ".")
        laps.lap("read config.json")
        let wantsTerminal = bundle.configuration.process?.terminal ?? false
        if wantsTerminal, !(CInt(0)...2).contains(where: { Terminal.isTerminal($0) }) {
            throw failure(
                "process.terminal is true, and none of our own standard streams is a terminal; set "
                    + "it to false, or use --detach with --console-socket")
        }
        // From here on a signal is read, not lost and not the end: what create makes is undone.
        let signals = try step("hold signals back") { () throws(SystemCallError) in
            try HeldSignals()
        }
        if !options.isSet(.noSubreaper) {
            try step("subreaper") { () throws(SystemCallError) in try Process.becomeSubreaper() }
        }
        var request = request()
        request.startsAtOnce = true
        var console: SocketPair?
        if wantsTerminal {
            let pair = try step("terminal") { () throws(SystemCallError) in
                try Socket.pair(.stream)
            }
            request.console = .descriptor(pair.theirs.number)
            console = consume pair
        }
        let container = try runtime.create(
            request, bundle: bundle, protecting: ownFile, warn: log.warning)
        laps.lap("create")
        do throws(ContainerError) {
            let code = try startAndRelay(container, signals, console, &laps)
            if code != 0 { tellMemoryKills(container) }
            if !options.isSet(.keep) { discard(container) }
            laps.lap("delete")
            return code
        } catch {
            discard(container)
            throw error
        }
    }

    private func startAndRelay(
        _ container: borrowing CreatedContainer, _ signals: consuming HeldSignals,
        _ console: consuming SocketPair?, _ laps: inout Laps
    ) throws(ContainerError) -> Int32 {
        let terminal = try terminalRelay(through: console)
        // The program could not hear it yet, and the container's init need not heed it.
        let ending = try step("read signals") { () throws(SystemCallError) in
            try signals.takeEnding()
        }
        if let ending {
            throw failure("ended by \(Signal.name(of: ending)) before its program started")
        }
        try runtime.start(
            container,
            notifying: notifySocket.map { NotifyRequest(socket: $0, inBackground: true) },
            warn: log.warning)
        laps.lap("start")
        defer { laps.lap("wait for the program") }
        let relay = ForegroundRelay(signals: signals, terminal: terminal)
        do throws(SystemCallError) {
            return try relay.run(
                pid: container.pid, process: container.pidfd, warn: log.warning
            ).shellCode
        } catch where error.errno == .noChild {
            throw failure("nobody can tell how it ended: another process has reaped it")
        } catch {
            throw failure("wait for the program: \(error)")
        }
    }

    // MARK: Errors

    /// Why a program may have ended as it did, as nothing keeps it but the cgroup that goes now.
    private func tellMemoryKills(_ container: borrowing CreatedContainer) {
        let count = runtime.memoryKills(of: container)
        if count == 0 { return }
        log.warning(
            "run \"\(id)\": the kernel had no memory left for the container, and killed "
                + "\(count == 1 ? "a process" : "\(count) processes") of it; "
                + "linux.resources.memory.limit is what it may have")
    }

    /// Removes the container, whose program has ended or never ran. What cannot be removed is told,
    /// and changes nothing about what the caller asked for: an exit code, or the first error.
    private func discard(_ container: borrowing CreatedContainer) {
        do throws(ContainerError) {
            try runtime.delete(container, warn: log.warning)
        } catch {
            log.error(error)
        }
    }
}
