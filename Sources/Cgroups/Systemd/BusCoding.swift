// SPDX-License-Identifier: Apache-2.0

/// Writes values as D-Bus has them on the wire ("Marshaling"), lowest byte first.
struct BusEncoder {
    private(set) var bytes: [UInt8] = []

    mutating func align(to alignment: Int) {
        while bytes.count % alignment != 0 { bytes.append(0) }
    }

    mutating func append(_ raw: [UInt8]) { bytes += raw }

    private mutating func fixed(_ value: some FixedWidthInteger & UnsignedInteger) {
        let size = value.bitWidth / 8
        align(to: size)
        for index in 0..<size { bytes.append(UInt8(truncatingIfNeeded: value >> (index * 8))) }
    }

    private mutating func text(_ text: String) {
        fixed(UInt32(clamping: text.utf8.count))
        bytes += text.utf8
        bytes.append(0)
    }

    private mutating func signature(_ text: String) {
        bytes.append(UInt8(clamping: text.utf8.count))
        bytes += text.utf8
        bytes.append(0)
    }

    /// A value after those before it.
    mutating func append(_ value: BusValue) {
        switch value {
        case .byte(let value): bytes.append(value)
        case .boolean(let value): fixed(UInt32(value ? 1 : 0))
        case .int16(let value): fixed(UInt16(bitPattern: value))
        case .uint16(let value): fixed(value)
        case .int32(let value): fixed(UInt32(bitPattern: value))
        case .uint32(let value), .handle(let value): fixed(value)
        case .int64(let value): fixed(UInt64(bitPattern: value))
        case .uint64(let value): fixed(value)
        case .double(let value): fixed(value.bitPattern)
        case .string(let value), .objectPath(let value): text(value)
        case .signature(let value): signature(value)
        case .array(let element, let values): array(element, values)
        case .structure(let fields):
            align(to: 8)
            for field in fields { append(field) }
        case .entry(let key, let value):
            align(to: 8)
            append(key)
            append(value)
        case .variant(let value):
            signature(value.signature)
            append(value)
        }
    }

    /// The length does not count what aligns the first element.
    private mutating func array(_ element: String, _ values: [BusValue]) {
        fixed(UInt32(0))
        let place = bytes.count - 4
        align(to: element.utf8.first.flatMap(BusSignature.alignment) ?? 1)
        let start = bytes.count
        for value in values { append(value) }
        let length = UInt32(clamping: bytes.count - start)
        for index in 0..<4 {
            bytes[place + index] = UInt8(truncatingIfNeeded: length >> (index * 8))
        }
    }
}

/// Reads values from bytes of which nothing is believed: every length is held against what is
/// there, and every type against how deep it may be.
struct BusDecoder {
    private let bytes: [UInt8]
    private let isBigEndian: Bool
    private(set) var index = 0

    init(_ bytes: [UInt8], isBigEndian: Bool) {
        self.bytes = bytes
        self.isBigEndian = isBigEndian
    }

    /// One value for each complete type of a signature; the bytes must end with the last.
    mutating func values(_ signature: some Collection<UInt8>) throws(BusError) -> [BusValue] {
        var values: [BusValue] = []
        for type in try BusSignature.types(signature) {
            values.append(try value(type[...], depth: 0))
        }
        guard index == bytes.count else { throw .malformed("there is more than the signature") }
        return values
    }

    mutating func align(to alignment: Int) throws(BusError) {
        while index % alignment != 0 {
            guard try byte() == 0 else { throw .malformed("padding is not zero") }
        }
    }

    private mutating func byte() throws(BusError) -> UInt8 {
        guard index < bytes.count else { throw .malformed("a message is cut short") }
        index += 1
        return bytes[index - 1]
    }

    private mutating func fixed<T: FixedWidthInteger & UnsignedInteger>(_ type: T.Type)
        throws(BusError) -> T
    {
        let size = T.bitWidth / 8
        try align(to: size)
        guard bytes.count - index >= size else { throw .malformed("a message is cut short") }
        var value: T = 0
        for offset in 0..<size {
            let position = isBigEndian ? size - 1 - offset : offset
            value |= T(bytes[index + offset]) << (position * 8)
        }
        index += size
        return value
    }

