// SPDX-License-Identifier: Apache-2.0

import Foundation
import OCI
import Testing

/// What `spec-fixtures/` says must come of each config.json in it.
@Suite struct FixtureTests {
    /// The repository, from this file's place in it.
    static let fixtures = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "spec-fixtures")

    /// Paths below `spec-fixtures/valid` or `spec-fixtures/invalid`, without extension.
    static func names(_ kind: String) -> [String] {
        let folder = fixtures.appending(path: kind)
        let found = FileManager.default.enumerator(atPath: folder.path)?.allObjects ?? []
        return found.compactMap { $0 as? String }.filter { $0.hasSuffix(".json") }
            .map { String($0.dropLast(".json".count)) }.sorted()
    }

    static func contents(_ kind: String, _ name: String, _ suffix: String) throws -> [UInt8] {
        Array(try Data(contentsOf: fixtures.appending(path: "\(kind)/\(name)\(suffix)")))
    }

    @Test(arguments: names("valid"))
    func `a valid fixture is accepted`(name: String) throws {
        _ = try Configuration.decode(from: try Self.contents("valid", name, ".json"))
    }

    @Test(arguments: names("invalid"))
    func `an invalid fixture is refused with exactly the violations beside it`(
        name: String
    ) throws {
        let text = try Self.contents("invalid", name, ".json")
        let expected = String(
            decoding: try Self.contents("invalid", name, ".expected"), as: UTF8.self)
        let error = try #require(throws: InvalidConfiguration.self) {
            _ = try Configuration.decode(from: text)
        }
        #expect(error.violations.map { "\($0)\n" }.joined() == expected)
    }

    @Test func `there are fixtures of both kinds, and each expectation has its config`() throws {
        #expect(Self.names("valid").count >= 60)
        #expect(Self.names("invalid").count >= 200)
        let folder = Self.fixtures.appending(path: "invalid")
        let found = FileManager.default.enumerator(atPath: folder.path)?.allObjects ?? []
        let expectations = found.compactMap { $0 as? String }.filter { $0.hasSuffix(".expected") }
        #expect(expectations.count == Self.names("invalid").count)
    }

    @Test(arguments: names("valid") + ["none"])
    func `a fixture cut short anywhere is refused, and nothing traps`(name: String) throws {
        let text = name == "none" ? [] : try Self.contents("valid", name, ".json")
        let end = text.lastIndex(of: UInt8(ascii: "}")) ?? 0
        for length in stride(from: 0, to: end, by: max(1, end / 97)) {
            #expect(throws: InvalidConfiguration.self) {
                _ = try Configuration.decode(from: Array(text.prefix(length)))
            }
        }
    }

    @Test(arguments: names("valid"))
    func `a fixture with any value changed never traps`(name: String) throws {
        let object = try JSONSerialization.jsonObject(
            with: Data(try Self.contents("valid", name, ".json")))
        let odd: [Any] = [
            NSNull(), true, -1, 1.5, "", "\u{0}", [Any](), [String: Any](), [1, NSNull()],
        ]
        for value in odd {
            for variant in Self.variants(of: object, with: value) {
                guard let data = try? JSONSerialization.data(withJSONObject: variant) else {
                    continue
                }
                _ = try? Configuration.decode(from: Array(data))
            }
        }
    }

    /// Copies of `value`, each with one value in it replaced.
    static func variants(of value: Any, with odd: Any) -> [Any] {
        var result: [Any] = []
        if let object = value as? [String: Any] {
            for (key, member) in object {
                for variant in [odd] + variants(of: member, with: odd) {
                    var copy = object
                    copy[key] = variant
                    result.append(copy)
                }
            }
        } else if let array = value as? [Any], let first = array.first {
            for variant in [odd] + variants(of: first, with: odd) {
                result.append([variant] + array.dropFirst())
            }
        }
        return result
    }
}
