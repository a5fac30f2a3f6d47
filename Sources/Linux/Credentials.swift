// SPDX-License-Identifier: Apache-2.0

internal import CCapability
internal import CLinux

/// Ids of the calling process (credentials(7)).
package enum Credentials {
    /// Replaces the supplementary groups. The system call is `setgroups(2)`.
    package static func setGroups(_ groups: [UInt32]) throws(SystemCallError) {
        _ = try check("setgroups") {
            unsafe groups.withUnsafeBufferPointer {
                unsafe clinux_setgroups($0.count, $0.baseAddress)
            }
        }
    }

    /// Sets the real, effective and saved group id. The system call is `setresgid(2)`.
    package static func setGroupID(_ gid: UInt32) throws(SystemCallError) {
        _ = try check("setresgid", "\(gid)") { clinux_setresgid(gid) }
    }

    /// Sets the real, effective and saved user id, and makes sure of it. The system call is
    /// `setresuid(2)`.
    package static func setUserID(_ uid: UInt32) throws(SystemCallError) {
        _ = try check("setresuid", "\(uid)") { clinux_setresuid(uid) }
        guard getuid() == uid, geteuid() == uid else {
            throw SystemCallError("setresuid", "\(uid)", .notPermitted)
        }
    }

    /// Whether permitted capabilities outlive the change to another user id. The system call is
    /// `prctl(2)`, PR_SET_KEEPCAPS.
    package static func keepCapabilities(_ keep: Bool) throws(SystemCallError) {
        _ = try check("prctl PR_SET_KEEPCAPS") {
            clinux_prctl(PR_SET_KEEPCAPS, keep ? 1 : 0, 0, 0, 0)
        }
    }
}

/// A set of capabilities, by the kernel's numbers (capabilities(7)).
package struct CapabilitySet: Equatable, Sendable {
    private(set) package var bits: UInt64 = 0

    package init() {}

    package init(bits: UInt64) { self.bits = bits }

    package func contains(_ capability: Int32) -> Bool { bits & (1 << UInt64(capability)) != 0 }

    package mutating func insert(_ capability: Int32) { bits |= 1 << UInt64(capability) }

    package func intersection(_ other: CapabilitySet) -> CapabilitySet {
        CapabilitySet(bits: bits & other.bits)
    }

    package func subtracting(_ other: CapabilitySet) -> CapabilitySet {
        CapabilitySet(bits: bits & ~other.bits)
    }

    package var isEmpty: Bool { bits == 0 }

    package var members: [Int32] { (Int32(0)..<64).filter { contains($0) } }
}

