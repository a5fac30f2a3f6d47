// SPDX-License-Identifier: Apache-2.0

/// What this build is. A release's `commit` is written here by the Makefile; a plain
/// `swift build` does not know one, and says so.
enum BuildInformation {
    static let version = "0.1.0"
    static let commit = "none"

    static var compiler: String {
        #if compiler(>=6.4)
            "6.4 or later"
        #elseif compiler(>=6.3)
            "6.3"
        #else
            "6.2"
        #endif
    }
}
