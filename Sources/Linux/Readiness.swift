// SPDX-License-Identifier: Apache-2.0

internal import CLinux

/// Waiting for several descriptors, to read and to write (poll(2)).
package enum Readiness {
    /// What is waited for on one descriptor.
    package struct Interest {
        /// Negative to wait for nothing here.
        package var number: CInt
        package var toRead = false
        package var toWrite = false

        package init(number: CInt, toRead: Bool = false, toWrite: Bool = false) {
            self.number = number
            self.toRead = toRead
            self.toWrite = toWrite
        }
    }

    /// What has come of it. The end of the other side counts as ready for what was asked: the
    /// call that follows tells.
    package struct Outcome {
        package var canRead = false
        package var canWrite = false
    }

    /// Waits until one of them is ready. The system call is `poll(2)`.
    package static func wait(for interests: [Interest]) throws(SystemCallError) -> [Outcome] {
        var entries = interests.map { interest in
            // Without a wish, poll(2) would still tell of an end, again and again.
            let isWanted = interest.toRead || interest.toWrite
            return pollfd(
                fd: isWanted ? interest.number : -1,
                events: Int16((interest.toRead ? POLLIN : 0) | (interest.toWrite ? POLLOUT : 0)),
                revents: 0)
        }
        _ = try check("poll") {
            unsafe entries.withUnsafeMutableBufferPointer {
                unsafe poll($0.baseAddress, nfds_t($0.count), -1)
            }
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
    package static func makeNonBlocking(_ descriptor: borrowing FileDescriptor)
        throws(SystemCallError)
    {
        let number = descriptor.number
        let flags = try check("fcntl", "\(number)") { clinux_fcntl(number, F_GETFL, 0) }
        _ = try check("fcntl", "\(number)") {
            clinux_fcntl(number, F_SETFL, Int(flags | O_NONBLOCK))
        }
    }

    /// Writes what fits at once, and answers how much that was. The system call is `write(2)`,
    /// or `send(2)` on a socket, which cannot be opened again but told not to wait.
    package static func writeSome(_ bytes: ArraySlice<UInt8>, to number: CInt, isSocket: Bool)
        throws(SystemCallError) -> Int
    {
        do throws(SystemCallError) {
            return try check("write") {
                unsafe bytes.withUnsafeBytes { buffer in
                    if isSocket {
                        let flags = clinux_msg_dontwait() | clinux_msg_nosignal()
                        return unsafe send(number, buffer.baseAddress, buffer.count, flags)
                    }
                    return unsafe CLinux.write(number, buffer.baseAddress, buffer.count)
                }
            }
        } catch where error.errno == .again {
            return 0
        }
    }
}
