// SPDX-License-Identifier: Apache-2.0

internal import JSON
internal import Linux

/// Calls of one runtime for one bundle.
final class OCIRuntime {
    /// How long calls may take, in milliseconds, when the caller says nothing.
    enum Patience {
        /// Hooks, image files and slow disks may be in the way.
        static let launch = 240_000
        static let other = 60_000
        static let checkpoint = 1_800_000
    }

    /// What became of a call.
    typealias Completion = (RuntimeCommand.Outcome, CallError?) -> Void

    let program: String
    private let globalArguments: [String]
    private let logPath: String
    private let loop: EventLoop
    private let reaper: Reaper
    private let log: ShimLog

    /// - Parameters:
    ///   - program: the runtime's path.
    ///   - root: of its state.
    ///   - bundle: where it writes its log.
    ///   - systemdCgroup: whether systemd makes cgroups.
    ///   - loop: where this happens.
    ///   - reaper: of that loop.
    ///   - log: where what goes wrong is told.
    init(
        program: String, root: String, bundle: String, systemdCgroup: Bool, in loop: EventLoop,
        _ reaper: Reaper, log: ShimLog
    ) {
        self.program = program
        logPath = "\(bundle)/log.json"
        globalArguments =
            ["--root", root, "--log", logPath, "--log-format", "json"]
            + (systemdCgroup ? ["--systemd-cgroup"] : [])
        self.loop = loop
        self.reaper = reaper
        self.log = log
    }

    /// Makes a call.
    ///
    /// - Parameters:
    ///   - words: the command and its arguments.
    ///   - doing: the beginning of the message when it fails.
    ///   - milliseconds: how long it may take.
    ///   - prepare: changes what is started.
    ///   - completion: told what came of it; with an error when it failed.
    func call(
        _ words: [String], doing: String, milliseconds: Int = Patience.other,
        prepare: (RuntimeCommand) -> Void = { _ in }, _ completion: @escaping Completion
    ) {
        let command = RuntimeCommand(program, globalArguments + words, in: loop, reaper)
        command.milliseconds = milliseconds
        prepare(command)
        log.write(.debug, "\(program) \((globalArguments + words).joined(separator: " "))")
        // What it adds to its log is about this call, or about another one at the same time.
        let before = (try? File.status(of: logPath).size) ?? 0
        do throws(SystemCallError) {
            try command.start { [self] outcome in
                completion(outcome, failure(outcome, doing, before))
            }
        } catch {
            let end = ProcessEnd(
                status: .exited(127),
                usage: ResourceUsage(userTime: 0, systemTime: 0, peakMemory: 0))
            completion(
                RuntimeCommand.Outcome(end: end),
                CallError(.unknown, "\(doing): \(program): \(error)"))
        }
    }

    private func failure(_ outcome: RuntimeCommand.Outcome, _ doing: String, _ before: Int64)
        -> CallError?
    {
        if outcome.succeeded { return nil }
        if outcome.tookTooLong {
            return CallError(.deadlineExceeded, "\(doing): \(program): \(outcome.reason)")
        }
        return CallError(.unknown, "\(doing): \(lastError(after: before) ?? outcome.reason)")
    }

    /// The last error in the runtime's log: `{"level":"error","msg":"…"}`, one a line.
    private func lastError(after offset: Int64) -> String? {
        // A log that has become very long tells no more than its end.
        guard let text = try? File.readAll(logPath, limit: 4 << 20) else { return nil }
        let start = min(max(0, Int(offset)), text.count)
        for line in text[start...].split(separator: UInt8(ascii: "\n")).reversed() {
            // A line that is not JSON is none of a log's.
            guard let root = try? JSONDocument(parsing: Array(line)).root,
                root["level"]?.stringIfAny == "error",
                let message = root["msg"]?.stringIfAny, !message.isEmpty
            else { continue }
            return RuntimeCommand.oneLine(
                Array(message.utf8.map { $0 == UInt8(ascii: "\n") ? UInt8(ascii: " ") : $0 }))
        }
        return nil
    }
}
