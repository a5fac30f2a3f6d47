// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import CSeccomp
package import Linux

extension SystemCallFilter {
    /// Whether a process of this machine may make each of these calls, whatever its arguments are.
    package func allows(_ calls: [SystemCallNumber]) -> Bool {
        let walk = Walk(Classic.instructions(of: program))
        var named: Set<UInt32> = []
        for call in calls {
            // libseccomp's numbers of machines are the kernel's (AUDIT_ARCH of linux/audit.h).
            let outcome = walk.outcome(
                of: call.rawValue, on: seccomp_arch_native(), naming: &named)
            if outcome != .answer(UInt32(SCMP_ACT_ALLOW)) { return false }
        }
        return true
    }
}

/// Where a filter comes to for a call of which the machine and the number are known.
enum Outcome: Hashable {
    /// A SECCOMP_RET word.
    case answer(UInt32)
    /// The instruction that looks at more.
    case arguments(at: Int)
}

/// A program, followed as far as no argument is needed.
struct Walk {
    let instructions: [Classic.Instruction]

    init(_ instructions: [Classic.Instruction]) { self.instructions = instructions }

    /// Where the program comes to; nil for one that does more than compare on its way there. `named`
    /// gets each machine that it compares with.
    func outcome(of number: UInt32, on machine: UInt32, naming named: inout Set<UInt32>) -> Outcome?
    {
        // What is in the accumulator; nil before anything is.
        var isNumber: Bool?
        var index = 0
        while index < instructions.count {
            let instruction = instructions[index]
            if instruction.isAnswer { return .answer(instruction.value) }
            if instruction.isLoad {
                switch instruction.value {
                case Classic.numberOffset: isNumber = true
                case Classic.architectureOffset: isNumber = false
                // Nothing of what was known before goes on beyond it: the accumulator is overwritten.
                default: return .arguments(at: index)
                }
                index += 1
            } else if instruction.isJump {
                index += 1 + Int(instruction.value)
            } else if let isNumber, instruction.isComparison {
                if !isNumber {
                    guard instruction.isComparisonForEquality else { return nil }
                    named.insert(instruction.value)
                }
                let holds = instruction.holds(for: isNumber ? number : machine)
                index += 1 + Int(holds ? instruction.isTrue : instruction.isFalse)
            } else {
                return nil
            }
        }
        return nil
    }

    /// Where an instruction leads to: for one that compares, if it holds, and if not.
    func targets(of index: Int) -> [Int] {
        let instruction = instructions[index]
        if instruction.isAnswer { return [] }
        if instruction.isJump { return [index + 1 + Int(instruction.value)] }
        if instruction.isConditional {
            return [index + 1 + Int(instruction.isTrue), index + 1 + Int(instruction.isFalse)]
        }
        return [index + 1]
    }

    /// All instructions that can be come to from these, in their order.
    func reachable(from places: [Int]) -> [Int] {
        var seen: Set<Int> = []
        var open = places
        while let place = open.popLast() {
            guard place < instructions.count, seen.insert(place).inserted else { continue }
            open += targets(of: place)
        }
        return seen.sorted()
    }
}

extension Classic.Instruction {
    var isAnswer: Bool { code == UInt16(BPF_RET | BPF_K) }
    var isLoad: Bool { code == UInt16(BPF_LD | BPF_W | BPF_ABS) }
    var isJump: Bool { code == UInt16(BPF_JMP | BPF_JA) }
    var isConditional: Bool { code & 7 == UInt16(BPF_JMP) && !isJump }
    var isComparisonForEquality: Bool { code == UInt16(BPF_JMP | BPF_JEQ | BPF_K) }
    /// One after which all that matters is on which side of a number another one is.
    var isComparison: Bool {
        isComparisonForEquality || code == UInt16(BPF_JMP | BPF_JGT | BPF_K)
            || code == UInt16(BPF_JMP | BPF_JGE | BPF_K)
    }

    func holds(for number: UInt32) -> Bool {
        if isComparisonForEquality { return number == value }
        return code == UInt16(BPF_JMP | BPF_JGT | BPF_K) ? number > value : number >= value
    }
}
