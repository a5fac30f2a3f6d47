// SPDX-License-Identifier: Apache-2.0

/// What this build is, as `--version` tells it.
enum ShimInformation {
    /// Of this program.
    static let version = "0.1.0"

    /// podman and CRI-O look for a version of conmon at the very beginning: this is the one whose
    /// flags and protocol we have.
    static let versionText = """
        conmon version 2.2.1
        commit: none
        martlet-shim version \(version)

        """
}
