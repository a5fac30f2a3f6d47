// SPDX-License-Identifier: Apache-2.0

package import Linux

/// Moves bytes from one file to another as they come, and holds the writer up while the reader
/// takes none.
package final class StreamCopy {
    private let pump: OutputPump
    private let queue: WriteQueue
    private var onEnd: () -> Void

    /// More than the kernel keeps of what was written to a pseudoterminal.
    private static let keptByTerminal = 128 * 1024

    /// Starts to move.
    ///
    /// - Parameters:
    ///   - source: read by nobody else; it becomes non-blocking.
    ///   - destination: non-blocking; others may write to it too.
    ///   - loop: where this happens.
    ///   - onLoss: told when something could not be written, and was dropped.
    ///   - onEnd: called once, after the last byte has been moved, or when nobody takes any more.
    /// - Throws: when something of that fails.
    package init(
        from source: OpenFile, to destination: OpenFile, in loop: EventLoop,
        onLoss: @escaping (SystemCallError) -> Void = { _ in }, onEnd: @escaping () -> Void = {}
    ) throws(SystemCallError) {
        self.onEnd = onEnd
        // One read at a time: then nothing piles up here.
        let queue = try WriteQueue(to: destination, limit: 1, in: loop)
        self.queue = queue
        pump = try OutputPump(
            source, capacity: Self.keptByTerminal, in: loop, isHeldUp: { queue.isFull },
            deliver: { queue.append($0) }, onEnd: { queue.endWhenEmpty() })
        queue.onLoss = onLoss
        queue.onRoom = { [weak pump] in pump?.resume() }
        queue.onEnd = { [weak self] in self?.end() }
    }

    /// Moves what can be moved now.
    ///
    /// - Returns: whether that was all that had been written.
    func catchUp() -> Bool { pump.readSome() && !queue.isFull }

    /// Moves nothing any more, and lets both files go.
    package func end() {
        let onEnd = self.onEnd
        self.onEnd = {}
        queue.end()
        pump.end()
        onEnd()
    }

    /// Moves what the writers of a terminal had written, and ends. For other sources the end of
    /// file says when.
    package func endWithTerminal() { pump.drain() }
}
