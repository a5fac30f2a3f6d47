// SPDX-License-Identifier: Apache-2.0

internal import JSON
internal import Linux
internal import Protobuf

/// One container, and what the shim keeps of it.
final class TaskContainer {
    let id: String
    let bundle: String
    let options: RuntimeOptions
    let runtime: OCIRuntime
    let rootfs: RootFilesystem
    let first: TaskProcess
    /// The directory of an image that `Start` restores; empty for none.
    let checkpoint: String
    let parentCheckpoint: String
    var execs: [String: TaskProcess] = [:]
    var isPaused = false
    var isPausing = false
    var cgroups: ControlGroups?
    var memoryWatch: OutOfMemoryWatch?
    /// How many execs are being started or run.
    var runningExecs = 0
    /// The end of the first process, kept while execs run: theirs are told first.
    var heldEnd: ProcessEnd?

    init(
        _ request: TaskAPI.CreateRequest, options: RuntimeOptions, runtime: OCIRuntime,
        rootfs: RootFilesystem, first: TaskProcess
    ) {
        id = request.id
        bundle = request.bundle
        checkpoint = request.checkpoint
        parentCheckpoint = request.parentCheckpoint
        self.options = options
        self.runtime = runtime
        self.rootfs = rootfs
        self.first = first
    }

    /// The process with an exec's id, or the first one for an empty id.
    func process(_ execID: String) throws(CallError) -> TaskProcess {
        if execID.isEmpty { return first }
        guard let process = execs[execID] else {
            throw CallError(.notFound, "container \"\(id)\" has no process \"\(execID)\"")
        }
        return process
    }

    /// What `State` says of a process.
    func status(of process: TaskProcess) -> TaskAPI.Status {
        switch process.state {
        case .created: .created
        case .stopped: .stopped
        case .running: isPausing ? .pausing : isPaused ? .paused : .running
        }
    }

    /// Whether other processes go on when the first one has ended: it has no pid namespace that
    /// ends with it.
    var outlivesFirstProcess: Bool {
        guard let text = try? File.readAll("\(bundle)/config.json", limit: 16 << 20),
            let root = try? JSONDocument(parsing: text).root,
            let namespaces = root["linux"]?["namespaces"]?.elementsIfAny
        else { return true }
        for namespace in namespaces where namespace["type"]?.stringIfAny == "pid" {
            return !(namespace["path"]?.stringIfAny ?? "").isEmpty
        }
        return true
    }

    // MARK: - The record of the exit

    private static let recordName = "exit.json"

    /// Keeps the end of the first process for `delete`, should this shim be killed.
    func record(_ exit: TaskProcess.Exit, pid: Int32, log: ShimLog) {
        var json = JSONWriter()
        json.object { json in
            json.member("pid", pid)
            json.member("status", exit.status)
            json.member("seconds", exit.time.seconds)
            json.member("nanoseconds", exit.time.nanoseconds)
        }
        do throws(SystemCallError) {
            try File.replace(
                "\(bundle)/\(Self.recordName)", at: Directory.current, with: json.bytes,
                permissions: 0o600)
        } catch {
            log.write(.warning, "the exit is not on record: \(error)")
        }
    }

    /// What a bundle has of an exit.
    static func recordedExit(inBundle bundle: String) -> TaskProcess.Exit? {
        guard let text = try? File.readAll("\(bundle)/\(recordName)", limit: 4096),
            let root = try? JSONDocument(parsing: text).root,
            let status = root["status"]?.exactInteger?.exactly(UInt32.self),
            let seconds = root["seconds"]?.exactInteger?.exactly(Int64.self),
            let nanoseconds = root["nanoseconds"]?.exactInteger?.exactly(Int32.self)
        else { return nil }
        return TaskProcess.Exit(
            status: status, time: Timestamp(seconds: seconds, nanoseconds: nanoseconds))
    }
}
