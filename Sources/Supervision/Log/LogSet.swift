// SPDX-License-Identifier: Apache-2.0

package import Linux

/// Where a container's output goes, as it is written on a command line: `DRIVER:PATH`, `DRIVER`, or
/// a path alone.
package enum LogDestination: Equatable, Sendable {
    case file(LogFormat, path: String)
    case journal
    /// The container has our own standard streams.
    case passthrough
    case off

    /// nil for a driver that is not known, and for a file without a path.
    package init?(_ text: String) {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        let path = parts.count > 1 ? String(parts[1]) : ""
        switch parts.first.map(String.init) ?? "" {
        case "journald": self = .journal
        case "passthrough": self = .passthrough
        case "off", "null", "none": self = .off
        case let driver:
            if let format = LogFormat(rawValue: driver) {
                if path.isEmpty { return nil }
                self = .file(format, path: path)
            } else if parts.count == 1, !driver.isEmpty {
                // A name without a driver is a file's.
                self = .file(.kubernetes, path: driver)
            } else {
                return nil
            }
        }
    }
}

/// All logs of one container.
package final class LogSet {
    private var sinks: [any LogSink] = []
    /// Called when one that was congested can take more.
    var onRoom: () -> Void = {}

    /// Opens one more log.
    ///
    /// - Parameters:
    ///   - destination: where to.
    ///   - limits: how long a file may become.
    ///   - labels: what the journal is told.
    ///   - synchronizes: whether the end waits for the disk.
    ///   - loop: where one that must wait does so.
    ///   - warn: told what could not be kept.
    /// - Throws: when it cannot be written to.
    package func open(
        _ destination: LogDestination, limits: LogLimits, labels: JournalLabels,
        synchronizes: Bool, in loop: EventLoop, warn: @escaping (String) -> Void
    ) throws(SystemCallError) {
        switch destination {
        case .file(let format, let path):
            let file = try LogFile(path: path, limits: limits, warn: warn)
            sinks.append(LineLog(file, format: format, synchronizes: synchronizes, in: loop))
        case .journal:
            sinks.append(
                try JournalLog(labels, in: loop, warn: warn) { [weak self] in self?.onRoom() })
        case .passthrough, .off:
            break
        }
    }

    var isCongested: Bool {
        for sink in sinks where sink.isCongested { return true }
        return false
    }

    func write(_ bytes: ArraySlice<UInt8>, from stream: OutputStream) {
        for sink in sinks { sink.write(bytes, from: stream) }
    }

    /// Begins files anew that someone has moved away.
    package func reopen() { for sink in sinks { sink.reopen() } }

    /// Ends all of them.
    package func close() {
        for sink in sinks { sink.close() }
        sinks = []
    }
}
