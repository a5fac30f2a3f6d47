// SPDX-License-Identifier: Apache-2.0

import Cgroups
import Testing

/// The wire format of D-Bus, and a peer that does not keep to it.
@Suite struct BusTests {
    /// A value of every type that we know, deep in each other.
    static let body: [BusValue] = [
        .byte(1), .boolean(true), .int16(-2), .uint16(3), .int32(-4), .uint32(5), .int64(-6),
        .uint64(.max), .double(0.5), .string("text"), .objectPath("/a/b"), .signature("a{sv}"),
        .handle(0), .strings([]), .bytes([1, 2, 3]),
        .array(
            of: "(sv)",
            [.structure([.string("PIDs"), .variant(.array(of: "u", [.uint32(7)]))])]),
        .array(of: "{sv}", [.entry(.string("k"), .variant(.structure([.byte(9), .string("")])))]),
        .array(of: "t", []), .variant(.variant(.strings(["a", "bc"]))),
    ]

    static var message: BusMessage {
        var message = BusMessage(
            call: "StartTransientUnit", of: "org.example.Manager", at: "/org/example",
            to: "org.example", body)
        message.serial = 77
        return message
    }

    @Test func `what is written is read again`() throws {
        #expect(try BusMessage.decode(Self.message.bytes) == Self.message)
    }

