// SPDX-License-Identifier: Apache-2.0

import Linux
import Testing

@testable import Supervision

/// A directory that goes with this value.
struct TemporaryDirectory: ~Copyable {
    let path: String

    init() throws {
        path = "/tmp/martlet-log-\(Process.id)-\(UInt64.random(in: 0 ... .max))"
        try File.makeDirectory(path, permissions: 0o700)
    }

    deinit {
        if let directory = try? File.open(path, .realDirectory),
            let names = try? File.names(in: directory)
        {
            for name in names { try? File.remove(name, at: directory.number) }
        }
        try? File.remove(path, isDirectory: true)
    }
}

@Suite struct `Log files` {
    private func lines(_ text: String) -> ArraySlice<UInt8> { Array(text.utf8)[...] }

    private func read(_ path: String) throws -> String {
        try File.readText(path, limit: 1 << 24)
    }

    private func withoutTimes(_ text: String) -> [String] {
        text.split(separator: "\n").map { line in
            line.split(separator: " ", maxSplits: 1).dropFirst().joined()
        }
    }

    @Test func `have a record for each line, and mark parts`() throws {
        let directory = try TemporaryDirectory()
        let path = "\(directory.path)/log"
        let file = try LogFile(path: path, limits: LogLimits(), warn: { Issue.record("\($0)") })
        let log = LineLog(file, format: .kubernetes, synchronizes: true, in: try EventLoop())
        log.write(lines("one\ntwo"), from: .output)
        log.write(lines(" more\n\n"), from: .output)
        log.write(lines("bad\n"), from: .errors)
        log.close()
        #expect(
            withoutTimes(try read(path)) == [
                "stdout F one", "stdout P two", "stdout F  more", "stdout F ", "stderr F bad",
            ])
    }

    @Test func `in JSON have any bytes as text`() throws {
        let directory = try TemporaryDirectory()
        let path = "\(directory.path)/log"
        let file = try LogFile(path: path, limits: LogLimits(), warn: { Issue.record("\($0)") })
        let log = LineLog(file, format: .json, synchronizes: false, in: try EventLoop())
        log.write(
            [0x61, 0x00, 0xFF, 0x22, 0x5C, 0xC3, 0xA4, 0xED, 0xA0, 0x80, 0x0A], from: .errors)
        let text = try read(path)
        #expect(
            text.hasPrefix(
                "{\"log\":\"a\\u0000\u{FFFD}\\\"\\\\ä\u{FFFD}\u{FFFD}\u{FFFD}\\n\",\"stream\":\"stderr\",\"time\":\""
            ))
        #expect(text.hasSuffix("\"}\n"))
    }

    @Test func `are never longer than their limit, and lose nothing of the last`() throws {
        let directory = try TemporaryDirectory()
        let path = "\(directory.path)/log"
        let limits = LogLimits(size: 500, olderFiles: 3)
        let file = try LogFile(path: path, limits: limits, warn: { Issue.record("\($0)") })
        let log = LineLog(file, format: .kubernetes, synchronizes: false, in: try EventLoop())
        for number in 0..<100 { log.write(lines("line \(number)\n"), from: .output) }
        var all: [String] = []
        for name in ["log.3", "log.2", "log.1", "log"] {
            let text = try read("\(directory.path)/\(name)")
            #expect(text.utf8.count <= 500)
            all += withoutTimes(text)
        }
        #expect((try? File.status(of: "\(path).4")) == nil)
        #expect(all == ((100 - all.count)..<100).map { "stdout F line \($0)" })
        #expect(all.count > 20)
    }

    @Test func `take a record that is longer than their limit`() throws {
        let directory = try TemporaryDirectory()
        let path = "\(directory.path)/log"
        let file = try LogFile(
            path: path, limits: LogLimits(size: 100), warn: { Issue.record("\($0)") })
        let log = LineLog(file, format: .kubernetes, synchronizes: false, in: try EventLoop())
        log.write(lines("short\n"), from: .output)
        log.write(lines(String(repeating: "x", count: 1000) + "\n"), from: .output)
        #expect(try read(path).utf8.count > 1000)
        log.write(lines("short\n"), from: .output)
        #expect(withoutTimes(try read(path)) == ["stdout F short"])
    }

    @Test func `stop at the most of all`() throws {
        let directory = try TemporaryDirectory()
        let path = "\(directory.path)/log"
        var warnings = 0
        let file = try LogFile(
            path: path, limits: LogLimits(total: 200), warn: { _ in warnings += 1 })
        let log = LineLog(file, format: .kubernetes, synchronizes: false, in: try EventLoop())
        for _ in 0..<20 { log.write(lines("line\n"), from: .output) }
        #expect(try read(path).utf8.count <= 200)
        #expect(warnings == 1)
    }

    @Test func `are no fifo`() throws {
        let directory = try TemporaryDirectory()
        let path = "\(directory.path)/log"
        try File.makeNode(path, at: Directory.current, type: .fifo, permissions: 0o600)
        #expect(throws: SystemCallError.self) {
            _ = try LogFile(path: path, limits: LogLimits(), warn: { _ in })
        }
    }

    @Test(arguments: [
        ("k8s-file:/a/b", LogDestination.file(.kubernetes, path: "/a/b")),
        ("json-file:x", .file(.json, path: "x")), ("/a/b", .file(.kubernetes, path: "/a/b")),
        ("journald", .journal), ("journald:", .journal), ("passthrough", .passthrough),
        ("off", .off), ("null:", .off), ("none", .off), ("k8s-file:", nil), ("", nil),
        ("nonsense:/x", nil),
    ])
    func `are named by driver and path`(text: String, destination: LogDestination?) {
        #expect(LogDestination(text) == destination)
    }
}

