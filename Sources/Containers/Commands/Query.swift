// SPDX-License-Identifier: Apache-2.0

package import OCI

typealias OCIStatus = State.Status

extension ContainerRuntime {
    /// What a container is and does now (runtime.md#query-state).
    package func state(_ id: String) throws(ContainerError) -> State {
        try performing("state", id) { (id) throws(ContainerError) in
            let directory = try store.open(id)
            return try state(of: directory)
        }
    }

    /// The states of all containers, sorted by id. One that is removed meanwhile is left out; one
    /// whose record cannot be read is told to `warn`, and keeps none of the others from being seen.
    package func list(warn: (String) -> Void) throws(ContainerError) -> [State] {
        var states: [State] = []
        do throws(ContainerError) {
            for id in try store.ids() {
                do throws(ContainerError) {
                    let directory = try store.open(id)
                    // Someone else's directory, or one of a moment ago.
                    if try directory.record() == nil { continue }
                    states.append(try state(of: directory))
                } catch {
                    if error.kind != .notFound { warn("\(id): \(error.reason)") }
                }
            }
        } catch {
            var error = error
            error.doing = "list"
            throw error
        }
        return states
    }

    private func state(of directory: borrowing ContainerDirectory) throws(ContainerError) -> State {
        guard let record = try directory.record() else {
            guard try directory.isLinked() else { throw Store.notFound }
            // Claimed, and nothing more: either just now, or by one that was killed.
            let status: OCIStatus = try directory.tryLock() ? .stopped : .creating
            return State(id: directory.id.text, status: status, pid: 0, bundle: "")
        }
        let status = try directory.status(record)
        var state = State(
            id: record.id, status: status, pid: status == .stopped ? 0 : record.pid,
            bundle: record.bundle)
        if status == .stopped, MemoryKills.count(in: record) > 0 { state.oomKilled = true }
        state.annotations = record.annotations
        state.rootfs = record.rootfs
        state.created = record.created
        state.owner = record.owner
        return state
    }
}
