// SPDX-License-Identifier: Apache-2.0

internal import Linux

extension LegacyMetrics.Metrics {
    /// What the kernel counts in v1 cgroups.
    ///
    /// - Parameter places: the directory of each controller's cgroup.
    init(readingFrom places: [String: String]) {
        self.init()
        func files(_ controller: String) -> CgroupFiles? {
            places[controller].map { CgroupFiles(directory: $0) }
        }
        if let files = files("hugetlb") { hugetlb = Self.hugePages(files) }
        if let files = files("pids") { pids = Self.pids(files) }
        cpu = Self.cpu(usage: files("cpuacct"), quota: files("cpu"))
        if let files = files("memory") {
            memory = Self.memory(files)
            outOfMemory = Self.outOfMemory(files)
        }
        if let files = files("blkio") { blockIO = Self.blockIO(files) }
    }

    private static func hugePages(_ files: CgroupFiles) -> [LegacyMetrics.HugePages] {
        CgroupFiles.hugePageSizes.compactMap { size -> LegacyMetrics.HugePages? in
            guard let usage = files.number("hugetlb.\(size).usage_in_bytes") else { return nil }
            var pages = LegacyMetrics.HugePages()
            pages.usage = usage
            pages.max = files.number("hugetlb.\(size).max_usage_in_bytes") ?? 0
            pages.failures = files.number("hugetlb.\(size).failcnt") ?? 0
            pages.pageSize = size
            return pages
        }
    }

    private static func pids(_ files: CgroupFiles) -> LegacyMetrics.Pids? {
        guard let current = files.number("pids.current") else { return nil }
        var pids = LegacyMetrics.Pids()
        pids.current = current
        let limit = files.number("pids.max") ?? .max
        // No limit is 0 here, unlike in v2's message.
        pids.limit = limit == .max ? 0 : limit
        return pids
    }

    private static func cpu(usage files: CgroupFiles?, quota: CgroupFiles?) -> LegacyMetrics.CPU? {
        guard files != nil || quota != nil else { return nil }
        var cpu = LegacyMetrics.CPU()
        if let files {
            var usage = LegacyMetrics.CPUUsage()
            usage.total = files.number("cpuacct.usage") ?? 0
            let times = files.table("cpuacct.stat")
            // In hundredths of a second, whatever the kernel's own tick (USER_HZ).
            usage.user =
                (times["user"] ?? 0).multipliedReportingOverflow(by: 10_000_000)
                .partialValue
            usage.kernel =
                (times["system"] ?? 0).multipliedReportingOverflow(by: 10_000_000)
                .partialValue
            let each = files.text("cpuacct.usage_percpu") ?? ""
            usage.perCPU = each.split(whereSeparator: { $0 == " " || $0 == "\n" }).compactMap {
                UInt64($0)
            }
            cpu.usage = usage
        }
        if let quota {
            let table = quota.table("cpu.stat")
            var throttling = LegacyMetrics.Throttling()
            throttling.periods = table["nr_periods"] ?? 0
            throttling.throttledPeriods = table["nr_throttled"] ?? 0
            throttling.throttledTime = table["throttled_time"] ?? 0
            cpu.throttling = throttling
        }
        return cpu
    }

    private static func memory(_ files: CgroupFiles) -> LegacyMetrics.Memory {
        var memory = LegacyMetrics.Memory()
        let table = files.table("memory.stat")
        for (index, key) in LegacyMetrics.Memory.keys.enumerated() {
            memory.counters[index] = table[key[...]] ?? 0
        }
        func entry(_ prefix: String) -> LegacyMetrics.MemoryEntry? {
            guard let usage = files.number("memory.\(prefix)usage_in_bytes") else { return nil }
            var entry = LegacyMetrics.MemoryEntry()
            entry.usage = usage
            entry.max = files.number("memory.\(prefix)max_usage_in_bytes") ?? 0
            entry.failures = files.number("memory.\(prefix)failcnt") ?? 0
            entry.limit = files.number("memory.\(prefix)limit_in_bytes") ?? 0
            return entry
        }
        memory.usage = entry("")
        memory.swap = entry("memsw.")
        memory.kernel = entry("kmem.")
        memory.kernelTCP = entry("kmem.tcp.")
        return memory
    }

    private static func outOfMemory(_ files: CgroupFiles) -> LegacyMetrics.OutOfMemory {
        let table = files.table("memory.oom_control")
        var control = LegacyMetrics.OutOfMemory()
        control.killDisabled = table["oom_kill_disable"] ?? 0
        control.isOutOfMemory = table["under_oom"] ?? 0
        control.kills = table["oom_kill"] ?? 0
        return control
    }

    private static func blockIO(_ files: CgroupFiles) -> LegacyMetrics.BlockIO {
        let devices = deviceNames()
        func entries(_ names: String...) -> [LegacyMetrics.BlockIOEntry] {
            for name in names {
                let text = files.text(name) ?? ""
                let entries = text.split(separator: "\n").compactMap {
                    Self.entry($0, devices)
                }
                if !entries.isEmpty { return entries }
            }
            return []
        }
        var blockIO = LegacyMetrics.BlockIO()
        // What bfq counts, or else what throttling does, which every disk has.
        blockIO.serviceBytes = entries(
            "blkio.bfq.io_service_bytes_recursive", "blkio.throttle.io_service_bytes_recursive",
            "blkio.throttle.io_service_bytes")
        blockIO.serviced = entries(
            "blkio.bfq.io_serviced_recursive", "blkio.throttle.io_serviced_recursive",
            "blkio.throttle.io_serviced")
        blockIO.queued = entries("blkio.bfq.io_queued_recursive")
        blockIO.serviceTime = entries("blkio.bfq.io_service_time_recursive")
        blockIO.waitTime = entries("blkio.bfq.io_wait_time_recursive")
        blockIO.merged = entries("blkio.bfq.io_merged_recursive")
        blockIO.time = entries("blkio.bfq.time_recursive")
        blockIO.sectors = entries("blkio.bfq.sectors_recursive")
        return blockIO
    }

    /// `8:0 Read 4096`, or `8:0 4096`; the line `Total 4096` is of no device.
    private static func entry(_ line: Substring, _ devices: [Substring: Substring])
        -> LegacyMetrics.BlockIOEntry?
    {
        let fields = line.split(separator: " ")
        guard fields.count == 2 || fields.count == 3, let value = UInt64(fields[fields.count - 1])
        else { return nil }
        let numbers = fields[0].split(separator: ":")
        guard numbers.count == 2, let major = UInt64(numbers[0]), let minor = UInt64(numbers[1])
        else { return nil }
        var entry = LegacyMetrics.BlockIOEntry()
        entry.operation = fields.count == 3 ? String(fields[1]) : ""
        entry.device = devices[fields[0]].map { "/dev/\($0)" } ?? ""
        entry.major = major
        entry.minor = minor
        entry.value = value
        return entry
    }

    /// The names of block devices by `MAJOR:MINOR`.
    private static func deviceNames() -> [Substring: Substring] {
        guard let text = try? File.readText("/proc/partitions") else { return [:] }
        var names: [Substring: Substring] = [:]
        for line in text.split(separator: "\n") {
            let fields = line.split(separator: " ")
            if fields.count == 4 { names["\(fields[0]):\(fields[1])"] = fields[3] }
        }
        return names
    }
}
