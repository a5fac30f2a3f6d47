// SPDX-License-Identifier: Apache-2.0

internal import Linux
package import OCI

/// What is written to a container's cgroups for `linux.resources`, in order
/// (config-linux.md#control-groups). Made without looking at the host, applied by `Cgroup`.
package struct ResourcePlan: Equatable, Sendable {
    /// Before the container's process is in the cgroups.
    package var steps: [Step] = []
    /// Once it is in, and before its program runs: what would be in the way of our own
    /// preparations. `pids.max` counts our process too, and 0 forbids even to clone into a cgroup;
    /// rules on devices also hold for the nodes that we make.
    package var lateSteps: [Step] = []
    /// What was asked for and does nothing, one sentence each.
    package var warnings: [String] = []

    /// One act, or several that belong together.
    package enum Step: Equatable, Sendable {
        case write(Write)
        /// Values that the kernel checks against each other: one that it refuses with EINVAL is
        /// tried again after the others. So a pair can be raised and lowered.
        case together([Write])
        /// Refuses limits that are below what is used now (`memory.checkBeforeUpdate`); on v1 the
        /// kernel does that itself.
        case checkMemory(limit: Int64?, limitWithSwap: Int64?)
        /// Which devices can be used; the version says by which means.
        case devices(DeviceRules, CgroupVersion)
    }

    package init() {}

    /// How the plan treats devices.
    package struct DevicePolicy: Equatable, Sendable {
        /// What is allowed after the configured rules.
        package var defaults: DefaultDevices
        /// What an empty list of rules means: nothing is changed, or, as runc has it at create,
        /// nothing but the defaults is allowed.
        package var deniesWithoutRules: Bool

        package init(defaults: DefaultDevices = .standard, deniesWithoutRules: Bool = false) {
            self.defaults = defaults
            self.deniesWithoutRules = deniesWithoutRules
        }
    }

    /// Plans what a configuration asks for, with what the host has.
    ///
    /// Zeros and false that engines write for "not set" ask for nothing. A setting whose
    /// controller is missing, or that this host's form of cgroups does not have, is an error that
    /// names both.
    package init(
        _ resources: Resources, support: ControllerSupport, devices policy: DevicePolicy = .init()
    ) throws(CgroupError) {
        var planner = Planner(support: support)
        try planner.memory(resources.memory)
        try planner.cpu(resources.cpu)
        try planner.blockIO(resources.blockIO)
        try planner.hugepages(resources.hugepageLimits)
        try planner.network(resources.network)
        try planner.rdma(resources.rdma)
        try planner.pids(resources.pids)
        try planner.devices(resources.devices, policy)
        // Last, so that what is said in the kernel's own words holds.
        try planner.unified(resources.unified)
        self = planner.plan
    }

    /// The controllers that the cgroup2 directory must have.
    package var unifiedControllers: Set<String> {
        var controllers: Set<String> = []
        for step in steps + lateSteps {
            for write in step.writes where write.version == .v2 && !write.controller.isEmpty {
                controllers.insert(write.controller)
            }
        }
        return controllers
    }

    /// The controllers that the v1 directories must have.
    package var legacyControllers: Set<String> {
        var controllers: Set<String> = []
        for step in steps + lateSteps {
            for write in step.writes where write.version == .v1 && !write.isOptional {
                controllers.insert(write.controller)
            }
            if case .devices(_, .v1) = step { controllers.insert("devices") }
        }
        return controllers
    }
}

/// One value for one file of a cgroup.
package struct Write: Equatable, Sendable, CustomStringConvertible {
    /// A file and what is written to it.
    package struct Choice: Equatable, Sendable {
        package var file: String
        package var value: String
        /// Written before the value, from the file as it is: `cpu.max` takes its period only
        /// after a quota.
        package var keepsFirstWord = false
        /// What takes the value away again, in a file with a line for each device.
        package var removal: String?

        package init(_ file: String, _ value: String, removal: String? = nil) {
            self.file = file
            self.value = value
            self.removal = removal
        }
    }

    /// The configuration's name for it, such as `memory.limit`.
    package var setting: String
    /// The controller, in this version's word for it; empty for the core of cgroup2.
    package var controller: String
    package var version: CgroupVersion
    /// The first whose file exists is written.
    package var choices: [Choice]
    /// When no file exists, things are as the value would have them.
    package var isOptional = false

    package init(
        _ setting: String, _ controller: String, _ version: CgroupVersion, _ choices: [Choice],
        isOptional: Bool = false
    ) {
        self.setting = setting
        self.controller = controller
        self.version = version
        self.choices = choices
        self.isOptional = isOptional
    }

    package init(
        _ setting: String, _ controller: String, _ version: CgroupVersion, _ file: String,
        _ value: String, isOptional: Bool = false
    ) {
        self.init(
            setting, controller, version, [Choice(file, value)], isOptional: isOptional)
    }

    package var description: String {
        choices.map { "\($0.file)\($0.keepsFirstWord ? " …" : "") = \($0.value)" }
            .joined(separator: " or ") + (isOptional ? " (optional)" : "")
    }
}

extension ResourcePlan.Step: CustomStringConvertible {
    /// The writes of the step, without those for devices.
    package var writes: [Write] {
        switch self {
        case .write(let write): [write]
        case .together(let writes): writes
        case .checkMemory, .devices: []
        }
    }

    package var description: String {
        switch self {
        case .write(let write): "\(write)"
        case .together(let writes): writes.map(\.description).joined(separator: " with ")
        case .checkMemory(let limit, let both):
            "check memory below \(limit.map(String.init) ?? "-"), with swap "
                + "\(both.map(String.init) ?? "-")"
        case .devices(let rules, let version): "devices of \(version): \(rules)"
        }
    }
}
