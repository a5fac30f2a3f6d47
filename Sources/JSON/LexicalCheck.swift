// SPDX-License-Identifier: Apache-2.0

/// One pass over a text's tokens, which refuses what json-c lets through, strict or not: `NaN`
/// and `Infinity`, `-01` and `1.`, control characters in strings, overlong UTF-8 and surrogates,
/// and NUL in names (it would cut them). Also finds the integers that json-c would clamp.
/// Structure is left to json-c.
struct LexicalCheck {
    /// Offsets just behind the integers that do not fit 64 bits, ascending.
    private(set) var hugeIntegers: [Int] = []

    private static let quote = UInt8(ascii: "\"")
    private static let backslash = UInt8(ascii: "\\")
    private static let zero = UInt8(ascii: "0")
    private static let nine = UInt8(ascii: "9")
    /// Makes a number json-c's `double`, which keeps the text; what it does not use stays valid.
    private static let mark: [UInt8] = [UInt8(ascii: "e"), zero]

    /// Checks all of `text`.
    init(of text: [UInt8]) throws(JSONError) {
        var index = 0
        while index < text.count {
            switch text[index] {
            case Self.quote:
                index = try Self.string(text, from: index)
            case UInt8(ascii: "-"), Self.zero...Self.nine:
                index = try number(text, from: index)
            case UInt8(ascii: "t"): index = try Self.word("true", text, from: index)
            case UInt8(ascii: "f"): index = try Self.word("false", text, from: index)
            case UInt8(ascii: "n"): index = try Self.word("null", text, from: index)
            case UInt8(ascii: "{"), UInt8(ascii: "}"), UInt8(ascii: "["), UInt8(ascii: "]"),
                UInt8(ascii: ":"), UInt8(ascii: ","), 0x20, 0x0A, 0x09, 0x0D:
                index += 1
            default:
                throw Self.refuse(text, at: index)
            }
        }
    }

    /// The text with each huge integer given an exponent.
    func markingHugeIntegers(in text: [UInt8]) -> [UInt8] {
        var marked: [UInt8] = []
        marked.reserveCapacity(text.count + hugeIntegers.count * Self.mark.count)
        var start = 0
        for end in hugeIntegers {
            marked += text[start..<end]
            marked += Self.mark
            start = end
        }
        marked += text[start...]
        return marked
    }

    /// Where an offset of the marked text was in the original.
    func originalOffset(of offset: Int) -> Int {
        var shift = 0
        for end in hugeIntegers where end + shift < offset { shift += Self.mark.count }
        return offset - shift
    }

    /// Whether JSON allows the byte between tokens.
    static func isWhitespace(_ byte: UInt8) -> Bool {
        byte == 0x20 || byte == 0x0A || byte == 0x09 || byte == 0x0D
    }

    /// Names the byte that should not be there.
    static func unexpected(_ text: [UInt8], at index: Int) -> String {
        guard index < text.count else { return "unexpected end of input" }
        let byte = text[index]
        if byte > 0x20, byte < 0x7F {
            return "unexpected character '\(Unicode.Scalar(byte))'"
        }
        let digits = String(byte, radix: 16, uppercase: true)
        return "unexpected byte 0x\(digits.utf8.count < 2 ? "0" : "")\(digits)"
    }

    private static func refuse(
        _ text: [UInt8], at index: Int, _ problem: String? = nil
    ) -> JSONError {
        .malformed(
            problem ?? unexpected(text, at: index), at: JSONPosition(offset: index, in: text))
    }

    private static func word(
        _ word: StaticString, _ text: [UInt8], from start: Int
    ) throws(JSONError) -> Int {
        for step in 0..<word.utf8CodeUnitCount {
            let index = start + step
            guard index < text.count, unsafe text[index] == word.utf8Start[step] else {
                throw refuse(text, at: index)
            }
        }
        return start + word.utf8CodeUnitCount
    }

    // MARK: Numbers

    private mutating func number(_ text: [UInt8], from start: Int) throws(JSONError) -> Int {
        var index = start
        let negative = text[index] == UInt8(ascii: "-")
        if negative { index += 1 }
        let firstDigit = index
        index = try Self.digits(text, from: index)
        if text[firstDigit] == Self.zero, index > firstDigit + 1 {
            throw Self.refuse(text, at: firstDigit, "a number with a leading zero")
        }
        var isInteger = true
        if index < text.count, text[index] == UInt8(ascii: ".") {
            isInteger = false
            index = try Self.digits(text, from: index + 1)
        }
        if index < text.count, text[index] | 0x20 == UInt8(ascii: "e") {
            isInteger = false
            index += 1
            if index < text.count,
                text[index] == UInt8(ascii: "+") || text[index] == UInt8(ascii: "-")
            {
                index += 1
            }
            index = try Self.digits(text, from: index)
        }
        // Up to 18 digits always fit.
        if isInteger, index - firstDigit > 18,
            !Self.fits(text, from: firstDigit, to: index, negative: negative)
        {
            hugeIntegers.append(index)
        }
        return index
    }

