// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import Linux
import Protobuf
import Supervision
import Testing

/// The server and the publisher, in one loop with what stands for the other side.
@Suite struct ServerTests {
    private static func directory() throws -> String {
        let path = "/tmp/ttrpc-\(UInt32.random(in: 0 ... .max))"
        try File.makeDirectory(path, permissions: 0o700)
        return path
    }

    private static func listen(_ directory: String) throws -> FileDescriptor {
        let open = try File.open(directory, .directory)
        return try Socket.listen(.stream, at: "s", in: open.number)
    }

    @Test("calls are answered, late ones too, and each once")
    func calls() throws {
        let directory = try Self.directory()
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let loop = try EventLoop()
        var late: TtrpcServer.Reply?
        let server = try TtrpcServer(
            try Self.listen(directory), in: loop, log: ShimLog(fifo: "", id: "", debug: false)
        ) { request, reply in
            if request.method == "late" { return late = reply }
            reply(.success(request.payload))
            reply(.failure(CallError(.unknown, "twice")))
            late?(.failure(CallError(.notFound, "nothing")))
        }
        let client = try Socket.connect(.stream, to: "\(directory)/s", at: Directory.current)
        for (stream, method) in [(UInt32(1), "late"), (3, "now")] {
            let request = TtrpcRequest(service: "s", method: method, payload: [7])
            let frame = TtrpcFrame(stream: stream, kind: 1, data: request.encoded)
            try File.write(frame.encoded, to: client.number)
        }
        loop.after(milliseconds: 200) { loop.stop() }
        try loop.run()
        var reader = TtrpcFrameReader()
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = try File.read(client.number, into: &buffer)
        reader.append(buffer[..<count])
        var answers: [UInt32: TtrpcResponse] = [:]
        while case .frame(let frame)? = reader.next() {
            #expect(answers[frame.stream] == nil)
            answers[frame.stream] = try TtrpcResponse(decoding: frame.data)
        }
        #expect(answers[3]?.payload == [7])
        #expect(answers[1]?.status?.code == 5)
        #expect(server.isDrained)
    }

    @Test("events wait while nobody listens, and come in order when somebody does")
    func events() throws {
        let directory = try Self.directory()
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let loop = try EventLoop()
        let log = ShimLog(fifo: "", id: "", debug: false)
        let publisher = EventPublisher(
            address: "\(directory)/s", namespace: "n", in: loop, log: log)
        var event = TaskEvent.Container()
        for number in 0..<5 {
            event.containerID = "\(number)"
            publisher.publish("/tasks/oom", "containerd.events.TaskOOM", event)
        }
        var seen: [String] = []
        var refusals = 2
        var server: TtrpcServer?
        loop.after(milliseconds: 300) {
            guard let listener = try? Self.listen(directory) else { return }
            server = try? TtrpcServer(listener, in: loop, log: log) { request, reply in
                // What is refused comes again.
                if refusals > 0 {
                    refusals -= 1
                    return reply(.failure(CallError(.unavailable, "not now")))
                }
                let forwarded = try? TaskEvent.ForwardRequest(decoding: request.payload)
                let any = forwarded?.envelope?.event
                let event = any.flatMap { try? TaskEvent.Container(decoding: $0.value) }
                seen.append(event?.containerID ?? "?")
                reply(.success([]))
            }
        }
        var isEmpty = false
        publisher.whenEmpty(milliseconds: 20_000) {
            isEmpty = true
            loop.stop()
        }
        try loop.run()
        #expect(isEmpty)
        #expect(seen == ["0", "1", "2", "3", "4"])
        #expect(server?.isDrained == true)
    }
}
