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
    ///
    /// Bytes are compared where they are: this runs before anything else, and every page that the
    /// standard library touches costs as much as a system call.
    static func isAsked(_ word: UnsafePointer<CChar>) -> Bool {
        unsafe isSame(word, "--version") || isSame(word, "-v") || isSame(word, "version")
            || isSame(word, "-version")
    }

    private static func isSame(_ word: UnsafePointer<CChar>, _ other: StaticString) -> Bool {
        for index in 0..<other.utf8CodeUnitCount {
            // The end mark, 0, is in no word.
            if unsafe UInt8(bitPattern: word[index]) != other.utf8Start[index] { return false }
        }
        return unsafe word[other.utf8CodeUnitCount] == 0
    }
}
