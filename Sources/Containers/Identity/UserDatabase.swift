// SPDX-License-Identifier: Apache-2.0

internal import Linux

/// Users by /etc/passwd alone (passwd(5)): a static program has no NSS.
package enum UserDatabase {
    /// What is looked at of a file that may be an image's.
    private static let sizeLimit = 1 << 20

    /// The name of one of the host's users, or the number where there is none.
    package static func name(of uid: UInt32) -> String {
        if uid == 0 { return "root" }
        guard let file = try? File.open("/etc/passwd", .readOnlyAtOnce) else { return "\(uid)" }
        return name(of: uid, in: contents(of: file)) ?? "\(uid)"
    }

    /// The user's name in the text of a passwd file; nil where there is none.
    package static func name(of uid: UInt32, in text: [UInt8]) -> String? {
        entry(of: uid, in: text).map { String(decoding: $0[0], as: UTF8.self) }
    }

    /// The home directory of a user of a container; nil where its own file, if it is one, names
    /// none. It is an image's, and may be anything.
    package static func home(of uid: UInt32, in root: RootDirectory) -> String? {
        let path = "etc/passwd"
        // Opening a device may do something; it is looked at once more in case it has become one.
        guard let place = try? root.open(path), (try? File.status(of: place))?.type == .regular,
            let file = try? root.open(path, .readOnlyAtOnce)
        else { return nil }
        return home(of: uid, in: contents(of: file))
    }

    /// The user's home directory in the text of a passwd file; nil where there is none.
    package static func home(of uid: UInt32, in text: [UInt8]) -> String? {
        guard let entry = entry(of: uid, in: text), entry.count > 5, !entry[5].isEmpty else {
            return nil
        }
        return String(decoding: entry[5], as: UTF8.self)
    }

    /// The fields of the first line that has a user's number. Names are never asked for: one can
    /// look like a number (CVE-2026-30892).
    private static func entry(of uid: UInt32, in text: [UInt8]) -> [ArraySlice<UInt8>]? {
        var rest = text[...]
        while !rest.isEmpty {
            let line = rest.prefix { $0 != UInt8(ascii: "\n") }
            rest = rest.dropFirst(line.count + 1)
            let fields = line.split(
                separator: UInt8(ascii: ":"), maxSplits: 6, omittingEmptySubsequences: false)
            if fields.count > 3, UInt32(String(decoding: fields[2], as: UTF8.self)) == uid {
                return fields
            }
        }
        return nil
    }

    /// The beginning of a regular file, in whole lines; nothing of anything else.
    private static func contents(of file: borrowing FileDescriptor) -> [UInt8] {
        guard let status = try? File.status(of: file), status.type == .regular,
            let start = try? File.readStart(file, limit: sizeLimit)
        else { return [] }
        if start.count < sizeLimit { return start }
        let end = start.lastIndex(of: UInt8(ascii: "\n")) ?? start.startIndex
        return Array(start[..<end])
    }
}
