// SPDX-License-Identifier: Apache-2.0

import JSON
import Linux
import OCI
import Testing

@testable import Containers

@Suite struct `A container's record` {
    @Test func `is itself again when it is read`() throws {
        var record = Samples.record
        #expect(try ContainerRecord(bytes: record.bytes) == record)
        record.phase = .created
        record.pid = .max
        record.startTime = UInt64(Int64.max)
        record.hasProcess = false
        record.ownsPidNamespace = false
        record.memoryKillsBefore = 4
        record.annotations = [:]
        var join = JoinRecord()
        join.namespaces = Namespace.Kind.allCases
        record.join = join
        #expect(try ContainerRecord(bytes: record.bytes) == record)
        join.namespaces = [.pid]
        join.hasDetachedRoot = true
        join.keyring = "_ses.c1.0"
        join.filter = FilterRecord(key: "00ff", flags: [.log, .listener])
        record.join = join
        #expect(try ContainerRecord(bytes: record.bytes) == record)
    }

    @Test(arguments: [
        "{\"namespaces\":[\"pid\"]}", "{\"namespaces\":[]}", "{}",
        "{\"namespaces\":[\"mount\",\"mnt\"]}", "{\"namespaces\":[\"mount\"],\"filter\":{}}",
    ])
    func `never puts exec into the host's root filesystem`(join: String) throws {
        let text = String(decoding: Samples.record.bytes, as: UTF8.self)
        let changed = "\(text.dropLast()),\"join\":\(join)}"
        #expect(throws: JSONError.self) { try ContainerRecord(bytes: Array(changed.utf8)) }
    }

    @Test(arguments: [
        ("\"version\":1", "\"version\":2", ""), ("\"version\":1", "\"version\":\"1\"", "version"),
        ("\"version\":1,", "", "version"), ("creating", "finished", "phase"),
        ("\"id\":\"c1\"", "\"id\":7", "id"), ("\"pid\":0", "\"pid\":null", "pid"),
        ("\"pid\":0", "\"pid\":2147483648", "pid"), ("\"startTime\":0,", "", "startTime"),
        ("\"startTime\":0", "\"startTime\":-1", "startTime"),
        ("\"hasProcess\":true", "\"hasProcess\":1", "hasProcess"),
    ])
    func `of another form is refused, by its place`(
        old: String, new: String, path: String
    ) throws {
        let text = String(decoding: Samples.record.bytes, as: UTF8.self)
        #expect(text.contains(old))
        let changed = Array(text.replacing(old, with: new).utf8)
        do {
            _ = try ContainerRecord(bytes: changed)
            Issue.record("it was taken")
        } catch {
            #expect(error.path == path)
        }
    }

    @Test func `opens the process that it names`() throws {
        var record = Samples.record
        record.pid = Process.id
        record.startTime = try #require(try Process.startTime(of: Process.id))
        let isOpen = try record.openProcess() != nil
        #expect(isOpen)
        #expect(try record.isAlive())
    }

    @Test func `does not open a process that got its pid later`() throws {
        var record = Samples.record
        record.pid = Process.id
        record.startTime = try #require(try Process.startTime(of: Process.id)) - 1
        let isOpen = try record.openProcess() != nil
        #expect(!isOpen)
        #expect(try !record.isAlive())
    }

    @Test(arguments: [Int32(0), -1, 4_194_305, .max])
    func `opens no process where there is none`(pid: Int32) throws {
        var record = Samples.record
        record.pid = pid
        let isOpen = try record.openProcess() != nil
        #expect(!isOpen)
        #expect(try !record.isAlive())
    }
}

@Suite struct `The host's names of users` {
    @Test(arguments: [(UInt32(0), "root"), (4_000_000_000, "4000000000")])
    func `are numbers where there are none`(uid: UInt32, name: String) {
        #expect(UserDatabase.name(of: uid) == name)
    }

    @Test func `come from /etc/passwd`() throws {
        let lines = try File.readText("/etc/passwd").split(separator: "\n")
        let fields = lines.map {
            $0.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        }
        let other = try #require(fields.first { $0.count > 3 && $0[2] != "0" })
        #expect(UserDatabase.name(of: try #require(UInt32(other[2]))) == other[0])
    }
}

