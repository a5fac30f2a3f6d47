// SPDX-License-Identifier: Apache-2.0

internal import JSON
internal import Linux

/// What is kept of a container that is supervised by hand: a directory of its own, which only we may
/// enter.
///
/// | File | |
/// |---|---|
/// | `shim.json` | what the container is, and who watches it |
/// | `attach`, `ctl` | the socket and the fifo of whoever watches |
/// | `log` | its output, unless another place was named |
/// | `exit.json` | how it ended, from then on |
package struct ContainerFolder {
    /// Where all of them are, unless told otherwise.
    package static var standardRoot: String {
        if Process.effectiveUserID == 0 { return "/run/martlet-shim" }
        return (Process.environmentVariable("XDG_RUNTIME_DIR") ?? "/tmp") + "/martlet-shim"
    }

    package let root: String
    package let id: String

    /// - Throws: when the id is none: it becomes a part of paths.
    package init(root: String, id: String) throws(SupervisionError) {
        let isFine =
            !id.isEmpty && id != "." && id != ".." && id.utf8.count <= 1024
            && id.utf8.allSatisfy {
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0 | 0x20)
                    || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
                    || [UInt8(ascii: "_"), UInt8(ascii: "+"), UInt8(ascii: "."), UInt8(ascii: "-")]
                        .contains($0)
            }
        guard isFine else {
            throw SupervisionError(
                "\"\(id.prefix(100))\" is no container id: letters, digits and _ + . - make one")
        }
        self.root = root
        self.id = id
    }

    package var path: String { "\(root)/\(id)" }
    package var logPath: String { "\(path)/log" }
    var recordPath: String { "\(path)/shim.json" }
    var exitPath: String { "\(path)/exit.json" }
    var pidPath: String { "\(path)/pid" }

    /// Makes the directory, which is the claim of an id: of two callers exactly one wins.
    func claim() throws(SupervisionError) {
        do throws(SystemCallError) {
            var parent = ""
            for part in root.split(separator: "/") {
                parent += "/\(part)"
                do throws(SystemCallError) {
                    try File.makeDirectory(parent, permissions: 0o700)
                } catch where error.errno == .exists {
                    continue
                }
            }
            try File.makeDirectory(path, permissions: 0o700)
        } catch where error.errno == .exists {
            throw SupervisionError(
                "container \"\(id)\" is on record already; martlet-shim remove \(id) takes it off")
        } catch {
            throw SupervisionError("directory of records", error)
        }
    }

    /// The directory, which must be ours alone.
    func open() throws(SupervisionError) -> FileDescriptor {
        do throws(SystemCallError) {
            let directory = try File.open(path, .realDirectory)
            let status = try File.status(of: directory)
            guard status.uid == Process.effectiveUserID, status.permissions & 0o022 == 0 else {
                throw SystemCallError("trust", path, .notPermitted)
            }
            return directory
        } catch where error.errno == .noEntry {
            throw SupervisionError("container \"\(id)\" is not on record in \(root)")
        } catch {
            throw SupervisionError("directory of records", error)
        }
    }

    /// Removes it and what is in it.
    package func remove() throws(SupervisionError) {
        let directory = try open()
        do throws(SystemCallError) {
            for name in try File.names(in: directory) {
                try File.remove(name, at: directory.number)
            }
            try File.remove(path, isDirectory: true)
        } catch {
            throw SupervisionError("remove the record", error)
        }
    }

    /// All ids on record.
    package static func all(in root: String) throws(SupervisionError) -> [String] {
        do throws(SystemCallError) {
            let directory = try File.open(root, .realDirectory)
            return try File.names(in: directory).sorted()
        } catch where error.errno == .noEntry {
            return []
        } catch {
            throw SupervisionError("directory of records", error)
        }
    }
}

/// A process by its pid and the time it started, which together name it for good.
package struct KnownProcess: Equatable, Sendable {
    package var pid: Int32
    package var startTime: UInt64

    /// nil when there is no such process any more.
    init?(pid: Int32) {
        guard pid > 0, let time = try? Process.startTime(of: pid) else { return nil }
        self.pid = pid
        startTime = time
    }

    init(pid: Int32, startTime: UInt64) {
        self.pid = pid
        self.startTime = startTime
    }

    /// A descriptor of exactly this process; nil when it has ended.
    func open() -> OpenFile? {
        guard let descriptor = try? Process.descriptor(of: pid) else { return nil }
        // Compared afterwards: from then on the descriptor holds the right one.
        guard let now = try? Process.startTime(of: pid), now == startTime else { return nil }
        return OpenFile(descriptor)
    }
}

