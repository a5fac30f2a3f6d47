// SPDX-License-Identifier: Apache-2.0

internal import OCI

/// Fills a plan, one section of `linux.resources` after the other.
struct Planner {
    let support: ControllerSupport
    var plan = ResourcePlan()

    init(support: ControllerSupport) { self.support = support }

    /// The form that a setting's controller has here; an error when there is none.
    func version(of controller: String, for setting: String) throws(CgroupError) -> CgroupVersion {
        if let version = support.version(of: controller) { return version }
        throw CgroupError(
            .unsupported,
            "\(setting): the \(controller) controller is not available on this host "
                + "(\(Self.reason(support)))")
    }

    private static func reason(_ support: ControllerSupport) -> String {
        guard let unified = support.unified else { return "no cgroup v1 hierarchy has it" }
        let list = unified.sorted().joined(separator: ", ")
        let words = "cgroup v2 has \(list.isEmpty ? "no controllers" : list)"
        return support.legacy.isEmpty ? words : "\(words); no cgroup v1 hierarchy has it"
    }

    /// An error for what only v1 can do.
    func onlyV1(_ setting: String, _ controller: String, hint: String = "") -> CgroupError {
        CgroupError(
            .unsupported,
            "\(setting): cgroup v2 has no such setting, and the \(controller) controller is on "
                + "cgroup v2 here\(hint.isEmpty ? "" : "; \(hint)")")
    }

    mutating func add(_ write: Write) { plan.steps.append(.write(write)) }

    /// Adds values that the kernel checks against each other.
    mutating func add(together writes: [Write]) {
        switch writes.count {
        case 0: return
        case 1: add(writes[0])
        default: plan.steps.append(.together(writes))
        }
    }

    // MARK: Small sections

    /// 0 is a valid limit: no further process (config-linux.md#pids).
    mutating func pids(_ pids: Resources.Pids?) throws(CgroupError) {
        guard let limit = pids?.limit else { return }
        let version: CgroupVersion
        // No limit is what there is without the controller.
        if limit < 0 {
            guard let found = support.version(of: "pids") else { return }
            version = found
        } else {
            version = try self.version(of: "pids", for: "pids.limit")
        }
        let value = limit < 0 ? "max" : "\(limit)"
        plan.lateSteps.append(.write(Write("pids.limit", "pids", version, "pids.max", value)))
    }

    /// Reservations are limited where the kernel can (5.7), and faults in any case
    /// (config-linux.md#huge-page-limits).
    mutating func hugepages(_ limits: [Resources.HugepageLimit]) throws(CgroupError) {
        for limit in limits {
            let setting = "hugepageLimits \(limit.pageSize)"
            let version = try self.version(of: "hugetlb", for: setting)
            let suffix = version == .v1 ? "limit_in_bytes" : "max"
            let value = "\(limit.limit)"
            add(
                Write(
                    setting, "hugetlb", version, "hugetlb.\(limit.pageSize).rsvd.\(suffix)", value,
                    isOptional: true))
            add(Write(setting, "hugetlb", version, "hugetlb.\(limit.pageSize).\(suffix)", value))
        }
    }

    mutating func network(_ network: Resources.Network?) throws(CgroupError) {
        guard let network else { return }
        // 0 is no class at all, which engines write for "not set".
        if let classID = network.classID {
            if support.version(of: "net_cls") == .v1 {
                add(Write("network.classID", "net_cls", .v1, "net_cls.classid", "\(classID)"))
            } else if classID != 0 {
                throw missingNetwork("network.classID", "net_cls")
            }
        }
        for priority in network.priorities {
            guard support.version(of: "net_prio") == .v1 else {
                throw missingNetwork("network.priorities", "net_prio")
            }
            add(
                Write(
                    "network.priorities", "net_prio", .v1,
                    [
                        .init(
                            "net_prio.ifpriomap", "\(priority.name) \(priority.priority)",
                            removal: "\(priority.name) 0")
                    ]))
        }
    }

    private func missingNetwork(_ setting: String, _ controller: String) -> CgroupError {
        let isUnified = support.legacy.isEmpty
        return CgroupError(
            .unsupported,
            "\(setting): the \(controller) controller "
                + (isUnified
                    ? "is of cgroup v1 alone, and this host has cgroup v2"
                    : "is not mounted on this host (no cgroup v1 hierarchy has it)"))
    }

    mutating func rdma(_ devices: [String: Resources.Rdma]) throws(CgroupError) {
        for (name, limits) in devices.sorted(by: { $0.key < $1.key }) {
            let version = try self.version(of: "rdma", for: "rdma \(name)")
            var value = name
            if let handles = limits.hcaHandles { value += " hca_handle=\(handles)" }
            if let objects = limits.hcaObjects { value += " hca_object=\(objects)" }
            add(
                Write(
                    "rdma \(name)", "rdma", version,
                    [.init("rdma.max", value, removal: "\(name) hca_handle=max hca_object=max")]))
        }
    }

    mutating func devices(_ rules: [Resources.DeviceRule], _ policy: ResourcePlan.DevicePolicy)
        throws(CgroupError)
    {
        if rules.isEmpty, !policy.deniesWithoutRules { return }
        let version = try self.version(of: "devices", for: "devices")
        let all = DeviceRules(rules, defaults: policy.defaults)
        // Found before anything is made.
        if version == .v1 { _ = try all.accessList() }
        plan.lateSteps.append(.devices(all, version))
    }

    /// Files of cgroup2, in the kernel's words (config-linux.md#unified).
    mutating func unified(_ files: [String: String]) throws(CgroupError) {
        for (file, value) in files.sorted(by: { $0.key < $1.key }) {
            let setting = "unified \"\(file)\""
            guard !file.isEmpty, file != ".", file != "..", !file.utf8.contains(0),
                !file.utf8.contains(UInt8(ascii: "/"))
            else { throw CgroupError(.invalid, "\(setting): expected the name of a cgroup's file") }
            guard let unified = support.unified else {
                throw CgroupError(
                    .unsupported, "\(setting): this host has cgroup v1, and unified is of cgroup v2"
                )
            }
            let prefix = file.prefix { $0 != "." }
            let controller = prefix == "cgroup" || !file.contains(".") ? "" : String(prefix)
            guard controller.isEmpty || unified.contains(controller) else {
                throw CgroupError(
                    .unsupported,
                    "\(setting): cgroup v2 has no \(controller) controller here"
                        + (support.legacy.contains(controller) ? "; it is on cgroup v1" : ""))
            }
            // The kernel takes one line at a time.
            for line in value.split(separator: "\n", omittingEmptySubsequences: true) {
                add(Write(setting, controller, .v2, file, String(line)))
            }
        }
    }
}
