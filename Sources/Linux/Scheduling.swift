// SPDX-License-Identifier: Apache-2.0

internal import CLinux

/// How the kernel gives a process its turn: what sched_setattr(2) takes.
package struct SchedulingAttributes: Equatable, Sendable {
    /// The SCHED_ policies.
    package enum Policy: Sendable {
        case other, fifo, roundRobin, batch, iso, idle, deadline

        var number: UInt32 {
            switch self {
            case .other: UInt32(SCHED_NORMAL)
            case .fifo: UInt32(SCHED_FIFO)
            case .roundRobin: UInt32(SCHED_RR)
            case .batch: UInt32(SCHED_BATCH)
            case .iso: UInt32(SCHED_ISO)
            case .idle: UInt32(SCHED_IDLE)
            case .deadline: UInt32(SCHED_DEADLINE)
            }
        }
    }

    /// The SCHED_FLAG words.
    package struct Flags: FlagSet, Sendable {
        package let rawValue: UInt64
        package init(rawValue: UInt64) { self.rawValue = rawValue }

        package static var resetOnFork: Flags { Flags(rawValue: UInt64(SCHED_FLAG_RESET_ON_FORK)) }
        package static var reclaim: Flags { Flags(rawValue: UInt64(SCHED_FLAG_RECLAIM)) }
        package static var deadlineOverrun: Flags { Flags(rawValue: UInt64(SCHED_FLAG_DL_OVERRUN)) }
        package static var keepPolicy: Flags { Flags(rawValue: UInt64(SCHED_FLAG_KEEP_POLICY)) }
        package static var keepParameters: Flags { Flags(rawValue: UInt64(SCHED_FLAG_KEEP_PARAMS)) }
        package static var clampMinimum: Flags {
            Flags(rawValue: UInt64(SCHED_FLAG_UTIL_CLAMP_MIN))
        }
        package static var clampMaximum: Flags {
            Flags(rawValue: UInt64(SCHED_FLAG_UTIL_CLAMP_MAX))
        }
    }

    package var policy: Policy
    package var flags: Flags = []
    /// -20, the highest, to 19.
    package var nice: Int32 = 0
    /// 1 to 99 for the real-time policies, else 0.
    package var priority: UInt32 = 0
    /// Nanoseconds.
    package var runtime: UInt64 = 0
    /// Nanoseconds.
    package var deadline: UInt64 = 0
    /// Nanoseconds.
    package var period: UInt64 = 0

    package init(_ policy: Policy) { self.policy = policy }
}

/// The classes of ioprio_set(2).
package enum IOPriorityClass: Sendable {
    case realtime, bestEffort, idle

    var number: CInt {
        switch self {
        case .realtime: CInt(IOPRIO_CLASS_RT)
        case .bestEffort: CInt(IOPRIO_CLASS_BE)
        case .idle: CInt(IOPRIO_CLASS_IDLE)
        }
    }
}

/// Where the kernel takes memory from: what set_mempolicy(2) takes.
package struct MemoryPlacement: Equatable, Sendable {
    /// The MPOL_ modes.
    package enum Mode: Sendable {
        case `default`, preferred, bind, interleave, local, preferredMany, weightedInterleave

        var number: CInt {
            switch self {
            case .default: CInt(MPOL_DEFAULT)
            case .preferred: CInt(MPOL_PREFERRED)
            case .bind: CInt(MPOL_BIND)
            case .interleave: CInt(MPOL_INTERLEAVE)
            case .local: CInt(MPOL_LOCAL)
            case .preferredMany: CInt(MPOL_PREFERRED_MANY)
            case .weightedInterleave: CLINUX_MPOL_WEIGHTED_INTERLEAVE
            }
        }
    }

    /// The MPOL_F words that go with a mode.
    package struct Flags: FlagSet, Sendable {
        package let rawValue: CInt
        package init(rawValue: CInt) { self.rawValue = rawValue }

        package static var staticNodes: Flags { Flags(rawValue: CInt(MPOL_F_STATIC_NODES)) }
        package static var relativeNodes: Flags { Flags(rawValue: CInt(MPOL_F_RELATIVE_NODES)) }
        package static var numaBalancing: Flags { Flags(rawValue: CInt(MPOL_F_NUMA_BALANCING)) }
    }

    package var mode: Mode
    package var flags: Flags = []
    /// Numbers of memory nodes.
    package private(set) var mask: [UInt] = []

    /// How many nodes a mask can name: one page of it (get_nodes in the kernel's mempolicy.c).
    package static var nodeLimit: UInt32 { 4096 * 8 }

    package init(_ mode: Mode) { self.mode = mode }

    /// Adds a node, if its number is below the limit.
    package mutating func insert(node: UInt32) {
        guard node < Self.nodeLimit else { return }
        let (word, bit) = Int(node).quotientAndRemainder(dividingBy: UInt.bitWidth)
        while mask.count <= word { mask.append(0) }
        mask[word] |= 1 << UInt(bit)
    }
}

