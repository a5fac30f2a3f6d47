// SPDX-License-Identifier: Apache-2.0

internal import Linux

/// The host's names of users, from /etc/passwd alone (passwd(5)): a static program has no NSS.
enum UserDatabase {
    private static let sizeLimit = 1 << 20

    /// The user's name, or the number where there is none.
    static func name(of uid: UInt32) -> String {
        if uid == 0 { return "root" }
        guard let file = try? File.open("/etc/passwd", .readOnlyAtOnce),
            (try? File.status(of: file))?.type == .regular,
            let bytes = try? File.readAll(file, limit: sizeLimit)
        else { return "\(uid)" }
        return name(of: uid, in: bytes) ?? "\(uid)"
    }

    /// The user's name in the text of a passwd file; nil where there is none.
    static func name(of uid: UInt32, in bytes: [UInt8]) -> String? {
        for line in bytes.split(separator: UInt8(ascii: "\n")) {
            let fields = line.split(
                separator: UInt8(ascii: ":"), maxSplits: 3, omittingEmptySubsequences: false)
            guard fields.count == 4,
                UInt32(String(decoding: fields[2], as: UTF8.self)) == uid
            else { continue }
            return String(decoding: fields[0], as: UTF8.self)
        }
        return nil
    }
}
