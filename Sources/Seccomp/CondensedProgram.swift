// SPDX-License-Identifier: Apache-2.0

internal import CLinux

/// The same filter in fewer instructions.
///
/// libseccomp compares the number of a call with one known number after another. But calls whose numbers
/// follow each other mostly get the same answer, and what the kernel does to load a filter takes as long as
/// the filter has instructions: it makes machine code of each, and then follows the program once for every
/// call there is (kernel/seccomp.c, `seccomp_cache_prepare`). So the answers are looked up, for each machine
/// and each number, and written down as ranges, which are found by halving the numbers that there are.
/// Where an answer depends on arguments, the instructions that look at them are taken over as they are.
///
/// What comes out is followed once more for every machine and number, and given up if it ever comes to
/// another end than the program that it was made of.
struct CondensedProgram {
    /// What takes the place of the original.
    let bytes: [UInt8]

    /// nil for a program that does more than compare, or that does not get shorter.
    init?(_ original: [UInt8]) {
        let program = Walk(Classic.instructions(of: original))
        guard let sections = Self.sections(of: program) else { return nil }
        let kept = program.reachable(from: sections.flatMap(\.places))
        guard let condensed = Self.assemble(sections, program, keeping: kept),
            condensed.count < program.instructions.count,
            Self.isSame(Walk(condensed), as: program, keeping: kept, for: sections)
        else { return nil }
        var result = Classic.Program()
        for instruction in condensed { result.append(instruction) }
        bytes = result.bytes
    }

    /// What a program says of the calls of one machine.
    private struct Section {
        /// AUDIT_ARCH of linux/audit.h.
        var machine: UInt32
        /// Whether the program names it. Else it stands for all that the program does not name.
        var isNamed: Bool
        /// From the first number to the next range's, what it comes to.
        var ranges: [(first: UInt32, outcome: Outcome)]

        var places: [Int] {
            ranges.compactMap { if case .arguments(let place) = $0.outcome { place } else { nil } }
        }
    }

    // MARK: Looking up

    private static func sections(of program: Walk) -> [Section]? {
        // Between two numbers that the program compares with, nothing changes.
        var firsts: Set<UInt32> = [0]
        for instruction in program.instructions where instruction.isComparison {
            firsts.insert(instruction.value)
            if instruction.value != .max { firsts.insert(instruction.value + 1) }
        }
        let numbers = firsts.sorted()
        guard let unnamed = (1...UInt32.max).first(where: { !firsts.contains($0) }) else {
            return nil
        }
        var named: Set<UInt32> = []
        guard let others = ranges(of: program, unnamed, numbers, naming: &named) else { return nil }
        var sections: [Section] = []
        // Each may name more: whoever is not the first is asked about only then. The highest is the
        // one of 64 bits, of which there are the most calls.
        while let machine = named.subtracting(sections.map(\.machine)).max() {
            guard let ranges = ranges(of: program, machine, numbers, naming: &named) else {
                return nil
            }
            sections.append(Section(machine: machine, isNamed: true, ranges: ranges))
        }
        return sections + [Section(machine: unnamed, isNamed: false, ranges: others)]
    }

    private static func ranges(
        of program: Walk, _ machine: UInt32, _ numbers: [UInt32], naming named: inout Set<UInt32>
    ) -> [(first: UInt32, outcome: Outcome)]? {
        var ranges: [(first: UInt32, outcome: Outcome)] = []
        for number in numbers {
            guard let outcome = program.outcome(of: number, on: machine, naming: &named) else {
                return nil
            }
            if ranges.last?.outcome != outcome { ranges.append((number, outcome)) }
        }
        return ranges
    }

    // MARK: Writing down

    /// An instruction, or a jump to what is taken over of the original.
    private enum Element {
        case instruction(Classic.Instruction)
        case jump(toPlace: Int)
    }

