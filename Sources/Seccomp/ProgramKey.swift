// SPDX-License-Identifier: Apache-2.0

internal import Digest
package import Linux
package import OCI

/// Names a program by all that it depends on: the profile, libseccomp, the kernel, and how this
/// module builds programs. Two profiles that say the same in other words of JSON are the same; what
/// is only told at load (flags, the listener) is left out.
package struct ProgramKey: Equatable, Sendable {
    /// Of the way from a profile to a program: higher whenever another program comes out.
    private static let version: UInt64 = 3

    /// SHA-256 of ``text(for:kernel:)``.
    package let digest: [UInt8]

    package init(_ profile: SeccompProfile) throws(SystemCallError) {
        self.init(profile, kernel: try Process.kernelIdentity())
    }

    package init(_ profile: SeccompProfile, kernel: [UInt8]) {
        digest = SHA256.digest(of: Self.text(for: profile, kernel: kernel))
    }

    /// The key of a ``name``; nil for what is none.
    package init?(name: String) {
        guard name.utf8.count == 64 else { return nil }
        var digest: [UInt8] = []
        var high: UInt8?
        for digit in name.utf8 {
            let value: UInt8
            switch digit {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = digit - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): value = digit - UInt8(ascii: "a") + 10
            default: return nil
            }
            if let first = high {
                digest.append(first << 4 | value)
                high = nil
            } else {
                high = value
            }
        }
        self.digest = digest
    }

    /// The digest in hexadecimal digits.
    package var name: String {
        let digits = Array("0123456789abcdef".utf8)
        var text: [UInt8] = []
        text.reserveCapacity(2 * digest.count)
        for byte in digest {
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// Everything that the program depends on. Each part has its length or its number of parts
    /// before it, so that no two different inputs are the same text.
    private static func text(for profile: SeccompProfile, kernel: [UInt8]) -> [UInt8] {
        var text = Text()
        text.add(version)
        text.add(Compiler.libraryVersion)
        text.add(bytes: kernel)
        text.add(profile.defaultAction.rawValue)
        text.add(optional: profile.defaultErrnoRet)
        text.add(UInt64(profile.architectures.count))
        for architecture in profile.architectures { text.add(architecture.rawValue) }
        text.add(UInt64(profile.syscalls.count))
        for rule in profile.syscalls {
            text.add(rule.action.rawValue)
            text.add(optional: rule.errnoRet)
            text.add(UInt64(rule.names.count))
            for name in rule.names { text.add(name) }
            text.add(UInt64(rule.args.count))
            for argument in rule.args {
                text.add(UInt64(argument.index))
                text.add(argument.value)
                text.add(argument.valueTwo)
                text.add(argument.operator.rawValue)
            }
        }
        return text.bytes
    }

    private struct Text {
        private(set) var bytes: [UInt8] = []

        init() { bytes.reserveCapacity(16384) }

        mutating func add(_ number: UInt64) {
            // Most are small: as many bytes as it takes, seven bits in each.
            var rest = number
            while rest > 0x7f {
                bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
                rest >>= 7
            }
            bytes.append(UInt8(truncatingIfNeeded: rest))
        }

        mutating func add(optional number: UInt32?) { add(number.map { UInt64($0) + 1 } ?? 0) }

        mutating func add(_ word: String) {
            add(UInt64(word.utf8.count))
            bytes.append(contentsOf: word.utf8)
        }

        mutating func add(bytes part: [UInt8]) {
            add(UInt64(part.count))
            bytes.append(contentsOf: part)
        }
    }
}
