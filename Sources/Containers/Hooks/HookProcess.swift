// SPDX-License-Identifier: Apache-2.0

internal import Linux

/// How a hook came to its end.
enum HookEnd: Equatable {
    case ended(ExitStatus)
    /// It never ran, and why.
    case notExecuted(String)
    case timedOut
    /// Nobody needs it any more.
    case abandoned

    /// What follows the hook's name in an error; nil for success.
    func reason(of hook: HookPlan) -> String? {
        switch self {
        case .ended(.exited(0)): nil
        case .ended(.exited(let code)): " failed with exit code \(code)"
        case .ended(.signaled(let signal)): " was killed by \(Signal.name(of: signal))"
        case .notExecuted(let why): ": \(why)"
        case .timedOut:
            " had not ended after its timeout of \((hook.timeout ?? 0) / 1000) s, and was killed"
        case .abandoned: " was ended, because the container's process was killed"
        }
    }
}

/// One hook that runs: a child, leader of a session and process group of its own.
struct HookProcess {
    private let pid: Int32
    /// nil where a seccomp filter forbids pidfd_open(2); then we look again and again.
    private let pidfd: SharedDescriptor?
    /// What it writes on standard output and error.
    private let writings: SharedDescriptor
    /// Ends when the hook is executed; brings the reason when it cannot be.
    private let report: SharedDescriptor
    /// Milliseconds of the monotonic clock.
    private let deadline: Int?

    private(set) var output = HookOutput()
    private var refusal: [UInt8] = []
    private var isWriting = true
    private var isBeginning = true

    /// How long a killed hook may take to go, in milliseconds. One that waits for a device may not
    /// go at all, and must not keep us.
    private static let patience = 5000
    /// How often we look where nothing tells us, in milliseconds.
    private static let interval = 20

    /// Starts a hook.
    init(_ hook: HookPlan, _ runner: HookRunner, input: SharedDescriptor) throws(SystemCallError) {
        let output = try PipePair()
        let report = try PipePair()
        let parent = Process.id
        pid = try Process.fork()
        if pid == 0 {
            HookChild(
                hook: hook, runner: runner, parent: parent, input: input.number,
                output: output.writing.number, report: report.writing.number
            ).run()
        }
        deadline = hook.timeout.map { timeout in
            let (sum, isTooLong) = Clock.milliseconds.addingReportingOverflow(timeout)
            return isTooLong ? .max : sum
        }
        pidfd = try? SharedDescriptor(Process.descriptor(of: pid))
        // With our copies of the far ends gone, the hook's are the only ones.
        writings = SharedDescriptor(output.takeReading())
        self.report = SharedDescriptor(report.takeReading())
    }

    /// Waits until it has ended, and takes in what it writes. Processes that it leaves in the
    /// background go on; one that is over its time is killed with its whole process group. `end` is
    /// a descriptor that can be read once nobody needs the hook any more.
    mutating func follow(until end: CInt?) throws(SystemCallError) -> HookEnd {
        do throws(SystemCallError) {
            try Readiness.makeNonBlocking(writings.descriptor)
            try Readiness.makeNonBlocking(report.descriptor)
            while true {
                if let outcome = try step(end) { return outcome }
            }
        } catch {
            kill()
            throw error
        }
    }

    private mutating func step(_ end: CInt?) throws(SystemCallError) -> HookEnd? {
        let left = deadline.map { max(0, $0 - Clock.milliseconds) }
        if left == 0 {
            kill()
            return .timedOut
        }
        let wait = pidfd == nil ? min(left ?? Self.interval, Self.interval) : left
        let ready = try Poll.readable(
            [
                isWriting ? writings.number : -1, isBeginning ? report.number : -1, end ?? -1,
                pidfd?.number ?? -1,
            ], milliseconds: wait)
        if ready[0] { try takeOutput() }
        if ready[1] { try takeReport() }
        if ready[3] || pidfd == nil, let status = try Process.reap(pid) {
            // Nothing of its own can follow; what others write is of no interest.
            try takeOutput()
            try takeReport()
            if refusal.isEmpty { return .ended(status) }
            return .notExecuted(String(decoding: refusal, as: UTF8.self))
        }
        guard ready[2] else { return nil }
        kill()
        return .abandoned
    }

