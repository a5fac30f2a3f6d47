// SPDX-License-Identifier: Apache-2.0

internal import Linux
internal import OCI

/// Where a container's READY=1 goes (sd_notify(3)).
package struct NotifyRequest: Sendable {
    /// The socket of the caller's service manager.
    package var socket: String
    /// Whether a process is left behind that waits for it; else `start` waits itself.
    package var inBackground: Bool

    package init(socket: String, inBackground: Bool = false) {
        self.socket = socket
        self.inBackground = inBackground
    }
}

extension ContainerRuntime {
    /// Runs the program of a created container (runtime.md#start), and returns once it runs, or
    /// says why it does not. `warn` gets what the specification wants logged.
    package func start(
        _ id: String, notifying notify: NotifyRequest? = nil, warn: (String) -> Void
    ) throws(ContainerError) {
        try performing("start", id) { (id) throws(ContainerError) in
            let directory = try store.openLocked(id)
            guard let record = try directory.record() else { throw Store.notFound }
            try refuseUnlessCreated(try directory.status(record))
            guard let process = try record.openProcess() else {
                throw ContainerError(.wrongState, "cannot start a container that has stopped")
            }
            try start(directory, record, process, notifying: notify, warn: warn)
        }
    }

    /// The same for one that this process has just made.
    package func start(
        _ container: borrowing CreatedContainer, notifying notify: NotifyRequest? = nil,
        warn: (String) -> Void
    ) throws(ContainerError) {
        try performing("start", container.record.id) { (_) throws(ContainerError) in
            try start(
                container.directory, container.record, container.pidfd,
                heldBy: container.launcher, notifying: notify, warn: warn)
        }
    }

    private func start(
        _ directory: borrowing ContainerDirectory, _ record: ContainerRecord,
        _ process: borrowing FileDescriptor, heldBy launcher: Launcher? = nil,
        notifying notify: NotifyRequest?, warn: (String) -> Void
    ) throws(ContainerError) {
        guard record.hasProcess else {
            throw ContainerError(
                .wrongState,
                "config.json had no process when the container was created, so there is nothing "
                    + "to start")
        }
        let socket = notify == nil ? nil : try bindNotifySocket(directory)
        do throws(ContainerError) {
            let connection =
                if let launcher { try launcher.start() } else { try openGate(directory) }
            // A filter's listener is handed on meanwhile.
            if record.seccompAgent == nil { try awaitEnd(of: connection) }
            try follow(connection, record, pid: record.pid, process, warn: warn)
            // Other commands may touch it from here on, however long hooks take, or the program to
            // be ready.
            try directory.unlock()
            try record.runPoststart()
        } catch where error.kind == .hookFailed {
            throw destroy(directory, record, process, because: error, warn: warn)
        }
        guard let notify, let socket else { return }
        try during("NOTIFY_SOCKET") { () throws(SystemCallError) in
            if notify.inBackground {
                guard case .child = try Process.clone([]) else { return }
                // Ends with READY=1 or with the container's process, whichever is first.
                try? NotifySocket.relay(
                    from: socket.descriptor, to: notify.socket, pid: record.pid, process: process)
                Process.exitNow(0)
            }
            try NotifySocket.relay(
                from: socket.descriptor, to: notify.socket, pid: record.pid, process: process)
        }
    }

    /// runtime.md#lifecycle, 7 and 9: a hook that fails is the end of the container.
    private func destroy(
        _ directory: borrowing ContainerDirectory, _ record: ContainerRecord,
        _ process: borrowing FileDescriptor, because error: ContainerError, warn: (String) -> Void
    ) -> ContainerError {
        do throws(ContainerError) {
            try stopAndDestroy(directory, record, process, warn: warn)
            return error
        } catch let second {
            return ContainerError(
                error.kind,
                "\(error.reason); and the container could not be removed (\(second.reason)): martlet "
                    + "delete --force \(record.id) tries again")
        }
    }

    private func refuseUnlessCreated(_ status: OCIStatus) throws(ContainerError) {
        switch status {
        case .created: return
        case .running:
            throw ContainerError(.wrongState, "cannot start an already running container")
        case .paused:
            throw ContainerError(
                .wrongState, "cannot start a container in the paused state; resume it first")
        case .stopped:
            throw ContainerError(.wrongState, "cannot start a container that has stopped")
        case .creating:
            throw ContainerError(.wrongState, "cannot start a container that is being created")
        }
    }

