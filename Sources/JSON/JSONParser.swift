// SPDX-License-Identifier: Apache-2.0

/// Reads a text from its beginning to its end, once, and notes where its values are (RFC 8259).
///
/// Nothing is copied out of the text, and nothing is decoded: most of a configuration is looked at
/// once or never.
struct JSONParser {
    private let text: [UInt8]
    private let limits: JSONLimits
    private(set) var entries: [JSONEntry] = []
    /// The next byte.
    private var index = 0
    /// The array or object that is being read. Until it ends, its `next` is the one around it.
    private var container = Self.none
    private var depth = 0
    /// Whether nothing of the container has been read yet.
    private var isEmpty = false

    private static let none = UInt32.max
    private static let quote = UInt8(ascii: "\"")
    private static let backslash = UInt8(ascii: "\\")
    private static let zero = UInt8(ascii: "0")
    private static let nine = UInt8(ascii: "9")

    /// Reads all of `text`.
    init(_ text: [UInt8], limits: JSONLimits) throws(JSONError) {
        self.text = text
        self.limits = limits
        guard text.count <= min(limits.size, Int(Self.none) - 1) else {
            throw refusal(at: limits.size, "a text of more than \(limits.size) bytes")
        }
        // About as many as there are in a configuration.
        entries.reserveCapacity(text.count / 12 + 4)
        try value()
        while container != Self.none { try inside() }
        skipWhitespace()
        if index < text.count { throw refusal(at: index) }
    }

    /// Says what is wrong at `index`: a problem, or else the byte that should not be there.
    private func refusal(at index: Int, _ problem: String? = nil) -> JSONError {
        .malformed(problem ?? unexpected(at: index), at: JSONPosition(offset: index, in: text))
    }

    private func unexpected(at index: Int) -> String {
        guard index < text.count else { return "unexpected end of input" }
        let byte = text[index]
        if byte > 0x20, byte < 0x7F {
            return "unexpected character '\(Unicode.Scalar(byte))'"
        }
        return "unexpected byte \(Self.hexadecimal(byte))"
    }

    /// For instance `0x0A`.
    private static func hexadecimal(_ byte: UInt8) -> String {
        "0x\(byte < 16 ? "0" : "")\(String(byte, radix: 16, uppercase: true))"
    }

    // MARK: Structure

    private mutating func skipWhitespace() {
        while index < text.count {
            switch text[index] {
            case 0x20, 0x0A, 0x09, 0x0D: index += 1
            default: return
            }
        }
    }

    /// The next byte that is no whitespace.
    private mutating func nextByte() throws(JSONError) -> UInt8 {
        skipWhitespace()
        guard index < text.count else { throw refusal(at: index) }
        return text[index]
    }

    /// A scalar, or the beginning of an array or object.
    private mutating func value() throws(JSONError) {
        switch try nextByte() {
        case Self.quote:
            let start = index + 1
            add(try string(), from: start, to: index - 1)
        case UInt8(ascii: "{"): try open(.object)
        case UInt8(ascii: "["): try open(.array)
        case UInt8(ascii: "-"), Self.zero...Self.nine:
            let start = index
            add(try number(), from: start, to: index)
        case UInt8(ascii: "t"): try word("true", .true)
        case UInt8(ascii: "f"): try word("false", .false)
        case UInt8(ascii: "n"): try word("null", .null)
        default: throw refusal(at: index)
        }
    }

    private mutating func add(_ shape: JSONEntry.Shape, from start: Int, to end: Int) {
        entries.append(
            JSONEntry(
                shape: shape, start: UInt32(truncatingIfNeeded: start),
                end: UInt32(truncatingIfNeeded: end),
                next: UInt32(truncatingIfNeeded: entries.count + 1)))
        isEmpty = false
    }

    private mutating func open(_ shape: JSONEntry.Shape) throws(JSONError) {
        depth += 1
        if depth > limits.depth {
            throw refusal(at: index, "more than \(limits.depth) levels of nesting")
        }
        add(shape, from: index, to: index)
        let opened = entries.count - 1
        entries[opened].next = container
        container = UInt32(truncatingIfNeeded: opened)
        isEmpty = true
        index += 1
    }

    private mutating func close() {
        index += 1
        depth -= 1
        let closed = Int(container)
        container = entries[closed].next
        entries[closed].end = UInt32(truncatingIfNeeded: index)
        entries[closed].next = UInt32(truncatingIfNeeded: entries.count)
        isEmpty = false
    }

    /// The next of what is in the container, or its end.
    private mutating func inside() throws(JSONError) {
        let isObject = entries[Int(container)].shape == .object
        let byte = try nextByte()
        if byte == UInt8(ascii: isObject ? "}" : "]") { return close() }
        if !isEmpty {
            guard byte == UInt8(ascii: ",") else {
                throw refusal(
                    at: index,
                    isObject
                        ? "neither ',' nor '}' in an object" : "neither ',' nor ']' in an array")
            }
            index += 1
        }
        if isObject { try name() }
        try value()
    }

    private mutating func name() throws(JSONError) {
        let byte = try nextByte()
        guard byte == Self.quote else {
            throw refusal(at: index, Self.mayBeName(byte) ? "no property name in quotes" : nil)
        }
        let start = index + 1
        let shape = try string()
        if shape == .stringWithNUL {
            throw refusal(at: start - 1, "a NUL character in a property name")
        }
        add(shape, from: start, to: index - 1)
        guard try nextByte() == UInt8(ascii: ":") else {
            throw refusal(at: index, "no ':' after a property name")
        }
        index += 1
    }

