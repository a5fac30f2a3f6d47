// SPDX-License-Identifier: Apache-2.0

/// One field as it stands in a message.
package struct WireField: Equatable, Sendable {
    /// What follows a field's number.
    package enum Content: Equatable, Sendable {
        case varint(UInt64)
        case fixed64(UInt64)
        case bytes(ArraySlice<UInt8>)
        case fixed32(UInt32)
    }

    package let number: Int
    package let content: Content
}

/// Takes a message apart, field by field.
///
/// Nothing that stands in the bytes makes it trap, wait, or allocate more than they are.
package struct WireReader {
    private var rest: ArraySlice<UInt8>

    /// The largest number that a field can have.
    private static let lastField: UInt64 = 1 << 29 - 1

    package init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

    /// The next field; nil at the end.
    package mutating func next() throws(WireError) -> WireField? {
        if rest.isEmpty { return nil }
        let tag = try varint()
        let number = tag >> 3
        guard number > 0, number <= Self.lastField else { throw .badFieldNumber }
        let content: WireField.Content
        switch UInt8(truncatingIfNeeded: tag & 7) {
        case 0: content = .varint(try varint())
        case 1: content = .fixed64(try littleEndian(8))
        case 2:
            let length = try varint()
            guard length <= UInt64(rest.count) else { throw .truncated }
            content = .bytes(rest.prefix(Int(length)))
            rest = rest.dropFirst(Int(length))
        case 5: content = .fixed32(UInt32(truncatingIfNeeded: try littleEndian(4)))
        case let kind: throw .badKind(kind)
        }
        return WireField(number: Int(number), content: content)
    }

    /// The numbers that stand one behind the other until the end: a packed list.
    mutating func nextVarint() throws(WireError) -> UInt64? {
        rest.isEmpty ? nil : try varint()
    }

    private mutating func varint() throws(WireError) -> UInt64 {
        var value: UInt64 = 0
        for position in 0..<10 {
            guard let byte = rest.popFirst() else { throw .truncated }
            // The tenth byte has room for one bit.
            if position == 9 && byte > 1 { throw .numberTooLong }
            value |= UInt64(byte & 0x7f) << UInt64(7 * position)
            if byte & 0x80 == 0 { return value }
        }
        throw .numberTooLong
    }

    private mutating func littleEndian(_ count: Int) throws(WireError) -> UInt64 {
        guard rest.count >= count else { throw .truncated }
        var value: UInt64 = 0
        for (position, byte) in rest.prefix(count).enumerated() {
            value |= UInt64(byte) << UInt64(8 * position)
        }
        rest = rest.dropFirst(count)
        return value
    }
}
