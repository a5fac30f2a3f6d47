// SPDX-License-Identifier: Apache-2.0

import Containers
import Foundation
import Linux
import OCI
import Testing

@testable import martlet

@Suite struct `Version` {
    @Test func `is what engines parse`() {
        let text = BuildInformation.versionText
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        #expect(lines.first.map(String.init) == "martlet version \(BuildInformation.version)")
        // docker takes what follows the last "version" of every line that has the word.
        #expect(lines.dropFirst().allSatisfy { !$0.contains("version") })
        #expect(lines.contains("commit: \(BuildInformation.commit)"))
        #expect(lines.contains("spec: \(Specification.version)"))
        #expect(lines.last == "")
    }
}

@Suite struct `The file of --trace` {
    @Test func `is what Chrome reads`() throws {
        let bytes = TraceFile.encode([
            Trace.Event(name: "a \"b\"", track: 1, begin: 5_000_000, end: 5_012_340),
            Trace.Event(name: "c", track: 2, begin: 5_001_500, end: 5_001_500),
        ])
        let object = try JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any]
        let events = try #require(object?["traceEvents"] as? [[String: Any]])
        let named = events.filter { $0["ph"] as? String == "M" }
        #expect(named.map { $0["tid"] as? Int } == [1, 2])
        let done = events.filter { $0["ph"] as? String == "X" }
        #expect(done.map { $0["name"] as? String } == ["a \"b\"", "c"])
        // Microseconds from the first one.
        #expect(done.map { $0["ts"] as? Double } == [0, 1.5])
        #expect(done.map { $0["dur"] as? Double } == [12.34, 0])
        #expect(done.map { $0["tid"] as? Int } == [1, 2])
    }
}

@Suite struct `Log lines` {
    private func line(
        _ format: Log.Format, _ message: String, details: [String] = []
    ) -> String {
        let bytes = Log.line(
            format, .error, message, details: details, time: "2026-01-02T03:04:05.000000006Z")
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test func `in JSON have runc's fields`() throws {
        #expect(
            line(.json, "create \"web\": no\nway\u{1b}")
                == #"{"level":"error","msg":"create \"web\": no\nway\u001b","#
                + #""time":"2026-01-02T03:04:05.000000006Z"}"# + "\n")
        let object = try JSONSerialization.jsonObject(
            with: Data(line(.json, "é \u{0} \\", details: ["a", "b\""]).utf8))
        let members = try #require(object as? [String: Any])
        #expect(members["msg"] as? String == "é \u{0} \\")
        #expect(members["details"] as? [String] == ["a", "b\""])
        #expect(members.count == 4)
    }

    @Test func `in text are quoted`() {
        #expect(
            line(.text, "say \"no\"\\\n\t\u{7f}\u{1}é", details: ["left out"])
                == #"time="2026-01-02T03:04:05.000000006Z" level=error "#
                + #"msg="say \"no\"\\\n\t\x7f\x01é""# + "\n")
    }

    /// What a log file holds after an error and a warning.
    private func contents(_ format: Log.Format, _ level: Log.Level?) throws -> [String] {
        let path = NSTemporaryDirectory() + "martlet-log-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: path) }
        let log = try Log(to: path, format: format, level: level)
        log.warning("careful")
        log.error(ContainerError(.failed, doing: "create \"web\"", "no", details: ["why"]))
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        #expect((attributes[.posixPermissions] as? Int ?? 0) & 0o133 == 0)
        return try String(contentsOfFile: path, encoding: .utf8)
            .split(separator: "\n").map(String.init)
    }

    @Test func `in JSON are one object by default, which podman demands`() throws {
        let lines = try contents(.json, nil)
        #expect(lines.count == 1)
        #expect(lines.first?.hasPrefix(#"{"level":"error","msg":"create \"web\": no","#) == true)
        #expect(lines.first?.hasSuffix(#""details":["why"]}"#) == true)
    }

    @Test func `of a refused configuration have every violation in parts, in the one object`()
        throws
    {
        let path = NSTemporaryDirectory() + "martlet-log-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: path) }
        let violations = [
            Violation(
                path: "root.path", expected: "a path", found: "nothing", section: "config.md#root"),
            Violation(path: "", expected: "JSON", found: "\"", section: "config.md"),
        ]
        try Log(to: path, format: .json, level: nil).error(
            ContainerError(
                .invalidConfiguration, "no", details: ["a", "b"], violations: violations))
        let data = try Data(contentsOf: URL(filePath: path))
        let object = try #require(
            JSONSerialization.jsonObject(with: data) as? [String: Any])
        let told = try #require(object["violations"] as? [[String: String]])
        #expect(
            told == [
                [
                    "path": "root.path", "expected": "a path", "found": "nothing",
                    "section": "config.md#root",
                ],
                ["path": "", "expected": "JSON", "found": "\"", "section": "config.md"],
            ])
        #expect(object.count == 4)
    }

    @Test(arguments: [
        (Log.Format.json, Log.Level.warning, 2), (.json, .debug, 2), (.json, .error, 1),
        (.text, .error, 1), (.text, .warning, 2), (.text, .debug, 3),
    ])
    func `have warnings if asked for`(format: Log.Format, level: Log.Level, count: Int) throws {
        #expect(try contents(format, level).count == count)
    }

    @Test func `in text have warnings by default`() throws {
        #expect(try contents(.text, nil).count == 2)
    }

    @Test func `a file that cannot be opened is an error`() {
        #expect(throws: SystemCallError.self) {
            try Log(to: "/nonexistent/log", format: .json, level: nil)
        }
    }
}

