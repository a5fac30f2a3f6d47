// SPDX-License-Identifier: Apache-2.0

/// Where a standard stream goes: `SCHEME://PATH?NAME=VALUE&…`, or a path alone, which is a fifo.
package struct StreamURI: Equatable {
    package struct Item: Equatable {
        package var name: String
        package var value: String?

        package init(name: String, value: String?) {
            self.name = name
            self.value = value
        }
    }

    package var scheme: String
    package var path: String
    package var query: [Item] = []

    /// - Throws: when it cannot be understood.
    package init(_ text: String) throws(CallError) {
        guard let colon = text.utf8.firstIndex(of: UInt8(ascii: ":")),
            text.utf8[colon...].starts(with: "://".utf8), text.utf8.first != UInt8(ascii: "/")
        else {
            scheme = ""
            path = text
            return
        }
        scheme = String(text[..<colon])
        let rest = text.utf8[text.utf8.index(colon, offsetBy: 3)...]
        let mark = rest.firstIndex(of: UInt8(ascii: "?"))
        path = try Self.decoded(rest[..<(mark ?? rest.endIndex)], plusIsSpace: false, in: text)
        guard let mark else { return }
        for item in rest[rest.index(after: mark)...].split(separator: UInt8(ascii: "&")) {
            let sign = item.firstIndex(of: UInt8(ascii: "="))
            let name = try Self.decoded(
                item[..<(sign ?? item.endIndex)], plusIsSpace: true, in: text)
            guard let sign else {
                query.append(Item(name: name, value: nil))
                continue
            }
            query.append(
                Item(
                    name: name,
                    value: try Self.decoded(
                        item[item.index(after: sign)...], plusIsSpace: true, in: text)))
        }
    }

    private static func decoded(
        _ text: Substring.UTF8View, plusIsSpace: Bool, in whole: String
    ) throws(CallError) -> String {
        var bytes: [UInt8] = []
        var rest = text
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "+") && plusIsSpace {
                bytes.append(UInt8(ascii: " "))
            } else if byte == UInt8(ascii: "%") {
                guard let high = rest.popFirst().flatMap(digit),
                    let low = rest.popFirst().flatMap(digit), high << 4 | low != 0
                else {
                    throw CallError(.invalidArgument, "\"\(whole)\" has a wrong % sign")
                }
                bytes.append(high << 4 | low)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
