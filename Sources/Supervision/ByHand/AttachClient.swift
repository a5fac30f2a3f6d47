// SPDX-License-Identifier: Apache-2.0

internal import Foreground
internal import Linux

/// `martlet-shim attach`: joins our standard streams with a container's.
package final class AttachClient {
    /// Ctrl-P, Ctrl-Q: leaves a container with a terminal, and lets it run.
    private static let leavingKeys: [UInt8] = [0x10, 0x11]

    private let folder: ContainerFolder
    private let loop: EventLoop
    private let signals: SignalSource
    private let hasTerminal: Bool
    private var socket: Watch?
    private var queue: PacketQueue?
    private var input: Watch?
    private var raw: OpenTerminal?
    private var keys = 0
    private var hasLeft = false

    private final class OpenTerminal {
        let mode: RawTerminal
        init() throws(SystemCallError) { mode = try RawTerminal(0) }
    }

    /// Connects; `withInput` says whether what we read is the program's input.
    package init(_ folder: ContainerFolder, _ record: ContainerRecord, withInput: Bool)
        throws(SupervisionError)
    {
        self.folder = folder
        hasTerminal = record.hasTerminal
        do throws(SystemCallError) {
            loop = try EventLoop()
            signals = try SignalSource([Signal.windowChange], in: loop)
            let connection = try Socket.connect(
                .packets, to: "\(folder.path)/attach", at: Directory.current)
            try Readiness.makeNonBlocking(connection)
            queue = PacketQueue(to: connection.number)
            socket = try Watch(connection, of: loop, for: .readable) { [unowned self] events in
                if events.contains(.writable) { flush() }
                receive()
            }
            if withInput { try openInput() }
        } catch where error.errno == .connectionRefused || error.errno == .noEntry {
            throw SupervisionError("nobody watches container \"\(folder.id)\" any more")
        } catch {
            throw SupervisionError("attach", error)
        }
    }

    private func openInput() throws(SystemCallError) {
        if hasTerminal && Terminal.isTerminal(0) {
            raw = try OpenTerminal()
            sendSize()
            signals.handle(Signal.windowChange) { [unowned self] in sendSize() }
        }
        do throws(SystemCallError) {
            let copy = try Descriptors.duplicate(0)
            input = try Watch(copy, of: loop, for: .readable) { [unowned self] _ in read() }
        } catch where error.errno == .notPermitted {
            // A regular file is always ready.
            loop.after(milliseconds: 0) { [unowned self] in readFile() }
        }
    }

    /// Relays until the container ends or is left.
    ///
    /// - Returns: whether it was left, and goes on.
    package func run() throws(SupervisionError) -> Bool {
        defer { raw = nil }
        try SupervisionError.doing("wait") { () throws(SystemCallError) in try loop.run() }
        return hasLeft
    }

    private func sendSize() {
        guard let size = try? Terminal.size(of: 0), size.rows > 0, size.columns > 0 else { return }
        // A fifo that nobody reads would make us wait.
        if let fifo = try? File.open("\(folder.path)/ctl", [.writeOnly, .nonBlocking, .noFollow]) {
            try? File.write(Array("1 \(size.rows) \(size.columns)\n".utf8), to: fifo.number)
        }
    }

    // MARK: Input

    private func readFile() {
        guard let queue, socket != nil else { return }
        if queue.count >= PacketQueue.limit {
            loop.after(milliseconds: 10) { [unowned self] in readFile() }
            return
        }
        if readOnce(0) { loop.after(milliseconds: 0) { [unowned self] in readFile() } }
    }

    private func read() {
        guard let number = input?.number else { return }
        if !readOnce(number) { input = nil }
    }

    /// - Returns: whether there may be more.
    private func readOnce(_ number: CInt) -> Bool {
        var buffer = [UInt8](repeating: 0, count: 8192)
        let count = (try? File.read(number, into: &buffer)) ?? 0
        if count == 0 {
            endsWhenEmpty = true
            flush()
            return false
        }
        let bytes = Array(buffer[..<count])
        if raw != nil, asksToLeave(bytes) {
            hasLeft = true
            loop.stop()
            return false
        }
        do throws(SystemCallError) {
            try queue?.send(bytes)
        } catch {
            return false
        }
        updateInterest()
        return true
    }

    private var endsWhenEmpty = false

    private func flush() {
        // A peer that is gone is seen when we read.
        _ = try? queue?.flush()
        if endsWhenEmpty, queue?.isEmpty ?? true, let socket {
            try? Socket.endWriting(socket.file.descriptor)
            endsWhenEmpty = false
        }
        updateInterest()
    }

    private func updateInterest() {
        guard let queue else { return }
        socket?.change(to: queue.isEmpty ? .readable : [.readable, .writable])
        input?.change(to: queue.count < PacketQueue.limit ? .readable : [])
    }

    private func asksToLeave(_ bytes: [UInt8]) -> Bool {
        for byte in bytes {
            if byte == Self.leavingKeys[keys] {
                keys += 1
                if keys == Self.leavingKeys.count { return true }
            } else {
                keys = byte == Self.leavingKeys[0] ? 1 : 0
            }
        }
        return false
    }

    // MARK: Output

    private func receive() {
        var buffer = [UInt8](repeating: 0, count: 16 << 10)
        while let number = socket?.number {
            let count: Int
            do throws(SystemCallError) {
                count = try File.read(number, into: &buffer)
            } catch where error.errno == .again {
                return
            } catch {
                count = 0
            }
            if count == 0 {
                socket = nil
                loop.stop()
                return
            }
            let target: CInt = buffer[0] == OutputStream.errors.rawValue ? 2 : 1
            do throws(SystemCallError) {
                try File.write(Array(buffer[1..<count]), to: target)
            } catch {
                // Nobody reads us.
                loop.stop()
                return
            }
        }
    }
}
