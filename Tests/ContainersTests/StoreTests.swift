// SPDX-License-Identifier: Apache-2.0

import Foundation
import Linux
import OCI
import Synchronization
import Requirements
import Testing

@testable import Containers

@Suite struct `A container's id` {
    @Test(arguments: [
        "a", "web", "A-1_b+c.d", "0", "-", "_", "+", "...", ".hidden", "-rf",
        String(repeating: "x", count: 255),
    ])
    func `may be`(text: String) throws {
        #expect(ContainerID(text)?.text == text)
        #expect(try "\(ContainerID.checked(text))" == text)
    }

    @Test(arguments: [
        "", ".", "..", "a/b", "/", "../x", "a b", "a\n", "a\u{0}", "é", "a:b", "a@b", "a~", "*",
        "a\\b", "%", String(repeating: "x", count: 256), "ａ", "\u{7f}",
    ])
    func `may not be`(text: String) {
        #expect(ContainerID(text) == nil)
        let error = failure { () throws(ContainerError) in try ContainerID.checked(text) }
        #expect(error?.kind == .invalidConfiguration)
        #expect(error?.reason.hasPrefix("invalid container ID format") == true)
    }
}

@Suite struct `The store` {
    private func id(_ text: String = "c1") throws -> ContainerID {
        try #require(ContainerID(text))
    }

    @Test func `gives an id to one`() async throws {
        try await withTemporaryDirectory { path in
            let store = Store(root: "\(path)/deep/er/root")
            let id = try id()
            let directory = try store.claim(id)
            #expect(directory.path == "\(path)/deep/er/root/c1")
            #expect(try File.status(of: directory.path).permissions == 0o700)
            #expect(try File.status(of: store.root).permissions == 0o700)
            let error = failure { () throws(ContainerError) in try store.claim(id) }
            #expect(error?.kind == .exists)
            #expect(error?.reason.hasPrefix("container with given ID already exists") == true)
            try directory.remove()
            #expect(try !directory.isLinked())
            #expect(try tree(store.root) == [])
            let again = try store.claim(id)
            #expect(try again.isLinked())
            #expect(try store.ids() == [id])
        }
    }

    @Test func `gives an id to exactly one of many at once`() async throws {
        try await withTemporaryDirectory { path in
            let store = Store(root: "\(path)/root")
            let id = try id()
            let kinds = await withTaskGroup(of: ContainerError.Kind?.self) { group in
                for _ in 0..<40 {
                    group.addTask {
                        failure { () throws(ContainerError) in try store.claim(id) }?.kind
                    }
                }
                return await group.reduce(into: []) { $0.append($1) }
            }
            #expect(kinds.filter { $0 == nil }.count == 1)
            #expect(kinds.filter { $0 == .exists }.count == 39)
        }
    }

    /// Whoever makes the directory may find it removed, and made again by another, before it is
    /// locked: then there are two who hold it to be theirs, one after the other.
    @Test func `gives an id to one although others remove it`() async throws {
        try await withTemporaryDirectory { path in
            let store = Store(root: "\(path)/root")
            let id = try id()
            let faults = Mutex(0)
            let group = DispatchGroup()
            // Threads, more than there are processors: they must be interrupted in between.
            for number in 0..<12 {
                group.enter()
                Thread {
                    let end = Clock.milliseconds + 1500
                    while Clock.milliseconds < end {
                        if number < 6 {
                            guard let directory = try? store.claim(id) else { continue }
                            let isFresh = (try? directory.record()) == .some(nil)
                            if !isFresh { faults.withLock { $0 += 1 } }
                            try? directory.write(Samples.record)
                        } else {
                            guard let directory = try? store.openLocked(id) else { continue }
                            try? directory.remove()
                        }
                    }
                    group.leave()
                }.start()
            }
            await withCheckedContinuation { done in
                group.notify(queue: .global()) { done.resume() }
            }
            #expect(faults.withLock { $0 } == 0)
        }
    }

    @Test func `knows no container where there is none`() async throws {
        try await withTemporaryDirectory { path in
            let id = try id()
            for root in ["\(path)/missing", path] {
                let store = Store(root: root)
                #expect(try store.ids() == [])
                for error in [
                    failure { () throws(ContainerError) in try store.open(id) },
                    failure { () throws(ContainerError) in try store.openLocked(id) },
                ] {
                    #expect(error?.kind == .notFound)
                    #expect(error?.reason == "container does not exist")
                }
            }
            // Asking makes nothing.
            #expect(try tree(path) == [])
        }
    }

    @Test(arguments: [0o777, 0o775, 0o757, 0o702, 0o720])
    func `is refused where others may write`(permissions: Int) async throws {
        try await withTemporaryDirectory { path in
            try makeDirectory("\(path)/root", permissions: permissions)
            let store = Store(root: "\(path)/root")
            let id = try id()
            for error in [
                failure { () throws(ContainerError) in try store.claim(id) },
                failure { () throws(ContainerError) in try store.ids() },
            ] {
                #expect(error?.kind == .failed)
                #expect(error?.reason.contains("\"\(path)/root\"") == true)
                #expect(error?.reason.contains("writable by no other") == true)
            }
            #expect(try tree("\(path)/root") == [])
        }
    }

    @Test(.requiresRoot, arguments: [UInt32(65534), 1])
    func `is refused where it belongs to someone else`(uid: UInt32) async throws {
        try await withTemporaryDirectory { path in
            try File.changeOwner(path, at: Directory.current, uid: uid, gid: 0)
            let store = Store(root: path)
            let id = try id()
            let error = failure { () throws(ContainerError) in try store.claim(id) }
            #expect(error?.kind == .failed)
        }
    }

