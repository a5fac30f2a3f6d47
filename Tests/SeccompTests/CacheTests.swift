// SPDX-License-Identifier: Apache-2.0

import Digest
import Foundation
import Linux
import OCI
import Seccomp
import Testing

@Suite("SHA-256") struct SHA256Tests {
    private func hexadecimal(_ text: [UInt8]) -> String {
        SHA256.digest(of: text).map { String(format: "%02x", $0) }.joined()
    }

    @Test(
        "has the digests of FIPS 180-4",
        arguments: [
            ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            (
                "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
            ),
        ])
    func vectors(_ text: String, _ digest: String) {
        #expect(hexadecimal(Array(text.utf8)) == digest)
    }

    @Test("has the digest of a million letters a")
    func million() {
        #expect(
            hexadecimal([UInt8](repeating: UInt8(ascii: "a"), count: 1_000_000))
                == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0")
    }

    @Test("differs for every length around the ends of blocks")
    func lengths() {
        let digests = (0..<200).map { hexadecimal([UInt8](repeating: 0, count: $0)) }
        #expect(Set(digests).count == 200)
    }
}

/// A profile, its key, and a state directory to cache it in.
private struct Fixture {
    let root: String
    var cache: String { "\(root)/\(ProgramCache.directoryName)" }
    let profile: SeccompProfile
    let key: ProgramKey
    var entry: String { "\(cache)/\(key.name)" }

    init(_ name: String = "getppid") throws {
        root = NSTemporaryDirectory() + "martlet-cache-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
        var profile = SeccompProfile(defaultAction: .allow)
        profile.syscalls = [SeccompProfile.Rule(names: [name], action: .errno)]
        self.profile = profile
        key = try ProgramKey(profile)
    }

    func store(_ program: [UInt8] = Array(repeating: 7, count: 64)) throws {
        try ProgramCache.store(program, for: key, in: root)
    }

    func read() -> [UInt8]? { ProgramCache(in: root).program(for: key) }

    func remove() { try? FileManager.default.removeItem(atPath: root) }
}

@Suite("The cache of compiled profiles") struct CacheTests {
    @Test("gives back what was stored, under modes that keep others out")
    func roundTrip() throws {
        let fixture = try Fixture()
        defer { fixture.remove() }
        #expect(fixture.read() == nil)
        #expect(ProgramCache(in: fixture.root).warning == nil)
        let program = try Compiler.compile(fixture.profile)
        try fixture.store(program)
        #expect(fixture.read() == program)
        #expect(try File.status(of: fixture.cache).permissions == 0o700)
        #expect(try File.status(of: fixture.entry).permissions == 0o600)
    }

    @Test("is not asked twice to compile a profile")
    func hit() throws {
        let fixture = try Fixture()
        defer { fixture.remove() }
        let filter = try Filter(fixture.profile)
        let first = try filter.program(from: ProgramCache(in: fixture.root))
        #expect(!first.isCached)
        #expect(first.key == fixture.key)
        try fixture.store(first.bytes)
        let second = try filter.program(from: ProgramCache(in: fixture.root))
        #expect(second.isCached)
        #expect(second.bytes == first.bytes)
    }

    @Test("passes over an entry with any byte changed, and any length but its own")
    func damage() throws {
        let fixture = try Fixture()
        defer { fixture.remove() }
        try fixture.store()
        let whole = try File.readAll(fixture.entry)
        for index in whole.indices {
            var damaged = whole
            damaged[index] ^= 0x10
            try File.replace(
                fixture.entry, at: Directory.current, with: damaged, permissions: 0o600)
            #expect(fixture.read() == nil, "byte \(index)")
        }
        for count in [0, 1, 8, 56, whole.count - 8, whole.count - 1] {
            try File.replace(
                fixture.entry, at: Directory.current, with: Array(whole[..<count]),
                permissions: 0o600)
            #expect(fixture.read() == nil, "\(count) bytes")
        }
        try fixture.store()
        #expect(fixture.read() != nil)
    }

    @Test("does not take one profile's entry for another's")
    func renamed() throws {
        let (mine, other) = (try Fixture(), try Fixture("getsid"))
        defer {
            mine.remove()
            other.remove()
        }
        try mine.store()
        try FileManager.default.copyItem(
            atPath: mine.entry, toPath: "\(mine.cache)/\(other.key.name)")
        #expect(ProgramCache(in: mine.root).program(for: other.key) == nil)
    }

    @Test("passes over an entry that others may write or read, a link, and a second name")
    func planted() throws {
        let fixture = try Fixture()
        defer { fixture.remove() }
        for mode in [UInt32(0o620), 0o602, 0o640, 0o604] {
            try fixture.store()
            try File.changePermissions(fixture.entry, at: Directory.current, to: mode)
            #expect(fixture.read() == nil)
        }
        try fixture.store()
        let elsewhere = "\(fixture.root)/elsewhere"
        try FileManager.default.moveItem(atPath: fixture.entry, toPath: elsewhere)
        try File.makeSymbolicLink(fixture.entry, at: Directory.current, to: elsewhere)
        #expect(fixture.read() == nil)
        try File.remove(fixture.entry)
        try FileManager.default.linkItem(atPath: elsewhere, toPath: fixture.entry)
        #expect(fixture.read() == nil)
        try File.remove(fixture.entry)
        try File.makeDirectory(fixture.entry, permissions: 0o700)
        #expect(fixture.read() == nil)
    }

