// SPDX-License-Identifier: Apache-2.0

import CSeccomp
import Glibc
import Linux
import OCI
import Requirements
import Seccomp
import Testing

/// Follows a program as the kernel would, for one system call.
struct Machine {
    var program: [UInt8]

    /// The SECCOMP_RET word; nil for a program that the kernel would not take.
    func answer(_ number: UInt32, on architecture: UInt32, _ arguments: [UInt64] = []) -> UInt32? {
        var data = [number, architecture, 0, 0]
        for index in 0..<6 {
            let value = index < arguments.count ? arguments[index] : 0
            data.append(UInt32(truncatingIfNeeded: value))
            data.append(UInt32(truncatingIfNeeded: value >> 32))
        }
        var accumulator: UInt32 = 0
        var index = 0
        while index >= 0, index * 8 + 8 <= program.count {
            let at = index * 8
            let code = UInt16(program[at]) | UInt16(program[at + 1]) << 8
            let (isTrue, isFalse) = (Int(program[at + 2]), Int(program[at + 3]))
            let value = (0..<4).reduce(UInt32(0)) {
                $0 | UInt32(program[at + 4 + $1]) << UInt32(8 * $1)
            }
            index += 1
            switch code {
            case 0x20: accumulator = data[Int(value) / 4]  // BPF_LD | BPF_W | BPF_ABS
            case 0x05: index += Int(value)  // BPF_JMP | BPF_JA
            case 0x15: index += accumulator == value ? isTrue : isFalse  // BPF_JEQ
            case 0x25: index += accumulator > value ? isTrue : isFalse  // BPF_JGT
            case 0x35: index += accumulator >= value ? isTrue : isFalse  // BPF_JGE
            case 0x45: index += accumulator & value != 0 ? isTrue : isFalse  // BPF_JSET
            case 0x54: accumulator &= value  // BPF_ALU | BPF_AND
            case 0x06: return value  // BPF_RET
            default: return nil
            }
        }
        return nil
    }
}

private let x86 = UInt32(0x4000_0003)
private let x86_64 = UInt32(0xc000_003e)
private let aarch64 = UInt32(0xc000_00b7)
private let x32Bit = UInt32(0x4000_0000)
private let allow = UInt32(0x7fff_0000)
private let killThread = UInt32(0)
private func errno(_ number: UInt32) -> UInt32 { 0x0005_0000 | number }
private let (eperm, enosys) = (errno(1), errno(38))

private func number(_ name: String, on architecture: UInt32 = seccomp_arch_native()) -> UInt32 {
    UInt32(bitPattern: unsafe seccomp_syscall_resolve_name_arch(architecture, name))
}

private func profile(
    _ action: SeccompProfile.Action, _ architectures: [SeccompProfile.Architecture] = [],
    _ rules: [(names: [String], action: SeccompProfile.Action)]
) -> SeccompProfile {
    var profile = SeccompProfile(defaultAction: action)
    profile.architectures = architectures
    profile.syscalls = rules.map { SeccompProfile.Rule(names: $0.names, action: $0.action) }
    return profile
}

@Suite("A compiled profile", .enabled(if: seccomp_arch_native() == x86_64))
struct ProgramTests {
    @Test("answers what its rules say, and its default for the rest")
    func rules() throws {
        let machine = Machine(
            program: try Compiler.compile(
                profile(.errno, [], [(["read", "faccessat2"], .allow), (["mkdir"], .killProcess)])))
        #expect(machine.answer(number("read"), on: x86_64) == allow)
        #expect(machine.answer(number("mkdir"), on: x86_64) == 0x8000_0000)
        #expect(machine.answer(number("rmdir"), on: x86_64) == eperm)
    }

    @Test("answers ENOSYS to what is newer than its newest name, on each architecture")
    func newer() throws {
        let machine = Machine(
            program: try Compiler.compile(
                profile(.errno, [.x86_64, .x86, .x32], [(["read", "openat2"], .allow)])))
        for (architecture, token, bit) in [
            (x86_64, x86_64, UInt32(0)), (x86, x86, 0), (x86_64, cseccomp_arch_x32(), x32Bit),
        ] {
            let newest = number("openat2", on: token)
            #expect(machine.answer(newest, on: architecture) == allow)
            #expect(machine.answer(newest + 1, on: architecture) == enosys)
            #expect(machine.answer(bit | 5000, on: architecture) == enosys)
            #expect(machine.answer(newest - 1, on: architecture) == eperm)
        }
    }

