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

/// Whether an absolute path is made of names alone: no "." and no "..", no two slashes together, none at
/// its end. Most are, and taking one apart is not free.
package func isPlainPath(_ path: String) -> Bool {
    let (slash, dot) = (UInt8(ascii: "/"), UInt8(ascii: "."))
    guard path.utf8.first == slash else { return false }
    // Of the name so far.
    var (length, dots) = (0, 0)
    for byte in path.utf8.dropFirst() {
        if byte == slash {
            if length == 0 || (dots == length && length < 3) { return false }
            (length, dots) = (0, 0)
        } else {
            length += 1
            if byte == dot { dots += 1 }
        }
    }
    return length > 0 && !(dots == length && length < 3)
}
