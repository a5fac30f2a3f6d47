// SPDX-License-Identifier: Apache-2.0

internal import JSON
internal import Linux
internal import Protobuf

/// What is asked of containers while they run.
extension TaskService {
    func state(_ request: TaskAPI.ProcessRequest) throws(CallError) -> TaskAPI.StateResponse {
        let container = try container(request.id)
        let process = try container.process(request.execID)
        var response = TaskAPI.StateResponse()
        response.id = process.isFirst ? container.id : process.execID
        response.bundle = container.bundle
        response.pid = UInt32(bitPattern: process.pid)
        response.status = container.status(of: process).rawValue
        response.stdin = process.names.input
        response.stdout = process.names.output
        response.stderr = process.names.errors
        response.terminal = process.names.terminal
        response.exitStatus = process.exit?.status ?? 0
        response.exitedAt = process.exit?.time
        response.execID = process.execID
        return response
    }

    func statistics(_ request: TaskAPI.ContainerRequest) throws(CallError)
        -> TaskAPI.StatsResponse
    {
        let container = try container(request.id)
        guard let groups = container.cgroups else {
            throw CallError(.notFound, "cgroup does not exist")
        }
        var response = TaskAPI.StatsResponse()
        if let unified = groups.unified {
            response.stats = AnyMessage(
                typeURL: "io.containerd.cgroups.v2.Metrics",
                value: UnifiedMetrics.Metrics(readingFrom: unified).encoded)
        } else if !groups.legacy.isEmpty {
            response.stats = AnyMessage(
                typeURL: "io.containerd.cgroups.v1.Metrics",
                value: LegacyMetrics.Metrics(readingFrom: groups.legacy).encoded)
        } else {
            throw CallError(.notFound, "cgroup does not exist")
        }
        return response
    }

    func pids(_ request: TaskAPI.ContainerRequest, _ call: TaskCall) throws(CallError) {
        let container = try container(request.id)
        container.runtime.call(
            ["ps", "--format", "json", container.id], doing: "OCI runtime ps failed",
            milliseconds: call.patience(OCIRuntime.Patience.other)
        ) { outcome, error in
            if let error { return call.fail(error) }
            do throws(CallError) {
                var response = TaskAPI.PidsResponse()
                for pid in try Self.pids(in: outcome.output) {
                    var information = TaskAPI.ProcessInfo()
                    information.pid = pid
                    for process in container.execs.values where process.pid == Int32(pid) {
                        var details = TaskAPI.ProcessDetails()
                        details.execID = process.execID
                        information.info = AnyMessage(
                            typeURL: "containerd.runc.v1.ProcessDetails", value: details.encoded)
                    }
                    response.processes.append(information)
                }
                call.answer(response)
            } catch {
                call.fail(error)
            }
        }
    }

    private static func pids(in text: [UInt8]) throws(CallError) -> [UInt32] {
        do throws(JSONError) {
            let root = try JSONDocument(parsing: text).root
            // null stands for none.
            if root.isNull { return [] }
            var pids: [UInt32] = []
            for element in try root.elements() {
                // Up to what a pid can be.
                let pid: Int32 = try element.integer()
                pids.append(UInt32(bitPattern: pid))
            }
            return pids
        } catch {
            throw CallError(.unknown, "OCI runtime ps failed: its answer is no list: \(error)")
        }
    }

    // MARK: - Pause and resume

    func pause(_ request: TaskAPI.ContainerRequest, _ call: TaskCall) throws(CallError) {
        let container = try container(request.id)
        container.first.queue.add { [self] done in
            guard container.first.state == .running, !container.isPaused else {
                call.fail(
                    CallError(
                        .failedPrecondition,
                        "cannot pause a container that is \(container.status(of: container.first))"
                    ))
                return done()
            }
            container.isPausing = true
            container.runtime.call(
                ["pause", container.id], doing: "OCI runtime pause failed",
                milliseconds: call.patience(OCIRuntime.Patience.other)
            ) { [self] _, error in
                container.isPausing = false
                if let error {
                    call.fail(error)
                } else {
                    container.isPaused = container.first.state == .running
                    tell("/tasks/paused", "containerd.events.TaskPaused", container)
                    call.answer(Empty())
                }
                done()
            }
        }
    }

