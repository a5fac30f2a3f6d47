// SPDX-License-Identifier: Apache-2.0

/// A version as Semantic Versioning 2.0.0 writes it; what follows the numbers is checked and
/// dropped.
package struct SemanticVersion: Equatable, Sendable {
    /// Raised for incompatible changes.
    package var major: UInt64
    /// Raised for additions.
    package var minor: UInt64
    /// Raised for corrections.
    package var patch: UInt64

    /// nil if `text` is not a version.
    package init?(_ text: String) {
        var core = Substring(text)
        if let plus = core.firstIndex(of: "+") {
            guard Self.areIdentifiers(core[core.index(after: plus)...], numbersArePlain: false)
            else { return nil }
            core = core[..<plus]
        }
        if let hyphen = core.firstIndex(of: "-") {
            guard Self.areIdentifiers(core[core.index(after: hyphen)...], numbersArePlain: true)
            else { return nil }
            core = core[..<hyphen]
        }
        let parts = core.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, let major = Self.number(parts[0]),
            let minor = Self.number(parts[1]), let patch = Self.number(parts[2])
        else { return nil }
        self.major = major
        self.minor = minor
        self.patch = patch
    }

    private static func number(_ text: Substring) -> UInt64? {
        guard isNumber(text), text.utf8.count == 1 || text.utf8.first != UInt8(ascii: "0")
        else { return nil }
        return UInt64(text)
    }

    private static func isNumber(_ text: Substring) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }
    }

    /// Dot-separated identifiers; in a pre-release, numbers have no leading zero.
    private static func areIdentifiers(_ text: Substring, numbersArePlain: Bool) -> Bool {
        text.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { part in
            guard !part.isEmpty, part.utf8.allSatisfy(isIdentifier) else { return false }
            guard numbersArePlain, isNumber(part) else { return true }
            return part.utf8.count == 1 || part.utf8.first != UInt8(ascii: "0")
        }
    }

    private static func isIdentifier(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "-"):
            true
        default: false
        }
    }
}
