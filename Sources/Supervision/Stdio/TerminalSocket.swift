// SPDX-License-Identifier: Apache-2.0

internal import Foreground
package import Linux

/// The socket through which a runtime sends a terminal's master, in a directory that only we may
/// enter.
package final class TerminalSocket {
    private let parent: String
    private let listener: FileDescriptor
    private var watch: Watch?

    /// Where the runtime connects to.
    package var path: String { "\(parent)/console" }

    /// Listens.
    ///
    /// - Throws: when there is no place for it.
    package init() throws(SystemCallError) {
        // Short, as a socket's path must be: that of TMPDIR may not be.
        var number = 0
        var made: String?
        while made == nil {
            let path = "/tmp/martlet-shim.\(Process.id).\(number)"
            do throws(SystemCallError) {
                try File.makeDirectory(path, permissions: 0o700)
                made = path
            } catch where error.errno == .exists && number < 1000 {
                number += 1
            }
        }
        parent = made ?? ""
        let directory = try File.open(parent, .realDirectory)
        listener = try Socket.listen(.stream, at: "console", in: directory.number)
    }

    /// Calls a handler as soon as a runtime connects: what runs at once finds its terminal's size.
    package func whenConnected(in loop: EventLoop, _ handler: @escaping () -> Void)
        throws(SystemCallError)
    {
        let copy = try listener.duplicate()
        watch = try Watch(copy, of: loop, for: .readable) { [weak self] _ in
            self?.watch = nil
            handler()
        }
    }

    deinit {
        try? File.remove(path)
        try? File.remove(parent, isDirectory: true)
    }

    /// The terminal of a runtime that has connected, or has ended: it was sent before that.
    ///
    /// - Throws: when none was sent.
    package func receive() throws(SystemCallError) -> FileDescriptor {
        guard try Poll.readable([listener.number], milliseconds: 1000)[0] else {
            throw SystemCallError("receive the terminal", "", .timedOut)
        }
        let connection = try Socket.accept(listener)
        return try ConsoleSocket.receiveMaster(from: connection, milliseconds: 1000)
    }
}
