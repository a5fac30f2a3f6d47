// SPDX-License-Identifier: Apache-2.0

import Linux
import Testing

@testable import Containers

@Suite struct `The root directory` {
    /// A root filesystem with links of all kinds, beside which nothing may change.
    private func withRoot(_ body: (_ root: RootDirectory, _ path: String) throws -> Void)
        async throws
    {
        try await withTemporaryDirectory { path in
            try writeFile("\(path)/outside/secret", "outside")
            try writeFile("\(path)/root/etc/name", "inside")
            try makeDirectory("\(path)/root/a/b")
            for (name, target) in [
                ("absolute", "/etc"), ("up", "../../../../../../etc"), ("dangling", "/new/place"),
                ("a/dangling", "../made"), ("a/b/up", "../../../../other/place"),
                ("loop", "loop"), ("first", "second"), ("second", "first"),
                ("out", "\(path)/outside"), ("chain", "dangling/more"), ("a/back", "/a/b/.."),
            ] {
                try makeLink("\(path)/root/\(name)", to: target)
            }
            let before = try tree("\(path)/outside")
            let root = RootDirectory(
                SharedDescriptor(try File.open("\(path)/root", .realDirectory)))
            try body(root, "\(path)/root")
            #expect(try tree("\(path)/outside") == before)
            #expect(try tree(path).filter { !$0.contains("/") } == ["outside", "root"])
        }
    }

    @Test(
        arguments: [
            ("", []), ("/", []), (".", []), ("..", []), ("/../..", []), ("a", ["a"]),
            ("/a/", ["a"]),
            ("//a//b", ["a", "b"]), ("a/./b", ["a", "b"]), ("a/../b", ["b"]), ("../a", ["a"]),
            ("a/..", []), ("a/b/../../../c", ["c"]), ("...", ["..."]), ("a b/é", ["a b", "é"]),
        ] as [(String, [String])])
    func `takes paths apart`(path: String, names: [String]) {
        #expect(RootDirectory.components(of: path) == names)
    }

    @Test(arguments: [
        "etc/name", "/etc/name", "absolute/name", "up/name", "../etc/name", "a/b/../../etc/name",
        "/../../../etc/name", "a/back/../etc/name",
    ])
    func `opens what is inside, whatever the path says`(path: String) async throws {
        try await withRoot { root, _ in
            let file = try root.open(path, .readOnly)
            #expect(try File.readAll(file, limit: 10) == Array("inside".utf8))
        }
    }

    @Test(arguments: [
        ("out/secret", Errno.noEntry), ("loop", .symbolicLinkLoop), ("first", .symbolicLinkLoop),
        ("dangling", .noEntry), ("missing", .noEntry), ("etc/name/x", .notDirectory),
    ])
    func `does not open what is not inside`(path: String, errno: Errno) async throws {
        try await withRoot { root, _ in
            let error = callFailure { () throws(SystemCallError) in try root.open(path) }
            #expect(error?.errno == errno)
        }
    }

    @Test func `without links opens none`() async throws {
        try await withRoot { root, _ in
            let error = callFailure { () throws(SystemCallError) in
                try root.open("absolute/name", followingLinks: false)
            }
            #expect(error?.errno == .symbolicLinkLoop)
        }
    }

    @Test(arguments: [
        ("x/y/z", "x/y/z"), ("/x", "x"), ("../../x", "x"), ("absolute/x", "etc/x"),
        ("up/x/y", "etc/x/y"), ("dangling", "new/place"), ("dangling/x", "new/place/x"),
        ("chain", "new/place/more"), ("a/dangling/x", "made/x"), ("a/b/up", "other/place"),
        ("a/back/dangling", "made"), ("a/b/../x", "a/x"), ("absolute/../x", "x"),
    ])
    func `makes what is missing, inside`(path: String, made: String) async throws {
        for kind in [RootDirectory.Kind.directory, .file] {
            try await withRoot { root, place in
                let target = try root.openMaking(path, kind)
                let status = try File.status(of: target)
                #expect(status.type == (kind == .file ? .regular : .directory))
                let there = try File.status(of: "\(place)/\(made)", followingLink: false)
                #expect(there.isSameFile(as: status))
            }
        }
    }

    @Test func `makes through a link that leads out a place of the same name inside`() async throws
    {
        try await withRoot { root, place in
            _ = try root.openMaking("out/secret", .file)
            let inner = "\(place)\(place.dropLast("/root".count))/outside/secret"
            #expect(try File.status(of: inner).size == 0)
        }
    }

    @Test(arguments: ["loop", "loop/x", "first/x"]) func `gives up on links in a circle`(
        path: String
    ) async throws {
        try await withRoot { root, place in
            let before = try tree(place)
            let error = callFailure { () throws(SystemCallError) in
                try root.openMaking(path, .directory)
            }
            #expect(error?.errno == .symbolicLinkLoop)
            #expect(try tree(place) == before)
        }
    }

    @Test func `leaves what is there`() async throws {
        try await withRoot { root, _ in
            let file = try root.openMaking("etc/name", .directory)
            #expect(try File.status(of: file).type == .regular)
            let error = callFailure { () throws(SystemCallError) in
                try root.openMaking("etc/name/x", .directory)
            }
            #expect(error?.errno == .notDirectory)
        }
    }

    @Test func `names the place of a file that is to be made`() async throws {
        try await withRoot { root, place in
            let parent = try root.openParent(of: "/dangling/dir/file")
            #expect(parent.name == "file")
            let there = try File.status(of: "\(place)/new/place/dir")
            #expect(try there.isSameFile(as: File.status(of: parent.directory)))
            let error = callFailure { () throws(SystemCallError) in try root.openParent(of: "/..") }
            #expect(error?.errno == .exists)
        }
    }

    @Test func `is made in by several at once`() async throws {
        try await withTemporaryDirectory { path in
            try makeDirectory("\(path)/root")
            let root = RootDirectory(
                SharedDescriptor(try File.open("\(path)/root", .realDirectory)))
            for round in 0..<100 {
                let names = "\(round)/b/c/d"
                let failures = await withTaskGroup(of: String?.self) { group in
                    for _ in 0..<4 {
                        group.addTask {
                            callFailure { () throws(SystemCallError) in
                                try root.openMaking(names, .directory)
                            }?.description
                        }
                    }
                    return await group.reduce(into: []) { $0.append($1) }
                }
                #expect(failures.allSatisfy { $0 == nil })
            }
            #expect(try tree("\(path)/root").count == 400)
        }
    }
}
