// SPDX-License-Identifier: Apache-2.0

import Foundation
import Requirements
import Testing

/// A bundle, a state directory and an id of a test's own. When the test ends, everything is taken
/// back in reverse order, and nothing may be left.
struct ContainerFixture {
    let id: String
    /// Everything of this test lies below.
    let directory: String
    var bundle: String { "\(directory)/bundle" }
    var state: String { "\(directory)/state" }
    var configurationPath: String { "\(bundle)/config.json" }

    /// Runs a test.
    static func with(_ body: (ContainerFixture) async throws -> Void) async throws {
        let unique = UUID().uuidString.prefix(8).lowercased()
        let fixture = ContainerFixture(
            id: "it-\(unique)", directory: "/tmp/martlet-it-\(unique)")
        try fixture.makeBundle(fixture.bundle)
        do {
            try await body(fixture)
        } catch {
            Issue.record("\(error)")
        }
        try fixture.clean()
    }

    // MARK: The bundle

    private static let programs = [
        "sh", "true", "false", "sleep", "cat", "ls", "echo", "kill", "readlink", "id", "test",
    ]

    func makeBundle(_ path: String) throws {
        let manager = FileManager.default
        for name in ["bin", "dev", "etc", "proc", "sys", "tmp", "run"] {
            try manager.createDirectory(
                atPath: "\(path)/rootfs/\(name)", withIntermediateDirectories: true)
        }
        for place in [directory, path, "\(path)/rootfs"] {
            try manager.setAttributes([.posixPermissions: 0o755], ofItemAtPath: place)
        }
        try copyProgram("/bin/busybox", to: "\(path)/rootfs/bin/busybox")
        for name in Self.programs {
            try manager.createSymbolicLink(
                atPath: "\(path)/rootfs/bin/\(name)", withDestinationPath: "busybox")
        }
        try write(Self.base, to: "\(path)/config.json")
    }

    static var base: [String: Any] {
        [
            "ociVersion": "1.2.0",
            "root": ["path": "rootfs"],
            "process": [
                "user": ["uid": 0, "gid": 0], "args": ["sleep", "1000"], "cwd": "/",
                "env": ["PATH=/bin"],
            ] as [String: Any],
            "mounts": [
                ["destination": "/proc", "type": "proc", "source": "proc"],
                ["destination": "/dev", "type": "tmpfs", "source": "tmpfs"],
            ],
            "linux": [
                "namespaces": ["pid", "network", "ipc", "uts", "mount"].map { ["type": $0] }
            ],
        ]
    }

    private func write(_ configuration: [String: Any], to path: String) throws {
        try JSONSerialization.data(withJSONObject: configuration)
            .write(to: URL(fileURLWithPath: path))
    }

    /// Changes one object of the configuration, such as `process`; nil for the outermost.
    func edit(_ name: String? = nil, _ changes: [String: Any]) throws {
        let data = try Data(contentsOf: URL(fileURLWithPath: configurationPath))
        guard var all = try JSONSerialization.jsonObject(with: data) as? [String: Any] else {
            return
        }
        if let name {
            var part = all[name] as? [String: Any] ?? [:]
            part.merge(changes) { $1 }
            all[name] = part
        } else {
            all.merge(changes) { $1 }
        }
        try write(all, to: configurationPath)
    }

    /// What the container runs.
    func script(_ text: String) throws { try edit("process", ["args": ["sh", "-c", text]]) }

    // MARK: The runtime

    /// Starts the runtime on the state directory of this test.
    func begin(_ words: String..., environment: [String: String] = [:]) throws -> Command {
        try Command(
            [Command.runtime, "--root", state] + words, environment: environment, in: directory)
    }

    /// The same to the end.
    @discardableResult
    func martlet(_ words: String...) throws -> Command.Outcome {
        try Command([Command.runtime, "--root", state] + words, in: directory).wait()
    }

    func create(_ id: String? = nil) throws -> Command.Outcome {
        try martlet("create", "--bundle", bundle, id ?? self.id)
    }

    /// The status that `state` tells; nil when it fails.
    func status(_ id: String? = nil) throws -> String? {
        let outcome = try martlet("state", id ?? self.id)
        guard outcome.code == 0 else { return nil }
        let object = try JSONSerialization.jsonObject(with: Data(outcome.output.utf8))
        return (object as? [String: Any])?["status"] as? String
    }

    /// Waits for a status.
    func await(_ wanted: String, _ id: String? = nil) throws -> Bool {
        for _ in 0..<500 {
            if try status(id) == wanted { return true }
            usleep(10_000)
        }
        return false
    }

    // MARK: The end

    /// What of this test is on the machine: containers, processes, mounts.
    func leftovers() throws -> [String] {
        let manager = FileManager.default
        var left = ((try? manager.contentsOfDirectory(atPath: state)) ?? []).map { "state \($0)" }
        for pid in try manager.contentsOfDirectory(atPath: "/proc") where Int32(pid) != nil {
            // A container's process shows its root filesystem's place in the mounts, or is a
            // runtime whose command line names the state directory.
            let mounts =
                (try? String(contentsOfFile: "/proc/\(pid)/mountinfo", encoding: .utf8)) ?? ""
            let command =
                (try? String(contentsOfFile: "/proc/\(pid)/cmdline", encoding: .utf8)) ?? ""
            if mounts.contains(directory) || command.contains(directory) {
                left.append("process \(pid) (\(command))")
            }
        }
        return left
    }

    /// The same once processes that are ending have ended.
    func lastingLeftovers() throws -> [String] {
        var left = try leftovers()
        for _ in 0..<100 where !left.isEmpty {
            usleep(20_000)
            left = try leftovers()
        }
        return left
    }

    private func clean() throws {
        let ids = (try? FileManager.default.contentsOfDirectory(atPath: state)) ?? []
        for id in ids.sorted().reversed() { try martlet("delete", "--force", id) }
        let left = try lastingLeftovers()
        #expect(left == [])
        try FileManager.default.removeItem(atPath: directory)
    }
}
