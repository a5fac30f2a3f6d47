// SPDX-License-Identifier: Apache-2.0

/// One message of ttrpc: a header of ten bytes, and data.
package struct TtrpcFrame: Equatable, Sendable {
    /// What a message is. There may be others, which mean nothing to us.
    package enum Kind {
        package static let request: UInt8 = 1
        package static let response: UInt8 = 2
        package static let data: UInt8 = 3
    }

    /// What is said of the stream.
    package enum Flags {
        /// The sender sends no more.
        package static let closed: UInt8 = 1
        /// The sender sends more.
        package static let open: UInt8 = 2
    }

    package var stream: UInt32
    package var kind: UInt8
    package var flags: UInt8
    package var data: [UInt8]

    /// The most data that a message may have.
    package static let dataLimit = 4 << 20
    static let headerSize = 10

    package init(stream: UInt32, kind: UInt8, flags: UInt8 = 0, data: [UInt8]) {
        self.stream = stream
        self.kind = kind
        self.flags = flags
        self.data = data
    }

    /// The message as bytes.
    package var encoded: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Self.headerSize + data.count)
        for value in [UInt32(truncatingIfNeeded: data.count), stream] {
            for shift: UInt32 in [24, 16, 8, 0] {
                bytes.append(UInt8(truncatingIfNeeded: value >> shift))
            }
        }
        bytes += [kind, flags]
        bytes += data
        return bytes
    }
}

/// Cuts what comes through a connection into messages, however it is split.
package struct TtrpcFrameReader: Sendable {
    /// What was found.
    package enum Found: Equatable, Sendable {
        case frame(TtrpcFrame)
        /// A message that is too large. Its data is passed over as it comes, and the messages
        /// behind it are read again.
        case oversized(stream: UInt32, kind: UInt8, size: UInt32)
    }

    private var pending: [UInt8] = []
    /// How much of `pending` has been used.
    private var start = 0
    /// How much of a message that is too large has still to come.
    private var toSkip: UInt64 = 0

    package init() {}

    /// Whether the end of the connection now would be in the middle of a message.
    package var isWithinFrame: Bool { start < pending.count || toSkip > 0 }

    /// How much is kept.
    package var heldBytes: Int { pending.count }

    /// Takes what came.
    package mutating func append(_ bytes: ArraySlice<UInt8>) {
        // Whoever takes one message at a time may never ask for one that is not there.
        discardUsed()
        var bytes = bytes
        if toSkip > 0 {
            let skipped = Int(min(UInt64(bytes.count), toSkip))
            toSkip -= UInt64(skipped)
            bytes = bytes.dropFirst(skipped)
        }
        pending += bytes
    }

    /// The next message; nil when it is not all there yet.
    package mutating func next() -> Found? {
        let available = pending.count - start
        guard available >= TtrpcFrame.headerSize else {
            discardUsed()
            return nil
        }
        let size = number(at: 0)
        let stream = number(at: 4)
        let kind = pending[start + 8]
        let flags = pending[start + 9]
        guard size <= UInt32(TtrpcFrame.dataLimit) else {
            start += TtrpcFrame.headerSize
            let skipped = min(pending.count - start, Int(size))
            start += skipped
            toSkip = UInt64(size) - UInt64(skipped)
            return .oversized(stream: stream, kind: kind, size: size)
        }
        let length = TtrpcFrame.headerSize + Int(size)
        guard available >= length else {
            discardUsed()
            return nil
        }
        let data = Array(pending[start + TtrpcFrame.headerSize..<start + length])
        start += length
        return .frame(TtrpcFrame(stream: stream, kind: kind, flags: flags, data: data))
    }

    private func number(at offset: Int) -> UInt32 {
        var value: UInt32 = 0
        for byte in pending[start + offset..<start + offset + 4] {
            value = value << 8 | UInt32(byte)
        }
        return value
    }

    /// Lets go of what was used, and of the memory once nothing is left.
    private mutating func discardUsed() {
        if start == pending.count {
            pending = []
        } else if start > 0 {
            pending.removeFirst(start)
        }
        start = 0
    }
}
