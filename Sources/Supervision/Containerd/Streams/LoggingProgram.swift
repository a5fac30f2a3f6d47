// SPDX-License-Identifier: Apache-2.0

internal import Linux

/// A program that keeps a container's output, named by `binary://PATH?NAME=VALUE…`.
///
/// It has the output as descriptor 3, the errors as 4, and says by closing 5 that it is ready; as
/// `binary-v2://` by a byte first, so that one that has crashed is not taken for one that is ready.
final class LoggingProgram {
    /// What a URI says.
    struct Command: Equatable {
        var path: String
        var arguments: [String]
        var mustSayReady: Bool

        /// - Returns: nil for a URI of another kind.
        init?(_ uri: StreamURI) throws(CallError) {
            guard uri.scheme == "binary" || uri.scheme == "binary-v2" else { return nil }
            guard uri.path.hasPrefix("/") else {
                throw CallError(
                    .invalidArgument, "logging program \"\(uri.path)\" has no absolute path")
            }
            path = try executablePath(uri.path, "logging program")
            arguments = uri.query.flatMap { item in
                if let value = item.value { [item.name, value] } else { [item.name] }
            }
            mustSayReady = uri.scheme == "binary-v2"
        }
    }

    /// How long it may take to be ready.
    private static let patience = 30_000

    /// The ends that a container writes to, until ``releaseEnds()``.
    private(set) var output: OpenFile?
    private(set) var errors: OpenFile?
    private let command: Command
    private let loop: EventLoop
    private var pid: Int32?
    private var ready: Watch?
    private var timer: EventLoop.Timer?
    private var onReady: ((CallError?) -> Void)?
    private var onEnd: [() -> Void] = []

    /// Starts it.
    ///
    /// - Parameters:
    ///   - command: what to run.
    ///   - id: the container's or the exec's, which it is told.
    ///   - namespace: of containerd's, which it is told.
    ///   - loop: where this happens.
    ///   - reaper: of that loop.
    ///   - onReady: called once, when it is ready or when it has failed.
    /// - Throws: when something of that fails.
    init(
        _ command: Command, id: String, namespace: String, in loop: EventLoop, _ reaper: Reaper,
        onReady: @escaping (CallError?) -> Void
    ) throws(SystemCallError) {
        self.command = command
        self.loop = loop
        let outputPipe = try PipePair()
        let errorPipe = try PipePair()
        let readyPipe = try PipePair()
        var spawn = Spawn(
            command.path, arguments: [command.path] + command.arguments,
            environment: ["CONTAINER_ID=\(id)", "CONTAINER_NAMESPACE=\(namespace)"])
        spawn.passed = [
            outputPipe.reading.number, errorPipe.reading.number, readyPipe.writing.number,
        ]
        let pid = try spawn.start()
        output = OpenFile(Self.writing(of: outputPipe))
        errors = OpenFile(Self.writing(of: errorPipe))
        self.pid = pid
        self.onReady = onReady
        let reading = Self.reading(of: readyPipe)
        try Readiness.makeNonBlocking(reading)
        ready = try Watch(reading, of: loop, for: .readable) { [unowned self] _ in readReady() }
        timer = loop.after(milliseconds: Self.patience) { [weak self] in
            self?.decide("was not ready in time")
        }
        try reaper.whenEnded(pid) { [self] _ in
            self.pid = nil
            // Its last word may not have been read yet.
            readReady()
            decide(self.command.mustSayReady ? "ended before it was ready" : nil)
            for body in onEnd { body() }
            onEnd = []
        }
    }

    /// Calls something when the program has ended, which it is made to in the end: it is asked to
    /// when it goes on after all output has ended, and then killed.
    func whenEnded(_ body: @escaping () -> Void) {
        guard pid != nil else { return body() }
        onEnd.append(body)
        // Weak: what has ended by itself need not be kept.
        loop.after(milliseconds: 10_000) { [weak self] in self?.signal(Signal.terminate) }
        loop.after(milliseconds: 12_000) { [weak self] in self?.signal(Signal.kill) }
    }

    /// Keeps the ends that a container writes to open no longer: once nobody else has them, the
    /// program reads their end.
    func releaseEnds() { (output, errors) = (nil, nil) }

    /// Ends it at once.
    func kill() { signal(Signal.kill) }

    private func signal(_ number: Int32) {
        // It may have ended, and not been reaped yet.
        if let pid { try? Process.send(number, toChild: pid) }
    }

    private func readReady() {
        guard let number = ready?.number else { return }
        var buffer: [UInt8] = [0]
        do throws(SystemCallError) {
            let count = try File.read(number, into: &buffer)
            decide(count == 0 && command.mustSayReady ? "did not say that it is ready" : nil)
        } catch where error.errno == .again {
            return
        } catch {
            decide("\(error)")
        }
    }

    private func decide(_ failure: String?) {
        guard let onReady else { return }
        self.onReady = nil
        loop.cancel(timer)
        ready = nil
        if let failure {
            kill()
            onReady(CallError(.unknown, "logging program \"\(command.path)\" \(failure)"))
        } else {
            onReady(nil)
        }
    }

    private static func reading(of pipe: consuming PipePair) -> FileDescriptor { pipe.reading }
    private static func writing(of pipe: consuming PipePair) -> FileDescriptor { pipe.writing }
}
