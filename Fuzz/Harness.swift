// SPDX-License-Identifier: Apache-2.0

import Glibc
import Linux

/// Runs trials in processes of their own, so that what ends one of them is told with its input.
struct Harness {
    let mutator: Mutator
    /// How the run is asked for again.
    let command: String
    /// What to do at the fourth input, to see that it is noticed.
    var provocation: Provocation?

    /// Things that an input must not be able to do.
    enum Provocation: String {
        case trap, hang, memory, complaint
    }

    /// Seconds that one input may take before it counts as hanging.
    private static let patience: UInt32 = 30
    /// Bytes of address space, of which a process takes well below a tenth.
    private static let memory: UInt64 = 2 << 30
    /// After this many bad inputs it is enough.
    private static let badLimit = 10
    private static let complaintCode: Int32 = 3

    /// Numbers that both processes see.
    private enum Slot: Int {
        case input, accepted, refused, plans, largest
    }

    /// - Returns: whether nothing bad was found.
    func run(_ numbers: Range<UInt64>) throws(SystemCallError) -> Bool {
        guard
            let page = unsafe mmap(
                nil, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0),
            unsafe page != MAP_FAILED
        else { throw SystemCallError("mmap", "", .current) }
        let slots = unsafe page.bindMemory(to: UInt64.self, capacity: 8)
        var next = numbers.lowerBound
        var bad = 0
        while next < numbers.upperBound, bad < Self.badLimit {
            let status: ExitStatus
            switch try Process.clone([]) {
            case .child:
                unsafe work(next..<numbers.upperBound, slots)
            case .parent(_, let pidfd):
                status = try Process.wait(for: pidfd)
            }
            if status == .exited(0) { break }
            bad += 1
            next = unsafe slots[Slot.input.rawValue]
            report(next, status)
            next += 1
        }
        let (accepted, refused) = unsafe (
            slots[Slot.accepted.rawValue], slots[Slot.refused.rawValue]
        )
        let (plans, largest) = unsafe (slots[Slot.plans.rawValue], slots[Slot.largest.rawValue])
        say(
            "\(accepted) accepted, \(refused) refused, \(plans) plans, \(bad) bad; "
                + "at most \(largest / 1024) MiB of memory")
        return bad == 0
    }

    /// The child's part: it ends here.
    private func work(_ numbers: Range<UInt64>, _ slots: UnsafeMutablePointer<UInt64>) -> Never {
        if let addressSpace = ResourceNumber(name: "RLIMIT_AS") {
            try? Process.setLimit(addressSpace, soft: Self.memory, hard: Self.memory)
        }
        if let core = ResourceNumber(name: "RLIMIT_CORE") {
            try? Process.setLimit(core, soft: 0, hard: 0)
        }
        for number in numbers {
            unsafe slots[Slot.input.rawValue] = number
            // SIGALRM ends the process.
            alarm(Self.patience)
            var outcome = Trial.run(mutator.input(number))
            if number == 3, let provocation { provoke(provocation, &outcome) }
            if let complaint = outcome.complaint {
                say("input \(number): \(complaint)")
                Process.exitNow(Self.complaintCode)
            }
            unsafe slots[(outcome.isAccepted ? Slot.accepted : .refused).rawValue] += 1
            unsafe slots[Slot.plans.rawValue] += UInt64(outcome.plans)
        }
        var usage = rusage()
        _ = unsafe getrusage(RUSAGE_SELF, &usage)
        let largest = UInt64(clamping: usage.ru_maxrss)
        unsafe slots[Slot.largest.rawValue] = max(slots[Slot.largest.rawValue], largest)
        Process.exitNow(0)
    }

    private func provoke(_ provocation: Provocation, _ outcome: inout Trial.Outcome) {
        switch provocation {
        case .trap:
            var number = UInt8(clamping: mutator.corpus.texts.count)
            while number > 0 { number += 1 }
        case .hang:
            alarm(1)
            while true { pause() }
        case .memory:
            let more = [UInt8](repeating: 1, count: Int(clamping: Self.memory))
            outcome.plans += Int(more[more.count / 2])
        case .complaint:
            outcome.complaint = "provoked"
        }
    }

    /// Tells which input was bad, how, and how it is had again.
    private func report(_ number: UInt64, _ status: ExitStatus) {
        let input = mutator.input(number)
        let path = "martlet-fuzz-\(mutator.seed)-\(number).json"
        let how = status == .exited(Self.complaintCode) ? "see above" : "ended with \(status)"
        say("bad input \(number) of seed \(mutator.seed) (\(input.count) bytes, \(how)):")
        let shown = input.prefix(4096).map { byte in
            (0x20..<0x7f).contains(byte)
                ? String(Unicode.Scalar(byte)) : "\\x" + String(byte, radix: 16)
        }
        say(shown.joined() + (input.count > 4096 ? "…" : ""))
        do throws(SystemCallError) {
            try File.write(
                input, to: File.open(path, [.writeOnly, .create], permissions: 0o644).number)
            say("written to \(path); again: \(command) --seed \(mutator.seed) --only \(number)")
        } catch {
            say("again: \(command) --seed \(mutator.seed) --only \(number)")
        }
    }
}

/// Writes a line at once: no buffer may be copied into a child.
func say(_ line: String) { try? File.write(Array("\(line)\n".utf8), to: 1) }
