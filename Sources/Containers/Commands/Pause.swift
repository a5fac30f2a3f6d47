// SPDX-License-Identifier: Apache-2.0

internal import Cgroups
internal import OCI

extension ContainerRuntime {
    /// Stops every process of a container where it is, until `resume`.
    package func pause(_ id: String) throws(ContainerError) {
        try performing("pause", id) { (id) throws(ContainerError) in
            let directory = try store.openLocked(id)
            guard let record = try directory.record() else { throw Store.notFound }
            switch try directory.status(record) {
            case .created, .running: break
            case .paused:
                throw ContainerError(.wrongState, "container not running: it is paused already")
            case .stopped, .creating:
                throw ContainerError(.wrongState, "container not running")
            }
            let cgroup = try record.requireCgroup(to: "pause it")
            try withCgroups { () throws(CgroupError) in try cgroup.freeze() }
        }
    }

    /// Lets the processes of a paused container run again.
    package func resume(_ id: String) throws(ContainerError) {
        try performing("resume", id) { (id) throws(ContainerError) in
            let directory = try store.openLocked(id)
            guard let record = try directory.record() else { throw Store.notFound }
            guard try directory.status(record) == .paused, let cgroup = record.cgroup else {
                throw ContainerError(.wrongState, "container not paused")
            }
            try withCgroups { () throws(CgroupError) in try cgroup.thaw() }
        }
    }
}

extension ContainerRecord {
    /// The container's cgroups, for what cannot be done without.
    func requireCgroup(to purpose: String) throws(ContainerError) -> Cgroup {
        if let cgroup { return cgroup }
        throw ContainerError(
            .wrongState,
            "the container has no cgroup to \(purpose): it was made with --cgroup-manager "
                + "disabled, or by a user to whom no cgroup was delegated")
    }
}
