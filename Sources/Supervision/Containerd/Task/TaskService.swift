// SPDX-License-Identifier: Apache-2.0

internal import Linux
internal import Protobuf

/// The Task service: what containerd asks of a shim, for one container or for all of a pod.
///
/// The methods are in extensions, by what they are about. Each answers once: at once, or when a
/// call of the runtime has ended. What changes a process waits for the change before.
package final class TaskService {
    let loop: EventLoop
    let reaper: Reaper
    let publisher: EventPublisher
    let log: ShimLog
    let namespace: String
    /// What is called when the last container is gone and the shim may go.
    private let onShutdown: () -> Void

    var containers: [String: TaskContainer] = [:]
    /// Ids of containers that are being made.
    var beingCreated: Set<String> = []

    /// - Parameters:
    ///   - namespace: of containerd's.
    ///   - publisher: what tells containerd.
    ///   - loop: where this happens.
    ///   - reaper: of that loop.
    ///   - log: where what goes wrong is told.
    ///   - onShutdown: called when the shim is to end.
    package init(
        namespace: String, publisher: EventPublisher, in loop: EventLoop, _ reaper: Reaper,
        log: ShimLog, onShutdown: @escaping () -> Void
    ) {
        self.loop = loop
        self.reaper = reaper
        self.publisher = publisher
        self.log = log
        self.namespace = namespace
        self.onShutdown = onShutdown
    }

    /// Whether there is no container.
    package var isIdle: Bool { containers.isEmpty && beingCreated.isEmpty }

    /// Does what a request asks.
    package func handle(_ request: TtrpcRequest, _ reply: @escaping TtrpcServer.Reply) {
        let call = TaskCall(request, reply)
        guard
            ["containerd.task.v2.Task", "containerd.task.v3.Task"].contains(request.service)
        else {
            return call.fail(
                CallError(.unimplemented, "service \(request.service) is not here"))
        }
        log.write(.debug, "call \(request.method)")
        do throws(CallError) {
            try perform(request.method, call)
        } catch {
            call.fail(error)
        }
    }

    private func perform(_ method: String, _ call: TaskCall) throws(CallError) {
        switch method {
        case "Create": try create(call.decoded(), call)
        case "Start": try start(call.decoded(), call)
        case "Delete": try delete(call.decoded(), call)
        case "Exec": try exec(call.decoded(), call)
        case "State": call.answer(try state(call.decoded()))
        case "Pids": try pids(call.decoded(), call)
        case "Pause": try pause(call.decoded(), call)
        case "Resume": try resume(call.decoded(), call)
        case "Checkpoint": try checkpoint(call.decoded(), call)
        case "Kill": try kill(call.decoded(), call)
        case "ResizePty": try resize(call.decoded(), call)
        case "CloseIO": try closeIO(call.decoded(), call)
        case "Update": try update(call.decoded(), call)
        case "Wait": try wait(call.decoded(), call)
        case "Stats": call.answer(try statistics(call.decoded()))
        case "Connect": call.answer(connect(try call.decoded()))
        case "Shutdown": shutdown(try call.decoded(), call)
        default: throw CallError(.unimplemented, "method \(method) is not here")
        }
    }

    func container(_ id: String) throws(CallError) -> TaskContainer {
        guard let container = containers[id] else {
            throw CallError(.notFound, "container \"\(id)\" not found")
        }
        return container
    }

    private func shutdown(_ request: TaskAPI.ShutdownRequest, _ call: TaskCall) {
        call.answer(Empty())
        if isIdle { onShutdown() }
    }

    private func connect(_ request: TaskAPI.ContainerRequest) -> TaskAPI.ConnectResponse {
        var response = TaskAPI.ConnectResponse()
        response.shimPid = UInt32(bitPattern: Process.id)
        // Of a container that is not there, the shim's own pid is still known.
        response.taskPid = UInt32(bitPattern: containers[request.id]?.first.pid ?? 0)
        return response
    }
}

/// One call that is to be answered.
struct TaskCall {
    private let payload: [UInt8]
    private let timeout: Int64
    private let reply: TtrpcServer.Reply

    init(_ request: TtrpcRequest, _ reply: @escaping TtrpcServer.Reply) {
        payload = request.payload
        timeout = request.timeout
        self.reply = reply
    }

    /// What is asked.
    func decoded<Request: Message>(_ type: Request.Type = Request.self) throws(CallError)
        -> Request
    {
        do throws(WireError) {
            return try Request(decoding: payload)
        } catch {
            throw CallError(.invalidArgument, "the request cannot be read: \(error)")
        }
    }

    func answer(_ response: some Message) { reply(.success(response.encoded)) }

    func fail(_ error: CallError) { reply(.failure(error)) }

    /// How long the runtime may take, in milliseconds: as long as the caller waits, if that says.
    func patience(_ usual: Int) -> Int {
        timeout <= 0 ? usual : min(usual, max(1, Int(timeout / 1_000_000)))
    }
}
