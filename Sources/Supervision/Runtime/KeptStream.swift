// SPDX-License-Identifier: Apache-2.0

internal import Linux

/// What comes out of a pipe, kept up to a limit; the rest is read and dropped, so that nobody waits
/// at the other end.
final class KeptStream {
    private var pump: OutputPump?
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
        // Bounded, for a writer that never stops.
        pump = try OutputPump(
            OpenFile(reading), capacity: 1 << 20, in: loop, isHeldUp: { false },
            deliver: { [weak self] in self?.keep($0) })
    }

    /// Reads what has been written so far, and ends.
    ///
    /// - Returns: all that was kept.
    func drain() -> [UInt8] {
        pump?.drain()
        pump = nil
        return bytes
    }

    private func keep(_ new: ArraySlice<UInt8>) {
        let room = limit - bytes.count
        if room > 0 { bytes += new.prefix(room) }
    }
}
