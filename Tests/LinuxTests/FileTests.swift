// SPDX-License-Identifier: Apache-2.0

import Linux
import Requirements
import Testing

@Suite struct `A path` {
    @Test(arguments: ["/a", "/a/b.c", "/.a/..b/a..", "/.../....", "/a/b/c/d"])
    func `of names alone is plain`(path: String) { #expect(isPlainPath(path)) }

    @Test(arguments: [
        "", "a", "./a", "/", "//", "/.", "/..", "/a/", "/a//b", "/a/.", "/a/..", "/./a", "/../a",
        "/a/./b", "/a/../b", "//a",
    ])
    func `of anything else is not`(path: String) { #expect(!isPlainPath(path)) }
}

@Suite struct `Opening` {
    /// A root with links that lead out of it, and a decoy outside.
    private func withTree(_ body: (_ path: String, _ root: CInt) throws -> Void) async throws {
        try await withTemporaryDirectory { path in
            try File.makeDirectory("\(path)/root", permissions: 0o755)
            try File.makeDirectory("\(path)/root/etc", permissions: 0o755)
            try writeFile("\(path)/root/etc/name", "inside")
            try writeFile("\(path)/root/decoy", "inside")
            try writeFile("\(path)/decoy", "outside")
            let root = try File.open("\(path)/root", .realDirectory)
            for (name, target) in [
                ("absolute", "/etc/name"), ("up", "../../../../etc/name"), ("above", "../decoy"),
                ("within", "etc/name"), ("loop", "loop"), ("out", path + "/decoy"),
            ] {
                try File.makeSymbolicLink(name, at: root.number, to: target)
            }
            try body(path, root.number)
        }
    }

    @Test(arguments: ["absolute", "up", "above", "within", "../decoy", "/../../decoy", "/etc/name"])
    func `inside a root keeps links and ".." inside`(name: String) async throws {
        try await withTree { _, root in
            let file = try File.open(name, at: root, .readOnly, resolving: .insideRoot)
            #expect(try File.readAll(file, limit: 10) == Array("inside".utf8))
        }
    }

    @Test func `inside a root does not find what is only outside`() async throws {
        try await withTree { _, root in
            let error = failure { () throws(SystemCallError) in
                try File.open("out", at: root, .readOnly, resolving: .inRoot)
            }
            #expect(error?.errno == .noEntry)
        }
    }

    @Test(arguments: ["absolute", "up", "above", "../decoy", "/etc/name"])
    func `beneath a directory refuses what leads out`(name: String) async throws {
        try await withTree { _, root in
            let error = failure { () throws(SystemCallError) in
                try File.open(name, at: root, .readOnly, resolving: .beneath)
            }
            #expect(error?.errno == .crossDevice)
        }
    }

    @Test func `beneath a directory follows links that stay there`() async throws {
        try await withTree { _, root in
            let file = try File.open("within", at: root, .readOnly, resolving: .beneath)
            #expect(try File.readAll(file, limit: 10) == Array("inside".utf8))
        }
    }

    @Test(arguments: ["within", "absolute", "loop"])
    func `without links refuses every link`(name: String) async throws {
        try await withTree { _, root in
            let error = failure { () throws(SystemCallError) in
                try File.open(name, at: root, .readOnly, resolving: .insideRootWithoutLinks)
            }
            #expect(error?.errno == .symbolicLinkLoop)
        }
    }

    @Test(arguments: ["proc/self/exe", "proc/self/root/etc", "proc/self/cwd"])
    func `refuses magic links`(path: String) throws {
        let root = try File.open("/", .directoryPath)
        let error = failure { () throws(SystemCallError) in
            try File.open(path, at: root.number, .pathOnly, resolving: [.inRoot, .noMagicLinks])
        }
        #expect(error?.errno == .symbolicLinkLoop)
    }

    @Test func `does not cross into another mount if asked not to`() throws {
        let root = try File.open("/", .directoryPath)
        let error = failure { () throws(SystemCallError) in
            try File.open(
                "proc/version", at: root.number, .readOnly, resolving: [.beneath, .noMountCrossing])
        }
        #expect(error?.errno == .crossDevice)
    }

    @Test func `a fifo at once does not wait for its writer`() async throws {
        try await withTemporaryDirectory { path in
            let directory = try File.open(path, .realDirectory)
            try File.makeNode("fifo", at: directory.number, type: .fifo, permissions: 0o600)
            let file = try File.open("fifo", at: directory.number, .readOnlyAtOnce)
            #expect(try File.status(of: file).type == .fifo)
        }
    }
}

@Suite struct `Replacing a file` {
    private func withFile(_ body: (_ path: String, _ directory: CInt) throws -> Void) async throws {
        try await withTemporaryDirectory { path in
            try writeFile("\(path)/file", "old")
            let directory = try File.open(path, .realDirectory)
            try body(path, directory.number)
        }
    }

    @Test(arguments: [0, 1, 100_000]) func `leaves the new bytes and nothing else`(
        size: Int
    ) async throws {
        let bytes = [UInt8](repeating: 0x41, count: size)
        try await withFile { path, directory in
            try File.replace("file", at: directory, with: bytes, permissions: 0o640)
            #expect(try File.readAll("file", at: directory) == bytes)
            #expect(try File.status(of: "file", at: directory).permissions & 0o137 == 0)
            #expect(try names(in: path) == ["file"])
        }
    }

    @Test func `makes one that was not there`() async throws {
        try await withFile { path, directory in
            try File.replace("new", at: directory, with: [0x42], permissions: 0o600)
            #expect(contents("\(path)/new") == "B")
        }
    }

    @Test func `puts another file there: who has the old one open keeps it`() async throws {
        try await withFile { path, directory in
            let old = try File.open("file", at: directory, .readOnly)
            try File.replace("file", at: directory, with: [0x42], permissions: 0o600)
            #expect(try File.readAll(old, limit: 10) == Array("old".utf8))
            #expect(try File.status(of: old).links == 0)
            #expect(contents("\(path)/file") == "B")
        }
    }

    @Test(arguments: ["target", "/nowhere/else", "file"])
    func `takes the place of a link, and follows none`(target: String) async throws {
        try await withFile { path, directory in
            try writeFile("\(path)/target", "kept")
            try File.makeSymbolicLink("link", at: directory, to: target)
            try File.replace("link", at: directory, with: [0x42], permissions: 0o600)
            let status = try File.status(of: "link", at: directory, followingLink: false)
            #expect(status.type == .regular)
            #expect(contents("\(path)/target") == "kept")
            #expect(contents("\(path)/file") == "old")
        }
    }

    @Test func `does not write through a link that waits at the temporary name`() async throws {
        try await withFile { path, directory in
            try writeFile("\(path)/victim", "kept")
            let temporary = ".file.\(Process.id)"
            try File.makeSymbolicLink(temporary, at: directory, to: "victim")
            try File.replace("file", at: directory, with: [0x42], permissions: 0o600)
            #expect(contents("\(path)/victim") == "kept")
            #expect(contents("\(path)/file") == "B")
            #expect(try names(in: path) == ["file", "victim"])
        }
    }

    @Test func `by a path makes the temporary file beside it`() async throws {
        try await withFile { path, _ in
            try File.replace(
                "\(path)/file", at: Directory.current, with: [0x42], permissions: 0o600)
            #expect(contents("\(path)/file") == "B")
            #expect(try names(in: path) == ["file"])
        }
    }

    @Test func `that is a directory fails and leaves nothing`() async throws {
        try await withFile { path, directory in
            try File.makeDirectory("there", at: directory, permissions: 0o755)
            let error = failure { () throws(SystemCallError) in
                try File.replace("there", at: directory, with: [0x42], permissions: 0o600)
            }
            #expect(error == SystemCallError("rename", "there", .isDirectory))
            #expect(try names(in: path) == ["file", "there"])
        }
    }

    @Test(.requiresRoot) func `in a directory that cannot be written to leaves the old one`()
        async throws
    {
        try await withFile { path, directory in
            try File.changePermissions(path, at: Directory.current, to: 0o755)
            await #expect(processExitsWith: .success) { [path = path as String] in
                let directory = try File.open(path, .realDirectory)
                try Credentials.setUserID(65534)
                let error = failure { () throws(SystemCallError) in
                    try File.replace("file", at: directory.number, with: [1], permissions: 0o600)
                }
                #expect(error == SystemCallError("open", "file", .accessDenied))
            }
            #expect(contents("\(path)/file") == "old")
            #expect(try names(in: path) == ["file"])
        }
    }

    private func withFile(
        _ body: (_ path: String, _ directory: CInt) async throws -> Void
    ) async throws {
        try await withTemporaryDirectory { path in
            try writeFile("\(path)/file", "old")
            let directory = try File.open(path, .realDirectory)
            try await body(path, directory.number)
        }
    }
}

@Suite struct `Files` {
    @Test func `are made only where there is none`() async throws {
        try await withTemporaryDirectory { path in
            let directory = try File.open(path, .realDirectory)
            try File.make("file", at: directory.number, with: [0x41], permissions: 0o600)
            for name in ["file", "link", "directory"] {
                if name == "link" {
                    try File.makeSymbolicLink(name, at: directory.number, to: "nowhere")
                } else if name == "directory" {
                    try File.makeDirectory(name, at: directory.number, permissions: 0o700)
                }
                let error = failure { () throws(SystemCallError) in
                    try File.make(name, at: directory.number, with: [0x42], permissions: 0o600)
                }
                #expect(error == SystemCallError("open", name, .exists))
            }
            #expect(contents("\(path)/file") == "A")
            #expect(try names(in: path) == ["directory", "file", "link"])
        }
    }

