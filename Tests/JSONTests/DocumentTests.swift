// SPDX-License-Identifier: Apache-2.0

import Foundation
import JSON
import Testing

/// Parsing, and reading with paths.
@Suite struct DocumentTests {
    /// The error of parsing `text`, or of `body` reading it.
    static func error(
        _ text: String, _ body: (JSONNode) throws(JSONError) -> Void = { _ in }
    ) -> String? {
        do {
            try body(JSONDocument(parsing: Array(text.utf8)).root)
            return nil
        } catch {
            return error.description
        }
    }

    static func read<Value>(
        _ text: String, _ body: (JSONNode) throws(JSONError) -> Value
    ) throws -> Value {
        try body(JSONDocument(parsing: Array(text.utf8)).root)
    }

    @Test(arguments: [
        "null", "true", "false", "0", "-0", "1", "1.5", "-1.5e+3", "1E9", "\"\"", "[]", "{}",
        " [ 1 , 2 ] \n", "{\"a\":{\"b\":[null]}}", "\"\\u00e9\\ud83d\\ude00\\/\"",
        "\"é😀\u{7F}\"", "[\"\\u0000\"]", "99999999999999999999", "1e400",
    ])
    func `JSON of RFC 8259 is accepted`(text: String) {
        #expect(Self.error(text) == nil)
    }

    @Test(arguments: [
        ("", "unexpected end of input at byte 0 (line 1, column 1)"),
        ("  \n", "unexpected end of input at byte 3 (line 2, column 1)"),
        ("{", "unexpected end of input at byte 1 (line 1, column 2)"),
        ("[1,\n 2", "unexpected end of input at byte 6 (line 2, column 3)"),
        ("tru", "unexpected end of input at byte 3 (line 1, column 4)"),
        ("nul]", "unexpected character ']' at byte 3 (line 1, column 4)"),
        ("\"abc", "unexpected end of input at byte 4 (line 1, column 5)"),
        ("\"abc\\", "unexpected end of input at byte 5 (line 1, column 6)"),
        ("-", "unexpected end of input at byte 1 (line 1, column 2)"),
        ("1e", "unexpected end of input at byte 2 (line 1, column 3)"),
        ("[1e]", "unexpected character ']' at byte 3 (line 1, column 4)"),
        ("-01", "a number with a leading zero at byte 1 (line 1, column 2)"),
        ("1 2", "unexpected character '2' at byte 2 (line 1, column 3)"),
        ("{} x", "unexpected character 'x' at byte 3 (line 1, column 4)"),
        ("Infinity", "unexpected character 'I' at byte 0 (line 1, column 1)"),
        ("[NaN]", "unexpected character 'N' at byte 1 (line 1, column 2)"),
        ("\"\t\"", "a control character (0x09) in a string at byte 1 (line 1, column 2)"),
        ("\"\\udc00\"", "half of a surrogate pair in a string at byte 1 (line 1, column 2)"),
        ("\"\\ud800\\u0041\"", "half of a surrogate pair in a string at byte 1 (line 1, column 2)"),
        ("\"\\u12g4\"", "an unknown escape in a string at byte 1 (line 1, column 2)"),
        ("{\"\\u0000\" : 1}", "a NUL character in a property name at byte 1 (line 1, column 2)"),
        ("[1,]", "unexpected character ']' at byte 3 (line 1, column 4)"),
        ("[1 2]", "neither ',' nor ']' in an array at byte 3 (line 1, column 4)"),
        ("{\"a\",}", "no ':' after a property name at byte 4 (line 1, column 5)"),
        ("{1:2}", "no property name in quotes at byte 1 (line 1, column 2)"),
        ("[}", "unexpected character '}' at byte 1 (line 1, column 2)"),
        ("]", "unexpected character ']' at byte 0 (line 1, column 1)"),
        (
            "[99999999999999999999,99999999999999999999 1]",
            "neither ',' nor ']' in an array at byte 43 (line 1, column 44)"
        ),
    ])
    func `what is not JSON is refused, and the error says where`(text: String, expected: String) {
        #expect(Self.error(text) == expected)
    }

