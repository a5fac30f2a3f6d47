// SPDX-License-Identifier: Apache-2.0

internal import Linux

/// What is on its way into a pipe, a terminal or a file, and has not been taken yet. No write waits.
final class WriteQueue {
    private let loop: EventLoop
    private let limit: Int
    /// Only a file that is no regular one can be waited for, and may have no reader any more.
    private let isRegular: Bool
    private var file: OpenFile?
    /// Only while something waits.
    private var watch: Watch?
    private var pending: ArraySlice<UInt8> = []
    private var endsWhenEmpty = false
    /// Called when more may come again.
    var onRoom: () -> Void = {}
    /// Called when something could not be written, and was dropped.
    var onLoss: (SystemCallError) -> Void = { _ in }
    /// Called once, when the last byte has been written, or when nobody takes any more.
    var onEnd: () -> Void = {}

    /// - Parameters:
    ///   - file: what to write to, which does not wait. Others may write to it too.
    ///   - limit: from this many bytes on that wait, no more should come.
    ///   - loop: where this happens.
    /// - Throws: when the file cannot be looked at.
    init(to file: OpenFile, limit: Int, in loop: EventLoop) throws(SystemCallError) {
        self.loop = loop
        self.limit = limit
        self.file = file
        isRegular = try File.status(of: file.descriptor).type == .regular
    }

    var isFull: Bool { pending.count >= limit }

    func append(_ bytes: ArraySlice<UInt8>) {
        if file == nil || endsWhenEmpty { return }
        if pending.isEmpty {
            // A copy: the memory that it was read into is needed for the next read.
            pending = Array(write(bytes))[...]
        } else {
            pending += bytes
        }
    }

    /// Writes what waits, and ends.
    func endWhenEmpty() {
        endsWhenEmpty = true
        if pending.isEmpty { end() }
    }

    /// Drops what waits, and ends.
    func end() {
        if file == nil { return }
        watch = nil
        file = nil
        pending = []
        onEnd()
        onRoom()
    }

    private func flush() {
        let wasFull = isFull
        pending = write(pending)
        if pending.isEmpty {
            watch = nil
            pending = []
            if endsWhenEmpty { return end() }
        }
        if wasFull && !isFull { onRoom() }
    }

    /// - Returns: what has to wait.
    private func write(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var rest = bytes
        while !rest.isEmpty, let file {
            do throws(SystemCallError) {
                let count = try Readiness.writeSome(rest, to: file.number, isSocket: false)
                rest = rest.dropFirst(count)
                if count == 0 {
                    try wait(for: file)
                    return rest
                }
            } catch where [.brokenPipe, .inputOutput].contains(error.errno) && !isRegular {
                // Nobody will ever read.
                end()
                return []
            } catch {
                // A full disk: it is not worth stopping a container for. What comes next is tried
                // again.
                onLoss(error)
                return []
            }
        }
        return []
    }

    private func wait(for file: OpenFile) throws(SystemCallError) {
        if watch != nil { return }
        watch = try Watch(file, of: loop, for: .writable) { [weak self] _ in self?.flush() }
    }
}
