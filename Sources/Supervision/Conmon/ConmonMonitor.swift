// SPDX-License-Identifier: Apache-2.0

internal import Linux

/// One container, or one more process in one, from the runtime's call to the end.
final class ConmonMonitor {
    /// How long a runtime may take: longer than podman waits for us.
    private static let runtimeMilliseconds = 300_000

    private let settings: ConmonSettings
    private let sync: SyncPipe
    private let attach: SyncPipe
    private let start: OpenFile?
    private let complaints: Complaints
    private let outOfMemoryScore: String?
    private let loop: EventLoop
    private let signals: SignalSource
    private let reaper: Reaper
    private let bundle: FileDescriptor
    private let streams: ContainerStreams
    private var fifos: [ControlFifo] = []
    private var proxy: NotifyProxy?
    private var console: TerminalSocket?
    private var exitFiles: [ReservedFile] = []
    private var runtime: RuntimeCommand?
    private var process: OpenFile?
    private var pid: Int32 = 0
    private var cgroup: ContainerCgroup?
    private var timedOut = false
    private var link: String?
    private var code: Int32 = 1

    init(
        _ settings: ConmonSettings, sync: SyncPipe, attach: SyncPipe, start: OpenFile?,
        complaints: Complaints, outOfMemoryScore: String?
    ) throws(SupervisionError) {
        self.settings = settings
        self.sync = sync
        self.attach = attach
        self.start = start
        self.complaints = complaints
        self.outOfMemoryScore = outOfMemoryScore
        do throws(SystemCallError) {
            try Process.becomeSubreaper()
            loop = try EventLoop()
            signals = try SignalSource(
                [Signal.child, Signal.terminate, Signal.interrupt, Signal.quit, Signal.hangup],
                in: loop)
            reaper = Reaper(loop: loop, signals: signals)
            bundle = try File.open(settings.bundle, .directoryPath)
            streams = try ContainerStreams(
                settings.streamKind, leavesInputOpen: settings.options.isSet(.leaveStdinOpen),
                in: loop)
        } catch {
            throw SupervisionError("start", error)
        }
    }

    /// - Returns: the exit code of this program.
    func run() throws(SupervisionError) -> Int32 {
        for signal in [Signal.terminate, Signal.interrupt, Signal.quit] {
            signals.handle(signal) { [unowned self] in pass(signal) }
        }
        try prepare()
        if settings.isExecAttached {
            attach.tell(0)
            // Whoever attaches does so now, and then lets the program begin.
            if let start { EnginePipe.waitForMessage(on: start) }
        }
        attach.close()
        try startRuntime()
        try SupervisionError.doing("wait") { () throws(SystemCallError) in try loop.run() }
        removeLink()
        return code
    }

    // MARK: What others find

    private func prepare() throws(SupervisionError) {
        for destination in settings.destinations {
            try SupervisionError.doing("log") { [self] () throws(SystemCallError) in
                try streams.logs.open(
                    destination, limits: settings.limits, labels: settings.labels,
                    synchronizes: !settings.options.isSet(.noSyncLog), in: loop,
                    warn: { [complaints] in complaints.warn($0) })
            }
        }
        if settings.streamKind != .inherited && settings.servesClients { try serve() }
        if let path = settings.options[.sdnotifySocket], !path.isEmpty {
            try SupervisionError.doing("sd-notify socket") { [self] () throws(SystemCallError) in
                proxy = try NotifyProxy(in: bundle, to: path, of: loop)
            }
        }
        if settings.hasTerminal {
            try SupervisionError.doing("console socket") { [self] () throws(SystemCallError) in
                let socket = try TerminalSocket()
                try socket.whenConnected(in: loop) { [unowned self] in
                    // What is wrong is told when the runtime has ended.
                    try? takeTerminal()
                }
                console = socket
            }
        }
        try reserveExitFiles()
    }