    @Test("does not wait for a fifo in an entry's place")
    func fifo() throws {
        let fixture = try Fixture()
        defer { fixture.remove() }
        try fixture.store()
        try File.remove(fixture.entry)
        try File.makeNode(fixture.entry, at: Directory.current, type: .fifo, permissions: 0o600)
        #expect(fixture.read() == nil)
    }

    @Test("is not used, with a word about it, when others can get into its directory")
    func openDirectory() throws {
        let fixture = try Fixture()
        defer { fixture.remove() }
        try fixture.store()
        try File.changePermissions(fixture.cache, at: Directory.current, to: 0o711)
        #expect(fixture.read() == nil)
        #expect(ProgramCache(in: fixture.root).warning?.contains("mode 0700") == true)
        #expect(throws: SystemCallError.self) { try fixture.store() }
    }

    @Test("is not used when its directory is a link")
    func linkedDirectory() throws {
        let (fixture, other) = (try Fixture(), try Fixture())
        defer {
            fixture.remove()
            other.remove()
        }
        try other.store()
        try File.makeSymbolicLink(fixture.cache, at: Directory.current, to: other.cache)
        #expect(fixture.read() == nil)
        #expect(throws: SystemCallError.self) { try fixture.store() }
    }

    @Test(
        "is not used when it belongs to someone else, nor is an entry",
        .enabled(if: Linux.Process.effectiveUserID == 0, "not on this machine: root is needed"))
    func foreign() throws {
        let fixture = try Fixture()
        defer { fixture.remove() }
        try fixture.store()
        try File.changeOwner(fixture.entry, at: Directory.current, uid: 4321, gid: 0)
        #expect(fixture.read() == nil)
        try fixture.store()
        #expect(fixture.read() != nil)
        try File.changeOwner(fixture.cache, at: Directory.current, uid: 4321, gid: 0)
        #expect(fixture.read() == nil)
        #expect(throws: SystemCallError.self) { try fixture.store() }
    }

    @Test("has a bound, and loses its oldest entries first")
    func bound() throws {
        let fixture = try Fixture()
        defer { fixture.remove() }
        for index in 0..<(ProgramCache.entryLimit + 8) {
            let key = ProgramKey(fixture.profile, kernel: Array("\(index)".utf8))
            try ProgramCache.store([UInt8](repeating: 1, count: 8), for: key, in: fixture.root)
        }
        try fixture.store()
        let names = try FileManager.default.contentsOfDirectory(atPath: fixture.cache)
        #expect(names.count == ProgramCache.entryLimit)
        #expect(names.contains(fixture.key.name))
    }
}

@Suite("A program's key") struct KeyTests {
    @Test("differs in whatever the program depends on")
    func differs() throws {
        var profile = SeccompProfile(defaultAction: .errno)
        var rule = SeccompProfile.Rule(names: ["a", "bc"], action: .allow)
        rule.args = [.init(index: 0, value: 1, operator: .equal)]
        profile.syscalls = [rule]
        var variants = [profile]
        func vary(_ change: (inout SeccompProfile) -> Void) {
            var variant = profile
            change(&variant)
            variants.append(variant)
        }
        vary { $0.defaultAction = .kill }
        vary { $0.defaultErrnoRet = 0 }
        vary { $0.defaultErrnoRet = 1 }
        vary { $0.architectures = [.x86] }
        vary { $0.architectures = [.x86, .x32] }
        vary { $0.syscalls[0].names = ["ab", "c"] }
        vary { $0.syscalls[0].names = ["a"] }
        vary { $0.syscalls[0].action = .log }
        vary { $0.syscalls[0].errnoRet = 1 }
        vary { $0.syscalls[0].args = [] }
        vary { $0.syscalls[0].args[0].index = 1 }
        vary { $0.syscalls[0].args[0].value = 2 }
        vary { $0.syscalls[0].args[0].valueTwo = 2 }
        vary { $0.syscalls[0].args[0].operator = .notEqual }
        vary { $0.syscalls.append(rule) }
        let keys = variants.map { ProgramKey($0, kernel: [1]).name }
        #expect(Set(keys).count == variants.count)
        #expect(ProgramKey(profile, kernel: [2]).name != keys[0])
    }

    @Test("is the same whatever only the load or the agent is told")
    func same() {
        let profile = SeccompProfile(defaultAction: .errno)
        var other = profile
        other.flags = [.log]
        other.listenerPath = "/agent"
        other.listenerMetadata = "x"
        #expect(ProgramKey(profile, kernel: []) == ProgramKey(other, kernel: []))
    }
}
