// SPDX-License-Identifier: Apache-2.0

internal import Linux
internal import Protobuf

/// How processes end: their own way, by `Kill`, and what `Delete` leaves of them.
extension TaskService {
    /// How long output may still come when a process is deleted.
    private static let drainTime = 10_000
    /// How long an end is told later for the sake of those who still read.
    private static let takingTime = 500

    // MARK: - The end of a process

    /// A process has ended, and was reaped.
    func hasEnded(_ process: TaskProcess, of container: TaskContainer, _ end: ProcessEnd) {
        // First its start is told, then its end.
        if process.isStarting {
            process.earlyEnd = end
            return
        }
        process.streams.whenTaken(milliseconds: Self.takingTime) { [self] in
            outputIsTaken(of: process, of: container, end)
        }
    }

    private func outputIsTaken(
        of process: TaskProcess, of container: TaskContainer, _ end: ProcessEnd
    ) {
        guard process.isFirst else {
            tellEnd(of: process, of: container, end)
            return execHasEnded(of: container)
        }
        guard container.outlivesFirstProcess else {
            return firstHasEnded(of: container, end)
        }
        container.runtime.call(
            ["kill", "--all", container.id, "\(Signal.kill)"], doing: "OCI runtime kill failed"
        ) { [self] _, error in
            if let error { log.write(.debug, error.message) }
            firstHasEnded(of: container, end)
        }
    }

    /// The first process's end is told after those of all others.
    private func firstHasEnded(of container: TaskContainer, _ end: ProcessEnd) {
        if container.runningExecs > 0 {
            container.heldEnd = end
            return
        }
        tellEnd(of: container.first, of: container, end)
    }

    /// An exec has ended, or could not be started.
    func execHasEnded(of container: TaskContainer) {
        container.runningExecs -= 1
        if container.runningExecs == 0, let end = container.heldEnd {
            container.heldEnd = nil
            tellEnd(of: container.first, of: container, end)
        }
    }

    private func tellEnd(of process: TaskProcess, of container: TaskContainer, _ end: ProcessEnd) {
        let exit = TaskProcess.Exit(status: UInt32(bitPattern: end.status.shellCode), time: .now)
        if process.isFirst {
            // An end for want of memory is told after its reason.
            container.memoryWatch?.check()
            container.memoryWatch = nil
            container.record(exit, pid: process.pid, log: log)
            (container.isPaused, container.isPausing) = (false, false)
        }
        process.setExit(exit)
        var event = TaskEvent.Exit()
        event.containerID = container.id
        event.id = process.isFirst ? container.id : process.execID
        event.pid = UInt32(bitPattern: process.pid)
        event.exitStatus = exit.status
        event.exitedAt = exit.time
        publisher.publish("/tasks/exit", "containerd.events.TaskExit", event)
        process.tellWaiters()
    }

    // MARK: - Wait

    func wait(_ request: TaskAPI.ProcessRequest, _ call: TaskCall) throws(CallError) {
        let process = try container(request.id).process(request.execID)
        process.whenExited { exit in
            var response = TaskAPI.WaitResponse()
            response.exitStatus = exit.status
            response.exitedAt = exit.time
            call.answer(response)
        }
    }

    // MARK: - Kill

    func kill(_ request: TaskAPI.KillRequest, _ call: TaskCall) throws(CallError) {
        let container = try container(request.id)
        let process = try container.process(request.execID)
        guard request.signal > 0, request.signal <= UInt32(Signal.last) else {
            throw CallError(.invalidArgument, "there is no signal \(request.signal)")
        }
        let signal = Int32(request.signal)
        guard process.isFirst else {
            try killExec(process, signal)
            return call.answer(Empty())
        }
        if process.exit != nil && !request.all {
            throw CallError(.notFound, "process already finished")
        }
        container.runtime.call(
            ["kill"] + (request.all ? ["--all"] : []) + [container.id, "\(signal)"],
            doing: "OCI runtime kill failed",
            milliseconds: call.patience(OCIRuntime.Patience.other)
        ) { _, error in
            if let error { call.fail(Self.killError(error, process)) } else { call.answer(Empty()) }
        }
    }

    private func killExec(_ process: TaskProcess, _ signal: Int32) throws(CallError) {
        guard process.pid != 0 else {
            throw CallError(.failedPrecondition, "process not created")
        }
        guard let handle = process.handle else {
            throw CallError(.notFound, "process already finished")
        }
        do throws(SystemCallError) {
            try Process.send(signal, to: handle.descriptor)
        } catch where error.errno == .noProcess {
            throw CallError(.notFound, "process already finished")
        } catch {
            throw CallError(.unknown, "\(error)")
        }
    }

