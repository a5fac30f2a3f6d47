// SPDX-License-Identifier: Apache-2.0

/// Why a profile cannot become a filter.
package struct SeccompError: Error, Equatable, Sendable, CustomStringConvertible {
    /// Where in config.json.
    package let path: String
    package let reason: String
    /// Whether another configuration would do; else the kernel or libseccomp is in the way.
    package let isConfiguration: Bool

    init(_ path: String, _ reason: String, isConfiguration: Bool = false) {
        self.path = path
        self.reason = reason
        self.isConfiguration = isConfiguration
    }

    package var description: String { "\(path): \(reason)" }
}
