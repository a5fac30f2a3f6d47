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
        guard let first = arguments.first else {
            complain("no command given\n\(usage)")
            return ExitCode.usage
        }
        switch first {
        case "--version", "-v", "version":
            return write(ShimInformation.versionText)
        case "--help", "-h", "help":
            return write("\(usage)\n")
        default:
            complain("unknown command \"\(first)\"\n\(usage)")
            return ExitCode.usage
        }
    }

    private static let usage = "usage: martlet-shim --version | --help"

    /// Tells standard error; there is nobody left to tell when that fails.
    static func complain(_ message: String) {
        try? File.write(Array("martlet-shim: \(message)\n".utf8), to: 2)
    }

    private static func write(_ text: String) -> Int32 {
        do throws(SystemCallError) {
            try File.write(Array(text.utf8), to: 1)
            return ExitCode.success
        } catch {
            complain("standard output: \(error)")
            return ExitCode.failure
        }
    }
}
