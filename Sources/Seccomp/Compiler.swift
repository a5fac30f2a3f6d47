// SPDX-License-Identifier: Apache-2.0

internal import CSeccomp
internal import Linux
package import OCI

/// Makes a program of a profile, with libseccomp.
package enum Compiler {
    /// The program, ready for the kernel.
    package static func compile(_ profile: SeccompProfile) throws(SeccompError) -> [UInt8] {
        let program = condensed(try uncondensed(profile))
        guard program.count <= limit else {
            throw SeccompError(
                "linux.seccomp",
                "needs \(program.count / SystemCallFilter.instructionSize) instructions, and the "
                    + "kernel takes \(SystemCallFilter.instructionLimit)",
                isConfiguration: true)
        }
        return program
    }

    /// The program as libseccomp makes it, behind what comes first.
    package static func uncondensed(_ profile: SeccompProfile) throws(SeccompError) -> [UInt8] {
        let builder = try Builder(profile)
        for (index, rule) in profile.syscalls.enumerated() { try builder.add(rule, at: index) }
        let first = NewerSystemCalls(profile, architectures: builder.architectures).prologue
        return first + (try builder.export())
    }

    /// The same program with fewer instructions, where there is one.
    package static func condensed(_ program: [UInt8]) -> [UInt8] {
        CondensedProgram(program)?.bytes ?? program
    }

    /// Bytes that a program may have.
    static var limit: Int {
        SystemCallFilter.instructionLimit * SystemCallFilter.instructionSize
    }

    /// libseccomp's version, as its authors write it.
    package static var libraryVersion: String {
        guard let version = unsafe seccomp_version() else { return "unknown" }
        let (major, minor, micro) = unsafe (
            version.pointee.major, version.pointee.minor, version.pointee.micro
        )
        return "\(major).\(minor).\(micro)"
    }

    /// The architectures that libseccomp knows.
    package static func knownArchitectures() -> [SeccompProfile.Architecture] {
        SeccompProfile.Architecture.allCases.filter { $0.token != nil }
    }
}

/// A filter that libseccomp is building.
@safe private final class Builder {
    private let context: scmp_filter_ctx
    private let defaultAction: UInt32
    /// libseccomp's numbers for them, the machine's own first.
    private(set) var architectures: [UInt32]

    init(_ profile: SeccompProfile) throws(SeccompError) {
        defaultAction = try Self.supported(
            profile.defaultAction, errno: profile.defaultErrnoRet,
            "linux.seccomp.defaultAction")
        guard let context = unsafe seccomp_init(defaultAction) else {
            throw SeccompError("linux.seccomp.defaultAction", "refused by libseccomp")
        }
        unsafe self.context = unsafe context
        // libseccomp begins with the machine's own, and it stays, whatever the profile lists: the
        // container's programs are the machine's.
        architectures = [seccomp_arch_native()]
        for (index, architecture) in profile.architectures.enumerated() {
            try add(architecture, at: index)
        }
        // A binary tree: the kernel follows the program for each system call, once at load and
        // then at run time, and 400 comparisons in a row are felt.
        try check(
            unsafe seccomp_attr_set(context, SCMP_FLTATR_CTL_OPTIMIZE, 2), "linux.seccomp",
            "order the rules")
    }

    deinit { unsafe seccomp_release(context) }

    private func add(_ architecture: SeccompProfile.Architecture, at index: Int)
        throws(SeccompError)
    {
        let path = "linux.seccomp.architectures[\(index)]"
        guard let token = architecture.token else {
            throw SeccompError(
                path,
                "libseccomp \(Compiler.libraryVersion) does not know \(architecture.rawValue)")
        }
        if architectures.contains(token) { return }
        let result = unsafe seccomp_arch_add(context, token)
        if result == -Errno.domain.rawValue {
            throw SeccompError(
                path, "\(architecture.rawValue) has another byte order than this machine",
                isConfiguration: true)
        }
        try check(result, path, "add \(architecture.rawValue)")
        architectures.append(token)
    }

    // MARK: Rules

