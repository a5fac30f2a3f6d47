// SPDX-License-Identifier: Apache-2.0

/// A value of a parsed text, or a member's name: where it is in the text.
///
/// All of a text's values lie in one array, in the order of the text. What is inside an array or an
/// object follows it; in an object names and values take turns.
struct JSONEntry {
    enum Shape: UInt8 {
        case null, `false`, `true`
        /// Digits, maybe with a sign, within 64 bits.
        case integer
        /// The same beyond 64 bits.
        case hugeInteger
        /// With a fraction or an exponent.
        case number
        case string
        /// A string with escapes in it.
        case escapedString
        /// A string with escapes in it, one of which is NUL.
        case stringWithNUL
        case array, object
    }

    var shape: Shape
    /// The first byte; of a string the one behind the quotation mark.
    var start: UInt32
    /// Behind the last byte; of a string the quotation mark.
    var end: UInt32
    /// The first entry that is neither this nor inside of it.
    var next: UInt32
}

/// A parsed text and its values, for all the nodes that show them.
final class JSONValues: Sendable {
    let text: [UInt8]
    let entries: [JSONEntry]

    init(_ text: [UInt8], _ entries: [JSONEntry]) {
        self.text = text
        self.entries = entries
    }

    // MARK: Strings

    /// What is between the quotation marks, with the escapes replaced.
    func bytes(of index: Int) -> ArraySlice<UInt8> {
        let entry = entries[index]
        let written = text[Int(entry.start)..<Int(entry.end)]
        return entry.shape == .string ? written : Self.unescaped(written)[...]
    }

    /// The string at `index`.
    func string(at index: Int) -> String { String(decoding: bytes(of: index), as: UTF8.self) }

    /// Whether the string at `index` is `name`.
    func isString(at index: Int, _ name: UnsafeBufferPointer<UInt8>) -> Bool {
        let entry = entries[index]
        let start = Int(entry.start)
        let length = Int(entry.end) - start
        if entry.shape != .string {
            // An escape takes up to six bytes for one. What cannot be the name is not decoded for it.
            guard name.count...(6 * name.count) ~= length else { return false }
            return unsafe bytes(of: index).elementsEqual(name)
        }
        guard length == name.count else { return false }
        for offset in 0..<name.count where unsafe text[start + offset] != name[offset] {
            return false
        }
        return true
    }

    /// Of escapes that the parser has found to be right.
    private static func unescaped(_ written: ArraySlice<UInt8>) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(written.count)
        var index = written.startIndex
        while index < written.endIndex {
            guard written[index] == UInt8(ascii: "\\") else {
                bytes.append(written[index])
                index += 1
                continue
            }
            let letter = written[index + 1]
            index += 2
            switch letter {
            case UInt8(ascii: "b"): bytes.append(0x08)
            case UInt8(ascii: "f"): bytes.append(0x0C)
            case UInt8(ascii: "n"): bytes.append(0x0A)
            case UInt8(ascii: "r"): bytes.append(0x0D)
            case UInt8(ascii: "t"): bytes.append(0x09)
            case UInt8(ascii: "u"):
                var value = codeUnit(written, at: index)
                index += 4
                if 0xD800...0xDBFF ~= value {
                    // The other half is there, behind a backslash and a letter of its own.
                    value =
                        0x10000 + (value - 0xD800) << 10 + codeUnit(written, at: index + 2) - 0xDC00
                    index += 6
                }
                if let scalar = Unicode.Scalar(value) { bytes.append(contentsOf: scalar.utf8) }
            default: bytes.append(letter)
            }
        }
        return bytes
    }

    private static func codeUnit(_ written: ArraySlice<UInt8>, at index: Int) -> UInt32 {
        written[index..<(index + 4)].reduce(0) { $0 << 4 | (JSONParser.hexDigit($1) ?? 0) }
    }

    // MARK: Containers

    /// The value of a member of the object at `index`: the last one, if there are more of the name.
    func member(of index: Int, _ name: UnsafeBufferPointer<UInt8>) -> Int? {
        var found: Int?
        var child = index + 1
        let end = Int(entries[index].next)
        while child < end {
            if unsafe isString(at: child, name) { found = child + 1 }
            child = Int(entries[child + 1].next)
        }
        return found
    }

    /// The members of the object at `index`. Of those with the same name, the first one's place
    /// has the last one's value.
    func members(of index: Int) -> [(name: Int, value: Int)] {
        var members: [(name: Int, value: Int)] = []
        var child = index + 1
        let end = Int(entries[index].next)
        while child < end {
            members.append((name: child, value: child + 1))
            child = Int(entries[child + 1].next)
        }
        if members.count < 2 { return members }
        // Sorted, because the text may be hostile: each with each would take its square.
        let names = members.map { bytes(of: $0.name) }
        let order = members.indices.sorted { one, other in
            names[one].lexicographicallyPrecedes(names[other])
                || (one < other && names[one] == names[other])
        }
        var isRepeated = false
        var first = order[0]
        for next in order.dropFirst() {
            if names[first] == names[next] {
                members[first].value = members[next].value
                members[next].name = members[first].name
                isRepeated = true
            } else {
                first = next
            }
        }
        if !isRepeated { return members }
        var unique: [(name: Int, value: Int)] = []
        // The others have the name of an earlier one now, and names come in order.
        for member in members where member.name > (unique.last?.name ?? -1) {
            unique.append(member)
        }
        return unique
    }

    // MARK: Paths

    /// Where the value is, as `mounts[3].options[0]`.
    func path(of index: Int) -> String {
        var path = ""
        var container = 0
        while container < index {
            var child = container + 1
            if entries[container].shape == .object {
                while entries[child + 1].next <= index { child = Int(entries[child + 1].next) }
                path = JSONNode.append(key: string(at: child), to: path)
                container = child + 1
            } else {
                var position = 0
                while entries[child].next <= index {
                    child = Int(entries[child].next)
                    position += 1
                }
                path += "[\(position)]"
                container = child
            }
        }
        return path
    }
}