    /// The bytes by the tables of the specification, by hand.
    @Test func `a message has the bytes that the specification gives it`() throws {
        var message = BusMessage(.signal)
        message.serial = 1
        message.path = "/a"
        message.body = [.byte(5), .uint64(6)]
        #expect(
            message.bytes == [
                UInt8(ascii: "l"), 4, 0, 1, 16, 0, 0, 0, 1, 0, 0, 0, 24, 0, 0, 0,
                1, 1, UInt8(ascii: "o"), 0, 2, 0, 0, 0, UInt8(ascii: "/"), UInt8(ascii: "a"), 0,
                0, 0, 0, 0, 0,
                8, 1, UInt8(ascii: "g"), 0, 2, UInt8(ascii: "y"), UInt8(ascii: "t"), 0,
                5, 0, 0, 0, 0, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0,
            ])
    }

    @Test func `the highest byte may come first`() throws {
        let bytes: [UInt8] = [
            UInt8(ascii: "B"), 2, 0, 1, 0, 0, 0, 4, 0, 0, 0, 9, 0, 0, 0, 15,
            5, 1, UInt8(ascii: "u"), 0, 0, 0, 1, 2,
            8, 1, UInt8(ascii: "g"), 0, 1, UInt8(ascii: "u"), 0, 0,
            0, 0, 2, 1,
        ]
        let message = try #require(try BusMessage.decode(bytes))
        #expect(message.serial == 9)
        #expect(message.replySerial == 258)
        #expect(message.body == [.uint32(513)])
    }

    @Test func `a message cut short anywhere is an error`() {
        let bytes = Self.message.bytes
        for count in 0..<bytes.count {
            #expect(throws: BusError.self) { try BusMessage.decode(Array(bytes[..<count])) }
        }
    }

    @Test func `any byte may be any other`() {
        let bytes = Self.message.bytes
        var refused = 0
        for index in bytes.indices {
            for bit in 0..<8 {
                var changed = bytes
                changed[index] ^= 1 << UInt8(bit)
                // It is another message or an error, and never the end of us.
                if (try? BusMessage.decode(changed)) == nil { refused += 1 }
            }
        }
        #expect(refused > bytes.count)
    }

    @Test func `noise is an error or a message`() {
        var state: UInt64 = 0x9E37_79B9_7F4A_7C15
        func next() -> UInt64 {
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return state
        }
        for _ in 0..<20_000 {
            var bytes = Self.message.bytes
            for _ in 0...(next() % 8) {
                bytes[Int(next() % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: next())
            }
            _ = try? BusMessage.decode(bytes)
        }
    }

    private func wrapped(_ signature: String, _ body: [UInt8]) -> [UInt8] {
        var message = BusMessage(.reply)
        message.serial = 1
        message.body = [.signature(signature)]
        // The signature of a body that is there, in place of its own.
        var bytes: [UInt8] = [UInt8(ascii: "l"), 2, 0, 1]
        func number(_ value: Int) -> [UInt8] {
            (0..<4).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
        }
        let fields =
            [8, 1, UInt8(ascii: "g"), 0, UInt8(clamping: signature.utf8.count)] + signature.utf8
            + [0]
        bytes += number(body.count) + number(1) + number(fields.count) + fields
        while bytes.count % 8 != 0 { bytes.append(0) }
        return bytes + body
    }

    @Test(arguments: [
        "a", "(", "()", ")", "{sv}", "a{s}", "a{svs}", "z", "(s", "aaaaa", "a()", "ss)", "a{}",
        String(repeating: "a", count: 100) + "y", String(repeating: "(", count: 120) + "y",
        String(repeating: "y", count: 255) + "y",
    ])
    func `a signature that is none is an error`(_ signature: String) {
        #expect(throws: BusError.self) { try BusMessage.decode(wrapped(signature, [])) }
    }

    @Test func `lengths are not believed`() {
        // An array, a text and a signature that claim more than there is.
        #expect(throws: BusError.self) {
            try BusMessage.decode(wrapped("ay", [255, 255, 255, 255]))
        }
        #expect(throws: BusError.self) {
            try BusMessage.decode(wrapped("s", [255, 255, 255, 127, 0]))
        }
        #expect(throws: BusError.self) { try BusMessage.decode(wrapped("g", [200, 0])) }
        // An element that goes over the array's end, and a text with a zero byte in it.
        #expect(throws: BusError.self) {
            try BusMessage.decode(wrapped("au", [2, 0, 0, 0, 1, 0, 0, 0]))
        }
        #expect(throws: BusError.self) {
            try BusMessage.decode(wrapped("s", [3, 0, 0, 0, 65, 0, 65, 0]))
        }
        #expect(throws: BusError.self) { try BusMessage.decode(wrapped("b", [2, 0, 0, 0])) }
    }

    @Test func `variants in each other have a limit`() {
        var body: [UInt8] = []
        for _ in 0..<200 { body += [1, UInt8(ascii: "v"), 0] }
        #expect(throws: BusError.self) {
            try BusMessage.decode(wrapped("v", body + [1, UInt8(ascii: "y"), 0, 0]))
        }
    }

    @Test func `where a bus is`() throws {
        func paths(_ owner: SystemdOwner, _ variables: [String: String], uid: UInt32 = 0) throws
            -> [String]
        {
            try BusAddress.paths(owner, userID: uid) { variables[$0] }
        }
        #expect(try paths(.system, [:]) == ["/run/dbus/system_bus_socket"])
        #expect(
            try paths(.system, ["DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/a%20b,guid=1;unix:path=/c"])
                == ["/a b", "/c"])
        #expect(
            try paths(
                .user,
                [
                    "DBUS_SESSION_BUS_ADDRESS": "tcp:host=x;unix:guid=1,path=/s",
                    "XDG_RUNTIME_DIR": "/r",
                ]
            ) == ["/s"])
        #expect(
            try paths(.user, ["DBUS_SESSION_BUS_ADDRESS": "", "XDG_RUNTIME_DIR": "/r"]) == [
                "/r/bus"
            ])
        #expect(try paths(.user, [:], uid: 1000) == ["/run/user/1000/bus"])
        // As root of a user namespace nothing tells whose bus it is.
        #expect(throws: BusError.self) { try paths(.user, [:]) }
        for address in ["unix:abstract=/x", "unixexec:path=/bin/sh", "unix:path=", "unix:path=%4"] {
            #expect(throws: BusError.self) {
                try paths(.user, ["DBUS_SESSION_BUS_ADDRESS": address])
            }
        }
    }
}
