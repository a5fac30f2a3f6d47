// SPDX-License-Identifier: Apache-2.0

package import Protobuf

/// The statistics of cgroup v1: `io.containerd.cgroups.v1`.
package enum LegacyMetrics {
    /// `io.containerd.cgroups.v1.Metrics`.
    package struct Metrics: Message {
        package var hugetlb: [HugePages] = []
        package var pids: Pids?
        package var cpu: CPU?
        package var memory: Memory?
        package var blockIO: BlockIO?
        package var outOfMemory: OutOfMemory?

        package init() {}

        package mutating func visit(_ fields: inout Fields) {
            fields.visit(1, &hugetlb)
            fields.visit(2, &pids)
            fields.visit(3, &cpu)
            fields.visit(4, &memory)
            fields.visit(5, &blockIO)
            fields.visit(9, &outOfMemory)
        }
    }

    /// Of one page size.
    package struct HugePages: Message {
        package var usage: UInt64 = 0
        package var max: UInt64 = 0
        package var failures: UInt64 = 0
        package var pageSize = ""

        package init() {}

        package mutating func visit(_ fields: inout Fields) {
            fields.visit(1, &usage)
            fields.visit(2, &max)
            fields.visit(3, &failures)
            fields.visit(4, &pageSize)
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

    /// Processor time.
    package struct CPU: Message {
        package var usage: CPUUsage?
        package var throttling: Throttling?

        package init() {}

        package mutating func visit(_ fields: inout Fields) {
            fields.visit(1, &usage)
            fields.visit(2, &throttling)
        }
    }

    /// In nanoseconds.
    package struct CPUUsage: Message {
        package var total: UInt64 = 0
        package var kernel: UInt64 = 0
        package var user: UInt64 = 0
        package var perCPU: [UInt64] = []

        package init() {}

        package mutating func visit(_ fields: inout Fields) {
            fields.visit(1, &total)
            fields.visit(2, &kernel)
            fields.visit(3, &user)
            fields.visit(4, &perCPU)
        }
    }

    /// What a quota did.
    package struct Throttling: Message {
        package var periods: UInt64 = 0
        package var throttledPeriods: UInt64 = 0
        package var throttledTime: UInt64 = 0

        package init() {}

        package mutating func visit(_ fields: inout Fields) {
            fields.visit(1, &periods)
            fields.visit(2, &throttledPeriods)
            fields.visit(3, &throttledTime)
        }
    }

    /// One kind of memory.
    package struct MemoryEntry: Message {
        package var limit: UInt64 = 0
        package var usage: UInt64 = 0
        package var max: UInt64 = 0
        package var failures: UInt64 = 0

        package init() {}

        package mutating func visit(_ fields: inout Fields) {
            fields.visit(1, &limit)
            fields.visit(2, &usage)
            fields.visit(3, &max)
            fields.visit(4, &failures)
        }
    }

    /// Memory: the kernel's own numbers, and what it limits.
    package struct Memory: Message {
        /// Fields 1 to 32, in the order of ``keys``.
        package var counters = [UInt64](repeating: 0, count: Memory.keys.count)
        package var usage: MemoryEntry?
        package var swap: MemoryEntry?
        package var kernel: MemoryEntry?
        package var kernelTCP: MemoryEntry?

        /// What memory.stat calls the fields.
        package static let keys = [
            "cache", "rss", "rss_huge", "mapped_file", "dirty", "writeback", "pgpgin",
            "pgpgout", "pgfault", "pgmajfault", "inactive_anon", "active_anon",
            "inactive_file", "active_file", "unevictable", "hierarchical_memory_limit",
            "hierarchical_memsw_limit", "total_cache", "total_rss", "total_rss_huge",
            "total_mapped_file", "total_dirty", "total_writeback", "total_pgpgin",
            "total_pgpgout", "total_pgfault", "total_pgmajfault", "total_inactive_anon",
            "total_active_anon", "total_inactive_file", "total_active_file",
            "total_unevictable",
        ]

        package init() {}

        package mutating func visit(_ fields: inout Fields) {
            for index in counters.indices { fields.visit(index + 1, &counters[index]) }
            fields.visit(33, &usage)
            fields.visit(34, &swap)
            fields.visit(35, &kernel)
            fields.visit(36, &kernelTCP)
        }
    }

    /// What is done when there is no memory left.
    package struct OutOfMemory: Message {
        package var killDisabled: UInt64 = 0
        package var isOutOfMemory: UInt64 = 0
        package var kills: UInt64 = 0

        package init() {}

        package mutating func visit(_ fields: inout Fields) {
            fields.visit(1, &killDisabled)
            fields.visit(2, &isOutOfMemory)
            fields.visit(3, &kills)
        }
    }

    /// Transfers, by device and kind.
    package struct BlockIO: Message {
        package var serviceBytes: [BlockIOEntry] = []
        package var serviced: [BlockIOEntry] = []
        package var queued: [BlockIOEntry] = []
        package var serviceTime: [BlockIOEntry] = []
        package var waitTime: [BlockIOEntry] = []
        package var merged: [BlockIOEntry] = []
        package var time: [BlockIOEntry] = []
        package var sectors: [BlockIOEntry] = []

        package init() {}

        package mutating func visit(_ fields: inout Fields) {
            fields.visit(1, &serviceBytes)
            fields.visit(2, &serviced)
            fields.visit(3, &queued)
            fields.visit(4, &serviceTime)
            fields.visit(5, &waitTime)
            fields.visit(6, &merged)
            fields.visit(7, &time)
            fields.visit(8, &sectors)
        }
    }

    /// One number of one device.
    package struct BlockIOEntry: Message {
        package var operation = ""
        package var device = ""
        package var major: UInt64 = 0
        package var minor: UInt64 = 0
        package var value: UInt64 = 0

        package init() {}

        package mutating func visit(_ fields: inout Fields) {
            fields.visit(1, &operation)
            fields.visit(2, &device)
            fields.visit(3, &major)
            fields.visit(4, &minor)
            fields.visit(5, &value)
        }
    }
}
