// SPDX-License-Identifier: Apache-2.0

package import Linux

/// Stands in for a container's process in the foreground: passes signals on to it and, with a
/// terminal, input and output, until it ends.
///
/// One loop, and no thread. Without a terminal the process has the caller's standard streams
/// itself, and only signals are passed on.
package struct ForegroundRelay: ~Copyable {
    private let signals: HeldSignals
    private var terminal: TerminalRelay?
    private var status: ExitStatus?

    /// Takes over what it works with.
    ///
    /// - Parameters:
    ///   - signals: made before the process was, so that none is lost.
    ///   - terminal: nil when the container has none.
    package init(signals: consuming HeldSignals, terminal: consuming TerminalRelay? = nil) {
        self.signals = signals
        self.terminal = terminal
    }

    /// Waits for the process's end, and reaps it and every other child of ours on the way. The
    /// caller's terminal is as it was when this returns.
    ///
    /// - Parameters:
    ///   - pid: the process, a child of ours.
    ///   - process: the same as a descriptor.
    ///   - warn: told what went wrong without ending the relay.
    /// - Returns: how the process ended.
    /// - Throws: ECHILD when the process is not a child of ours, so that nobody can know how it
    ///   ended.
    package consuming func run(
        pid: Int32, process: borrowing FileDescriptor, warn: (String) -> Void = { _ in }
    ) throws(SystemCallError) -> ExitStatus {
        while true {
            var interests = [
                Readiness.Interest(number: signals.descriptor.number, toRead: true),
                Readiness.Interest(number: process.number, toRead: status == nil),
            ]
            if let more = terminal?.interests { interests += more }
            let outcomes = try Readiness.wait(for: interests)
            if outcomes[0].canRead, try passSignals(to: process, pid: pid, warn: warn) {
                if let status { return status }
            }
            if status == nil && outcomes[1].canRead {
                try reapAll(awaiting: pid)
                if status == nil { status = try Process.wait(for: process) }
            }
            if status != nil { terminal?.programHasEnded() }
            terminal?.transfer(outcomes[2...])
            if let status, terminal?.isDrained ?? true { return status }
        }
    }

    /// - Returns: whether one asked to end, which the last output is not kept from then.
    private mutating func passSignals(
        to process: borrowing FileDescriptor, pid: Int32, warn: (String) -> Void
    ) throws(SystemCallError) -> Bool {
        var ending = false
        while let signal = try signals.next() {
            switch signal {
            case Signal.child:
                try reapAll(awaiting: pid)
            case Signal.windowChange where terminal != nil:
                terminal?.copySize()
            default:
                if HeldSignals.endings.contains(signal) { ending = true }
                pass(signal, to: process, warn: warn)
            }
        }
        return ending
    }

    private func pass(
        _ signal: Int32, to process: borrowing FileDescriptor, warn: (String) -> Void
    ) {
        if status != nil { return }
        do throws(SystemCallError) {
            try Process.send(signal, to: process)
        } catch {
            // It may have ended just now.
            if error.errno != .noProcess { warn("\(error)") }
        }
    }

    private mutating func reapAll(awaiting pid: Int32) throws(SystemCallError) {
        while let ended = try Process.reapAny() {
            if ended.pid == pid { status = ended.status }
        }
    }
}
