// SPDX-License-Identifier: Apache-2.0

import Foundation
import Requirements
import Testing

/// One wrong bundle, and what the one line of the error must hold.
struct BadBundle: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let words: [String]
    let spoil: @Sendable (ContainerFixture) throws -> Void

    init(
        _ description: String, _ words: [String],
        _ spoil: @escaping @Sendable (ContainerFixture) throws -> Void
    ) {
        testDescription = description
        self.words = words
        self.spoil = spoil
    }

    private static func write(_ text: String, _ fixture: ContainerFixture) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: fixture.configurationPath))
    }

    private static func replaceFile(_ path: String, _ make: (String) throws -> Void) throws {
        try FileManager.default.removeItem(atPath: path)
        try make(path)
    }

    static let files = [
        BadBundle("no config.json", ["/bundle/config.json: no such file", "martlet spec"]) {
            try replaceFile($0.configurationPath) { _ in }
        },
        BadBundle("a directory as config.json", ["/bundle/config.json: is a directory"]) {
            try replaceFile($0.configurationPath) {
                try FileManager.default.createDirectory(
                    atPath: $0, withIntermediateDirectories: false)
            }
        },
        BadBundle("a fifo as config.json", ["/bundle/config.json: is no regular file"]) {
            try replaceFile($0.configurationPath) { _ = unsafe mkfifo($0, 0o600) }
        },
        BadBundle("an empty file", ["config.json: "]) { try write("", $0) },
        BadBundle("a truncated file", ["config.json: ", "line 1"]) {
            try write("{\"ociVersion\": \"1.0.0\", \"process\": {", $0)
        },
        BadBundle("bytes that are no UTF-8", ["config.json: "]) {
            try Data([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d])
                .write(to: URL(fileURLWithPath: $0.configurationPath))
        },
        BadBundle("100 MB of nothing", ["/bundle/config.json: larger than 16 MiB"]) {
            _ = unsafe truncate($0.configurationPath, 100 << 20)
        },
        BadBundle("nesting 10,000 deep", ["config.json: "]) {
            try write(String(repeating: "[", count: 10_000), $0)
        },
        BadBundle("nesting 10,000 deep in a property", ["config.json: "]) {
            try write(
                "{\"x\":" + String(repeating: "[", count: 10_000)
                    + String(repeating: "]", count: 10_000) + "}", $0)
        },
        BadBundle("an array", ["config.json: ", "an object"]) { try write("[]", $0) },
    ]

    static let values = [
        BadBundle("a number as args", ["config.json: process.args[0]: expected a string"]) {
            try $0.edit("process", ["args": [7]])
        },
        BadBundle("text as uid", ["config.json: process.user.uid: "]) {
            try $0.edit("process", ["user": ["uid": "0", "gid": 0] as [String: Any]])
        },
        BadBundle("a relative cwd", ["config.json: process.cwd: "]) {
            try $0.edit("process", ["cwd": "tmp"])
        },
        BadBundle("an unknown propagation", ["config.json: linux.rootfsPropagation: "]) {
            try $0.edit("linux", ["rootfsPropagation": "sideways"])
        },
        BadBundle("an unknown namespace", ["config.json: linux.namespaces[0].type: "]) {
            try $0.edit("linux", ["namespaces": [["type": "space"]]])
        },
        BadBundle("a namespace twice", ["config.json: linux.namespaces[1]"]) {
            try $0.edit("linux", ["namespaces": [["type": "mount"], ["type": "mount"]]])
        },
        BadBundle("a relative namespace path", ["config.json: linux.namespaces[0].path: "]) {
            try $0.edit("linux", ["namespaces": [["type": "mount", "path": "ns/mnt"]]])
        },
        BadBundle("a resource limit twice", ["config.json: process.rlimits[1]"]) {
            let limit: [String: Any] = ["type": "RLIMIT_NOFILE", "soft": 10, "hard": 10]
            try $0.edit("process", ["rlimits": [limit, limit]])
        },
        BadBundle("no root filesystem", ["root.path: ", "/bundle/missing\"", "ENOENT"]) {
            try $0.edit(nil, ["root": ["path": "missing"]])
        },
        BadBundle("a file as root filesystem", ["root.path: ", "is not a directory"]) {
            try $0.edit(nil, ["root": ["path": "config.json"]])
        },
        BadBundle("a link as root filesystem", ["root.path: ", "is a symbolic link"]) {
            _ = unsafe symlink("rootfs", "\($0.bundle)/link")
            try $0.edit(nil, ["root": ["path": "link"]])
        },
        BadBundle("a bind source that is missing", ["mount \"/no/such\" at \"/x\"", "ENOENT"]) {
            try $0.edit(
                nil,
                [
                    "mounts": [
                        [
                            "destination": "/x", "type": "bind", "source": "/no/such",
                            "options": ["bind"],
                        ] as [String: Any]
                    ]
                ])
        },
        BadBundle("an option that nobody knows", ["mount \"tmpfs\" at \"/x\"", "EINVAL"]) {
            try $0.edit(
                nil,
                [
                    "mounts": [
                        ["destination": "/x", "type": "tmpfs", "options": ["nonsense"]]
                            as [String: Any]
                    ]
                ])
        },
    ]
}

