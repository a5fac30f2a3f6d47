// SPDX-License-Identifier: Apache-2.0

internal import CJSON
internal import Glibc

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

/// A value inside a ``JSONDocument``: five words, which own nothing.
///
/// Reading costs no more than asking json-c. Only an error builds the path, by searching the
/// document for the value.
@safe
package struct JSONNode {
    /// nil is `null`.
    private let value: OpaquePointer?
    private let parent: OpaquePointer?
    /// nil in an array and at the root.
    private let key: UnsafePointer<CChar>?
    private let index: Int
    private let root: OpaquePointer?

    /// The outermost value, `nil` for `null`.
    init(root: OpaquePointer?) {
        unsafe value = root
        unsafe parent = nil
        unsafe key = nil
        index = 0
        unsafe self.root = root
    }

    private init(
        _ value: OpaquePointer?, in parent: JSONNode, key: UnsafePointer<CChar>?, index: Int
    ) {
        unsafe self.value = value
        unsafe self.parent = parent.value
        unsafe self.key = key
        self.index = index
        unsafe root = parent.root
    }

    /// The value's type.
    package var kind: JSONKind {
        switch unsafe json_object_get_type(value) {
        case json_type_boolean: .boolean
        case json_type_int: .integer
        case json_type_double: .number
        case json_type_string: .string
        case json_type_array: .array
        case json_type_object: .object
        default: .null
        }
    }

    /// Whether the value is `null`.
    package var isNull: Bool { unsafe value == nil }

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
        guard kind == .string, let start = unsafe json_object_get_string(value) else { return nil }
        let length = unsafe Int(json_object_get_string_len(value))
        let bytes = unsafe UnsafeRawBufferPointer(start: start, count: length)
        return unsafe (String(decoding: bytes, as: UTF8.self), strlen(start) != length)
    }

    /// The boolean, which must be one.
    package func boolean() throws(JSONError) -> Bool {
        guard let boolean = booleanIfAny else { throw unexpected("a boolean") }
        return boolean
    }

    /// The boolean, if it is one.
    package var booleanIfAny: Bool? {
        kind == .boolean ? unsafe json_object_get_boolean(value) != 0 : nil
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
        /// From the largest of the signed ones on.
        case large(UInt64)

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
        guard kind == .integer else { return nil }
        let signed = unsafe json_object_get_int64(value)
        // json-c clamps: only here can more be behind it.
        guard signed == Int64.max else { return .signed(signed) }
        return unsafe .large(json_object_get_uint64(value))
    }

    /// For instance `an unsigned 32-bit integer`.
    package static func name(ofWidth width: Int, signed: Bool) -> String {
        "\(signed ? "a signed" : "an unsigned") \(width)-bit integer"
    }

    // MARK: Containers

    /// The member, or nil if there is none, if it is `null`, or if this is no object.
    package subscript(key: StaticString) -> JSONNode? {
        guard kind == .object else { return nil }
        let name = unsafe UnsafeRawPointer(key.utf8Start).assumingMemoryBound(to: CChar.self)
        var member: OpaquePointer?
        guard unsafe json_object_object_get_ex(value, name, &member) != 0, unsafe member != nil
        else { return nil }
        return unsafe JSONNode(member, in: self, key: name, index: 0)
    }

    /// The member, or nil if there is none, if it is `null`, or if this is no object.
    package subscript(named key: String) -> JSONNode? {
        guard kind == .object, let table = unsafe json_object_get_object(value),
            let entry = unsafe key.withCString({ unsafe lh_table_lookup_entry(table, $0) })
        else { return nil }
        let member = unsafe JSONNode(entry: entry, in: self)
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
        return JSONElements(array: self, count: unsafe Int(json_object_array_length(value)))
    }

    /// The members of the object, which this must be, in the order of the text.
    package func members() throws(JSONError) -> JSONMembers {
        guard let members = membersIfAny else { throw unexpected("an object") }
        return members
    }

    /// The members, if it is an object.
    package var membersIfAny: JSONMembers? { kind == .object ? JSONMembers(object: self) : nil }

    fileprivate func element(at index: Int) -> JSONNode {
        unsafe JSONNode(json_object_array_get_idx(value, index), in: self, key: nil, index: index)
    }

    fileprivate var firstEntry: UnsafeMutablePointer<lh_entry>? {
        guard let table = unsafe json_object_get_object(value) else { return nil }
        return unsafe table.pointee.head
    }

    fileprivate init(entry: UnsafeMutablePointer<lh_entry>, in object: JSONNode) {
        let value = unsafe entry.pointee.v.map { OpaquePointer($0) }
        let name = unsafe entry.pointee.k?.assumingMemoryBound(to: CChar.self)
        unsafe self.init(value, in: object, key: name, index: 0)
    }

    fileprivate var name: String {
        guard let key = unsafe key else { return "" }
        return unsafe String(cString: key)
    }

    // MARK: Errors

    /// The error that something else was expected here.
    package func unexpected(_ expected: String) -> JSONError {
        .unexpected(path: path, expected: expected, found: summary)
    }

    /// What the value is, for a message: `a string ("0")`, `an integer (-1)`, `an object`.
    package var summary: String {
        switch kind {
        case .null: return "null"
        case .boolean: return unsafe json_object_get_boolean(value) != 0 ? "true" : "false"
        case .string: return "a string (\((stringIfAny ?? "").quoted))"
        case .array: return "an array"
        case .object: return "an object"
        case .integer: return integerSummary
        case .number: return numberSummary
        }
    }

    private var integerSummary: String {
        switch exactInteger {
        case .signed(let number): "an integer (\(number))"
        case .large(let number): "an integer (\(number))"
        case nil: "an integer"
        }
    }

    private var numberSummary: String {
        guard let start = unsafe json_object_get_string(value) else { return "a number" }
        var text = unsafe String(cString: start)
        // See LexicalCheck.markingHugeIntegers(in:).
        if text.hasSuffix("e0"), !text.contains("."), text.utf8.count > 20 {
            text.removeLast(2)
            return "an integer beyond 64 bits (\(text.prefix(64)))"
        }
        return "a number (\(text.prefix(64)))"
    }

    /// Where the value is in the document, as `linux.sysctl["net.core.somaxconn"]`.
    ///
    /// Searches the document, so it is for errors only.
    package var path: String {
        guard let parent = unsafe parent else { return "" }
        guard let root = unsafe root else { return "" }
        var trail: [String] = []
        guard unsafe JSONNode(root: root).find(parent, trail: &trail) else { return "" }
        var path = ""
        for step in trail { path = step.hasPrefix("[") ? path + step : Self.join(path, step) }
        return unsafe key == nil ? "\(path)[\(index)]" : Self.append(key: name, to: path)
    }

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

    /// Depth first; the parser bounds the depth.
    private func find(_ target: OpaquePointer, trail: inout [String]) -> Bool {
        if unsafe value == target { return true }
        switch kind {
        case .array:
            for element in JSONElements(array: self, count: unsafe json_object_array_length(value))
            where unsafe element.find(target, trail: &trail) {
                trail.insert("[\(element.index)]", at: 0)
                return true
            }
        case .object:
            for member in JSONMembers(object: self)
            where unsafe member.value.find(target, trail: &trail) {
                trail.insert(Self.step(for: member.key), at: 0)
                return true
            }
        default:
            break
        }
        return false
    }
}