/// What `shim.json` says.
package struct ContainerRecord: Equatable, Sendable {
    package var id: String
    package var bundle: String
    package var runtime: String
    package var runtimeArguments: [String]
    package var logFormat: String
    package var logPath: String
    package var created: String
    package var hasTerminal: Bool
    package var shim: KnownProcess
    package var process: KnownProcess

    var encoded: [UInt8] {
        var json = JSONWriter(.spaces(2))
        json.object { json in
            json.member("id", id)
            json.member("bundle", bundle)
            json.member("runtime", runtime)
            json.member("runtimeArguments", runtimeArguments)
            json.member("logFormat", logFormat)
            json.member("logPath", logPath)
            json.member("created", created)
            json.member("terminal", hasTerminal)
            json.member("shimPid", shim.pid)
            json.member("shimStartTime", shim.startTime)
            json.member("pid", process.pid)
            json.member("startTime", process.startTime)
        }
        return json.bytes + [UInt8(ascii: "\n")]
    }

    /// Reads the record of a container; nil while its runtime is still making it.
    package static func read(_ folder: ContainerFolder) throws(SupervisionError) -> ContainerRecord?
    {
        let directory = try folder.open()
        do throws(SystemCallError) {
            let bytes = try File.readAll("shim.json", at: directory.number)
            return try decode(bytes)
        } catch where error.errno == .noEntry {
            return nil
        } catch {
            throw SupervisionError("record", error)
        }
    }

    private static func decode(_ bytes: [UInt8]) throws(SystemCallError) -> ContainerRecord {
        do throws(JSONError) {
            let root = try JSONDocument(parsing: bytes).root
            var arguments: [String] = []
            for argument in try root.required("runtimeArguments").elements() {
                arguments.append(try argument.string())
            }
            return ContainerRecord(
                id: try root.required("id").string(),
                bundle: try root.required("bundle").string(),
                runtime: try root.required("runtime").string(), runtimeArguments: arguments,
                logFormat: try root.required("logFormat").string(),
                logPath: try root.required("logPath").string(),
                created: try root.required("created").string(),
                hasTerminal: try root.required("terminal").boolean(),
                shim: KnownProcess(
                    pid: try root.required("shimPid").integer(),
                    startTime: try root.required("shimStartTime").integer()),
                process: KnownProcess(
                    pid: try root.required("pid").integer(),
                    startTime: try root.required("startTime").integer()))
        } catch {
            throw SystemCallError("\(error)", "shim.json", .protocolViolation)
        }
    }
}

/// What `exit.json` says: how a container's process ended.
package struct ExitRecord: Equatable, Sendable {
    /// The code, or 128 and the signal's number.
    package var code: Int32
    /// The signal's name, when one ended it.
    package var signal: String?
    package var ended: String
    /// Whether the kernel killed a process of the container for want of memory.
    package var isMemoryKill = false
    /// In bytes; nil when nobody counted.
    package var peakMemory: Int64?
    /// In microseconds.
    package var processorTime: Int64?
    /// Who has written it, when that was not the container's own shim.
    package var witness: String?

    init(_ status: ExitStatus, ended: String) {
        code = status.shellCode
        if case .signaled(let number) = status { signal = Signal.name(of: number) }
        self.ended = ended
    }

    private init(code: Int32, ended: String) {
        self.code = code
        self.ended = ended
    }

    func encoded(id: String) -> [UInt8] {
        var json = JSONWriter(.spaces(2))
        json.object { json in
            json.member("id", id)
            json.member("code", code)
            if let signal { json.member("signal", signal) }
            json.member("ended", ended)
            json.member("oomKilled", isMemoryKill)
            if let peakMemory { json.member("peakMemory", peakMemory) }
            if let processorTime { json.member("cpuTime", processorTime) }
            if let witness { json.member("witness", witness) }
        }
        return json.bytes + [UInt8(ascii: "\n")]
    }

    /// Reads it; nil while the container runs, or when nobody has seen its end.
    package static func read(_ folder: ContainerFolder) throws(SupervisionError) -> ExitRecord? {
        let directory = try folder.open()
        let bytes: [UInt8]
        do throws(SystemCallError) {
            bytes = try File.readAll("exit.json", at: directory.number)
        } catch where error.errno == .noEntry {
            return nil
        } catch {
            throw SupervisionError("exit record", error)
        }
        do throws(JSONError) {
            let root = try JSONDocument(parsing: bytes).root
            var record = ExitRecord(
                code: try root.required("code").integer(),
                ended: try root.required("ended").string())
            record.signal = root["signal"]?.stringIfAny
            record.isMemoryKill = root["oomKilled"]?.booleanIfAny ?? false
            record.peakMemory = root["peakMemory"]?.exactInteger?.exactly(Int64.self)
            record.processorTime = root["cpuTime"]?.exactInteger?.exactly(Int64.self)
            record.witness = root["witness"]?.stringIfAny
            return record
        } catch {
            throw SupervisionError("exit record of \"\(folder.id)\": \(error)")
        }
    }
}
