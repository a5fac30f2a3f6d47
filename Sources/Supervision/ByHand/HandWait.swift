// SPDX-License-Identifier: Apache-2.0

internal import Linux

/// `martlet-shim wait`, and what else asks how a container is.
package enum HandWait {
    /// What can be said of a container.
    package enum Condition: Equatable, Sendable {
        case creating
        case running
        /// It runs, and nobody watches it: its shim was killed.
        case unwatched
        case ended(ExitRecord)
        /// It has ended, and nobody has seen how.
        case lost
    }

    /// How a container is now.
    package static func condition(of folder: ContainerFolder) throws(SupervisionError)
        -> Condition
    {
        if let record = try ExitRecord.read(folder) { return .ended(record) }
        guard let record = try ContainerRecord.read(folder) else { return .creating }
        if record.shim.open() != nil { return .running }
        if record.process.open() != nil { return .unwatched }
        // Its shim may have written the record right before it ended.
        if let record = try ExitRecord.read(folder) { return .ended(record) }
        return .lost
    }

    /// Waits until a container has ended.
    ///
    /// Its shim writes how it ended. When the shim was killed, the kernel tells whoever has held a
    /// descriptor of the process since before its end (Linux 6.15), and that is put on record.
    ///
    /// - Throws: when it has ended, and nobody can know how.
    package static func wait(for folder: ContainerFolder) throws(SupervisionError) -> ExitRecord {
        // Short, and bounded by the time that a runtime may take.
        while try ContainerRecord.read(folder) == nil, try ExitRecord.read(folder) == nil {
            Clock.sleep(milliseconds: 50)
        }
        if let record = try ExitRecord.read(folder) { return record }
        guard let record = try ContainerRecord.read(folder) else { throw unknown(folder) }
        // Both before either is waited for.
        let process = record.process.open()
        if let shim = record.shim.open() {
            try waitForEnd(of: shim)
            if let record = try ExitRecord.read(folder) { return record }
        } else if let record = try ExitRecord.read(folder) {
            return record
        }
        guard let process else { throw unknown(folder) }
        try waitForEnd(of: process)
        return try witness(process, folder)
    }

    private static func waitForEnd(of process: OpenFile) throws(SupervisionError) {
        try SupervisionError.doing("wait") { () throws(SystemCallError) in
            _ = try Poll.readable([process.number])
        }
    }

    /// Asks the kernel, and writes down what it says.
    private static func witness(_ process: OpenFile, _ folder: ContainerFolder)
        throws(SupervisionError) -> ExitRecord
    {
        // Known once its new parent has reaped it.
        for _ in 0..<100 {
            guard let status = Process.recordedStatus(of: process.descriptor) else {
                Clock.sleep(milliseconds: 100)
                continue
            }
            var record = ExitRecord(status, ended: Clock.timestamp)
            record.witness = "martlet-shim wait, as the container's shim was gone"
            do throws(SystemCallError) {
                try File.replace(
                    folder.exitPath, at: Directory.current, with: record.encoded(id: folder.id),
                    permissions: 0o600)
            } catch {
                throw SupervisionError("exit record", error)
            }
            return record
        }
        throw unknown(folder)
    }

    private static func unknown(_ folder: ContainerFolder) -> SupervisionError {
        SupervisionError(
            "container \"\(folder.id)\" has ended, and nobody has seen how: its shim was killed")
    }
}