@Suite struct `Table of containers` {
    @Test func `without any is its heading`() {
        #expect(
            ListTable.text([])
                == "ID          PID         STATUS      BUNDLE      CREATED     OWNER\n")
    }

    @Test func `is aligned as runc's is`() {
        var short = State(id: "aaa", status: .running, pid: 21045, bundle: "/tmp/cli-b")
        short.created = "2026-11-23T01:06:10.2713274Z"
        short.owner = "root"
        var long = State(
            id: "aaaaaaaaaaaaaaaaaaaaaaaaaaaa", status: .running, pid: 21059, bundle: "/tmp/cli-b")
        long.created = "2026-11-23T01:06:10.289700875Z"
        long.owner = "root"
        // Copied from runc 1.1.5.
        #expect(
            ListTable.text([short, long]) == """
                ID                             PID         STATUS      BUNDLE       \
                CREATED                          OWNER
                aaa                            21045       running     /tmp/cli-b   \
                2026-11-23T01:06:10.2713274Z     root
                aaaaaaaaaaaaaaaaaaaaaaaaaaaa   21059       running     /tmp/cli-b   \
                2026-11-23T01:06:10.289700875Z   root

                """)
    }

    @Test func `has one line a container`() {
        let state = State(id: "a", status: .stopped, pid: 0, bundle: "/b\n\u{1b}[2J\u{9b}é")
        #expect(ListTable.text([state]).split(separator: "\n").count == 2)
        #expect(ListTable.text([state]).contains("/b??[2J?é"))
    }
}

@Suite struct `Global flags` {
    @Test(arguments: [
        ("/run/x", "/run/x"), ("x", "/srv/here/x"), ("./x/../y//", "/srv/here/y"),
        ("../..", "/"), ("/", "/"), ("//", "/"), ("/../x/.", "/x"), ("/a/..", "/"), ("/a/.", "/a"),
        ("/a//b", "/a/b"), ("/a/", "/a"), ("/.a/..b/...", "/.a/..b/..."), ("/a/../b", "/b"),
    ])
    func `the state directory becomes absolute`(given: String, path: String) {
        #expect(GlobalOptions.normalized(given, from: "/srv/here") == path)
    }

    @Test(arguments: ["/", "//", "/x/..", ""])
    func `the root directory cannot be the state directory`(root: String) {
        var values = OptionValues()
        values.set(.root, to: root)
        #expect(throws: UsageError.self) { try GlobalOptions(values) }
    }

    @Test func `systemd is asked for in two ways`() throws {
        for (name, value) in [(OptionName.systemdCgroup, "true"), (.cgroupManager, "systemd")] {
            var values = OptionValues()
            values.set(name, to: value)
            #expect(try GlobalOptions(values).usesSystemd)
        }
        var values = OptionValues()
        values.set(.cgroupManager, to: "disabled")
        #expect(try !GlobalOptions(values).usesSystemd)
    }
}

@Suite struct `Inherited descriptors` {
    @Test(
        arguments: [
            ("2", "7", 2), ("2", nil, 2), ("2", "8", 0), ("2", "", 0), ("2", "x", 0), (nil, "7", 0),
            ("", "7", 0), ("-1", "7", 0), ("x", "7", 0), ("99999999999", "7", 0),
        ] as [(String?, String?, Int)])
    func `LISTEN_FDS counts when it is meant for us`(count: String?, pid: String?, result: Int) {
        #expect(InheritedDescriptors.listening(count: count, pid: pid, ownPid: 7) == result)
    }

    @Test func `one that is not open is named, and what follows is closed`() async {
        await #expect(processExitsWith: .success) {
            // Ends of its own, so that closing everything disturbs nobody.
            let null = try File.open("/dev/null", [.readOnly])
            try null.duplicate(onto: 3)
            try null.duplicate(onto: 4)
            try null.duplicate(onto: 6)
            _ = null.release()
            try Descriptors.closeAll(from: 5)
            do throws(ContainerError) {
                _ = try InheritedDescriptors.keep(3, listens: true)
                Process.exitNow(1)
            } catch {
                let expected = "--preserve-fds 3: descriptor 5 is not open"
                if "\(error)" != expected { Process.exitNow(2) }
            }
            do throws(ContainerError) {
                let kept = try InheritedDescriptors.keep(1, listens: true)
                if kept.preserved != 1 || kept.listening != 0 { Process.exitNow(3) }
            } catch {
                Process.exitNow(4)
            }
            Process.exitNow(Descriptors.isOpen(3) && !Descriptors.isOpen(4) ? 0 : 5)
        }
    }
}