    func resume(_ request: TaskAPI.ContainerRequest, _ call: TaskCall) throws(CallError) {
        let container = try container(request.id)
        container.first.queue.add { [self] done in
            guard container.isPaused else {
                call.fail(
                    CallError(
                        .failedPrecondition,
                        "cannot resume a container that is \(container.status(of: container.first))"
                    ))
                return done()
            }
            container.runtime.call(
                ["resume", container.id], doing: "OCI runtime resume failed",
                milliseconds: call.patience(OCIRuntime.Patience.other)
            ) { [self] _, error in
                if let error {
                    call.fail(error)
                } else {
                    container.isPaused = false
                    tell("/tasks/resumed", "containerd.events.TaskResumed", container)
                    call.answer(Empty())
                }
                done()
            }
        }
    }

    private func tell(_ topic: String, _ type: String, _ container: TaskContainer) {
        var event = TaskEvent.Container()
        event.containerID = container.id
        publisher.publish(topic, type, event)
    }

    // MARK: - Resources

    func update(_ request: TaskAPI.UpdateRequest, _ call: TaskCall) throws(CallError) {
        let container = try container(request.id)
        guard let resources = request.resources else {
            throw CallError(.invalidArgument, "there are no resources")
        }
        container.first.queue.add { done in
            container.runtime.call(
                ["update", "--resources", "-", container.id], doing: "OCI runtime update failed",
                milliseconds: call.patience(OCIRuntime.Patience.other),
                prepare: { $0.input = .bytes(resources.value) }
            ) { _, error in
                if let error { call.fail(error) } else { call.answer(Empty()) }
                done()
            }
        }
    }

    // MARK: - Checkpoint

    func checkpoint(_ request: TaskAPI.CheckpointRequest, _ call: TaskCall) throws(CallError) {
        let container = try container(request.id)
        var options = ShimMessages.CheckpointOptions()
        if let any = request.options, !any.value.isEmpty {
            guard any.typeName == "containerd.runc.v1.CheckpointOptions" else {
                throw CallError(.invalidArgument, "no checkpoint has options \"\(any.typeURL)\"")
            }
            do throws(WireError) {
                options = try ShimMessages.CheckpointOptions(decoding: any.value)
            } catch {
                throw CallError(.invalidArgument, "the options cannot be read: \(error)")
            }
        }
        let words = Self.checkpointWords(request, options, container)
        container.first.queue.add { [self] done in
            guard container.first.state == .running else {
                call.fail(CallError(.failedPrecondition, "the container does not run"))
                return done()
            }
            container.runtime.call(
                words, doing: "OCI runtime checkpoint failed",
                milliseconds: call.patience(OCIRuntime.Patience.checkpoint)
            ) { [self] _, error in
                if let error {
                    call.fail(error)
                } else {
                    var event = TaskEvent.Checkpointed()
                    event.containerID = container.id
                    event.checkpoint = request.path
                    publisher.publish(
                        "/tasks/checkpointed", "containerd.events.TaskCheckpointed", event)
                    call.answer(Empty())
                }
                done()
            }
        }
    }

    private static func checkpointWords(
        _ request: TaskAPI.CheckpointRequest, _ options: ShimMessages.CheckpointOptions,
        _ container: TaskContainer
    ) -> [String] {
        let image = options.imagePath.isEmpty ? request.path : options.imagePath
        let work = options.workPath.isEmpty ? "\(container.bundle)/work" : options.workPath
        var words = ["checkpoint", "--image-path", image, "--work-path", work]
        if !options.parentPath.isEmpty { words += ["--parent-path", options.parentPath] }
        if !options.exit { words.append("--leave-running") }
        if options.openTCP { words.append("--tcp-established") }
        if options.externalUnixSockets { words.append("--ext-unix-sk") }
        if options.terminal { words.append("--shell-job") }
        if options.fileLocks { words.append("--file-locks") }
        for namespace in options.emptyNamespaces { words += ["--empty-ns", namespace] }
        return words + [container.id]
    }

    // MARK: - Streams

    func resize(_ request: TaskAPI.ResizeRequest, _ call: TaskCall) throws(CallError) {
        let process = try container(request.id).process(request.execID)
        let size = WindowSize(
            rows: UInt16(clamping: request.height), columns: UInt16(clamping: request.width))
        try doing("the terminal") { () throws(SystemCallError) in
            try process.streams.resize(size)
        }
        call.answer(Empty())
    }

    func closeIO(_ request: TaskAPI.CloseIORequest, _ call: TaskCall) throws(CallError) {
        let process = try container(request.id).process(request.execID)
        if request.stdin { process.streams.closeInput() }
        call.answer(Empty())
    }
}