    private func serve() throws(SupervisionError) {
        try SupervisionError.doing("attach socket") { [self] () throws(SystemCallError) in
            try streams.serve(at: "attach", in: bundle)
            if !settings.options.isSet(.fullAttach) { try makeLink() }
        }
        try SupervisionError.doing("control fifo") { [self] () throws(SystemCallError) in
            fifos.append(
                try ControlFifo(at: "ctl", in: bundle, of: loop) { [weak self] line in
                    self?.obey(line.split(separator: " "))
                })
            fifos.append(
                try ControlFifo(at: "winsz", in: bundle, of: loop) { [weak self] line in
                    self?.resize(line.split(separator: " ")[...])
                })
        }
    }

    /// A short way to the bundle, for those who must name the socket by a path.
    private func makeLink() throws(SystemCallError) {
        let directory = settings.options[.socketDirPath] ?? "/var/run/crio"
        do throws(SystemCallError) {
            try File.makeDirectory(directory, permissions: 0o700)
        } catch where error.errno == .exists {
            // As it should be.
        }
        let target = try File.readSymbolicLink(bundle.procPath)
        let path = "\(directory)/\(settings.uuid)"
        try? File.remove(path)
        try File.makeSymbolicLink(path, at: Directory.current, to: target)
        link = path
    }

    private func removeLink() { if let link { try? File.remove(link) } }

    private func reserveExitFiles() throws(SupervisionError) {
        var paths: [String] = []
        if let directory = settings.options[.persistDir] { paths.append("\(directory)/exit") }
        if let directory = settings.options[.exitDir] {
            paths.append("\(directory)/\(settings.id)")
        }
        for path in paths {
            try SupervisionError.doing("exit file") { [self] () throws(SystemCallError) in
                exitFiles.append(try ReservedFile(path, permissions: 0o644, size: 16))
            }
        }
    }

    private func obey(_ words: [Substring]) {
        switch words.first {
        case "1": resize(words.dropFirst())
        case "2": streams.logs.reopen()
        default: complaints.warn("ctl: \"\(words.joined(separator: " "))\" is no order")
        }
    }

    private func resize(_ words: ArraySlice<Substring>) {
        guard let size = ControlFifo.windowSize(words) else {
            complaints.warn("ctl: \"\(words.joined(separator: " "))\" is no size")
            return
        }
        streams.resize(to: size)
    }

    // MARK: The runtime

    private func startRuntime() throws(SupervisionError) {
        // What is in it is of an earlier run.
        try? File.remove(settings.pidFile)
        let command = RuntimeCommand(
            settings.runtime, settings.runtimeArguments(console: console?.path), in: loop, reaper)
        command.milliseconds = Self.runtimeMilliseconds
        command.spawn.outOfMemoryScore = outOfMemoryScore
        command.spawn.namesListener = settings.options.isSet(.replaceListenPid)
        streams.hand(to: command)
        try SupervisionError.doing("start the runtime") { [self] () throws(SystemCallError) in
            try command.start { [unowned self] in runtimeEnded($0) }
        }
        streams.closeTheirs()
        runtime = command
    }

    private func runtimeEnded(_ outcome: RuntimeCommand.Outcome) {
        runtime = nil
        do throws(SupervisionError) {
            if !outcome.succeeded {
                let words = streams.earlyErrors()
                let text = String(decoding: words.suffix(32 << 10), as: UTF8.self)
                let message = text.isEmpty || outcome.tookTooLong ? outcome.reason : text
                throw SupervisionError("runtime: \(message)")
            }
            try adopt()
        } catch {
            complaints.fail(error.description)
            // An engine looks for words of the runtime's at the beginning.
            let text = error.description
            sync.tell(-1, message: text.hasPrefix("runtime: ") ? String(text.dropFirst(9)) : text)
            code = 1
            loop.stop()
        }
    }

