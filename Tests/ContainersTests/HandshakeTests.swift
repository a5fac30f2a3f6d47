// SPDX-License-Identifier: Apache-2.0

import Containers
import Linux
import Testing

@Suite struct `A message` {
    private static let all: [Message] = [
        .proceed, .ready, .release, .start, .executing, .warning("careful"), .warning(""),
        .failed(kind: .failed, reason: "no"), .failed(kind: .invalidConfiguration, reason: "é\n"),
        .failed(kind: .notExecutable, reason: ""), .made(pid: 1), .made(pid: .max),
        .hooksDue, .failed(kind: .hookFailed, reason: "it said no"),
        .listening, .listenerSent, .networkMade, .filter([]), .filter([6, 0, 0, 0, 1]),
    ]

    @Test(arguments: all) func `is itself again at the other end`(message: Message) throws {
        #expect(Message(bytes: message.bytes) == message)
        let pair = try Socket.pair(.packets)
        try Conversation.send(message, to: pair.ours.number)
        #expect(try Conversation.receive(from: pair.theirs.number) == message)
    }

    @Test(
        arguments: [
            [], [0], [9, 0], [10], [255], [1, 0], [2, 2], [3, 1], [4, 4], [5, 0x20], [7], [7, 4],
            [7, 255, 0x41],
            [8], [8, 0x30], [8, 0x2d, 0x31], [8, 0x41], Array("\u{8}4294967297".utf8),
        ] as [[UInt8]])
    func `is nothing else`(bytes: [UInt8]) throws {
        #expect(Message(bytes: bytes) == nil)
        guard !bytes.isEmpty else { return }
        let pair = try Socket.pair(.packets)
        try Socket.send(bytes, to: pair.ours.number)
        let error = callFailure { () throws(SystemCallError) in
            try Conversation.receive(from: pair.theirs.number)
        }
        #expect(error?.errno == .protocolViolation)
    }

    @Test(arguments: [8191, 8192, 8193, 100_000]) func `has a text that is cut at its limit`(
        count: Int
    ) throws {
        let text = String(repeating: "x", count: count)
        let cut = String(text.prefix(Message.textLimit))
        let pair = try Socket.pair(.packets)
        try Conversation.send(.warning(text), to: pair.ours.number)
        #expect(try Conversation.receive(from: pair.theirs.number) == .warning(cut))
        try Conversation.send(.failed(kind: .failed, reason: text), to: pair.ours.number)
        #expect(
            try Conversation.receive(from: pair.theirs.number)
                == .failed(kind: .failed, reason: cut))
    }

    @Test func `takes a whole filter where one is waited for`() throws {
        let program = [UInt8](
            repeating: 6,
            count: SystemCallFilter.instructionLimit * SystemCallFilter.instructionSize)
        let pair = try Socket.pair(.packets)
        try Conversation.send(.filter(program), to: pair.ours.number)
        let received = try Conversation.receiveWithDescriptor(
            from: pair.theirs.number, limit: 1 + program.count)
        #expect(received.message == .filter(program))
    }

    @Test func `over the limit is refused, whatever it is`() throws {
        let pair = try Socket.pair(.packets)
        try Socket.send([UInt8](repeating: 6, count: 9000), to: pair.ours.number)
        #expect(throws: SystemCallError.self) {
            try Conversation.receive(from: pair.theirs.number)
        }
    }

    @Test func `is heard though its sender has ended without hearing us`() throws {
        let ours = try Self.ours(ofPairWhereTheirs: .failed(kind: .failed, reason: "too late"))
        #expect(
            try Conversation.receive(from: ours.number)
                == .failed(kind: .failed, reason: "too late"))
        #expect(try Conversation.receive(from: ours.number) == nil)
    }

    /// One end of a pair whose other end says something, and is closed with a message unread.
    private static func ours(ofPairWhereTheirs last: Message) throws -> FileDescriptor {
        let pair = try Socket.pair(.packets)
        try Conversation.send(.proceed, to: pair.ours.number)
        try Conversation.send(last, to: pair.theirs.number)
        return first(of: pair)
    }

    private static func first(of pair: consuming SocketPair) -> FileDescriptor { pair.ours }

    @Test func `with bytes that are no text is still one`() {
        #expect(Message(bytes: [6, 0xff, 0x41]) == .warning("\u{fffd}A"))
    }
}

@Suite struct `A handshake` {
    private static let anything: [Message?] = [
        .proceed, .ready, .release, .start, .executing, .warning("w"),
        .failed(kind: .notExecutable, reason: "r"), .made(pid: 2), .hooksDue, .listening,
        .listenerSent, .networkMade, nil,
    ]

    private func due(_ phase: Handshake.Phase, _ message: Message?) -> Handshake.Event? {
        switch (phase, message) {
        case (.preparing, .ready): .ready
        case (.starting, .executing): .executing
        case (.executing, nil): .running
        case (.executing, .listening): .listening
        case (.preparing, nil), (.starting, nil): .vanished
        case (.preparing, .warning), (.starting, .warning): .warning("w")
        case (.preparing, .failed), (.starting, .failed), (.executing, .failed):
            .failed(kind: .notExecutable, reason: "r")
        default: nil
        }
    }

    @Test func `passes on one listener, and no second`() {
        var handshake = Handshake(.executing)
        #expect(handshake.receive(.listening) == .listening)
        #expect(handshake.receive(.listening) == .violation)
    }

    @Test(arguments: [Handshake.Phase.preparing, .starting, .executing, .finished])
    func `takes in each phase only what is due`(phase: Handshake.Phase) {
        for message in Self.anything {
            var handshake = Handshake(phase)
            let event = handshake.receive(message)
            #expect(event == due(phase, message) ?? .violation, "\(String(describing: message))")
            switch event {
            case .warning: #expect(handshake.phase == phase)
            case .executing, .listening: #expect(handshake.phase == .executing)
            default: #expect(handshake.phase == .finished)
            }
        }
    }

    @Test func `goes from start to the running program`() {
        var handshake = Handshake(.starting)
        #expect(handshake.receive(.warning("w")) == .warning("w"))
        #expect(handshake.receive(.executing) == .executing)
        #expect(handshake.receive(nil) == .running)
        #expect(handshake.receive(nil) == .violation)
    }

    @Test func `waits for hooks exactly when they are planned, and once`() {
        var handshake = Handshake(.preparing, awaitsHooks: true)
        #expect(handshake.receive(.warning("w")) == .warning("w"))
        #expect(handshake.receive(.hooksDue) == .hooksDue)
        #expect(handshake.receive(.warning("w")) == .warning("w"))
        #expect(handshake.receive(.ready) == .ready)

        handshake = Handshake(.preparing, awaitsHooks: true)
        #expect(handshake.receive(.hooksDue) == .hooksDue)
        #expect(handshake.receive(.hooksDue) == .violation)

        // They were left out.
        handshake = Handshake(.preparing, awaitsHooks: true)
        #expect(handshake.receive(.ready) == .violation)

        handshake = Handshake(.starting, awaitsHooks: true)
        #expect(handshake.receive(.hooksDue) == .violation)
    }

    @Test func `is over after a message that was not due`() {
        var handshake = Handshake(.preparing)
        #expect(handshake.receive(.executing) == .violation)
        #expect(handshake.receive(.ready) == .violation)
    }
}
