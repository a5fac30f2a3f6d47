// SPDX-License-Identifier: Apache-2.0

internal import JSON

/// Reads values out of a document and writes down each violation, so that one pass finds all.
///
/// A value that is absent or refused reads as nil, or as empty: whoever decodes goes on with a
/// placeholder, because the result is thrown away if there is any violation. `null` is absent,
/// as Go's encoders write it.
struct Reader {
    private(set) var violations: [Violation] = []
    /// The section of the specification that is being read.
    var section: StaticString = "config.md"

    // MARK: Refusing

    private var isFull: Bool { violations.count >= InvalidConfiguration.limit }

    /// Writes down that `node` is something else than `expected`.
    mutating func refuse(
        _ node: JSONNode, _ expected: @autoclosure () -> String,
        found: @autoclosure () -> String? = nil
    ) {
        if isFull { return }
        append(node.path, expected(), found() ?? node.summary)
    }

    /// Writes down what is wrong with the value at `path`.
    mutating func refuse(
        path: @autoclosure () -> String, _ expected: @autoclosure () -> String,
        found: @autoclosure () -> String
    ) {
        if isFull { return }
        append(path(), expected(), found())
    }

    /// Writes down what is wrong with a member of `object`, which may be absent.
    mutating func refuse(
        _ key: StaticString, of object: JSONNode, _ expected: @autoclosure () -> String,
        found: @autoclosure () -> String
    ) {
        if isFull { return }
        append(JSONNode.append(key: key.description, to: object.path), expected(), found())
    }

    /// Writes down an error of reading.
    mutating func refuse(_ error: JSONError) {
        if isFull { return }
        switch error {
        case .malformed(let problem, let position):
            let unexpected = "unexpected "
            let found =
                problem.hasPrefix(unexpected) ? problem.dropFirst(unexpected.count) : problem[...]
            append("", "JSON", "\(found) at \(position)")
        case .unexpected(let path, let expected, let found): append(path, expected, found)
        }
    }

    private mutating func append(_ path: String, _ expected: String, _ found: String) {
        violations.append(
            Violation(
                path: path, expected: expected, found: found, section: section.description))
        if isFull {
            violations.append(
                Violation(
                    path: "", expected: "fewer violations",
                    found: "more than \(InvalidConfiguration.limit): the rest is not shown",
                    section: "config.md"))
        }
    }

    /// The member, or nil and a violation if there is none.
    mutating func required(
        _ object: JSONNode, _ key: StaticString, _ expected: @autoclosure () -> String
    ) -> JSONNode? {
        if let member = object[key] { return member }
        refuse(key, of: object, expected(), found: "nothing")
        return nil
    }

    // MARK: Scalars

    /// The string, without NUL: the kernel would take what is before it for the whole.
    mutating func string(_ node: JSONNode) -> String? {
        guard let text = node.textIfAny else {
            refuse(node, "a string")
            return nil
        }
        if !text.hasNUL { return text.string }
        refuse(node, "a string without NUL characters")
        return nil
    }

    /// The member if it is a string without NUL.
    mutating func string(_ object: JSONNode, _ key: StaticString) -> String? {
        guard let node = object[key] else { return nil }
        return string(node)
    }

    /// The member if it is a boolean.
    mutating func boolean(_ object: JSONNode, _ key: StaticString) -> Bool? {
        guard let node = object[key] else { return nil }
        if let boolean = node.booleanIfAny { return boolean }
        refuse(node, "a boolean")
        return nil
    }

    /// The integer if it fits.
    mutating func integer<Value: FixedWidthInteger>(
        _ node: JSONNode, as type: Value.Type = Value.self
    ) -> Value? {
        if let integer = node.exactInteger?.exactly(Value.self) { return integer }
        refuse(node, JSONNode.name(ofWidth: Value.bitWidth, signed: Value.isSigned))
        return nil
    }

    /// The member if it is an integer that fits.
    mutating func integer<Value: FixedWidthInteger>(
        _ object: JSONNode, _ key: StaticString, as type: Value.Type = Value.self
    ) -> Value? {
        guard let node = object[key] else { return nil }
        return integer(node, as: Value.self)
    }

    /// The integer within `range`.
    mutating func integer<Value: FixedWidthInteger>(
        _ object: JSONNode, _ key: StaticString, in range: ClosedRange<Value>
    ) -> Value? {
        guard let node = object[key] else { return nil }
        if let value = node.exactInteger?.exactly(Value.self), range.contains(value) {
            return value
        }
        refuse(
            node,
            range.upperBound == .max
                ? "an integer of at least \(range.lowerBound)"
                : "an integer from \(range.lowerBound) to \(range.upperBound)")
        return nil
    }

