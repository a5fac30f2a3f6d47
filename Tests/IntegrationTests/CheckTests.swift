// SPDX-License-Identifier: Apache-2.0

import Foundation
import Requirements
import Testing

/// What `check` says, held against what `run` does.
@Suite(.requiresRoot) struct `Check` {
    /// A change of a good bundle.
    struct Change: Sendable, CustomTestStringConvertible {
        let testDescription: String
        /// Words of the one finding that would fail; empty when the container must run.
        let words: [String]
        let change: @Sendable (ContainerFixture) throws -> Void

        init(
            _ description: String, _ words: [String] = [],
            _ change: @escaping @Sendable (ContainerFixture) throws -> Void
        ) {
            testDescription = description
            self.words = words
            self.change = change
        }
    }

    static func file(
        _ fixture: ContainerFixture, _ path: String, _ text: String, mode: Int = 0o755
    ) throws {
        let whole = "\(fixture.bundle)/rootfs/\(path)"
        try Data(text.utf8).write(to: URL(fileURLWithPath: whole))
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: whole)
        try awaitWriters(of: whole)
    }

    /// A new directory on the host, with busybox as `tool` in it.
    static func hostDirectory(_ fixture: ContainerFixture) throws -> String {
        let path = "\(fixture.directory)/host"
        try FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: false)
        try copyProgram("/bin/busybox", to: "\(path)/true")
        return path
    }

    static func mount(
        _ fixture: ContainerFixture, _ destination: String, _ type: String, _ source: String,
        _ options: [String] = []
    ) throws {
        let base = ContainerFixture.base["mounts"] as? [Any] ?? []
        let mount: [String: Any] = [
            "destination": destination, "type": type, "source": source, "options": options,
        ]
        try fixture.edit(nil, ["mounts": base + [mount]])
    }

    static func namespaces(_ fixture: ContainerFixture, _ list: [[String: String]]) throws {
        let base = ["pid", "network", "ipc", "uts", "mount"].map { ["type": $0] }
        try fixture.edit("linux", ["namespaces": base + list])
    }

    static func userNamespace(_ fixture: ContainerFixture, without kinds: [String] = []) throws {
        let mapping = [["containerID": 0, "hostID": 100_000, "size": 10]]
        let all = ["pid", "network", "ipc", "uts", "mount", "user"].filter { !kinds.contains($0) }
        try fixture.edit(
            "linux",
            [
                "namespaces": all.map { ["type": $0] }, "uidMappings": mapping,
                "gidMappings": mapping,
            ])
    }

    static func link(_ fixture: ContainerFixture, _ path: String, to target: String) throws {
        try FileManager.default.createSymbolicLink(
            atPath: "\(fixture.bundle)/rootfs/\(path)", withDestinationPath: target)
    }

    static let good: [Change] = [
        Change("as it is") { _ in },
        Change("a script of the shell's") {
            try file($0, "bin/script", "#!/bin/sh\nexit 0\n")
            try $0.edit("process", ["args": ["script"]])
        },
        Change("a script without a #! line") {
            try file($0, "bin/script", "exit 0\n")
            try $0.edit("process", ["args": ["script"]])
        },
        Change("a program behind links, one of them absolute and one out of the root") {
            try link($0, "true", to: "/two")
            try link($0, "two", to: "../../../../bin/true")
            try $0.edit("process", ["args": ["/true"]])
        },
        Change("a path that is relative to the working directory") {
            try $0.edit("process", ["args": ["./true"], "cwd": "/bin"])
        },
        Change("a program on a bind mount, found through a link") {
            try mount($0, "/opt/tools", "bind", hostDirectory($0), ["bind"])
            try link($0, "tools", to: "/opt/tools")
            try $0.edit("process", ["args": ["true"], "env": ["PATH=/tools"]])
        },
        Change("a mount on what an earlier mount brought") {
            let host = try hostDirectory($0)
            let base = ContainerFixture.base["mounts"] as? [Any] ?? []
            let more: [[String: Any]] = [
                ["destination": "/bound", "source": host, "options": ["bind"]],
                ["destination": "/bound/true", "source": "/bin/busybox", "options": ["bind"]],
            ]
            try $0.edit(nil, ["mounts": base + more])
        },
        Change("a second entry of PATH, when the first may not be executed") {
            try FileManager.default.createDirectory(
                atPath: "\($0.bundle)/rootfs/first", withIntermediateDirectories: false)
            try file($0, "first/true", "no", mode: 0o644)
            try $0.edit("process", ["args": ["true"], "env": ["PATH=/first:/bin"]])
        },
        Change("a working directory that will be made") {
            try $0.edit("process", ["cwd": "/new/one"])
        },
        Change("a user namespace") { try userNamespace($0) },
    ]

    static let bad: [Change] = [
        Change("no such program in PATH", ["process.args", "not found in $PATH", "/bin"]) {
            try $0.edit("process", ["args": ["nothing"]])
        },
        Change("no such program at a path", ["/bin/nothing", "ENOENT"]) {
            try $0.edit("process", ["args": ["/bin/nothing"]])
        },
        Change("a directory as program", ["is a directory", "EACCES"]) {
            try $0.edit("process", ["args": ["/bin"]])
        },
        Change("a program without permission", ["no execute permission", "chmod"]) {
            try file($0, "bin/plain", "exit 0\n", mode: 0o644)
            try $0.edit("process", ["args": ["/bin/plain"]])
        },
        Change("a program of root's alone", ["mode 0700", "user 1000", "EACCES"]) {
            try file($0, "bin/mine", "#!/bin/sh\n", mode: 0o700)
            try $0.edit("process", ["args": ["mine"], "user": ["uid": 1000, "gid": 1000]])
        },
        Change("an empty program", ["neither an ELF program", "ENOEXEC"]) {
            try file($0, "bin/empty", "")
            try $0.edit("process", ["args": ["empty"]])
        },
        Change("a script whose interpreter is missing", ["/bin/python", "#! line"]) {
            try file($0, "bin/script", "#!/bin/python\n")
            try $0.edit("process", ["args": ["script"]])
        },
        Change("a script with Windows line ends", ["carriage return"]) {
            try file($0, "bin/script", "#!/bin/sh\r\nexit 0\r\n")
            try $0.edit("process", ["args": ["script"]])
        },
        Change("a program that is loaded by what is not there", ["ELF interpreter"]) {
            try copyProgram("/usr/bin/env", to: "\($0.bundle)/rootfs/bin/env")
            try $0.edit("process", ["args": ["env"]])
        },
        Change("a program on a noexec mount", ["noexec"]) {
            try mount($0, "/tools", "bind", hostDirectory($0), ["bind", "noexec"])
            try $0.edit("process", ["args": ["/tools/true"]])
        },
        Change("a mount source that is missing", ["mounts[2].source", "ENOENT"]) {
            try mount($0, "/tmp", "bind", "/nonexistent", ["bind"])
        },
        Change("a directory bound on a file", ["mounts[2].destination", "ENOTDIR"]) {
            try file($0, "etc/file", "")
            try mount($0, "/etc/file", "bind", "/usr", ["rbind"])
        },
        Change("a file bound on a directory", ["mounts[2].destination", "ENOTDIR"]) {
            try mount($0, "/etc", "bind", "/usr/bin/env", ["bind"])
        },
        Change("a mount below a file", ["mounts[2].destination", "ENOTDIR"]) {
            try mount($0, "/bin/busybox/x", "tmpfs", "tmpfs")
        },
        Change("a working directory that is a file", ["process.cwd", "ENOTDIR"]) {
            try $0.edit("process", ["cwd": "/bin/true"])
        },
        Change("a user that is not mapped", ["process.user.uid", "user 11"]) {
            try userNamespace($0)
            try $0.edit("process", ["user": ["uid": 11, "gid": 0]])
        },
        Change("a group that is not mapped", ["process.user.additionalGids[1]", "group 10"]) {
            try userNamespace($0)
            try $0.edit(
                "process", ["user": ["uid": 0, "gid": 0, "additionalGids": [9, 10]]])
        },
        Change("sysfs of the host's network in a user namespace", ["mounts[2]", "sysfs"]) {
            try mount($0, "/sys", "sysfs", "sysfs")
            try userNamespace($0, without: ["network"])
        },
        Change("something else where a device should be", ["linux.devices[0].path"]) {
            let device: [String: Any] = ["path": "/bin/true", "type": "c", "major": 1, "minor": 3]
            try $0.edit("linux", ["devices": [device]])
        },
        Change("a parameter of the host's", ["linux.sysctl", "kernel.panic", "host"]) {
            try $0.edit("linux", ["sysctl": ["kernel.panic": "1"]])
        },
        Change("a namespace's file that is missing", ["linux.namespaces[5].path", "ENOENT"]) {
            try namespaces($0, [["type": "cgroup", "path": "/nonexistent"]])
        },
        Change("a namespace's file of another kind", ["linux.namespaces[5].path", "cgroup"]) {
            try namespaces($0, [["type": "cgroup", "path": "/proc/self/ns/uts"]])
        },
        Change("a root filesystem that is missing", ["root.path", "ENOENT"]) {
            try $0.edit("root", ["path": "nothing"])
        },
        Change("a root filesystem that is a link", ["root.path", "symbolic link"]) {
            try FileManager.default.createSymbolicLink(
                atPath: "\($0.bundle)/link", withDestinationPath: "rootfs")
            try $0.edit("root", ["path": "link"])
        },
        Change("a version from the future", ["ociVersion", "config.md#specification-version"]) {
            try $0.edit(nil, ["ociVersion": "2.0.0"])
        },
        Change("no config.json", ["config.json", "ENOENT"]) {
            try FileManager.default.removeItem(atPath: $0.configurationPath)
        },
    ]

    @Test(arguments: good)
    func `passes what runs`(change: Change) async throws {
        try await ContainerFixture.with { fixture in
            try fixture.edit("process", ["args": ["true"]])
            try change.change(fixture)
            let outcome = try fixture.martlet("check", "--bundle", fixture.bundle)
            #expect(outcome.code == 0, "\(outcome.output)")
            #expect(outcome.errors == "")
            #expect(outcome.output.contains("nothing was found that would fail"))
            let run = try fixture.martlet("run", "--bundle", fixture.bundle, fixture.id)
            #expect(run.code == 0, "\(run.errors)")
        }
    }

    @Test(arguments: bad)
    func `says what would fail, once, and it does`(change: Change) async throws {
        try await ContainerFixture.with { fixture in
            try fixture.edit("process", ["args": ["true"]])
            try change.change(fixture)
            let outcome = try fixture.martlet("check", "--bundle", fixture.bundle)
            #expect(outcome.code == 1)
            #expect(outcome.errors == "")
            let lines = outcome.output.split(separator: "\n").filter { $0.hasPrefix("fails: ") }
            #expect(lines.count == 1, "\(outcome.output)")
            for word in change.words { #expect(outcome.output.contains(word), "\(lines)") }
            #expect(outcome.output.contains("\(fixture.bundle): 1 thing would fail"))
            let run = try fixture.martlet("run", "--bundle", fixture.bundle, fixture.id)
            #expect(run.code != 0 && run.code < 128)
        }
    }

    @Test func `goes on after the first, and has all in one JSON object`() async throws {
        try await ContainerFixture.with { fixture in
            try fixture.edit("process", ["args": ["nothing"], "cwd": "/bin/true"])
            try Self.mount(fixture, "/tmp", "bind", "/nonexistent", ["bind"])
            let outcome = try fixture.martlet("check", "--json", "--bundle", fixture.bundle)
            #expect(outcome.code == 1)
            let object = try #require(
                JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any])
            #expect(object["good"] as? Bool == false)
            #expect(object["bundle"] as? String == fixture.bundle)
            let findings = try #require(object["findings"] as? [[String: String]])
            #expect(
                Set(findings.compactMap { $0["path"] })
                    == ["mounts[2].source", "process.cwd", "process.args"])
            #expect(findings.allSatisfy { $0["severity"] == "failure" && $0["kind"] == "host" })
        }
    }

    @Test func `has every violation of the specification, in parts`() async throws {
        try await ContainerFixture.with { fixture in
            try fixture.edit("process", ["args": [Any](), "cwd": "x"])
            let outcome = try fixture.martlet("check", "--json", "--bundle", fixture.bundle)
            #expect(outcome.code == 1)
            let object = try #require(
                JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any])
            let findings = try #require(object["findings"] as? [[String: String]])
            #expect(findings.map { $0["path"] } == ["process.cwd", "process.args"])
            #expect(findings[0]["expected"] == "an absolute path")
            #expect(findings[0]["found"] == "a string (\"x\")")
            #expect(findings.allSatisfy { $0["section"] == "config.md#process" })
        }
    }

    @Test func `says what cannot be told, and fails for nothing`() async throws {
        try await ContainerFixture.with { fixture in
            try Self.mount(fixture, "/tools", "tmpfs", "tmpfs")
            try fixture.edit("process", ["args": ["/tools/x"], "user": ["uid": 7, "gid": 7]])
            try Self.file(fixture, "etc/passwd", "root:x:0:0::/:/bin/sh\n", mode: 0o644)
            let outcome = try fixture.martlet("check", "--bundle", fixture.bundle)
            #expect(outcome.code == 0)
            #expect(outcome.output.contains("note:  process.args: exec \"/tools/x\""))
            #expect(outcome.output.contains("note:  process.user.uid: user 7 has no entry"))
        }
    }

    @Test func `changes nothing`() async throws {
        try await ContainerFixture.with { fixture in
            try fixture.edit(
                "linux", ["resources": ["pids": ["limit": 10]], "cgroupsPath": "/\(fixture.id)"])
            try fixture.edit("process", ["cwd": "/new"])
            try Self.mount(fixture, "/made", "tmpfs", "tmpfs")
            func snapshot() throws -> [String] {
                let listing = try Command(
                    [
                        "/usr/bin/find", fixture.bundle, "-printf", "%p %m %U:%G %T@ %C@\n",
                    ], in: fixture.directory
                ).wait()
                let groups = try Command(
                    ["/usr/bin/find", "/sys/fs/cgroup", "-name", "*\(fixture.id)*"],
                    in: fixture.directory
                ).wait()
                return [listing.output, groups.output]
            }
            let before = try snapshot()
            _ = try fixture.martlet("check", "--bundle", fixture.bundle)
            #expect(try snapshot() == before)
            #expect(!FileManager.default.fileExists(atPath: fixture.state))
        }
    }
}