    @Test("kills for the calls of an architecture that is not listed")
    func otherArchitecture() throws {
        let machine = Machine(
            program: try Compiler.compile(profile(.errno, [.x86_64], [(["read"], .allow)])))
        #expect(machine.answer(3, on: x86) == killThread)
        #expect(machine.answer(1, on: aarch64) == killThread)
        #expect(machine.answer(x32Bit, on: x86_64) == killThread)
        #expect(machine.answer(x32Bit | 5000, on: x86_64) == killThread)
    }

    @Test(
        "lets its default decide about newer calls where that lets them through or asks",
        arguments: [SeccompProfile.Action.allow, .log, .trace, .notify])
    func lenient(_ action: SeccompProfile.Action) throws {
        let machine = Machine(
            program: try Compiler.compile(profile(action, [], [(["read"], .errno)])))
        #expect(machine.answer(5000, on: x86_64) != enosys)
        #expect(machine.answer(number("read"), on: x86_64) == eperm)
    }

    @Test(
        "answers ENOSYS to newer calls where the default is harsh",
        arguments: [SeccompProfile.Action.errno, .kill, .killThread, .killProcess, .trap])
    func harsh(_ action: SeccompProfile.Action) throws {
        let machine = Machine(
            program: try Compiler.compile(profile(action, [], [(["read", "write"], .allow)])))
        #expect(machine.answer(2, on: x86_64) == enosys)
    }

    @Test("without any name that is known has nothing that is newer")
    func noNames() throws {
        let machine = Machine(
            program: try Compiler.compile(profile(.errno, [], [(["no_such_call"], .allow)])))
        #expect(machine.answer(5000, on: x86_64) == eperm)
    }

    @Test("compares arguments, all of a rule, each of an index that comes twice")
    func arguments() throws {
        var profile = profile(.allow, [], [(["getpgid"], .errno), (["getsid"], .errno)])
        profile.syscalls[0].args = [
            .init(index: 0, value: 1, operator: .equal),
            .init(index: 1, value: 2, operator: .equal),
        ]
        profile.syscalls[1].args = [
            .init(index: 0, value: 1, operator: .equal),
            .init(index: 0, value: 2, operator: .equal),
        ]
        let machine = Machine(program: try Compiler.compile(profile))
        #expect(machine.answer(number("getpgid"), on: x86_64, [1, 2]) == eperm)
        #expect(machine.answer(number("getpgid"), on: x86_64, [1, 3]) == allow)
        #expect(machine.answer(number("getsid"), on: x86_64, [1]) == eperm)
        #expect(machine.answer(number("getsid"), on: x86_64, [2]) == eperm)
        #expect(machine.answer(number("getsid"), on: x86_64, [3]) == allow)
        #expect(machine.answer(number("getsid"), on: x86_64, [1 << 32 | 1]) == allow)
    }

    @Test("of very many names answers for each number on its own")
    func everyNumber() throws {
        // Every third name that there is, over the whole range of numbers.
        var names: [String] = []
        var allowed: Set<UInt32> = []
        for candidate in Int32(0)..<400 where candidate % 3 == 0 {
            guard let text = unsafe seccomp_syscall_resolve_num_arch(x86_64, candidate) else {
                continue
            }
            names.append(unsafe String(cString: text))
            unsafe free(text)
            allowed.insert(UInt32(candidate))
        }
        let machine = Machine(
            program: try Compiler.compile(profile(.errno, [.x86, .x32], [(names, .allow)])))
        let largest = try #require(allowed.max())
        for number in UInt32(0)..<600 {
            let expected = number > largest ? enosys : allowed.contains(number) ? allow : eperm
            #expect(machine.answer(number, on: x86_64) == expected)
        }
    }

    @Test("is refused by name for an architecture that libseccomp does not know")
    func unknownArchitecture() {
        let unknown = SeccompProfile.Architecture.allCases.filter {
            !Compiler.knownArchitectures().contains($0)
        }
        for architecture in unknown {
            #expect {
                try Compiler.compile(profile(.allow, [architecture], []))
            } throws: { error in
                "\(error)".contains("linux.seccomp.architectures[0]")
                    && "\(error)".contains(architecture.rawValue)
            }
        }
    }
}

