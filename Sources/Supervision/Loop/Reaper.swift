// SPDX-License-Identifier: Apache-2.0

package import Linux

/// Reaps this process's children, those that were reparented to it included, and tells how they
/// ended to whoever asked.
///
/// An ended child is a zombie until it is reaped, and only then can its pid be another process's.
/// So a child that nobody asks for yet, but may ask for soon, is left a zombie: see ``hold()``.
///
/// It lives as long as the loop.
package final class Reaper {
    /// Called with how a child has ended.
    package typealias Handler = (ProcessEnd) -> Void

    private struct Awaited {
        let pid: Int32
        let process: Watch
        let handler: Handler
        let lost: () -> Void
    }

    private let loop: EventLoop
    private var awaited: [Awaited] = []
    private var holds = 0

    /// Starts to reap.
    ///
    /// - Parameters:
    ///   - loop: where handlers are called from.
    ///   - signals: SIGCHLD is among those it reads.
    package init(loop: EventLoop, signals: SignalSource) {
        self.loop = loop
        signals.handle(Signal.child) { [self] in reapAll() }
    }

    /// Calls a handler once when a child has ended; soon, when it has ended already.
    ///
    /// - Parameters:
    ///   - pid: a child of ours that has not been reaped: between its start and this call there
    ///     must be a ``hold()``, or nothing that waits.
    ///   - lost: called from the loop instead of the handler when the process has ended, and was
    ///     no child of ours: nobody can know how.
    ///   - handler: called from the loop.
    /// - Throws: ESRCH when there is no such process.
    package func whenEnded(
        _ pid: Int32, lost: @escaping () -> Void = {}, _ handler: @escaping Handler
    ) throws(SystemCallError) {
        let process = try Process.descriptor(of: pid)
        let watch = try Watch(process, of: loop, for: .readable) { [weak self] _ in
            self?.reap(pid)
        }
        awaited.append(Awaited(pid: pid, process: watch, handler: handler, lost: lost))
    }

    /// Forgets a child that ``whenEnded(_:_:)`` was called for: it is reaped, and nobody is told.
    package func ignore(_ pid: Int32) { awaited.removeAll { $0.pid == pid } }

    /// Leaves ended children that nobody awaits as they are, until ``release()`` has been called as
    /// often as this.
    package func hold() { holds += 1 }

    /// See ``hold()``.
    package func release() {
        holds -= 1
        if holds == 0 { loop.after(milliseconds: 0) { [weak self] in self?.reapAll() } }
    }

    private func reapAll() {
        if holds > 0 { return }
        // ECHILD is answered with nil; nothing else can fail.
        while let (pid, end) = try? Process.reapAnyWithUsage() { tell(pid, end) }
    }

    private func reap(_ pid: Int32) {
        do throws(SystemCallError) {
            if let end = try Process.reapWithUsage(pid) { tell(pid, end) }
        } catch {
            guard let index = awaited.firstIndex(where: { $0.pid == pid }) else { return }
            awaited.remove(at: index).lost()
        }
    }

    private func tell(_ pid: Int32, _ end: ProcessEnd) {
        // Out of the list first: a handler may ask for the next process of that pid.
        guard let index = awaited.firstIndex(where: { $0.pid == pid }) else { return }
        let handler = awaited.remove(at: index).handler
        handler(end)
    }
}
