// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// A requirement of a test is missing although REQUIRE_ALL=1 forbids that.
struct MissingRequirement: Error, CustomStringConvertible {
    let description: String
}

extension Trait where Self == ConditionTrait {
    /// Runs only as root.
    static var requiresRoot: Self { .requires("root") { geteuid() == 0 } }

    /// Runs only where a condition holds; under REQUIRE_ALL=1 the test fails where it does not.
    static func requires(_ what: String, _ condition: @escaping @Sendable () -> Bool) -> Self {
        .enabled("needs \(what)") {
            if condition() { return true }
            if ProcessInfo.processInfo.environment["REQUIRE_ALL"] == "1" {
                throw MissingRequirement(description: "needs \(what), and REQUIRE_ALL=1 is set")
            }
            return false
        }
    }

    /// Skipped, whatever REQUIRE_ALL says, where the kernel or the machine lacks something.
    static func present(_ what: String, _ condition: @escaping @Sendable () -> Bool) -> Self {
        .enabled("not on this machine: \(what)") { condition() }
    }
}
