// SPDX-License-Identifier: Apache-2.0

import Requirements
import Testing

@testable import Linux

/// The bytes of a message as the kernel sends it, with a length that may be a lie.
private func message(length: UInt32? = nil, type: UInt16 = 16, body: [UInt8] = []) -> [UInt8] {
    func bytes<T: FixedWidthInteger>(_ value: T) -> [UInt8] {
        unsafe withUnsafeBytes(of: value) { unsafe Array($0) }
    }
    return bytes(length ?? UInt32(16 + body.count)) + bytes(type) + bytes(UInt16(0))
        + bytes(UInt32(1)) + bytes(UInt32(0)) + body
}

private func attribute(_ length: UInt16, _ type: UInt16, _ value: [UInt8]) -> [UInt8] {
    unsafe withUnsafeBytes(of: length) { unsafe Array($0) }
        + withUnsafeBytes(of: type) { unsafe Array($0) } + value
}

@Suite struct `An answer of rtnetlink` {
    @Test func `is as many messages as it says`() throws {
        let bytes = message(type: 16, body: [1, 2, 3, 4]) + message(type: 3)
        let messages = try RouteMessage.all(in: bytes)
        #expect(messages.map(\.type) == [16, 3])
        #expect(messages[0].body == [1, 2, 3, 4])
        #expect(try RouteMessage.all(in: []) == [])
    }

    @Test func `may end without the filling bytes of its last message`() throws {
        #expect(try RouteMessage.all(in: message(body: [1, 2, 3]))[0].body == [1, 2, 3])
    }

    @Test(arguments: [UInt32(0), 1, 15, 21, 1 << 31, .max])
    func `with a length that does not add up is refused`(length: UInt32) {
        let error = failure { () throws(SystemCallError) in
            try RouteMessage.all(in: message(length: length, body: [0, 0, 0, 0]))
        }
        #expect(error?.errno == .protocolViolation)
    }

    @Test(arguments: [UInt16(0), 3, 9, .max])
    func `with an attribute whose length does not add up is refused`(length: UInt16) throws {
        let bytes = message(body: attribute(length, 3, [0, 0, 0, 0]))
        let parsed = try RouteMessage.all(in: bytes)[0]
        let error = failure { () throws(SystemCallError) in try parsed.attributes(after: 0) }
        #expect(error?.errno == .protocolViolation)
    }

    @Test func `whose fixed part is cut short is refused`() throws {
        let parsed = try RouteMessage.all(in: message(body: [1, 2, 3]))[0]
        let error = failure { () throws(SystemCallError) in
            _ = try parsed.fixedPart(UInt64.self)
        }
        #expect(error?.errno == .protocolViolation)
        #expect(try parsed.attributes(after: 16) == [])
    }

    @Test func `of any bytes is messages or an error, never a trap`() {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<20_000 {
            var bytes = (0..<Int.random(in: 0...80)).map { _ in UInt8.random(in: 0...40) }
            // Half of them get past the first length.
            if bytes.count > 16, Bool.random(using: &generator) {
                bytes.replaceSubrange(0..<4, with: [UInt8(bytes.count), 0, 0, 0])
            }
            guard let messages = try? RouteMessage.all(in: bytes) else { continue }
            for message in messages {
                _ = try? message.attributes(after: 16).map(\.text)
                _ = try? message.attributes(after: 8)
            }
        }
    }
}

@Suite struct `A label of an address` {
    @Test(arguments: [
        ("eth0", "inner0"), ("eth0:web", "inner0:web"), ("other", "inner0"), ("eth01", "inner0"),
        ("eth0:a2345678", "inner0:a2345678"), ("eth0:a23456789", "inner0"),
    ])
    func `follows the device's name`(label: String, expected: String) {
        #expect(RouteSocket.label(label, of: "eth0", for: "inner0") == expected)
    }
}

/// Whether a socket of another namespace sees that one's devices, and the caller stays where it is.
private func isOpenedInside() throws -> Bool {
    try Process.separate(.network)
    let first = try File.open("/proc/self/ns/net", .readOnlyAtOnce)
    let outside = try RouteSocket()
    guard let loopback = try outside.link(named: "lo") else { return false }
    try outside.bringUp(loopback)
    try Process.separate(.network)
    let before = try File.status(of: "/proc/self/ns/net")
    let inside = try RouteSocket.open(in: first)
    let isUpThere = try inside.link(named: "lo")?.isUp == true
    let isUpHere = try RouteSocket().link(named: "lo")?.isUp == true
    let isBack = try File.status(of: "/proc/self/ns/net").isSameFile(as: before)
    return isUpThere && !isUpHere && isBack
}

/// In a network namespace of a process's own.
@Suite struct `A network namespace's devices` {
    @Test(.requiresRoot) func `are found by name and number`() async {
        await #expect(processExitsWith: .success) {
            try Process.separate(.network)
            let socket = try RouteSocket()
            let loopback = try #require(try socket.link(named: "lo"))
            #expect(loopback.name == "lo" && !loopback.isUp)
            #expect(try socket.link(index: loopback.index) == loopback)
            #expect(try socket.link(named: "banana") == nil)
            #expect(try socket.link(index: .max) == nil)
            try socket.bringUp(loopback)
            #expect(try socket.link(named: "lo")?.isUp == true)
            let addresses = try socket.addresses(of: loopback.index)
            #expect(!addresses.isEmpty && addresses.allSatisfy { $0.isPermanent && !$0.isGlobal })
        }
    }

    @Test(.requiresRoot) func `are those of the namespace that the socket was opened in`() async {
        await #expect(processExitsWith: .success) {
            // With one thread only, as the runtime has: a namespace is a thread's.
            let child = try Child {
                (try? isOpenedInside()) == true ? 0 : 1
            }
            #expect(try Process.wait(for: child.pidfd) == .exited(0))
        }
    }

    @Test(.requiresRoot) func `that may not leave say so`() async {
        await #expect(processExitsWith: .success) {
            try Process.separate(.network)
            let first = try File.open("/proc/thread-self/ns/net", .readOnlyAtOnce)
            try Process.separate(.network)
            let socket = try RouteSocket()
            let loopback = try #require(try socket.link(named: "lo"))
            let error = failure { () throws(SystemCallError) in
                try socket.move(loopback, to: first, as: "lo7")
            }
            #expect(error?.errno == .invalid)
        }
    }
}