@Suite struct `The journal's entries` {
    @Test func `have lengths, priorities and marks of parts`() {
        let entry = JournalLog.packet(
            Array("<4>a\u{0}b".utf8)[...], isWhole: false, .output, Array("A\n".utf8))
        var expected = Array("A\nPRIORITY=4\nCONTAINER_PARTIAL_MESSAGE=true\nMESSAGE\n".utf8)
        expected += [3, 0, 0, 0, 0, 0, 0, 0] + Array("a\u{0}b\n".utf8)
        #expect(entry == expected)
        let plain = JournalLog.packet(Array("<9>x".utf8)[...], isWhole: true, .errors, [])
        #expect(plain.starts(with: Array("PRIORITY=3\nMESSAGE\n".utf8)))
        #expect(plain.suffix(5).elementsEqual("<9>x\n".utf8))
    }
}

@Suite struct `Messages to systemd` {
    @Test func `pass when they are about the state`() {
        let message =
            "READY=1\nMAINPID=1\nSTATUS=a=b\nFDSTORE=1\nREADY=2\nWATCHDOG=trigger\nBARRIER=1"
        #expect(
            String(decoding: NotifyProxy.allowed(Array(message.utf8)), as: UTF8.self)
                == "READY=1\nSTATUS=a=b\nWATCHDOG=trigger\n")
    }
}

@Suite struct `conmon's flags` {
    @Test func `are read as GLib reads them`() throws {
        let options = try ConmonOptions([
            "--api-version", "1", "-c", "id", "-itl", "off", "--log-path=k8s-file:/x", "-T5",
            "--exit-command-arg", "--rm", "--exit-command-arg", "", "--", "--no-such-flag",
        ])
        #expect(options[.cid] == "id")
        #expect(options.all(.logPath) == ["off", "k8s-file:/x"])
        #expect(options.all(.exitCommandArg) == ["--rm", ""])
        #expect(options.isSet(.apiVersion) && options.isSet(.terminal) && options.isSet(.stdin))
        #expect(try options.number(.timeout) == 5)
        #expect(!options.isSet(.sync))
    }

    @Test(arguments: [["--no-such-flag"], ["-x"], ["--cid"], ["-c"]])
    func `that are unknown or lack a value are told`(words: [String]) {
        #expect(throws: SupervisionError.self) { _ = try ConmonOptions(words) }
    }
}

@Suite struct `Reserved files` {
    @Test func `appear whole, or not at all`() throws {
        let directory = try TemporaryDirectory()
        let path = "\(directory.path)/exit"
        do {
            let file = try ReservedFile(path, permissions: 0o600)
            #expect((try? File.status(of: path)) == nil)
            try file.write(Array("137".utf8))
        }
        #expect(try File.readText(path) == "137")
        do { _ = try ReservedFile(path + "2", permissions: 0o600) }
        let opened = try File.open(directory.path, .realDirectory)
        #expect(try File.names(in: opened) == ["exit"])
    }
}
