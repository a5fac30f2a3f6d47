// SPDX-License-Identifier: Apache-2.0

internal import OCI

/// `resources.cpu` (config-linux.md#cpu).
extension Planner {
    mutating func cpu(_ cpu: Resources.CPU?) throws(CgroupError) {
        guard var cpu else { return }
        // Zeros that engines write for "not set".
        if cpu.shares == 0 { cpu.shares = nil }
        if cpu.quota == 0 { cpu.quota = nil }
        if cpu.period == 0 { cpu.period = nil }
        if cpu.realtimeRuntime == 0 { cpu.realtimeRuntime = nil }
        if cpu.realtimePeriod == 0 { cpu.realtimePeriod = nil }
        let settings: [(name: String, isSet: Bool)] = [
            ("cpu.shares", cpu.shares != nil), ("cpu.quota", cpu.quota != nil),
            ("cpu.period", cpu.period != nil), ("cpu.burst", cpu.burst ?? 0 != 0),
            ("cpu.idle", cpu.idle ?? 0 != 0),
            ("cpu.realtimeRuntime", cpu.realtimeRuntime != nil),
            ("cpu.realtimePeriod", cpu.realtimePeriod != nil),
        ]
        var version = support.version(of: "cpu")
        if let name = settings.first(where: { $0.isSet })?.name {
            version = try self.version(of: "cpu", for: name)
        }
        switch version {
        case .v1: try legacyCPU(cpu)
        case .v2: try unifiedCPU(cpu)
        case nil: break
        }
        try cpuset("cpus", cpu.cpus)
        try cpuset("mems", cpu.mems)
    }

    private mutating func cpuset(_ name: String, _ list: String?) throws(CgroupError) {
        guard let list, !list.isEmpty else { return }
        let version = try self.version(of: "cpuset", for: "cpu.\(name)")
        add(Write("cpu.\(name)", "cpuset", version, "cpuset.\(name)", list))
    }

    /// Weight and idleness, in the order that the kernel takes: an idle cgroup has the least
    /// weight, and refuses another.
    private mutating func weight(_ weight: Write?, idle: Int64?, _ version: CgroupVersion) {
        let idleWrite = idle.map {
            // The file is there from Linux 5.15 on.
            Write("cpu.idle", "cpu", version, "cpu.idle", "\($0)", isOptional: $0 == 0)
        }
        if let idleWrite { add(idleWrite) }
        if let weight, idle != 1 { add(weight) }
    }

    private mutating func legacyCPU(_ cpu: Resources.CPU) throws(CgroupError) {
        func write(_ setting: String, _ file: String, _ value: String, isOptional: Bool = false)
            -> Write
        {
            Write(
                "cpu.\(setting)", "cpu", .v1, "cpu.\(file)", value, isOptional: isOptional)
        }
        if let shares = cpu.shares, !Conversion.shares.contains(shares) {
            // The kernel would take the nearest without a word.
            throw CgroupError(
                .invalid,
                "cpu.shares: expected \(Conversion.shares.lowerBound) to "
                    + "\(Conversion.shares.upperBound), found \(shares)")
        }
        // Processes of real-time scheduling can join only once there is time for them.
        var realtime: [Write] = []
        if let period = cpu.realtimePeriod {
            realtime.append(write("realtimePeriod", "rt_period_us", "\(period)"))
        }
        if let runtime = cpu.realtimeRuntime {
            realtime.append(write("realtimeRuntime", "rt_runtime_us", "\(runtime)"))
        }
        add(together: realtime)
        weight(cpu.shares.map { write("shares", "shares", "\($0)") }, idle: cpu.idle, .v1)
        // The quota of a period is never above the parent's share, and the burst never above the
        // quota: what is right in the end can be wrong on the way there.
        var bandwidth: [Write] = []
        if let period = cpu.period {
            bandwidth.append(write("period", "cfs_period_us", "\(period)"))
        }
        if let quota = cpu.quota {
            bandwidth.append(write("quota", "cfs_quota_us", "\(max(-1, quota))"))
        }
        if let burst = cpu.burst {
            // The file is there from Linux 5.14 on.
            bandwidth.append(
                write("burst", "cfs_burst_us", "\(burst)", isOptional: burst == 0))
        }
        add(together: bandwidth)
    }

    private mutating func unifiedCPU(_ cpu: Resources.CPU) throws(CgroupError) {
        if cpu.realtimeRuntime != nil { throw onlyV1("cpu.realtimeRuntime", "cpu") }
        if cpu.realtimePeriod != nil { throw onlyV1("cpu.realtimePeriod", "cpu") }
        let share = cpu.shares.map {
            Write("cpu.shares", "cpu", .v2, "cpu.weight", "\(Conversion.weight(shares: $0))")
        }
        weight(share, idle: cpu.idle, .v2)
        var bandwidth: [Write] = []
        let quota = cpu.quota.map { $0 < 0 ? "max" : "\($0)" }
        switch (quota, cpu.period) {
        case (let quota?, let period?):
            bandwidth.append(
                Write("cpu.quota", "cpu", .v2, "cpu.max", "\(quota) \(period)"))
        case (let quota?, nil):
            // The period stays as it is.
            bandwidth.append(Write("cpu.quota", "cpu", .v2, "cpu.max", quota))
        case (nil, let period?):
            var choice = Write.Choice("cpu.max", "\(period)")
            choice.keepsFirstWord = true
            bandwidth.append(Write("cpu.period", "cpu", .v2, [choice]))
        case (nil, nil): break
        }
        if let burst = cpu.burst {
            bandwidth.append(
                Write(
                    "cpu.burst", "cpu", .v2, "cpu.max.burst", "\(burst)", isOptional: burst == 0))
        }
        add(together: bandwidth)
    }
}
