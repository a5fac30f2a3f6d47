// SPDX-License-Identifier: Apache-2.0

internal import CLinux

/// Who is at the other end of a Unix domain socket.
package struct PeerCredentials: Equatable, Sendable {
    package let pid: Int32
    package let uid: UInt32
    package let gid: UInt32
}

extension Socket {
    /// Who connected, or listens, at the other end; as the kernel knew it at that time. The system
    /// call is `getsockopt(2)`, SO_PEERCRED.
    package static func peer(of socket: borrowing FileDescriptor) throws(SystemCallError)
        -> PeerCredentials
    {
        let number = socket.number
        var credentials = ucred()
        var size = socklen_t(MemoryLayout<ucred>.size)
        _ = try check("getsockopt SO_PEERCRED") {
            unsafe getsockopt(number, SOL_SOCKET, SO_PEERCRED, &credentials, &size)
        }
        return PeerCredentials(
            pid: credentials.pid, uid: credentials.uid, gid: credentials.gid)
    }
}
