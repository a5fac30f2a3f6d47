// SPDX-License-Identifier: Apache-2.0

internal import Linux
internal import Protobuf

/// How processes come to be: `Create`, `Exec`, `Start`.
extension TaskService {
    // MARK: - Create

    func create(_ request: TaskAPI.CreateRequest, _ call: TaskCall) throws(CallError) {
        let id = request.id
        try Self.check(id: id)
        guard containers[id] == nil, !beingCreated.contains(id) else {
            throw CallError(.alreadyExists, "container \"\(id)\" exists already")
        }
        guard request.bundle.hasPrefix("/") else {
            throw CallError(.invalidArgument, "bundle \"\(request.bundle)\" is no absolute path")
        }
        let options = try RuntimeOptions(request.options)
        let program = try options.program()
        try options.keep(inBundle: request.bundle)
        let rootfs = RootFilesystem(ofBundle: request.bundle)
        try rootfs.mount(request.rootfs)

        let runtime = OCIRuntime(
            program: program, root: options.root(ofNamespace: namespace),
            bundle: request.bundle, systemdCgroup: options.message.systemdCgroup, in: loop,
            reaper, log: log)
        let first = TaskProcess(
            names: StreamNames(
                input: request.stdin, output: request.stdout, errors: request.stderr,
                terminal: request.terminal),
            streams: streams(
                StreamNames(
                    input: request.stdin, output: request.stdout, errors: request.stderr,
                    terminal: request.terminal), options))
        let container = TaskContainer(
            request, options: options, runtime: runtime, rootfs: rootfs, first: first)
        beingCreated.insert(id)
        let finish = { [self] (error: CallError?) in
            beingCreated.remove(id)
            if let error {
                first.streams.abandon()
                if let failure = rootfs.unmount() { log.write(.warning, "\(failure)") }
                return call.fail(error)
            }
            containers[id] = container
            tellCreation(container, request)
            var response = TaskAPI.PidResponse()
            response.pid = UInt32(bitPattern: first.pid)
            call.answer(response)
        }
        first.streams.prepare(id: id, namespace: namespace, reaper) { [self] error in
            // A container that is restored comes to be by Start.
            if error != nil || !request.checkpoint.isEmpty { return finish(error) }
            launch(first, of: container, call) { error in finish(error) }
        }
    }

    private func streams(_ names: StreamNames, _ options: RuntimeOptions) -> ProcessStreams {
        ProcessStreams(
            names, owner: (options.message.ioUID, options.message.ioGID), in: loop, log: log)
    }

    private func tellCreation(_ container: TaskContainer, _ request: TaskAPI.CreateRequest) {
        var event = TaskEvent.Create()
        event.containerID = container.id
        event.bundle = container.bundle
        event.rootfs = request.rootfs
        event.checkpoint = request.checkpoint
        event.pid = UInt32(bitPattern: container.first.pid)
        var streams = TaskEvent.StandardStreams()
        streams.stdin = request.stdin
        streams.stdout = request.stdout
        streams.stderr = request.stderr
        streams.terminal = request.terminal
        event.streams = streams
        publisher.publish("/tasks/create", "containerd.events.TaskCreate", event)
    }

    /// Notes where the container's cgroups are, and watches its memory.
    private func watchCgroups(of container: TaskContainer) {
        do throws(SystemCallError) {
            let groups = try ControlGroups(of: container.first.pid)
            container.cgroups = groups
            groups.enableControllers()
            container.memoryWatch = try OutOfMemoryWatch(groups, in: loop) { [weak self] in
                var event = TaskEvent.Container()
                event.containerID = container.id
                self?.publisher.publish("/tasks/oom", "containerd.events.TaskOOM", event)
            }
        } catch {
            log.write(.warning, "the cgroup of \"\(container.id)\" is not watched: \(error)")
        }
    }

    // MARK: - Exec

    func exec(_ request: TaskAPI.ExecRequest, _ call: TaskCall) throws(CallError) {
        let container = try container(request.id)
        try Self.check(id: request.execID)
        guard container.execs[request.execID] == nil else {
            throw CallError(.alreadyExists, "process \"\(request.execID)\" exists already")
        }
        guard let specification = request.spec else {
            throw CallError(.invalidArgument, "there is no process to run")
        }
        let names = StreamNames(
            input: request.stdin, output: request.stdout, errors: request.stderr,
            terminal: request.terminal)
        container.execs[request.execID] = TaskProcess(
            execID: request.execID, names: names,
            specification: try ProcessSpecification.text(
                specification.value, terminal: request.terminal),
            streams: streams(names, container.options))
        var event = TaskEvent.ExecAdded()
        event.containerID = container.id
        event.execID = request.execID
        publisher.publish("/tasks/exec-added", "containerd.events.TaskExecAdded", event)
        call.answer(Empty())
    }

    // MARK: - Start