@Suite(.requiresRoot) struct `A wrong bundle` {
    @Test(arguments: BadBundle.files + BadBundle.values)
    func `is refused in one clear line, and nothing is left`(bad: BadBundle) async throws {
        try await ContainerFixture.with { fixture in
            try bad.spoil(fixture)
            let start = Date()
            for command in ["create", "run"] {
                let outcome = try fixture.martlet(command, "--bundle", fixture.bundle, fixture.id)
                #expect(outcome.code == 1)
                #expect(outcome.output == "")
                #expect(outcome.errorLines.count == 1, "\(outcome.errors)")
                #expect(outcome.errors.hasPrefix("martlet: \(command) \"\(fixture.id)\": "))
                for word in bad.words {
                    #expect(outcome.errors.contains(word), "\(outcome.errors)")
                }
                #expect(!outcome.errors.contains("internal error"))
            }
            #expect(Date().timeIntervalSince(start) < 10)
            #expect(try fixture.lastingLeftovers() == [])
        }
    }

    @Test(arguments: ["a/b", "/", "..", ".", "../../x", "a b", "é", "a\nb"])
    func `is not even read for a wrong id`(id: String) async throws {
        try await ContainerFixture.with { fixture in
            let create = ["create", "--bundle", fixture.bundle]
            for words in [create, ["state"], ["delete", "--force"]] {
                let command = try Command(
                    [Command.runtime, "--root", fixture.state] + words + [id],
                    in: fixture.directory)
                let outcome = try command.wait()
                #expect(outcome.code == 1)
                #expect(outcome.errors.contains("invalid container ID format"))
                #expect(outcome.errorLines.count == 1)
            }
            #expect(!FileManager.default.fileExists(atPath: fixture.state))
        }
    }

    @Test func `with an id in use leaves the container that has it`() async throws {
        try await ContainerFixture.with { fixture in
            #expect(try fixture.create().code == 0)
            let outcome = try fixture.create()
            #expect(outcome.code == 1)
            #expect(outcome.errors.contains("already exists"))
            #expect(outcome.errorLines.count == 1)
            #expect(try fixture.status() == "created")
        }
    }

    @Test(arguments: ["state", "start", "kill", "delete"])
    func `is no container`(command: String) async throws {
        try await ContainerFixture.with { fixture in
            let outcome = try fixture.martlet(command, "nobody")
            #expect(outcome.code == 1)
            #expect(
                outcome.errors == "martlet: \(command) \"nobody\": container does not exist\n")
        }
    }
}
