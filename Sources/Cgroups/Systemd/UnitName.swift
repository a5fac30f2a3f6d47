// SPDX-License-Identifier: Apache-2.0

/// The unit that systemd is to make for a container, from `linux.cgroupsPath` in the form
/// `slice:prefix:name`, and where its cgroup will be.
package struct ScopeName: Equatable, Sendable {
    /// Such as `user-1000.slice`; `-.slice` is the root of all.
    package var slice: String
    /// Such as `docker-4f1c.scope`.
    package var unit: String

    /// Longest name of a unit (systemd.unit(5)).
    private static let longest = 255

    /// Reads the configured path. An empty part stands for what there is without it: the slice
    /// `system.slice` (`user.slice` for a user's own systemd), no prefix, the container's id.
    package init(_ text: String?, id: String, owner: SystemdOwner) throws(CgroupError) {
        let standard = owner == .system ? "system.slice" : "user.slice"
        guard let text, !text.isEmpty else {
            slice = standard
            unit = "martlet-\(Self.escaped(id)).scope"
            try Self.check(unit, "the container's id \"\(id)\"")
            return
        }
        let setting = "linux.cgroupsPath \"\(text)\""
        let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 3 else {
            throw CgroupError(
                .invalid,
                "\(setting): expected slice:prefix:name, as systemd makes the cgroups, such as "
                    + "\"system.slice:martlet:web\"; for a path, use --cgroup-manager cgroupfs")
        }
        slice = parts[0].isEmpty ? standard : parts[0]
        let name = parts[2].isEmpty ? id : parts[2]
        guard !name.hasSuffix(".slice") else {
            throw CgroupError(
                .invalid, "\(setting): a container is in a scope, and \"\(name)\" is a slice's name"
            )
        }
        unit = parts[1].isEmpty ? "\(name).scope" : "\(parts[1])-\(name).scope"
        try Self.check(unit, setting)
        _ = try Self.expand(slice: slice, setting)
    }

    /// The directories of the unit's cgroup, below the one of systemd itself: a slice `a-b.slice`
    /// lies in `a.slice` (systemd.slice(5)).
    package func path() throws(CgroupError) -> [String] {
        try Self.expand(slice: slice, "slice \"\(slice)\"") + [unit]
    }

    /// The slices on the way to one, outermost first.
    static func expand(slice: String, _ setting: String) throws(CgroupError) -> [String] {
        if slice == "-.slice" { return [] }
        try check(slice, setting)
        guard slice.hasSuffix(".slice") else {
            throw CgroupError(
                .invalid, "\(setting): \"\(slice)\" is no slice, whose name ends in .slice")
        }
        let names = slice.dropLast(6).split(separator: "-", omittingEmptySubsequences: false)
        guard names.allSatisfy({ !$0.isEmpty }) else {
            throw CgroupError(
                .invalid,
                "\(setting): in \"\(slice)\" a dash stands for the slice above, and has no name "
                    + "beside it")
        }
        return names.indices.map { names[...$0].joined(separator: "-") + ".slice" }
    }

    private static func isAllowed(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: ":"), UInt8(ascii: "_"),
            UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "\\"):
            true
        default: false
        }
    }

    private static func check(_ name: String, _ setting: String) throws(CgroupError) {
        guard name.utf8.count <= longest else {
            throw CgroupError(
                .invalid,
                "\(setting): \"\(name)\" has more than \(longest) bytes, the longest name of a unit "
                    + "of systemd")
        }
        guard name.utf8.allSatisfy(isAllowed) else {
            throw CgroupError(
                .invalid,
                "\(setting): \"\(name)\" cannot be a unit of systemd, whose name has only letters, "
                    + "digits and : _ . - \\")
        }
    }

    /// An id with `\x2b` for what a unit's name cannot have (systemd.unit(5)).
    private static func escaped(_ id: String) -> String {
        var bytes: [UInt8] = []
        for byte in id.utf8 {
            if isAllowed(byte) {
                bytes.append(byte)
            } else {
                let digits = String(byte, radix: 16)
                bytes += "\\x\(digits.utf8.count < 2 ? "0" : "")\(digits)".utf8
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
