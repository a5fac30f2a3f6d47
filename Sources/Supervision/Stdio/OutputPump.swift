// SPDX-License-Identifier: Apache-2.0

internal import Linux

/// Reads one output of a container, and hands on what it has read.
final class OutputPump {
    private let loop: EventLoop
    /// What the file holds at most that nobody has read.
    private let capacity: Int
    private let isHeldUp: () -> Bool
    private let deliver: (ArraySlice<UInt8>) -> Void
    private let onEnd: () -> Void
    private var file: OpenFile?
    /// None during a pause: a hang-up would come unasked, again and again.
    private var watch: Watch?

    /// Reads a pipe's end, or a terminal's master, from now on; it becomes non-blocking.
    ///
    /// - Parameters:
    ///   - file: read by nobody else.
    ///   - capacity: what it holds at most.
    ///   - loop: where this happens.
    ///   - isHeldUp: whether whoever takes the output needs a pause, which ``resume()`` ends.
    ///   - deliver: given what was read.
    ///   - onEnd: called once, when all has been read that there will ever be.
    /// - Throws: when it cannot be waited for.
    init(
        _ file: OpenFile, capacity: Int, in loop: EventLoop,
        isHeldUp: @escaping () -> Bool, deliver: @escaping (ArraySlice<UInt8>) -> Void,
        onEnd: @escaping () -> Void = {}
    ) throws(SystemCallError) {
        self.loop = loop
        self.capacity = capacity
        self.isHeldUp = isHeldUp
        self.deliver = deliver
        self.onEnd = onEnd
        self.file = file
        try Readiness.makeNonBlocking(file.descriptor)
        try startReading()
    }

    /// Whether all has been read that there will ever be.
    var hasEnded: Bool { file == nil }

    private func startReading() throws(SystemCallError) {
        guard let file else { return }
        watch = try Watch(file, of: loop, for: .readable) { [weak self] _ in
            self?.readSome()
        }
    }

    /// Goes on after a pause.
    func resume() {
        if watch != nil || hasEnded { return }
        do throws(SystemCallError) {
            try startReading()
        } catch {
            // There is no memory for one more watch: soon there may be.
            loop.after(milliseconds: 100) { [weak self] in self?.resume() }
        }
    }

    /// Reads all that had been written when this was called, and no more after that.
    func drain() {
        var left = capacity
        while left > 0, let count = readOnce(), count > 0 { left -= count }
        end()
    }

    /// Reads no more.
    func end() {
        if hasEnded { return }
        watch = nil
        file = nil
        onEnd()
    }

    /// Reads what is there now.
    ///
    /// - Returns: whether that was all of it.
    @discardableResult
    func readSome() -> Bool {
        // A few rounds: a flood of output must not keep others waiting.
        for _ in 0..<4 where !hasEnded {
            if isHeldUp() {
                watch = nil
                return false
            }
            guard let count = readOnce() else { return true }
            if count == 0 { end() }
        }
        return hasEnded
    }

    /// - Returns: how much it was; 0 at the end, nil when there is nothing now.
    private func readOnce() -> Int? {
        guard let file else { return 0 }
        do throws(SystemCallError) {
            return try loop.buffer.read(file.number, deliver)
        } catch {
            // EIO: a terminal that nobody has open any more.
            return error.errno == .again ? nil : 0
        }
    }
}
