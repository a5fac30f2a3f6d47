// SPDX-License-Identifier: Apache-2.0

/// From the files of v1's controllers (admin-guide/cgroup-v1).
extension Statistics {
    /// `cpuacct`.
    package mutating func readLegacyAccounting(_ read: ReadFile) throws(CgroupError) {
        cpu.total = KernelText.number(try read("cpuacct.usage"))
        cpu.user = KernelText.number(try read("cpuacct.usage_user"))
        cpu.kernel = KernelText.number(try read("cpuacct.usage_sys"))
        cpu.perProcessor = KernelText.numbers(try read("cpuacct.usage_percpu"))
        // A heading, then a line for each processor: its number, user, system.
        for line in (try read("cpuacct.usage_all") ?? "").split(separator: "\n").dropFirst() {
            let fields = line.split(separator: " ").map { UInt64($0) ?? 0 }
            guard fields.count == 3 else { continue }
            cpu.perProcessorUser.append(fields[1])
            cpu.perProcessorKernel.append(fields[2])
        }
    }

    /// `cpu`.
    package mutating func readLegacyBandwidth(_ read: ReadFile) throws(CgroupError) {
        let counts = KernelText.pairs(try read("cpu.stat"))
        cpu.periods = counts["nr_periods"] ?? 0
        cpu.throttledPeriods = counts["nr_throttled"] ?? 0
        cpu.throttledTime = counts["throttled_time"] ?? 0
    }

    /// `cpuset`.
    package mutating func readLegacyCPUSet(_ read: ReadFile) throws(CgroupError) {
        func number(_ file: String) throws(CgroupError) -> UInt64 {
            KernelText.number(try read("cpuset.\(file)"))
        }
        cpuset.processors = KernelText.list(try read("cpuset.cpus"))
        cpuset.memoryNodes = KernelText.list(try read("cpuset.mems"))
        cpuset.cpuExclusive = try number("cpu_exclusive")
        cpuset.memHardwall = try number("mem_hardwall")
        cpuset.memExclusive = try number("mem_exclusive")
        cpuset.memoryMigrate = try number("memory_migrate")
        cpuset.memorySpreadPage = try number("memory_spread_page")
        cpuset.memorySpreadSlab = try number("memory_spread_slab")
        cpuset.memoryPressure = try number("memory_pressure")
        cpuset.schedLoadBalance = try number("sched_load_balance")
        let level = words(of: try read("cpuset.sched_relax_domain_level") ?? "").first
        cpuset.schedRelaxDomainLevel = level.flatMap { Int64($0) } ?? 0
    }

    /// `memory`.
    package mutating func readLegacyMemory(_ read: ReadFile) throws(CgroupError) {
        memory.details = KernelText.pairs(try read("memory.stat"))
        memory.cache = memory.details["cache"] ?? 0
        memory.usage = try Self.legacyUsage("memory", read)
        memory.swap = try Self.legacyUsage("memory.memsw", read)
        memory.kernel = try Self.legacyUsage("memory.kmem", read)
        memory.kernelTCP = try Self.legacyUsage("memory.kmem.tcp", read)
        memory.kills = KernelText.pairs(try read("memory.oom_control"))["oom_kill"] ?? 0
    }

    private static func legacyUsage(_ prefix: String, _ read: ReadFile) throws(CgroupError)
        -> Memory.Usage
    {
        var usage = Memory.Usage()
        usage.limit = KernelText.number(try read("\(prefix).limit_in_bytes"))
        usage.usage = KernelText.number(try read("\(prefix).usage_in_bytes"))
        usage.peak = KernelText.number(try read("\(prefix).max_usage_in_bytes"))
        usage.failures = KernelText.number(try read("\(prefix).failcnt"))
        return usage
    }

    /// `pids`, which has the same files in v2.
    package mutating func readPids(_ read: ReadFile) throws(CgroupError) {
        pids.current = KernelText.number(try read("pids.current"))
        let limit = KernelText.number(try read("pids.max"))
        pids.limit = limit == .max ? 0 : limit
    }

    /// `blkio`: the scheduler counts, CFQ up to Linux 5.0 or BFQ; else throttling does.
    package mutating func readLegacyBlockIO(_ read: ReadFile) throws(CgroupError) {
        func entries(_ names: [String]) throws(CgroupError) -> [BlockIO.Entry] {
            for name in names {
                let entries = KernelText.devices(try read("blkio.\(name)"))
                if !entries.isEmpty { return entries }
            }
            return []
        }
        func scheduled(_ name: String) throws(CgroupError) -> [BlockIO.Entry] {
            try entries(["\(name)_recursive", "bfq.\(name)_recursive"])
        }
        blockIO.serviceBytes = try entries([
            "io_service_bytes_recursive", "bfq.io_service_bytes_recursive",
            "throttle.io_service_bytes_recursive", "throttle.io_service_bytes",
        ])
        blockIO.serviced = try entries([
            "io_serviced_recursive", "bfq.io_serviced_recursive",
            "throttle.io_serviced_recursive", "throttle.io_serviced",
        ])
        blockIO.queued = try scheduled("io_queued")
        blockIO.serviceTime = try scheduled("io_service_time")
        blockIO.waitTime = try scheduled("io_wait_time")
        blockIO.merged = try scheduled("io_merged")
        blockIO.time = try scheduled("time")
        blockIO.sectors = try scheduled("sectors")
    }

    /// `hugetlb`, of some page sizes.
    package mutating func readLegacyHugetlb(_ sizes: [String], _ read: ReadFile)
        throws(CgroupError)
    {
        for size in sizes {
            // Reservations are counted apart from Linux 5.7 on, and are what limits hold.
            let reserved = "hugetlb.\(size).rsvd"
            let hasReserved = try read("\(reserved).usage_in_bytes") != nil
            let prefix = hasReserved ? reserved : "hugetlb.\(size)"
            var pages = Hugetlb()
            pages.usage = KernelText.number(try read("\(prefix).usage_in_bytes"))
            pages.peak = KernelText.number(try read("\(prefix).max_usage_in_bytes"))
            pages.failures = KernelText.number(try read("\(prefix).failcnt"))
            hugetlb[size] = pages
        }
    }
}
