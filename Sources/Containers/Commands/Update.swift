// SPDX-License-Identifier: Apache-2.0

internal import Cgroups
internal import Linux
package import OCI

extension ContainerRuntime {
    /// Changes a container's resources, all that are given or none; what is not given stays.
    /// `isStrict` allows no devices but those of the given rules; `warn` gets what was asked for and
    /// does nothing.
    package func update(
        _ id: String, to resources: Resources, isStrict: Bool = false, warn: (String) -> Void
    ) throws(ContainerError) {
        try performing("update", id) { (id) throws(ContainerError) in
            let directory = try store.openLocked(id)
            guard let record = try directory.record() else { throw Store.notFound }
            let status = try directory.status(record)
            guard status == .created || status == .running || status == .paused else {
                throw ContainerError(.wrongState, "container not running")
            }
            if resources == Resources() { return }
            try Update(
                directory, record, resources,
                devices: .init(defaults: isStrict ? [] : .standard), warn: warn)
        }
    }
}

/// One `update`: decided first, then written, with a way back.
private struct Update {
    private var record: ContainerRecord
    private let plan: ResourcePlan
    private var cgroup: Cgroup

    @discardableResult
    init(
        _ directory: borrowing ContainerDirectory, _ record: ContainerRecord,
        _ asked: Resources, devices: ResourcePlan.DevicePolicy, warn: (String) -> Void
    ) throws(ContainerError) {
        self.record = record
        cgroup = try record.requireCgroup(to: "limit it")
        let before = try directory.resources()
        let after = before.updated(with: asked)
        let layout = try during("look at the host") { () throws(SystemCallError) in
            try CgroupLayout.current()
        }
        plan = try withCgroups { () throws(CgroupError) in
            try ResourcePlan(
                Self.complete(asked, from: after), support: layout.support, devices: devices)
        }
        for warning in plan.warnings { warn(warning) }
        let unit = try ScopeUpdate(
            record.scope, from: before, to: asked, after: after, support: layout.support,
            devices: devices)
        let further = try extend(directory)
        do throws(ContainerError) {
            // First, as it can be taken back in one step.
            try directory.write(resources: after)
            // Before the cgroup, so that systemd writes nothing over it.
            try unit?.carryOut()
            try withCgroups { () throws(CgroupError) in
                try cgroup.apply(plan.stepsOfUpdate, restoring: true, warn: warn)
            }
        } catch {
            // The error that led here is the one to tell.
            try? directory.write(resources: before)
            try? unit?.takeBack()
            if let further { try? takeBack(further, directory) }
            throw error
        }
    }

    /// Memory and swap go together: v1 checks them against each other, and cgroup2's limit of
    /// swap alone is the difference.
    private static func complete(_ asked: Resources, from after: Resources)
        throws(CgroupError) -> Resources
    {
        var asked = asked
        guard var memory = asked.memory else { return asked }
        let isBounded = (memory.limit ?? 0) != 0 || (memory.swap ?? 0) != 0
        memory.checkBeforeUpdate = after.memory?.checkBeforeUpdate
        if isBounded {
            memory.limit = after.memory?.limit
            memory.swap = after.memory?.swap
        }
        if let limit = memory.limit, let swap = memory.swap, swap > 0, limit > 0, swap < limit {
            throw CgroupError(
                .invalid,
                "memory.swap \(swap) would be below memory.limit \(limit), which it includes; "
                    + "give both")
        }
        asked.memory = memory
        return asked
    }

    // MARK: Further cgroups

    /// Gives the container cgroups in the v1 hierarchies that it needs now and was made without.
    private mutating func extend(_ directory: borrowing ContainerDirectory)
        throws(ContainerError) -> Cgroup?
    {
        let missing = cgroup.missingControllers(plan)
        if missing.isEmpty { return nil }
        let pid = record.pid
        let layout = try during("look at the container's cgroups") {
            () throws(SystemCallError) in try CgroupLayout.current(of: pid)
        }
        let id = record.id
        let creation = try withCgroups { () throws(CgroupError) in
            try Cgroup.extending(with: missing, named: id, in: layout)
        }
        let before = record
        // In the journal before they are there.
        record.cgroups += creation.record.places
        try directory.write(record)
        let own = cgroup
        do throws(ContainerError) {
            let further = try withCgroups { () throws(CgroupError) in
                let further = try creation.carryOut()
                try own.move(into: further)
                return further
            }
            cgroup = Cgroup(CgroupRecord(places: record.cgroups))
            return further
        } catch {
            record = before
            try? withCgroups { () throws(CgroupError) in
                try Cgroup(creation.record).delete()
            }
            try? directory.write(before)
            throw error
        }
    }

    /// The container is as it was before `extend`.
    private mutating func takeBack(
        _ further: Cgroup, _ directory: borrowing ContainerDirectory
    ) throws(ContainerError) {
        let places = record.cgroups.filter { !further.record.places.contains($0) }
        try withCgroups { () throws(CgroupError) in
            try Cgroup(CgroupRecord(places: places)).move(into: further.parents)
            try further.delete()
        }
        record.cgroups = places
        try directory.write(record)
    }
}

extension ResourcePlan {
    /// Access to devices comes last, as it takes itself back when it fails.
    fileprivate var stepsOfUpdate: [Step] {
        var devices: [Step] = []
        var others: [Step] = []
        for step in steps + lateSteps {
            if case .devices = step { devices.append(step) } else { others.append(step) }
        }
        return others + devices
    }
}

extension ContainerDirectory {
    static let resourcesName = "resources.json"

    /// What the container may use now: as `update` left it, or as it was at create.
    func resources() throws(ContainerError) -> Resources {
        do throws(SystemCallError) {
            let bytes = try read(Self.resourcesName)
            do throws(InvalidConfiguration) {
                return try Resources.decode(from: bytes)
            } catch {
                throw SystemCallError("read", "\(path)/\(Self.resourcesName)", .invalid)
            }
        } catch where error.errno == .noEntry {
            return try resourcesAtCreate()
        } catch {
            throw ContainerError(.failed, "resources on record: \(error)")
        }
    }

    private func resourcesAtCreate() throws(ContainerError) -> Resources {
        let bytes = try during("configuration on record") { () throws(SystemCallError) in
            try read(Self.configurationName)
        }
        do throws(InvalidConfiguration) {
            return try Configuration.decode(from: bytes).linux.resources ?? Resources()
        } catch {
            throw ContainerError(
                .failed, "\(path)/\(Self.configurationName) on record is damaged: \(error)")
        }
    }

    private func read(_ name: String) throws(SystemCallError) -> [UInt8] {
        let file = try File.open(name, at: descriptor.number, .realFile)
        return try File.readAll(file, limit: 16 << 20, subject: "\(path)/\(name)")
    }

    /// Keeps what the container may use from now on.
    func write(resources: Resources) throws(ContainerError) {
        try during("resources") { () throws(SystemCallError) in
            try File.replace(
                Self.resourcesName, at: descriptor.number, with: resources.encode(),
                permissions: 0o600)
        }
    }
}