    /// The member, which must be an integer that fits.
    mutating func requiredInteger<Value: FixedWidthInteger>(
        _ object: JSONNode, _ key: StaticString, as type: Value.Type = Value.self
    ) -> Value? {
        guard
            let node = required(
                object, key, JSONNode.name(ofWidth: Value.bitWidth, signed: Value.isSigned))
        else { return nil }
        return integer(node, as: Value.self)
    }

    // MARK: Names and paths

    /// The value of an enumeration whose raw values are the specification's words.
    mutating func word<Value: RawRepresentable & CaseIterable>(
        _ node: JSONNode, as type: Value.Type = Value.self
    ) -> Value? where Value.RawValue == String {
        guard let text = string(node) else { return nil }
        if let value = Value(rawValue: text) { return value }
        refuse(node, Self.words(of: Value.self))
        return nil
    }

    /// The member if it is one of the enumeration's words.
    mutating func word<Value: RawRepresentable & CaseIterable>(
        _ object: JSONNode, _ key: StaticString, as type: Value.Type = Value.self
    ) -> Value? where Value.RawValue == String {
        guard let node = object[key] else { return nil }
        return word(node, as: Value.self)
    }

    /// The member, which must be one of the enumeration's words.
    mutating func requiredWord<Value: RawRepresentable & CaseIterable>(
        _ object: JSONNode, _ key: StaticString, as type: Value.Type = Value.self
    ) -> Value? where Value.RawValue == String {
        guard let node = required(object, key, Self.words(of: Value.self)) else { return nil }
        return word(node, as: Value.self)
    }

    /// An array of an enumeration's words.
    mutating func words<Value: RawRepresentable & CaseIterable>(
        _ object: JSONNode, _ key: StaticString, as type: Value.Type = Value.self
    ) -> [Value]? where Value.RawValue == String {
        guard object[key] != nil else { return nil }
        var values: [Value] = []
        for node in elements(object, key) {
            if let value = word(node, as: Value.self) { values.append(value) }
        }
        return values
    }

    private static func words<Value: RawRepresentable & CaseIterable>(
        of type: Value.Type
    ) -> String where Value.RawValue == String {
        "one of " + Value.allCases.map(\.rawValue).joined(separator: ", ")
    }

    /// A string that must not be empty.
    mutating func nonEmpty(_ node: JSONNode, _ expected: StaticString) -> String? {
        guard let text = string(node) else { return nil }
        if !text.isEmpty { return text }
        refuse(node, expected.description)
        return nil
    }

    /// A string where an empty one counts as absent.
    mutating func text(_ object: JSONNode, _ key: StaticString) -> String? {
        guard let text = string(object, key), !text.isEmpty else { return nil }
        return text
    }

    /// A path from the root.
    mutating func absolutePath(_ node: JSONNode) -> String? {
        guard let path = string(node) else { return nil }
        if path.utf8.first == UInt8(ascii: "/") { return path }
        refuse(node, "an absolute path")
        return nil
    }

    /// The member, which must be a path from the root.
    mutating func requiredAbsolutePath(_ object: JSONNode, _ key: StaticString) -> String? {
        guard let node = required(object, key, "an absolute path") else { return nil }
        return absolutePath(node)
    }

    // MARK: Containers

    /// The member if it is an object.
    mutating func object(_ object: JSONNode, _ key: StaticString) -> JSONNode? {
        guard let node = object[key] else { return nil }
        if node.kind == .object { return node }
        refuse(node, "an object")
        return nil
    }

    /// The elements of an array, none if there is no such member.
    mutating func elements(_ object: JSONNode, _ key: StaticString) -> JSONElements {
        guard let node = object[key] else { return JSONElements() }
        if let elements = node.elementsIfAny { return elements }
        refuse(node, "an array")
        return JSONElements()
    }

    /// The elements of an array of objects, without those that are none.
    mutating func objects(_ object: JSONNode, _ key: StaticString) -> [JSONNode] {
        var nodes: [JSONNode] = []
        for node in elements(object, key) {
            if node.kind == .object {
                nodes.append(node)
            } else {
                refuse(node, "an object")
            }
        }
        return nodes
    }

    /// The members of an object, none if there is no such member.
    mutating func members(_ object: JSONNode, _ key: StaticString) -> JSONMembers {
        guard let node = object[key] else { return JSONMembers() }
        if let members = node.membersIfAny { return members }
        refuse(node, "an object")
        return JSONMembers()
    }

    /// An array of strings.
    mutating func strings(_ object: JSONNode, _ key: StaticString) -> [String] {
        let nodes = elements(object, key)
        var values: [String] = []
        values.reserveCapacity(nodes.count)
        for node in nodes {
            if let text = string(node) { values.append(text) }
        }
        return values
    }

    /// An array of absolute paths.
    mutating func absolutePaths(_ object: JSONNode, _ key: StaticString) -> [String] {
        var values: [String] = []
        for node in elements(object, key) {
            if let path = absolutePath(node) { values.append(path) }
        }
        return values
    }
}
