// SPDX-License-Identifier: Apache-2.0

extension UnifiedMetrics.Metrics {
    /// What the kernel counts in a cgroup of v2.
    init(readingFrom directory: String) {
        self.init()
        let files = CgroupFiles(directory: directory)
        if let current = files.number("pids.current") {
            var pids = UnifiedMetrics.Pids()
            pids.current = current
            pids.limit = files.number("pids.max") ?? 0
            self.pids = pids
        }
        cpu = Self.cpu(files)
        memory = Self.memory(files)
        memoryEvents = Self.memoryEvents(files)
        io = Self.transfers(files)
        rdma = Self.rdma(files)
        hugetlb = Self.hugePages(files)
    }

    private static func cpu(_ files: CgroupFiles) -> UnifiedMetrics.CPU {
        let table = files.table("cpu.stat")
        var cpu = UnifiedMetrics.CPU()
        cpu.usage = table["usage_usec"] ?? 0
        cpu.user = table["user_usec"] ?? 0
        cpu.system = table["system_usec"] ?? 0
        cpu.periods = table["nr_periods"] ?? 0
        cpu.throttled = table["nr_throttled"] ?? 0
        cpu.throttledTime = table["throttled_usec"] ?? 0
        cpu.bursts = table["nr_bursts"] ?? 0
        cpu.burstTime = table["burst_usec"] ?? 0
        cpu.pressure = pressure(files, "cpu.pressure")
        return cpu
    }

    private static func memory(_ files: CgroupFiles) -> UnifiedMetrics.Memory {
        let table = files.table("memory.stat")
        var memory = UnifiedMetrics.Memory()
        for (index, key) in UnifiedMetrics.Memory.keys.enumerated() {
            memory.counters[index] = table[key[...]] ?? 0
        }
        for (index, key) in UnifiedMetrics.Memory.laterKeys.enumerated() {
            memory.laterCounters[index] = table[key[...]] ?? 0
        }
        memory.usage = files.number("memory.current") ?? 0
        memory.limit = files.number("memory.max") ?? 0
        memory.peak = files.number("memory.peak") ?? 0
        memory.swapUsage = files.number("memory.swap.current") ?? 0
        memory.swapLimit = files.number("memory.swap.max") ?? 0
        memory.swapPeak = files.number("memory.swap.peak") ?? 0
        memory.pressure = pressure(files, "memory.pressure")
        return memory
    }

    private static func memoryEvents(_ files: CgroupFiles) -> UnifiedMetrics.MemoryEvents {
        let table = files.table("memory.events")
        var events = UnifiedMetrics.MemoryEvents()
        events.low = table["low"] ?? 0
        events.high = table["high"] ?? 0
        events.max = table["max"] ?? 0
        events.outOfMemory = table["oom"] ?? 0
        events.kills = table["oom_kill"] ?? 0
        events.groupKills = table["oom_group_kill"] ?? 0
        return events
    }

    /// `8:0 rbytes=1 wbytes=2 rios=3 wios=4 …` a line.
    private static func transfers(_ files: CgroupFiles) -> UnifiedMetrics.IO {
        var transfers = UnifiedMetrics.IO()
        for line in (files.text("io.stat") ?? "").split(separator: "\n") {
            let fields = line.split(separator: " ")
            let numbers = (fields.first ?? "").split(separator: ":")
            guard numbers.count == 2, let major = UInt64(numbers[0]),
                let minor = UInt64(numbers[1])
            else { continue }
            var entry = UnifiedMetrics.IOEntry()
            entry.major = major
            entry.minor = minor
            for (name, value) in pairs(fields.dropFirst()) {
                switch name {
                case "rbytes": entry.readBytes = UInt64(value) ?? 0
                case "wbytes": entry.writtenBytes = UInt64(value) ?? 0
                case "rios": entry.reads = UInt64(value) ?? 0
                case "wios": entry.writes = UInt64(value) ?? 0
                default: break
                }
            }
            transfers.usage.append(entry)
        }
        transfers.pressure = pressure(files, "io.pressure")
        return transfers
    }

    private static func rdma(_ files: CgroupFiles) -> UnifiedMetrics.RDMA {
        func entries(_ name: String) -> [UnifiedMetrics.RDMAEntry] {
            (files.text(name) ?? "").split(separator: "\n").map { line in
                let fields = line.split(separator: " ")
                var entry = UnifiedMetrics.RDMAEntry()
                entry.device = String(fields.first ?? "")
                for (name, value) in pairs(fields.dropFirst()) {
                    let number = value == "max" ? UInt32.max : UInt32(value) ?? 0
                    if name == "hca_handle" { entry.handles = number }
                    if name == "hca_object" { entry.objects = number }
                }
                return entry
            }
        }
        var rdma = UnifiedMetrics.RDMA()
        rdma.current = entries("rdma.current")
        rdma.limit = entries("rdma.max")
        return rdma
    }

    private static func hugePages(_ files: CgroupFiles) -> [UnifiedMetrics.HugePages] {
        CgroupFiles.hugePageSizes.compactMap { size -> UnifiedMetrics.HugePages? in
            guard let current = files.number("hugetlb.\(size).current") else { return nil }
            var pages = UnifiedMetrics.HugePages()
            pages.current = current
            pages.max = files.number("hugetlb.\(size).max") ?? 0
            pages.failures = files.table("hugetlb.\(size).events")["max"] ?? 0
            pages.pageSize = size
            return pages
        }
    }

    /// `some avg10=0.00 avg60=0.00 avg300=0.00 total=0`, and the same with `full`.
    private static func pressure(_ files: CgroupFiles, _ name: String) -> UnifiedMetrics.Pressure? {
        guard let text = files.text(name) else { return nil }
        var pressure = UnifiedMetrics.Pressure()
        for line in text.split(separator: "\n") {
            let fields = line.split(separator: " ")
            var values = UnifiedMetrics.PressureLine()
            for (name, value) in pairs(fields.dropFirst()) {
                switch name {
                case "avg10": values.average10 = Double(value) ?? 0
                case "avg60": values.average60 = Double(value) ?? 0
                case "avg300": values.average300 = Double(value) ?? 0
                case "total": values.total = UInt64(value) ?? 0
                default: break
                }
            }
            if fields.first == "some" { pressure.some = values }
            if fields.first == "full" { pressure.full = values }
        }
        return pressure
    }

    private static func pairs(_ fields: ArraySlice<Substring>) -> [(Substring, Substring)] {
        fields.compactMap { field in
            guard let sign = field.firstIndex(of: "=") else { return nil }
            return (field[..<sign], field[field.index(after: sign)...])
        }
    }
}
