// SPDX-License-Identifier: Apache-2.0

internal import Linux
internal import Supervision

/// The commands for people.
struct HandCommands {
    private let arguments: ShimArguments
    private let root: String

    init(_ arguments: ShimArguments) {
        self.arguments = arguments
        root = arguments["root"] ?? ContainerFolder.standardRoot
    }

    /// Does what the command says.
    ///
    /// - Returns: the exit code.
    func perform() throws(ShimUsageError) -> Int32 {
        let settings = arguments.command.name == "run" ? try settings() : nil
        let choice = arguments.command.name == "logs" ? try choice() : nil
        let format = arguments["format"] ?? "table"
        guard format == "table" || format == "json" else {
            throw arguments.error("flag \"--format\": \"\(format)\" is not table or json")
        }
        do throws(SupervisionError) {
            if arguments.command.name == "list" { return try list(asJSON: format == "json") }
            let folder = try ContainerFolder(root: root, id: arguments.id)
            switch arguments.command.name {
            case "run":
                if let settings { try HandRun.run(settings(folder)) }
                return ShimProgram.ExitCode.success
            case "attach": return try attach(folder)
            case "logs": return try logs(folder, choice ?? LogReader.Choice())
            case "wait":
                let record = try HandWait.wait(for: folder)
                return ShimProgram.write("\(record.code)\n")
            default: return try remove(folder)
            }
        } catch {
            ShimProgram.complain("\(arguments.command.name): \(error)")
            return ShimProgram.ExitCode.failure
        }
    }

    // MARK: run

    /// What the flags say; the rest depends on the container's folder.
    private func settings() throws(ShimUsageError) -> (
        (ContainerFolder) throws(SupervisionError) -> HandSettings
    ) {
        let size = try arguments.size("log-size-max")
        let files = try arguments.number("log-max-files") ?? 1
        let seconds = try arguments.number("runtime-timeout") ?? 60
        guard seconds > 0, files <= 1000 else {
            throw arguments.error(
                "flags \"--runtime-timeout\" and \"--log-max-files\": too small or too large")
        }
        var log: LogDestination?
        if let text = arguments["log"] {
            guard let destination = LogDestination(text), destination != .passthrough else {
                throw arguments.error(
                    "flag \"--log\": \"\(text)\" is not k8s-file:FILE, json-file:FILE, journald or off"
                )
            }
            log = destination
        }
        return { [arguments] (folder) throws(SupervisionError) in
            let name = arguments["runtime"] ?? "martlet"
            guard let runtime = Spawn.find(name), File.permits(.execute, runtime) else {
                throw SupervisionError("there is no runtime \"\(name)\"")
            }
            let bundle = try Self.absolute(arguments["bundle"] ?? ".")
            var destination = log ?? .file(.kubernetes, path: folder.logPath)
            if case .file(let format, let path) = destination {
                destination = .file(format, path: try Self.absolute(path))
            }
            var settings = HandSettings(
                folder: folder, bundle: bundle, runtime: try Self.absolute(runtime),
                log: destination)
            settings.runtimeArguments = arguments.all("runtime-arg")
            settings.limits = LogLimits(size: size, olderFiles: size == nil ? 0 : files)
            settings.hasInput = arguments.isSet("stdin")
            settings.deletes = arguments.isSet("delete")
            settings.runtimeSeconds = seconds
            if let program = arguments["exit-command"] {
                guard let found = Spawn.find(program) else {
                    throw SupervisionError("there is no program \"\(program)\"")
                }
                settings.exitCommand = ExitCommand(
                    program: found, arguments: arguments.all("exit-command-arg"))
            }
            return settings
        }
    }

    private static func absolute(_ path: String) throws(SupervisionError) -> String {
        if path.hasPrefix("/") { return path }
        let current = try SupervisionError.doing("current directory") {
            () throws(SystemCallError) in try Process.currentDirectory()
        }
        return path == "." ? current : "\(current)/\(path)"
    }

    // MARK: attach, logs

    private func record(_ folder: ContainerFolder) throws(SupervisionError) -> ContainerRecord {
        guard let record = try ContainerRecord.read(folder) else {
            throw SupervisionError("container \"\(folder.id)\" is still being made")
        }
        return record
    }

    private func attach(_ folder: ContainerFolder) throws(SupervisionError) -> Int32 {
        let client = try AttachClient(
            folder, record(folder), withInput: !arguments.isSet("no-stdin"))
        if try client.run() { return ShimProgram.ExitCode.success }
        return try HandWait.wait(for: folder).code
    }

    private func choice() throws(ShimUsageError) -> LogReader.Choice {
        var choice = LogReader.Choice()
        choice.follows = arguments.isSet("follow")
        choice.tail = try arguments.number("tail")
        choice.hasTimes = arguments.isSet("timestamps")
        return choice
    }

    private func logs(_ folder: ContainerFolder, _ choice: LogReader.Choice)
        throws(SupervisionError) -> Int32
    {
        try LogReader(record(folder), choice).show { () throws(SupervisionError) in
            switch try HandWait.condition(of: folder) {
            case .creating, .running: false
            // Without a shim nothing more is written.
            case .unwatched, .ended, .lost: true
            }
        }
        return ShimProgram.ExitCode.success
    }

    // MARK: list, remove

    private func remove(_ folder: ContainerFolder) throws(SupervisionError) -> Int32 {
        switch try HandWait.condition(of: folder) {
        case .creating, .running, .unwatched:
            throw SupervisionError("container \"\(folder.id)\" runs")
        case .ended, .lost:
            try folder.remove()
            return ShimProgram.ExitCode.success
        }
    }

    private func list(asJSON: Bool) throws(SupervisionError) -> Int32 {
        var rows: [ContainerList.Row] = []
        for id in try ContainerFolder.all(in: root) {
            // What is no container of ours, or is being removed.
            guard let folder = try? ContainerFolder(root: root, id: id),
                let condition = try? HandWait.condition(of: folder)
            else { continue }
            let record = (try? ContainerRecord.read(folder)) ?? nil
            rows.append(ContainerList.Row(id: id, condition: condition, record: record))
        }
        if arguments.isSet("quiet") {
            return ShimProgram.write(rows.map { "\($0.id)\n" }.joined())
        }
        return ShimProgram.write(asJSON ? ContainerList.json(rows) : ContainerList.table(rows))
    }
}
