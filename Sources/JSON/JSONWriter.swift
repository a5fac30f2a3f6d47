// SPDX-License-Identifier: Apache-2.0

/// Writes a JSON text, value by value.
///
/// Commas and line breaks come by themselves. Calls must make one value; a misuse gives a text
/// that is not JSON, never a trap.
///
/// ```swift
/// var json = JSONWriter()
/// json.object { json in
///     json.member("level", "error")
///     json.member("pid", 42)
/// }
/// write(json.bytes)   // {"level":"error","pid":42}
/// ```
package struct JSONWriter: Sendable {
    /// How the text is laid out.
    package enum Layout: Equatable, Sendable {
        /// All on one line.
        case compact
        /// One value a line, indented by this many spaces.
        case spaces(Int)
        /// One value a line, indented by tabs.
        case tabs
    }

    /// The text so far.
    package private(set) var bytes: [UInt8] = []
    private let layout: Layout
    private var depth = 0
    /// Whether nothing is in the innermost array or object yet.
    private var isEmpty = true
    private var isAfterKey = false

    /// Starts an empty text.
    package init(_ layout: Layout = .compact) {
        self.layout = layout
        bytes.reserveCapacity(512)
    }

    /// The text so far.
    package var text: String { String(decoding: bytes, as: UTF8.self) }

    // MARK: Containers

    /// Opens an object.
    package mutating func beginObject() { open(UInt8(ascii: "{")) }

    /// Closes the innermost object.
    package mutating func endObject() { close(UInt8(ascii: "}")) }

    /// Opens an array.
    package mutating func beginArray() { open(UInt8(ascii: "[")) }

    /// Closes the innermost array.
    package mutating func endArray() { close(UInt8(ascii: "]")) }

    /// Writes an object with what `body` writes in it.
    package mutating func object<Failure: Error>(
        _ body: (inout JSONWriter) throws(Failure) -> Void
    ) throws(Failure) {
        beginObject()
        try body(&self)
        endObject()
    }

    /// Writes an array with what `body` writes in it.
    package mutating func array<Failure: Error>(
        _ body: (inout JSONWriter) throws(Failure) -> Void
    ) throws(Failure) {
        beginArray()
        try body(&self)
        endArray()
    }

    /// Writes a member's name; its value must follow.
    package mutating func key(_ name: StaticString) {
        beginValue()
        unsafe append(UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount))
        endKey()
    }

    /// Writes a member's name; its value must follow.
    package mutating func key(_ name: String) {
        beginValue()
        append(quoting: name)
        endKey()
    }

    // MARK: Scalars

    /// Writes a string.
    package mutating func string(_ value: String) {
        beginValue()
        append(quoting: value)
    }

    /// Writes an integer.
    package mutating func int(_ value: Int64) {
        beginValue()
        if value < 0 { bytes.append(UInt8(ascii: "-")) }
        append(value.magnitude)
    }

    /// Writes an integer.
    package mutating func uint(_ value: UInt64) {
        beginValue()
        append(value)
    }

    /// Writes a number that is counted in hundredths, as briefly as it goes: 150 is `1.5`.
    package mutating func hundredths(_ value: UInt64) {
        beginValue()
        append(value / 100)
        let (tenths, rest) = (value / 10 % 10, value % 10)
        if tenths == 0 && rest == 0 { return }
        append(".")
        append(tenths)
        if rest != 0 { append(rest) }
    }

    /// Writes `true` or `false`.
    package mutating func bool(_ value: Bool) {
        beginValue()
        append(value ? "true" : "false")
    }

    /// Writes `null`.
    package mutating func null() {
        beginValue()
        append("null")
    }

    // MARK: Members

    /// Writes a member that is a string.
    package mutating func member(_ name: StaticString, _ value: String) {
        key(name)
        string(value)
    }

    /// Writes a member that is an integer.
    package mutating func member(_ name: StaticString, _ value: some FixedWidthInteger) {
        key(name)
        if let value = Int64(exactly: value) {
            int(value)
        } else {
            uint(UInt64(clamping: value))
        }
    }

    /// Writes a member that is a boolean.
    package mutating func member(_ name: StaticString, _ value: Bool) {
        key(name)
        bool(value)
    }

    /// Writes a member that is an array of strings.
    package mutating func member(_ name: StaticString, _ values: [String]) {
        key(name)
        beginArray()
        for value in values { string(value) }
        endArray()
    }

    /// Writes a member that is an object of strings, sorted by name.
    package mutating func member(_ name: StaticString, _ values: [String: String]) {
        key(name)
        beginObject()
        for (name, value) in values.sorted(by: { $0.key < $1.key }) {
            key(name)
            string(value)
        }
        endObject()
    }

    // MARK: Layout

    private mutating func open(_ bracket: UInt8) {
        beginValue()
        bytes.append(bracket)
        depth += 1
        isEmpty = true
    }

    private mutating func close(_ bracket: UInt8) {
        if depth > 0 { depth -= 1 }
        if !isEmpty { breakLine() }
        bytes.append(bracket)
        isEmpty = false
        isAfterKey = false
    }

    private mutating func beginValue() {
        if isAfterKey {
            isAfterKey = false
            return
        }
        if !isEmpty { bytes.append(UInt8(ascii: ",")) }
        if depth > 0 { breakLine() }
        isEmpty = false
    }

    private mutating func endKey() {
        bytes.append(UInt8(ascii: ":"))
        if layout != .compact { bytes.append(UInt8(ascii: " ")) }
        isAfterKey = true
    }

    private mutating func breakLine() {
        switch layout {
        case .compact:
            return
        case .spaces(let width):
            bytes.append(UInt8(ascii: "\n"))
            for _ in 0..<max(0, width &* depth) { bytes.append(UInt8(ascii: " ")) }
        case .tabs:
            bytes.append(UInt8(ascii: "\n"))
            for _ in 0..<depth { bytes.append(UInt8(ascii: "\t")) }
        }
    }

    // MARK: Text

    private mutating func append(_ text: StaticString) {
        for index in 0..<text.utf8CodeUnitCount { unsafe bytes.append(text.utf8Start[index]) }
    }

    private mutating func append(_ value: UInt64) {
        var digits = InlineArray<20, UInt8>(repeating: 0)
        var start = 20
        var rest = value
        repeat {
            start -= 1
            digits[start] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        } while rest > 0
        for index in start..<20 { bytes.append(digits[index]) }
    }

    private mutating func append(quoting text: String) {
        var text = text
        text.withUTF8 { utf8 in unsafe append(utf8) }
    }

    /// Writes UTF-8 as a JSON string: what RFC 8259 demands is escaped, the rest stays.
    private mutating func append(_ utf8: UnsafeBufferPointer<UInt8>) {
        bytes.append(UInt8(ascii: "\""))
        for index in 0..<utf8.count {
            let byte = unsafe utf8[index]
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                bytes.append(UInt8(ascii: "\\"))
                bytes.append(byte)
            case 0..<0x20:
                append(control: byte)
            default:
                bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    private mutating func append(control byte: UInt8) {
        switch byte {
        case 0x08: append("\\b")
        case 0x09: append("\\t")
        case 0x0A: append("\\n")
        case 0x0C: append("\\f")
        case 0x0D: append("\\r")
        default:
            append("\\u00")
            append(hexDigit: byte >> 4)
            append(hexDigit: byte & 15)
        }
    }

    private mutating func append(hexDigit value: UInt8) {
        bytes.append(value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10)
    }
}