    /// nil when `create` was not told of a socket, and so the container has none.
    private func bindNotifySocket(_ directory: borrowing ContainerDirectory)
        throws(ContainerError) -> SharedDescriptor?
    {
        guard
            let notify = try? File.open(
                NotifySocket.directoryName, at: directory.descriptor.number,
                .realDirectoryPath)
        else { return nil }
        return SharedDescriptor(
            try during("NOTIFY_SOCKET") { () throws(SystemCallError) in
                let socket = try Socket.listen(
                    .datagram, at: NotifySocket.socketName, in: notify.number)
                // Any user of the container may send to it, and reach nothing else by it.
                try File.changePermissions(
                    NotifySocket.socketName, at: notify.number, to: 0o777)
                return socket
            })
    }

    /// Goes to the gate where the process waits, and lets it go on.
    private func openGate(_ directory: borrowing ContainerDirectory) throws(ContainerError)
        -> SharedDescriptor
    {
        try during("reach the container's process") { () throws(SystemCallError) in
            let connection = try Socket.connect(
                .packets, to: ContainerDirectory.gateName, at: directory.descriptor.number)
            // From here on the container counts as running; if we are killed before the next
            // line, its process ends, and it has stopped.
            try File.remove(ContainerDirectory.gateName, at: directory.descriptor.number)
            try Conversation.send(.start, to: connection.number)
            return SharedDescriptor(connection)
        }
    }

    /// All that a process has to say fits into its socket, and is read in one go when it has come to
    /// its end: a parent that is woken for each word only keeps it from a processor. `interrupted` is
    /// called when `signals`, a descriptor or -1, can be read.
    func awaitEnd(
        of connection: SharedDescriptor, signals: CInt = -1,
        interrupted: () throws(ContainerError) -> Void = {}
    ) throws(ContainerError) {
        // One that takes long, in a container that is paused perhaps, is listened to: were it to say
        // more than fits, it would wait for us.
        var isListening = false
        while true {
            let event = try during("follow the process") { () throws(SystemCallError) in
                try Poll.end(
                    of: connection.number, orReadable: signals, hearing: isListening,
                    milliseconds: isListening ? nil : 100)
            }
            switch event {
            case .ended: return
            case .timeout: isListening = true
            case .readable: try interrupted()
            }
        }
    }

    /// Follows what happens from there to the program of a container's process, the first or another.
    func follow(
        _ connection: SharedDescriptor, _ record: ContainerRecord, pid: Int32,
        _ process: borrowing FileDescriptor, from phase: Handshake.Phase = .starting,
        warn: (String) -> Void
    ) throws(ContainerError) {
        var handshake = Handshake(phase)
        var report: SharedDescriptor?
        while true {
            let received = try during("follow the container's process") {
                () throws(SystemCallError) in
                try Conversation.receiveWithDescriptor(from: connection.number)
            }
            switch handshake.receive(received.message) {
            case .running: return try checkReport(report, process)
            case .executing: report = received.descriptor
            case .listening:
                try passOn(received.descriptor, of: pid, in: record)
                try during("follow the container's process") { () throws(SystemCallError) in
                    try Conversation.send(.listenerSent, to: connection.number)
                }
            case .warning(let text): warn(text)
            case .failed(let kind, let reason):
                try awaitEnd(of: process)
                throw ContainerError(kind.kind, reason)
            case .vanished:
                // Of others of the container memory may have killed any number.
                throw ContainerError(
                    .failed,
                    pid == record.pid
                        ? "the container's process was killed before it ran its program"
                            + MemoryKills.hint(MemoryKills.count(in: record))
                        : "the process was killed before it ran its program; has the container "
                            + "been stopped?")
            case .ready: handshake = Handshake(.starting)
            case .hooksDue, .violation:
                throw ContainerError(.failed, "the container's process broke the handshake")
            }
        }
    }

    /// The end of the conversation is a failure when the process says so in its page.
    private func checkReport(_ report: SharedDescriptor?, _ process: borrowing FileDescriptor)
        throws(ContainerError)
    {
        guard let report else { return }
        let failure = try during("follow the container's process") { () throws(SystemCallError) in
            try ReportPage.failure(in: report.descriptor)
        }
        guard let failure else { return }
        try awaitEnd(of: process)
        throw failure.error
    }

    private func passOn(_ listener: SharedDescriptor?, of pid: Int32, in record: ContainerRecord)
        throws(ContainerError)
    {
        guard let listener, let agent = record.seccompAgent else {
            throw ContainerError(.failed, "the container's process broke the handshake")
        }
        try agent.send(listener, of: pid, in: record)
    }

    /// A failed program is followed by the end of its process; with it the container has stopped.
    private func awaitEnd(of process: borrowing FileDescriptor) throws(ContainerError) {
        _ = try during("wait for the container's process") { () throws(SystemCallError) in
            try Poll.readable([process.number], milliseconds: 5000)
        }
    }
}
