// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// What is wrong with a bundle, and what the one line about it must say.
struct BadBundle: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let says: [String]
    /// Spoils a good bundle.
    let spoil: @Sendable (ContainerFixture) throws -> Void

    init(
        _ description: String, says: String...,
        spoil: @escaping @Sendable (ContainerFixture) throws -> Void
    ) {
        testDescription = description
        self.says = says
        self.spoil = spoil
    }

    /// One that has other bytes for a configuration.
    static func text(_ description: String, says: String..., bytes: [UInt8]) -> BadBundle {
        var bundle = BadBundle(description) { fixture in
            try Data(bytes).write(to: URL(fileURLWithPath: fixture.configurationPath))
        }
        bundle = BadBundle(description, list: says, spoil: bundle.spoil)
        return bundle
    }

    private init(
        _ description: String, list: [String],
        spoil: @escaping @Sendable (ContainerFixture) throws -> Void
    ) {
        testDescription = description
        says = list
        self.spoil = spoil
    }

    static let all: [BadBundle] = [
        BadBundle("no config.json", says: "config.json", "no such file") {
            try FileManager.default.removeItem(atPath: $0.configurationPath)
        },
        BadBundle("a directory for a config.json", says: "config.json", "is a directory") {
            try FileManager.default.removeItem(atPath: $0.configurationPath)
            try FileManager.default.createDirectory(
                atPath: $0.configurationPath, withIntermediateDirectories: false)
        },
        BadBundle("a fifo for a config.json", says: "config.json", "no regular file") {
            try FileManager.default.removeItem(atPath: $0.configurationPath)
            #expect(unsafe mkfifo($0.configurationPath, 0o600) == 0)
        },
        BadBundle("a configuration of 100 MB", says: "config.json", "larger than 16 MiB") {
            #expect(unsafe truncate($0.configurationPath, 100_000_000) == 0)
        },
        .text("an empty configuration", says: "config.json", bytes: []),
        .text(
            "half a configuration", says: "config.json", bytes: Array("{\"ociVersion\": \"1.".utf8)),
        .text(
            "a configuration that is no UTF-8", says: "config.json",
            bytes: Array("{\"ociVersion\": \"".utf8) + [0xff, 0xfe] + Array("\"}".utf8)),
        .text(
            "10,000 levels", says: "config.json",
            bytes: Array((String(repeating: "[", count: 10_000)).utf8)),
        BadBundle("a number for a string", says: "config.json: hostname", "expected a string") {
            try $0.edit(nil, ["hostname": 5])
        },
        BadBundle("a text for a number", says: "config.json: process.user.uid") {
            try $0.edit("process", ["user": ["uid": "0", "gid": 0]])
        },
        BadBundle("an unknown namespace", says: "config.json: linux.namespaces[0].type") {
            try $0.edit("linux", ["namespaces": [["type": "banana"]]])
        },
        BadBundle("a namespace twice", says: "config.json: linux.namespaces") {
            try $0.edit("linux", ["namespaces": [["type": "mount"], ["type": "mount"]]])
        },
        BadBundle("a limit twice", says: "config.json: process.rlimits") {
            let limit: [String: Any] = ["type": "RLIMIT_CORE", "soft": 1, "hard": 1]
            try $0.edit("process", ["rlimits": [limit, limit]])
        },
        BadBundle("a relative namespace path", says: "config.json: linux.namespaces[1].path") {
            let namespaces = [["type": "mount"], ["type": "network", "path": "net"]]
            try $0.edit("linux", ["namespaces": namespaces])
        },
        BadBundle("no root filesystem", says: "root.path", "no such file") {
            try FileManager.default.removeItem(atPath: "\($0.bundle)/rootfs")
        },
        BadBundle("a file for a root filesystem", says: "root.path", "not a directory") {
            try FileManager.default.removeItem(atPath: "\($0.bundle)/rootfs")
            try Data().write(to: URL(fileURLWithPath: "\($0.bundle)/rootfs"))
        },
        BadBundle("a link for a root filesystem", says: "root.path", "symbolic link") {
            let place = "\($0.bundle)/rootfs"
            try FileManager.default.moveItem(atPath: place, toPath: place + ".real")
            try FileManager.default.createSymbolicLink(
                atPath: place, withDestinationPath: "rootfs.real")
        },
        BadBundle("what this version cannot do", says: "linux.seccomp", "not supported") {
            try $0.edit("linux", ["seccomp": ["defaultAction": "SCMP_ACT_ALLOW"]])
        },
    ]
}

@Suite(.requiresRoot) struct `A bad bundle` {
    @Test(arguments: BadBundle.all) func `is one clear line, and leaves nothing`(
        bad: BadBundle
    ) async throws {
        try await ContainerFixture.with { fixture in
            try bad.spoil(fixture)
            let outcome = try fixture.create()
            #expect(outcome.code == 1)
            #expect(outcome.output == "")
            #expect(outcome.errorLines.count == 1, "\(outcome.errors)")
            let line = try #require(outcome.errorLines.first)
            #expect(line.hasPrefix("martlet: create \"\(fixture.id)\": "))
            for part in bad.says { #expect(line.contains(part), "\(line)") }
            #expect(try fixture.leftovers() == [])
        }
    }

    @Test(arguments: [
        "..", "a/b", "/", "", "a b", "new\nline", String(repeating: "x", count: 1000),
    ])
    func `id is refused by every command`(id: String) async throws {
        try await ContainerFixture.with { fixture in
            for words in [
                ["create", "--bundle", fixture.bundle], ["state"], ["start"], ["kill"], ["delete"],
            ] {
                let command = [Command.runtime, "--root", fixture.state] + words + ["--", id]
                let outcome = try Command(command, in: fixture.directory).wait()
                #expect(outcome.code == 1 || outcome.code == 2)
                #expect(outcome.errorLines.count <= 2, "\(outcome.errors)")
                #expect(try fixture.leftovers() == [])
            }
        }
    }

    @Test func `id that is in use changes nothing`() async throws {
        try await ContainerFixture.with { fixture in
            #expect(try fixture.create().code == 0)
            let second = try fixture.create()
            #expect(second.code == 1 && second.errors.contains("already exists"))
            #expect(try fixture.status() == "created")
        }
    }
}
