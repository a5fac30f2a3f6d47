// SPDX-License-Identifier: Apache-2.0

internal import Linux

/// How long a log may become, and what happens then.
package struct LogLimits: Equatable, Sendable {
    /// The most bytes of one file; nil for no limit.
    package var size: Int?
    /// How many older files are kept, as PATH.1, PATH.2 and so on; with 0 the log begins anew, and
    /// what was in it is gone.
    package var olderFiles = 0
    /// The most bytes of all that is ever written; nil for no limit. What comes later is not kept.
    package var total: Int?

    package init(size: Int? = nil, olderFiles: Int = 0, total: Int? = nil) {
        self.size = size
        self.olderFiles = olderFiles
        self.total = total
    }
}

/// A log that is a file of lines, of whatever form.
///
/// The file has whole records alone, also when the disk is full: what was written of half a record
/// is taken back. A directory that goes away takes its files along; writing goes on into the file
/// that is open, and a new one is tried for only when this one is full.
final class LogFile {
    private let path: String
    private let limits: LogLimits
    private let warn: (String) -> Void
    private var file: FileDescriptor
    private var size: Int64
    private var written = 0
    /// Bytes of records that could not be written since the last one that could.
    private var lost = 0
    private var isFull = false

    /// Opens or makes it; what is in it already stays.
    init(path: String, limits: LogLimits, warn: @escaping (String) -> Void)
        throws(SystemCallError)
    {
        self.path = path
        self.limits = limits
        self.warn = warn
        file = try Self.open(path)
        size = try File.seek(file, to: -1)
    }

    private static func open(_ path: String) throws(SystemCallError) -> FileDescriptor {
        let file = try File.open(
            path, [.writeOnly, .create, .append, .noControllingTerminal, .nonBlocking],
            permissions: 0o640)
        // A fifo in its place would make us wait, or lose what nobody reads.
        guard try File.status(of: file).type == .regular else {
            throw SystemCallError("open", path, .invalid)
        }
        return file
    }

    /// Whether so many more bytes are still within the limit of one file.
    func hasRoom(for count: Int) -> Bool {
        guard let limit = limits.size else { return true }
        return Int(size) + count <= limit
    }

    var isEmpty: Bool { size == 0 }

    /// Writes records, which are in the file wholly or not at all.
    func append(_ records: ArraySlice<UInt8>) {
        if records.isEmpty { return }
        if let total = limits.total {
            if written + records.count > total {
                if !isFull { warn("log \"\(path)\": it has reached its limit; no more is kept") }
                isFull = true
                return
            }
            written += records.count
        }
        do throws(SystemCallError) {
            try File.write(records, to: file.number)
            size += Int64(records.count)
            if lost > 0 {
                warn("log \"\(path)\": it goes on; \(lost) bytes could not be written before")
                lost = 0
            }
        } catch {
            if lost == 0 { warn("log \"\(path)\": \(error); output is lost until there is room") }
            lost += records.count
            // Of what fitted, whole lines may stay; but who knows where it ended.
            try? File.truncate(file.number, to: size)
        }
    }

    /// Begins a new file, and keeps as many older ones as it should.
    func rotate() {
        do throws(SystemCallError) {
            if limits.olderFiles > 0 {
                for index in stride(from: limits.olderFiles - 1, to: 0, by: -1) {
                    try moveIfThere("\(path).\(index)", to: "\(path).\(index + 1)")
                }
                try moveIfThere(path, to: "\(path).1")
                try replaceFile(at: path)
            } else {
                // Under another name first: who reads the old file sees that there is a new one.
                try? File.remove("\(path).tmp")
                try replaceFile(at: "\(path).tmp")
                try File.rename("\(path).tmp", to: path)
            }
        } catch {
            warn("log \"\(path)\": a new file: \(error); it goes on in the one that is open")
            // Not again for every record.
            size = 0
        }
    }

    /// Opens what is at the path now, or makes it.
    func reopen() {
        do throws(SystemCallError) {
            try replaceFile(at: path)
        } catch {
            warn("log \"\(path)\": open it again: \(error); it goes on in the one that is open")
        }
    }

    /// Waits until everything is on the disk.
    func synchronize() {
        do throws(SystemCallError) {
            try File.synchronize(file)
        } catch where error.errno != .invalid {
            warn("log \"\(path)\": \(error)")
        } catch {
            // A file system that has nothing to wait for.
        }
    }

    private func replaceFile(at path: String) throws(SystemCallError) {
        let new = try Self.open(path)
        size = try File.seek(new, to: -1)
        file = new
    }

    private func moveIfThere(_ old: String, to new: String) throws(SystemCallError) {
        do throws(SystemCallError) {
            try File.rename(old, to: new)
        } catch where error.errno == .noEntry {
            return
        }
    }
}
