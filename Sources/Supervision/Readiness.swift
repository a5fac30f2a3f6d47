// SPDX-License-Identifier: Apache-2.0

// Glibc itself, because module Linux has no wait for writing and no write that may be cut short
// yet; everything else here goes through Linux. Nothing outside this file calls C.
internal import Glibc
internal import Linux

/// Waiting for several descriptors, to read and to write (poll(2)).
enum Readiness {
    /// What is waited for on one descriptor.
    struct Interest {
        /// Negative to wait for nothing here.
        var number: CInt
        var toRead = false
        var toWrite = false
    }

    /// What has come of it. The end of the other side counts as ready for what was asked: the
    /// call that follows tells.
    struct Outcome {
        var canRead = false
        var canWrite = false
    }

    /// Waits until one of them is ready. The system call is `poll(2)`.
    static func wait(for interests: [Interest]) throws(SystemCallError) -> [Outcome] {
        var entries = interests.map { interest in
            // Without a wish, poll(2) would still tell of an end, again and again.
            let isWanted = interest.toRead || interest.toWrite
            return pollfd(
                fd: isWanted ? interest.number : -1,
                events: Int16((interest.toRead ? POLLIN : 0) | (interest.toWrite ? POLLOUT : 0)),
                revents: 0)
        }
        while true {
            let count = unsafe entries.withUnsafeMutableBufferPointer {
                unsafe poll($0.baseAddress, nfds_t($0.count), -1)
            }
            if count >= 0 { break }
            let errno = Errno(rawValue: errno)
            if errno != .interrupted { throw SystemCallError("poll", "", errno) }
        }
        return entries.map { entry in
            let events = CInt(entry.revents)
            let failed = events & (POLLERR | POLLNVAL) != 0
            return Outcome(
                canRead: failed || events & (POLLIN | POLLHUP) != 0,
                canWrite: failed || events & POLLOUT != 0)
        }
    }

    /// Makes calls on this open file answer EAGAIN instead of waiting. The system call is
    /// `fcntl(2)`, F_SETFL.
    ///
    /// - Precondition: nobody else shares the open file: they would not wait either.
    static func makeNonBlocking(_ descriptor: borrowing FileDescriptor) throws(SystemCallError) {
        let flags = fcntl(descriptor.number, F_GETFL)
        if flags == -1 || fcntl(descriptor.number, F_SETFL, flags | O_NONBLOCK) == -1 {
            throw SystemCallError("fcntl", "\(descriptor.number)", Errno(rawValue: errno))
        }
    }

    /// Writes what fits at once, and answers how much that was. The system call is `write(2)`,
    /// or `send(2)` on a socket, which cannot be opened again but told not to wait.
    static func writeSome(_ bytes: ArraySlice<UInt8>, to number: CInt, isSocket: Bool)
        throws(SystemCallError) -> Int
    {
        while true {
            let count = unsafe bytes.withUnsafeBytes { buffer in
                if isSocket {
                    let flags = CInt(MSG_DONTWAIT | MSG_NOSIGNAL)
                    return unsafe send(number, buffer.baseAddress, buffer.count, flags)
                }
                return unsafe write(number, buffer.baseAddress, buffer.count)
            }
            if count >= 0 { return count }
            let errno = Errno(rawValue: errno)
            if errno == .again { return 0 }
            if errno != .interrupted { throw SystemCallError("write", "", errno) }
        }
    }
}
