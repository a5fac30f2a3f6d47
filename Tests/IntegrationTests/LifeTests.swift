// SPDX-License-Identifier: Apache-2.0

import Foundation
import Requirements
import Testing

@Suite(.requiresRoot) struct `A container` {
    @Test func `lives from create to delete`() async throws {
        try await ContainerFixture.with { fixture in
            try fixture.script("echo $$ >/alive; exec sleep 1000")
            let created = try fixture.create()
            #expect(created.code == 0 && created.errors == "" && created.output == "")
            #expect(try fixture.status() == "created")
            #expect(!FileManager.default.fileExists(atPath: "\(fixture.bundle)/rootfs/alive"))
            #expect(try fixture.martlet("start", fixture.id).code == 0)
            #expect(try fixture.status() == "running")
            let refused = try fixture.martlet("delete", fixture.id)
            #expect(refused.code == 1 && refused.errors.contains("not stopped"))
            #expect(try fixture.martlet("kill", fixture.id, "KILL").code == 0)
            #expect(try fixture.await("stopped"))
            let again = try fixture.martlet("start", fixture.id)
            #expect(again.code == 1 && again.errors.contains("has stopped"))
            #expect(try fixture.martlet("kill", fixture.id, "KILL").code == 1)
            #expect(try fixture.martlet("delete", fixture.id).code == 0)
            #expect(try fixture.status() == nil)
            let gone = try fixture.martlet("delete", fixture.id)
            #expect(gone.code == 1 && gone.errors.contains("container does not exist"))
            #expect(try fixture.martlet("delete", "--force", fixture.id).code == 0)
        }
    }

    @Test func `tells its state`() async throws {
        try await ContainerFixture.with { fixture in
            try fixture.edit(nil, ["annotations": ["a.b": "c"]])
            _ = try fixture.create()
            let outcome = try fixture.martlet("state", fixture.id)
            let object = try JSONSerialization.jsonObject(with: Data(outcome.output.utf8))
            let state = try #require(object as? [String: Any])
            #expect(state["id"] as? String == fixture.id)
            #expect(state["status"] as? String == "created")
            #expect(state["bundle"] as? String == fixture.bundle)
            #expect(state["annotations"] as? [String: String] == ["a.b": "c"])
            let pid = try #require(state["pid"] as? Int)
            #expect(kill(pid_t(pid), 0) == 0)
        }
    }

    @Test(arguments: [0, 1, 7, 126, 255]) func `gives run its exit code`(code: Int) async throws {
        try await ContainerFixture.with { fixture in
            try fixture.script("exit \(code)")
            let outcome = try fixture.martlet("run", "--bundle", fixture.bundle, fixture.id)
            #expect(Int(outcome.code) == code)
            #expect(outcome.errors == "")
            #expect(try fixture.leftovers() == [])
        }
    }

    @Test(arguments: [SIGKILL, SIGTERM, SIGUSR1])
    func `ended by a signal gives run 128 and its number`(
        signal: Int32
    ) async throws {
        try await ContainerFixture.with { fixture in
            // The first process of a pid namespace would heed SIGKILL alone.
            try fixture.edit("linux", ["namespaces": [["type": "mount"]]])
            let run = try fixture.begin("run", "--bundle", fixture.bundle, fixture.id)
            try #require(try fixture.await("running"))
            #expect(try fixture.martlet("kill", fixture.id, "\(signal)").code == 0)
            #expect(try run.wait().code == 128 + signal)
        }
    }

    @Test func `hears the signals that run gets`() async throws {
        try await ContainerFixture.with { fixture in
            try fixture.script(
                "trap 'exit 33' TERM; echo ready >/ready; while :; do sleep 0.05; done")
            let run = try fixture.begin("run", "--bundle", fixture.bundle, fixture.id)
            let ready = "\(fixture.bundle)/rootfs/ready"
            for _ in 0..<500 where !FileManager.default.fileExists(atPath: ready) { usleep(10_000) }
            kill(run.pid, SIGTERM)
            #expect(try run.wait().code == 33)
        }
    }

