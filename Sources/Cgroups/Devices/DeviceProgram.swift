// SPDX-License-Identifier: Apache-2.0

package import Linux

/// A program for the kernel that decides on access to devices, where cgroup2 has no controller
/// (admin-guide/cgroup-v2.rst, "Device controller").
///
/// The kernel hands it `struct bpf_cgroup_dev_ctx`: the kind of device, the access in the upper
/// half of the same word, and both numbers. The rules are tested from the last to the first:
/// a rule that denies any of what is still asked for ends with 0; one that allows strikes it off,
/// and when nothing is left ends with 1.
package enum DeviceProgram {
    /// The name in the kernel, by which ours is told from others on the same cgroup.
    package static let name = "martlet_device"

    private enum Register {
        static let result: UInt8 = 0
        static let context: UInt8 = 1
        static let kind: UInt8 = 2
        static let access: UInt8 = 3
        static let major: UInt8 = 4
        static let minor: UInt8 = 5
    }

    /// Operation codes (instruction-set.rst), all on 32 bits.
    private enum Code {
        static let load: UInt8 = 0x61
        static let move: UInt8 = 0xb4
        static let moveRegister: UInt8 = 0xbc
        static let and: UInt8 = 0x54
        static let shiftRight: UInt8 = 0x74
        static let jump: UInt8 = 0x05
        static let jumpIfNotEqual: UInt8 = 0x56
        static let jumpIfAnySet: UInt8 = 0x46
        static let exit: UInt8 = 0x95
    }

    /// The program for rules. With none it denies all.
    package static func assemble(_ rules: DeviceRules) -> [BPF.Instruction] {
        var program: [BPF.Instruction] = [
            .init(Code.load, destination: Register.kind, source: Register.context, offset: 0),
            .init(Code.moveRegister, destination: Register.access, source: Register.kind),
            .init(Code.shiftRight, destination: Register.access, immediate: 16),
            .init(Code.and, destination: Register.kind, immediate: 0xffff),
            .init(Code.load, destination: Register.major, source: Register.context, offset: 4),
            .init(Code.load, destination: Register.minor, source: Register.context, offset: 8),
        ]
        // Rules on one kind that come before one on all of that kind say nothing; and once there
        // has been one for each kind nothing can follow, which the kernel insists on.
        var decided: Set<DeviceSet.Kind> = []
        for rule in rules.rules.reversed() where !decided.contains(rule.devices.kind) {
            program += block(rule)
            if rule.devices.major == nil, rule.devices.minor == nil, rule.access == .all {
                decided.insert(rule.devices.kind)
            }
        }
        return program + answer(false)
    }

    private static func answer(_ allows: Bool) -> [BPF.Instruction] {
        [
            .init(Code.move, destination: Register.result, immediate: allows ? 1 : 0),
            .init(Code.exit),
        ]
    }

    private static func block(_ rule: DeviceRules.Rule) -> [BPF.Instruction] {
        var tests: [(register: UInt8, value: UInt32)] = [
            (Register.kind, rule.devices.kind.rawValue)
        ]
        if let major = rule.devices.major { tests.append((Register.major, major)) }
        if let minor = rule.devices.minor { tests.append((Register.minor, minor)) }
        let end = verdict(rule)
        var block: [BPF.Instruction] = []
        for (index, test) in tests.enumerated() {
            // Over the tests that are left and the verdict.
            block.append(
                .init(
                    Code.jumpIfNotEqual, destination: test.register,
                    offset: Int16(tests.count - index - 1 + end.count),
                    immediate: Int32(bitPattern: test.value)))
        }
        return block + end
    }

    private static func verdict(_ rule: DeviceRules.Rule) -> [BPF.Instruction] {
        if rule.access == .all { return answer(rule.allows) }
        let letters = Int32(bitPattern: rule.access.rawValue)
        if rule.allows {
            return [
                .init(Code.and, destination: Register.access, immediate: ~letters),
                .init(
                    Code.jumpIfNotEqual, destination: Register.access, offset: 2, immediate: 0),
            ] + answer(true)
        }
        return [
            .init(
                Code.jumpIfAnySet, destination: Register.access, offset: 1, immediate: letters),
            .init(Code.jump, offset: 2),
        ] + answer(false)
    }

    /// Runs a program as the kernel would, for tests: 1 allows.
    package static func evaluate(
        _ program: [BPF.Instruction], kind: DeviceSet.Kind, access: DeviceAccess, major: UInt32,
        minor: UInt32
    ) -> UInt32? {
        let context: [Int16: UInt32] = [
            0: kind.rawValue | access.rawValue << 16, 4: major, 8: minor,
        ]
        var registers = [UInt32](repeating: 0, count: 11)
        var next = 0
        while program.indices.contains(next) {
            let step = program[next]
            let destination = Int(step.destination)
            let immediate = UInt32(bitPattern: step.immediate)
            next += 1
            switch step.code {
            case Code.load: registers[destination] = context[step.offset] ?? 0
            case Code.move: registers[destination] = immediate
            case Code.moveRegister: registers[destination] = registers[Int(step.source)]
            case Code.and: registers[destination] &= immediate
            case Code.shiftRight: registers[destination] >>= immediate
            case Code.jump: next += Int(step.offset)
            case Code.jumpIfNotEqual:
                if registers[destination] != immediate { next += Int(step.offset) }
            case Code.jumpIfAnySet:
                if registers[destination] & immediate != 0 { next += Int(step.offset) }
            case Code.exit: return registers[0]
            default: return nil
            }
        }
        return nil
    }
}
