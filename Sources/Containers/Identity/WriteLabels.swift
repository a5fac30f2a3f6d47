// SPDX-License-Identifier: Apache-2.0

internal import Linux

/// Labels of the process to be.
extension InitProcess {
    /// Writes a label through a procfs that is made sure of, and reads it back: a runtime that was
    /// led to another file would run the program without confinement (CVE-2019-16884,
    /// CVE-2025-52881).
    mutating func writeLabel(_ write: LabelWrite) throws(ContainerError) {
        let procfs = try openProcfs()
        do throws(SystemCallError) {
            let file = try Self.open(write.files, in: procfs)
            try File.writeOnce(write.text, to: file, subject: "/proc/thread-self/attr")
            try File.rewind(file)
            var buffer = [UInt8](repeating: 0, count: 4096)
            let count = try File.read(file.number, into: &buffer)
            let answer = String(decoding: buffer[..<count], as: UTF8.self)
            if write.isConfirmed(by: answer) { return }
        } catch {
            throw ContainerError(.failed, "\(error.errno); \(write.remedy)")
        }
        throw ContainerError(.failed, "the kernel has taken another label than this")
    }

    private static func open(_ files: [String], in procfs: SharedDescriptor)
        throws(SystemCallError) -> FileDescriptor
    {
        var missing = SystemCallError("open", "attr", .noEntry)
        for name in files {
            do throws(SystemCallError) {
                return try File.open(
                    "thread-self/attr/\(name)", at: procfs.number, .readWrite,
                    resolving: [.beneath, .noMagicLinks, .noMountCrossing])
            } catch where error.errno == .noEntry {
                missing = error
            }
        }
        throw missing
    }
}
