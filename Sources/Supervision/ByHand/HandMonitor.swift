// SPDX-License-Identifier: Apache-2.0

internal import JSON
internal import Linux

/// What `martlet-shim run` is told.
package struct HandSettings {
    package var folder: ContainerFolder
    package var bundle: String
    package var runtime: String
    package var runtimeArguments: [String] = []
    package var log: LogDestination
    package var limits = LogLimits()
    /// Whether clients may write the program's input.
    package var hasInput = false
    package var exitCommand: ExitCommand?
    /// Whether the runtime is told to delete the container when it has ended.
    package var deletes = false
    /// How long each call of the runtime may take, in seconds.
    package var runtimeSeconds = 60

    package init(folder: ContainerFolder, bundle: String, runtime: String, log: LogDestination) {
        self.folder = folder
        self.bundle = bundle
        self.runtime = runtime
        self.log = log
    }
}

/// A container that was started by hand, from the runtime's call to the end.
final class HandMonitor {
    private let settings: HandSettings
    private let hasTerminal: Bool
    private let complaints = Complaints(name: "martlet-shim")
    private let loop: EventLoop
    private let signals: SignalSource
    private let reaper: Reaper
    private let streams: ContainerStreams
    private let exitFile: ReservedFile
    private var control: ControlFifo?
    private var console: TerminalSocket?
    private var process: OpenFile?
    private var cgroup: ContainerCgroup?
    private var command: RuntimeCommand?
    private var hasStarted = false
    private var endBeforeStart: ProcessEnd?
    /// Called once: with nil when the container runs, or with why it does not.
    private var report: (String?) -> Void

    /// Makes what others will find in the folder, which is there already.
    init(_ settings: HandSettings, report: @escaping (String?) -> Void) throws(SupervisionError) {
        self.settings = settings
        self.report = report
        hasTerminal = try Self.wantsTerminal(settings.bundle)
        let directory = try settings.folder.open()
        do throws(SystemCallError) {
            try Process.becomeSubreaper()
            loop = try EventLoop()
            signals = try SignalSource(
                [Signal.child, Signal.terminate, Signal.interrupt, Signal.quit, Signal.hangup],
                in: loop)
            reaper = Reaper(loop: loop, signals: signals)
            exitFile = try ReservedFile(settings.folder.exitPath, permissions: 0o600)
            streams = try ContainerStreams(
                hasTerminal ? .terminal : .pipes(input: settings.hasInput), leavesInputOpen: false,
                in: loop)
            try streams.logs.open(
                settings.log, limits: settings.limits, labels: Self.labels(settings.folder.id),
                synchronizes: true, in: loop, warn: { [complaints] in complaints.warn($0) })
            try streams.serve(at: "attach", in: directory)
            if hasTerminal { console = try TerminalSocket() }
        } catch {
            throw SupervisionError("start", error)
        }
        do throws(SystemCallError) {
            control = try ControlFifo(at: "ctl", in: directory, of: loop) { [weak self] line in
                self?.obey(line.split(separator: " "))
            }
        } catch {
            throw SupervisionError("control fifo", error)
        }
    }

    private static func labels(_ id: String) -> JournalLabels {
        var labels = JournalLabels()
        labels.id = id
        return labels
    }

    private static func wantsTerminal(_ bundle: String) throws(SupervisionError) -> Bool {
        let path = "\(bundle)/config.json"
        let bytes: [UInt8]
        do throws(SystemCallError) {
            bytes = try File.readAll(
                File.open(path, .readOnlyAtOnce), limit: 16 << 20, subject: path)
        } catch {
            throw SupervisionError("bundle", error)
        }
        do throws(JSONError) {
            let root = try JSONDocument(parsing: bytes).root
            return root["process"]?["terminal"]?.booleanIfAny ?? false
        } catch {
            throw SupervisionError("\(path): \(error)")
        }
    }

    /// Runs until the container's end has been told.
    func run() throws(SupervisionError) {
        complaints.leaveStandardError()
        complaints.openSystemLog()
        for signal in [Signal.terminate, Signal.interrupt, Signal.quit] {
            signals.handle(signal) { [unowned self] in
                if let process {
                    // It may have ended just now.
                    try? Process.send(signal, to: process.descriptor)
                } else {
                    command?.kill()
                }
            }
        }
        create()
        try SupervisionError.doing("wait") { () throws(SystemCallError) in try loop.run() }
    }

