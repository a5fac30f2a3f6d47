// SPDX-License-Identifier: Apache-2.0

/// What a container's cgroups have counted, in one form for cgroup v1 and v2. Zero where the
/// kernel does not count, or the container is in no cgroup of that controller.
package struct Statistics: Equatable, Sendable {
    package var cpu = CPU()
    package var cpuset = CPUSet()
    package var memory = Memory()
    package var pids = Pids()
    package var blockIO = BlockIO()
    /// By the page size as the kernel spells it, such as `2MB`.
    package var hugetlb: [String: Hugetlb] = [:]

    package init() {}

    /// How long processes waited for something (accounting/psi.rst).
    package struct Pressure: Equatable, Sendable {
        /// The share of time over the last 10, 60 and 300 seconds in hundredths of a percent, and
        /// all of it in microseconds.
        package struct Line: Equatable, Sendable {
            package var average10: UInt64 = 0
            package var average60: UInt64 = 0
            package var average300: UInt64 = 0
            package var total: UInt64 = 0

            package init() {}
        }
        /// Some processes waited.
        package var some = Line()
        /// All of them did.
        package var full = Line()

        package init() {}
    }

    /// Times in nanoseconds.
    package struct CPU: Equatable, Sendable {
        package var total: UInt64 = 0
        package var user: UInt64 = 0
        package var kernel: UInt64 = 0
        /// By processor; v1 alone counts so.
        package var perProcessor: [UInt64] = []
        package var perProcessorUser: [UInt64] = []
        package var perProcessorKernel: [UInt64] = []
        /// Periods of a quota, those in which it was used up, and how long processes waited then.
        package var periods: UInt64 = 0
        package var throttledPeriods: UInt64 = 0
        package var throttledTime: UInt64 = 0
        package var pressure: Pressure?

        package init() {}
    }

    /// Where processes run; the switches are v1's.
    package struct CPUSet: Equatable, Sendable {
        package var processors: [UInt16] = []
        package var memoryNodes: [UInt16] = []
        package var cpuExclusive: UInt64 = 0
        package var memHardwall: UInt64 = 0
        package var memExclusive: UInt64 = 0
        package var memoryMigrate: UInt64 = 0
        package var memorySpreadPage: UInt64 = 0
        package var memorySpreadSlab: UInt64 = 0
        package var memoryPressure: UInt64 = 0
        package var schedLoadBalance: UInt64 = 0
        package var schedRelaxDomainLevel: Int64 = 0

        package init() {}
    }

    /// Sizes in bytes.
    package struct Memory: Equatable, Sendable {
        /// One kind of memory.
        package struct Usage: Equatable, Sendable {
            /// The largest number when there is no limit.
            package var limit: UInt64 = 0
            package var usage: UInt64 = 0
            /// The most that there ever was.
            package var peak: UInt64 = 0
            /// How often the limit was met.
            package var failures: UInt64 = 0

            package init() {}
        }
        package var cache: UInt64 = 0
        package var usage = Usage()
        /// Memory and swap together.
        package var swap = Usage()
        package var kernel = Usage()
        package var kernelTCP = Usage()
        /// `memory.stat` as it is.
        package var details: [String: UInt64] = [:]
        package var pressure: Pressure?
        /// How many processes the kernel killed for want of memory.
        package var kills: UInt64 = 0

        package init() {}
    }

    package struct Pids: Equatable, Sendable {
        package var current: UInt64 = 0
        /// 0 when there is no limit.
        package var limit: UInt64 = 0

        package init() {}
    }

    /// Traffic with block devices.
    package struct BlockIO: Equatable, Sendable {
        /// One count of one device.
        package struct Entry: Equatable, Sendable {
            package var major: UInt64
            package var minor: UInt64
            /// What was done, such as `Read`; empty for a sum.
            package var operation: String
            package var value: UInt64

            package init(_ major: UInt64, _ minor: UInt64, _ operation: String, _ value: UInt64) {
                self.major = major
                self.minor = minor
                self.operation = operation
                self.value = value
            }
        }
        package var serviceBytes: [Entry] = []
        package var serviced: [Entry] = []
        package var queued: [Entry] = []
        package var serviceTime: [Entry] = []
        package var waitTime: [Entry] = []
        package var merged: [Entry] = []
        package var time: [Entry] = []
        package var sectors: [Entry] = []
        package var pressure: Pressure?

        package init() {}
    }

    /// Bytes in pages of one size.
    package struct Hugetlb: Equatable, Sendable {
        package var usage: UInt64 = 0
        /// The most that there ever was; v1 alone counts it.
        package var peak: UInt64 = 0
        package var failures: UInt64 = 0

        package init() {}
    }
}

/// Reads one file of a cgroup; nil when there is none.
package typealias ReadFile = (String) throws(CgroupError) -> String?
