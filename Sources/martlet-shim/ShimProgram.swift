// SPDX-License-Identifier: Apache-2.0

internal import Linux
internal import Supervision

/// One run of the program: what it is depends on the name it is called by, and on its first word.
enum ShimProgram {
    /// Exit codes: 0 success, 1 failure, 2 a command line that cannot be understood.
    enum ExitCode {
        static let success: Int32 = 0
        static let failure: Int32 = 1
        static let usage: Int32 = 2
    }

    /// Does what the command line says.
    ///
    /// - Parameter words: the program's name, and what follows.
    /// - Returns: the exit code.
    static func run(_ words: [String]) -> Int32 {
        do throws(SystemCallError) {
            // First, so that no file opened later becomes a standard stream.
            try Descriptors.fillStandardStreams()
            try Signal.resetAll()
        } catch {
            complain("start: \(error)")
            return ExitCode.failure
        }
        // A write that nobody reads, or that is over a limit, is an error to tell, not the end.
        Signal.ignore(Signal.pipe)
        Signal.ignore(Signal.fileSize)

        if let name = words.first, ContainerdShim.isNamed(name) {
            return ContainerdShim.run(words, version: ShimInformation.version)
        }
        let arguments = Array(words.dropFirst())
        if isForConmon(words.first ?? "", arguments) { return Conmon.run(arguments) }
        guard let first = arguments.first else {
            complain("no command given\n\(usage)")
            return ExitCode.usage
        }
        switch first {
        case "--version", "-v", "version":
            return write(ShimInformation.versionText)
        case "--help", "-h", "help":
            return write(help)
        default:
            return perform(first, Array(arguments.dropFirst()))
        }
    }

    /// podman and CRI-O call us by a path, with conmon's flags alone; a person may call us by
    /// conmon's name.
    private static func isForConmon(_ name: String, _ arguments: [String]) -> Bool {
        guard let first = arguments.first else { return false }
        if ["--version", "-v", "version"].contains(first) { return false }
        if name == "conmon" || name.hasSuffix("/conmon") { return true }
        return first.hasPrefix("-") && !["--help", "-h"].contains(first)
    }

    private static func perform(_ name: String, _ words: [String]) -> Int32 {
        guard let command = ShimCommand.all.first(where: { $0.name == name }) else {
            complain("unknown command \"\(name)\"\n\(usage)")
            return ExitCode.usage
        }
        do throws(ShimUsageError) {
            let arguments = try ShimArguments(command, words)
            if arguments.asksForHelp { return write(help(of: command)) }
            return try HandCommands(arguments).perform()
        } catch {
            complain("\(error.message)\n\(error.usage)")
            return ExitCode.usage
        }
    }

    // MARK: Help

    private static let usage = "usage: martlet-shim COMMAND [flags] [ID]"

    private static var help: String {
        """
        \(usage)

        Stays with a container: keeps its output, and how it ended.

        commands:
        \(lines(ShimCommand.all.map { ($0.name, $0.summary) }))

        "martlet-shim COMMAND --help" says more of a command. With conmon's flags instead of a command it
        stands in for conmon, for podman and CRI-O.

        """
    }

    private static func help(of command: ShimCommand) -> String {
        let rows = command.flags.map { flag in
            ("--\(flag.name)\(flag.value.map { " \($0)" } ?? "")", flag.help)
        }
        return "\(command.usage)\n\nTo \(command.summary).\n\nflags:\n\(lines(rows))\n"
    }

    private static func lines(_ rows: [(String, String)]) -> String {
        let width = 28
        return rows.map { left, right in
            let space = String(repeating: " ", count: max(1, width - left.utf8.count))
            return "  \(left)\(space)\(right)"
        }.joined(separator: "\n")
    }

    // MARK: Output

    /// Tells standard error; there is nobody left to tell when that fails.
    static func complain(_ message: String) {
        try? File.write(Array("martlet-shim: \(message)\n".utf8), to: 2)
    }

    /// Writes to standard output.
    ///
    /// - Returns: the exit code.
    static func write(_ text: String) -> Int32 {
        do throws(SystemCallError) {
            try File.write(Array(text.utf8), to: 1)
            return ExitCode.success
        } catch {
            complain("standard output: \(error)")
            return ExitCode.failure
        }
    }
}