/// Capabilities of the calling process, through libcap (cap_get_proc(3), cap_set_proc(3)).
package enum Capabilities {
    /// The number of a name such as `CAP_CHOWN`, in any case; nil when libcap does not know it.
    package static func number(of name: String) -> Int32? {
        // libcap stops reading at a space, a comma and other signs, and takes numbers too.
        let isWord =
            name.utf8.first.map { $0 > UInt8(ascii: "9") } == true
            && name.utf8.allSatisfy {
                $0 == UInt8(ascii: "_") || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
                    || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0 | 0x20)
            }
        guard isWord else { return nil }
        var value: cap_value_t = 0
        guard unsafe cap_from_name(name.lowercased(), &value) == 0, (0..<64).contains(value) else {
            return nil
        }
        return value
    }

    /// CAP_SYS_ADMIN.
    package static var administration: Int32 { Int32(CAP_SYS_ADMIN) }

    /// Every name that libcap knows, in the order of their numbers.
    package static var allNames: [String] {
        var names: [String] = []
        var number: cap_value_t = 0
        while let text = unsafe cap_to_name(number) {
            let name = unsafe String(cString: text)
            unsafe cap_free(text)
            guard name.hasPrefix("cap_") else { break }
            names.append(name.uppercased())
            number += 1
        }
        return names
    }

    /// The permitted set (cap_get_proc(3)).
    package static func permitted() throws(SystemCallError) -> CapabilitySet {
        guard let state = unsafe cap_get_proc() else {
            throw SystemCallError("cap_get_proc", "", .current)
        }
        defer { unsafe cap_free(UnsafeMutableRawPointer(state)) }
        var set = CapabilitySet()
        for number in Int32(0)..<64 {
            var value = CAP_CLEAR
            if unsafe cap_get_flag(state, number, CAP_PERMITTED, &value) == 0, value == CAP_SET {
                set.insert(number)
            }
        }
        return set
    }

    /// Takes everything that is not listed out of the bounding set (cap_drop_bound(3)).
    package static func limitBounding(to kept: CapabilitySet) throws(SystemCallError) {
        for number in Int32(0)..<64 where !kept.contains(number) {
            do throws(SystemCallError) {
                _ = try check("drop from bounding set", "\(number)") { cap_drop_bound(number) }
            } catch where error.errno == .invalid {
                return  // The first number that the kernel does not know; none above is in the set.
            }
        }
    }

    /// Sets three of the sets at once (cap_set_proc(3)).
    package static func set(
        effective: CapabilitySet, permitted: CapabilitySet, inheritable: CapabilitySet
    ) throws(SystemCallError) {
        guard let state = unsafe cap_init() else {
            throw SystemCallError("cap_init", "", .current)
        }
        defer { unsafe cap_free(UnsafeMutableRawPointer(state)) }
        let flags = [
            (CAP_EFFECTIVE, effective), (CAP_PERMITTED, permitted), (CAP_INHERITABLE, inheritable),
        ]
        for (flag, set) in flags where !set.isEmpty {
            let members = set.members
            _ = try check("cap_set_flag") {
                unsafe members.withUnsafeBufferPointer {
                    unsafe cap_set_flag(state, flag, CInt($0.count), $0.baseAddress, CAP_SET)
                }
            }
        }
        _ = try check("cap_set_proc") { unsafe cap_set_proc(state) }
    }

    /// Makes the ambient set exactly this (cap_set_ambient(3)).
    package static func setAmbient(_ set: CapabilitySet) throws(SystemCallError) {
        // Not cap_reset_ambient(3), which asks for each first.
        _ = try check("prctl PR_CAP_AMBIENT_CLEAR_ALL") {
            clinux_prctl(PR_CAP_AMBIENT, UInt(PR_CAP_AMBIENT_CLEAR_ALL), 0, 0, 0)
        }
        for number in set.members {
            _ = try check("raise ambient capability", "\(number)") {
                cap_set_ambient(number, CAP_SET)
            }
        }
    }
}

/// The session keyring (session-keyring(7)).
package enum Keyring {
    /// Leaves the caller's session keyring for a new, empty one of this name. The system call is
    /// `keyctl(2)`, KEYCTL_JOIN_SESSION_KEYRING.
    package static func joinSession(named name: String) throws(SystemCallError) -> Int32 {
        let key = try check("keyctl JOIN_SESSION_KEYRING", name) {
            unsafe name.withCString {
                clinux_keyctl(CInt(KEYCTL_JOIN_SESSION_KEYRING), UInt(bitPattern: $0), 0, 0, 0)
            }
        }
        return Int32(truncatingIfNeeded: key)
    }

    /// Lets other processes of the same user join a session keyring by its name, and else leaves
    /// its rights as the kernel sets them (session_keyring(7)). The system call is `keyctl(2)`,
    /// KEYCTL_SETPERM.
    package static func letOthersJoin(_ key: Int32) throws(SystemCallError) {
        // The possessor all, the user to view, read, search and link: the kernel's own and "search".
        let rights: UInt = 0x3f1b_0000
        _ = try check("keyctl SETPERM") {
            clinux_keyctl(CInt(KEYCTL_SETPERM), UInt(UInt32(bitPattern: key)), rights, 0, 0)
        }
    }
}
