// SPDX-License-Identifier: Apache-2.0

internal import JSON
internal import Linux

/// `martlet-shim logs`: a container's output from its log, as it was.
package final class LogReader {
    /// What is shown.
    package struct Choice: Equatable, Sendable {
        /// Whether what comes later is shown too, until the container's end.
        package var follows = false
        /// Only so many of the last lines; nil for all.
        package var tail: Int?
        /// Whether each line has its time before it.
        package var hasTimes = false

        package init() {}
    }

    private struct Record {
        var time: [UInt8]
        var stream: OutputStream
        var text: [UInt8]
        /// Whether a line ends here.
        var isWhole: Bool
    }

    private let choice: Choice
    private let format: LogFormat
    private let path: String
    private var pending: [UInt8] = []
    /// Of each output, whether what was shown last was no whole line.
    private var isInLine: [OutputStream: Bool] = [:]
    private var kept: [[Record]] = []

    /// - Throws: when the container's output is in no file.
    package init(_ record: ContainerRecord, _ choice: Choice) throws(SupervisionError) {
        guard let format = LogFormat(rawValue: record.logFormat) else {
            throw SupervisionError(
                "container \"\(record.id)\" has no log file: it was told \(record.logFormat)")
        }
        self.choice = choice
        self.format = format
        path = record.logPath
    }

    /// Shows it.
    ///
    /// - Parameter hasEnded: asked whether more can come.
    /// - Throws: when the log cannot be read, or nobody reads us.
    package func show(hasEnded: () throws(SupervisionError) -> Bool) throws(SupervisionError) {
        do throws(SystemCallError) {
            for older in olderFiles() {
                try readToEnd(OpenFile(File.open(older, .readOnlyAtOnce)))
            }
            var file = OpenFile(try File.open(path, .readOnlyAtOnce))
            try readToEnd(file)
            try showKept()
            if !choice.follows { return }
            while true {
                let isLast: Bool
                do throws(SupervisionError) {
                    isLast = try hasEnded()
                } catch {
                    // The record was removed: nothing more will come.
                    isLast = true
                }
                try readToEnd(file)
                if let next = try newFile(after: file) {
                    try readToEnd(file)
                    file = next
                    continue
                }
                if isLast { return }
                Clock.sleep(milliseconds: 100)
            }
        } catch {
            throw SupervisionError("log", error)
        }
    }

    /// Those that were moved away, the oldest first.
    private func olderFiles() -> [String] {
        var paths: [String] = []
        while (try? File.status(of: "\(path).\(paths.count + 1)")) != nil {
            paths.append("\(path).\(paths.count + 1)")
        }
        return paths.reversed()
    }

    private func newFile(after file: OpenFile) throws(SystemCallError) -> OpenFile? {
        guard let there = try? File.status(of: path),
            try !there.isSameFile(as: File.status(of: file.descriptor))
        else { return nil }
        return OpenFile(try File.open(path, .readOnlyAtOnce))
    }

    private func readToEnd(_ file: OpenFile) throws(SystemCallError) {
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = try File.read(file.number, into: &buffer)
            if count == 0 { return }
            pending += buffer[..<count]
            var start = pending.startIndex
            while let end = pending[start...].firstIndex(of: UInt8(ascii: "\n")) {
                // What is no record was not written by us.
                if let record = parse(pending[start..<end]) { try take(record) }
                start = end + 1
            }
            pending = Array(pending[start...])
        }
    }

    // MARK: Records

    private func parse(_ line: ArraySlice<UInt8>) -> Record? {
        switch format {
        case .kubernetes:
            let parts = line.split(
                separator: UInt8(ascii: " "), maxSplits: 3, omittingEmptySubsequences: false)
            guard parts.count == 4 else { return nil }
            return Record(
                time: Array(parts[0]),
                stream: parts[1].elementsEqual("stderr".utf8) ? .errors : .output,
                text: Array(parts[3]), isWhole: parts[2].elementsEqual("F".utf8))
        case .json:
            guard let root = try? JSONDocument(parsing: Array(line)).root,
                var text = root["log"]?.stringIfAny.map({ Array($0.utf8) })
            else { return nil }
            let isWhole = text.last == UInt8(ascii: "\n")
            if isWhole { text.removeLast() }
            return Record(
                time: Array((root["time"]?.stringIfAny ?? "").utf8),
                stream: root["stream"]?.stringIfAny == "stderr" ? .errors : .output,
                text: text, isWhole: isWhole)
        }
    }

    private var showsAll = false

    private func take(_ record: Record) throws(SystemCallError) {
        guard let tail = choice.tail, !showsAll else {
            try show(record)
            return
        }
        if tail == 0 { return }
        // A line's parts stay together; those of two outputs may come in turn.
        if let index = kept.lastIndex(where: { $0.first?.stream == record.stream }),
            kept[index].last?.isWhole == false
        {
            kept[index].append(record)
        } else {
            kept.append([record])
            if kept.count > tail { kept.removeFirst() }
        }
    }

    private func showKept() throws(SystemCallError) {
        for line in kept { for record in line { try show(record) } }
        kept = []
        showsAll = true
    }

    private func show(_ record: Record) throws(SystemCallError) {
        var bytes: [UInt8] = []
        if choice.hasTimes, isInLine[record.stream] != true {
            bytes = record.time + [UInt8(ascii: " ")]
        }
        bytes += record.text
        if record.isWhole { bytes.append(UInt8(ascii: "\n")) }
        isInLine[record.stream] = !record.isWhole
        try File.write(bytes, to: record.stream == .output ? 1 : 2)
    }
}
