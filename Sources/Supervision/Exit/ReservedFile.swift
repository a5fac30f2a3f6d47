// SPDX-License-Identifier: Apache-2.0

package import Linux

/// A file that will be written later, whole and in one step, also when the disk is full by then: the
/// room for it is taken now.
package final class ReservedFile {
    /// The file's path.
    package let path: String
    private let directory: FileDescriptor
    private let name: String
    private let temporary: String
    private let file: FileDescriptor
    private var isWritten = false

    /// Takes the room.
    ///
    /// - Parameters:
    ///   - path: where the file will be; what is there by then is replaced.
    ///   - permissions: its mode.
    ///   - size: the most that will be written.
    /// - Throws: when there is no room, or nobody may write there.
    package init(_ path: String, permissions: UInt32, size: Int = 4096) throws(SystemCallError) {
        self.path = path
        let slash = path.utf8.lastIndex(of: UInt8(ascii: "/"))
        let name = slash.map { String(path[path.utf8.index(after: $0)...]) } ?? path
        let parent = slash.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        directory = try File.open(parent, .directoryPath)
        self.name = name
        temporary = ".\(name).\(Process.id)"
        // Of a process with our pid that was killed.
        try? File.remove(temporary, at: directory.number)
        file = try File.open(
            temporary, at: directory.number, .newFile, permissions: permissions)
        do throws(SystemCallError) {
            try File.reserve(Int64(size), of: file)
        } catch where error.errno == .unsupported {
            // A file system that cannot.
        }
    }

    deinit {
        if !isWritten { try? File.remove(temporary, at: directory.number) }
    }

    /// Writes it, and puts it in its place.
    package func write(_ bytes: [UInt8]) throws(SystemCallError) {
        do throws(SystemCallError) {
            try File.rewind(file)
            try File.write(bytes, to: file.number)
            try File.rename(temporary, to: name, at: directory.number)
            isWritten = true
        } catch {
            throw SystemCallError(error.call, path, error.errno)
        }
    }
}
