// SPDX-License-Identifier: Apache-2.0

package import Linux

/// A container's cgroups, in every hierarchy. It holds no descriptors: a record of it can be kept
/// between two commands.
package struct Cgroup: Equatable, Sendable {
    /// Where they are, and what was made.
    package let record: CgroupRecord

    /// The cgroups of a record, which may be gone by now.
    package init(_ record: CgroupRecord) { self.record = record }

    /// The place in the cgroup2 tree, alone or beside v1.
    package var unified: CgroupPlace? { record.places.first { $0.isCgroup2 } }

    /// The places in v1 hierarchies.
    package var legacy: [CgroupPlace] { record.places.filter { !$0.isCgroup2 } }

    /// The v1 place that stands for all, as a container's process is put into every one: the one
    /// that can stop it.
    var leading: CgroupPlace? {
        let places = legacy
        for name in ["freezer", "pids", "memory"] {
            for place in places where place.controllers.contains(name) { return place }
        }
        return places.first
    }

    /// The places to look into for processes: one of v1, and cgroup2's. Inside a container
    /// somebody could have been moved in one hierarchy and not in the other.
    var watched: [CgroupPlace] { [leading, unified].compactMap { $0 } }

    /// The place of a controller.
    func place(of controller: String, _ version: CgroupVersion) -> CgroupPlace? {
        switch version {
        case .v2: unified
        case .v1: legacy.first { $0.controllers.contains(controller) }
        }
    }

    /// Whether any of the cgroups is still there.
    package func exists() throws(CgroupError) -> Bool {
        for place in record.places {
            if try place.open() != nil { return true }
        }
        return false
    }

    // MARK: Processes in

    /// The cgroup2 directory, to be given to `Process.clone(intoCgroup:)`: the new process is
    /// then never anywhere else. nil on v1 alone.
    package func directoryForClone() throws(CgroupError) -> FileDescriptor? {
        guard let place = unified else { return nil }
        guard let directory = try place.open() else { throw Self.gone(place) }
        return try during("cgroup \"\(place)\"") { () throws(SystemCallError) in
            try directory.descriptor.duplicate()
        }
    }

    /// Moves a process, with all its threads, into the v1 cgroups, and into cgroup2's beside them
    /// unless it was born there. On pure cgroup2 there is nothing to do for a process that was
    /// cloned into it. The pid is as seen from here, or 0 for the caller; `wasBornInside` tells
    /// whether the process was cloned into `directoryForClone`.
    package func add(_ pid: Int32, wasBornInside: Bool) throws(CgroupError) {
        for place in record.places where !(place.isCgroup2 && wasBornInside) {
            guard let directory = try place.open() else { throw Self.gone(place) }
            do throws(SystemCallError) {
                try directory.write("\(pid)", to: "cgroup.procs")
            } catch {
                throw Self.refusal(toAdd: pid, to: place, error)
            }
        }
    }

    private static func refusal(
        toAdd pid: Int32, to place: CgroupPlace, _ cause: SystemCallError
    ) -> CgroupError {
        let hint =
            switch (cause.errno, place.version) {
            case (.busy, .v2):
                "; it gives controllers to children, and such a cgroup takes no processes"
            case (.unsupported, .v2): "; it is below a threaded cgroup"
            case (.invalid, .v1) where place.controllers.contains("cpu"):
                "; a process of real-time scheduling needs cpu.realtimeRuntime"
            case (.noSpace, .v1) where place.controllers.contains("cpuset"):
                "; its cpuset has no processors or no memory nodes"
            default: ""
            }
        return CgroupError(.failed, "cgroup \"\(place)\": process \(pid): \(cause)\(hint)")
    }

    static func gone(_ place: CgroupPlace) -> CgroupError {
        CgroupError("cgroup", SystemCallError("open", place.absolutePath, .noEntry))
    }

    // MARK: Afterwards

    /// How many processes in here the kernel killed for want of memory; nil when it does not
    /// count them (v1 before Linux 4.13), or the cgroup is gone.
    package func memoryKills() throws(CgroupError) -> UInt64? {
        if let place = place(of: "memory", .v1) {
            guard let directory = try place.open() else { return nil }
            return try directory.count("oom_kill", in: "memory.oom_control")
        }
        guard let place = unified, let directory = try place.open() else { return nil }
        return try directory.count("oom_kill", in: "memory.events")
    }

    /// Whether the kernel killed a process in here for want of memory.
    package func wasKilledForMemory() throws(CgroupError) -> Bool { try memoryKills() ?? 0 > 0 }
}
