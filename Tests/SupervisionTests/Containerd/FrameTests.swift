// SPDX-License-Identifier: Apache-2.0

import Requirements
import Supervision
import Testing

@Suite struct FrameTests {
    private func readAll(_ pieces: [ArraySlice<UInt8>]) -> [TtrpcFrameReader.Found] {
        var reader = TtrpcFrameReader()
        var found: [TtrpcFrameReader.Found] = []
        for piece in pieces {
            reader.append(piece)
            while let next = reader.next() { found.append(next) }
        }
        return found
    }

    @Test("a message is its length and stream, big-endian, its kind, its flags and its data")
    func bytes() {
        let frame = TtrpcFrame(stream: 0x0102_0305, kind: 2, flags: 1, data: [9, 8])
        #expect(frame.encoded == [0, 0, 0, 2, 1, 2, 3, 5, 2, 1, 9, 8])
    }

    @Test("messages are found however they are cut", arguments: 1...30)
    func pieces(_ size: Int) {
        let frames = [
            TtrpcFrame(stream: 1, kind: 1, data: [1, 2, 3]),
            TtrpcFrame(stream: 3, kind: 1, data: []),
            TtrpcFrame(stream: 5, kind: 3, flags: 5, data: [UInt8](repeating: 7, count: 40)),
        ]
        let bytes = frames.flatMap(\.encoded)
        let pieces = stride(from: 0, to: bytes.count, by: size).map {
            bytes[$0..<min($0 + size, bytes.count)]
        }
        #expect(readAll(pieces) == frames.map { .frame($0) })
    }

    @Test("a message of 4 MiB is read, and one of a byte more is passed over")
    func limit() {
        let largest = TtrpcFrame(
            stream: 1, kind: 1, data: [UInt8](repeating: 1, count: TtrpcFrame.dataLimit))
        let larger = TtrpcFrame(stream: 3, kind: 1, data: largest.data + [1])
        let after = TtrpcFrame(stream: 5, kind: 1, data: [4])
        let bytes = largest.encoded + larger.encoded + after.encoded
        let found: [TtrpcFrameReader.Found] = [
            .frame(largest), .oversized(stream: 3, kind: 1, size: UInt32(larger.data.count)),
            .frame(after),
        ]
        #expect(readAll([bytes[...]]) == found)
        let pieces = stride(from: 0, to: bytes.count, by: 4096).map {
            bytes[$0..<min($0 + 4096, bytes.count)]
        }
        #expect(readAll(pieces) == found)
    }

    @Test("the end within a message is noticed")
    func truncated() {
        var reader = TtrpcFrameReader()
        #expect(!reader.isWithinFrame)
        let bytes = TtrpcFrame(stream: 1, kind: 1, data: [1, 2]).encoded
        reader.append(bytes.dropLast())
        #expect(reader.next() == nil)
        #expect(reader.isWithinFrame)
        reader.append(bytes.suffix(1))
        #expect(reader.next() != nil)
        #expect(!reader.isWithinFrame)
        // Of four GiB ten bytes are there.
        reader.append([255, 255, 255, 255, 0, 0, 0, 1, 1, 0])
        #expect(reader.next() == .oversized(stream: 1, kind: 1, size: .max))
        #expect(reader.next() == nil)
        #expect(reader.isWithinFrame)
    }

    @Test("what has been read is not kept, also when each message is taken as it comes")
    func held() {
        var reader = TtrpcFrameReader()
        let bytes = TtrpcFrame(stream: 1, kind: 2, data: [1, 2, 3]).encoded
        for _ in 0..<1000 {
            reader.append(bytes[...])
            #expect(reader.next() != nil)
            #expect(reader.heldBytes <= bytes.count)
        }
    }

    @Test("garbage, in any pieces, becomes messages or nothing")
    func fuzz() {
        var random = SeededNumbers(seed: 7)
        for _ in 0..<2000 {
            var reader = TtrpcFrameReader()
            for _ in 0..<Int.random(in: 1...20, using: &random) {
                let count = Int.random(in: 0...64, using: &random)
                // Mostly small numbers, so that there are whole messages among it.
                let bytes = (0..<count).map { _ in
                    UInt8.random(in: 0...(Bool.random(using: &random) ? 255 : 2), using: &random)
                }
                reader.append(bytes[...])
                while let found = reader.next() {
                    if case .frame(let frame) = found {
                        #expect(frame.data.count <= TtrpcFrame.dataLimit)
                    }
                }
            }
        }
    }
}
