// SPDX-License-Identifier: Apache-2.0

internal import Digest
internal import Linux

/// The socket of a shim: `unix://DIRECTORY/SHA256`, of which the name says whose shim it is.
struct ShimSocket {
    private static let defaultDirectory = "/run/containerd/s"
    private let directory: String
    private let name: String

    /// - Parameters:
    ///   - directory: where the sockets of shims are; nil for the usual place.
    ///   - address: of containerd, so that two of them have two shims.
    ///   - namespace: of containerd's.
    ///   - group: what all containers of one shim have in common.
    init(in directory: String?, address: String, namespace: String, group: String) {
        self.directory = directory.flatMap { $0.isEmpty ? nil : $0 } ?? Self.defaultDirectory
        let digest = SHA256.digest(of: Array("\(address)/\(namespace)/\(group)".utf8))
        name = digest.reduce(into: "") { text, byte in
            let digits = String(byte, radix: 16)
            text += digits.utf8.count == 1 ? "0\(digits)" : digits
        }
    }

    /// - Parameter address: of containerd.
    init?(address: String) {
        guard address.hasPrefix("unix:///"), let slash = address.lastIndex(of: "/") else {
            return nil
        }
        let path = address.dropFirst("unix://".count)
        directory = String(path[..<slash])
        name = String(path[path.index(after: slash)...])
    }

    var path: String { "\(directory)/\(name)" }
    var address: String { "unix://\(path)" }

    /// What came of it.
    enum Result: ~Copyable {
        /// A new socket.
        case listening(FileDescriptor)
        /// Another shim has it, and answers.
        case taken
    }

    /// Makes the socket, which nobody but us can use.
    func listen() throws(CallError) -> Result {
        // Clients give the path to the kernel as it is.
        guard path.utf8.count < 107 else {
            throw CallError(.invalidArgument, "socket path \"\(path)\" is too long")
        }
        try doing("socket directory \"\(directory)\"") { () throws(SystemCallError) in
            try makeDirectory()
        }
        let open = try doing("socket directory \"\(directory)\"") { () throws(SystemCallError) in
            try File.open(directory, .directory)
        }
        return try doing("socket \"\(path)\"") { () throws(SystemCallError) in
            // Of two who come at once one makes it, and the other finds it made.
            _ = try File.lock(open, waiting: true)
            do throws(SystemCallError) {
                return .listening(try make(in: open))
            } catch where error.errno == .addressInUse {
                if isAnswered { return .taken }
                // Of a shim that was killed.
                try File.remove(name, at: open.number)
                return .listening(try make(in: open))
            }
        }
    }

    private func make(in open: borrowing FileDescriptor) throws(SystemCallError) -> FileDescriptor {
        // From the first moment on: a later chmod would be too late.
        let mask = Process.setUmask(0o177)
        defer { _ = Process.setUmask(mask) }
        return try Socket.listen(.stream, at: name, in: open.number, backlog: 128)
    }

    private func makeDirectory() throws(SystemCallError) {
        var parent = ""
        for part in directory.split(separator: "/") {
            parent += "/\(part)"
            do throws(SystemCallError) {
                try File.makeDirectory(parent, permissions: parent == directory ? 0o700 : 0o711)
            } catch where error.errno == .exists {}
        }
    }

    /// Whether somebody listens.
    var isAnswered: Bool {
        (try? Socket.connect(.stream, to: path, at: Directory.current, waiting: false)) != nil
    }

    /// Removes the socket.
    func remove() { try? File.remove(path, at: Directory.current) }
}
