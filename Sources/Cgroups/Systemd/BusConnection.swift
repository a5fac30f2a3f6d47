// SPDX-License-Identifier: Apache-2.0

internal import Linux

/// A connection to a message bus of D-Bus.
///
/// A client of our own: libdbus looks users up through NSS and resolves names, which a static
/// program must not do, and libsystemd has no static library. It knows what is needed to call a
/// method and to await a signal. Nothing that the peer sends is believed, and no wait is without
/// an end.
final class BusConnection {
    private let socket: FileDescriptor
    private let path: String
    private var serial: UInt32 = 0
    private var buffer: [UInt8] = []
    /// Signals that came while something else was awaited.
    private var signals: [BusMessage] = []
    /// More of them than this are of no use: only those that match a rule of ours come.
    private static let mostSignals = 256

    /// How long the peer may take for anything, in milliseconds.
    static let patience = 30_000

    /// Connects, says who we are, and says hello.
    init(path: String) throws(BusError) {
        self.path = path
        do throws(SystemCallError) {
            socket = try Socket.connect(
                .stream, to: path, at: Directory.current, patience: Self.patience / 1000)
        } catch {
            throw BusError("\"\(path)\": \(error.errno)")
        }
        try authenticate()
        _ = try call(
            "Hello", of: "org.freedesktop.DBus", at: "/org/freedesktop/DBus",
            to: "org.freedesktop.DBus", [])
    }

    /// The descriptor's number, which a container's process must not keep.
    var number: CInt { socket.number }

    // MARK: Who we are

    /// The mechanism EXTERNAL: the peer asks the kernel who we are. We name no user id of our own,
    /// since in a user namespace it would be another than the one that the kernel tells the peer.
    private func authenticate() throws(BusError) {
        let end = Clock.milliseconds + Self.patience
        try send(Array("\0AUTH EXTERNAL\r\n".utf8))
        var answer = try line(until: end)
        if answer == "DATA" || answer.hasPrefix("DATA ") {
            try send(Array("DATA\r\n".utf8))
            answer = try line(until: end)
        }
        guard answer.hasPrefix("OK") else {
            throw BusError("the bus at \"\(path)\" does not let this user in")
        }
        try send(Array("BEGIN\r\n".utf8))
    }

    private func line(until end: Int) throws(BusError) -> String {
        let longest = 512
        while true {
            if let index = buffer.firstIndex(of: UInt8(ascii: "\n")) {
                let line = buffer[..<index]
                buffer.removeSubrange(...index)
                guard line.last == UInt8(ascii: "\r") else { throw .malformed("a line is wrong") }
                return String(decoding: line.dropLast(), as: UTF8.self)
            }
            guard buffer.count < longest else { throw .malformed("a line is too long") }
            try receive(until: end)
        }
    }

    // MARK: Messages

    /// Calls a method, and returns its answer.
    func call(
        _ member: String, of interface: String, at object: String, to destination: String,
        _ body: [BusValue]
    ) throws(BusError) -> BusMessage {
        var message = BusMessage(call: member, of: interface, at: object, to: destination, body)
        serial &+= 1
        message.serial = serial
        try send(message.bytes)
        let end = Clock.milliseconds + Self.patience
        while true {
            let answer = try next(until: end, for: "\(interface).\(member)")
            switch answer.kind {
            case .signal: keep(answer)
            case .reply where answer.replySerial == message.serial: return answer
            case .error where answer.replySerial == message.serial:
                let text = answer.body.first?.text ?? "\(interface).\(member) failed"
                throw BusError(Self.printable(text), name: answer.errorName ?? "unnamed")
            case .reply, .error, .call: continue
            }
        }
    }

    /// The next signal of this name for which `matches` is true.
    func signal(
        _ member: String, until end: Int, for awaited: String,
        matching matches: (BusMessage) -> Bool
    ) throws(BusError) -> BusMessage {
        for (index, signal) in signals.enumerated()
        where signal.member == member && matches(signal) {
            return signals.remove(at: index)
        }
        while true {
            let message = try next(until: end, for: awaited)
            guard message.kind == .signal else { continue }
            if message.member == member, matches(message) { return message }
            keep(message)
        }
    }

    private func keep(_ signal: BusMessage) {
        if signals.count >= Self.mostSignals { signals.removeFirst() }
        signals.append(signal)
    }

    private func next(until end: Int, for awaited: String) throws(BusError) -> BusMessage {
        while true {
            if buffer.count >= BusMessage.prefixLength {
                let length = try BusMessage.length(
                    prefix: Array(buffer[..<BusMessage.prefixLength]))
                if buffer.count >= length {
                    let bytes = Array(buffer[..<length])
                    buffer.removeFirst(length)
                    if let message = try BusMessage.decode(bytes) { return message }
                    continue
                }
            }
            guard Clock.milliseconds < end else {
                throw BusError(
                    "\(awaited): no answer for \(Self.patience / 1000) seconds on \"\(path)\"")
            }
            try receive(until: end)
        }
    }

    // MARK: Bytes

    private func send(_ bytes: [UInt8]) throws(BusError) {
        do throws(SystemCallError) {
            try Socket.send(bytes, to: socket.number)
        } catch {
            throw BusError("the bus at \"\(path)\" takes nothing: \(error.errno)")
        }
    }

    private func receive(until end: Int) throws(BusError) {
        do throws(SystemCallError) {
            let left = end - Clock.milliseconds
            guard left > 0, try Poll.readable([socket.number], milliseconds: left)[0] else {
                throw SystemCallError("recvmsg", path, .timedOut)
            }
            let received = try Socket.receive(from: socket.number, limit: 16 << 10)
            guard !received.bytes.isEmpty else {
                throw SystemCallError("recvmsg", path, .connectionReset)
            }
            buffer += received.bytes
        } catch {
            throw BusError("the bus at \"\(path)\" does not answer: \(error.errno)")
        }
    }

    /// One line of what a peer says.
    private static func printable(_ text: String) -> String {
        String(
            String.UnicodeScalarView(
                text.unicodeScalars.prefix(1024).map { $0.value < 32 || $0.value == 127 ? " " : $0 }
            ))
    }
}
