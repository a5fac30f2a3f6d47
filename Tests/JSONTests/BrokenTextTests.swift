// SPDX-License-Identifier: Apache-2.0

import Foundation
import JSON
import Requirements
import Testing

/// Our parser beside another one.
@Suite struct `Texts that may be broken` {
    private static let whole = [
        #"{"a":[1,-2.5,true,false,null,"x\u00e9\n"],"b":{"c":"\ud83d\ude00","":0}}"#,
        #"[[],{},"",0,-0,1.25, 12345678901234567890123 ]"#,
        #" {"linux" : {"seccomp":{"names":["a","é"],"args":[{"value":18446744073709551615}]}}} "#,
    ]
    private static let bytes =
        Array(#"{}[],:"\/ntfu0123456789.-+ "#.utf8) + [0x0A, 0x09, 0x01, 0xC3, 0xA9, 0x80, 0xFF]

    private static func changed(_ text: String, _ numbers: inout SeededNumbers) -> [UInt8] {
        var text = Array(text.utf8)
        for _ in 0..<Int.random(in: 1...3, using: &numbers) {
            let place = Int.random(in: 0..<text.count, using: &numbers)
            let byte = numbers.pick(bytes)
            switch Int.random(in: 0..<3, using: &numbers) {
            case 0: text[place] = byte
            case 1: text.remove(at: place)
            default: text.insert(byte, at: place)
            }
        }
        return text
    }

    private static func problem(_ text: [UInt8]) -> String? {
        do {
            _ = try JSONDocument(parsing: text)
            return nil
        } catch {
            return error.message
        }
    }

    @Test func `are refused where Foundation refuses them, and nowhere else`() {
        var numbers = SeededNumbers(seed: 1)
        var refused = 0
        let count = 30_000
        for _ in 0..<count {
            let text = Self.changed(numbers.pick(Self.whole), &numbers)
            let isJSON =
                (try? JSONSerialization.jsonObject(with: Data(text), options: .fragmentsAllowed))
                != nil
            let problem = Self.problem(text)
            if problem != nil { refused += 1 }
            // Foundation lets a comma before the end pass, which RFC 8259 does not.
            let isTrailingComma = ["]", "}"].contains { end in
                problem?.hasPrefix("unexpected character '\(end)'") == true
            }
            if isTrailingComma, isJSON { continue }
            #expect(
                (problem == nil) == isJSON,
                "\(String(decoding: text, as: UTF8.self)): \(problem ?? "accepted")")
        }
        #expect(refused > count / 2 && refused < count)
    }
}
