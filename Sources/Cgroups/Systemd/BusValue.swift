// SPDX-License-Identifier: Apache-2.0

/// A value of D-Bus (D-Bus specification, "Type System").
package indirect enum BusValue: Equatable, Sendable {
    case byte(UInt8)
    case boolean(Bool)
    case int16(Int16)
    case uint16(UInt16)
    case int32(Int32)
    case uint32(UInt32)
    case int64(Int64)
    case uint64(UInt64)
    case double(Double)
    case string(String)
    case objectPath(String)
    case signature(String)
    /// The number of a descriptor that came along; none is ever taken.
    case handle(UInt32)
    case array(of: String, [BusValue])
    case structure([BusValue])
    case entry(BusValue, BusValue)
    case variant(BusValue)

    /// An array of texts, `as`.
    package static func strings(_ texts: [String]) -> BusValue {
        .array(of: "s", texts.map { .string($0) })
    }

    /// An array of bytes, `ay`.
    package static func bytes(_ bytes: [UInt8]) -> BusValue {
        .array(of: "y", bytes.map { .byte($0) })
    }

    /// The type in D-Bus's letters.
    package var signature: String {
        switch self {
        case .byte: "y"
        case .boolean: "b"
        case .int16: "n"
        case .uint16: "q"
        case .int32: "i"
        case .uint32: "u"
        case .int64: "x"
        case .uint64: "t"
        case .double: "d"
        case .string: "s"
        case .objectPath: "o"
        case .signature: "g"
        case .handle: "h"
        case .array(let element, _): "a\(element)"
        case .structure(let fields): "(\(fields.map(\.signature).joined()))"
        case .entry(let key, let value): "{\(key.signature)\(value.signature)}"
        case .variant: "v"
        }
    }

    /// The text of a string or an object path.
    package var text: String? {
        switch self {
        case .string(let text), .objectPath(let text), .signature(let text): text
        default: nil
        }
    }
}

/// Why talking over D-Bus failed.
package struct BusError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The peer's name for it, such as `org.freedesktop.systemd1.NoSuchUnit`; nil when the peer did
    /// not answer with an error.
    package var name: String?
    package var reason: String

    package init(_ reason: String, name: String? = nil) {
        self.name = name
        self.reason = reason
    }

    /// Bytes that are no message.
    static func malformed(_ what: String) -> BusError {
        BusError("the peer does not speak D-Bus: \(what)")
    }

    package var description: String {
        name.map { "\(reason) (\($0))" } ?? reason
    }
}

/// Signatures: what type comes after what.
enum BusSignature {
    /// Longest signature, and how deep types may lie in each other: arrays and structures each 32
    /// deep, as the specification has it.
    static let longest = 255
    static let deepest = 64

    /// How the values of a type are aligned, by its first letter; nil for what is no type.
    static func alignment(_ letter: UInt8) -> Int? {
        switch letter {
        case UInt8(ascii: "y"), UInt8(ascii: "g"), UInt8(ascii: "v"): 1
        case UInt8(ascii: "n"), UInt8(ascii: "q"): 2
        case UInt8(ascii: "b"), UInt8(ascii: "i"), UInt8(ascii: "u"), UInt8(ascii: "s"),
            UInt8(ascii: "o"), UInt8(ascii: "a"), UInt8(ascii: "h"):
            4
        case UInt8(ascii: "x"), UInt8(ascii: "t"), UInt8(ascii: "d"), UInt8(ascii: "("),
            UInt8(ascii: "{"):
            8
        default: nil
        }
    }

    /// The complete types that a signature is made of.
    static func types(_ signature: some Collection<UInt8>) throws(BusError) -> [[UInt8]] {
        let bytes = Array(signature)
        guard bytes.count <= longest else { throw .malformed("a signature is too long") }
        var types: [[UInt8]] = []
        var index = 0
        while index < bytes.count {
            let end = try end(of: bytes, from: index, depth: 0, inArray: false)
            types.append(Array(bytes[index..<end]))
            index = end
        }
        return types
    }

    /// Where the complete type that begins here ends.
    private static func end(of bytes: [UInt8], from start: Int, depth: Int, inArray: Bool)
        throws(BusError) -> Int
    {
        guard start < bytes.count, depth < deepest, alignment(bytes[start]) != nil else {
            throw .malformed("a signature is wrong")
        }
        switch bytes[start] {
        case UInt8(ascii: "a"):
            return try end(of: bytes, from: start + 1, depth: depth + 1, inArray: true)
        case UInt8(ascii: "("), UInt8(ascii: "{"):
            let isEntry = bytes[start] == UInt8(ascii: "{")
            if isEntry, !inArray { throw .malformed("a dictionary entry is outside of an array") }
            let closing = UInt8(ascii: isEntry ? "}" : ")")
            var index = start + 1
            var count = 0
            while index < bytes.count, bytes[index] != closing {
                index = try end(of: bytes, from: index, depth: depth + 1, inArray: false)
                count += 1
            }
            guard index < bytes.count, count > 0, !isEntry || count == 2 else {
                throw .malformed("a signature is wrong")
            }
            return index + 1
        default:
            return start + 1
        }
    }
}
