// SPDX-License-Identifier: Apache-2.0

package import Linux
package import OCI

/// Why a command on a container failed, in one line for a person, and as parts for a program.
package struct ContainerError: Error, Sendable, CustomStringConvertible {
    /// What callers tell apart.
    package enum Kind: Sendable {
        /// The configuration asks for something that is wrong.
        case invalidConfiguration
        /// The configuration asks for something that this build cannot do.
        case unsupported
        /// There is no such container.
        case notFound
        /// There is one already.
        case exists
        /// The container is not in a state that allows this.
        case wrongState
        /// The program could not be executed.
        case notExecutable
        /// What is on record of the container makes no sense.
        case damaged
        /// A hook failed, for which a container is destroyed.
        case hookFailed
        /// The kernel or the host refused.
        case failed
    }

    package let kind: Kind
    /// The command and the container, such as `create "web"`.
    package var doing: String
    /// What went wrong: the step, the object and the reason.
    package let reason: String
    /// All that is wrong, when there is more than `reason` says.
    package let details: [String]
    /// The same in parts, when a configuration is against the specification.
    package let violations: [Violation]

    package init(
        _ kind: Kind, doing: String = "", _ reason: String, details: [String] = [],
        violations: [Violation] = []
    ) {
        self.kind = kind
        self.doing = doing
        self.reason = reason
        self.details = details
        self.violations = violations
    }

    /// A call that failed in a step.
    package init(step: String, _ cause: SystemCallError) {
        self.init(.failed, "\(step): \(cause)")
    }

    package var description: String { doing.isEmpty ? reason : "\(doing): \(reason)" }
}

/// Runs one step, and names it in the error when a call fails.
func during<R: ~Copyable>(
    _ step: @autoclosure () -> String, _ body: () throws(SystemCallError) -> R
) throws(ContainerError) -> R {
    do throws(SystemCallError) {
        return try body()
    } catch {
        throw ContainerError(step: step(), error)
    }
}