@Suite("A filter") struct FilterTests {
    @Test("that notifies must have somebody to notify")
    func listenerPath() {
        #expect {
            try Filter(profile(.allow, [], [(["mkdir"], .notify)]))
        } throws: { "\($0)".contains("linux.seccomp.listenerPath") }
    }

    @Test("that notifies has a listener, and no TSYNC; one that does not has none")
    func flags() throws {
        var asking = profile(.allow, [], [(["mkdir"], .notify)])
        asking.listenerPath = "/agent"
        asking.flags = [.tsync, .log]
        #expect(try Filter(asking).flags == [.log, .listener])
        var silent = profile(.allow, [], [(["mkdir"], .errno)])
        silent.listenerPath = "/agent"
        silent.flags = [.tsync, .specAllow]
        #expect(
            try Filter(silent).flags
                == [.synchronizeThreads, .allowSpeculation])
    }

    @Test("warns of an index that is compared twice")
    func warning() throws {
        var twice = profile(.allow, [], [(["getsid"], .errno)])
        twice.syscalls[0].args = [
            .init(index: 0, value: 1, operator: .greater),
            .init(index: 0, value: 2, operator: .less),
        ]
        let warnings = try Filter(twice).warnings
        #expect(warnings.count == 1)
        #expect(warnings.first?.contains("linux.seccomp.syscalls[0].args") == true)
    }
}

@Suite("A condensed program", .enabled(if: seccomp_arch_native() == x86_64))
struct CondensedProgramTests {
    /// Profiles of many shapes: which names, which actions, which arguments is left to chance.
    private static func profiles(_ count: Int) -> [SeccompProfile] {
        var random = SeededNumbers(seed: 20_260_101)
        return (0..<count).map { _ in
            // Most rules of a real profile say the same.
            let actions =
                [.errno, .log, .trap] + Array(repeating: SeccompProfile.Action.allow, count: 40)
            let architectures: [[SeccompProfile.Architecture]] = [
                [], [.x86], [.x86, .x32], [.aarch64, .x32],
            ]
            let defaults: [SeccompProfile.Action] = [.errno, .errno, .killProcess, .allow]
            var profile = profile(random.pick(defaults), [], [])
            profile.architectures = random.pick(architectures)
            let density = Int.random(in: 7...10, using: &random)
            for number in Int32(0)..<460 where Int.random(in: 0..<10, using: &random) < density {
                guard let text = unsafe seccomp_syscall_resolve_num_arch(x86_64, number) else {
                    continue
                }
                var rule = SeccompProfile.Rule(
                    names: [unsafe String(cString: text)],
                    action: random.pick(actions))
                unsafe free(text)
                if Int.random(in: 0..<60, using: &random) == 0 {
                    rule.args = [
                        .init(
                            index: UInt32.random(in: 0..<6, using: &random),
                            value: UInt64.random(in: 0..<5, using: &random),
                            operator: random.pick(SeccompProfile.Operator.allCases))
                    ]
                }
                profile.syscalls.append(rule)
            }
            return profile
        }
    }

    @Test("answers each call, with each argument, as what it was made of does")
    func same() throws {
        var random = SeededNumbers(seed: 7)
        var shorter = 0
        for profile in Self.profiles(16) {
            let program = try Compiler.uncondensed(profile)
            let condensed = Compiler.condensed(program)
            shorter += condensed.count < program.count ? 1 : 0
            let (before, after) = (Machine(program: program), Machine(program: condensed))
            let architectures: [UInt32] = [x86, x86_64, 0]
            let bases: [UInt32] = [0, x32Bit - 100, .max - 600]
            for architecture in architectures {
                for number in bases.flatMap({ $0...($0 + 600) }) {
                    let arguments: [UInt64] = (0..<6).map { _ in .random(in: 0..<6, using: &random)
                    }
                    let expected = try #require(before.answer(number, on: architecture, arguments))
                    if after.answer(number, on: architecture, arguments) != expected {
                        Issue.record("call \(number) of \(architecture) with \(arguments)")
                        return
                    }
                }
            }
        }
        // Else nothing has been compared.
        #expect(shorter > 8)
    }

    @Test("has a third of the instructions, of a profile that lets most calls through")
    func size() throws {
        var names: [String] = []
        for number in Int32(0)..<460 where number % 16 != 0 {
            guard let text = unsafe seccomp_syscall_resolve_num_arch(x86_64, number) else {
                continue
            }
            names.append(unsafe String(cString: text))
            unsafe free(text)
        }
        let program = try Compiler.uncondensed(profile(.errno, [.x86, .x32], [(names, .allow)]))
        #expect(Compiler.condensed(program).count * 3 < program.count)
    }

    @Test("is the program itself where that does more than compare")
    func leftAlone() throws {
        // ld [0]; tax; ret a: a word that is not known before the call is made.
        let program: [UInt8] = [
            0x20, 0, 0, 0, 0, 0, 0, 0, 0x07, 0, 0, 0, 0, 0, 0, 0, 0x16, 0, 0, 0, 0, 0, 0, 0,
        ]
        #expect(Compiler.condensed(program) == program)
        #expect(Compiler.condensed([]).isEmpty)
    }
}
