// SPDX-License-Identifier: Apache-2.0

import Foundation
import Requirements
import Testing

@Suite(.requiresRoot) struct `A hook` {
    /// A hook that a shell of the host's runs.
    private static func shell(_ text: String, timeout: Int? = nil) -> [String: Any] {
        var hook: [String: Any] = [
            "path": "/bin/sh", "args": ["sh", "-c", text],
            "env": ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"],
        ]
        hook["timeout"] = timeout
        return hook
    }

    private static func isGone(_ pid: pid_t) -> Bool {
        let text = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8)
        return text == nil || text?.contains(") Z ") == true
    }

    private static func awaitEnd(of pid: pid_t) -> Bool {
        for _ in 0..<200 where !isGone(pid) { usleep(10_000) }
        return isGone(pid)
    }

    @Test(arguments: ["prestart", "createRuntime", "createContainer"])
    func `over its time is killed with its grandchildren`(kind: String) async throws {
        try await ContainerFixture.with { fixture in
            // In the container's pid namespace its own numbers are not the host's: a lock tells.
            let script = """
                sh -c 'sleep 1000 9>\(fixture.directory)/held & sleep 1000' 8>\(fixture.directory)/too
                """
            try fixture.edit("hooks", [kind: [Self.shell(script, timeout: 1)]])
            let outcome = try fixture.create()
            #expect(outcome.code == 1)
            #expect(outcome.errorLines.count == 1)
            #expect(
                outcome.errors.contains(
                    "hooks.\(kind)[0] \"/bin/sh\" had not ended after its timeout of 1 s"))
            // Whoever lives has one of them open.
            let files = ["held", "too"].map { "\(fixture.directory)/\($0)" }
            var holders = try Self.holders(of: files)
            for _ in 0..<200 where !holders.isEmpty {
                usleep(10_000)
                holders = try Self.holders(of: files)
            }
            #expect(holders == [])
            #expect(try fixture.status() == nil)
        }
    }

    private static func holders(of files: [String]) throws -> [String] {
        let manager = FileManager.default
        var found: [String] = []
        for pid in try manager.contentsOfDirectory(atPath: "/proc") where Int32(pid) != nil {
            for number in ["8", "9"] {
                let link = "/proc/\(pid)/fd/\(number)"
                if let target = try? manager.destinationOfSymbolicLink(atPath: link),
                    files.contains(target)
                {
                    found.append(pid)
                }
            }
        }
        return found
    }

    @Test func `that ends lets what it left in the background go on`() async throws {
        try await ContainerFixture.with { fixture in
            let file = "\(fixture.directory)/pid"
            try fixture.edit(
                "hooks",
                ["createRuntime": [Self.shell("sleep 1000 & echo $! >\(file)", timeout: 50)]])
            #expect(try fixture.create().code == 0)
            let text = try String(contentsOfFile: file, encoding: .utf8)
            let pid = try #require(pid_t(text.trimmingCharacters(in: .whitespacesAndNewlines)))
            #expect(!Self.isGone(pid))
            kill(pid, SIGKILL)
            #expect(Self.awaitEnd(of: pid))
        }
    }

    @Test(arguments: [
        ("createRuntime", "create"), ("createContainer", "create"), ("poststart", "start"),
    ])
    func `that fails is told with its last words, on one line`(kind: String, command: String)
        async throws
    {
        try await ContainerFixture.with { fixture in
            let noise = "i=0; while [ $i -lt 20000 ]; do echo noise $i; i=$((i+1)); done"
            try fixture.edit(
                "hooks",
                [kind: [Self.shell("\(noise); echo 'no \"network\"' >&2; exit 42", timeout: 50)]])
            var outcome = try fixture.create()
            if command == "start" { outcome = try fixture.martlet("start", fixture.id) }
            #expect(outcome.code == 1)
            #expect(outcome.errorLines.count == 1)
            #expect(outcome.errors.utf8.count < 2000)
            #expect(
                outcome.errors.hasPrefix(
                    "martlet: \(command) \"\(fixture.id)\": hooks.\(kind)[0] \"/bin/sh\" failed with "
                        + "exit code 42; its output: \"…"))
            #expect(outcome.errors.hasSuffix("noise 19999\\nno \\\"network\\\"\"\n"))
            #expect(try fixture.lastingLeftovers() == [])
        }
    }

    @Test(arguments: [
        ("/nowhere/hook", "exec: no such file or directory (ENOENT)"),
        ("/etc/passwd", "exec: permission denied (EACCES)"),
        ("BUNDLE/rootfs/lost", "the file is there, but not its interpreter"),
    ])
    func `that cannot be executed says why`(path: String, reason: String) async throws {
        try await ContainerFixture.with { fixture in
            let path = path.replacing("BUNDLE", with: fixture.bundle)
            let lost = "\(fixture.bundle)/rootfs/lost"
            try "#!/nowhere/sh\n".write(toFile: lost, atomically: false, encoding: .utf8)
            unsafe chmod(lost, 0o755)
            try awaitWriters(of: lost)
            try fixture.edit("hooks", ["createRuntime": [["path": path]]])
            let outcome = try fixture.create()
            #expect(outcome.code == 1)
            #expect(outcome.errors.contains("hooks.createRuntime[0] \"\(path)\": exec: "))
            #expect(outcome.errors.contains(reason))
        }
    }

    @Test(arguments: ["startContainer", "poststart"])
    func `that fails at start leaves nothing, and poststop has run once`(kind: String) async throws
    {
        try await ContainerFixture.with { fixture in
            let log = "\(fixture.directory)/log"
            let path = kind == "startContainer" ? "/bin/false" : "/bin/sh"
            try fixture.edit(
                "hooks",
                [
                    kind: [["path": path, "args": ["sh", "-c", "exit 1"]] as [String: Any]],
                    "poststop": [Self.shell("echo end >>\(log)")],
                ])
            #expect(try fixture.create().code == 0)
            let outcome = try fixture.martlet("start", fixture.id)
            #expect(outcome.code == 1 && outcome.errors.contains("hooks.\(kind)[0]"))
            #expect(try fixture.lastingLeftovers() == [])
            #expect(try String(contentsOfFile: log, encoding: .utf8) == "end\n")
            #expect(try fixture.martlet("delete", "--force", fixture.id).code == 0)
            #expect(try String(contentsOfFile: log, encoding: .utf8) == "end\n")
        }
    }

    @Test func `dies with the create that was killed`() async throws {
        try await ContainerFixture.with { fixture in
            let file = "\(fixture.directory)/pid"
            try fixture.edit(
                "hooks", ["createRuntime": [Self.shell("echo $$ >\(file); exec sleep 1000")]])
            let creator = try fixture.begin("create", "--bundle", fixture.bundle, fixture.id)
            var text = ""
            for _ in 0..<500 where !text.hasSuffix("\n") {
                usleep(10_000)
                text = (try? String(contentsOfFile: file, encoding: .utf8)) ?? ""
            }
            let pid = try #require(pid_t(text.trimmingCharacters(in: .whitespacesAndNewlines)))
            #expect(try fixture.status() == "creating")
            kill(creator.pid, SIGKILL)
            _ = try creator.wait()
            #expect(Self.awaitEnd(of: pid))
            #expect(try fixture.martlet("delete", "--force", fixture.id).code == 0)
        }
    }
}
