// SPDX-License-Identifier: Apache-2.0

internal import OCI

/// `resources.memory` (config-linux.md#memory).
extension Planner {
    mutating func memory(_ memory: Resources.Memory?) throws(CgroupError) {
        guard var memory else { return }
        // 0 is "not set" for every engine: no process could run in no memory.
        if memory.limit == 0 { memory.limit = nil }
        if memory.reservation == 0 { memory.reservation = nil }
        if memory.swap == 0 { memory.swap = nil }
        if memory.kernelTCP == 0 { memory.kernelTCP = nil }
        if let kernel = memory.kernel, kernel != 0 {
            plan.warnings.append(
                "memory.kernel is ignored: the kernel has no limit of its own memory any more")
        }
        guard let version = try memoryVersion(memory) else { return }
        switch version {
        case .v1: try legacyMemory(memory)
        case .v2: try unifiedMemory(memory)
        }
    }

    /// nil when nothing is asked for.
    private func memoryVersion(_ memory: Resources.Memory) throws(CgroupError) -> CgroupVersion? {
        let settings: [(name: String, isSet: Bool)] = [
            ("memory.limit", memory.limit != nil),
            ("memory.reservation", memory.reservation != nil),
            ("memory.swap", memory.swap != nil), ("memory.kernelTCP", memory.kernelTCP != nil),
            ("memory.swappiness", memory.swappiness != nil),
            ("memory.disableOOMKiller", memory.disableOOMKiller == true),
            ("memory.useHierarchy", memory.useHierarchy != nil),
        ]
        guard let name = settings.first(where: { $0.isSet })?.name else {
            // False is what there is without the controller.
            return memory.disableOOMKiller == nil ? nil : support.version(of: "memory")
        }
        return try version(of: "memory", for: name)
    }

    private mutating func legacyMemory(_ memory: Resources.Memory) throws(CgroupError) {
        func write(_ setting: String, _ file: String, _ value: Int64, isOptional: Bool = false)
            -> Write
        {
            Write(
                "memory.\(setting)", "memory", .v1, "memory.\(file)", "\(value)",
                isOptional: isOptional)
        }
        // Old kernels take it only while there are no limits and no children.
        if let useHierarchy = memory.useHierarchy {
            add(write("useHierarchy", "use_hierarchy", useHierarchy ? 1 : 0))
        }
        // The limit is never above the limit with swap: a new cgroup has none, so the limit is
        // first; where it is raised the kernel refuses that order, and the other one is tried.
        var limits: [Write] = []
        if let limit = memory.limit { limits.append(write("limit", "limit_in_bytes", limit)) }
        if let swap = memory.swap {
            // Without accounting of swap there is no limit of it to lift.
            limits.append(
                write("swap", "memsw.limit_in_bytes", swap, isOptional: swap == -1))
        } else if memory.limit == -1 {
            // No limit at all, as it cannot be above an old limit with swap.
            limits.append(write("swap", "memsw.limit_in_bytes", -1, isOptional: true))
        }
        add(together: limits)
        if let reservation = memory.reservation {
            add(write("reservation", "soft_limit_in_bytes", reservation))
        }
        if let kernelTCP = memory.kernelTCP {
            add(
                write(
                    "kernelTCP", "kmem.tcp.limit_in_bytes", kernelTCP, isOptional: kernelTCP == -1))
        }
        if let swappiness = memory.swappiness {
            guard swappiness <= 100 else {
                throw CgroupError(
                    .invalid, "memory.swappiness: expected 0 to 100, found \(swappiness)")
            }
            add(write("swappiness", "swappiness", Int64(swappiness)))
        }
        // A new cgroup inherits it, so that false must be written too.
        if let disabled = memory.disableOOMKiller {
            add(write("disableOOMKiller", "oom_control", disabled ? 1 : 0, isOptional: !disabled))
        }
    }

    private mutating func unifiedMemory(_ memory: Resources.Memory) throws(CgroupError) {
        if memory.swappiness != nil { throw onlyV1("memory.swappiness", "memory") }
        if memory.disableOOMKiller == true {
            throw onlyV1("memory.disableOOMKiller", "memory")
        }
        if let kernelTCP = memory.kernelTCP, kernelTCP != -1 {
            throw onlyV1("memory.kernelTCP", "memory")
        }
        if memory.useHierarchy == false {
            throw onlyV1("memory.useHierarchy false", "memory", hint: "it is always hierarchical")
        }
        let swap = try Conversion.swap(limitWithMemory: memory.swap, memory: memory.limit)
        if memory.checkBeforeUpdate == true, memory.limit ?? -1 > 0 || memory.swap ?? -1 > 0 {
            plan.steps.append(
                .checkMemory(
                    limit: memory.limit.flatMap { $0 > 0 ? $0 : nil },
                    limitWithSwap: memory.swap.flatMap { $0 > 0 ? $0 : nil }))
        }
        func write(_ setting: String, _ file: String, _ value: Int64, isOptional: Bool = false)
            -> Write
        {
            Write(
                "memory.\(setting)", "memory", .v2, "memory.\(file)",
                value == -1 ? "max" : "\(value)", isOptional: isOptional)
        }
        if let swap {
            // Without swap there is nothing to lift and nothing to forbid.
            add(write("swap", "swap.max", swap, isOptional: swap <= 0))
        }
        if let limit = memory.limit { add(write("limit", "max", limit)) }
        if let reservation = memory.reservation { add(write("reservation", "low", reservation)) }
    }
}
