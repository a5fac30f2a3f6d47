// SPDX-License-Identifier: Apache-2.0

/// Names with a slash between. In a plain loop: the library's `joined(separator:)`, made for any
/// collection, costs what ten system calls do at its first use.
package func joinedPath(_ names: [String]) -> String {
    var path = ""
    for (index, name) in names.enumerated() {
        if index > 0 { path += "/" }
        path += name
    }
    return path
}
