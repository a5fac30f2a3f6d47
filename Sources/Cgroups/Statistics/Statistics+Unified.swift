// SPDX-License-Identifier: Apache-2.0

/// From the files of cgroup2 (admin-guide/cgroup-v2.rst).
extension Statistics {
    /// `cpu.stat`, which is there without the controller too; its times are in microseconds.
    package mutating func readUnifiedCPU(_ read: ReadFile) throws(CgroupError) {
        let counts = KernelText.pairs(try read("cpu.stat"))
        func nanoseconds(_ key: String) -> UInt64 {
            (counts[key] ?? 0).multipliedReportingOverflow(by: 1000).partialValue
        }
        cpu.total = nanoseconds("usage_usec")
        cpu.user = nanoseconds("user_usec")
        cpu.kernel = nanoseconds("system_usec")
        cpu.periods = counts["nr_periods"] ?? 0
        cpu.throttledPeriods = counts["nr_throttled"] ?? 0
        cpu.throttledTime = nanoseconds("throttled_usec")
        cpu.pressure = KernelText.pressure(try read("cpu.pressure"))
    }

    /// What the container is given, by its own setting or by those above.
    package mutating func readUnifiedCPUSet(_ read: ReadFile) throws(CgroupError) {
        cpuset.processors = KernelText.list(try read("cpuset.cpus.effective"))
        cpuset.memoryNodes = KernelText.list(try read("cpuset.mems.effective"))
    }

    package mutating func readUnifiedMemory(_ read: ReadFile) throws(CgroupError) {
        let events = KernelText.pairs(try read("memory.events"))
        memory.kills = events["oom_kill"] ?? 0
        memory.pressure = KernelText.pressure(try read("memory.pressure"))
        memory.details = KernelText.pairs(try read("memory.stat"))
        memory.cache = memory.details["file"] ?? 0
        guard let current = try read("memory.current") else { return }
        memory.usage.usage = KernelText.number(current)
        memory.usage.limit = KernelText.number(try read("memory.max"))
        memory.usage.peak = KernelText.number(try read("memory.peak"))
        memory.usage.failures = events["max"] ?? 0
        memory.kernel.usage = memory.details["kernel"] ?? 0
        // cgroup2 counts swap alone, and v1, whose form this is, memory and swap together.
        func sum(_ one: UInt64, _ other: UInt64) -> UInt64 {
            let (sum, isOver) = one.addingReportingOverflow(other)
            return isOver ? .max : sum
        }
        memory.swap.usage = sum(
            memory.usage.usage, KernelText.number(try read("memory.swap.current")))
        memory.swap.limit = sum(
            memory.usage.limit, KernelText.number(try read("memory.swap.max")))
        memory.swap.failures = KernelText.pairs(try read("memory.swap.events"))["max"] ?? 0
    }

    /// `8:0 rbytes=4096 wbytes=0 rios=1 wios=0 dbytes=0 dios=0`
    package mutating func readUnifiedBlockIO(_ read: ReadFile) throws(CgroupError) {
        blockIO.pressure = KernelText.pressure(try read("io.pressure"))
        for line in (try read("io.stat") ?? "").split(separator: "\n") {
            let fields = line.split(separator: " ")
            guard let first = fields.first, let device = KernelText.device(first) else { continue }
            for field in fields.dropFirst() {
                let parts = field.split(separator: "=")
                guard parts.count == 2, let value = UInt64(parts[1]) else { continue }
                func entry(_ operation: String) -> BlockIO.Entry {
                    .init(device.major, device.minor, operation, value)
                }
                switch parts[0] {
                case "rbytes": blockIO.serviceBytes.append(entry("Read"))
                case "wbytes": blockIO.serviceBytes.append(entry("Write"))
                case "dbytes": blockIO.serviceBytes.append(entry("Discard"))
                case "rios": blockIO.serviced.append(entry("Read"))
                case "wios": blockIO.serviced.append(entry("Write"))
                case "dios": blockIO.serviced.append(entry("Discard"))
                default: continue
                }
            }
        }
    }

    package mutating func readUnifiedHugetlb(_ sizes: [String], _ read: ReadFile)
        throws(CgroupError)
    {
        for size in sizes {
            let hasReserved = try read("hugetlb.\(size).rsvd.current") != nil
            var pages = Hugetlb()
            pages.usage = KernelText.number(
                try read("hugetlb.\(size)\(hasReserved ? ".rsvd" : "").current"))
            pages.failures =
                KernelText.pairs(try read("hugetlb.\(size).events"))["max"] ?? 0
            hugetlb[size] = pages
        }
    }
}
