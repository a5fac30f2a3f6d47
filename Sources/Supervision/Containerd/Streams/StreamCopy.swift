// SPDX-License-Identifier: Apache-2.0

package import Linux

/// Moves bytes from one file to another as they come, and holds the writer up while the reader
/// takes none.
package final class StreamCopy {
    private let loop: EventLoop
    private var source: OpenFile?
    private var destination: OpenFile?
    /// Whether the destination can be waited for: not so a regular file, which is always ready.
    private let canWait: Bool
    private var pending: ArraySlice<UInt8> = []
    private var isReading = false
    private var isWriting = false
    private var hasEnded = false
    /// Set when the writers of a terminal have ended: how much may still be read of what they had
    /// written.
    private var budget: Int?
    private let onEnd: () -> Void
    private let onLoss: (SystemCallError) -> Void

    /// More than the kernel keeps of what was written to a pseudoterminal.
    private static let keptByTerminal = 128 * 1024
    private static let bufferSize = 16384

    /// Starts to move.
    ///
    /// - Parameters:
    ///   - source: non-blocking, and read by nobody else.
    ///   - destination: non-blocking; others may write to it too.
    ///   - loop: where this happens.
    ///   - onLoss: told the first time that something could not be written, and was dropped.
    ///   - onEnd: called once, after the last byte has been moved, or when nobody takes any more.
    /// - Throws: when something of that fails.
    package init(
        from source: OpenFile, to destination: OpenFile, in loop: EventLoop,
        onLoss: @escaping (SystemCallError) -> Void = { _ in }, onEnd: @escaping () -> Void = {}
    ) throws(SystemCallError) {
        self.loop = loop
        self.source = source
        self.destination = destination
        self.onLoss = onLoss
        self.onEnd = onEnd
        canWait = try File.status(of: destination.descriptor).type != .regular
        try startReading()
    }

    deinit { stop() }

    /// Moves nothing any more, and lets both files go.
    package func end() {
        if hasEnded { return }
        stop()
        onEnd()
    }

    /// Moves what the writers of a terminal had written, and ends. For other sources the end of
    /// file says when.
    package func endWithTerminal() {
        if hasEnded || budget != nil { return }
        budget = Self.keptByTerminal
        pump()
    }

    private func stop() {
        stopReading()
        stopWriting()
        hasEnded = true
        pending = []
        source = nil
        destination = nil
    }

    private func startReading() throws(SystemCallError) {
        guard let source, !isReading else { return }
        try loop.watch(source.number, for: .readable) { [unowned self] _ in pump() }
        isReading = true
    }

    // Not only told to wait for nothing: a hang-up would come unasked, again and again.
    private func stopReading() {
        if let source, isReading { loop.forget(source.number) }
        isReading = false
    }

    private func startWriting() throws(SystemCallError) {
        guard let destination, !isWriting else { return }
        try loop.watch(destination.number, for: .writable) { [unowned self] _ in pump() }
        isWriting = true
    }

    private func stopWriting() {
        if let destination, isWriting { loop.forget(destination.number) }
        isWriting = false
    }

    private func pump() {
        do throws(SystemCallError) {
            try move()
        } catch {
            end()
        }
    }

    private func move() throws(SystemCallError) {
        var buffer: [UInt8] = []
        // A few rounds: others must have their turn.
        for _ in 0..<16 {
            if hasEnded { return }
            guard flush() else {
                stopReading()
                return try startWriting()
            }
            if buffer.isEmpty { buffer = [UInt8](repeating: 0, count: Self.bufferSize) }
            guard let count = try readSome(into: &buffer) else { break }
            if count == 0 { return end() }
            pending = buffer[..<count]
        }
        // What was read last is never kept without somebody waiting to write it.
        guard flush() else {
            stopReading()
            return try startWriting()
        }
        if hasEnded { return }
        stopWriting()
        try startReading()
    }

    /// - Returns: how much was read; 0 at the end, nil when there is nothing now.
    private func readSome(into buffer: inout [UInt8]) throws(SystemCallError) -> Int? {
        guard let source else { return 0 }
        do throws(SystemCallError) {
            let count = try File.read(source.number, into: &buffer)
            guard let left = budget else { return count }
            if left <= 0 { return 0 }
            budget = left - count
            return count
        } catch where error.errno == .again {
            // A terminal has passed on all that was written before it says so.
            return budget == nil ? nil : 0
        } catch where error.errno == .inputOutput {
            // The other side of a terminal is closed.
            return 0
        }
    }

    /// Writes what is pending.
    ///
    /// - Returns: whether nothing is left.
    private func flush() -> Bool {
        while !pending.isEmpty, let number = destination?.number {
            do throws(SystemCallError) {
                let count = try Readiness.writeSome(pending, to: number, isSocket: false)
                if count == 0 && canWait { return false }
                pending = pending.dropFirst(count)
            } catch where error.errno == .brokenPipe || error.errno == .inputOutput && canWait {
                // Nobody will ever read.
                end()
                return true
            } catch {
                // A full disk: it is not worth stopping the container for. It will be tried again
                // with what comes next.
                onLoss(error)
                pending = []
            }
        }
        pending = []
        return true
    }
}
