// SPDX-License-Identifier: Apache-2.0

import Foundation
import Protobuf
import Requirements
import Testing

@Suite struct MessageTests {
    @Test("what is written is read again")
    func roundTrip() throws {
        #expect(try Sample(decoding: Sample.full.encoded) == Sample.full)
    }

    @Test("a message with nothing set takes no byte")
    func nothing() throws {
        #expect(Sample().encoded == [])
        #expect(try Sample(decoding: []) == Sample())
        #expect(try Empty(decoding: [8, 1]) == Empty())
    }

    @Test("the bytes are those of the published examples")
    func knownBytes() throws {
        var sample = Sample()
        sample.unsigned = 150
        #expect(sample.encoded == [0x08, 0x96, 0x01])
        sample = Sample()
        sample.text = "testing"
        #expect(sample.encoded == [0x42, 0x07] + Array("testing".utf8))
        sample = Sample()
        sample.signed = -2
        #expect(sample.encoded == [0x10, 0xfe] + [UInt8](repeating: 0xff, count: 8) + [0x01])
    }

    @Test("protoc reads every kind of field as it was meant")
    func protoc() throws {
        let expected = """
            1: 18446744073709551615
            2: 18446744073709551614
            3: 300
            4: 18446744073709551615
            5: 1
            6: 0x3fe0000000000000
            7: "\\000\\001\\254\\002\\377\\377\\377\\377\\377\\377\\377\\377\\377\\001"
            8: "gr\\303\\274\\303\\237e"
            9: ""
            9: "b"
            10: "\\000\\377\\007"
            11 {
              1: "p"
              2 {
                1: 5
                2: 6
              }
            }
            12: ""
            12 {
              1: "q"
            }
            13 {
              1: "a"
            }
            13 {
              1: "b"
              2: "2"
            }
            2000: ""

            """
        #expect(try decodedRaw(Sample.full.encoded) == expected)
    }

    @Test("lists of numbers are read packed and unpacked, also mixed")
    func unpacked() throws {
        let sample = try Sample(decoding: [0x38, 1, 0x3a, 2, 2, 3, 0x38, 0x80, 1])
        #expect(sample.numbers == [1, 2, 3, 128])
    }

    @Test("fields that are not known are passed over")
    func unknown() throws {
        // Numbers 100 to 103, one of each kind, around a known one.
        let bytes: [UInt8] = [
            0xa0, 0x06, 1, 0xa9, 0x06, 1, 2, 3, 4, 5, 6, 7, 8, 0x18, 9, 0xb2, 0x06, 1, 0xff,
            0xbd, 0x06, 1, 2, 3, 4,
        ]
        var expected = Sample()
        expected.short = 9
        #expect(try Sample(decoding: bytes) == expected)
    }

    @Test("the last of several values counts, and parts in pieces become one")
    func repeated() throws {
        var first = Sample()
        first.short = 1
        first.part = Sample.Part(name: "a")
        var second = Sample()
        second.short = 2
        second.part = Sample.Part(name: "", moment: Timestamp(seconds: 1, nanoseconds: 0))
        let both = try Sample(decoding: first.encoded + second.encoded)
        #expect(both.short == 2)
        #expect(both.part == Sample.Part(name: "a", moment: second.part?.moment))
    }

    @Test("numbers that are too wide for their field lose their upper half")
    func narrow() throws {
        let sample = try Sample(decoding: [0x18, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01])
        #expect(sample.short == .max)
    }

