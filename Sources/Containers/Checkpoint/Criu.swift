// SPDX-License-Identifier: Apache-2.0

internal import Cgroups
internal import Linux
internal import Protobuf

/// CRIU as a worker of ours (`criu swrk`, criu(8)): one process for one request, over a pair of
/// sockets.
struct Criu {
    /// Where its images, its log and what it works with are.
    let images: SharedDescriptor
    let work: SharedDescriptor
    /// For messages.
    let workPath: String
    let logName: String

    /// What happens on the way, by the name that CRIU gives it.
    typealias Notified = (_ name: String, _ pid: Int32, _ descriptor: SharedDescriptor?)
        throws(ContainerError) -> Void

    /// What CRIU's process is born with.
    struct Surroundings {
        /// Where it is, and what it restores is born.
        var cgroup: Cgroup?
        /// Whether what it restores has a cgroup namespace that begins there.
        var hasCgroupNamespace = false
        /// What it restores has this keyring, not the caller's.
        var keyring: String?
        /// Whether what it restores gains no privileges. CRIU before 3.18 forgets that; whatever it
        /// makes inherits it.
        var hasNoNewPrivileges = false
        /// Its descriptors from 4 on.
        var inherited: [SharedDescriptor] = []
    }

    /// The number of the first of them; below it are the standard streams and the socket.
    static let firstInherited: CInt = 4

    /// The longest answer that is read.
    private static let answerLimit = 1 << 16

    /// Opens the directories; what is missing is made.
    init(images path: String, work: String?, log: String) throws(ContainerError) {
        images = try Self.open(path, "--image-path")
        if let work {
            self.work = try Self.open(work, "--work-path")
        } else {
            self.work = images
        }
        workPath = work ?? path
        logName = log
    }

    private static func open(_ path: String, _ flag: String) throws(ContainerError)
        -> SharedDescriptor
    {
        try during(flag) { () throws(SystemCallError) in
            do throws(SystemCallError) {
                try File.makeDirectory(path, permissions: 0o700)
            } catch where error.errno == .exists {}
            return SharedDescriptor(try File.open(path, [.readOnly, .directory]))
        }
    }

    // MARK: The conversation

    /// Asks, answers what CRIU tells on the way, and waits for its end.
    func perform(
        _ kind: CriuRequest.Kind, _ options: CriuOptions, in surroundings: Surroundings = .init(),
        prepare: (Int32, inout CriuOptions) throws(ContainerError) -> Void = { _, _ in },
        notified: Notified
    ) throws(ContainerError) -> CriuResponse {
        guard let program = IDMaps.find("criu") else {
            throw ContainerError(
                .failed, "criu is not in PATH; checkpoint and restore need it: install CRIU")
        }
        let pair = try during("criu") { () throws(SystemCallError) in try Socket.pair(.packets) }
        let ends = SplitPair(pair)
        let process = try start(program, socket: ends.theirs.number, surroundings)
        let socket = ends.ours
        forget(ends)
        do throws(ContainerError) {
            var options = options
            options.imagesDirectory = images.number
            options.workDirectory = work.number
            options.logFile = logName
            try prepare(process.pid, &options)
            let response = try converse(kind, options, on: socket.number, notified)
            try during("criu") { () throws(SystemCallError) in
                // After a dump of memory alone it would wait for the next.
                try Socket.endWriting(socket.descriptor)
            }
            try end(process)
            return response
        } catch {
            // Whatever it was doing: it takes back what it did when its socket is closed.
            try? Process.send(Signal.kill, to: process.pidfd.descriptor)
            _ = try? Process.wait(for: process.pidfd.descriptor)
            throw error
        }
    }

    /// With our copy of the far end gone, its owner's end is the end of the conversation.
    private func forget(_ ends: consuming SplitPair) { ends.forgetTheirs() }

    private func converse(
        _ kind: CriuRequest.Kind, _ options: CriuOptions, on socket: CInt, _ notified: Notified
    ) throws(ContainerError) -> CriuResponse {
        try send(CriuRequest(kind, options), to: socket)
        while true {
            let received = try during("criu") { () throws(SystemCallError) in
                try Socket.receive(from: socket, limit: Self.answerLimit)
            }
            let bytes = received.bytes
            let descriptor: SharedDescriptor?
            if let taken = received.takeDescriptor() {
                descriptor = SharedDescriptor(taken)
            } else {
                descriptor = nil
            }
            guard !bytes.isEmpty else {
                throw ContainerError(.failed, "criu ended without an answer\(told)")
            }
            let response: CriuResponse
            do throws(WireError) {
                response = try CriuResponse(decoding: bytes)
            } catch {
                throw ContainerError(.failed, "criu: what it answers cannot be read: \(error)")
            }
            guard response.hasSucceeded else { throw failure(response) }
            guard response.kind == .notify else {
                guard response.kind == kind else {
                    throw ContainerError(.failed, "criu answered what it was not asked")
                }
                return response
            }
            let notification = response.notification ?? CriuNotification()
            try notified(notification.name, notification.pid, descriptor)
            try send(CriuRequest(.notify), to: socket)
        }
    }