    private mutating func text(length: Int) throws(BusError) -> String {
        guard length < bytes.count - index else { throw .malformed("a message is cut short") }
        let slice = bytes[index..<index + length]
        guard bytes[index + length] == 0, !slice.contains(0),
            let text = String(validating: slice, as: UTF8.self)
        else { throw .malformed("a text is not one") }
        index += length + 1
        return text
    }

    /// A value of one complete type.
    mutating func value(_ type: ArraySlice<UInt8>, depth: Int) throws(BusError) -> BusValue {
        guard depth < BusSignature.deepest, let letter = type.first else {
            throw .malformed("values lie too deep in each other")
        }
        switch letter {
        case UInt8(ascii: "y"): return .byte(try byte())
        case UInt8(ascii: "b"):
            let number = try fixed(UInt32.self)
            guard number <= 1 else { throw .malformed("a boolean is neither 0 nor 1") }
            return .boolean(number == 1)
        case UInt8(ascii: "n"): return .int16(Int16(bitPattern: try fixed(UInt16.self)))
        case UInt8(ascii: "q"): return .uint16(try fixed(UInt16.self))
        case UInt8(ascii: "i"): return .int32(Int32(bitPattern: try fixed(UInt32.self)))
        case UInt8(ascii: "u"): return .uint32(try fixed(UInt32.self))
        case UInt8(ascii: "h"): return .handle(try fixed(UInt32.self))
        case UInt8(ascii: "x"): return .int64(Int64(bitPattern: try fixed(UInt64.self)))
        case UInt8(ascii: "t"): return .uint64(try fixed(UInt64.self))
        case UInt8(ascii: "d"): return .double(Double(bitPattern: try fixed(UInt64.self)))
        case UInt8(ascii: "s"): return .string(try text(length: Int(try fixed(UInt32.self))))
        case UInt8(ascii: "o"): return .objectPath(try text(length: Int(try fixed(UInt32.self))))
        case UInt8(ascii: "g"): return .signature(try text(length: Int(try byte())))
        case UInt8(ascii: "v"):
            let types = try BusSignature.types(try text(length: Int(try byte())).utf8)
            guard types.count == 1 else { throw .malformed("a variant has not one value") }
            return .variant(try value(types[0][...], depth: depth + 1))
        case UInt8(ascii: "a"): return try array(type.dropFirst(), depth)
        case UInt8(ascii: "("):
            return .structure(try fields(type, depth))
        case UInt8(ascii: "{"):
            let fields = try fields(type, depth)
            guard fields.count == 2 else { throw .malformed("an entry has not two values") }
            return .entry(fields[0], fields[1])
        default: throw .malformed("a signature is wrong")
        }
    }

    private mutating func array(_ element: ArraySlice<UInt8>, _ depth: Int) throws(BusError)
        -> BusValue
    {
        let length = Int(try fixed(UInt32.self))
        guard let first = element.first, let alignment = BusSignature.alignment(first) else {
            throw .malformed("a signature is wrong")
        }
        try align(to: alignment)
        guard length <= bytes.count - index else { throw .malformed("a message is cut short") }
        let end = index + length
        var values: [BusValue] = []
        while index < end { values.append(try value(element, depth: depth + 1)) }
        guard index == end else { throw .malformed("an array is longer than it says") }
        return .array(of: String(decoding: element, as: UTF8.self), values)
    }

    private mutating func fields(_ type: ArraySlice<UInt8>, _ depth: Int) throws(BusError)
        -> [BusValue]
    {
        try align(to: 8)
        var fields: [BusValue] = []
        for type in try BusSignature.types(type.dropFirst().dropLast()) {
            fields.append(try value(type[...], depth: depth + 1))
        }
        return fields
    }
}
