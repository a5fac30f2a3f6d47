// SPDX-License-Identifier: Apache-2.0

internal import OCI

/// What `--version` prints. Engines parse it: the first line must be the only one that has the
/// word "version", and docker wants the second.
enum Version {
    static var text: String {
        """
        martlet version \(BuildInformation.version)
        commit: \(BuildInformation.commit)
        spec: \(Specification.version)
        swift: \(BuildInformation.compiler)

        """
    }

    /// Whether the words after the program's name ask for nothing else: decided without reading a
    /// table, because engines and health checks ask often.
    static func isAsked(_ argument: String) -> Bool {
        argument == "--version" || argument == "-v" || argument == "-version"
            || argument == "version"
    }
}