    func start(_ request: TaskAPI.ProcessRequest, _ call: TaskCall) throws(CallError) {
        let container = try container(request.id)
        let process = try container.process(request.execID)
        process.queue.add { [self] done in
            guard process.state == .created else {
                call.fail(CallError(.failedPrecondition, "the process was started before"))
                return done()
            }
            if process.isFirst {
                startFirst(container, call, done)
            } else {
                startExec(process, of: container, call, done)
            }
        }
    }

    private func startFirst(
        _ container: TaskContainer, _ call: TaskCall, _ done: @escaping () -> Void
    ) {
        let process = container.first
        process.isStarting = true
        let finish = { [self] (error: CallError?) in
            if error == nil {
                process.state = .running
                var event = TaskEvent.Start()
                event.containerID = container.id
                event.pid = UInt32(bitPattern: process.pid)
                publisher.publish("/tasks/start", "containerd.events.TaskStart", event)
            }
            startHasEnded(process, of: container, call, error, done)
        }
        if !container.checkpoint.isEmpty {
            return launch(process, of: container, call, finish)
        }
        container.runtime.call(
            ["start", container.id], doing: "OCI runtime start failed",
            milliseconds: call.patience(OCIRuntime.Patience.launch)
        ) { _, error in finish(error) }
    }

    private func startExec(
        _ process: TaskProcess, of container: TaskContainer, _ call: TaskCall,
        _ done: @escaping () -> Void
    ) {
        guard container.first.state != .stopped, container.first.pid != 0,
            container.first.earlyEnd == nil, container.heldEnd == nil
        else {
            call.fail(
                CallError(
                    .failedPrecondition,
                    "container \(container.id) init process is not running"))
            return done()
        }
        process.isStarting = true
        container.runningExecs += 1
        let finish = { [self] (error: CallError?) in
            if let error {
                process.streams.abandon()
                // It will not be started again: whoever waits is told.
                process.setExit(TaskProcess.Exit(status: 255, time: .now))
                startHasEnded(process, of: container, call, error, done)
                process.tellWaiters()
                return execHasEnded(of: container)
            }
            process.state = .running
            var event = TaskEvent.ExecStarted()
            event.containerID = container.id
            event.execID = process.execID
            event.pid = UInt32(bitPattern: process.pid)
            publisher.publish(
                "/tasks/exec-started", "containerd.events.TaskExecStarted", event)
            startHasEnded(process, of: container, call, nil, done)
        }
        process.streams.prepare(id: process.execID, namespace: namespace, reaper) { [self] error in
            if error != nil { return finish(error) }
            launch(process, of: container, call, finish)
        }
    }

    private func startHasEnded(
        _ process: TaskProcess, of container: TaskContainer, _ call: TaskCall,
        _ error: CallError?, _ done: @escaping () -> Void
    ) {
        process.isStarting = false
        if let error {
            call.fail(error)
        } else {
            var response = TaskAPI.PidResponse()
            response.pid = UInt32(bitPattern: process.pid)
            call.answer(response)
        }
        if let end = process.earlyEnd {
            process.earlyEnd = nil
            hasEnded(process, of: container, end)
        }
        done()
    }

    // MARK: - The call that makes a process

    /// Lets the runtime make a process, and takes it over.
    private func launch(
        _ process: TaskProcess, of container: TaskContainer, _ call: TaskCall,
        _ completion: @escaping (CallError?) -> Void
    ) {
        let pidFile: String
        let console: ConsoleListener?
        let words: [String]
        let specification: OpenFile?
        do throws(CallError) {
            pidFile =
                process.isFirst
                ? "\(container.bundle)/init.pid" : "\(container.bundle)/\(process.execID).pid"
            console =
                process.names.terminal
                ? try doing("the console socket") { () throws(SystemCallError) in
                    try ConsoleListener(
                        inBundle: container.bundle,
                        name: process.isFirst ? "console.sock" : "\(process.execID).sock")
                } : nil
            specification =
                process.isFirst
                ? nil
                : try doing("the process to run") { () throws(SystemCallError) in
                    OpenFile(try Self.memoryFile(process.specification))
                }
            words = Self.launchWords(
                process, of: container, pidFile: pidFile, console: console,
                specification: specification)
            // What an earlier run left must not be taken for this one's.
            try doing("the pid file") { () throws(SystemCallError) in
                do throws(SystemCallError) {
                    try File.remove(pidFile, at: Directory.current)
                } catch where error.errno == .noEntry {}
            }
        } catch {
            return completion(error)
        }
        let doingWhat = "OCI runtime \(words[0]) failed"
        container.runtime.call(
            words, doing: doingWhat,
            milliseconds: call.patience(OCIRuntime.Patience.launch),
            prepare: { Self.connect($0, to: process) }
        ) { [self] _, error in
            // It is kept until here.
            _ = specification
            if let error { return launchHasFailed(process, of: container, error, completion) }
            do throws(CallError) {
                try takeOver(process, of: container, pidFile: pidFile, console: console)
                completion(nil)
            } catch {
                let message = "\(doingWhat): \(error.message)"
                launchHasFailed(
                    process, of: container, CallError(error.code, message), completion)
            }
        }
    }