    /// Whether somebody may have meant a name, and left its quotation marks out or taken others.
    private static func mayBeName(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            zero...nine, UInt8(ascii: "_"), UInt8(ascii: "'"):
            true
        default: false
        }
    }

    private mutating func word(_ word: StaticString, _ shape: JSONEntry.Shape) throws(JSONError) {
        let start = index
        for step in 0..<word.utf8CodeUnitCount {
            guard index < text.count, unsafe text[index] == word.utf8Start[step] else {
                throw refusal(at: index)
            }
            index += 1
        }
        add(shape, from: start, to: index)
    }

    // MARK: Numbers

    private mutating func number() throws(JSONError) -> JSONEntry.Shape {
        let start = index
        if text[index] == UInt8(ascii: "-") { index += 1 }
        let firstDigit = index
        try digits()
        if text[firstDigit] == Self.zero, index > firstDigit + 1 {
            throw refusal(at: firstDigit, "a number with a leading zero")
        }
        var isInteger = true
        if index < text.count, text[index] == UInt8(ascii: ".") {
            isInteger = false
            index += 1
            try digits()
        }
        if index < text.count, text[index] | 0x20 == UInt8(ascii: "e") {
            isInteger = false
            index += 1
            if index < text.count,
                text[index] == UInt8(ascii: "+") || text[index] == UInt8(ascii: "-")
            {
                index += 1
            }
            try digits()
        }
        if !isInteger { return .number }
        return JSONNode.Integer(digits: text[start..<index]) == nil ? .hugeInteger : .integer
    }

    /// One or more digits.
    private mutating func digits() throws(JSONError) {
        let start = index
        while index < text.count, Self.zero...Self.nine ~= text[index] { index += 1 }
        if index == start { throw refusal(at: index) }
    }

    // MARK: Strings

    /// A string, from the quotation mark on.
    private mutating func string() throws(JSONError) -> JSONEntry.Shape {
        var shape = JSONEntry.Shape.string
        index += 1
        while index < text.count {
            let byte = text[index]
            switch byte {
            case Self.quote:
                index += 1
                return shape
            case Self.backslash:
                let isNUL = try escape()
                if shape != .stringWithNUL { shape = isNUL ? .stringWithNUL : .escapedString }
            case 0..<0x20:
                throw refusal(
                    at: index, "a control character (\(Self.hexadecimal(byte))) in a string")
            case 0x80...: try multibyte()
            default: index += 1
            }
        }
        throw refusal(at: index)
    }

    /// One escape, or the two that make one character. Whether it is NUL.
    private mutating func escape() throws(JSONError) -> Bool {
        let start = index
        guard start + 1 < text.count else { throw refusal(at: text.count) }
        index += 2
        switch text[start + 1] {
        case Self.quote, Self.backslash, UInt8(ascii: "/"), UInt8(ascii: "b"),
            UInt8(ascii: "f"), UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            return false
        case UInt8(ascii: "u"):
            break
        default:
            throw refusal(at: start, "an unknown escape in a string")
        }
        let unit = try codeUnit(ofEscapeAt: start)
        guard 0xD800...0xDFFF ~= unit else { return unit == 0 }
        guard unit < 0xDC00, index + 1 < text.count, text[index] == Self.backslash,
            text[index + 1] == UInt8(ascii: "u")
        else { throw refusal(at: start, "half of a surrogate pair in a string") }
        let second = index
        index += 2
        guard 0xDC00...0xDFFF ~= (try codeUnit(ofEscapeAt: second)) else {
            throw refusal(at: start, "half of a surrogate pair in a string")
        }
        return false
    }

    /// The value of the four digits that are next.
    private mutating func codeUnit(ofEscapeAt start: Int) throws(JSONError) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard index < text.count else { throw refusal(at: text.count) }
            guard let digit = Self.hexDigit(text[index]) else {
                throw refusal(at: start, "an unknown escape in a string")
            }
            value = value << 4 | digit
            index += 1
        }
        return value
    }

    /// The value of a hexadecimal digit.
    static func hexDigit(_ byte: UInt8) -> UInt32? {
        switch byte {
        case zero...nine: UInt32(byte - zero)
        case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt32(byte - UInt8(ascii: "a") + 10)
        case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt32(byte - UInt8(ascii: "A") + 10)
        default: nil
        }
    }

    /// A sequence of UTF-8 in its shortest form, and no surrogate.
    private mutating func multibyte() throws(JSONError) {
        let (length, second): (Int, ClosedRange<UInt8>)
        switch text[index] {
        case 0xC2...0xDF: (length, second) = (2, 0x80...0xBF)
        case 0xE0: (length, second) = (3, 0xA0...0xBF)
        case 0xED: (length, second) = (3, 0x80...0x9F)
        case 0xE1...0xEF: (length, second) = (3, 0x80...0xBF)
        case 0xF0: (length, second) = (4, 0x90...0xBF)
        case 0xF1...0xF3: (length, second) = (4, 0x80...0xBF)
        case 0xF4: (length, second) = (4, 0x80...0x8F)
        default: throw refusal(at: index, "a string that is not UTF-8")
        }
        for step in 1..<length {
            guard index + step < text.count else { throw refusal(at: text.count) }
            let allowed = step == 1 ? second : 0x80...0xBF
            guard allowed ~= text[index + step] else {
                throw refusal(at: index, "a string that is not UTF-8")
            }
        }
        index += length
    }
}
