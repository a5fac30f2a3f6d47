// SPDX-License-Identifier: Apache-2.0

package import Linux

/// What the processes of a launch say to each other, over pairs of SOCK_SEQPACKET sockets.
///
///     parent                          init
///       │ ── proceed ────────────────▶ │   mapped, limited: go on
///       │ ── network made + namespace ▶│   when the parent makes it, as soon as it is there
///       │ ── filter ─────────────────▶ │   when there is one, as soon as its program is found
///       │ ◀───────────── warning ──    │   any number
///       │ ◀──────────── hooks due ──   │   if there are any for create: all is mounted
///       │ ── proceed ────────────────▶ │   the runtime's own have run; now run yours, and go on
///       │ ◀─ ready or failed ──────    │   everything but the exec has been done
///       │ ── release ────────────────▶ │   the container is on record: outlive me
///
///     start                           init, at the gate
///       │ ── start ──────────────────▶ │
///       │ ◀────────────── warning ──   │
///       │ ◀──────────── executing ──   │   then end of file: it runs
///       │ ◀─────────────── failed ──   │   or this, when it does not
///
/// Under a filter `executing` comes with a page in which a later failure stands, because the filter
/// may forbid to send one. When the filter has a listener, then before the end:
///
///       │ ◀──── listening + listener   │   not before someone answers for the filter can it go on
///       │ ── listener sent ──────────▶ │   it is with the agent
///
/// A process that joins namespaces first tells the parent who it made:
///
///     parent                          stage
///       │ ◀─ made + pidfd, or failed ─ │
package enum Message: Equatable, Sendable {
    case proceed
    case ready
    case release
    case start
    case executing
    case warning(String)
    case failed(kind: FailureKind, reason: String)
    case made(pid: Int32)
    case hooksDue
    case listening
    case listenerSent
    case networkMade
    case filter([UInt8])

    /// What crosses of a `ContainerError.Kind`.
    package enum FailureKind: UInt8, Sendable {
        case failed = 0
        case invalidConfiguration = 1
        case notExecutable = 2
        case hookFailed = 3
    }

    /// The longest text that is sent; what is over it is cut. CVE-2021-43784 was a length that
    /// overflowed.
    package static let textLimit = 8192
    /// Bytes of the longest message but `filter`, whose length is asked for.
    static let limit = textLimit + 16

    private var tag: UInt8 {
        switch self {
        case .proceed: 1
        case .ready: 2
        case .release: 3
        case .start: 4
        case .executing: 5
        case .warning: 6
        case .failed: 7
        case .made: 8
        case .hooksDue: 9
        case .listening: 20
        case .listenerSent: 21
        case .networkMade: 22
        case .filter: 23
        }
    }

    /// All of this message, which is what a thread that only makes system calls looks for.
    static var listenerSentByte: UInt8 { Message.listenerSent.tag }

    /// One packet: a tag and what belongs to it.
    package var bytes: [UInt8] {
        switch self {
        case .proceed, .ready, .release, .start, .executing, .hooksDue, .listening, .listenerSent,
            .networkMade:
            [tag]
        case .warning(let text): [tag] + text.utf8.prefix(Self.textLimit)
        case .failed(let kind, let reason):
            [tag, kind.rawValue] + reason.utf8.prefix(Self.textLimit)
        case .made(let pid): [tag] + "\(pid)".utf8
        case .filter(let program): [tag] + program
        }
    }

    /// nil for anything that is not exactly one message.
    package init?(bytes: [UInt8]) {
        guard let tag = bytes.first else { return nil }
        let rest = bytes.dropFirst()
        var text: String { String(decoding: rest, as: UTF8.self) }
        switch tag {
        case 1 where rest.isEmpty: self = .proceed
        case 2 where rest.isEmpty: self = .ready
        case 3 where rest.isEmpty: self = .release
        case 4 where rest.isEmpty: self = .start
        case 5 where rest.isEmpty: self = .executing
        case 6: self = .warning(text)
        case 7:
            guard let raw = rest.first, let kind = FailureKind(rawValue: raw) else { return nil }
            self = .failed(kind: kind, reason: String(decoding: rest.dropFirst(), as: UTF8.self))
        case 8:
            guard let pid = Int32(text), pid > 0 else { return nil }
            self = .made(pid: pid)
        case 9 where rest.isEmpty: self = .hooksDue
        case 20 where rest.isEmpty: self = .listening
        case 21 where rest.isEmpty: self = .listenerSent
        case 22 where rest.isEmpty: self = .networkMade
        case 23: self = .filter(Array(rest))
        default: return nil
        }
    }
}