    private func obey(_ words: [Substring]) {
        if words.first == "1", let size = ControlFifo.windowSize(words.dropFirst()) {
            streams.resize(to: size)
        } else if words.first == "2" {
            streams.logs.reopen()
        }
    }

    // MARK: The runtime

    private func call(
        _ words: [String], prepare: (RuntimeCommand) -> Void = { _ in },
        _ done: @escaping (RuntimeCommand.Outcome) -> Void
    ) {
        let command = RuntimeCommand(
            settings.runtime, settings.runtimeArguments + words, in: loop, reaper)
        command.milliseconds = settings.runtimeSeconds * 1000
        prepare(command)
        self.command = command
        do throws(SystemCallError) {
            try command.start { [unowned self] outcome in
                self.command = nil
                done(outcome)
            }
        } catch {
            fail("start the runtime: \(error)")
        }
    }

    private func create() {
        var words = ["create", "--bundle", settings.bundle, "--pid-file", settings.folder.pidPath]
        if let console { words += ["--console-socket", console.path] }
        call(words + [settings.folder.id], prepare: { [streams] in streams.hand(to: $0) }) {
            [unowned self] outcome in
            guard outcome.succeeded else {
                let words = RuntimeCommand.oneLine(streams.earlyErrors())
                fail(words.isEmpty || outcome.tookTooLong ? outcome.reason : words)
                return
            }
            do throws(SystemCallError) {
                try adopt()
            } catch {
                discard("the runtime has made no container that can be watched: \(error)")
                return
            }
            start()
        }
        streams.closeTheirs()
    }

    private func adopt() throws(SystemCallError) {
        let folder = settings.folder
        let text = try File.readText(folder.pidPath, limit: 64)
        guard let pid = Int32(text.prefix { $0 != "\n" }), pid > 1 else {
            throw SystemCallError("read", folder.pidPath, .invalid)
        }
        guard let known = KnownProcess(pid: pid), let own = KnownProcess(pid: Process.id) else {
            throw SystemCallError("find process", "\(pid)", .noProcess)
        }
        process = OpenFile(try Process.descriptor(of: pid))
        if let console { try streams.take(console.receive()) }
        console = nil
        let record = ContainerRecord(
            id: folder.id, bundle: settings.bundle, runtime: settings.runtime,
            runtimeArguments: settings.runtimeArguments, logFormat: settings.log.formatName,
            logPath: settings.log.path, created: Clock.timestamp, hasTerminal: hasTerminal,
            shim: own, process: known)
        try File.replace(
            folder.recordPath, at: Directory.current, with: record.encoded, permissions: 0o600)
        try reaper.whenEnded(
            pid,
            lost: { [unowned self] in
                complaints.fail("nobody can tell how process \(pid) ended: it was not our child")
                streams.drain()
                loop.stop()
            }, { [unowned self] in processEnded($0) })
        let cgroup = ContainerCgroup(of: pid)
        self.cgroup = cgroup
        streams.begin()
    }

    private func start() {
        call(
            ["start", settings.folder.id]
        ) { [unowned self] outcome in
            guard outcome.succeeded else {
                discard(outcome.reason)
                return
            }
            hasStarted = true
            report(nil)
            report = { _ in }
            if let end = endBeforeStart { finish(end) }
        }
    }

    /// Takes back what the runtime has made, and fails.
    private func discard(_ reason: String) {
        call(["delete", "--force", settings.folder.id]) { [unowned self] _ in fail(reason) }
    }

    private func fail(_ reason: String) {
        report(reason)
        report = { _ in }
        loop.stop()
    }

    // MARK: The end

    private func processEnded(_ end: ProcessEnd) {
        process = nil
        // A short program may have ended before the runtime has told us that it runs.
        if hasStarted { finish(end) } else { endBeforeStart = end }
    }

