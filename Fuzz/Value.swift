// SPDX-License-Identifier: Apache-2.0

import JSON

/// A JSON value that can be made wrong: names may repeat, and texts are bytes as they are written,
/// escapes and all.
indirect enum Value: Sendable {
    /// Bytes that stand for a whole value: numbers, words, and what is no JSON.
    case raw([UInt8])
    /// What is between the quotes.
    case string([UInt8])
    case array([Value])
    case object([(name: [UInt8], value: Value)])

    static func raw(_ text: String) -> Value { .raw(Array(text.utf8)) }
    static func string(_ text: String) -> Value { .string(Array(text.utf8)) }

    /// The value of a node.
    init(_ node: JSONNode) {
        switch node.kind {
        case .null: self = .raw("null")
        case .boolean: self = .raw((try? node.boolean()) == true ? "true" : "false")
        case .integer: self = .raw(Self.integer(node))
        case .number: self = .raw("1.5")
        case .string: self = .string(Self.escaped((try? node.string()) ?? ""))
        case .array:
            var values: [Value] = []
            if let elements = try? node.elements() {
                for element in elements { values.append(Value(element)) }
            }
            self = .array(values)
        case .object:
            var members: [(name: [UInt8], value: Value)] = []
            if let all = try? node.members() {
                for member in all {
                    members.append((Self.escaped(member.key), Value(member.value)))
                }
            }
            self = .object(members)
        }
    }

    private static func integer(_ node: JSONNode) -> String {
        if let number = try? node.integer(as: Int64.self) { return "\(number)" }
        return "\((try? node.integer(as: UInt64.self)) ?? 0)"
    }

    private static func escaped(_ text: String) -> [UInt8] {
        var json = JSONWriter()
        json.string(text)
        return Array(json.bytes.dropFirst().dropLast())
    }

    /// The value and all in it.
    var count: Int {
        switch self {
        case .raw, .string: 1
        case .array(let values): values.reduce(1) { $0 + $1.count }
        case .object(let members): members.reduce(1) { $0 + $1.value.count }
        }
    }

    /// Changes the value with a number, counted from this one on, which is 0.
    mutating func change(_ number: inout Int, _ body: (inout Value) -> Void) {
        if number == 0 {
            number = -1
            body(&self)
            return
        }
        number -= 1
        switch self {
        case .raw, .string: break
        case .array(var values):
            for index in values.indices where number >= 0 {
                values[index].change(&number, body)
            }
            self = .array(values)
        case .object(var members):
            for index in members.indices where number >= 0 {
                members[index].value.change(&number, body)
            }
            self = .object(members)
        }
    }

    /// A member of an object.
    subscript(name: String) -> Value? {
        guard case .object(let members) = self else { return nil }
        return members.last { $0.name.elementsEqual(name.utf8) }?.value
    }

    /// The text.
    func write(into bytes: inout [UInt8]) {
        switch self {
        case .raw(let text): bytes += text
        case .string(let text):
            bytes.append(UInt8(ascii: "\""))
            bytes += text
            bytes.append(UInt8(ascii: "\""))
        case .array(let values):
            bytes.append(UInt8(ascii: "["))
            for (index, value) in values.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                value.write(into: &bytes)
            }
            bytes.append(UInt8(ascii: "]"))
        case .object(let members):
            bytes.append(UInt8(ascii: "{"))
            for (index, member) in members.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                Value.string(member.name).write(into: &bytes)
                bytes.append(UInt8(ascii: ":"))
                member.value.write(into: &bytes)
            }
            bytes.append(UInt8(ascii: "}"))
        }
    }

    var bytes: [UInt8] {
        var bytes: [UInt8] = []
        write(into: &bytes)
        return bytes
    }
}