/// Processors by their numbers: what sched_setaffinity(2) takes.
package struct ProcessorSet: Equatable, Sendable {
    fileprivate(set) var mask: [UInt] = []

    /// More than any kernel can have (NR_CPUS).
    package static var limit: UInt32 { 1 << 15 }

    package init() {}

    /// Adds a processor, if its number is below the limit.
    package mutating func insert(_ processor: UInt32) {
        guard processor < Self.limit else { return }
        let (word, bit) = Int(processor).quotientAndRemainder(dividingBy: UInt.bitWidth)
        while mask.count <= word { mask.append(0) }
        mask[word] |= 1 << UInt(bit)
    }
}

extension Process {
    /// Where a process may run; 0 is the caller. The system call is `sched_setaffinity(2)`.
    package static func setProcessors(_ processors: ProcessorSet, of pid: Int32 = 0)
        throws(SystemCallError)
    {
        _ = try check("sched_setaffinity") {
            unsafe processors.mask.withUnsafeBufferPointer { words in
                unsafe clinux_sched_setaffinity(
                    pid, words.count * MemoryLayout<UInt>.size, words.baseAddress)
            }
        }
    }

    /// Where a process may run; 0 is the caller. The system call is `sched_getaffinity(2)`.
    package static func processors(of pid: Int32 = 0) throws(SystemCallError) -> ProcessorSet {
        var set = ProcessorSet()
        set.mask = [UInt](repeating: 0, count: Int(ProcessorSet.limit) / UInt.bitWidth)
        let size = try check("sched_getaffinity") {
            unsafe set.mask.withUnsafeMutableBufferPointer { words in
                unsafe clinux_sched_getaffinity(
                    pid, words.count * MemoryLayout<UInt>.size, words.baseAddress)
            }
        }
        set.mask.removeLast(set.mask.count - Int(size) / MemoryLayout<UInt>.size)
        // As a set is that was made by numbers.
        while set.mask.last == 0 { set.mask.removeLast() }
        return set
    }

    /// Sets policy, flags and parameters of a process; 0 is the caller. The system call is
    /// `sched_setattr(2)`.
    package static func setScheduling(_ attributes: SchedulingAttributes, of pid: Int32 = 0)
        throws(SystemCallError)
    {
        var raw = clinux_sched_attr()
        raw.policy = attributes.policy.number
        raw.flags = attributes.flags.rawValue
        raw.nice = attributes.nice
        raw.priority = attributes.priority
        raw.runtime = attributes.runtime
        raw.deadline = attributes.deadline
        raw.period = attributes.period
        _ = try check("sched_setattr") { unsafe clinux_sched_setattr(pid, &raw) }
    }

    /// Sets the I/O priority of every process in a process group; 0 is the caller's. The system
    /// call is `ioprio_set(2)`, IOPRIO_WHO_PGRP.
    package static func setIOPriority(
        _ class: IOPriorityClass, level: UInt8, ofGroup group: Int32 = 0
    ) throws(SystemCallError) {
        _ = try check("ioprio_set") {
            clinux_ioprio_set_group(group, `class`.number, CInt(level))
        }
    }

    /// The I/O priority of a process; nil when there is no such process. The system call is
    /// `ioprio_get(2)`.
    package static func ioPriority(of pid: Int32) -> (class: Int32, level: Int32)? {
        let value = clinux_ioprio_get(pid)
        if value == -1 { return nil }
        return (clinux_ioprio_class(value), clinux_ioprio_level(value))
    }

    /// The memory policy of the calling process, which its children and the program that it
    /// becomes inherit. The system call is `set_mempolicy(2)`.
    package static func setMemoryPolicy(_ placement: MemoryPlacement) throws(SystemCallError) {
        // The kernel takes one less than it is told (get_nodes in its mempolicy.c).
        let bits = placement.mask.count * UInt.bitWidth + 1
        let mode = placement.mode.number | placement.flags.rawValue
        _ = try check("set_mempolicy") {
            unsafe placement.mask.withUnsafeBufferPointer {
                unsafe clinux_set_mempolicy(mode, $0.baseAddress, CUnsignedLong(bits))
            }
        }
    }
}