    /// What runtimes say of a process that is gone becomes what callers look for.
    private static func killError(_ error: CallError, _ process: TaskProcess) -> CallError {
        let message = error.message.lowercased()
        let isGone = [
            "process already finished", "not running", "no such process", "stopped",
        ].contains { message.mentions($0) }
        if isGone || process.exit != nil {
            return CallError(.notFound, "process already finished: \(error.message)")
        }
        if message.mentions("does not exist") {
            return CallError(.notFound, "no such container: \(error.message)")
        }
        return error
    }

    // MARK: - Delete

    func delete(_ request: TaskAPI.ProcessRequest, _ call: TaskCall) throws(CallError) {
        let container = try container(request.id)
        let process = try container.process(request.execID)
        process.queue.add { [self] done in
            // Of two who ask at once, the second finds nothing.
            guard containers[container.id] === container,
                (try? container.process(process.execID)) === process
            else {
                call.fail(CallError(.notFound, "\"\(request.id)\" was deleted"))
                return done()
            }
            guard process.state != .running else {
                call.fail(CallError(.failedPrecondition, "cannot delete a running process"))
                return done()
            }
            if process.isFirst {
                deleteContainer(container, call, done)
            } else {
                deleteExec(process, of: container, call, done)
            }
        }
    }

    private func deleteExec(
        _ process: TaskProcess, of container: TaskContainer, _ call: TaskCall,
        _ done: @escaping () -> Void
    ) {
        process.streams.whenDrained(milliseconds: Self.drainTime) { [self] in
            process.streams.close()
            try? File.remove("\(container.bundle)/\(process.execID).pid", at: Directory.current)
            container.execs[process.execID] = nil
            call.answer(Self.deletion(of: process))
            log.write(.debug, "process \(process.execID) is deleted")
            done()
        }
    }

    private func deleteContainer(
        _ container: TaskContainer, _ call: TaskCall, _ done: @escaping () -> Void
    ) {
        let process = container.first
        let patience = call.patience(OCIRuntime.Patience.other)
        let remove = { [self] (error: CallError?) in
            if let error, !error.message.mentions("does not exist") {
                call.fail(error)
                return done()
            }
            finishDeletion(container, call, done)
        }
        // One that was never started is ended by that, and its end comes first.
        if process.state == .created && process.pid != 0 {
            return container.runtime.call(
                ["delete", "--force", container.id], doing: "failed to delete task",
                milliseconds: patience
            ) { [self] _, error in
                if error != nil { return remove(error) }
                whenExitedSoon(process) { remove(nil) }
            }
        }
        process.streams.whenDrained(milliseconds: Self.drainTime) {
            container.runtime.call(
                ["delete", container.id], doing: "failed to delete task",
                milliseconds: patience
            ) { _, error in remove(error) }
        }
    }

    private func whenExitedSoon(_ process: TaskProcess, _ body: @escaping () -> Void) {
        var isCalled = false
        let once = {
            if isCalled { return }
            isCalled = true
            body()
        }
        process.whenExited { _ in once() }
        loop.after(milliseconds: 5000, once)
    }

    private func finishDeletion(
        _ container: TaskContainer, _ call: TaskCall, _ done: @escaping () -> Void
    ) {
        container.first.streams.close()
        for exec in container.execs.values { exec.streams.abandon() }
        if let failure = container.rootfs.unmount() {
            call.fail(CallError(.unknown, "failed rootfs umount: \(failure)"))
            return done()
        }
        containers[container.id] = nil
        let response = Self.deletion(of: container.first)
        var event = TaskEvent.Delete()
        event.containerID = container.id
        event.pid = response.pid
        event.exitStatus = response.exitStatus
        event.exitedAt = response.exitedAt
        publisher.publish("/tasks/delete", "containerd.events.TaskDelete", event)
        call.answer(response)
        done()
    }

    private static func deletion(of process: TaskProcess) -> TaskAPI.DeleteResponse {
        var response = TaskAPI.DeleteResponse()
        response.pid = UInt32(bitPattern: process.pid)
        response.exitStatus = process.exit?.status ?? 0
        response.exitedAt = process.exit?.time
        return response
    }
}