@Suite struct `A container's own users` {
    private let text = Array(
        """
        root:x:0:0:root:/root:/bin/sh
        1000:x:0:0:trap:/trap:/bin/sh
        short:x:1
        user:x:1000:100:user:/home/user:/bin/sh
        again:x:1000:100::/elsewhere:/bin/sh
        homeless:x:1001:100:::
        brief:x:1002:100
        last:x:1003:100::/home/last
        """.utf8)

    @Test(arguments: [
        (UInt32(0), "/root"), (1000, "/home/user"), (1001, nil), (1002, nil),
        (1003, "/home/last"), (1, nil), (4_294_967_295, nil),
    ])
    func `have the home directory of the first line with their number`(uid: UInt32, home: String?) {
        #expect(UserDatabase.home(of: uid, in: text) == home)
    }

    @Test func `have none in what is no passwd file`() {
        for text in [[], [0x0a], Array("\u{0}:\u{0}:0".utf8), [0xff, 0x3a, 0x3a, 0x30, 0x3a]] {
            #expect(UserDatabase.home(of: 0, in: text) == nil)
        }
    }

    @Test func `are looked for inside the root, in a regular file, at its beginning`() async throws
    {
        try await withTemporaryDirectory { path in
            let root = RootDirectory(SharedDescriptor(try File.open(path, .directoryPath)))
            #expect(UserDatabase.home(of: 0, in: root) == nil)
            try File.makeDirectory("etc", at: root.holder.number, permissions: 0o755)
            let inside = "\(path)/etc/passwd"
            // The host's file, were it followed.
            try File.makeSymbolicLink("etc/passwd", at: root.holder.number, to: "../../../etc/own")
            #expect(UserDatabase.home(of: 0, in: root) == nil)
            let line = "root:x:0:0::/found:\n"
            try File.make(
                "etc/own", at: root.holder.number, with: Array(line.utf8), permissions: 0o644)
            #expect(UserDatabase.home(of: 0, in: root) == "/found")
            try File.remove(inside)
            let long = Array(repeating: UInt8(ascii: "#"), count: 1 << 20)
            try File.make(
                "etc/passwd", at: root.holder.number, with: Array("\(line)\n".utf8) + long,
                permissions: 0o644)
            #expect(UserDatabase.home(of: 0, in: root) == "/found")
            try File.remove(inside)
            try File.make(
                "etc/passwd", at: root.holder.number, with: long + Array("\n\(line)".utf8),
                permissions: 0o644)
            #expect(UserDatabase.home(of: 0, in: root) == nil)
        }
    }
}

@Suite struct `Readiness` {
    @Test func `is passed on alone, with the container's pid`() async throws {
        try await withTemporaryDirectory { path in
            let directory = try File.open(path, .realDirectory)
            let manager = SharedDescriptor(
                try Socket.listen(.datagram, at: "manager", in: directory.number))
            let socket = try Socket.listen(.datagram, at: "container", in: directory.number)
            let container = try Socket.connect(
                .datagram, to: "container", at: directory.number)
            for text in [
                "STATUS=hello", "MAINPID=1", "READY=10", "XREADY=1", "READY=1\nSTOPPING=1",
            ] {
                try Socket.send(Array(text.utf8), to: container.number)
            }
            let received = Task.detached { () throws -> [String] in
                try (0..<3).map { _ in
                    // The descriptor of the barrier is closed here, which ends the wait.
                    let message = try Socket.receive(from: manager.number, limit: 4096)
                    return String(decoding: message.bytes, as: UTF8.self)
                }
            }
            let own = try Process.descriptor(of: Process.id)
            try NotifySocket.relay(
                from: socket, to: "\(path)/manager", pid: 42, process: own)
            let texts = try await received.value
            #expect(texts == ["READY=1\n", "MAINPID=42\n", "BARRIER=1"])
        }
    }

    @Test func `is not waited for once the process has ended`() async throws {
        try await withTemporaryDirectory { path in
            await #expect(processExitsWith: .success) { [path = path as String] in
                let directory = try File.open(path, .realDirectory)
                let socket = try Socket.listen(.datagram, at: "container", in: directory.number)
                switch try Process.clone([]) {
                case .child: Process.exitNow(0)
                case .parent(_, let pidfd):
                    try NotifySocket.relay(from: socket, to: "/nowhere", pid: 42, process: pidfd)
                }
            }
        }
    }
}
