// SPDX-License-Identifier: Apache-2.0

import Foundation
package import Testing

/// A requirement of a test is missing although REQUIRE_ALL=1 forbids that.
package struct MissingRequirement: Error, CustomStringConvertible {
    package let description: String
}

extension Trait where Self == ConditionTrait {
    /// Runs only as root.
    package static var requiresRoot: Self { .requires("root") { geteuid() == 0 } }

    /// Runs only where a condition holds; under REQUIRE_ALL=1 the test fails where it does not.
    package static func requires(_ what: String, _ condition: @escaping @Sendable () -> Bool)
        -> Self
    {
        .enabled("needs \(what)") {
            if condition() { return true }
            if ProcessInfo.processInfo.environment["REQUIRE_ALL"] == "1" {
                throw MissingRequirement(description: "needs \(what), and REQUIRE_ALL=1 is set")
            }
            return false
        }
    }

    /// Skipped, whatever REQUIRE_ALL says, where the kernel or the machine lacks something.
    package static func present(_ what: String, _ condition: @escaping @Sendable () -> Bool) -> Self
    {
        .enabled("not on this machine: \(what)") { condition() }
    }
}
