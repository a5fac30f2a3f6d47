// SPDX-License-Identifier: Apache-2.0

import Foundation
import Requirements
import Testing

/// A short run of the fuzzer; `make fuzz` is the long one.
@Suite struct `Broken configurations` {
    private static let fuzzer =
        (Command.runtime as NSString).deletingLastPathComponent + "/martlet-fuzz"
    private static let fixtures = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "spec-fixtures").path

    /// Runs it in a directory of its own, where it leaves bad inputs.
    private func fuzz(
        _ words: String..., body: (Command.Outcome, [String]) throws -> Void
    ) throws {
        let place = NSTemporaryDirectory() + "martlet-fuzz-\(UUID().uuidString)"
        let manager = FileManager.default
        try manager.createDirectory(atPath: place, withIntermediateDirectories: false)
        defer { try? manager.removeItem(atPath: place) }
        // The shell only changes the directory.
        let script = "cd \"$0\" && exec \"$@\""
        let outcome = try Command(
            ["/bin/sh", "-c", script, place, Self.fuzzer, "--corpus", Self.fixtures] + words,
            in: NSTemporaryDirectory()
        ).wait(seconds: 900)
        try body(outcome, try manager.contentsOfDirectory(atPath: place))
    }

    @Test(.present("the fuzzer, which is built with the tests", { hasFuzzer }))
    func `neither trap nor hang, and each is refused at a place`() throws {
        try fuzz("--seed", "1", "--count", "3000") { outcome, files in
            #expect(outcome.code == 0, "\(outcome.output)\(outcome.errors)")
            #expect(outcome.output.hasPrefix("seed 1: 3000 inputs from "))
            #expect(outcome.output.contains(" 0 bad"))
            #expect(files == [])
        }
    }

    @Test(
        .present("the fuzzer, which is built with the tests", { hasFuzzer }),
        arguments: ["trap", "hang", "memory", "complaint"])
    func `that did are told, kept, and can be made again`(provocation: String) throws {
        try fuzz("--seed", "7", "--count", "6", "--provoke", provocation) { outcome, files in
            #expect(outcome.code == 1)
            #expect(outcome.output.contains("bad input 3 of seed 7"), "\(outcome.output)")
            #expect(outcome.output.contains("--seed 7 --only 3"))
            #expect(outcome.output.contains(" 1 bad"), "the others are tried all the same")
            #expect(files == ["martlet-fuzz-7-3.json"])
        }
    }

    private static let hasFuzzer = FileManager.default.isExecutableFile(atPath: fuzzer)
}
