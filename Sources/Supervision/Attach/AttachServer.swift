// SPDX-License-Identifier: Apache-2.0

package import Linux

/// A socket by which others read a container's output as it comes, and write its input: conmon's
/// protocol. What we send are packets of one byte that names the output, and at most 8192 more;
/// what we receive is input. A client that ends writing ends the input.
///
/// A client that reads slowly is waited for while it reads at all. One that has read nothing for
/// ``patience`` gets no more: the container goes on.
package final class AttachServer {
    /// What comes from clients.
    package struct Events {
        /// Input.
        package var input: (ArraySlice<UInt8>) -> Void
        /// A client has ended writing.
        package var inputEnd: () -> Void
        /// A client that could take no more can again, or is gone.
        package var room: () -> Void

        package init(
            input: @escaping (ArraySlice<UInt8>) -> Void, inputEnd: @escaping () -> Void,
            room: @escaping () -> Void
        ) {
            self.input = input
            self.inputEnd = inputEnd
            self.room = room
        }
    }

    /// How long a client may read nothing, in milliseconds, while others wait for it.
    package static let patience = 2000

    /// The most output in one packet.
    private static let packetSize = 8192

    private final class Client {
        let queue: PacketQueue
        var watch: Watch?
        /// Whether it may still send input.
        var sends = true
        /// Whether it may still get output.
        var receives = true
        /// Runs while others wait for this one.
        var timer: EventLoop.Timer?

        init(number: CInt) { queue = PacketQueue(to: number) }

        var isCongested: Bool { receives && queue.count >= PacketQueue.limit }
    }

    private let loop: EventLoop
    private let events: Events
    private var listener: Watch?
    private var clients: [Client] = []
    private var takesInput = true
    private var finished: (() -> Void)?

    /// Listens.
    ///
    /// - Parameters:
    ///   - name: the socket's file; what is there is replaced.
    ///   - directory: where it is, so that no path is too long.
    ///   - loop: where clients are served.
    ///   - events: told what they do.
    /// - Throws: when there can be no such socket.
    package init(
        at name: String, in directory: borrowing FileDescriptor, of loop: EventLoop, events: Events
    ) throws(SystemCallError) {
        self.loop = loop
        self.events = events
        try? File.remove(name, at: directory.number)
        let listener = try Socket.listen(.packets, at: name, in: directory.number)
        try File.changePermissions(name, at: directory.number, to: 0o700)
        try Readiness.makeNonBlocking(listener)
        self.listener = try Watch(listener, of: loop, for: .readable) { [weak self] _ in
            self?.accept()
        }
    }

    /// Whether some client should be waited for before there is more output.
    package var isCongested: Bool {
        for client in clients where client.isCongested { return true }
        return false
    }

    /// Sends output to all clients.
    func send(_ bytes: ArraySlice<UInt8>, from stream: OutputStream) {
        if clients.isEmpty { return }
        var rest = bytes
        while !rest.isEmpty {
            let packet = [stream.rawValue] + rest.prefix(Self.packetSize)
            rest = rest.dropFirst(Self.packetSize)
            for client in clients where client.receives { send(packet, to: client) }
        }
    }

    /// Stops or goes on reading input from clients.
    package func setTakesInput(_ takes: Bool) {
        if takes == takesInput { return }
        takesInput = takes
        for client in clients { updateInterest(client) }
    }

    /// Sends what waits, takes no new clients, and ends. A client that does not read is not waited
    /// for longer than ``patience``.
    package func finish(_ done: @escaping () -> Void) {
        listener = nil
        finished = done
        for client in clients {
            client.sends = false
            // In a closure that holds us: who has called may have let go.
            loop.after(milliseconds: Self.patience) { [self, weak client] in
                if let client { drop(client) }
            }
            if client.queue.isEmpty { drop(client) } else { updateInterest(client) }
        }
        tellIfFinished()
    }

    // MARK: Clients

    private func accept() {
        // One that is gone already, or for which there is no descriptor left, may come again.
        while let listener, let accepted = try? Socket.acceptAtOnce(listener.file.descriptor) {
            let user = try? Socket.peerUserID(of: accepted.number)
            // The directory may be open to others (CVE-2020-15257).
            guard user == 0 || user == Process.effectiveUserID else { continue }
            let client = Client(number: accepted.number)
            do throws(SystemCallError) {
                client.watch = try Watch(accepted, of: loop, for: interest(of: client)) {
                    [weak self, weak client] events in
                    if let self, let client { handle(events, of: client) }
                }
                clients.append(client)
            } catch {
                // The descriptor is closed; the client sees that.
                continue
            }
        }
    }

    private func handle(_ events: EventLoop.Events, of client: Client) {
        if events.contains(.writable) { flush(client) }
        if events.contains(.readable) && client.sends && takesInput { receive(from: client) }
        if !events.isDisjoint(with: [.hungUp, .failed]) {
            // What it sent before it went is still to be read.
            while client.sends && takesInput && client.watch != nil { receive(from: client) }
            drop(client)
        }
    }

    private func receive(from client: Client) {
        guard let number = client.watch?.number else { return }
        var buffer = [UInt8](repeating: 0, count: 32768)
        let count: Int
        do throws(SystemCallError) {
            count = try File.read(number, into: &buffer)
        } catch where error.errno == .again {
            return
        } catch {
            count = 0
        }
        if count == 0 {
            client.sends = false
            updateInterest(client)
            events.inputEnd()
        } else {
            events.input(buffer[..<count])
        }
    }

    private func send(_ packet: [UInt8], to client: Client) {
        let wasEmpty = client.queue.isEmpty
        do throws(SystemCallError) {
            try client.queue.send(packet)
        } catch {
            endOutput(client)
            return
        }
        if wasEmpty && !client.queue.isEmpty { updateInterest(client) }
        if client.isCongested && client.timer == nil { startTimer(client) }
    }

    private func flush(_ client: Client) {
        do throws(SystemCallError) {
            let hasSent = try client.queue.flush()
            if hasSent && client.timer != nil {
                loop.cancel(client.timer)
                client.timer = nil
                if client.isCongested { startTimer(client) }
            }
        } catch {
            endOutput(client)
        }
        if client.queue.isEmpty {
            updateInterest(client)
            if finished != nil { drop(client) }
        }
        if !client.isCongested { events.room() }
    }

    private func startTimer(_ client: Client) {
        client.timer = loop.after(milliseconds: Self.patience) { [weak self, weak client] in
            guard let self, let client else { return }
            endOutput(client)
            events.room()
        }
    }

    /// Sends it no more; it may still send.
    private func endOutput(_ client: Client) {
        client.receives = false
        loop.cancel(client.timer)
        client.timer = nil
        if let watch = client.watch { try? Socket.endWriting(watch.file.descriptor) }
        updateInterest(client)
    }

    private func drop(_ client: Client) {
        guard let index = clients.firstIndex(where: { $0 === client }) else { return }
        let wasCongested = client.isCongested
        clients.remove(at: index)
        loop.cancel(client.timer)
        client.watch = nil
        client.receives = false
        if wasCongested { events.room() }
        tellIfFinished()
    }

    private func tellIfFinished() {
        guard clients.isEmpty, let done = finished else { return }
        finished = nil
        done()
    }

    private func updateInterest(_ client: Client) {
        client.watch?.change(to: interest(of: client))
    }

    private func interest(of client: Client) -> EventLoop.Events {
        var events: EventLoop.Events = []
        if client.sends && takesInput { events.insert(.readable) }
        if client.receives && !client.queue.isEmpty { events.insert(.writable) }
        return events
    }
}