    func add(_ rule: SeccompProfile.Rule, at index: Int) throws(SeccompError) {
        let path = "linux.seccomp.syscalls[\(index)]"
        let action = try Self.supported(rule.action, errno: rule.errnoRet, "\(path).action")
        // Says what is so anyway; libseccomp would refuse it.
        if action == defaultAction { return }
        let comparisons = rule.args.map(\.comparison)
        for name in rule.names {
            let number = unsafe seccomp_syscall_resolve_name(name)
            // A name that this libseccomp does not know: profiles list calls of the newest kernels.
            if number == __NR_SCMP_ERROR { continue }
            if rule.comparesAnIndexTwice {
                for comparison in comparisons {
                    try add(action, number, [comparison], "\(path) (\(name))")
                }
            } else {
                try add(action, number, comparisons, "\(path) (\(name))")
            }
        }
    }

    private func add(
        _ action: UInt32, _ number: Int32, _ comparisons: [scmp_arg_cmp], _ path: String
    ) throws(SeccompError) {
        let result = unsafe comparisons.withUnsafeBufferPointer {
            unsafe seccomp_rule_add_array(
                context, action, number, CUnsignedInt($0.count), $0.baseAddress)
        }
        // An earlier rule says of the same call, with the same arguments, what is to be done.
        if result == -Errno.exists.rawValue { return }
        try check(result, path, "add the rule")
    }

    /// The number of an action, which the kernel must know: what it does not know it takes for
    /// KILL_PROCESS.
    private static func supported(
        _ action: SeccompProfile.Action, errno: UInt32?, _ path: String
    ) throws(SeccompError) -> UInt32 {
        let number = action.number(errno: errno)
        guard SystemCallFilter.isSupported(action: number & 0xffff_0000) else {
            throw SeccompError(path, "this kernel does not support \(action.rawValue)")
        }
        return number
    }

    // MARK: The program

    func export() throws(SeccompError) -> [UInt8] {
        do throws(SystemCallError) {
            let memory = try MemoryFile.make("seccomp")
            let result = unsafe seccomp_export_bpf(context, memory.number)
            if result < 0 {
                throw SystemCallError("seccomp_export_bpf", "", Errno(rawValue: -result))
            }
            try File.rewind(memory)
            return try File.readAll(memory, limit: 1 << 20)
        } catch {
            throw SeccompError("linux.seccomp", "\(error)")
        }
    }

    /// libseccomp answers a negative errno.
    private func check(_ result: Int32, _ path: String, _ doing: String) throws(SeccompError) {
        if result >= 0 { return }
        let errno = Errno(rawValue: -result)
        throw SeccompError(path, "libseccomp cannot \(doing): \(errno)")
    }
}

extension SeccompProfile.Action {
    /// config-linux.md#seccomp: the default errno is EPERM.
    func number(errno: UInt32?) -> UInt32 {
        let value = UInt16(truncatingIfNeeded: errno ?? UInt32(Errno.notPermitted.rawValue))
        switch self {
        case .kill: return UInt32(SCMP_ACT_KILL)
        case .killThread: return UInt32(SCMP_ACT_KILL_THREAD)
        case .killProcess: return UInt32(SCMP_ACT_KILL_PROCESS)
        case .trap: return UInt32(SCMP_ACT_TRAP)
        case .errno: return cseccomp_errno(value)
        case .trace: return cseccomp_trace(value)
        case .allow: return UInt32(SCMP_ACT_ALLOW)
        case .log: return UInt32(SCMP_ACT_LOG)
        case .notify: return UInt32(SCMP_ACT_NOTIFY)
        }
    }
}

extension SeccompProfile.Architecture {
    /// libseccomp's number; nil for one that it does not know. Its own names are the
    /// specification's, in lower case and without the prefix.
    var token: UInt32? {
        let name = rawValue.dropFirst("SCMP_ARCH_".utf8.count).lowercased()
        let token = unsafe seccomp_arch_resolve_name(name)
        return token == 0 ? nil : token
    }
}

extension SeccompProfile.Argument {
    fileprivate var comparison: scmp_arg_cmp {
        let comparison: scmp_compare =
            switch `operator` {
            case .notEqual: SCMP_CMP_NE
            case .less: SCMP_CMP_LT
            case .lessOrEqual: SCMP_CMP_LE
            case .equal: SCMP_CMP_EQ
            case .greaterOrEqual: SCMP_CMP_GE
            case .greater: SCMP_CMP_GT
            case .maskedEqual: SCMP_CMP_MASKED_EQ
            }
        return scmp_arg_cmp(arg: index, op: comparison, datum_a: value, datum_b: valueTwo)
    }
}
