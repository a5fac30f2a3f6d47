// SPDX-License-Identifier: Apache-2.0

internal import Linux

/// Where a process that nobody waits for tells what went wrong: standard error, and the system's
/// log.
package final class Complaints {
    private let name: String
    private let isSilent: Bool
    private var toStandardError = true
    private var systemLog: OpenFile?

    /// - Parameters:
    ///   - name: who complains.
    ///   - isSilent: whether what stops nothing is not worth telling.
    package init(name: String, isSilent: Bool = false) {
        self.name = name
        self.isSilent = isSilent
    }

    /// Tells the system's log too, where there is one.
    package func openSystemLog() {
        if let socket = try? Socket.connect(
            .datagram, to: "/dev/log", at: Directory.current, patience: 1)
        {
            systemLog = OpenFile(socket)
        }
    }

    /// Tells standard error no more: it is not ours any longer.
    package func leaveStandardError() { toStandardError = false }

    /// Tells what did not stop us.
    package func warn(_ message: String) { if !isSilent { tell(message, priority: 4) } }

    /// Tells what did.
    package func fail(_ message: String) { tell(message, priority: 3) }

    private func tell(_ message: String, priority: Int) {
        // There is nobody left to tell when this fails.
        if toStandardError { try? File.write(Array("\(name): \(message)\n".utf8), to: 2) }
        if let systemLog {
            // The facility of daemons is 3.
            let line = "<\(3 * 8 + priority)>\(name)[\(Process.id)]: \(message)"
            _ = try? Socket.sendAtOnce(Array(line.utf8)[...], to: systemLog.number)
        }
    }
}
