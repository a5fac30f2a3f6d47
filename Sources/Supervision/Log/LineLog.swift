// SPDX-License-Identifier: Apache-2.0

internal import Linux

/// How a file has a container's output.
package enum LogFormat: String, Sendable {
    /// `TIME STREAM F TEXT`, as Kubernetes has it: P instead of F for a line that goes on in the
    /// next record.
    case kubernetes = "k8s-file"
    /// A JSON object a line, as docker has it: the text of a line that goes on has no line feed.
    case json = "json-file"
}

/// A log file of records: each is a line of a container's output, or a part of one.
final class LineLog: LogSink {
    private let file: LogFile
    private let format: LogFormat
    private let synchronizes: Bool
    private var clock = LogClock()
    /// The records of one read: the memory is used again for the next, until the loop rests.
    private var records: [UInt8] = []

    /// With `synchronizes`, ``close()`` waits for the disk.
    init(_ file: LogFile, format: LogFormat, synchronizes: Bool, in loop: EventLoop) {
        self.file = file
        self.format = format
        self.synchronizes = synchronizes
        loop.whenResting { [weak self] in self?.records = [] }
    }

    /// A file always takes more, or loses it.
    var isCongested: Bool { false }

    func reopen() { file.reopen() }

    func close() { if synchronizes { file.synchronize() } }

    func write(_ bytes: ArraySlice<UInt8>, from stream: OutputStream) {
        let frame = RecordFrame(format, stream, time: clock.localTime())
        records.reserveCapacity(bytes.count + bytes.count / 2)
        // All records of one read in one write.
        var start = bytes.startIndex
        while start < bytes.endIndex {
            let feed = Bytes.firstIndex(of: UInt8(ascii: "\n"), in: bytes[start...])
            let before = records.count
            frame.append(
                bytes[start..<(feed ?? bytes.endIndex)], isWhole: feed != nil, to: &records)
            if !file.hasRoom(for: records.count), before > 0 || !file.isEmpty {
                // The record that no longer fits begins the next file, however long it is.
                file.append(records[..<before])
                file.rotate()
                records.removeFirst(before)
            }
            start = feed.map { $0 + 1 } ?? bytes.endIndex
        }
        file.append(records[...])
        records.removeAll(keepingCapacity: true)
    }
}

/// What a record has around its text: the same for all of one read.
private struct RecordFrame {
    private let format: LogFormat
    private let head: [UInt8]
    private let wholeHead: [UInt8]
    private let tail: [UInt8]
    private let wholeTail: [UInt8]

    init(_ format: LogFormat, _ stream: OutputStream, time: [UInt8]) {
        self.format = format
        switch format {
        case .kubernetes:
            head = time + Array(" \(stream.word) P ".utf8)
            wholeHead = time + Array(" \(stream.word) F ".utf8)
            tail = [UInt8(ascii: "\n")]
            wholeTail = tail
        case .json:
            head = Array("{\"log\":\"".utf8)
            wholeHead = head
            tail =
                Array("\",\"stream\":\"\(stream.word)\",\"time\":\"".utf8) + time
                + Array("\"}\n".utf8)
            wholeTail = Array("\\n".utf8) + tail
        }
    }

    func append(_ line: ArraySlice<UInt8>, isWhole: Bool, to records: inout [UInt8]) {
        records += isWhole ? wholeHead : head
        switch format {
        case .kubernetes: records += line
        case .json: JSONText.append(line, to: &records)
        }
        records += isWhole ? wholeTail : tail
    }
}

/// Bytes of a program's output as the inside of a JSON string.
enum JSONText {
    /// Appends them: what is no UTF-8 becomes U+FFFD, one for each byte.
    static func append(_ bytes: ArraySlice<UInt8>, to text: inout [UInt8]) {
        // What needs no change is copied as a whole.
        var unchanged = bytes.startIndex
        var index = bytes.startIndex
        while index < bytes.endIndex {
            let byte = bytes[index]
            if isPlain(byte) {
                index += 1
                continue
            }
            let length = byte < 0x80 ? 0 : sequenceLength(bytes[index...])
            if length == 0 {
                text += bytes[unchanged..<index]
                appendChanged(byte, to: &text)
                unchanged = index + 1
            }
            index += max(1, length)
        }
        text += bytes[unchanged...]
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        byte >= 0x20 && byte < 0x7F && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
    }

    private static func appendChanged(_ byte: UInt8, to text: inout [UInt8]) {
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"):
            text.append(UInt8(ascii: "\\"))
            text.append(byte)
        case 0x09: text += Array("\\t".utf8)
        case 0x0A: text += Array("\\n".utf8)
        case 0x0D: text += Array("\\r".utf8)
        case 0x80...: text += [0xEF, 0xBF, 0xBD]
        default:
            text += Array("\\u00".utf8)
            for digit in [byte >> 4, byte & 15] {
                text.append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
            }
        }
    }

    /// How many bytes the first character has; 0 when they are none (RFC 3629).
    private static func sequenceLength(_ bytes: ArraySlice<UInt8>) -> Int {
        guard let first = bytes.first else { return 0 }
        let second = bytes.dropFirst().first ?? 0
        let length: Int
        let lowest: UInt8
        let highest: UInt8
        switch first {
        case 0xC2...0xDF: (length, lowest, highest) = (2, 0x80, 0xBF)
        case 0xE0: (length, lowest, highest) = (3, 0xA0, 0xBF)
        case 0xE1...0xEC, 0xEE...0xEF: (length, lowest, highest) = (3, 0x80, 0xBF)
        case 0xED: (length, lowest, highest) = (3, 0x80, 0x9F)
        case 0xF0: (length, lowest, highest) = (4, 0x90, 0xBF)
        case 0xF1...0xF3: (length, lowest, highest) = (4, 0x80, 0xBF)
        case 0xF4: (length, lowest, highest) = (4, 0x80, 0x8F)
        default: return 0
        }
        guard bytes.count >= length, lowest <= second, second <= highest else { return 0 }
        for byte in bytes.dropFirst(2).prefix(length - 2) where byte & 0xC0 != 0x80 { return 0 }
        return length
    }
}