    /// The container's process is our child now, as the runtime that made it has ended.
    private func adopt() throws(SupervisionError) {
        do throws(SystemCallError) {
            let text = try File.readText(settings.pidFile, limit: 64)
            guard let pid = Int32(text.prefix { $0 != "\n" }), pid > 1 else {
                throw SystemCallError("read", settings.pidFile, .invalid)
            }
            self.pid = pid
            process = OpenFile(try Process.descriptor(of: pid))
            try takeTerminal()
            try reaper.whenEnded(
                pid, lost: { [unowned self] in processLost() },
                { [unowned self] in processEnded($0) })
        } catch {
            throw SupervisionError("the runtime has made no container that can be watched", error)
        }
        streams.begin()
        // An old engine waits for one number only: for an exec that is the exit code.
        if settings.usesData || !settings.isExec { sync.tell(Int64(pid)) }
        if !settings.isExec { watchMemory() }
        if let seconds = settings.timeLimit {
            loop.after(milliseconds: seconds.multipliedReportingOverflow(by: 1000).partialValue) {
                [unowned self] in timeIsOver()
            }
        }
    }

    private func takeTerminal() throws(SystemCallError) {
        guard let console else { return }
        try streams.take(console.receive())
        self.console = nil
    }

    private func pass(_ signal: Int32) {
        if let process {
            // It may have ended just now.
            try? Process.send(signal, to: process.descriptor)
        } else {
            runtime?.kill()
        }
    }

    private func timeIsOver() {
        guard let process else { return }
        timedOut = true
        try? Process.send(Signal.kill, to: process.descriptor)
        try? Process.send(Signal.kill, toGroupOf: pid)
    }

    private func watchMemory() {
        let cgroup = ContainerCgroup(of: pid)
        self.cgroup = cgroup
        do throws(SystemCallError) {
            try cgroup.watch(in: loop) { [unowned self] in noteMemoryKill() }
        } catch {
            complaints.warn("watch for want of memory: \(error)")
        }
    }

    private func noteMemoryKill() {
        for path in [settings.options[.persistDir], settings.bundle] {
            guard let path else { continue }
            do throws(SystemCallError) {
                _ = try File.open(
                    "\(path)/oom", [.writeOnly, .create, .noFollow], permissions: 0o644)
            } catch {
                complaints.warn("tell of want of memory: \(error)")
            }
        }
    }

    // MARK: The end

    private func processLost() {
        complaints.fail("nobody can tell how process \(pid) ended: it was not our child")
        process = nil
        streams.drain()
        sync.tell(-1, message: "the exit code is not known")
        code = 1
        finish()
    }

    private func processEnded(_ end: ProcessEnd) {
        process = nil
        if cgroup?.hasKilled == true { noteMemoryKill() }
        cgroup?.endWatch()
        // First all output: who sees the exit finds it in the log.
        streams.drain()
        code = timedOut ? -1 : end.status.shellCode
        writeExitFiles(attempts: 20)
    }

    /// A directory may be gone for a moment; the room for the file has been there from the start.
    private func writeExitFiles(attempts: Int) {
        while let file = exitFiles.first {
            do throws(SystemCallError) {
                try file.write(Array("\(code)".utf8))
                exitFiles.removeFirst()
            } catch {
                complaints.fail("exit file: \(error)")
                if attempts > 0 {
                    loop.after(milliseconds: 500) { [unowned self] in
                        writeExitFiles(attempts: attempts - 1)
                    }
                    return
                }
                exitFiles.removeFirst()
            }
        }
        if settings.isExec { sync.tell(Int64(code), message: timedOut ? "command timed out" : nil) }
        finish()
    }

    private func finish() {
        sync.close()
        fifos = []
        proxy = nil
        streams.finish { [unowned self] in
            guard let command = settings.exitCommand else {
                loop.stop()
                return
            }
            command.run(in: loop, reaper, outOfMemoryScore: outOfMemoryScore) {
                [unowned self] failure in
                if let failure { complaints.fail(failure) }
                loop.stop()
            }
        }
    }
}
