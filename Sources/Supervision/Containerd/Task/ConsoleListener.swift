// SPDX-License-Identifier: Apache-2.0

internal import Foreground
internal import Linux

/// A socket that a runtime sends the master of a new terminal to.
final class ConsoleListener {
    private let directory: FileDescriptor
    private let name: String
    private let listener: FileDescriptor

    /// Listens in a bundle.
    ///
    /// - Parameters:
    ///   - bundle: where it listens.
    ///   - name: of a file that is not there yet.
    /// - Throws: when something of that fails.
    init(inBundle bundle: String, name: String) throws(SystemCallError) {
        let directory = try File.open(bundle, .directoryPath)
        // Of a shim that was killed.
        try? File.remove(name, at: directory.number)
        listener = try Socket.listen(.stream, at: name, in: directory.number)
        self.name = name
        self.directory = directory
        try Readiness.makeNonBlocking(listener)
    }

    deinit { try? File.remove(name, at: directory.number) }

    /// What the runtime is told. A bundle's path is often too long for the address of a socket; by
    /// our descriptor of it, it never is.
    var path: String { "/proc/\(Process.id)/fd/\(directory.number)/\(name)" }

    /// The master that has been sent by now.
    func receive() throws(SystemCallError) -> FileDescriptor {
        let socket: FileDescriptor
        do throws(SystemCallError) {
            socket = try Socket.accept(listener)
        } catch where error.errno == .again {
            throw SystemCallError("receive the terminal", "", .timedOut)
        }
        return try ConsoleSocket.receiveMaster(from: socket, milliseconds: 1000)
    }
}
