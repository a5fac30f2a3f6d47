// SPDX-License-Identifier: Apache-2.0

internal import Linux

/// What the journal is told about a container besides its output.
package struct JournalLabels: Equatable, Sendable {
    package var id = ""
    package var name: String?
    package var tag: String?
    /// As `NAME=VALUE`.
    package var others: [String] = []
    /// Whether parts of lines are marked as such.
    package var marksParts = true

    package init() {}
}

/// systemd's journal as a log, by its native protocol: one datagram for each line.
final class JournalLog: LogSink {
    /// Where journald listens.
    static let socketPath = "/run/systemd/journal/socket"

    private let labels: JournalLabels
    private let warn: (String) -> Void
    private let onRoom: () -> Void
    private let queue: PacketQueue
    private var watch: Watch?
    /// What comes with every line.
    private let head: [UInt8]
    private var hasFailed = false

    /// Connects to the journal; fails when there is none. `onRoom` is called when it can take more
    /// again.
    init(
        _ labels: JournalLabels, path: String = JournalLog.socketPath, in loop: EventLoop,
        warn: @escaping (String) -> Void, onRoom: @escaping () -> Void
    ) throws(SystemCallError) {
        self.labels = labels
        self.warn = warn
        self.onRoom = onRoom
        let socket = try Socket.connect(.datagram, to: path, at: Directory.current)
        queue = PacketQueue(to: socket.number)
        head = Self.head(labels)
        watch = try Watch(socket, of: loop, for: []) { [weak self] _ in self?.flush() }
    }

    var isCongested: Bool { queue.count >= PacketQueue.limit }

    /// It is a socket: there is nothing to open again.
    func reopen() {}

    func close() {
        // A second for a journal that is slow: then the container's end has to be told.
        var patience = 20
        while !queue.isEmpty && watch != nil && patience > 0 {
            patience -= 1
            Clock.sleep(milliseconds: 50)
            flush()
        }
    }

    func write(_ bytes: ArraySlice<UInt8>, from stream: OutputStream) {
        for line in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
            .dropLast(bytes.last == UInt8(ascii: "\n") ? 1 : 0)
        {
            let isWhole = line.endIndex < bytes.endIndex
            send(Self.packet(line, isWhole: isWhole || !labels.marksParts, stream, head))
        }
    }

    private func send(_ packet: [UInt8]) {
        if watch == nil { return }
        let wasEmpty = queue.isEmpty
        do throws(SystemCallError) {
            try queue.send(packet)
            if wasEmpty && !queue.isEmpty { watch?.change(to: .writable) }
        } catch {
            fail(error)
        }
    }

    private func flush() {
        do throws(SystemCallError) {
            _ = try queue.flush()
            if queue.isEmpty {
                watch?.change(to: [])
                onRoom()
            }
        } catch {
            fail(error)
        }
    }

    private func fail(_ error: SystemCallError) {
        // A datagram that is too long for it, or a journal that was restarted: the next may do.
        if !hasFailed { warn("journal: \(error); output is lost") }
        hasFailed = true
    }

    // MARK: Packets

    private static func head(_ labels: JournalLabels) -> [UInt8] {
        var head: [UInt8] = []
        append("CONTAINER_ID_FULL", labels.id, to: &head)
        append("CONTAINER_ID", String(labels.id.prefix(12)), to: &head)
        append("SYSLOG_IDENTIFIER", labels.tag ?? labels.name ?? labels.id, to: &head)
        if let name = labels.name { append("CONTAINER_NAME", name, to: &head) }
        if let tag = labels.tag { append("CONTAINER_TAG", tag, to: &head) }
        for label in labels.others {
            let parts = label.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            append(String(parts[0]), parts.count > 1 ? String(parts[1]) : "", to: &head)
        }
        return head
    }

    /// One line as journald reads it.
    static func packet(
        _ line: ArraySlice<UInt8>, isWhole: Bool, _ stream: OutputStream, _ head: [UInt8]
    ) -> [UInt8] {
        var line = line
        var priority = stream == .output ? UInt8(ascii: "6") : UInt8(ascii: "3")
        // A program that knows it is logged may say how urgent a line is (sd-daemon(3)).
        if line.count >= 3, line.first == UInt8(ascii: "<"),
            line[line.startIndex + 2] == UInt8(ascii: ">")
        {
            let digit = line[line.startIndex + 1]
            if digit >= UInt8(ascii: "0") && digit <= UInt8(ascii: "7") {
                priority = digit
                line = line.dropFirst(3)
            }
        }
        var packet = head
        packet.reserveCapacity(head.count + line.count + 80)
        packet += Array("PRIORITY=".utf8)
        packet += [priority, UInt8(ascii: "\n")]
        if !isWhole { packet += Array("CONTAINER_PARTIAL_MESSAGE=true\n".utf8) }
        packet += Array("MESSAGE".utf8)
        append(value: line, to: &packet)
        return packet
    }

    private static func append(_ name: String, _ value: String, to packet: inout [UInt8]) {
        packet += Array(name.utf8)
        append(value: Array(value.utf8)[...], to: &packet)
    }

    /// With its length before it: so it may have line feeds and any byte.
    private static func append(value: ArraySlice<UInt8>, to packet: inout [UInt8]) {
        packet.append(UInt8(ascii: "\n"))
        var length = UInt64(value.count)
        for _ in 0..<8 {
            packet.append(UInt8(truncatingIfNeeded: length))
            length >>= 8
        }
        packet += value
        packet.append(UInt8(ascii: "\n"))
    }
}
