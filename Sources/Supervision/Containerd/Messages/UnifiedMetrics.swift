// SPDX-License-Identifier: Apache-2.0

package import Protobuf

/// The statistics of cgroup v2: `io.containerd.cgroups.v2`.
package enum UnifiedMetrics {
    /// `io.containerd.cgroups.v2.Metrics`.
    package struct Metrics: Message {
        package var pids: Pids?
        package var cpu: CPU?
        package var memory: Memory?
        package var rdma: RDMA?
        package var io: IO?
        package var hugetlb: [HugePages] = []
        package var memoryEvents: MemoryEvents?

        package init() {}

        package mutating func visit(_ fields: inout Fields) {
            fields.visit(1, &pids)
            fields.visit(2, &cpu)
            fields.visit(4, &memory)
            fields.visit(5, &rdma)
            fields.visit(6, &io)
            fields.visit(7, &hugetlb)
            fields.visit(8, &memoryEvents)
        }
    }

    /// How much of the time somebody, or everybody, waited.
    package struct PressureLine: Message {
        package var average10: Double = 0
        package var average60: Double = 0
        package var average300: Double = 0
        package var total: UInt64 = 0

        package init() {}

        package mutating func visit(_ fields: inout Fields) {
            fields.visit(1, &average10)
            fields.visit(2, &average60)
            fields.visit(3, &average300)
            fields.visit(4, &total)
        }
    }

    /// How much was waited for one resource.
    package struct Pressure: Message {
        package var some: PressureLine?
        package var full: PressureLine?

        package init() {}

        package mutating func visit(_ fields: inout Fields) {
            fields.visit(1, &some)
            fields.visit(2, &full)
        }
    }

    /// How many tasks there are, and may be.
    package struct Pids: Message {
        package var current: UInt64 = 0
        package var limit: UInt64 = 0

        package init() {}

        package mutating func visit(_ fields: inout Fields) {
            fields.visit(1, &current)
            fields.visit(2, &limit)
        }
    }

    /// Processor time, in microseconds.
    package struct CPU: Message {
        package var usage: UInt64 = 0
        package var user: UInt64 = 0
        package var system: UInt64 = 0
        package var periods: UInt64 = 0
        package var throttled: UInt64 = 0
        package var throttledTime: UInt64 = 0
        package var pressure: Pressure?
        package var bursts: UInt64 = 0
        package var burstTime: UInt64 = 0

        package init() {}

        package mutating func visit(_ fields: inout Fields) {
            fields.visit(1, &usage)
            fields.visit(2, &user)
            fields.visit(3, &system)
            fields.visit(4, &periods)
            fields.visit(5, &throttled)
            fields.visit(6, &throttledTime)
            fields.visit(7, &pressure)
            fields.visit(8, &bursts)
            fields.visit(9, &burstTime)
        }
    }

    /// Memory: the kernel's own numbers, and what it limits.
    package struct Memory: Message {
        /// Fields 1 to 31, in the order of ``keys``.
        package var counters = [UInt64](repeating: 0, count: Memory.keys.count)
        package var usage: UInt64 = 0
        package var limit: UInt64 = 0
        package var swapUsage: UInt64 = 0
        package var swapLimit: UInt64 = 0
        package var peak: UInt64 = 0
        package var swapPeak: UInt64 = 0
        package var pressure: Pressure?
        /// Fields 39 to 42, in the order of ``laterKeys``.
        package var laterCounters = [UInt64](repeating: 0, count: Memory.laterKeys.count)

        /// What memory.stat calls the fields.
        package static let keys = [
            "anon", "file", "kernel_stack", "slab", "sock", "shmem", "file_mapped",
            "file_dirty", "file_writeback", "anon_thp", "inactive_anon", "active_anon",
            "inactive_file", "active_file", "unevictable", "slab_reclaimable",
            "slab_unreclaimable", "pgfault", "pgmajfault", "workingset_refault",
            "workingset_activate", "workingset_nodereclaim", "pgrefill", "pgscan",
            "pgsteal", "pgactivate", "pgdeactivate", "pglazyfree", "pglazyfreed",
            "thp_fault_alloc", "thp_collapse_alloc",
        ]

        /// What the kernel has had since 5.9 in place of two of them.
        package static let laterKeys = [
            "workingset_refault_anon", "workingset_refault_file", "workingset_activate_anon",
            "workingset_activate_file",
        ]

        package init() {}

        package mutating func visit(_ fields: inout Fields) {
            for index in counters.indices { fields.visit(index + 1, &counters[index]) }
            fields.visit(32, &usage)
            fields.visit(33, &limit)
            fields.visit(34, &swapUsage)
            fields.visit(35, &swapLimit)
            fields.visit(36, &peak)
            fields.visit(37, &swapPeak)
            fields.visit(38, &pressure)
            for index in laterCounters.indices { fields.visit(index + 39, &laterCounters[index]) }
        }
    }

    /// What limits of memory did.
    package struct MemoryEvents: Message {
        package var low: UInt64 = 0
        package var high: UInt64 = 0
        package var max: UInt64 = 0
        package var outOfMemory: UInt64 = 0
        package var kills: UInt64 = 0
        package var groupKills: UInt64 = 0

        package init() {}

        package mutating func visit(_ fields: inout Fields) {
            fields.visit(1, &low)
            fields.visit(2, &high)
            fields.visit(3, &max)
            fields.visit(4, &outOfMemory)
            fields.visit(5, &kills)
            fields.visit(6, &groupKills)
        }
    }

    /// What RDMA devices are used for, and may be.
    package struct RDMA: Message {
        package var current: [RDMAEntry] = []
        package var limit: [RDMAEntry] = []

        package init() {}

        package mutating func visit(_ fields: inout Fields) {
            fields.visit(1, &current)
            fields.visit(2, &limit)
        }
    }

    /// Of one device.
    package struct RDMAEntry: Message {
        package var device = ""
        package var handles: UInt32 = 0
        package var objects: UInt32 = 0

        package init() {}

        package mutating func visit(_ fields: inout Fields) {
            fields.visit(1, &device)
            fields.visit(2, &handles)
            fields.visit(3, &objects)
        }
    }

    /// Transfers, by device.
    package struct IO: Message {
        package var usage: [IOEntry] = []
        package var pressure: Pressure?

        package init() {}

        package mutating func visit(_ fields: inout Fields) {
            fields.visit(1, &usage)
            fields.visit(2, &pressure)
        }
    }

    /// Of one device.
    package struct IOEntry: Message {
        package var major: UInt64 = 0
        package var minor: UInt64 = 0
        package var readBytes: UInt64 = 0
        package var writtenBytes: UInt64 = 0
        package var reads: UInt64 = 0
        package var writes: UInt64 = 0

        package init() {}

        package mutating func visit(_ fields: inout Fields) {
            fields.visit(1, &major)
            fields.visit(2, &minor)
            fields.visit(3, &readBytes)
            fields.visit(4, &writtenBytes)
            fields.visit(5, &reads)
            fields.visit(6, &writes)
        }
    }

    /// Of one page size.
    package struct HugePages: Message {
        package var current: UInt64 = 0
        package var max: UInt64 = 0
        package var pageSize = ""
        package var failures: UInt64 = 0

        package init() {}

        package mutating func visit(_ fields: inout Fields) {
            fields.visit(1, &current)
            fields.visit(2, &max)
            fields.visit(3, &pageSize)
            fields.visit(4, &failures)
        }
    }
}