    private static func assemble(_ sections: [Section], _ program: Walk, keeping kept: [Int])
        -> [Classic.Instruction]?
    {
        var elements: [Element] = [.instruction(.load(offset: Classic.architectureOffset))]
        for section in sections {
            var body = tree(leaves(of: section)[...])
            if section.ranges.count > 1 {
                body.insert(.instruction(.load(offset: Classic.numberOffset)), at: 0)
            }
            if section.isNamed {
                if let distance = UInt8(exactly: body.count) {
                    elements.append(
                        .instruction(
                            .jumpIfEqual(section.machine, then: 0, otherwise: distance)))
                } else {
                    elements.append(
                        .instruction(.jumpIfEqual(section.machine, then: 1, otherwise: 0)))
                    elements.append(.instruction(.jump(UInt32(body.count))))
                }
            }
            elements += body
        }
        // What is taken over stays in its order, so all jumps still go forward.
        var positions: [Int: Int] = [:]
        for (index, place) in kept.enumerated() { positions[place] = elements.count + index }
        var result: [Classic.Instruction] = []
        for element in elements {
            switch element {
            case .instruction(let instruction): result.append(instruction)
            case .jump(let place):
                guard let position = positions[place] else { return nil }
                result.append(.jump(UInt32(position - result.count - 1)))
            }
        }
        for place in kept {
            var instruction = program.instructions[place]
            let targets = program.targets(of: place).map { positions[$0] ?? -1 }
            let distances = targets.map { $0 - result.count - 1 }
            guard distances.allSatisfy({ $0 >= 0 }) else { return nil }
            if instruction.isJump {
                instruction.value = UInt32(distances[0])
            } else if instruction.isConditional {
                guard let isTrue = UInt8(exactly: distances[0]),
                    let isFalse = UInt8(exactly: distances[1])
                else { return nil }
                (instruction.isTrue, instruction.isFalse) = (isTrue, isFalse)
            }
            result.append(instruction)
        }
        return result
    }

    /// Numbers with one answer, but for some single ones among them.
    private struct Leaf {
        var first: UInt32
        var end: UInt32
        var outcome: Outcome
        var exceptions: [(number: UInt32, outcome: Outcome)] = []

        /// How many calls are likely to lie in it: nobody has as many as the widest gaps have room for.
        var weight: Int { Int(min(end - first, 128)) }

        /// Each is compared with, one after another.
        static let exceptionLimit = 3
        var isAnException: Bool { end - first == 1 && exceptions.isEmpty }
    }

    /// A single number takes one comparison where its neighbours have one answer, and two elsewhere.
    private static func leaves(of section: Section) -> [Leaf] {
        let ends = section.ranges.dropFirst().map(\.first) + [.max]
        var leaves: [Leaf] = []
        for (range, end) in zip(section.ranges, ends) {
            leaves.append(Leaf(first: range.first, end: end, outcome: range.outcome))
            guard leaves.count > 2 else { continue }
            let (before, single) = (leaves[leaves.count - 3], leaves[leaves.count - 2])
            if single.isAnException, before.outcome == range.outcome,
                before.exceptions.count < Leaf.exceptionLimit
            {
                leaves.removeLast(2)
                leaves[leaves.count - 1].end = end
                leaves[leaves.count - 1].exceptions.append((single.first, single.outcome))
            }
        }
        return leaves
    }

    /// The first leaf of the upper half. The kernel follows a program once for each number that it has
    /// a call for, and most of those lie where a range is wide.
    private static func middle(of leaves: ArraySlice<Leaf>) -> Int {
        let total = leaves.reduce(0) { $0 + $1.weight }
        var below = 0
        var (best, least) = (leaves.startIndex + 1, Int.max)
        for index in leaves.indices.dropFirst() {
            below += leaves[index - 1].weight
            let difference = abs(total - 2 * below)
            if difference < least { (best, least) = (index, difference) }
        }
        return best
    }

    /// So many comparisons at the most reach all that they lead to: a conditional jump is of 255 at the most.
    private static let comparisonLimit = 120

