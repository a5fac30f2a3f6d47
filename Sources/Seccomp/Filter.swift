// SPDX-License-Identifier: Apache-2.0

package import Linux
package import OCI

/// What a profile was compiled to.
package struct FilterProgram: Equatable, Sendable {
    /// The instructions, as the kernel takes them.
    package let bytes: [UInt8]
    package let key: ProgramKey
    /// Whether the cache had it.
    package let isCached: Bool
}

/// A profile, checked against the kernel: all that is known of a filter before its program is.
package struct Filter: Sendable {
    /// How it is loaded.
    package let flags: SystemCallFilter.Flags
    /// What a person should know, though it is no error.
    package let warnings: [String]
    private let profile: SeccompProfile

    package init(_ profile: SeccompProfile) throws(SeccompError) {
        flags = try Self.flags(of: profile)
        warnings = Self.warnings(about: profile)
        self.profile = profile
    }

    /// What the cache has for the profile, or what it is compiled to now.
    package func program(from cache: borrowing ProgramCache) throws(SeccompError) -> FilterProgram {
        let key: ProgramKey
        do throws(SystemCallError) {
            key = try ProgramKey(profile)
        } catch {
            throw SeccompError("linux.seccomp", "\(error)")
        }
        if let cached = cache.program(for: key) {
            return FilterProgram(bytes: cached, key: key, isCached: true)
        }
        return FilterProgram(bytes: try Compiler.compile(profile), key: key, isCached: false)
    }

    /// A program as it was compiled before, if the cache still has it.
    package static func program(named name: String, in cache: borrowing ProgramCache) -> [UInt8]? {
        guard let key = ProgramKey(name: name) else { return nil }
        return cache.program(for: key)
    }

    // MARK: Flags

    /// The flags to load with; each one that was asked for, or an error that names it.
    static func flags(of profile: SeccompProfile) throws(SeccompError) -> SystemCallFilter.Flags {
        var flags: SystemCallFilter.Flags = []
        for (index, flag) in (profile.flags ?? []).enumerated() {
            guard SystemCallFilter.isSupported(flag.word) else {
                throw SeccompError(
                    "linux.seccomp.flags[\(index)]",
                    "this kernel does not support \(flag.rawValue)")
            }
            flags.insert(flag.word)
        }
        guard profile.notifies else {
            // It tells how to wait for a listener's answer, and there is no listener.
            return flags.subtracting(.waitKillable)
        }
        guard profile.listenerPath != nil else {
            throw SeccompError(
                "linux.seccomp.listenerPath",
                "required with SCMP_ACT_NOTIFY, but missing: nobody would answer",
                isConfiguration: true)
        }
        // The process that loads the filter has one thread that stays, so there is none to
        // synchronize with; and the kernel would filter the one that passes the listener on.
        return flags.subtracting(.synchronizeThreads).union(.listener)
    }

    /// Flags of `profile` words that this kernel takes.
    package static func supportedFlags() -> [SeccompProfile.Flag] {
        SeccompProfile.Flag.allCases.filter { SystemCallFilter.isSupported($0.word) }
    }

    // MARK: Warnings

    private static func warnings(about profile: SeccompProfile) -> [String] {
        var warnings: [String] = []
        for (index, rule) in profile.syscalls.enumerated() where rule.comparesAnIndexTwice {
            warnings.append(
                "linux.seccomp.syscalls[\(index)].args: an index is compared more than once; as "
                    + "in other runtimes each comparison is a rule of its own, and one that holds "
                    + "is enough")
        }
        return warnings
    }
}

extension SeccompProfile {
    /// Whether a listener is ever asked.
    package var notifies: Bool {
        defaultAction == .notify || syscalls.contains { $0.action == .notify }
    }
}

extension SeccompProfile.Rule {
    /// libseccomp takes one comparison of an argument in a rule.
    var comparesAnIndexTwice: Bool {
        var seen: UInt32 = 0
        for argument in args {
            let bit = UInt32(1) << (argument.index & 31)
            if seen & bit != 0 { return true }
            seen |= bit
        }
        return false
    }
}

extension SeccompProfile.Flag {
    var word: SystemCallFilter.Flags {
        switch self {
        case .tsync: .synchronizeThreads
        case .log: .log
        case .specAllow: .allowSpeculation
        case .waitKillableReceive: .waitKillable
        }
    }
}
