// SPDX-License-Identifier: Apache-2.0

package import Linux

/// The socket through which a runtime hands over the master of a container's terminal: one
/// message, its text the terminal's name, with one descriptor.
package enum ConsoleSocket {
    /// Receives the master from a runtime that has been given `theirs` of a pair, and closes both
    /// ends; a runtime that did not send it is then seen at once.
    package static func receiveMaster(
        through pair: consuming SocketPair, milliseconds: Int
    ) throws(SystemCallError) -> FileDescriptor {
        try receiveMaster(from: ours(of: pair), milliseconds: milliseconds)
    }

    /// Receives the master.
    ///
    /// - Parameters:
    ///   - socket: our end.
    ///   - milliseconds: the longest wait.
    /// - Returns: the master.
    /// - Throws: ETIMEDOUT when nothing comes, ECONNRESET when the other side closes without
    ///   it, ENOTTY when what comes is no such master.
    package static func receiveMaster(
        from socket: borrowing FileDescriptor, milliseconds: Int
    ) throws(SystemCallError) -> FileDescriptor {
        let call = "receive the terminal"
        guard try Poll.readable([socket.number], milliseconds: milliseconds)[0] else {
            throw SystemCallError(call, "", .timedOut)
        }
        // A name is at most a path.
        var message = try Socket.receive(from: socket.number, limit: 4096)
        guard let master = message.descriptor.take() else {
            throw SystemCallError(call, "", .connectionReset)
        }
        // Only the master of a pseudoterminal knows its peer.
        _ = try Terminal.peerNumber(of: master)
        return master
    }

    /// Closes the other end.
    private static func ours(of pair: consuming SocketPair) -> FileDescriptor { pair.ours }
}
