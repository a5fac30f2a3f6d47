// SPDX-License-Identifier: Apache-2.0

/// A message of D-Bus ("Message Format"): the header that we need, and the body.
package struct BusMessage: Equatable, Sendable {
    package enum Kind: UInt8, Sendable {
        case call = 1
        case reply = 2
        case error = 3
        case signal = 4
    }

    package var kind: Kind
    /// Nobody is to be started for it ("NO_AUTO_START").
    package var startsNobody = false
    package var serial: UInt32 = 0
    package var path: String?
    package var interface: String?
    package var member: String?
    package var errorName: String?
    package var replySerial: UInt32?
    package var destination: String?
    package var sender: String?
    package var body: [BusValue] = []

    package init(_ kind: Kind) { self.kind = kind }

    /// A call of a method.
    package init(
        call member: String, of interface: String, at path: String, to destination: String,
        _ body: [BusValue]
    ) {
        kind = .call
        startsNobody = true
        self.path = path
        self.interface = interface
        self.member = member
        self.destination = destination
        self.body = body
    }

    /// Bytes of a header up to the length of its fields.
    static let prefixLength = 16
    /// Longest message that is read: no answer that we ask for comes near it.
    static let longest = 1 << 18

    /// The message as it is sent.
    package var bytes: [UInt8] {
        var content = BusEncoder()
        for value in body { content.append(value) }
        let signature = body.map(\.signature).joined()
        var fields: [BusValue] = []
        func field(_ code: UInt8, _ value: BusValue?) {
            guard let value else { return }
            fields.append(.structure([.byte(code), .variant(value)]))
        }
        field(1, path.map { .objectPath($0) })
        field(2, interface.map { .string($0) })
        field(3, member.map { .string($0) })
        field(4, errorName.map { .string($0) })
        field(5, replySerial.map { .uint32($0) })
        field(6, destination.map { .string($0) })
        field(7, sender.map { .string($0) })
        field(8, signature.isEmpty ? nil : .signature(signature))
        var message = BusEncoder()
        message.append([UInt8(ascii: "l"), kind.rawValue, startsNobody ? 2 : 0, 1])
        message.append(.uint32(UInt32(clamping: content.bytes.count)))
        message.append(.uint32(serial))
        message.append(.array(of: "(yv)", fields))
        message.align(to: 8)
        message.append(content.bytes)
        return message.bytes
    }

    /// How long a message is in all, by the first bytes of its header.
    static func length(prefix: [UInt8]) throws(BusError) -> Int {
        guard prefix.count == prefixLength else { throw .malformed("a message is cut short") }
        let isBigEndian = try isBigEndian(prefix[0])
        guard prefix[3] == 1 else { throw .malformed("version \(prefix[3]) of the protocol") }
        var header = BusDecoder(Array(prefix[4...]), isBigEndian: isBigEndian)
        guard case .uint32(let body) = try header.value([UInt8(ascii: "u")], depth: 0),
            case .uint32 = try header.value([UInt8(ascii: "u")], depth: 0),
            case .uint32(let fields) = try header.value([UInt8(ascii: "u")], depth: 0),
            body <= longest, fields <= longest
        else { throw .malformed("a message is too long") }
        let length = prefixLength + (Int(fields) + 7) / 8 * 8 + Int(body)
        guard length <= longest else { throw .malformed("a message is too long") }
        return length
    }

    private static func isBigEndian(_ mark: UInt8) throws(BusError) -> Bool {
        switch mark {
        case UInt8(ascii: "l"): return false
        case UInt8(ascii: "B"): return true
        default: throw .malformed("no byte order is given")
        }
    }

    /// Reads a whole message; nil for a kind that is not known, which is to be passed over.
    package static func decode(_ bytes: [UInt8]) throws(BusError) -> BusMessage? {
        guard bytes.count >= prefixLength,
            try length(prefix: Array(bytes[..<prefixLength])) == bytes.count
        else { throw .malformed("a message is cut short") }
        let isBigEndian = try isBigEndian(bytes[0])
        guard bytes[1] != 0 else { throw .malformed("a message has no kind") }
        guard let kind = Kind(rawValue: bytes[1]) else { return nil }
        var message = BusMessage(kind)
        message.startsNobody = bytes[2] & 2 != 0
        // From the start, as alignment counts from there.
        var header = BusDecoder(bytes, isBigEndian: isBigEndian)
        for _ in 0..<8 { _ = try header.value([UInt8(ascii: "y")], depth: 0) }
        guard case .uint32(let serial) = try header.value([UInt8(ascii: "u")], depth: 0),
            case .array(_, let fields) = try header.value(Array("a(yv)".utf8)[...], depth: 0)
        else { throw .malformed("a header is wrong") }
        try header.align(to: 8)
        message.serial = serial
        var signature = ""
        for case .structure(let field) in fields {
            guard field.count == 2, case .byte(let code) = field[0],
                case .variant(let value) = field[1]
            else { throw .malformed("a header is wrong") }
            if code == 8, let text = value.text { signature = text }
            message.take(code, value)
        }
        var body = BusDecoder(Array(bytes[header.index...]), isBigEndian: isBigEndian)
        message.body = try body.values(signature.utf8)
        return message
    }

    private mutating func take(_ code: UInt8, _ value: BusValue) {
        switch (code, value) {
        case (1, .objectPath(let text)): path = text
        case (2, .string(let text)): interface = text
        case (3, .string(let text)): member = text
        case (4, .string(let text)): errorName = text
        case (5, .uint32(let number)): replySerial = number
        case (6, .string(let text)): destination = text
        case (7, .string(let text)): sender = text
        default: break
        }
    }
}
