// SPDX-License-Identifier: Apache-2.0

internal import Linux

/// What comes out of a pipe, kept up to a limit; the rest is read and dropped, so that nobody waits
/// at the other end.
final class KeptStream {
    private var watch: Watch?
    private var bytes: [UInt8] = []
    private let limit: Int

    /// Reads from now on.
    ///
    /// - Parameters:
    ///   - reading: our end of a pipe; it becomes non-blocking.
    ///   - loop: where it is read.
    ///   - limit: the most bytes to keep.
    /// - Throws: when the kernel has no memory left for it.
    init(_ reading: consuming FileDescriptor, in loop: EventLoop, limit: Int)
        throws(SystemCallError)
    {
        self.limit = limit
        try Readiness.makeNonBlocking(reading)
        watch = try Watch(reading, of: loop, for: .readable) { [unowned self] _ in
            readWhatIsThere()
        }
    }

    /// Reads what has been written so far, and ends.
    ///
    /// - Returns: all that was kept.
    func drain() -> [UInt8] {
        readWhatIsThere()
        watch = nil
        return bytes
    }

    private func readWhatIsThere() {
        var buffer = [UInt8](repeating: 0, count: 4096)
        // Bounded, for a writer that never stops.
        var rounds = 256
        while rounds > 0, let number = watch?.number {
            rounds -= 1
            let count: Int
            do throws(SystemCallError) {
                count = try File.read(number, into: &buffer)
            } catch where error.errno == .again {
                return
            } catch {
                count = 0
            }
            if count == 0 {
                watch = nil
                return
            }
            let room = limit - bytes.count
            if room > 0 { bytes += buffer[..<min(room, count)] }
        }
    }
}
