// SPDX-License-Identifier: Apache-2.0

internal import Containers
internal import Foreground
internal import Linux
internal import OCI

extension Invocation {
    /// `checkpoint`.
    func checkpoint() throws(ContainerError) {
        var request = CheckpointRequest(id: id, settings: try criuSettings("checkpoint"))
        request.parentPath = options[.parentPath]
        request.leavesRunning = options.isSet(.leaveRunning)
        request.isPreDump = options.isSet(.preDump)
        request.skipsConnectionsInFlight = options.isSet(.tcpSkipInFlight)
        request.remapsLinks = options.isSet(.linkRemap)
        if let path = request.parentPath, path.hasPrefix("/") {
            throw criuFailure(
                "checkpoint",
                "--parent-path \"\(path)\": must be relative, as seen from the images' directory")
        }
        if options[.statusFd] != nil {
            let number = options.number(.statusFd)
            guard number > 2, Descriptors.isOpen(CInt(clamping: number)) else {
                throw criuFailure(
                    "checkpoint", "--status-fd \(number): no such descriptor is open")
            }
            request.statusDescriptor = CInt(clamping: number)
        }
        if let text = options[.pageServer] {
            guard let colon = text.lastIndex(of: ":"), colon != text.startIndex,
                let port = Int32(text[text.index(after: colon)...]), 1...65535 ~= port
            else {
                throw criuFailure(
                    "checkpoint", "--page-server \"\(text)\": expected ADDRESS:PORT")
            }
            request.pageServer = (String(text[..<colon]), port)
        }
        try runtime.checkpoint(request, warn: log.warning)
    }

    /// `restore`.
    ///
    /// - Returns: the program's exit code, or 0 when it goes on by itself.
    func restore() throws(ContainerError) -> Int32 {
        do throws(ContainerError) {
            return try restoreNamed()
        } catch {
            var error = error
            error.doing = "restore \"\(id)\""
            throw error
        }
    }

    private func restoreNamed() throws(ContainerError) -> Int32 {
        let bundle = try Bundle(path: options[.bundle] ?? ".")
        var request = RestoreRequest(id: id, settings: try criuSettings("restore"))
        request.pidFile = options[.pidFile]
        request.managesCgroups = globals.managesCgroups
        request.usesSystemd = globals.usesSystemd
        request.isStrict = globals.isStrict
        request.labelProfile = options[.lsmProfile]
        request.mountLabel = options[.lsmMountContext]
        if options.isSet(.detach) {
            if let path = options[.consoleSocket] { request.console = .socket(path: path) }
            _ = try runtime.restore(request, bundle: bundle, warn: log.warning)
            return Program.ExitCode.success
        }
        if options[.consoleSocket] != nil {
            throw criuFailure(
                "restore", "--console-socket needs --detach: in the foreground the terminal is ours"
            )
        }
        return try restoreInForeground(request, bundle)
    }

    private func restoreInForeground(_ request: RestoreRequest, _ bundle: Bundle)
        throws(ContainerError) -> Int32
    {
        var request = request
        var console: SocketPair?
        if bundle.configuration.process?.terminal == true {
            let pair = try criuStep("restore", "terminal") { () throws(SystemCallError) in
                try Socket.pair(.stream)
            }
            request.console = .descriptor(pair.theirs.number)
            console = consume pair
        }
        if !options.isSet(.noSubreaper) {
            try criuStep("restore", "subreaper") { () throws(SystemCallError) in
                try Process.becomeSubreaper()
            }
        }
        // From here on a signal is read, not lost and not the end: what restore makes is undone.
        let signals = try criuStep("restore", "hold signals back") {
            () throws(SystemCallError) in try HeldSignals()
        }
        let container = try runtime.restore(request, bundle: bundle, warn: log.warning)
        do throws(ContainerError) {
            let code = try relayRestored(container, signals, console)
            discardRestored(container)
            return code
        } catch {
            discardRestored(container)
            throw error
        }
    }

    private func relayRestored(
        _ container: borrowing CreatedContainer, _ signals: consuming HeldSignals,
        _ console: consuming SocketPair?
    ) throws(ContainerError) -> Int32 {
        var terminal: TerminalRelay?
        do throws(SystemCallError) {
            if let console {
                // It was sent before `restore` returned; the limit is for a mistake of ours.
                let master = try ConsoleSocket.receiveMaster(
                    through: console, milliseconds: 10_000)
                terminal = try TerminalRelay(master: master)
            }
            let relay = ForegroundRelay(signals: signals, terminal: terminal)
            return try relay.run(
                pid: container.pid, process: container.pidfd, warn: log.warning
            ).shellCode
        } catch {
            throw criuFailure("restore", "wait for the program: \(error)")
        }
    }

    /// What cannot be removed is told, and changes nothing about what the caller asked for.
    private func discardRestored(_ container: borrowing CreatedContainer) {
        do throws(ContainerError) {
            try runtime.delete(container, warn: log.warning)
        } catch {
            log.error(error)
        }
    }

    private func criuSettings(_ command: String) throws(ContainerError) -> CriuSettings {
        let current = try criuStep(command, "current directory") { () throws(SystemCallError) in
            try Process.currentDirectory()
        }
        var settings = CriuSettings(
            imagePath: GlobalOptions.normalized(
                options[.imagePath] ?? "checkpoint", from: current))
        settings.workPath = options[.workPath].map { GlobalOptions.normalized($0, from: current) }
        settings.allowsConnections = options.isSet(.tcpEstablished)
        settings.allowsExternalSockets = options.isSet(.extUnixSk)
        settings.allowsFileLocks = options.isSet(.fileLocks)
        settings.isShellJob = options.isSet(.shellJob)
        settings.deduplicates = options.isSet(.autoDedup)
        settings.hasLazyPages = options.isSet(.lazyPages)
        settings.leavesNetworkEmpty = options[.emptyNs] == "network"
        // The parser lets no other word through.
        if let word = options[.manageCgroupsMode],
            let mode = CriuSettings.CgroupMode(rawValue: word)
        {
            settings.cgroupMode = mode
        }
        return settings
    }

    private func criuStep<R: ~Copyable>(
        _ command: String, _ name: String, _ body: () throws(SystemCallError) -> R
    ) throws(ContainerError) -> R {
        do throws(SystemCallError) {
            return try body()
        } catch {
            throw criuFailure(command, "\(name): \(error)")
        }
    }

    private func criuFailure(_ command: String, _ reason: String) -> ContainerError {
        ContainerError(.failed, doing: "\(command) \"\(id)\"", reason)
    }
}