    /// Comparisons that lead to what a number comes to.
    private static func tree(_ leaves: ArraySlice<Leaf>) -> [Element] {
        if comparisons(in: leaves) > comparisonLimit {
            let middle = middle(of: leaves)
            let below = tree(leaves[..<middle])
            return [
                .instruction(.jumpIfAtLeast(leaves[middle].first, then: 0, otherwise: 1)),
                .instruction(.jump(UInt32(below.count))),
            ] + below + tree(leaves[middle...])
        }
        var tree = ComparisonTree(count: comparisons(in: leaves))
        tree.compare(leaves)
        return tree.elements
            + tree.outcomes(of: leaves).map { outcome in
                switch outcome {
                case .answer(let word): .instruction(.answer(word))
                case .arguments(let place): .jump(toPlace: place)
                }
            }
    }

    private static func comparisons(in leaves: ArraySlice<Leaf>) -> Int {
        leaves.reduce(leaves.count - 1) { $0 + $1.exceptions.count }
    }

    /// The comparisons, then what they lead to, each thing once.
    private struct ComparisonTree {
        /// Comparisons in all.
        let count: Int
        private(set) var elements: [Element] = []
        private(set) var outcomes: [Outcome] = []

        init(count: Int) { self.count = count }

        mutating func compare(_ leaves: ArraySlice<Leaf>) {
            guard let first = leaves.first else { return }
            if leaves.count == 1 { return compare(first) }
            let middle = middle(of: leaves)
            let (below, above) = (leaves[..<middle], leaves[middle...])
            let between = comparisons(in: below)
            elements.append(
                .instruction(
                    .jumpIfAtLeast(
                        leaves[middle].first, then: distance(to: above, beyond: between),
                        otherwise: distance(to: below, beyond: 0))))
            compare(below)
            compare(above)
        }

        /// What is led to; all of it is one thing where there is nothing to compare.
        func outcomes(of leaves: ArraySlice<Leaf>) -> [Outcome] {
            elements.isEmpty ? leaves.prefix(1).map(\.outcome) : outcomes
        }

        private mutating func compare(_ leaf: Leaf) {
            for (index, exception) in leaf.exceptions.enumerated() {
                let isLast = index == leaf.exceptions.count - 1
                elements.append(
                    .instruction(
                        .jumpIfEqual(
                            exception.number, then: distance(to: exception.outcome),
                            otherwise: isLast ? distance(to: leaf.outcome) : 0)))
            }
        }

        /// To the first comparison of a part, or to what it comes to without one.
        private mutating func distance(to part: ArraySlice<Leaf>, beyond between: Int) -> UInt8 {
            if let first = part.first, comparisons(in: part) == 0 {
                return distance(to: first.outcome)
            }
            return UInt8(between)
        }

        private mutating func distance(to outcome: Outcome) -> UInt8 {
            let place = outcomes.firstIndex(of: outcome) ?? outcomes.count
            if place == outcomes.count { outcomes.append(outcome) }
            return UInt8(count - elements.count - 1 + place)
        }
    }

    // MARK: Seeing that it is the same

    private static func isSame(
        _ condensed: Walk, as program: Walk, keeping kept: [Int], for sections: [Section]
    ) -> Bool {
        let first = condensed.instructions.count - kept.count
        var named: Set<UInt32> = []
        for section in sections {
            let machine = section.machine
            for (index, range) in section.ranges.enumerated() {
                let next = index + 1
                let last = next < section.ranges.count ? section.ranges[next].first - 1 : .max
                for number in [range.first, range.first + (last - range.first) / 2, last] {
                    var outcome = condensed.outcome(of: number, on: machine, naming: &named)
                    if case .arguments(let place) = outcome {
                        guard place >= first else { return false }
                        outcome = .arguments(at: kept[place - first])
                    }
                    if outcome != program.outcome(of: number, on: machine, naming: &named) {
                        return false
                    }
                }
            }
        }
        return true
    }
}
