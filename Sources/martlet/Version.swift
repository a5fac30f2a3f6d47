// SPDX-License-Identifier: Apache-2.0

internal import Containers
internal import Linux

/// `--version`.
enum Version {
    /// Prints it in one write, straight from where the compiler put it.
    ///
    /// - Returns: the exit code.
    static func print() -> Int32 {
        let output = FileDescriptor(owning: 1)
        do throws(SystemCallError) {
            try File.writeOnce(
                BuildInformation.versionText, to: output, subject: "standard output")
        } catch {
            _ = output.release()
            Log().error(ContainerError(step: "version", error))
            return Program.ExitCode.failure
        }
        _ = output.release()
        return Program.ExitCode.success
    }

    /// Whether the only word after the program's name asks for nothing else.
    static func isAsked(_ word: UnsafePointer<CChar>) -> Bool {
        unsafe RawArgument.isSame(word, "--version") || RawArgument.isSame(word, "-v")
            || RawArgument.isSame(word, "version") || RawArgument.isSame(word, "-version")
    }
}
