// SPDX-License-Identifier: Apache-2.0

internal import CLinux

/// An open file that this process owns: closed once, when its owner goes.
///
/// Every descriptor made by this module is born close-on-exec.
@frozen
package struct FileDescriptor: ~Copyable, Sendable {
    /// The kernel's number, for the calls of this module and for messages.
    package let number: CInt

    /// Takes over a descriptor that nobody else closes.
    @inlinable
    package init(owning number: CInt) { self.number = number }

    deinit {
        Self.closeOwned(number)
    }

    /// Gives the number up without closing it: its new owner, or execve(2), does.
    package consuming func release() -> CInt {
        let number = self.number
        discard self
        return number
    }

    /// Closes, and says so when buffered data could not be written. The system call is `close(2)`.
    package consuming func close() throws(SystemCallError) {
        let number = release()
        guard CLinux.close(number) == -1 else { return }
        let errno = Errno.current
        precondition(errno != .badDescriptor, "descriptor \(number) was closed by someone else")
        if errno != .interrupted { throw SystemCallError("close", "", errno) }
    }

    /// Closing twice, or closing what another part owns, is a bug of ours that could hit a
    /// descriptor of the container: it stops the process.
    @usableFromInline
    package static func closeOwned(_ number: CInt) {
        guard CLinux.close(number) == -1 else { return }
        precondition(
            Errno.current != .badDescriptor, "descriptor \(number) was closed by someone else")
    }

    /// A second descriptor of the same open file. The system call is `fcntl(2)`, F_DUPFD_CLOEXEC.
    package func duplicate() throws(SystemCallError) -> FileDescriptor {
        try Descriptors.duplicate(number)
    }

    /// Makes this file also descriptor `target`, without close-on-exec: for standard streams.
    /// The system call is `dup2(2)`.
    package func duplicate(onto target: CInt) throws(SystemCallError) {
        _ = try check("dup2") { dup2(number, target) }
    }

    /// Moves the open file to exactly `target`, close-on-exec, whatever was there.
    package consuming func move(to target: CInt) throws(SystemCallError) -> FileDescriptor {
        if number == target { return self }
        _ = try check("dup3") { dup3(number, target, O_CLOEXEC) }
        return FileDescriptor(owning: target)
    }

    /// A text path to this open file, through procfs of this process: for the calls that take
    /// nothing else. Only good where /proc is the host's.
    package var procPath: String { "/proc/self/fd/\(number)" }
}

/// Where a path starts: at an open directory, or, for absolute paths, anywhere.
package enum Directory {
    /// `AT_FDCWD`: for absolute paths of the host.
    package static var current: CInt { clinux_at_fdcwd() }
}

/// Descriptors as the process was given them.
package enum Descriptors {
    /// Whether a descriptor is open. The system call is `fcntl(2)`, F_GETFD.
    package static func isOpen(_ number: CInt) -> Bool {
        clinux_fcntl(number, F_GETFD, 0) != -1
    }

    /// A second descriptor, close-on-exec, of a file that someone else holds; its number is not
    /// below `first`.
    package static func duplicate(_ number: CInt, from first: CInt = 3) throws(SystemCallError)
        -> FileDescriptor
    {
        FileDescriptor(
            owning: try check("duplicate") {
                clinux_fcntl(number, F_DUPFD_CLOEXEC, Int(first))
            })
    }

    /// Closes every descriptor from `first` on. The system call is `close_range(2)`, Linux 5.9.
    package static func closeAll(from first: CInt) throws(SystemCallError) {
        _ = try check("close_range") { clinux_close_range(CUnsignedInt(first), .max, 0) }
    }

    /// The same for all but one.
    package static func closeAll(from first: CInt, but kept: CInt) throws(SystemCallError) {
        if kept > first {
            _ = try check("close_range") {
                clinux_close_range(CUnsignedInt(first), CUnsignedInt(kept - 1), 0)
            }
        }
        try closeAll(from: max(first, kept + 1))
    }

    /// Makes the file of one descriptor also that of `target`, without close-on-exec. The system
    /// call is `dup2(2)`.
    package static func copy(_ number: CInt, onto target: CInt) throws(SystemCallError) {
        _ = try check("dup2") { dup2(number, target) }
    }

    /// Lets a descriptor live on in the program that execve(2) starts.
    package static func keepAcrossExec(_ number: CInt) throws(SystemCallError) {
        _ = try check("fcntl", "\(number)") { clinux_fcntl(number, F_SETFD, 0) }
    }

    /// Opens /dev/null on each standard stream that the caller left closed, so that no file we
    /// open later can be taken for one.
    package static func fillStandardStreams() throws(SystemCallError) {
        for stream in CInt(0)...2 where !isOpen(stream) {
            let opened = try File.open("/dev/null", .readWrite)
            if opened.number == stream {
                try keepAcrossExec(opened.release())
            } else {
                try opened.duplicate(onto: stream)
            }
        }
    }
}
