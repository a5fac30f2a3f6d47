// SPDX-License-Identifier: Apache-2.0

package import Linux

/// Why something about a cgroup could not be done, in one line.
package struct CgroupError: Error, Equatable, Sendable, CustomStringConvertible {
    /// What callers tell apart.
    package enum Kind: Sendable {
        /// The configuration asks for something that is wrong.
        case invalid
        /// The configuration asks for something that this host's cgroups do not have.
        case unsupported
        /// The cgroup has processes, or is frozen.
        case inUse
        /// The kernel refused.
        case failed
    }

    package let kind: Kind
    package let reason: String
    /// The error number of the call that failed, when one did.
    package let errno: Errno?

    package init(_ kind: Kind, _ reason: String) {
        self.kind = kind
        self.reason = reason
        errno = nil
    }

    /// A call that failed while something was done.
    package init(_ doing: String, _ cause: SystemCallError, hint: String = "") {
        kind = .failed
        reason = "\(doing): \(cause)\(hint)"
        errno = cause.errno
    }

    package var description: String { reason }
}

/// Runs calls of the kernel, and says what they were for when one fails.
func during<R: ~Copyable>(
    _ doing: @autoclosure () -> String, _ body: () throws(SystemCallError) -> R
) throws(CgroupError) -> R {
    do throws(SystemCallError) {
        return try body()
    } catch {
        throw CgroupError(doing(), error)
    }
}
