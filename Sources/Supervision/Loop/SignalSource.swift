// SPDX-License-Identifier: Apache-2.0

package import Linux

/// Signals to this process, read in its loop instead of interrupting it. It lives as long as the loop.
package final class SignalSource {
    private var watch: Watch?
    private var handlers: [(signal: Int32, handler: () -> Void)] = []
    private let held: [Int32]

    /// Holds signals back from now on, and reads them in a loop. A signal without a handler is read
    /// and dropped.
    package init(_ signals: [Int32], in loop: EventLoop) throws(SystemCallError) {
        held = signals
        try Signal.setBlocked(signals)
        let descriptor = try Signal.descriptor(for: signals)
        watch = try Watch(descriptor, of: loop, for: .readable) { [self] _ in read() }
    }

    /// Calls a handler for a signal; a later one takes the place of an earlier one.
    package func handle(_ signal: Int32, _ handler: @escaping () -> Void) {
        precondition(held.contains(signal), "a signal that is not held back")
        handlers.removeAll { $0.signal == signal }
        handlers.append((signal, handler))
    }

    private func read() {
        guard let watch else { return }
        // Reading can fail with EAGAIN alone, which is nil.
        while let signal = try? Signal.next(from: watch.file.descriptor) {
            for (number, handler) in handlers where number == signal { handler() }
        }
    }
}
