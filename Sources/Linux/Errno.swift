// SPDX-License-Identifier: Apache-2.0

internal import CLinux

/// An error number of the kernel (errno(3)).
package struct Errno: RawRepresentable, Equatable, Hashable, Sendable, CustomStringConvertible {
    package let rawValue: CInt

    package init(rawValue: CInt) { self.rawValue = rawValue }

    /// The number that the C call before this one left behind.
    package static var current: Errno { Errno(rawValue: clinux_errno()) }

    /// The kernel's symbol, such as `EPERM`.
    package var name: String {
        guard let text = unsafe strerrorname_np(rawValue) else { return "E\(rawValue)" }
        return unsafe String(cString: text)
    }

    /// Lower-case words and the symbol: `permission denied (EACCES)`.
    package var description: String {
        guard let text = unsafe strerrordesc_np(rawValue) else { return "error \(rawValue)" }
        let words = unsafe String(cString: text)
        return "\(words.prefix(1).lowercased())\(words.dropFirst()) (\(name))"
    }
}

extension Errno {
    package static var notPermitted: Errno { Errno(rawValue: EPERM) }
    package static var noEntry: Errno { Errno(rawValue: ENOENT) }
    package static var noProcess: Errno { Errno(rawValue: ESRCH) }
    package static var interrupted: Errno { Errno(rawValue: EINTR) }
    package static var inputOutput: Errno { Errno(rawValue: EIO) }
    package static var tooBig: Errno { Errno(rawValue: E2BIG) }
    package static var notExecutable: Errno { Errno(rawValue: ENOEXEC) }
    package static var badDescriptor: Errno { Errno(rawValue: EBADF) }
    package static var noChild: Errno { Errno(rawValue: ECHILD) }
    package static var again: Errno { Errno(rawValue: EAGAIN) }
    package static var noMemory: Errno { Errno(rawValue: ENOMEM) }
    package static var accessDenied: Errno { Errno(rawValue: EACCES) }
    package static var busy: Errno { Errno(rawValue: EBUSY) }
    package static var exists: Errno { Errno(rawValue: EEXIST) }
    package static var crossDevice: Errno { Errno(rawValue: EXDEV) }
    package static var noDevice: Errno { Errno(rawValue: ENODEV) }
    package static var notDirectory: Errno { Errno(rawValue: ENOTDIR) }
    package static var isDirectory: Errno { Errno(rawValue: EISDIR) }
    package static var invalid: Errno { Errno(rawValue: EINVAL) }
    package static var notATerminal: Errno { Errno(rawValue: ENOTTY) }
    package static var textBusy: Errno { Errno(rawValue: ETXTBSY) }
    package static var noSpace: Errno { Errno(rawValue: ENOSPC) }
    package static var readOnly: Errno { Errno(rawValue: EROFS) }
    package static var brokenPipe: Errno { Errno(rawValue: EPIPE) }
    package static var domain: Errno { Errno(rawValue: EDOM) }
    package static var outOfRange: Errno { Errno(rawValue: ERANGE) }
    package static var nameTooLong: Errno { Errno(rawValue: ENAMETOOLONG) }
    package static var unsupportedCall: Errno { Errno(rawValue: ENOSYS) }
    package static var notEmpty: Errno { Errno(rawValue: ENOTEMPTY) }
    package static var symbolicLinkLoop: Errno { Errno(rawValue: ELOOP) }
    package static var unsupported: Errno { Errno(rawValue: EOPNOTSUPP) }
    package static var addressInUse: Errno { Errno(rawValue: EADDRINUSE) }
    package static var connectionRefused: Errno { Errno(rawValue: ECONNREFUSED) }
    package static var connectionReset: Errno { Errno(rawValue: ECONNRESET) }
    package static var timedOut: Errno { Errno(rawValue: ETIMEDOUT) }
    package static var keyRevoked: Errno { Errno(rawValue: EKEYREVOKED) }
    package static var protocolViolation: Errno { Errno(rawValue: EPROTO) }
    package static var fileTooBig: Errno { Errno(rawValue: EFBIG) }
    package static var connectionAborted: Errno { Errno(rawValue: ECONNABORTED) }
    package static var notSocket: Errno { Errno(rawValue: ENOTSOCK) }
    package static var badLibrary: Errno { Errno(rawValue: ELIBBAD) }
}

/// A system call that failed, on what, and why: `open "/run/x": permission denied (EACCES)`.
package struct SystemCallError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The call, or the part of it that a reader knows it by.
    package let call: String
    /// What it was done to; empty when there is nothing to name.
    package let subject: String
    package let errno: Errno

    package init(_ call: String, _ subject: String = "", _ errno: Errno) {
        self.call = call
        self.subject = subject
        self.errno = errno
    }

    package var description: String {
        subject.isEmpty ? "\(call): \(errno)" : "\(call) \"\(subject)\": \(errno)"
    }
}

/// Runs a call that answers -1 on failure, again while it is interrupted, and keeps its errno
/// before anything else can change it.
@inline(__always)
func check<R: FixedWidthInteger & SignedInteger>(
    _ call: StaticString, _ subject: @autoclosure () -> String = "", _ body: () -> R
) throws(SystemCallError) -> R {
    while true {
        let result = body()
        if result != -1 { return result }
        let errno = Errno.current
        if errno == .interrupted { continue }
        throw SystemCallError(call.description, subject(), errno)
    }
}
