// SPDX-License-Identifier: Apache-2.0

internal import CLinux

/// Unix domain sockets (unix(7)).
package enum Socket {
    package enum Kind: Sendable {
        case stream, datagram, packets

        var type: CInt {
            switch self {
            case .stream: CInt(SOCK_STREAM.rawValue)
            case .datagram: CInt(SOCK_DGRAM.rawValue)
            case .packets: CInt(SOCK_SEQPACKET.rawValue)
            }
        }
    }

    /// Two sockets connected to each other. The system call is `socketpair(2)`.
    package static func pair(_ kind: Kind) throws(SystemCallError) -> SocketPair {
        var numbers: (CInt, CInt) = (-1, -1)
        _ = try check("socketpair") {
            unsafe withUnsafeMutablePointer(to: &numbers) { pointer in
                unsafe pointer.withMemoryRebound(to: CInt.self, capacity: 2) {
                    unsafe socketpair(AF_UNIX, kind.type | CInt(SOCK_CLOEXEC.rawValue), 0, $0)
                }
            }
        }
        return SocketPair(
            ours: FileDescriptor(owning: numbers.0), theirs: FileDescriptor(owning: numbers.1))
    }

    /// A listening socket at `name` in an open directory, so that no path is too long for it.
    package static func listen(
        _ kind: Kind, at name: String, in directory: CInt, backlog: CInt = 8
    ) throws(SystemCallError) -> FileDescriptor {
        let socket = try make(kind)
        let number = socket.number
        var address = try address(of: "/proc/self/fd/\(directory)/\(name)")
        _ = try check("bind", name) { unsafe clinux_bind(number, &address) }
        if kind != .datagram { _ = try check("listen", name) { CLinux.listen(number, backlog) } }
        return socket
    }

    /// A socket connected to the one at a path. A path of any length is taken: it is opened
    /// first, and reached through its descriptor. With `patience`, in seconds, neither the
    /// connection nor what is sent later waits longer for the other side (EAGAIN). Without
    /// `waiting` nothing waits at all, then or later.
    package static func connect(
        _ kind: Kind, to path: String, at directory: CInt, patience: Int? = nil,
        waiting: Bool = true
    ) throws(SystemCallError) -> FileDescriptor {
        let target = try File.open(path, at: directory, .pathOnly)
        let socket = try make(kind)
        let number = socket.number
        if !waiting { try Readiness.makeNonBlocking(socket) }
        if let patience {
            var time = timeval(tv_sec: patience, tv_usec: 0)
            _ = try check("setsockopt SO_SNDTIMEO") {
                unsafe setsockopt(
                    number, SOL_SOCKET, SO_SNDTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
            }
        }
        var address = try address(of: target.procPath)
        _ = try check("connect", path) { unsafe clinux_connect(number, &address) }
        return socket
    }

    /// A socket connected to one with an abstract name, which is no file.
    package static func connect(_ kind: Kind, toAbstract name: String) throws(SystemCallError)
        -> FileDescriptor
    {
        let socket = try make(kind)
        let number = socket.number
        // A name begins with a zero byte, and ends where the address does.
        var address = try address(of: "@" + name)
        address.sun_path.0 = 0
        let length = MemoryLayout<sa_family_t>.size + 1 + name.utf8.count
        _ = try check("connect", "@\(name)") {
            unsafe clinux_connect_length(number, &address, socklen_t(length))
        }
        return socket
    }

    /// The next connection to a listening socket. The system call is `accept4(2)`.
    package static func accept(_ listener: borrowing FileDescriptor) throws(SystemCallError)
        -> FileDescriptor
    {
        let number = listener.number
        return FileDescriptor(
            owning: try check("accept") { clinux_accept(number) })
    }

    /// The next connection to a listening socket that does not wait; nil when there is none. What
    /// comes does not wait either. The system call is `accept4(2)`.
    package static func acceptAtOnce(_ listener: borrowing FileDescriptor)
        throws(SystemCallError) -> FileDescriptor?
    {
        let number = listener.number
        do throws(SystemCallError) {
            return FileDescriptor(
                owning: try check("accept") { clinux_accept_at_once(number) })
        } catch where error.errno == .again || error.errno == .connectionAborted {
            return nil
        }
    }

    /// Sends one packet whole, if there is room for it now. The system call is `send(2)`; a peer
    /// that is gone is EPIPE, never a signal.
    ///
    /// - Returns: whether it was sent.
    package static func sendAtOnce(_ packet: ArraySlice<UInt8>, to number: CInt)
        throws(SystemCallError) -> Bool
    {
        do throws(SystemCallError) {
            _ = try check("send") {
                unsafe packet.withUnsafeBytes {
                    let flags = clinux_msg_dontwait() | clinux_msg_nosignal()
                    return unsafe CLinux.send(number, $0.baseAddress, $0.count, flags)
                }
            }
            return true
        } catch where error.errno == .again || error.errno.rawValue == ENOBUFS {
            return false
        }
    }

    /// The user at the other side of a connection, as it was when that was made. The option is
    /// SO_PEERCRED of `unix(7)`.
    package static func peerUserID(of number: CInt) throws(SystemCallError) -> UInt32 {
        var credentials = ucred()
        var length = socklen_t(MemoryLayout<ucred>.size)
        _ = try check("getsockopt SO_PEERCRED") {
            unsafe getsockopt(number, SOL_SOCKET, SO_PEERCRED, &credentials, &length)
        }
        return credentials.uid
    }

    /// Sends one message, with at most one descriptor. The system call is `sendmsg(2)`; a peer
    /// that is gone is EPIPE, never a signal.
    package static func send(
        _ bytes: [UInt8], passing descriptor: CInt? = nil, to number: CInt
    ) throws(SystemCallError) {
        let sent = try check("sendmsg") {
            unsafe bytes.withUnsafeBytes { payload in
                // sendmsg(2) only reads from the buffer; the C type has no const.
                let start = unsafe UnsafeMutableRawPointer(mutating: payload.baseAddress)
                var vector = unsafe iovec(iov_base: start, iov_len: payload.count)
                guard let descriptor else {
                    return unsafe clinux_sendmsg(number, &vector, nil, 0)
                }
                return unsafe withUnsafePointer(to: descriptor) {
                    unsafe clinux_sendmsg(number, &vector, $0, 1)
                }
            }
        }
        if sent != bytes.count { throw SystemCallError("sendmsg", "", .inputOutput) }
    }

    /// Receives one message of at most `limit` bytes, and the descriptor that came with it. An
    /// empty message without one is the end: the peer has closed. The system call is `recvmsg(2)`.
    package static func receive(from number: CInt, limit: Int) throws(SystemCallError)
        -> ReceivedMessage
    {
        var bytes = [UInt8](repeating: 0, count: limit)
        var received: CInt = -1
        var flags: CInt = 0
        let count = try check("recvmsg") {
            unsafe bytes.withUnsafeMutableBytes { payload in
                var vector = unsafe iovec(iov_base: payload.baseAddress, iov_len: payload.count)
                return unsafe clinux_recvmsg(number, &vector, &received, &flags)
            }
        }
        let descriptor = received == -1 ? nil : FileDescriptor(owning: received)
        if flags & clinux_msg_trunc() != 0 {
            throw SystemCallError("recvmsg", "", Errno(rawValue: EMSGSIZE))
        }
        return ReceivedMessage(bytes: Array(bytes[..<count]), descriptor: descriptor)
    }

    /// Bytes of the next packet, which stays where it is; 0 when the other side has closed. Waits for it.
    /// The system call is `recv(2)`, MSG_PEEK.
    package static func lengthOfNextPacket(from number: CInt) throws(SystemCallError) -> Int {
        try check("recv") {
            recv(number, nil, 0, CInt(MSG_PEEK | MSG_TRUNC))
        }
    }

    /// Ends reading at the other side. The system call is `shutdown(2)`.
    package static func endWriting(_ socket: borrowing FileDescriptor) throws(SystemCallError) {
        let number = socket.number
        _ = try check("shutdown") { shutdown(number, CInt(SHUT_WR)) }
    }

    private static func make(_ kind: Kind) throws(SystemCallError) -> FileDescriptor {
        FileDescriptor(
            owning: try check("socket") {
                socket(AF_UNIX, kind.type | CInt(SOCK_CLOEXEC.rawValue), 0)
            })
    }

    private static func address(of path: String) throws(SystemCallError) -> sockaddr_un {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        // One byte is left for the end mark.
        if bytes.count >= MemoryLayout.size(ofValue: address.sun_path) {
            throw SystemCallError("socket address", path, .nameTooLong)
        }
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: bytes) }
        return address
    }
}

/// Both ends of a pair of connected sockets.
@frozen
package struct SocketPair: ~Copyable {
    package var ours: FileDescriptor
    package var theirs: FileDescriptor
}

/// What one recvmsg(2) brought.
@frozen
package struct ReceivedMessage: ~Copyable {
    package let bytes: [UInt8]
    package var descriptor: FileDescriptor?

    /// The descriptor, with the duty to close it.
    package consuming func takeDescriptor() -> FileDescriptor? { descriptor }
}
