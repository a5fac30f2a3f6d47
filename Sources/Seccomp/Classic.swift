// SPDX-License-Identifier: Apache-2.0

internal import CLinux

/// Classic BPF, as far as seccomp(2) and this module use it (linux/filter.h).
enum Classic {
    /// Where things are in `struct seccomp_data`.
    static var numberOffset: UInt32 {
        UInt32(MemoryLayout<seccomp_data>.offset(of: \.nr) ?? 0)
    }
    static var architectureOffset: UInt32 {
        UInt32(MemoryLayout<seccomp_data>.offset(of: \.arch) ?? 4)
    }

    /// One instruction. Jumps count from the next one.
    struct Instruction: Equatable {
        var code: UInt16
        var isTrue: UInt8 = 0
        var isFalse: UInt8 = 0
        var value: UInt32

        /// Loads a word of `struct seccomp_data`.
        static func load(offset: UInt32) -> Instruction {
            Instruction(code: UInt16(BPF_LD | BPF_W | BPF_ABS), value: offset)
        }

        static func jump(_ distance: UInt32) -> Instruction {
            Instruction(code: UInt16(BPF_JMP | BPF_JA), value: distance)
        }

        static func jumpIfEqual(_ value: UInt32, then: UInt8, otherwise: UInt8) -> Instruction {
            Instruction(
                code: UInt16(BPF_JMP | BPF_JEQ | BPF_K), isTrue: then, isFalse: otherwise,
                value: value)
        }

        static func jumpIfGreater(_ value: UInt32, then: UInt8, otherwise: UInt8) -> Instruction {
            Instruction(
                code: UInt16(BPF_JMP | BPF_JGT | BPF_K), isTrue: then, isFalse: otherwise,
                value: value)
        }

        static func jumpIfAtLeast(_ value: UInt32, then: UInt8, otherwise: UInt8) -> Instruction {
            Instruction(
                code: UInt16(BPF_JMP | BPF_JGE | BPF_K), isTrue: then, isFalse: otherwise,
                value: value)
        }

        /// Ends the program with a SECCOMP_RET word.
        static func answer(_ value: UInt32) -> Instruction {
            Instruction(code: UInt16(BPF_RET | BPF_K), value: value)
        }
    }

    /// Instructions as the kernel takes them.
    struct Program {
        private(set) var bytes: [UInt8] = []

        mutating func append(_ instruction: Instruction) {
            var raw = sock_filter(
                code: instruction.code, jt: instruction.isTrue, jf: instruction.isFalse,
                k: instruction.value)
            unsafe withUnsafeBytes(of: &raw) { unsafe bytes.append(contentsOf: $0) }
        }
    }

    /// A program's instructions.
    static func instructions(of bytes: [UInt8]) -> [Instruction] {
        let size = MemoryLayout<sock_filter>.size
        return stride(from: 0, to: bytes.count / size * size, by: size).map { at in
            // In the byte order of the machine that it is for.
            let raw = unsafe bytes.withUnsafeBytes {
                unsafe $0.loadUnaligned(fromByteOffset: at, as: sock_filter.self)
            }
            return Instruction(code: raw.code, isTrue: raw.jt, isFalse: raw.jf, value: raw.k)
        }
    }
}