    private static func launchWords(
        _ process: TaskProcess, of container: TaskContainer, pidFile: String,
        console: ConsoleListener?, specification: OpenFile?
    ) -> [String] {
        let options = container.options.message
        var words: [String]
        if let specification {
            words = [
                "exec", "--process", "/proc/\(Process.id)/fd/\(specification.number)", "--detach",
            ]
        } else if container.checkpoint.isEmpty {
            words = ["create", "--bundle", container.bundle]
            if options.noPivotRoot { words.append("--no-pivot") }
            if options.noNewKeyring { words.append("--no-new-keyring") }
        } else {
            let work =
                options.criuWorkPath.isEmpty
                ? "\(container.bundle)/work" : options.criuWorkPath
            words = [
                "restore", "--bundle", container.bundle, "--image-path", container.checkpoint,
                "--work-path", work, "--detach", "--no-subreaper",
            ]
            if options.noPivotRoot { words.append("--no-pivot") }
        }
        words += ["--pid-file", pidFile]
        if let console { words += ["--console-socket", console.path] }
        return words + [container.id]
    }

    /// Gives the runtime the streams that its process is to have.
    private static func connect(_ command: RuntimeCommand, to process: TaskProcess) {
        // With a terminal they are the runtime's own.
        if process.names.terminal { return }
        let streams = process.streams
        if let input = streams.theirInput { command.input = .descriptor(input.number) }
        command.output = streams.theirOutput.map { .descriptor($0.number) } ?? .dropped
        command.errors = streams.theirErrors.map { .descriptor($0.number) } ?? .dropped
    }

    private func takeOver(
        _ process: TaskProcess, of container: TaskContainer, pidFile: String,
        console: ConsoleListener?
    ) throws(CallError) {
        let pid = try Self.pid(in: pidFile)
        // What has ended by now is a zombie still, as it is reaped after this.
        process.handle = try doing("process \(pid)") { () throws(SystemCallError) in
            OpenFile(try Process.descriptor(of: pid))
        }
        guard Self.isChild(pid) else {
            throw CallError(.unknown, "process \(pid) in \"\(pidFile)\" is no child of the shim's")
        }
        if let console {
            let terminal = try doing("the terminal") { () throws(SystemCallError) in
                try console.receive()
            }
            try process.streams.connect(terminal: terminal)
        } else {
            try process.streams.connect(terminal: nil)
        }
        try doing("process \(pid)") { () throws(SystemCallError) in
            try reaper.whenEnded(pid) { [self] end in hasEnded(process, of: container, end) }
        }
        process.pid = pid
        if process.isFirst { watchCgroups(of: container) }
    }

    private func launchHasFailed(
        _ process: TaskProcess, of container: TaskContainer, _ error: CallError,
        _ completion: @escaping (CallError?) -> Void
    ) {
        guard process.isFirst else {
            // It may run, and nobody would know of it.
            if let handle = process.handle {
                try? Process.send(Signal.kill, to: handle.descriptor)
                process.handle = nil
            }
            return completion(error)
        }
        process.handle = nil
        // A runtime that was killed, or that is confused, has not cleaned up after itself.
        container.runtime.call(
            ["delete", "--force", container.id], doing: "OCI runtime delete failed"
        ) { [self] _, failure in
            if let failure { log.write(.debug, failure.message) }
            completion(error)
        }
    }

    // MARK: - Checks

    /// What becomes a part of paths and of command lines.
    static func check(id: String) throws(CallError) {
        func isPart(_ byte: UInt8) -> Bool {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                true
            case UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "+"): true
            default: false
            }
        }
        let bytes = id.utf8
        guard let first = bytes.first, first != UInt8(ascii: "."), first != UInt8(ascii: "-"),
            bytes.count <= 200, bytes.allSatisfy(isPart)
        else {
            throw CallError(.invalidArgument, "\"\(id)\" is no id")
        }
    }

    private static func pid(in path: String) throws(CallError) -> Int32 {
        let text = try doing("the runtime's pid file") { () throws(SystemCallError) in
            try File.readText(path, limit: 64)
        }
        let digits = text.prefix { $0 != "\n" }
        guard let pid = Int32(digits), pid > 0 else {
            throw CallError(.unknown, "the runtime's pid file \"\(path)\" has no pid")
        }
        return pid
    }

    /// Whether a process is a child of ours, a zombie included.
    private static func isChild(_ pid: Int32) -> Bool {
        guard let text = try? File.readText("/proc/\(pid)/stat", limit: 4096),
            let end = text.utf8.lastIndex(of: UInt8(ascii: ")"))
        else { return false }
        // The name is over; the state and the parent follow (proc_pid_stat(5)).
        let fields = text[text.utf8.index(after: end)...].utf8.split(separator: 0x20)
        return fields.count > 1 && Int32(Substring(fields[1])) == Process.id
    }

    private static func memoryFile(_ bytes: [UInt8]) throws(SystemCallError) -> FileDescriptor {
        let file = try MemoryFile.make("process")
        try File.write(bytes, to: file.number)
        return file
    }
}
