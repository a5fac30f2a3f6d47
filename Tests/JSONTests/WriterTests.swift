// SPDX-License-Identifier: Apache-2.0

import Foundation
import JSON
import Testing

/// Writing, and reading back what was written.
@Suite struct WriterTests {
    static func sample(_ layout: JSONWriter.Layout) -> String {
        var json = JSONWriter(layout)
        json.object { json in
            json.member("text", "a")
            json.member("least", Int64.min)
            json.member("most", UInt64.max)
            json.member("yes", true)
            json.key("nothing")
            json.null()
            json.member("list", ["x", "y"])
            json.member("none", [String]())
            json.member("map", ["b": "2", "a": "1"])
            json.key("rows")
            json.array { json in
                json.object { _ in }
                json.int(-1)
                json.uint(0)
                json.bool(false)
            }
        }
        return json.text
    }

    @Test func `compact output is one line`() {
        #expect(
            Self.sample(.compact)
                == #"{"text":"a","least":-9223372036854775808,"most":18446744073709551615,"#
                + #""yes":true,"nothing":null,"list":["x","y"],"none":[],"#
                + #""map":{"a":"1","b":"2"},"rows":[{},-1,0,false]}"#)
    }

    @Test func `pretty output is indented, and empty containers stay closed`() {
        #expect(
            Self.sample(.spaces(2)) == """
                {
                  "text": "a",
                  "least": -9223372036854775808,
                  "most": 18446744073709551615,
                  "yes": true,
                  "nothing": null,
                  "list": [
                    "x",
                    "y"
                  ],
                  "none": [],
                  "map": {
                    "a": "1",
                    "b": "2"
                  },
                  "rows": [
                    {},
                    -1,
                    0,
                    false
                  ]
                }
                """)
    }

    @Test(arguments: [
        JSONWriter.Layout.compact, .spaces(0), .spaces(4), .tabs,
    ])
    func `every layout reads back as the same value`(layout: JSONWriter.Layout) throws {
        let text = Self.sample(layout)
        let value = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? NSDictionary
        let reference = try JSONSerialization.jsonObject(
            with: Data(Self.sample(.compact).utf8))
        #expect(value == reference as? NSDictionary)
    }

    @Test func `strings are escaped as RFC 8259 demands, and no more`() {
        var json = JSONWriter()
        json.string("\u{0}\u{1}\u{8}\t\n\u{B}\u{C}\r\u{1F} \"\\/é😀\u{7F}<&>")
        #expect(
            json.text
                == #""\u0000\u0001\b\t\n\u000b\f\r\u001f \"\\/é😀"# + "\u{7F}<&>\"")
    }

    @Test func `any text survives being written and read`() throws {
        var text = ""
        for value in stride(from: UInt32(0), to: 0x11_0000, by: 61) {
            if let scalar = Unicode.Scalar(value) { text.unicodeScalars.append(scalar) }
        }
        var json = JSONWriter()
        json.array { json in
            json.string(text)
            json.object { json in
                json.key("k\"\n\u{1}")
                json.int(7)
            }
        }
        let root = try JSONDocument(parsing: json.bytes).root
        let elements = Array(try root.elements())
        #expect(try elements[0].string() == text)
        #expect(elements[1][named: "k\"\n\u{1}"]?.exactInteger == .signed(7))
    }

    @Test func `misuse gives wrong text, and no trap`() {
        var json = JSONWriter(.spaces(2))
        json.endObject()
        json.endArray()
        json.key("a")
        json.endObject()
        json.int(1)
        #expect(!json.bytes.isEmpty)
    }
}