/// One end of a conversation.
package enum Conversation {
    /// Sends one message.
    package static func send(
        _ message: Message, passing descriptor: CInt? = nil, to number: CInt
    ) throws(SystemCallError) {
        try Socket.send(message.bytes, passing: descriptor, to: number)
    }

    /// The next message; nil when the other side has closed. EPROTO for what is no message.
    package static func receive(from number: CInt) throws(SystemCallError) -> Message? {
        try receiveWithDescriptor(from: number).message
    }

    /// The same, with the descriptor that may come along.
    package static func receiveWithDescriptor(from number: CInt, limit: Int = Message.limit)
        throws(SystemCallError) -> (message: Message?, descriptor: SharedDescriptor?)
    {
        let received: ReceivedMessage
        do throws(SystemCallError) {
            received = try Socket.receive(from: number, limit: limit)
        } catch where error.errno == .connectionReset {
            // It has ended without reading all that we sent, which the kernel tells once, and first;
            // what it said before that is still to be read.
            return try receiveWithDescriptor(from: number, limit: limit)
        }
        let bytes = received.bytes
        if bytes.isEmpty { return (nil, nil) }
        guard let message = Message(bytes: bytes) else {
            throw SystemCallError("understand a message", "", .protocolViolation)
        }
        guard let descriptor = received.takeDescriptor() else { return (message, nil) }
        return (message, SharedDescriptor(descriptor))
    }
}

/// What may come next from a container's first process: anything else ends the conversation,
/// because once it has entered the container it is not trusted.
package struct Handshake: Sendable {
    package enum Phase: Equatable, Sendable {
        /// Waiting for `ready`.
        case preparing
        /// Waiting for `executing`, after `start` was sent.
        case starting
        /// After `executing`: only the end, or a late failure.
        case executing
        case finished
    }

    package enum Event: Equatable, Sendable {
        case ready
        /// The first process waits for the hooks of the runtime; comes at most once.
        case hooksDue
        case executing
        /// Someone must get the filter's listener before it goes on; comes at most once.
        case listening
        case warning(String)
        case failed(kind: Message.FailureKind, reason: String)
        /// The program runs.
        case running
        /// The other side went away without a word.
        case vanished
        /// Something that was not due.
        case violation
    }

    package private(set) var phase: Phase
    private var hasListened = false

    /// Whether hooks are planned that have not been due yet.
    private var awaitsHooks: Bool

    package init(_ phase: Phase, awaitsHooks: Bool = false) {
        self.phase = phase
        self.awaitsHooks = awaitsHooks
    }

    /// What a message, or the end of the conversation (nil), means in this phase.
    package mutating func receive(_ message: Message?) -> Event {
        switch (phase, message) {
        case (.preparing, .hooksDue) where awaitsHooks:
            awaitsHooks = false
            return .hooksDue
        case (.preparing, .ready) where !awaitsHooks:
            phase = .finished
            return .ready
        case (.starting, .executing):
            phase = .executing
            return .executing
        case (.executing, .listening) where !hasListened:
            hasListened = true
            return .listening
        case (.executing, nil):
            phase = .finished
            return .running
        case (.preparing, .warning(let text)), (.starting, .warning(let text)):
            return .warning(text)
        case (.preparing, .failed(let kind, let reason)),
            (.starting, .failed(let kind, let reason)),
            (.executing, .failed(let kind, let reason)):
            phase = .finished
            return .failed(kind: kind, reason: reason)
        case (.finished, _):
            return .violation
        case (_, nil):
            phase = .finished
            return .vanished
        default:
            phase = .finished
            return .violation
        }
    }
}