    @Test func `is no link and no file`() async throws {
        try await withTemporaryDirectory { path in
            try makeDirectory("\(path)/real", permissions: 0o700)
            try makeLink("\(path)/link", to: "real")
            try writeFile("\(path)/file", "")
            let id = try id()
            for name in ["link", "file"] {
                let store = Store(root: "\(path)/\(name)")
                let error = failure { () throws(ContainerError) in try store.claim(id) }
                #expect(error?.kind == .failed, "\(name)")
            }
            #expect(try tree("\(path)/real") == [])
        }
    }

    @Test func `passes over what is no container`() async throws {
        try await withTemporaryDirectory { path in
            let store = Store(root: path)
            let container = try store.claim(try id("real"))
            try container.write(Samples.record)
            try writeFile("\(path)/file", "")
            try makeDirectory("\(path)/not an id")
            try makeDirectory("\(path)/empty", permissions: 0o700)
            try makeLink("\(path)/link", to: "real")
            for name in ["file", "link"] {
                let id = try id(name)
                let error = failure { () throws(ContainerError) in try store.open(id) }
                #expect(error?.kind == .notFound, "\(name)")
            }
            // One that is damaged is told, and does not hide the other.
            try makeDirectory("\(path)/damaged", permissions: 0o700)
            try writeFile("\(path)/damaged/state.json", "{")
            var warnings: [String] = []
            let states = try ContainerRuntime(root: path).list { warnings.append($0) }
            #expect(states.map(\.id) == [Samples.record.id])
            #expect(warnings.count == 1 && warnings.first?.hasPrefix("damaged: ") == true)
        }
    }

    @Test(arguments: [0o777, 0o770]) func `does not trust a container that others may write to`(
        permissions: Int
    ) async throws {
        try await withTemporaryDirectory { path in
            try makeDirectory("\(path)/c1", permissions: permissions)
            let id = try id()
            let error = failure { () throws(ContainerError) in try Store(root: path).open(id) }
            #expect(error?.kind == .failed)
        }
    }
}

@Suite struct `A container's directory` {
    private func claim(in path: String) throws -> ContainerDirectory {
        try Store(root: path).claim(try #require(ContainerID("c1")))
    }

    @Test func `is locked by its maker, against everyone else`() async throws {
        try await withTemporaryDirectory { path in
            let id = try #require(ContainerID("c1"))
            let store = Store(root: path)
            do {
                let directory = try store.claim(id)
                let second = try store.open(id)
                #expect(try !second.tryLock())
                #expect(try directory.tryLock())
            }
            let third = try store.openLocked(id)
            let fourth = try store.open(id)
            #expect(try !fourth.tryLock())
            _ = consume third
            #expect(try fourth.tryLock())
        }
    }

    @Test func `keeps a record`() async throws {
        try await withTemporaryDirectory { path in
            let directory = try claim(in: path)
            #expect(try directory.record() == nil)
            try directory.write(Samples.record)
            #expect(try directory.record() == Samples.record)
            var changed = Samples.record
            changed.phase = .created
            try directory.write(changed)
            #expect(try directory.record() == changed)
            #expect(try tree("\(path)/c1") == ["state.json"])
            #expect(try File.status(of: "\(path)/c1/state.json").permissions == 0o600)
        }
    }

    @Test(arguments: [
        "", "{", "[]", "null", "{\"version\":1}", "{\"version\":2}", "\u{feff}{}", "{}x",
    ])
    func `that is damaged says which file it is and what removes it`(text: String) async throws {
        try await withTemporaryDirectory { path in
            let directory = try claim(in: path)
            try writeFile("\(path)/c1/state.json", text)
            let error = failure { () throws(ContainerError) in try directory.record() }
            #expect(error?.kind == .damaged)
            #expect(error?.reason.hasPrefix("\(path)/c1/state.json is damaged (") == true)
            #expect(error?.reason.contains("martlet delete --force") == true)
            #expect(error?.reason.contains("\n") == false)
            _ = consume directory
            // And so it does.
            let runtime = ContainerRuntime(root: path)
            #expect(
                failure { () throws(ContainerError) in
                    try runtime.delete("c1", force: false) { _ in }
                } != nil)
            try runtime.delete("c1", force: true) { _ in }
            #expect(try tree(path) == [])
        }
    }

    @Test func `does not follow a link for its record`() async throws {
        try await withTemporaryDirectory { path in
            let directory = try claim(in: path)
            try writeFile("\(path)/other", Samples.record.bytes)
            try makeLink("\(path)/c1/state.json", to: "\(path)/other")
            let error = failure { () throws(ContainerError) in try directory.record() }
            #expect(error?.kind == .damaged)
        }
    }

    @Test func `is removed with all in it, and nothing that links lead to`() async throws {
        try await withTemporaryDirectory { path in
            let directory = try claim(in: "\(path)/root")
            try writeFile("\(path)/outside/kept", "x")
            try writeFile("\(path)/root/c1/notify/deep/file", "x")
            try makeLink("\(path)/root/c1/link", to: "\(path)/outside")
            try makeLink("\(path)/root/c1/notify/link", to: "../../../outside")
            try directory.remove()
            try directory.remove()
            #expect(try tree(path) == ["outside", "outside/kept", "root"])
        }
    }
}

enum Samples {
    static let record = ContainerRecord(
        phase: .creating, id: "c1", bundle: "/b \"q\"", rootfs: "/b/rootfs",
        created: "2026-01-02T03:04:05.000000006Z", owner: "root",
        annotations: ["k": "v", "é": "\n\u{0}"], hasProcess: true, ownsPidNamespace: true)
}