    private func send(_ request: CriuRequest, to socket: CInt) throws(ContainerError) {
        try during("criu") { () throws(SystemCallError) in
            try Socket.send(request.encoded, to: socket)
        }
    }

    private func end(_ process: Started) throws(ContainerError) {
        _ = try during("criu") { () throws(SystemCallError) in
            try Process.wait(for: process.pidfd.descriptor)
        }
    }

    // MARK: Failures

    private func failure(_ response: CriuResponse) -> ContainerError {
        var reason = "criu failed"
        if response.errno != 0 { reason += ": \(Errno(rawValue: response.errno))" }
        return ContainerError(.failed, reason + told)
    }

    /// The first thing that its log calls an error, as others follow from it, and where the log is.
    private var told: String {
        var first = ""
        if let file = try? File.open(logName, at: work.number, .realFileAtOnce),
            let bytes = try? File.readAll(file, limit: 64 << 20)
        {
            let text = String(decoding: bytes, as: UTF8.self)
            // That it may not raise a limit of its own stops it nowhere.
            let error = text.split(separator: "\n").first { line in
                // By words: contains(_:) of a text brings a library of regular expressions along.
                let words = line.split(separator: " ")
                return words.contains("Error") && !words.contains("RLIMIT_NOFILE")
            }
            first = error.map { String($0.prefix(512)) } ?? ""
        }
        return "\(first.isEmpty ? "" : ": \(first)"); its log is \(workPath)/\(logName)"
    }

    // MARK: The process

    private struct Started {
        var pid: Int32
        var pidfd: SharedDescriptor
    }

    private func start(
        _ program: String, socket: CInt, _ surroundings: Surroundings
    ) throws(ContainerError) -> Started {
        var birthplace: SharedDescriptor?
        if let cgroup = surroundings.cgroup {
            do throws(CgroupError) {
                if let directory = try cgroup.directoryForClone() {
                    birthplace = SharedDescriptor(directory)
                }
            } catch {
                throw ContainerError(error)
            }
        }
        return try during("criu") { () throws(SystemCallError) in
            switch try Process.clone([], intoCgroup: birthplace?.number) {
            case .child:
                Self.become(program, socket: socket, surroundings)
            case .parent(let pid, let pidfd):
                return Started(pid: pid, pidfd: SharedDescriptor(pidfd))
            }
        }
    }

    /// In the new process. Its standard streams are ours: what is restored may get them.
    private static func become(
        _ program: String, socket: CInt, _ surroundings: Surroundings
    ) -> Never {
        do throws(SystemCallError) {
            try Signal.resetAll()
            try Process.setParentDeathSignal(Signal.kill)
            if surroundings.hasCgroupNamespace { try Process.separate(.cgroup) }
            if let name = surroundings.keyring {
                do throws(SystemCallError) {
                    try Keyring.letOthersJoin(Keyring.joinSession(named: name))
                } catch where error.errno == .unsupportedCall {
                    // A kernel without keyrings has none to leak.
                }
            }
            if surroundings.hasNoNewPrivileges { try Process.setNoNewPrivileges() }
            // Above all numbers that they are to have, so that none is in another's way.
            var numbers: [CInt] = []
            for number in [socket] + surroundings.inherited.map(\.number) {
                numbers.append(try Descriptors.duplicate(number, from: 64).release())
            }
            for (index, number) in numbers.enumerated() {
                try Descriptors.copy(number, onto: 3 + CInt(index))
            }
            try Descriptors.closeAll(from: 3 + CInt(numbers.count))
            let environment = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]
            let errno = Process.execute(
                program, arguments: [program, "swrk", "3"], environment: environment)
            throw SystemCallError("execute", program, errno)
        } catch {
            try? File.write(Array("martlet: criu: \(error)\n".utf8), to: 2)
            Process.exitNow(127)
        }
    }
}
