// SPDX-License-Identifier: Apache-2.0

package import Linux

/// One call of an OCI runtime's program, or of any other: started, waited for in the loop, and
/// ended when it takes too long.
///
/// Processes that it leaves behind become our children (see `Process.becomeSubreaper`), and stay
/// zombies, if they end, until whoever started the command has been told of its end: so the pid
/// that a runtime has written into a file is still that of the container's process.
package final class RuntimeCommand {
    /// What becomes of what the program writes.
    package enum Sink: Equatable, Sendable {
        /// It is kept, up to a limit, for ``Outcome``.
        case kept
        /// It goes to a descriptor of the caller's.
        case descriptor(CInt)
        /// It is thrown away.
        case dropped
    }

    /// What the program reads.
    package enum Source: Equatable, Sendable {
        case nothing
        case bytes([UInt8])
        case descriptor(CInt)
    }

    /// What came of it.
    package struct Outcome: Sendable {
        /// How the program ended, and what it used.
        package var end: ProcessEnd
        /// Whether it was killed because it took too long.
        package var tookTooLong = false
        /// What it wrote, where that was kept.
        package var output: [UInt8] = []
        package var errors: [UInt8] = []

        /// Whether it ended with code 0.
        package var succeeded: Bool { end.status == .exited(0) }

        /// The last words of its standard error in one line; empty when there are none.
        package var errorText: String { RuntimeCommand.oneLine(errors) }

        /// Why it failed, in words: what it said, or else how it ended.
        package var reason: String {
            if tookTooLong { return "it did not end in time, and was killed" }
            if !errorText.isEmpty { return errorText }
            switch end.status {
            case .exited(let code): return "it ended with code \(code), and said nothing"
            case .signaled(let signal): return "it was ended by \(Signal.name(of: signal))"
            }
        }
    }

    /// Called once with what came of it.
    package typealias Completion = (Outcome) -> Void

    /// The most that is kept of each stream. A runtime's answers are a few KiB; statistics and lists
    /// can be longer.
    package static let keptLimit = 4 << 20

    /// What to start. Change it before ``start(_:)``.
    package var spawn: Spawn
    package var input = Source.nothing
    package var output = Sink.kept
    package var errors = Sink.kept
    /// How long it may take; nil for ever.
    package var milliseconds: Int?

    private let loop: EventLoop
    private let reaper: Reaper
    /// Open in the program alone once it has started.
    private var handedOver: [OpenFile] = []
    private var outputStream: KeptStream?
    private var errorStream: KeptStream?
    private var timer: EventLoop.Timer?
    private var pid: Int32?
    private var tookTooLong = false

    /// - Parameters:
    ///   - program: its path.
    ///   - arguments: without the program's name.
    ///   - environment: as `NAME=VALUE`.
    ///   - loop: where it is waited for.
    ///   - reaper: whoever reaps in that loop.
    package init(
        _ program: String, _ arguments: [String], environment: [String] = Process.environment,
        in loop: EventLoop, _ reaper: Reaper
    ) {
        spawn = Spawn(program, arguments: [program] + arguments, environment: environment)
        spawn.diesWithParent = true
        self.loop = loop
        self.reaper = reaper
    }

    /// Starts it. It lives on, and this value with it, until its end has been told.
    ///
    /// - Throws: when no process could be made. A program that cannot be executed ends with code
    ///   127, after it has said why on its standard error.
    package func start(_ completion: @escaping Completion) throws(SystemCallError) {
        // What it reads from a file in memory keeps nobody waiting.
        defer { handedOver = [] }
        spawn.input = try source(input)
        spawn.output = try sink(output, &outputStream)
        spawn.errors = try sink(errors, &errorStream)
        let pid = try spawn.start()
        self.pid = pid
        try reaper.whenEnded(pid) { [self] end in finish(end, completion) }
        reaper.hold()
        if let milliseconds {
            timer = loop.after(milliseconds: milliseconds) { [weak self] in
                self?.tookTooLong = true
                self?.kill()
            }
        }
    }

    /// Kills the program and all of its process group. Its end is told as ever.
    package func kill() {
        guard let pid else { return }
        // It may have ended, and not been reaped yet.
        try? Process.send(Signal.kill, toChild: pid)
        try? Process.send(Signal.kill, toGroupOf: pid)
    }

    private func finish(_ end: ProcessEnd, _ completion: Completion) {
        pid = nil
        loop.cancel(timer)
        var outcome = Outcome(end: end, tookTooLong: tookTooLong)
        // Not to the end of file: what the program has left running may hold the streams open.
        outcome.output = outputStream?.drain() ?? []
        outcome.errors = errorStream?.drain() ?? []
        outputStream = nil
        errorStream = nil
        completion(outcome)
        reaper.release()
    }

    private func source(_ source: Source) throws(SystemCallError) -> CInt? {
        switch source {
        case .nothing: return nil
        case .descriptor(let number): return number
        case .bytes(let bytes):
            let file = OpenFile(try MemoryFile.make("input"))
            try File.write(bytes, to: file.number)
            try File.rewind(file.descriptor)
            handedOver.append(file)
            return file.number
        }
    }

    private func sink(_ sink: Sink, _ stream: inout KeptStream?) throws(SystemCallError) -> CInt? {
        switch sink {
        case .dropped: return nil
        case .descriptor(let number): return number
        case .kept:
            let pipe = try PipePair()
            stream = try KeptStream(pipe.reading, in: loop, limit: Self.keptLimit)
            let writing = OpenFile(pipe.writing)
            handedOver.append(writing)
            return writing.number
        }
    }

    /// What a program said last, fit for one line of a message: the last line that is not empty,
    /// without control characters, and at most 4,000 bytes of it.
    package static func oneLine(_ bytes: [UInt8]) -> String {
        for line in bytes.split(separator: UInt8(ascii: "\n")).reversed() {
            let clean = line.suffix(4000).filter { $0 >= 0x20 && $0 != 0x7f }
            if !clean.isEmpty { return String(decoding: clean, as: UTF8.self) }
        }
        return ""
    }
}
