// SPDX-License-Identifier: Apache-2.0

internal import Containers
internal import Linux

/// One run of the program: from words to an exit code.
enum Program {
    /// Exit codes (docs: 0 success, 1 failure, 2 a command line that cannot be understood; `run` and
    /// `exec` have their program's).
    enum ExitCode {
        static let success: Int32 = 0
        static let failure: Int32 = 1
        static let usage: Int32 = 2
        /// Of `exec`, whose program may well exit with 1.
        static let execFailure: Int32 = 255
    }

    /// Does what the command line says.
    ///
    /// - Parameter arguments: without the program's name.
    /// - Returns: the exit code.
    static func run(_ arguments: [String]) -> Int32 {
        do throws(SystemCallError) {
            // First, so that no file opened later becomes a standard stream.
            try Descriptors.fillStandardStreams()
            // The caller may have left signals blocked or ignored.
            try Signal.resetForOwnWork()
        } catch {
            Log().error(ContainerError(step: "start", error))
            return ExitCode.failure
        }
        var parser = ArgumentParser(arguments)
        let request: Result<Request, UsageError>
        do throws(UsageError) {
            try parser.parseGlobals()
            request = .success(try parser.parseCommand())
        } catch {
            request = .failure(error)
        }
        // A program that has been launched goes on with the signals that are ignored here (execve(2)).
        if case .success(.command(let name, _, _)) = request, name.launchesProgram {
            Signal.resetActions()
        }
        // A write that nobody reads, or that is over a limit, is an error to tell, not the end.
        Signal.ignoreWriteFailures()
        return answer(request, globals: parser.globals)
    }

    private static func answer(_ request: Result<Request, UsageError>, globals: OptionValues)
        -> Int32
    {
        // Before anything is opened, the log included.
        let descriptors = sweep(request)
        let log: Log
        do throws(SystemCallError) {
            log = try GlobalOptions.openLog(globals)
        } catch {
            Log().error(ContainerError(step: "log", error))
            return ExitCode.failure
        }
        do throws(UsageError) {
            let options = try GlobalOptions(globals)
            let request = try request.get()
            do throws(ContainerError) {
                return try perform(request, options, descriptors.get(), log)
            } catch {
                log.error(error)
                if case .command(.exec, _, _) = request { return ExitCode.execFailure }
                return ExitCode.failure
            }
        } catch {
            log.error(error)
            return ExitCode.usage
        }
    }

    /// The descriptors that the container's program keeps; every other one above the standard
    /// streams is closed, so that none gets into the container (CVE-2024-21626). Other commands
    /// give nothing to a container, and keep none.
    private static func sweep(_ request: Result<Request, UsageError>)
        -> Result<InheritedDescriptors, ContainerError>
    {
        guard case .success(.command(let name, let values, let operands)) = request,
            name.launchesProgram, name != .restore
        else { return .success(InheritedDescriptors()) }
        do throws(ContainerError) {
            return .success(
                try InheritedDescriptors.keep(
                    values.number(.preserveFds), listens: name != .exec))
        } catch {
            var error = error
            error.doing = "\(name.rawValue) \"\(operands.first ?? "")\""
            return .failure(error)
        }
    }

    private static func perform(
        _ request: Request, _ globals: GlobalOptions, _ descriptors: InheritedDescriptors,
        _ log: Log
    ) throws(ContainerError) -> Int32 {
        switch request {
        case .version:
            return Version.print()
        case .help(let command):
            try Output.write(Help.text(command))
            return ExitCode.success
        case .command(let name, let options, let operands):
            var invocation = Invocation(
                globals: globals, options: options, operands: operands, descriptors: descriptors,
                log: log)
            guard let path = globals.traceFile else { return try invocation.perform(name) }
            let trace = try TraceFile(path)
            invocation.trace = trace.trace
            defer { trace.write(of: name, warn: log.warning) }
            return try invocation.perform(name)
        }
    }
}

/// Standard output.
enum Output {
    static func write(_ text: String) throws(ContainerError) { try write(Array(text.utf8)) }

    static func write(_ bytes: [UInt8]) throws(ContainerError) {
        do throws(SystemCallError) {
            try File.write(bytes, to: 1)
        } catch {
            throw ContainerError(step: "standard output", error)
        }
    }
}