    private func finish(_ end: ProcessEnd) {
        // First all output: who sees the exit finds it in the log.
        streams.drain()
        var record = ExitRecord(end.status, ended: Clock.timestamp)
        record.isMemoryKill = cgroup?.hasKilled ?? false
        record.peakMemory = cgroup?.peakMemory ?? end.usage.peakMemory
        record.processorTime =
            cgroup?.processorTime ?? end.usage.userTime + end.usage.systemTime
        write(record, attempts: 20)
    }

    private func write(_ record: ExitRecord, attempts: Int) {
        do throws(SystemCallError) {
            try exitFile.write(record.encoded(id: settings.folder.id))
        } catch {
            complaints.fail("exit record: \(error)")
            if attempts > 0 {
                loop.after(milliseconds: 500) { [unowned self] in
                    write(record, attempts: attempts - 1)
                }
                return
            }
        }
        control = nil
        streams.finish { [unowned self] in runExitCommand(record) }
    }

    private func runExitCommand(_ record: ExitRecord) {
        guard let command = settings.exitCommand else {
            deleteContainer()
            return
        }
        let variables = ["CONTAINER_ID=\(settings.folder.id)", "CONTAINER_CODE=\(record.code)"]
        command.run(in: loop, reaper, adding: variables, outOfMemoryScore: nil) {
            [unowned self] failure in
            if let failure { complaints.fail(failure) }
            deleteContainer()
        }
    }

    private func deleteContainer() {
        guard settings.deletes else {
            loop.stop()
            return
        }
        call(["delete", settings.folder.id]) { [unowned self] outcome in
            if !outcome.succeeded { complaints.fail("delete: \(outcome.reason)") }
            loop.stop()
        }
    }
}

extension LogDestination {
    var path: String { if case .file(_, let path) = self { path } else { "" } }

    var formatName: String {
        switch self {
        case .file(let format, _): format.rawValue
        case .journal: "journald"
        case .passthrough, .off: "off"
        }
    }
}

/// `martlet-shim run`.
package enum HandRun {
    /// Makes and starts a container, and leaves a shim with it in the background.
    package static func run(_ settings: HandSettings) throws(SupervisionError) {
        try settings.folder.claim()
        let reading: OpenFile
        var writing: OpenFile?
        let pid: Int32
        do throws(SystemCallError) {
            try Descriptors.closeOnExec(from: 3)
            let pipe = try PipePair()
            reading = OpenFile(pipe.reading)
            writing = OpenFile(pipe.writing)
            pid = try Process.fork()
        } catch {
            try settings.folder.remove()
            throw SupervisionError("background", error)
        }
        if pid == 0, let writing { Process.exitNow(supervise(settings, answer: writing)) }
        writing = nil
        // One message, or the end of a shim that can send none.
        var answer = [UInt8](repeating: 0, count: 64 << 10)
        let count = (try? File.read(reading.number, into: &answer)) ?? 0
        answer = Array(answer[..<count])
        if answer.first == UInt8(ascii: "+") { return }
        if answer.isEmpty {
            throw SupervisionError("the shim has ended before the container could be made")
        }
        throw SupervisionError(String(decoding: answer.dropFirst(), as: UTF8.self))
    }

    private static func supervise(_ settings: HandSettings, answer: OpenFile) -> Int32 {
        var answer: OpenFile? = answer
        func tell(_ failure: String?) {
            guard let pipe = answer else { return }
            let text = failure.map { "-\($0)" } ?? "+"
            // Whoever has asked may be gone. One write, which a pipe takes whole.
            try? File.write(Array(text.utf8.prefix(4096)), to: pipe.number)
            answer = nil
        }
        var hasFailed = false
        do throws(SupervisionError) {
            try SupervisionError.doing("background") { () throws(SystemCallError) in
                try Process.startSession()
                let null = try File.open("/dev/null", .readWrite)
                for stream in CInt(0)...2 { try null.duplicate(onto: stream) }
            }
            let monitor = try HandMonitor(settings) { failure in
                // No half of a record stays.
                if failure != nil {
                    hasFailed = true
                    try? settings.folder.remove()
                }
                tell(failure)
            }
            try monitor.run()
        } catch {
            hasFailed = true
            // One that runs has its record, whatever became of us.
            if answer != nil { try? settings.folder.remove() }
            tell(error.description)
        }
        return hasFailed ? 1 : 0
    }
}
