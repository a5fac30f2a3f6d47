// SPDX-License-Identifier: Apache-2.0

internal import Linux
package import Protobuf

/// Tells containerd what happens, in the order in which it happened.
///
/// What cannot be delivered, because containerd is away, waits and is tried again: a restart of
/// containerd loses nothing.
package final class EventPublisher {
    /// The most that waits. The oldest is dropped then.
    private static let limit = 2048
    /// How long an answer may take.
    private static let patience = 5000
    /// How often an event is tried that containerd refuses.
    private static let refusalLimit = 5

    private let address: String
    private let namespace: String
    private let loop: EventLoop
    private let log: ShimLog
    private var waiting: [TaskEvent.Envelope] = []
    private var connection: Watch?
    private var reader = TtrpcFrameReader()
    private var output: ArraySlice<UInt8> = []
    private var stream: UInt32 = 0
    /// Whether the first event has been sent, and not been answered.
    private var isInFlight = false
    private var timer: EventLoop.Timer?
    private var failures = 0
    private var refusals = 0
    private var onEmpty: (() -> Void)?

    /// - Parameters:
    ///   - address: the path of containerd's ttrpc socket; empty for nobody.
    ///   - namespace: of containerd's.
    ///   - loop: where this happens.
    ///   - log: where what goes wrong is told.
    package init(address: String, namespace: String, in loop: EventLoop, log: ShimLog) {
        self.address = address
        self.namespace = namespace
        self.loop = loop
        self.log = log
    }

    /// Tells of one event, soon.
    ///
    /// - Parameters:
    ///   - topic: `/tasks/…`.
    ///   - type: the message's name.
    ///   - event: what happened.
    package func publish(_ topic: String, _ type: String, _ event: some Message) {
        if address.isEmpty { return }
        var envelope = TaskEvent.Envelope()
        envelope.timestamp = .now
        envelope.namespace = namespace
        envelope.topic = topic
        envelope.event = AnyMessage(typeURL: type, value: event.encoded)
        if waiting.count >= Self.limit {
            // The first may be on its way.
            let dropped = waiting.remove(at: isInFlight ? 1 : 0)
            log.write(.error, "event \(dropped.topic) is dropped: too many wait")
        }
        waiting.append(envelope)
        if !isInFlight && timer == nil { sendNext() }
    }

    /// Calls something once nothing waits any more, or when a time is over.
    package func whenEmpty(milliseconds: Int, _ body: @escaping () -> Void) {
        if waiting.isEmpty { return body() }
        onEmpty = body
        loop.after(milliseconds: milliseconds) { [weak self] in self?.tellEmpty() }
    }

    private func tellEmpty() {
        let body = onEmpty
        onEmpty = nil
        body?()
    }

    private func sendNext() {
        guard let first = waiting.first else { return tellEmpty() }
        do throws(SystemCallError) {
            if connection == nil { try connect() }
        } catch {
            return retry("containerd cannot be reached: \(error)")
        }
        // Odd, and higher each time.
        stream &+= 2
        if stream > UInt32(Int32.max) || stream % 2 == 0 { stream = 1 }
        var request = TaskEvent.ForwardRequest()
        request.envelope = first
        let call = TtrpcRequest(
            service: "containerd.services.events.ttrpc.v1.Events", method: "Forward",
            payload: request.encoded, timeout: Int64(Self.patience) * 1_000_000)
        output =
            TtrpcFrame(
                stream: stream, kind: TtrpcFrame.Kind.request, data: call.encoded
            ).encoded[...]
        isInFlight = true
        timer = loop.after(milliseconds: Self.patience) { [weak self] in
            self?.timer = nil
            self?.retry("containerd does not answer")
        }
        flush()
    }

    private func connect() throws(SystemCallError) {
        let socket = try Socket.connect(
            .stream, to: address, at: Directory.current, waiting: false)
        reader = TtrpcFrameReader()
        stream = 0
        connection = try Watch(socket, of: loop, for: .readable) { [unowned self] events in
            if events.contains(.writable) { flush() }
            if !events.isDisjoint(with: [.readable, .hungUp, .failed]) { read() }
        }
    }

    private func flush() {
        while !output.isEmpty, let number = connection?.number {
            do throws(SystemCallError) {
                let count = try Readiness.writeSome(output, to: number, isSocket: true)
                if count == 0 { break }
                output = output.dropFirst(count)
            } catch {
                return retry("\(error)")
            }
        }
        if output.isEmpty { output = [] }
        connection?.change(to: output.isEmpty ? .readable : [.readable, .writable])
    }

    private func read() {
        guard let number = connection?.number else { return }
        var buffer = [UInt8](repeating: 0, count: 4096)
        do throws(SystemCallError) {
            let count = try File.read(number, into: &buffer)
            if count == 0 {
                if isInFlight { return retry("containerd closed the connection") }
                // It will be made again when there is something to tell.
                connection = nil
                return
            }
            reader.append(buffer[..<count])
        } catch where error.errno == .again {
            return
        } catch {
            return retry("\(error)")
        }
        while let found = reader.next() {
            // Others are answers to what is no longer waited for.
            guard case .frame(let frame) = found, frame.kind == TtrpcFrame.Kind.response,
                frame.stream == stream, isInFlight
            else { continue }
            return handle(frame)
        }
    }

    private func handle(_ frame: TtrpcFrame) {
        let status: CallStatus?
        do throws(WireError) {
            status = try TtrpcResponse(decoding: frame.data).status
        } catch {
            return retry("containerd's answer cannot be read: \(error)")
        }
        if let status, status.code != 0 {
            refusals += 1
            guard refusals >= Self.refusalLimit else {
                return retry("containerd refuses an event: \(status.message)")
            }
            log.write(.error, "event \(waiting[0].topic) is dropped: \(status.message)")
        }
        loop.cancel(timer)
        timer = nil
        failures = 0
        refusals = 0
        isInFlight = false
        waiting.removeFirst()
        if waiting.isEmpty { waiting = [] }
        sendNext()
    }

    /// Tries the same event again after a while, on a new connection.
    private func retry(_ reason: String) {
        connection = nil
        output = []
        isInFlight = false
        loop.cancel(timer)
        failures += 1
        // Not each time: containerd may be away for long.
        if failures == 1 || failures % 60 == 0 { log.write(.warning, reason) }
        timer = loop.after(milliseconds: min(1000 * failures, 5000)) { [weak self] in
            self?.timer = nil
            self?.sendNext()
        }
    }
}

extension Timestamp {
    /// The present moment.
    static var now: Timestamp {
        let now = Clock.now
        return Timestamp(
            seconds: now.seconds, nanoseconds: Int32(truncatingIfNeeded: now.nanoseconds))
    }
}