    @Test func `has no descriptors but its streams`() async throws {
        try await ContainerFixture.with { fixture in
            try fixture.script("for n in /proc/self/fd/*; do echo ${n##*/}; done")
            // The shell that expands the names holds the directory open as 3.
            let outcome = try fixture.martlet("run", "--bundle", fixture.bundle, fixture.id)
            let numbers = outcome.output.split(separator: "\n").map(String.init)
            #expect(Set(numbers).isSubset(of: ["0", "1", "2", "3", "10"]))
            try fixture.edit("process", ["args": ["ls", "/proc/self/fd"]])
            let listed = try fixture.martlet("run", "--bundle", fixture.bundle, fixture.id)
            #expect(listed.output == "0\n1\n2\n3\n")
        }
    }

    @Test(arguments: [(0, "0 1 2 3"), (1, "0 1 2 3 4"), (3, "0 1 2 3 4 5 6")])
    func `has the descriptors that the caller wants kept, and no other`(
        count: Int, numbers: String
    ) async throws {
        try await ContainerFixture.with { fixture in
            try fixture.edit("process", ["args": ["ls", "/proc/self/fd"]])
            let line =
                "exec 3</dev/null 4</dev/zero 5</etc/passwd 6</ 9</; exec \"$@\""
            let command = try Command(
                [
                    "/bin/sh", "-c", line, "sh", Command.runtime, "--root", fixture.state, "run",
                    "--preserve-fds", "\(count)", "--bundle", fixture.bundle, fixture.id,
                ], in: fixture.directory)
            let outcome = try command.wait()
            #expect(outcome.output.split(separator: "\n").joined(separator: " ") == numbers)
            #expect(outcome.code == 0)
        }
    }

    @Test func `starts where the caller has closed all streams`() async throws {
        try await ContainerFixture.with { fixture in
            try fixture.script("ls /proc/self/fd >/listed")
            let command = try Command(
                [
                    "/bin/sh", "-c", "exec \"$@\" <&- >&- 2>&-", "sh", Command.runtime, "--root",
                    fixture.state, "run", "--bundle", fixture.bundle, fixture.id,
                ], in: fixture.directory)
            #expect(try command.wait().code == 0)
            let listed = try String(
                contentsOfFile: "\(fixture.bundle)/rootfs/listed", encoding: .utf8)
            #expect(listed == "0\n1\n2\n3\n")
        }
    }

    @Test(arguments: [
        (["no-such"], "executable file not found in $PATH"),
        (["/etc"], "is a directory"), (["/no/such"], "no such file or directory (ENOENT)"),
    ])
    func `whose program cannot be run says so and leaves nothing`(
        words: [String], reason: String
    ) async throws {
        try await ContainerFixture.with { fixture in
            try fixture.edit("process", ["args": words])
            let outcome = try fixture.martlet("run", "--bundle", fixture.bundle, fixture.id)
            #expect(outcome.code == 1)
            #expect(outcome.errorLines.count == 1)
            #expect(outcome.errors.contains("run \"\(fixture.id)\": exec \"\(words[0])\": "))
            #expect(outcome.errors.contains(reason))
            #expect(try fixture.lastingLeftovers() == [])
        }
    }
}

@Suite struct `The command line` {
    private func martlet(_ words: String...) throws -> Command.Outcome {
        try Command([Command.runtime] + words, in: NSTemporaryDirectory()).wait()
    }

    @Test func `tells the version`() throws {
        let outcome = try martlet("--version")
        #expect(outcome.code == 0 && outcome.errors == "")
        #expect(outcome.output.hasPrefix("martlet version "))
        #expect(outcome.output.contains("\nspec: 1.3.0\n"))
    }

    @Test(arguments: [
        ("craete", "create"), ("strat", "start"), ("delet", "delete"), ("lst", "list"),
    ])
    func `guesses what was meant`(word: String, meant: String) throws {
        let outcome = try martlet(word)
        #expect(outcome.code == 2)
        #expect(outcome.errorLines.first?.contains("\"\(word)\"") == true)
        #expect(outcome.errorLines.first?.contains("did you mean \"\(meant)\"?") == true)
        #expect(outcome.errorLines.count == 2)
    }

    @Test func `does not guess wildly`() throws {
        let outcome = try martlet("xyzzy")
        #expect(outcome.code == 2)
        #expect(!outcome.errors.contains("did you mean"))
    }
}
