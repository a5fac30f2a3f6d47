// SPDX-License-Identifier: Apache-2.0

internal import Linux

/// sd_notify(3) for a container: what it sends to its own socket goes to the one that the
/// runtime's caller named, filtered, because a container must not speak for its manager.
enum NotifySocket {
    static let directoryName = "notify"
    static let socketName = "notify.sock"
    static let directoryInContainer = "/run/notify"
    static let pathInContainer = "/run/notify/notify.sock"

    /// Longest message that is taken.
    private static let messageLimit = 4096

    /// Passes on READY=1, with the container's pid added, and ends then, or with the process.
    /// The socket was bound in the container's directory before the program started.
    static func relay(
        from socket: borrowing FileDescriptor, to destination: String, pid: Int32,
        process: borrowing FileDescriptor
    ) throws(SystemCallError) {
        while true {
            let ready = try Poll.readable([socket.number, process.number])
            if ready[0] {
                let received = try Socket.receive(from: socket.number, limit: messageLimit)
                if isReady(received.bytes) {
                    try forward(to: destination, pid: pid)
                    return
                }
            } else if ready[1] {
                return
            }
        }
    }

    private static func forward(to destination: String, pid: Int32) throws(SystemCallError) {
        let manager = try Socket.connect(.datagram, to: destination, at: Directory.current)
        try Socket.send(Array("READY=1\n".utf8), to: manager.number)
        try Socket.send(Array("MAINPID=\(pid)\n".utf8), to: manager.number)
        try awaitBarrier(manager)
    }

    /// sd_notify_barrier(3): waits until the manager has taken the messages, at most 30 seconds.
    private static func awaitBarrier(_ manager: borrowing FileDescriptor) throws(SystemCallError) {
        let pair = try Socket.pair(.stream)
        try Socket.send(Array("BARRIER=1".utf8), passing: pair.theirs.number, to: manager.number)
        let ours = closeFarEnd(of: pair)
        _ = try Poll.readable([ours.number], milliseconds: 30_000)
    }

    private static func closeFarEnd(of pair: consuming SocketPair) -> FileDescriptor {
        let ours = pair.ours
        return ours
    }

    private static func isReady(_ bytes: [UInt8]) -> Bool {
        bytes.split(separator: UInt8(ascii: "\n")).contains { $0.elementsEqual("READY=1".utf8) }
    }
}
