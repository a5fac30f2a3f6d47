// SPDX-License-Identifier: Apache-2.0

/// The types of JSON; numbers are told apart by how they are written.
package enum JSONKind: Sendable {
    case null
    case boolean
    /// Digits only, within 64 bits.
    case integer
    /// With a fraction or exponent, or beyond 64 bits.
    case number
    case string
    case array
    case object
}

/// A value of a parsed text.
///
/// It shows what the text has and keeps the text for that. Only an error builds the path, by searching
/// the text for the value.
package struct JSONNode: Sendable {
    private let values: JSONValues
    /// Which of them.
    private let index: Int

    init(_ values: JSONValues, _ index: Int) {
        self.values = values
        self.index = index
    }

    private var entry: JSONEntry { values.entries[index] }

    /// The value as it is written.
    private var written: ArraySlice<UInt8> { values.text[Int(entry.start)..<Int(entry.end)] }

    /// The value's type.
    package var kind: JSONKind {
        switch entry.shape {
        case .null: .null
        case .false, .true: .boolean
        case .integer: .integer
        case .number, .hugeInteger: .number
        case .string, .escapedString, .stringWithNUL: .string
        case .array: .array
        case .object: .object
        }
    }

    /// Whether the value is `null`.
    package var isNull: Bool { entry.shape == .null }

    // MARK: Scalars

    /// The string, which must be one. It can contain NUL.
    package func string() throws(JSONError) -> String {
        guard let text = stringIfAny else { throw unexpected("a string") }
        return text
    }

    // What throws tells the path, which a search of the document finds. Who goes on reading after
    // an error asks these instead, so that a text full of errors does not cost its square.

    /// The string, if it is one.
    package var stringIfAny: String? { textIfAny?.string }

    /// The same, and whether there is a NUL character in it, where C would take it to end.
    package var textIfAny: (string: String, hasNUL: Bool)? {
        guard kind == .string else { return nil }
        return (values.string(at: index), entry.shape == .stringWithNUL)
    }

    /// The boolean, which must be one.
    package func boolean() throws(JSONError) -> Bool {
        guard let boolean = booleanIfAny else { throw unexpected("a boolean") }
        return boolean
    }

    /// The boolean, if it is one.
    package var booleanIfAny: Bool? {
        switch entry.shape {
        case .false: false
        case .true: true
        default: nil
        }
    }

    /// The integer, which must be written as one and fit.
    // Inlined, so that no conversion goes through the tables of a generic one.
    @inlinable @inline(__always)
    package func integer<Value: FixedWidthInteger>(
        as type: Value.Type = Value.self
    ) throws(JSONError) -> Value {
        guard let value = exactInteger?.exactly(Value.self) else {
            throw unexpected(Self.name(ofWidth: Value.bitWidth, signed: Value.isSigned))
        }
        return value
    }

    /// An integer of up to 64 bits, signed or not.
    @frozen
    package enum Integer: Equatable {
        case signed(Int64)
        /// Beyond the largest of the signed ones.
        case large(UInt64)

        /// Of digits, with a sign before them or without; nil beyond 64 bits.
        init?(digits: ArraySlice<UInt8>) {
            let isNegative = digits.first == UInt8(ascii: "-")
            var magnitude: UInt64 = 0
            for digit in isNegative ? digits.dropFirst() : digits {
                let (product, overflow) = magnitude.multipliedReportingOverflow(by: 10)
                let (sum, carry) = product.addingReportingOverflow(
                    UInt64(digit - UInt8(ascii: "0")))
                if overflow || carry { return nil }
                magnitude = sum
            }
            if isNegative {
                if magnitude > Int64.min.magnitude { return nil }
                self = .signed(Int64(truncatingIfNeeded: 0 &- magnitude))
            } else if let signed = Int64(exactly: magnitude) {
                self = .signed(signed)
            } else {
                self = .large(magnitude)
            }
        }

        /// The same number in another type, if it fits.
        @inlinable @inline(__always)
        package func exactly<Value: FixedWidthInteger>(_ type: Value.Type) -> Value? {
            switch self {
            case .signed(let number): Value(exactly: number)
            case .large(let number): Value(exactly: number)
            }
        }
    }

    /// The integer, if the value is one.
    package var exactInteger: Integer? {
        entry.shape == .integer ? Integer(digits: written) : nil
    }

    /// For instance `an unsigned 32-bit integer`.
    package static func name(ofWidth width: Int, signed: Bool) -> String {
        "\(signed ? "a signed" : "an unsigned") \(width)-bit integer"
    }

    // MARK: Containers

    /// The member, or nil if there is none, if it is `null`, or if this is no object.
    package subscript(key: StaticString) -> JSONNode? {
        unsafe member(UnsafeBufferPointer(start: key.utf8Start, count: key.utf8CodeUnitCount))
    }

    /// The member, or nil if there is none, if it is `null`, or if this is no object.
    package subscript(named key: String) -> JSONNode? {
        var key = key
        return key.withUTF8 { unsafe member($0) }
    }

    private func member(_ name: UnsafeBufferPointer<UInt8>) -> JSONNode? {
        guard entry.shape == .object, let found = unsafe values.member(of: index, name) else {
            return nil
        }
        let member = JSONNode(values, found)
        return member.isNull ? nil : member
    }

    /// The member, which must be there and not `null`.
    package func required(
        _ key: StaticString, _ expected: String = "a value"
    ) throws(JSONError) -> JSONNode {
        guard kind == .object else { throw unexpected("an object") }
        guard let member = self[key] else {
            let path = Self.append(key: key.description, to: path)
            throw .unexpected(path: path, expected: expected, found: "nothing")
        }
        return member
    }

    /// The elements of the array, which this must be.
    package func elements() throws(JSONError) -> JSONElements {
        guard let elements = elementsIfAny else { throw unexpected("an array") }
        return elements
    }

    /// The elements, if it is an array.
    package var elementsIfAny: JSONElements? {
        guard kind == .array else { return nil }
        return JSONElements(values, ofArrayAt: index)
    }

    /// The members of the object, which this must be, in the order of the text.
    package func members() throws(JSONError) -> JSONMembers {
        guard let members = membersIfAny else { throw unexpected("an object") }
        return members
    }

    /// The members, if it is an object.
    package var membersIfAny: JSONMembers? {
        kind == .object ? JSONMembers(values, ofObjectAt: index) : nil
    }

    // MARK: Errors

    /// The error that something else was expected here.
    package func unexpected(_ expected: String) -> JSONError {
        .unexpected(path: path, expected: expected, found: summary)
    }

    /// What the value is, for a message: `a string ("0")`, `an integer (-1)`, `an object`.
    package var summary: String {
        switch entry.shape {
        case .null: "null"
        case .false: "false"
        case .true: "true"
        case .string, .escapedString, .stringWithNUL:
            "a string (\(values.string(at: index).quoted))"
        case .array: "an array"
        case .object: "an object"
        case .integer: "an integer (\(start))"
        case .hugeInteger: "an integer beyond 64 bits (\(start))"
        case .number: "a number (\(start))"
        }
    }

    /// The beginning of the value as it is written: the text may be huge.
    private var start: String { String(decoding: written.prefix(64), as: UTF8.self) }

    /// Where the value is in the document, as `linux.sysctl["net.core.somaxconn"]`.
    ///
    /// Searches the document, so it is for errors only.
    package var path: String { values.path(of: index) }

    /// `path` with a member's name behind it.
    package static func append(key: String, to path: String) -> String {
        let step = self.step(for: key)
        return step.hasPrefix("[") ? path + step : join(path, step)
    }

    private static func join(_ path: String, _ name: String) -> String {
        path.isEmpty ? name : "\(path).\(name)"
    }

    private static func step(for key: String) -> String {
        // Quoting cuts it.
        if key.utf8.count > 64 { return "[\(key.quoted)]" }
        var isFirst = true
        for byte in key.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "_"):
                break
            case UInt8(ascii: "0")...UInt8(ascii: "9") where !isFirst:
                break
            default:
                return "[\(key.quoted)]"
            }
            isFirst = false
        }
        return isFirst ? "[\"\"]" : key
    }
}

