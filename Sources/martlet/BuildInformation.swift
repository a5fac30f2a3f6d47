// SPDX-License-Identifier: Apache-2.0

/// What this build is.
///
/// `commit` is of a release; a plain `swift build` knows none, and says so. Whoever writes one in
/// here writes it into ``versionText`` too: a test compares.
enum BuildInformation {
    static let version = "0.1.0"
    static let commit = "none"

    // What `--version` prints, whole: a string put together at run time costs as much again as
    // all the rest of the program's start. Engines parse it: the first line must be the only one
    // with the word "version" in it, and docker wants the second.
    #if compiler(>=6.4)
        static let versionText = """
            martlet version 0.1.0
            commit: none
            spec: 1.3.0
            swift: 6.4 or later

            """
    #else
        static let versionText = """
            martlet version 0.1.0
            commit: none
            spec: 1.3.0
            swift: 6.3

            """
    #endif
}