    @Test(
        "what is no message is refused",
        arguments: [
            ([0x08], WireError.truncated),
            ([0x08, 0x80], .truncated),
            ([0x42, 5, 1], .truncated),
            ([0x42, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01], .truncated),
            ([0x31, 1, 2, 3], .truncated),
            ([0xa5, 0x06, 1], .truncated),
            ([0x08] + [UInt8](repeating: 0xff, count: 10), .numberTooLong),
            ([0x08] + [UInt8](repeating: 0x80, count: 9) + [2], .numberTooLong),
            ([0x00, 0x00], .badFieldNumber),
            ([0x80, 0x80, 0x80, 0x80, 0x10, 0], .badFieldNumber),
            ([0x0b, 0x0c], .badKind(3)),
            ([0x0f], .badKind(7)),
            ([0x0a, 0], .wrongKind(field: 1)),
            ([0x40, 1], .wrongKind(field: 8)),
            ([0x30, 1], .wrongKind(field: 6)),
            ([0x39, 1, 2, 3, 4, 5, 6, 7, 8], .wrongKind(field: 7)),
            ([0x58, 1], .wrongKind(field: 11)),
            ([0x42, 1, 0xff], .badText(field: 8)),
            ([0x42, 2, 0xed, 0xa0], .badText(field: 8)),
            ([0x5a, 2, 0x0a, 5], .truncated),
            ([0x3a, 1, 0x80], .truncated),
            ([0x6a, 1, 0x0a], .truncated),
        ] as [([UInt8], WireError)])
    func refused(_ bytes: [UInt8], _ error: WireError) {
        #expect(throws: error) { try Sample(decoding: bytes) }
        #expect(!"\(error)".isEmpty)
    }

    @Test("a list that would take much more memory than its bytes ends")
    func manyElements() {
        let one: [UInt8] = [0x4a, 0]
        let most = [[UInt8]](repeating: one, count: Fields.elementLimit).flatMap { $0 }
        #expect(throws: Never.self) { try Sample(decoding: most) }
        #expect(throws: WireError.tooManyElements(field: 9)) { try Sample(decoding: most + one) }
        #expect(throws: WireError.tooManyElements(field: 7)) {
            try Sample(decoding: [0x3a, 0x81, 0x80, 4] + [UInt8](repeating: 0, count: 65537))
        }
    }

    @Test("the name of a kind stands behind the last slash")
    func typeNames() {
        #expect(AnyMessage(typeURL: "type.googleapis.com/a.B", value: []).typeName == "a.B")
        #expect(AnyMessage(typeURL: "a.B", value: []).typeName == "a.B")
        #expect(AnyMessage(typeURL: "", value: []).typeName == "")
        #expect(AnyMessage(typeURL: "a/", value: []).typeName == "")
    }

    @Test("broken messages are read or refused, and never more")
    func fuzz() {
        var random = SeededNumbers(seed: 20)
        let whole = Sample.full.encoded
        var read = 0
        for _ in 0..<20000 {
            var bytes = whole
            for _ in 0..<Int.random(in: 1...6, using: &random) {
                let place = Int.random(in: 0..<bytes.count, using: &random)
                switch UInt8.random(in: 0...3, using: &random) {
                case 0: bytes[place] = .random(in: 0...255, using: &random)
                case 1: bytes.insert(.random(in: 0...255, using: &random), at: place)
                case 2 where bytes.count > 1: bytes.remove(at: place)
                default: bytes[place] ^= 1 << UInt8.random(in: 0...7, using: &random)
                }
            }
            guard let sample = try? Sample(decoding: bytes) else { continue }
            read += 1
            // What was read can be written, and is then read as the same (but for a NaN).
            let again = try? Sample(decoding: sample.encoded)
            #expect(again == sample || sample.real.isNaN)
        }
        #expect(read > 100)
    }
}

/// What `protoc --decode_raw` makes of a message.
func decodedRaw(_ bytes: [UInt8]) throws -> String {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = ["protoc", "--decode_raw"]
    let input = Pipe()
    let output = Pipe()
    process.standardInput = input
    process.standardOutput = output
    try process.run()
    try input.fileHandleForWriting.write(contentsOf: Data(bytes))
    try input.fileHandleForWriting.close()
    let text = try output.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
    return String(decoding: text, as: UTF8.self)
}