    @Test func `of a directory are named, without "." and ".."`() async throws {
        try await withTemporaryDirectory { path in
            let directory = try File.open(path, .realDirectory)
            #expect(try File.names(in: directory) == [])
            let expected = (0..<300).map { "name \($0)" } + [".hidden", "é", "a\nb"]
            for name in expected {
                try File.make(name, at: directory.number, with: [], permissions: 0o600)
            }
            #expect(try File.names(in: directory).sorted() == expected.sorted())
            // A second look begins at the beginning.
            #expect(try File.names(in: directory).count == expected.count)
        }
    }

    @Test(arguments: [0, 1, 511, 512, 513, 65535, 65536, 65537, 300_000])
    func `are read up to a limit and no further`(size: Int) async throws {
        try await withTemporaryDirectory { path in
            let directory = try File.open(path, .realDirectory)
            let bytes = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31) }
            try File.make("file", at: directory.number, with: bytes, permissions: 0o600)
            #expect(try File.readAll("file", at: directory.number, limit: size) == bytes)
            guard size > 0 else { return }
            let error = failure { () throws(SystemCallError) in
                try File.readAll("file", at: directory.number, limit: size - 1)
            }
            #expect(error == SystemCallError("read", "file", .fileTooBig))
        }
    }

    @Test func `without a size, as procfs has them, are read whole`() throws {
        #expect(try File.readText("/proc/self/status").contains("VmRSS"))
        let error = failure { () throws(SystemCallError) in
            try File.readText("/proc/self/status", limit: 16)
        }
        #expect(error?.errno == .fileTooBig)
    }

    @Test(.timeLimit(.minutes(1)))
    func `are locked against every other descriptor`() async throws {
        try await withTemporaryDirectory { path in
            let first = try File.open(path, .realDirectory)
            let second = try File.open(path, .realDirectory)
            #expect(try File.lock(first, waiting: false))
            #expect(try File.lock(first, waiting: false))
            #expect(try !File.lock(second, waiting: false))
            #expect(try !File.lock(second, exclusively: false, waiting: false))
            #expect(try File.lockHolders(second) == [Linux.Process.id])
            let copy = try first.duplicate()
            #expect(try File.lock(copy, waiting: false))
            try first.close()
            // The lock belongs to the open file, not to the number.
            #expect(try !File.lock(second, waiting: false))
            try copy.close()
            // Children that other tests have made meanwhile have it, too, until they end.
            #expect(try File.lock(second, waiting: true))
        }
    }

    @Test func `shared can be locked by several`() async throws {
        try await withTemporaryDirectory { path in
            let first = try File.open(path, .realDirectory)
            let second = try File.open(path, .realDirectory)
            #expect(try File.lock(first, exclusively: false, waiting: false))
            #expect(try File.lock(second, exclusively: false, waiting: false))
            #expect(try !File.lock(second, waiting: false))
        }
    }

    @Test(arguments: ["x", "../x", String(repeating: "y", count: 4095)])
    func `that are links say where they lead`(target: String) async throws {
        try await withTemporaryDirectory { path in
            let directory = try File.open(path, .realDirectory)
            try File.makeSymbolicLink("link", at: directory.number, to: target)
            #expect(try File.readSymbolicLink("link", at: directory.number) == target)
            let link = try File.open("link", at: directory.number, .realPath)
            #expect(try File.readSymbolicLink("", at: link.number) == target)
        }
    }

    @Test func `take a kernel's value in one piece`() async throws {
        try await withTemporaryDirectory { path in
            try writeFile("\(path)/file", "")
            try File.write("abc", toExisting: "\(path)/file")
            #expect(contents("\(path)/file") == "abc")
            let error = failure { () throws(SystemCallError) in
                try File.write("abc", toExisting: "\(path)/missing")
            }
            #expect(error?.errno == .noEntry)
        }
    }

    @Test func `know their filesystem`() throws {
        let proc = try File.fileSystem(of: File.open("/proc", .directoryPath))
        #expect(proc.isProc && proc.isKernelInterface && !proc.isReadOnly)
        let namespace = try File.open("/proc/self/ns/mnt", .readOnly)
        #expect(try File.fileSystem(of: namespace).isNamespace)
        #expect(try Process.kind(ofNamespace: namespace) == .mount)
        let terminals = try File.fileSystem(of: File.open("/dev/pts", .directoryPath))
        #expect(terminals.isDevpts)
    }
}
