// SPDX-License-Identifier: Apache-2.0

internal import JSON
internal import Linux
internal import Protobuf

/// `delete`: removes what a shim that is gone has left, and tells how the container ended, as far as
/// that can be known.
///
/// Known is what the shim put on record before it went, and what the kernel says of a process that
/// lived on until now. Else the end is that of a process that was killed, as it is after this.
struct DeleteCommand {
    private static let unknownStatus: UInt32 = 137
    private static let patience = 60_000

    private let arguments: ShimArguments
    private let bundle: String

    init(_ arguments: ShimArguments) throws(CallError) {
        self.arguments = arguments
        if arguments.bundle.isEmpty {
            bundle = try doing("the bundle") { () throws(SystemCallError) in
                try Process.currentDirectory()
            }
        } else {
            bundle = arguments.bundle
        }
    }

    /// - Returns: a `containerd.task.v3.DeleteResponse`.
    func run() throws(CallError) -> [UInt8] {
        let log = ShimLog(standardError: 2, id: arguments.id)
        var response = TaskAPI.DeleteResponse()
        response.exitStatus = Self.unknownStatus
        response.pid = recordedPid()
        let record = TaskContainer.recordedExit(inBundle: bundle)
        let status = try deleteContainer(log, knowsExit: record != nil)
        if let error = RootFilesystem(ofBundle: bundle).unmount() {
            log.write(.warning, "\(error)")
        }
        response.exitedAt = record?.time ?? .now
        if let record {
            response.exitStatus = record.status
        } else if let status {
            response.exitStatus = UInt32(bitPattern: status.shellCode)
        }
        removeSocket()
        return response.encoded
    }

    /// - Returns: how the container ended just now, where that can be known.
    private func deleteContainer(_ log: ShimLog, knowsExit: Bool) throws(CallError) -> ExitStatus? {
        // They were written before anything else was made.
        guard let options = try RuntimeOptions(ofBundle: bundle) else { return nil }
        let work = try CommandLoop()
        let runtime = OCIRuntime(
            program: try options.program(), root: options.root(ofNamespace: arguments.namespace),
            bundle: bundle, systemdCgroup: options.message.systemdCgroup, in: work.loop,
            work.reaper, log: log)
        let process = knowsExit ? nil : try runningProcess(work, runtime)
        var failure: CallError?
        try work.run { done in
            runtime.call(
                ["delete", "--force", arguments.id], doing: "failed to delete task",
                milliseconds: Self.patience
            ) { _, error in
                failure = error
                done()
            }
        }
        if let failure, !failure.message.mentions("does not exist") {
            log.write(.warning, failure.message)
        }
        guard let process else { return nil }
        return Self.status(of: process)
    }

    private func recordedPid() -> UInt32 {
        guard let text = try? File.readText("\(bundle)/init.pid", limit: 64),
            let pid = Int32(text.prefix { $0 != "\n" }), pid > 0
        else { return 0 }
        return UInt32(bitPattern: pid)
    }

    /// The first process, if the runtime says that it is there.
    private func runningProcess(_ work: CommandLoop, _ runtime: OCIRuntime) throws(CallError)
        -> OpenFile?
    {
        var state: [UInt8] = []
        try work.run { done in
            runtime.call(
                ["state", arguments.id], doing: "OCI runtime state failed",
                milliseconds: Self.patience
            ) { outcome, _ in
                state = outcome.output
                done()
            }
        }
        guard let root = try? JSONDocument(parsing: state).root,
            root["status"]?.stringIfAny != "stopped",
            let pid = root["pid"]?.exactInteger?.exactly(Int32.self), pid > 0
        else { return nil }
        // It may have ended by now.
        guard let descriptor = try? Process.descriptor(of: pid) else { return nil }
        return OpenFile(descriptor)
    }

    /// How it ended, where the kernel tells those who are not its parent.
    private static func status(of process: OpenFile) -> ExitStatus? {
        // It is dead, and whoever is its parent now will reap it soon.
        for _ in 0..<20 {
            if let status = Process.recordedStatus(of: process.descriptor) { return status }
            Clock.sleep(milliseconds: 50)
        }
        return nil
    }

    /// Removes the dead shim's socket; not one that another container's shim answers on.
    private func removeSocket() {
        guard let address = try? File.readText("\(bundle)/address", limit: 4096),
            let socket = ShimSocket(address: address), !socket.isAnswered
        else { return }
        socket.remove()
    }
}
