// SPDX-License-Identifier: Apache-2.0

/// Goes through the fields of a message, and either gives one of them its value from the wire, or
/// writes all of them.
package struct Fields {
    /// The most elements of a list. An element that takes two bytes on the wire may take a hundred
    /// in memory.
    package static let elementLimit = 65536

    /// What is being read; nil when writing.
    private let field: WireField?
    private(set) var written: [UInt8] = []
    /// The first thing that was wrong.
    private(set) var failure: WireError?

    /// To write.
    init() { field = nil }

    /// To read one field.
    init(reading field: WireField) { self.field = field }

    // MARK: - Numbers

    package mutating func visit(_ number: Int, _ value: inout UInt64) {
        if field == nil {
            if value != 0 { write(number, varint: value) }
        } else if let read = readVarint(number) {
            value = read
        }
    }

    /// A number of which it counts whether it is there.
    package mutating func visit(_ number: Int, _ value: inout UInt64?) {
        if field == nil {
            if let value { write(number, varint: value) }
        } else if let read = readVarint(number) {
            value = read
        }
    }

    package mutating func visit(_ number: Int, _ value: inout Int64) {
        var bits = UInt64(bitPattern: value)
        visit(number, &bits)
        value = Int64(bitPattern: bits)
    }

    package mutating func visit(_ number: Int, _ value: inout UInt32) {
        var wide = UInt64(value)
        visit(number, &wide)
        // A number of 32 bits is the lower half of what is on the wire.
        value = UInt32(truncatingIfNeeded: wide)
    }

    package mutating func visit(_ number: Int, _ value: inout Int32) {
        // Negative ones take ten bytes: the sign goes on to the 64th bit.
        var wide = Int64(value)
        visit(number, &wide)
        value = Int32(truncatingIfNeeded: wide)
    }

    package mutating func visit(_ number: Int, _ value: inout Bool) {
        var wide: UInt64 = value ? 1 : 0
        visit(number, &wide)
        value = wide != 0
    }

    package mutating func visit(_ number: Int, _ value: inout Double) {
        guard let field else {
            if value.bitPattern != 0 { write(number, fixed64: value.bitPattern) }
            return
        }
        guard field.number == number else { return }
        guard case .fixed64(let bits) = field.content else {
            return fail(.wrongKind(field: number))
        }
        value = Double(bitPattern: bits)
    }

    /// A list of numbers: written packed, read in both forms.
    package mutating func visit(_ number: Int, _ values: inout [UInt64]) {
        guard let field else {
            if values.isEmpty { return }
            var packed: [UInt8] = []
            for value in values { Self.append(varint: value, to: &packed) }
            return write(number, bytes: packed[...])
        }
        guard field.number == number else { return }
        switch field.content {
        case .varint(let value): append(value, to: &values)
        case .bytes(let packed):
            var reader = WireReader(packed)
            do throws(WireError) {
                while failure == nil, let value = try reader.nextVarint() {
                    append(value, to: &values)
                }
            } catch {
                fail(error)
            }
        default: fail(.wrongKind(field: number))
        }
    }

    // MARK: - Text and bytes

    package mutating func visit(_ number: Int, _ value: inout String) {
        if field == nil {
            if !value.isEmpty { write(number, bytes: Array(value.utf8)[...]) }
        } else if let text = readText(number) {
            value = text
        }
    }

    /// Text of which it counts whether it is there.
    package mutating func visit(_ number: Int, _ value: inout String?) {
        if field == nil {
            if let value { write(number, bytes: Array(value.utf8)[...]) }
        } else if let text = readText(number) {
            value = text
        }
    }

    package mutating func visit(_ number: Int, _ values: inout [String]) {
        if field == nil {
            for value in values { write(number, bytes: Array(value.utf8)[...]) }
        } else if let text = readText(number) {
            append(text, to: &values)
        }
    }

    package mutating func visit(_ number: Int, _ value: inout [UInt8]) {
        if field == nil {
            if !value.isEmpty { write(number, bytes: value[...]) }
        } else if let bytes = readBytes(number) {
            value = Array(bytes)
        }
    }

    // MARK: - Messages

    package mutating func visit<Part: Message>(_ number: Int, _ value: inout Part?) {
        if field == nil {
            if let value { write(number, bytes: value.encoded[...]) }
        } else if let bytes = readBytes(number) {
            var part = value ?? Part()
            do throws(WireError) {
                try part.merge(bytes)
                value = part
            } catch {
                fail(error)
            }
        }
    }

    package mutating func visit<Element: Message>(_ number: Int, _ values: inout [Element]) {
        if field == nil {
            for value in values { write(number, bytes: value.encoded[...]) }
        } else if let bytes = readBytes(number) {
            do throws(WireError) {
                append(try Element(decoding: bytes), to: &values)
            } catch {
                fail(error)
            }
        }
    }

    /// A map of texts: on the wire a list of pairs, written in the order of their names.
    package mutating func visit(_ number: Int, _ values: inout [String: String]) {
        if field == nil {
            for (name, value) in values.sorted(by: { $0.key < $1.key }) {
                write(number, bytes: Pair(name: name, value: value).encoded[...])
            }
        } else if let bytes = readBytes(number) {
            do throws(WireError) {
                let pair = try Pair(decoding: bytes)
                if values.count >= Self.elementLimit {
                    return fail(.tooManyElements(field: number))
                }
                values[pair.name] = pair.value
            } catch {
                fail(error)
            }
        }
    }

    private struct Pair: Message {
        var name = ""
        var value = ""

        init() {}

        init(name: String, value: String) {
            self.name = name
            self.value = value
        }

        mutating func visit(_ fields: inout Fields) {
            fields.visit(1, &name)
            fields.visit(2, &value)
        }
    }

    // MARK: - Reading

    private mutating func fail(_ error: WireError) {
        if failure == nil { failure = error }
    }

    private mutating func readVarint(_ number: Int) -> UInt64? {
        guard let field, field.number == number else { return nil }
        guard case .varint(let value) = field.content else {
            fail(.wrongKind(field: number))
            return nil
        }
        return value
    }

    private mutating func readBytes(_ number: Int) -> ArraySlice<UInt8>? {
        guard let field, field.number == number else { return nil }
        guard case .bytes(let value) = field.content else {
            fail(.wrongKind(field: number))
            return nil
        }
        return value
    }

    private mutating func readText(_ number: Int) -> String? {
        guard let bytes = readBytes(number) else { return nil }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            fail(.badText(field: number))
            return nil
        }
        return text
    }

    private mutating func append<Element>(_ value: Element, to values: inout [Element]) {
        if values.count >= Self.elementLimit {
            fail(.tooManyElements(field: field?.number ?? 0))
        } else {
            values.append(value)
        }
    }

    // MARK: - Writing

    private mutating func write(_ number: Int, varint value: UInt64) {
        writeTag(number, kind: 0)
        Self.append(varint: value, to: &written)
    }

    private mutating func write(_ number: Int, fixed64 value: UInt64) {
        writeTag(number, kind: 1)
        for position in UInt64(0)..<8 {
            written.append(UInt8(truncatingIfNeeded: value >> (8 * position)))
        }
    }

    private mutating func write(_ number: Int, bytes: ArraySlice<UInt8>) {
        writeTag(number, kind: 2)
        Self.append(varint: UInt64(bytes.count), to: &written)
        written += bytes
    }

    private mutating func writeTag(_ number: Int, kind: UInt64) {
        Self.append(varint: UInt64(number) << 3 | kind, to: &written)
    }

    private static func append(varint value: UInt64, to bytes: inout [UInt8]) {
        var rest = value
        while rest > 0x7f {
            bytes.append(UInt8(truncatingIfNeeded: rest & 0x7f | 0x80))
            rest >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: rest))
    }
}