/// The elements of an array, in order.
package struct JSONElements: Sequence, IteratorProtocol {
    /// nil without an array.
    private let values: JSONValues?
    private var index = 0
    private var end = 0

    init(_ values: JSONValues, ofArrayAt index: Int) {
        self.values = values
        self.index = index + 1
        end = Int(values.entries[index].next)
    }

    /// Of no array.
    package init() { values = nil }

    /// How many there are from here on.
    package var count: Int {
        guard let values else { return 0 }
        var count = 0
        var index = index
        while index < end {
            index = Int(values.entries[index].next)
            count += 1
        }
        return count
    }

    /// The next element.
    package mutating func next() -> JSONNode? {
        guard let values, index < end else { return nil }
        defer { index = Int(values.entries[index].next) }
        return JSONNode(values, index)
    }
}

/// The members of an object, in the order of the text.
package struct JSONMembers: Sequence, IteratorProtocol {
    private let values: JSONValues?
    private var members: IndexingIterator<[(name: Int, value: Int)]>

    init(_ values: JSONValues, ofObjectAt index: Int) {
        self.values = values
        members = values.members(of: index).makeIterator()
    }

    /// Of no object.
    package init() {
        values = nil
        members = [].makeIterator()
    }

    /// The next member.
    package mutating func next() -> JSONMember? {
        guard let values, let member = members.next() else { return nil }
        return JSONMember(
            key: values.string(at: member.name), value: JSONNode(values, member.value))
    }
}

/// A name and its value.
package struct JSONMember: Sendable {
    /// The name.
    package let key: String
    /// Can be `null`.
    package let value: JSONNode
}
