// SPDX-License-Identifier: Apache-2.0

package import Linux

/// Cgroups in further v1 hierarchies for a container that runs already. One that nothing asked to
/// limit has none there, until `update` does.
extension Cgroup {
    /// Controllers of v1 that a plan needs and the container has no cgroup of.
    package func missingControllers(_ plan: ResourcePlan) -> Set<String> {
        plan.legacyControllers.filter { place(of: $0, .v1) == nil }
    }

    /// Looks at where the further cgroups will be: below those in which the container's process is
    /// now, so that what limits it there goes on to do so. The layout tells that process's places.
    package static func extending(
        with controllers: Set<String>, named name: String, in layout: CgroupLayout
    ) throws(CgroupError) -> CgroupCreation {
        var layout = layout
        layout.hierarchies.removeAll { controllers.isDisjoint(with: $0.controllers) }
        var needs = CgroupCreation.Needs()
        needs.legacy = controllers
        needs.enablesAll = false
        return try CgroupCreation(CgroupPath(nil, id: name), in: layout, needs: needs)
    }

    /// Moves every process into further cgroups as well. Meanwhile they stand still, so that none
    /// is forked past us. When one cannot be moved, all are moved back.
    package func move(into further: Cgroup) throws(CgroupError) {
        try whileFrozen { () throws(CgroupError) in
            var moved: Set<Int32> = []
            do throws(CgroupError) {
                while true {
                    let rest = Set(try processes()).subtracting(moved)
                    if rest.isEmpty { return }
                    for pid in rest.sorted() {
                        moved.insert(pid)
                        try further.addIfAlive(pid)
                    }
                }
            } catch {
                let before = further.parents
                // The error that led here is the one to tell.
                for pid in moved { try? before.addIfAlive(pid) }
                throw error
            }
        }
    }

    private func addIfAlive(_ pid: Int32) throws(CgroupError) {
        do throws(CgroupError) {
            try add(pid, wasBornInside: false)
        } catch where error.errno == .noProcess {
            return
        }
    }

    /// The cgroups above.
    package var parents: Cgroup {
        var places = record.places
        for index in places.indices {
            places[index].path = places[index].names.dropLast().joined(separator: "/")
            places[index].made = []
        }
        return Cgroup(CgroupRecord(places: places))
    }
}

extension CgroupLayout {
    /// The mounts as the caller sees them, with the places of another process.
    package static func current(of pid: Int32) throws(SystemCallError) -> CgroupLayout {
        CgroupLayout(
            membership: try File.readText("/proc/\(pid)/cgroup"),
            mountInformation: try File.readText("/proc/self/mountinfo", limit: 64 << 20))
    }
}