    @Test(arguments: [
        [0xFF], [0xC3], [0xC0, 0xAF], [0xE0, 0x80, 0xAF], [0xED, 0xA0, 0x80],
        [0xF4, 0x90, 0x80, 0x80], [0xF0, 0x80, 0x80, 0x80], [0x80], [0xE2, 0x82],
    ])
    func `a string that is not UTF-8 is refused`(bytes: [UInt8]) {
        let quote = [UInt8(ascii: "\"")]
        do {
            _ = try JSONDocument(parsing: quote + bytes + quote)
            Issue.record("accepted")
        } catch {
            #expect(error.message.hasPrefix("a string that is not UTF-8 at byte 1"))
        }
    }

    @Test func `depth and size are limited`() {
        let limits = JSONLimits(size: 10, depth: 3)
        #expect(throws: Never.self) {
            _ = try JSONDocument(parsing: Array("[[1]]".utf8), limits: limits)
        }
        #expect(throws: Never.self) {
            _ = try JSONDocument(parsing: Array("[[[1]]]".utf8), limits: limits)
        }
        for text in ["[[[[1]]]]", "[[[[[[[[[[[[", "[1,2,3,4,5]"] {
            #expect(throws: JSONError.self) {
                _ = try JSONDocument(parsing: Array(text.utf8), limits: limits)
            }
        }
        let deep = Array(repeating: UInt8(ascii: "["), count: 1 << 20)
        #expect(throws: JSONError.self) { _ = try JSONDocument(parsing: deep) }
    }

    @Test(arguments: [
        ("0", 0), ("-0", 0), ("9223372036854775807", Int64.max),
        ("-9223372036854775808", Int64.min),
    ])
    func `integers read to the ends of their range`(text: String, value: Int64) throws {
        #expect(try Self.read(text) { (node) throws(JSONError) in try node.integer() } == value)
    }

    @Test func `the largest unsigned integer reads as itself`() throws {
        let value: UInt64 = try Self.read("18446744073709551615") { (node) throws(JSONError) in
            try node.integer()
        }
        #expect(value == .max)
    }

    @Test(arguments: [
        ("18446744073709551616", "an integer beyond 64 bits (18446744073709551616)"),
        ("-9223372036854775809", "an integer beyond 64 bits (-9223372036854775809)"),
        ("1.0", "a number (1.0)"), ("1e3", "a number (1e3)"), ("\"1\"", "a string (\"1\")"),
        ("true", "true"), ("null", "null"), ("[]", "an array"), ("{}", "an object"),
    ])
    func `what is no integer is never clamped or rounded`(text: String, found: String) {
        let error = Self.error(text) { (node) throws(JSONError) in
            _ = try node.integer(as: UInt64.self)
        }
        #expect(error == "expected an unsigned 64-bit integer, found \(found)")
    }

    @Test func `an integer that does not fit is refused with its width`() {
        let error = Self.error("{\"a\":[0,-129]}") { (root) throws(JSONError) in
            for node in try root.required("a").elements() { _ = try node.integer(as: Int8.self) }
        }
        #expect(error == "a[1]: expected a signed 8-bit integer, found an integer (-129)")
    }

    @Test func `a huge integer that nobody reads does no harm`() throws {
        let text = "{\"a\":123456789012345678901234567890,\"b\":18446744073709551615}"
        let value = try Self.read(text) { (root) throws(JSONError) in
            try root.required("b").integer(as: UInt64.self)
        }
        #expect(value == .max)
    }

    @Test(arguments: [(64, false), (65, true), (20_000, true)])
    func `paths cut long names short`(length: Int, isCut: Bool) {
        let name = String(repeating: "a", count: length)
        let path = JSONNode.append(key: name, to: "top")
        #expect(path == (isCut ? "top[\(name.quoted)]" : "top.\(name)"))
        #expect(path.utf8.count < 80)
    }

    @Test func `paths name members that are no identifiers in quotes`() {
        let text = #"{"linux":{"sysctl":{"net.core.somaxconn":[{"x y":[null,7]}]},"":{"9":1}}}"#
        var paths: [String] = []
        func visit(_ node: JSONNode) {
            paths.append(node.path)
            if let elements = try? node.elements() { for element in elements { visit(element) } }
            if let members = try? node.members() { for member in members { visit(member.value) } }
        }
        #expect(Self.error(text) { (root) throws(JSONError) in visit(root) } == nil)
        #expect(
            paths == [
                "", "linux", "linux.sysctl", #"linux.sysctl["net.core.somaxconn"]"#,
                #"linux.sysctl["net.core.somaxconn"][0]"#,
                #"linux.sysctl["net.core.somaxconn"][0]["x y"]"#,
                #"linux.sysctl["net.core.somaxconn"][0]["x y"][0]"#,
                #"linux.sysctl["net.core.somaxconn"][0]["x y"][1]"#, #"linux[""]"#,
                #"linux[""]["9"]"#,
            ])
    }

    @Test func `null and absence are the same to who asks for a member`() throws {
        try Self.read(#"{"a":null,"b":1}"#) { (root) throws(JSONError) in
            #expect(root["a"] == nil && root["c"] == nil && root["b"] != nil)
            #expect(root[named: "a"] == nil && root[named: "b"]?.exactInteger == .signed(1))
        }
        #expect(
            Self.error(#"{"a":null}"#) { (root) throws(JSONError) in
                _ = try root.required("a", "a number")
            } == "a: expected a number, found nothing")
        #expect(
            Self.error("[1]") { (root) throws(JSONError) in _ = try root.required("a") }
                == "expected an object, found an array")
    }

    @Test func `members come in the order of the text, and the last of a name wins`() throws {
        let keys = try Self.read(#"{"b":1,"a":2,"c":3,"a":4}"#) { (root) throws(JSONError) in
            try root.members().map { "\($0.key)=\($0.value.exactInteger?.exactly(Int.self) ?? 0)" }
        }
        #expect(keys == ["b=1", "a=4", "c=3"])
    }

    @Test func `a name with escapes is the same name`() throws {
        try Self.read(#"{"\u0061":1,"b\/":2,"a":3,"\u0062/":4}"#) { (root) throws(JSONError) in
            #expect(root["a"]?.exactInteger == .signed(3))
            #expect(root[named: "b/"]?.exactInteger == .signed(4))
            #expect(try root.members().map(\.key) == ["a", "b/"])
        }
        // One that looks the same in Unicode is not.
        try Self.read(#"{"\u00e9":1,"e\u0301":2}"#) { (root) throws(JSONError) in
            #expect(root[named: "\u{e9}"]?.exactInteger == .signed(1))
            #expect(try root.members().map { $0.value.exactInteger } == [.signed(1), .signed(2)])
        }
    }

    @Test func `an object may have very many names, and each very often`() throws {
        for names in [1, 100, 100_000] {
            let members = (0..<200_000).map { "\"n\($0 % names)\":\($0)" }
            let text = "{\(members.joined(separator: ","))}"
            try Self.read(text) { (root) throws(JSONError) in
                let found = Array(try root.members())
                #expect(found.count == names)
                #expect(found.first?.value.exactInteger == .signed(Int64(200_000 - names)))
                #expect(root["n0"]?.exactInteger == found.first?.value.exactInteger)
                #expect(found.last?.key == "n\(names - 1)")
            }
        }
    }

    @Test func `escapes are what RFC 8259 says`() throws {
        let text = #""\"\\\/\b\f\n\r\t\u00E9\uD83d\uDe00\uFFFF""#
        let value = try Self.read(text) { (node) throws(JSONError) in try node.string() }
        #expect(value == "\"\\/\u{8}\u{c}\n\r\t\u{e9}\u{1F600}\u{FFFF}")
    }

    @Test func `a string may hold NUL and is not cut`() throws {
        let text = try Self.read(#""a\u0000b""#) { (node) throws(JSONError) in try node.string() }
        #expect(text == "a\u{0}b")
    }

    @Test func `a quoted text is on one line, and short`() {
        #expect("a\n\"\u{1B}[0m\u{202E}\u{0}".quoted == #""a\n\"\u{1b}[0m\u{202e}\u{0}""#)
        #expect(String(repeating: "é", count: 1000).quoted.count == 67)
    }
}
