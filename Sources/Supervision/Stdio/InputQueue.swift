// SPDX-License-Identifier: Apache-2.0

internal import Linux

/// What a container's program is to read, and has not read yet.
final class InputQueue {
    /// From this many bytes on, no more should come.
    private static let limit = 64 << 10

    private var watch: Watch?
    private var pending: ArraySlice<UInt8> = []
    private var endsWhenEmpty = false
    /// Called when more may come again.
    var onRoom: () -> Void = {}

    /// Writes to the end of a pipe, or to a terminal's master, which does not wait.
    init(_ writing: consuming FileDescriptor, of loop: EventLoop) throws(SystemCallError) {
        watch = try Watch(writing, of: loop, for: []) { [weak self] events in
            // A reader that is gone for good.
            if events.contains(.failed) { self?.end() } else { self?.flush() }
        }
    }

    var isFull: Bool { pending.count >= Self.limit }

    func append(_ bytes: ArraySlice<UInt8>) {
        if watch == nil || endsWhenEmpty { return }
        if pending.isEmpty { pending = bytes } else { pending += bytes }
        flush()
    }

    /// Lets the program read what is there, and then the end.
    func endInput() {
        endsWhenEmpty = true
        flush()
    }

    private func end() {
        watch = nil
        pending = []
        onRoom()
    }

    private func flush() {
        let wasFull = isFull
        while let watch, !pending.isEmpty {
            do throws(SystemCallError) {
                let count = try Readiness.writeSome(
                    pending.prefix(4096), to: watch.number, isSocket: false)
                if count == 0 { break }
                pending = pending.dropFirst(count)
            } catch {
                end()
                return
            }
        }
        if pending.isEmpty {
            pending = []
            if endsWhenEmpty {
                end()
                return
            }
        }
        watch?.change(to: pending.isEmpty ? [] : .writable)
        if wasFull && !isFull { onRoom() }
    }
}