/// The elements of an array, in order.
package struct JSONElements: Sequence, IteratorProtocol {
    private let array: JSONNode?
    /// How many there are.
    package let count: Int
    private var position = 0

    /// Of an array of `count` elements.
    init(array: JSONNode, count: Int) {
        self.array = array
        self.count = count
    }

    /// Of no array.
    package init() {
        array = nil
        count = 0
    }

    /// The next element.
    package mutating func next() -> JSONNode? {
        guard let array, position < count else { return nil }
        defer { position += 1 }
        return array.element(at: position)
    }
}

/// The members of an object, in the order of the text.
@safe
package struct JSONMembers: Sequence, IteratorProtocol {
    private let object: JSONNode?
    private var entry: UnsafeMutablePointer<lh_entry>?

    /// Of an object.
    init(object: JSONNode) {
        self.object = object
        unsafe entry = object.firstEntry
    }

    /// Of no object.
    package init() {
        object = nil
        unsafe entry = nil
    }

    /// The next member.
    package mutating func next() -> JSONMember? {
        guard let object, let current = unsafe entry else { return nil }
        unsafe entry = current.pointee.next
        return JSONMember(value: unsafe JSONNode(entry: current, in: object))
    }
}

/// A name and its value.
package struct JSONMember {
    /// Can be `null`.
    package let value: JSONNode

    /// The name.
    package var key: String { value.name }
}
