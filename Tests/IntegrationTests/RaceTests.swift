// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@Suite(.requiresRoot, .serialized) struct `Commands at the same time` {
    @Test func `make one container of one id`() async throws {
        try await ContainerFixture.with { fixture in
            let commands = try (0..<30).map { _ in
                try fixture.begin("create", "--bundle", fixture.bundle, fixture.id)
            }
            let outcomes = try commands.map { try $0.wait() }
            #expect(outcomes.filter { $0.code == 0 }.count == 1)
            for outcome in outcomes where outcome.code != 0 {
                #expect(outcome.code == 1 && outcome.errors.contains("already exists"))
            }
            #expect(try fixture.status() == "created")
        }
    }

    @Test func `start it once`() async throws {
        try await ContainerFixture.with { fixture in
            #expect(try fixture.create().code == 0)
            let commands = try (0..<20).map { _ in try fixture.begin("start", fixture.id) }
            let outcomes = try commands.map { try $0.wait() }
            #expect(outcomes.filter { $0.code == 0 }.count == 1)
            for outcome in outcomes where outcome.code != 0 {
                #expect(outcome.errors.contains("already running"))
            }
            #expect(try fixture.status() == "running")
        }
    }

    @Test func `make and delete without leaving anything`() async throws {
        try await ContainerFixture.with { fixture in
            for _ in 0..<10 {
                let create = try fixture.begin("create", "--bundle", fixture.bundle, fixture.id)
                let delete = try fixture.begin("delete", "--force", fixture.id)
                _ = try create.wait()
                #expect(try delete.wait().code == 0)
                #expect(try fixture.martlet("delete", "--force", fixture.id).code == 0)
                #expect(try fixture.lastingLeftovers() == [])
            }
        }
    }

    @Test func `make many containers`() async throws {
        try await ContainerFixture.with { fixture in
            let commands = try (0..<16).map {
                try fixture.begin("create", "--bundle", fixture.bundle, "\(fixture.id)-\($0)")
            }
            for command in commands { #expect(try command.wait().code == 0) }
            let list = try fixture.martlet("list", "-q")
            #expect(list.output.split(separator: "\n").count == 16)
        }
    }

    @Test func `are killed at any moment, and delete finds the rest`() async throws {
        try await ContainerFixture.with { fixture in
            for attempt in 0..<20 {
                let create = try fixture.begin("create", "--bundle", fixture.bundle, fixture.id)
                usleep(UInt32(attempt) * 500)
                kill(create.pid, SIGKILL)
                _ = try create.wait()
                #expect(try fixture.martlet("delete", "--force", fixture.id).code == 0)
                #expect(try fixture.lastingLeftovers() == [])
            }
        }
    }
}

@Suite(.requiresRoot) struct `An ordinary user` {
    private static let user = "65534"

    @Test func `runs a container in a user namespace of its own`() async throws {
        try await ContainerFixture.with { fixture in
            try FileManager.default.removeItem(atPath: fixture.configurationPath)
            // Both as the same user, who is root inside.
            let asUser = [
                "/usr/bin/setpriv", "--reuid", Self.user, "--regid", Self.user, "--clear-groups",
            ]
            let owned = try Command(
                ["/bin/chown", "-R", "\(Self.user):\(Self.user)", fixture.directory],
                in: fixture.directory
            ).wait()
            #expect(owned.code == 0)
            let runtime = try fixture.readableRuntime()
            let global = [runtime, "--root", "\(fixture.directory)/user-state"]
            let spec = try Command(
                asUser + global + ["spec", "--rootless", "--bundle", fixture.bundle],
                in: fixture.directory
            ).wait()
            #expect(spec.code == 0, "\(spec.errors)")
            try fixture.edit(
                "process", ["terminal": false, "args": ["id", "-u"]])
            let run = try Command(
                asUser + global + ["run", "--bundle", fixture.bundle, fixture.id],
                in: fixture.directory
            ).wait()
            #expect(run.code == 0, "\(run.errors)")
            #expect(run.output == "0\n")
        }
    }
}

extension ContainerFixture {
    /// The runtime where every user may run it: the build's own place may lie behind a closed door.
    func readableRuntime() throws -> String {
        let copy = "\(directory)/martlet"
        try FileManager.default.copyItem(atPath: Command.runtime, toPath: copy)
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: copy)
        return copy
    }
}
