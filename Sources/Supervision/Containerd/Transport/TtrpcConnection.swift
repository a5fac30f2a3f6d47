// SPDX-License-Identifier: Apache-2.0

internal import Linux
internal import Protobuf

/// One client of the shim.
///
/// Whatever it sends is answered with an error, or ends this connection and nothing else. What it
/// does not read is held up to a limit, and then it is cut off.
final class TtrpcConnection {
    /// No more requests are read while this much waits to be taken.
    private static let pauseOutput = 1 << 20
    /// Answers to what was asked before may go on to here.
    private static let outputLimit = 16 << 20
    /// The most calls that wait for an answer.
    private static let callLimit = 4096

    private var watch: Watch?
    private let service: TtrpcServer.Service
    private let log: ShimLog
    private let onEnd: (TtrpcConnection) -> Void
    private var reader = TtrpcFrameReader()
    private var output: [UInt8] = []
    /// How much of `output` has been taken.
    private var taken = 0
    private var unanswered = 0
    private var lastStream: UInt32 = 0

    /// - Parameters:
    ///   - socket: the connection, which becomes non-blocking.
    ///   - loop: where it is served.
    ///   - log: where what goes wrong is told.
    ///   - service: answers requests.
    ///   - onEnd: called when the connection is over.
    /// - Throws: when something of that fails.
    init(
        _ socket: consuming FileDescriptor, in loop: EventLoop, log: ShimLog,
        service: @escaping TtrpcServer.Service, onEnd: @escaping (TtrpcConnection) -> Void
    ) throws(SystemCallError) {
        self.service = service
        self.log = log
        self.onEnd = onEnd
        try Readiness.makeNonBlocking(socket)
        watch = try Watch(socket, of: loop, for: .readable) { [unowned self] events in
            handle(events)
        }
    }

    /// Whether there is nothing left to send.
    var isDrained: Bool { watch == nil || output.count == taken }

    private func handle(_ events: EventLoop.Events) {
        if events.contains(.writable) { flush() }
        if !events.isDisjoint(with: [.readable, .hungUp, .failed]) { read() }
        updateInterest()
    }

    private func end(_ reason: String?) {
        guard watch != nil else { return }
        if let reason { log.write(.warning, "a connection ends: \(reason)") }
        watch = nil
        output = []
        taken = 0
        onEnd(self)
    }

    private func updateInterest() {
        guard let watch else { return }
        let waiting = output.count - taken
        var events: EventLoop.Events = waiting < Self.pauseOutput ? .readable : []
        if waiting > 0 { events.insert(.writable) }
        watch.change(to: events)
    }

    // MARK: - In

    private func read() {
        var buffer = [UInt8](repeating: 0, count: 8192)
        // A few rounds: others must have their turn.
        for _ in 0..<8 {
            guard let number = watch?.number else { return }
            let count: Int
            do throws(SystemCallError) {
                count = try File.read(number, into: &buffer)
            } catch where error.errno == .again {
                return
            } catch {
                return end("\(error)")
            }
            if count == 0 {
                return end(reader.isWithinFrame ? "it was closed within a message" : nil)
            }
            reader.append(buffer[..<count])
            while let found = reader.next() {
                handle(found)
                if watch == nil { return }
            }
            if count < buffer.count || output.count - taken >= Self.pauseOutput { return }
        }
    }

    private func handle(_ found: TtrpcFrameReader.Found) {
        switch found {
        case .oversized(let stream, let kind, let size):
            log.write(.warning, "a message of \(size) bytes is over the limit, and passed over")
            guard kind == TtrpcFrame.Kind.request else { return }
            fail(
                stream, .resourceExhausted,
                "message length \(size) exceeds maximum message size of \(TtrpcFrame.dataLimit)")
        case .frame(let frame): handle(frame)
        }
    }

    private func handle(_ frame: TtrpcFrame) {
        let stream = frame.stream
        switch frame.kind {
        case TtrpcFrame.Kind.request: break
        case TtrpcFrame.Kind.data:
            return fail(stream, .invalidArgument, "stream \(stream) takes no data")
        // Kinds that are not known are to be passed over; an answer is none of a client's.
        default: return
        }
        guard stream % 2 == 1 else {
            return fail(stream, .invalidArgument, "stream \(stream) of a client must be odd")
        }
        guard stream > lastStream else {
            return fail(
                stream, .invalidArgument, "stream \(stream) must be above \(lastStream)")
        }
        lastStream = stream
        guard frame.flags & TtrpcFrame.Flags.open == 0 else {
            return fail(stream, .unimplemented, "no method takes a stream of messages")
        }
        let request: TtrpcRequest
        do throws(WireError) {
            request = try TtrpcRequest(decoding: frame.data)
        } catch {
            return fail(stream, .invalidArgument, "the request cannot be read: \(error)")
        }
        guard unanswered < Self.callLimit else {
            return fail(stream, .resourceExhausted, "too many calls wait for an answer")
        }
        unanswered += 1
        var isAnswered = false
        service(request) { [weak self] result in
            // One answer to each call.
            if isAnswered { return }
            isAnswered = true
            self?.answer(stream, result)
        }
    }

    // MARK: - Out

    private func answer(_ stream: UInt32, _ result: Result<[UInt8], CallError>) {
        unanswered -= 1
        switch result {
        case .success(let payload):
            guard payload.count < TtrpcFrame.dataLimit - 64 else {
                return fail(
                    stream, .resourceExhausted, "the answer has \(payload.count) bytes")
            }
            // A status without a code says that all is well.
            send(stream, TtrpcResponse(status: CallStatus(), payload: payload))
        case .failure(let error): send(stream, TtrpcResponse(status: error.status, payload: []))
        }
    }

    private func fail(_ stream: UInt32, _ code: CallError.Code, _ message: String) {
        send(stream, TtrpcResponse(status: CallError(code, message).status, payload: []))
    }

    private func send(_ stream: UInt32, _ response: TtrpcResponse) {
        guard watch != nil else { return }
        output +=
            TtrpcFrame(
                stream: stream, kind: TtrpcFrame.Kind.response, data: response.encoded
            ).encoded
        flush()
        if output.count - taken > Self.outputLimit {
            end("its client takes no answers")
        }
        updateInterest()
    }

    private func flush() {
        while taken < output.count, let number = watch?.number {
            do throws(SystemCallError) {
                let count = try Readiness.writeSome(output[taken...], to: number, isSocket: true)
                if count == 0 { break }
                taken += count
            } catch {
                return end("\(error)")
            }
        }
        if taken == output.count {
            output = []
            taken = 0
        } else if taken > 65536 {
            output.removeFirst(taken)
            taken = 0
        }
    }
}