    /// What can be read now, up to what pipes hold: a writer without end must not keep us.
    private mutating func takeOutput() throws(SystemCallError) {
        var buffer = [UInt8](repeating: 0, count: 4096)
        var rounds = 0
        while isWriting && rounds < 16 {
            guard let count = try Self.read(writings, &buffer) else { return }
            output.append(buffer[..<count])
            if count == 0 { isWriting = false }
            rounds += 1
        }
    }

    private mutating func takeReport() throws(SystemCallError) {
        var buffer = [UInt8](repeating: 0, count: 4096)
        while isBeginning {
            guard let count = try Self.read(report, &buffer) else { return }
            refusal += buffer[..<count]
            if count == 0 { isBeginning = false }
        }
    }

    /// nil when there is nothing now; 0 at the end.
    private static func read(_ descriptor: SharedDescriptor, _ buffer: inout [UInt8])
        throws(SystemCallError) -> Int?
    {
        do throws(SystemCallError) {
            return try File.read(descriptor.number, into: &buffer)
        } catch where error.errno == .again {
            return nil
        }
    }

    /// Kills the hook and its group, and reaps it. Its pid is its own until then.
    private func kill() {
        // ESRCH: it had not come to lead a group yet.
        try? Process.send(Signal.kill, toGroupOf: pid)
        try? Process.send(Signal.kill, toChild: pid)
        let end = Clock.milliseconds + Self.patience
        while Clock.milliseconds < end {
            do throws(SystemCallError) {
                if try Process.reap(pid) != nil { return }
            } catch {
                return  // Someone else has reaped it.
            }
            if let pidfd {
                _ = try? Poll.readable([pidfd.number], milliseconds: Self.patience)
            } else {
                Clock.sleep(milliseconds: Self.interval)
            }
        }
    }
}

/// What happens in the new process, up to the hook's program.
private struct HookChild {
    let hook: HookPlan
    let runner: HookRunner
    /// Who made us.
    let parent: Int32
    let input: CInt
    let output: CInt
    let report: CInt

    func run() -> Never {
        do throws(SystemCallError) {
            try prepare()
        } catch {
            end(error.description)
        }
        let errno = Process.execute(
            hook.path, arguments: hook.arguments, environment: hook.environment)
        end("exec: \(errno)\(hint(errno))")
    }

    private func prepare() throws(SystemCallError) {
        if runner.diesWithUs {
            try Process.setParentDeathSignal(Signal.kill)
            // It may have died before.
            if Process.parentID != parent { Process.exitNow(1) }
        }
        // Also a process group of its own, to be killed as a whole; and out of reach of the
        // caller's terminal.
        try Process.startSession()
        try Descriptors.copy(input, onto: 0)
        try Descriptors.copy(output, onto: 1)
        try Descriptors.copy(output, onto: 2)
        // Nothing else may be inherited. The report ends with the exec.
        try Descriptors.closeAll(from: 3, but: report)
        if let umask = runner.umask { Process.setUmask(umask) }
        if let directory = runner.directory { try enter(directory) }
        // Last: `run` holds signals back, and everyone ignores SIGPIPE.
        try Signal.resetAll()
    }

    /// The specification names no directory; the bundle is what hooks are about. One that is gone,
    /// or closed to us, is no reason to run no hook.
    private func enter(_ directory: String) throws(SystemCallError) {
        do throws(SystemCallError) {
            try Process.changeDirectory(to: directory)
        } catch {
            try Process.changeDirectory(to: "/")
        }
    }

    private func hint(_ errno: Errno) -> String {
        guard errno == .noEntry, (try? File.status(of: hook.path)) != nil else { return "" }
        return "; the file is there, but not its interpreter (the #! line's, or the ELF loader)"
    }

    private func end(_ reason: String) -> Never {
        // If nobody reads it, nobody needs it.
        try? File.write(Array(reason.utf8), to: report)
        Process.exitNow(127)
    }
}
