// SPDX-License-Identifier: Apache-2.0

import Foundation
import Requirements
import Testing

@Suite(.requiresRoot, .serialized) struct `Several at once` {
    @Test func `create one id: exactly one wins`() async throws {
        try await ContainerFixture.with { fixture in
            let commands = try (0..<30).map { _ in
                try fixture.begin("create", "--bundle", fixture.bundle, fixture.id)
            }
            let outcomes = try commands.map { try $0.wait() }
            #expect(outcomes.filter { $0.code == 0 }.count == 1)
            for outcome in outcomes where outcome.code != 0 {
                #expect(outcome.code == 1)
                #expect(outcome.errors.contains("already exists"), "\(outcome.errors)")
            }
            #expect(try fixture.status() == "created")
        }
    }

    @Test func `start one container: exactly one wins`() async throws {
        try await ContainerFixture.with { fixture in
            try fixture.script("echo x >>/count; exec sleep 1000")
            _ = try fixture.create()
            let commands = try (0..<20).map { _ in try fixture.begin("start", fixture.id) }
            let outcomes = try commands.map { try $0.wait() }
            #expect(outcomes.filter { $0.code == 0 }.count == 1)
            for outcome in outcomes where outcome.code != 0 {
                #expect(outcome.errors.contains("already running"), "\(outcome.errors)")
            }
            #expect(try fixture.await("running"))
            let path = "\(fixture.bundle)/rootfs/count"
            for _ in 0..<200 where !FileManager.default.fileExists(atPath: path) { usleep(10_000) }
            #expect(try String(contentsOfFile: path, encoding: .utf8) == "x\n")
        }
    }

    @Test func `create and delete one id: nothing is left`() async throws {
        try await ContainerFixture.with { fixture in
            for _ in 0..<5 {
                let commands = try (0..<12).map { number in
                    number % 2 == 0
                        ? try fixture.begin("create", "--bundle", fixture.bundle, fixture.id)
                        : try fixture.begin("delete", "--force", fixture.id)
                }
                for command in commands {
                    let outcome = try command.wait()
                    #expect([0, 1].contains(outcome.code), "\(outcome.errors)")
                }
            }
            #expect(try fixture.martlet("delete", "--force", fixture.id).code == 0)
            #expect(try fixture.lastingLeftovers() == [])
        }
    }

    @Test func `run containers of their own, from one bundle`() async throws {
        try await ContainerFixture.with { fixture in
            try fixture.script("exit 5")
            let commands = try (0..<16).map { number in
                try fixture.begin("run", "--bundle", fixture.bundle, "\(fixture.id)-\(number)")
            }
            for command in commands {
                let outcome = try command.wait()
                #expect(outcome.code == 5, "\(outcome.errors)")
            }
            #expect(try fixture.lastingLeftovers() == [])
        }
    }

    @Test func `create killed at any moment leaves nothing that delete does not find`()
        async throws
    {
        try await ContainerFixture.with { fixture in
            for _ in 0..<20 {
                let command = try fixture.begin("create", "--bundle", fixture.bundle, fixture.id)
                usleep(UInt32.random(in: 0..<40_000))
                kill(command.pid, SIGKILL)
                _ = try command.wait()
                let deleted = try fixture.martlet("delete", "--force", fixture.id)
                #expect(deleted.code == 0, "\(deleted.errors)")
                #expect(try fixture.lastingLeftovers() == [])
            }
        }
    }

    @Test func `run killed at any moment leaves nothing that delete does not find`() async throws {
        try await ContainerFixture.with { fixture in
            for _ in 0..<10 {
                let command = try fixture.begin("run", "--bundle", fixture.bundle, fixture.id)
                usleep(UInt32.random(in: 0..<60_000))
                kill(command.pid, SIGKILL)
                _ = try command.wait()
                let deleted = try fixture.martlet("delete", "--force", fixture.id)
                #expect(deleted.code == 0, "\(deleted.errors)")
                #expect(try fixture.lastingLeftovers() == [])
            }
        }
    }
}