    /// The end of one or more digits.
    private static func digits(_ text: [UInt8], from start: Int) throws(JSONError) -> Int {
        var index = start
        while index < text.count, zero...nine ~= text[index] { index += 1 }
        guard index > start else { throw refuse(text, at: index) }
        return index
    }

    private static func fits(
        _ text: [UInt8], from start: Int, to end: Int, negative: Bool
    ) -> Bool {
        var magnitude: UInt64 = 0
        for index in start..<end {
            let (product, overflow) = magnitude.multipliedReportingOverflow(by: 10)
            let (sum, carry) = product.addingReportingOverflow(UInt64(text[index] - zero))
            if overflow || carry { return false }
            magnitude = sum
        }
        return !negative || magnitude <= Int64.min.magnitude
    }

    // MARK: Strings

    private static func string(_ text: [UInt8], from start: Int) throws(JSONError) -> Int {
        var index = start + 1
        var hasNUL = false
        while index < text.count {
            let byte = text[index]
            switch byte {
            case quote:
                if hasNUL, isName(text, endingAt: index) {
                    throw refuse(text, at: start, "a NUL character in a property name")
                }
                return index + 1
            case backslash:
                index = try escape(text, from: index, hasNUL: &hasNUL)
            case 0..<0x20:
                let hex = String(byte, radix: 16, uppercase: true)
                let problem = "a control character (0x\(byte < 16 ? "0" : "")\(hex)) in a string"
                throw refuse(text, at: index, problem)
            case 0x80...:
                index = try multibyte(text, from: index)
            default:
                index += 1
            }
        }
        throw refuse(text, at: index)
    }

    private static func isName(_ text: [UInt8], endingAt end: Int) -> Bool {
        let next = text[(end + 1)...].first { !isWhitespace($0) }
        return next == UInt8(ascii: ":")
    }

    private static func escape(
        _ text: [UInt8], from start: Int, hasNUL: inout Bool
    ) throws(JSONError) -> Int {
        guard start + 1 < text.count else { throw refuse(text, at: text.count) }
        switch text[start + 1] {
        case quote, backslash, UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
            UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            return start + 2
        case UInt8(ascii: "u"):
            break
        default:
            throw refuse(text, at: start, "an unknown escape in a string")
        }
        let unit = try codeUnit(text, from: start)
        if unit == 0 { hasNUL = true }
        guard 0xD800...0xDFFF ~= unit else { return start + 6 }
        let second = start + 6
        guard unit < 0xDC00, second + 1 < text.count, text[second] == backslash,
            text[second + 1] == UInt8(ascii: "u"),
            0xDC00...0xDFFF ~= (try codeUnit(text, from: second))
        else { throw refuse(text, at: start, "half of a surrogate pair in a string") }
        return second + 6
    }

    /// The value of `\uXXXX` at `start`.
    private static func codeUnit(_ text: [UInt8], from start: Int) throws(JSONError) -> UInt32 {
        var value: UInt32 = 0
        for index in (start + 2)..<(start + 6) {
            guard index < text.count else { throw refuse(text, at: text.count) }
            guard let digit = Character(Unicode.Scalar(text[index])).hexDigitValue,
                text[index] < 0x80
            else { throw refuse(text, at: start, "an unknown escape in a string") }
            value = value << 4 | UInt32(truncatingIfNeeded: digit)
        }
        return value
    }

    /// The end of the UTF-8 sequence at `start`: shortest form, and no surrogates.
    private static func multibyte(_ text: [UInt8], from start: Int) throws(JSONError) -> Int {
        let (length, second): (Int, ClosedRange<UInt8>)
        switch text[start] {
        case 0xC2...0xDF: (length, second) = (2, 0x80...0xBF)
        case 0xE0: (length, second) = (3, 0xA0...0xBF)
        case 0xED: (length, second) = (3, 0x80...0x9F)
        case 0xE1...0xEF: (length, second) = (3, 0x80...0xBF)
        case 0xF0: (length, second) = (4, 0x90...0xBF)
        case 0xF1...0xF3: (length, second) = (4, 0x80...0xBF)
        case 0xF4: (length, second) = (4, 0x80...0x8F)
        default: throw refuse(text, at: start, "a string that is not UTF-8")
        }
        for step in 1..<length {
            guard start + step < text.count else { throw refuse(text, at: text.count) }
            let allowed = step == 1 ? second : 0x80...0xBF
            guard allowed ~= text[start + step] else {
                throw refuse(text, at: start, "a string that is not UTF-8")
            }
        }
        return start + length
    }
}
