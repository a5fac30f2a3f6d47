// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import CSeccomp
internal import Linux
internal import OCI

/// Answers ENOSYS to system calls that are newer than a profile.
///
/// A profile lists what it knows, and refuses the rest: with EPERM, or worse. But a C library that
/// tries a new call and falls back to an old one does so only on ENOSYS, so a profile of last year
/// would break the programs of this year. A call with a number above the largest that the profile
/// names is one that its author cannot have thought of, and the answer to it is that there is no
/// such call: the same as on a kernel of the profile's time. (Programs see what they see under
/// runc.)
struct NewerSystemCalls {
    private var blocks: [Block] = []

    /// One machine's calls: with or without those of x32, which share its audit number.
    private struct Block {
        /// AUDIT_ARCH of linux/audit.h.
        var architecture: UInt32
        var largest: UInt32?
        /// nil where x32 has no place. 0 where it is not listed: then the filter itself decides.
        var x32: (isListed: Bool, largest: UInt32?)?
    }

    init(_ profile: SeccompProfile, architectures: [UInt32]) {
        guard Self.concerns(profile) else { return }
        let hasX32 = architectures.contains(cseccomp_arch_x32())
        for architecture in architectures where architecture != cseccomp_arch_x32() {
            var block = Block(
                architecture: architecture, largest: Self.largest(profile, architecture))
            if architecture == cseccomp_arch_x86_64() {
                block.x32 = (
                    hasX32, hasX32 ? Self.largest(profile, cseccomp_arch_x32()) : nil
                )
            }
            blocks.append(block)
        }
    }

    /// Not where unknown calls are let through, or go to someone who decides, or get ENOSYS anyway.
    private static func concerns(_ profile: SeccompProfile) -> Bool {
        switch profile.defaultAction {
        case .allow, .log, .trace, .notify: return false
        case .errno: return profile.defaultErrnoRet != UInt32(Errno.unsupportedCall.rawValue)
        case .kill, .killProcess, .killThread, .trap: return true
        }
    }

    /// The largest number that the profile names, whatever it says of it; nil if it names none.
    private static func largest(_ profile: SeccompProfile, _ architecture: UInt32) -> UInt32? {
        var largest: UInt32?
        for rule in profile.syscalls {
            for name in rule.names {
                // Below zero are names that are known, and have no number on this machine.
                let number = unsafe seccomp_syscall_resolve_name_arch(architecture, name)
                guard let number = UInt32(exactly: number) else { continue }
                largest = max(largest ?? 0, number)
            }
        }
        return largest
    }

    // MARK: The program

    /// Instructions to put before a program; it is reached with every call that they leave alone.
    var prologue: [UInt8] {
        let parts = blocks.compactMap { Self.instructions(for: $0) }
        if parts.isEmpty { return [] }
        var program = Classic.Program()
        program.append(.load(offset: Classic.architectureOffset))
        for (index, part) in parts.enumerated() {
            // To the next machine's part, or to what comes after all of them.
            let isOther = UInt8(clamping: part.count + 1)
            program.append(
                .jumpIfEqual(part.architecture, then: 0, otherwise: isOther))
            for instruction in part.instructions { program.append(instruction) }
            let rest = parts[(index + 1)...].reduce(0) { $0 + $1.count + 2 }
            program.append(.jump(UInt32(rest)))
        }
        return program.bytes
    }

    private struct Part {
        var architecture: UInt32
        var instructions: [Classic.Instruction]
        var count: Int { instructions.count }
    }

    private static func instructions(for block: Block) -> Part? {
        let unknown = Classic.Instruction.answer(
            UInt32(SECCOMP_RET_ERRNO) | UInt32(Errno.unsupportedCall.rawValue))
        var instructions: [Classic.Instruction] = []
        if let x32 = block.x32 {
            if block.largest == nil && x32.largest == nil { return nil }
            let first = cseccomp_x32_bit()
            var own: [Classic.Instruction] = []
            if let largest = block.largest {
                own = [.jumpIfGreater(largest, then: 0, otherwise: 1), unknown]
            }
            var other: [Classic.Instruction] = []
            if let largest = x32.largest {
                other = [.jumpIfGreater(largest, then: 0, otherwise: 1), unknown]
            }
            // own, past other; other; each falls through to the end when it has no objection.
            own.append(.jump(UInt32(other.count)))
            instructions.append(
                .jumpIfAtLeast(first, then: UInt8(clamping: own.count), otherwise: 0))
            instructions += own + other
        } else {
            guard let largest = block.largest else { return nil }
            instructions = [.jumpIfGreater(largest, then: 0, otherwise: 1), unknown]
        }
        return Part(
            architecture: block.architecture,
            instructions: [.load(offset: Classic.numberOffset)] + instructions)
    }
}
