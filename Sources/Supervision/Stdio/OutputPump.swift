// SPDX-License-Identifier: Apache-2.0

internal import Linux

/// Reads one output of a container, and hands on what it has read.
final class OutputPump {
    private var watch: Watch?
    private let stream: OutputStream
    private let deliver: (ArraySlice<UInt8>, OutputStream) -> Void
    private let isHeldUp: () -> Bool
    private var isPaused = false
    /// What the file holds at most that nobody has read.
    private let capacity: Int
    private let buffer: SharedBuffer

    /// Reads a pipe's end, or a terminal's master, from now on; it becomes non-blocking.
    ///
    /// `capacity` is what it holds at most. `isHeldUp` says whether whoever takes the output needs
    /// a pause, which ``resume()`` ends.
    init(
        _ reading: consuming FileDescriptor, _ stream: OutputStream, capacity: Int,
        buffer: SharedBuffer, in loop: EventLoop, isHeldUp: @escaping () -> Bool,
        deliver: @escaping (ArraySlice<UInt8>, OutputStream) -> Void
    ) throws(SystemCallError) {
        self.stream = stream
        self.capacity = capacity
        self.buffer = buffer
        self.isHeldUp = isHeldUp
        self.deliver = deliver
        try Readiness.makeNonBlocking(reading)
        watch = try Watch(reading, of: loop, for: .readable) { [weak self] _ in self?.readSome() }
    }

    /// Whether all has been read that there will ever be.
    var hasEnded: Bool { watch == nil }

    /// Goes on after a pause.
    func resume() {
        if !isPaused { return }
        isPaused = false
        watch?.change(to: .readable)
    }

    /// Reads all that had been written when this was called, and no more after that.
    func drain() {
        var left = capacity
        while left > 0, let count = readOnce(), count > 0 { left -= count }
        watch = nil
    }

    private func readSome() {
        // A few rounds: a flood of output must not keep others waiting.
        var rounds = 4
        while rounds > 0 {
            if isHeldUp() {
                isPaused = true
                watch?.change(to: [])
                return
            }
            guard let count = readOnce() else { return }
            if count == 0 {
                watch = nil
                return
            }
            rounds -= 1
        }
    }

    /// - Returns: how much it was; 0 at the end, nil when there is nothing now.
    private func readOnce() -> Int? {
        guard let number = watch?.number else { return 0 }
        do throws(SystemCallError) {
            return try buffer.read(number) { deliver($0, stream) }
        } catch {
            // EIO: a terminal that nobody has open any more.
            return error.errno == .again ? nil : 0
        }
    }
}

/// Memory that all reads of one loop share: what is read is handed on before the next read. It is
/// given back when nothing was read for a while.
final class SharedBuffer {
    private static let size = 64 << 10
    private static let idleMilliseconds = 3000

    private let loop: EventLoop
    private var bytes: [UInt8] = []
    private var isUsed = false

    init(loop: EventLoop) { self.loop = loop }

    /// Reads once, and hands on what came; answers how much it was.
    func read(_ number: CInt, _ body: (ArraySlice<UInt8>) -> Void) throws(SystemCallError) -> Int {
        if bytes.isEmpty {
            bytes = [UInt8](repeating: 0, count: Self.size)
            startTimer()
        }
        isUsed = true
        let count = try File.read(number, into: &bytes)
        if count > 0 { body(bytes[..<count]) }
        return count
    }

    private func startTimer() {
        isUsed = false
        loop.after(milliseconds: Self.idleMilliseconds) { [weak self] in
            guard let self else { return }
            if isUsed {
                startTimer()
            } else {
                bytes = []
                Memory.trim()
            }
        }
    }
}
