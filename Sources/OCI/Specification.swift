// SPDX-License-Identifier: Apache-2.0

/// What this build knows of the runtime specification.
package enum Specification {
    /// The version whose rules are followed, written into states.
    package static let version = "1.3.0"
    /// The oldest version of a config.json that is accepted.
    package static let oldestVersion = "1.0.0"

    /// Whether a configuration of this version is accepted: 1.0 to 1.3, and their pre-releases.
    ///
    /// A configuration of a later version may ask for what this build would ignore.
    package static func supports(_ version: SemanticVersion) -> Bool {
        version.major == 1 && version.minor <= 3
    }
}
