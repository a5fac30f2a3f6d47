// SPDX-License-Identifier: Apache-2.0

internal import Cgroups
internal import JSON
internal import OCI

/// The scope of systemd's that a new container is to live in.
final class ScopePlan {
    let systemd: Systemd
    private let name: ScopeName
    private let properties: UnitProperties
    private let annotated: [UnitProperty]
    private let first: [UnitProperty]
    private var invocation = ""
    /// Whether the scope is ours to take away.
    private(set) var isStarted = false

    /// Asks systemd where it will be, and whether its name is free. Nothing is made.
    init(
        _ path: String, _ resources: Resources, _ annotations: [String: String], id: String,
        support: ControllerSupport, devices policy: ResourcePlan.DevicePolicy
    ) throws(CgroupError) {
        let owner = Systemd.ownerForCaller
        name = try ScopeName(path.isEmpty ? nil : path, id: id, owner: owner)
        annotated = try UnitAnnotations.properties(annotations)
        systemd = try Systemd(owner)
        properties = try UnitProperties(
            resources, support: support, systemd: systemd.version,
            devices: owner.deviceRules(resources, policy))
        first = owner == .system ? UnitProperties.deviceHierarchy(support) : []
        if try systemd.isActive(name.unit) {
            throw CgroupError(
                .inUse,
                "systemd has a unit \"\(name.unit)\" already; a container needs one of its own")
        }
    }

    /// The names of its cgroup, from the top of a hierarchy.
    func path() throws(CgroupError) -> [String] { systemd.root + (try name.path()) }

    /// What is to be kept of it.
    var record: ScopeRecord {
        ScopeRecord(unit: name.unit, owner: systemd.owner, invocation: invocation)
    }

    /// Has systemd make it, with a process in it.
    func start(around pid: Int32, for id: ContainerID) throws(ContainerError) {
        try withCgroups { () throws(CgroupError) in
            do throws(CgroupError) {
                invocation = try systemd.start(
                    name, process: pid, for: id.text, first + properties.early + annotated)
            } catch {
                // It may have been made, and only not in time; but then not if the name was taken.
                isStarted = error.kind != .inUse
                throw error
            }
            isStarted = true
        }
    }

    /// Sets what had to wait until the container's process was ready.
    func finish() throws(ContainerError) {
        try withCgroups { () throws(CgroupError) in
            try systemd.set(name.unit, properties.late.filter(isNotAnnotated))
        }
    }

    /// What an annotation says goes before what the configuration's resources say.
    private func isNotAnnotated(_ property: UnitProperty) -> Bool {
        !annotated.contains { $0.name == property.name }
    }

    /// Takes it away.
    func stop() throws(ContainerError) {
        try withCgroups { () throws(CgroupError) in try systemd.stop(name.unit) }
    }
}

/// A change of a running container's unit, and the way back.
struct ScopeUpdate {
    private let systemd: Systemd
    private let unit: String
    private let change: UnitProperties
    private let former: UnitProperties

    /// nil for a container without a unit.
    init?(
        _ scope: ScopeRecord?, from before: Resources, to asked: Resources, after: Resources,
        support: ControllerSupport, devices policy: ResourcePlan.DevicePolicy
    ) throws(ContainerError) {
        guard let scope else { return nil }
        do throws(CgroupError) {
            let systemd = try Systemd(scope.owner)
            func properties(_ all: Resources) throws(CgroupError) -> UnitProperties {
                let part = all.part(askedIn: asked)
                return try UnitProperties(
                    part, support: support, systemd: systemd.version,
                    devices: asked.devices.isEmpty ? nil : scope.owner.deviceRules(part, policy))
            }
            change = try properties(after)
            former = try properties(before)
            self.systemd = systemd
            unit = scope.unit
        } catch {
            throw ContainerError(error)
        }
    }

    func carryOut() throws(ContainerError) {
        try withCgroups { () throws(CgroupError) in try systemd.set(unit, change.all) }
    }

    func takeBack() throws(ContainerError) {
        try withCgroups { () throws(CgroupError) in try systemd.set(unit, former.all) }
    }
}

extension Resources {
    /// The sections that an update speaks of, whole: memory goes with swap, a quota with its
    /// period.
    fileprivate func part(askedIn asked: Resources) -> Resources {
        var part = Resources()
        if asked.memory != nil { part.memory = memory }
        if asked.cpu != nil { part.cpu = cpu }
        if asked.pids != nil { part.pids = pids }
        if asked.blockIO != nil { part.blockIO = blockIO }
        part.devices = devices
        part.unified = unified.filter { asked.unified[$0.key] != nil }
        return part
    }
}

extension SystemdOwner {
    /// The rules on devices for the unit. A user's own systemd has no right to any.
    fileprivate func deviceRules(_ resources: Resources, _ policy: ResourcePlan.DevicePolicy)
        -> DeviceRules?
    {
        if self == .user || resources.devices.isEmpty { return nil }
        return DeviceRules(resources.devices, defaults: policy.defaults)
    }
}
