// SPDX-License-Identifier: Apache-2.0

internal import Cgroups
internal import Linux
internal import OCI

extension ContainerRuntime {
    /// Removes a container and all that was made for it (runtime.md#delete).
    ///
    /// A container that was created and never started is ended first: engines rely on that, though
    /// the specification wants an error.
    ///
    /// `force` kills a running container first, and succeeds when there is none; `isStrict` leaves
    /// a created one alone, and is an error then; `warn` gets what the specification wants logged.
    package func delete(
        _ id: String, force: Bool, isStrict: Bool = false, warn: (String) -> Void
    ) throws(ContainerError) {
        try performing("delete", id) { (id) throws(ContainerError) in
            do throws(ContainerError) {
                let directory = try store.open(id)
                if try !directory.tryLock() {
                    if force { try killWhoHoldsLock(directory) }
                    try directory.lock()
                }
                // While the lock was waited for, another `delete` may have been faster.
                guard try directory.isLinked() else { throw Store.notFound }
                let record = try end(directory, force: force, isStrict: isStrict, warn: warn)
                try destroy(directory, record, force: force, warn: warn)
            } catch where error.kind == .notFound && force {
                return
            }
        }
    }

    /// The same for one that this process has just made, whatever it is doing.
    package func delete(_ container: borrowing CreatedContainer, warn: (String) -> Void)
        throws(ContainerError)
    {
        try performing("delete", container.record.id) { (_) throws(ContainerError) in
            try stopAndDestroy(
                container.directory, container.record, container.pidfd, warn: warn)
        }
    }

    /// Ends a container, whatever it is doing, and removes all that was made for it.
    func stopAndDestroy(
        _ directory: borrowing ContainerDirectory, _ record: ContainerRecord,
        _ process: borrowing FileDescriptor, warn: (String) -> Void
    ) throws(ContainerError) {
        try directory.lock()
        // Someone else may have deleted it, and even made another one with its id.
        guard try directory.isLinked() else { return }
        try kill(process, record)
        try destroy(directory, record, warn: warn)
    }

    /// Removes all that was made for a container that has ended, then runs its poststop hooks:
    /// whoever removed its directory runs them, so that they run once.
    private func destroy(
        _ directory: borrowing ContainerDirectory, _ record: ContainerRecord?, force: Bool = false,
        warn: (String) -> Void
    ) throws(ContainerError) {
        try removeCgroups(of: record, force: force, warn: warn)
        try removeResources(of: record)
        try directory.remove()
        guard let record, !record.hooks.poststop.isEmpty else { return }
        // Whoever waits for it finds nothing more, and need not wait for hooks.
        try directory.unlock()
        record.runPoststop(warn: warn)
    }

    private func end(
        _ directory: borrowing ContainerDirectory, force: Bool, isStrict: Bool,
        warn: (String) -> Void
    ) throws(ContainerError) -> ContainerRecord? {
        let record: ContainerRecord?
        do throws(ContainerError) {
            record = try directory.record()
        } catch {
            // With --force a damaged record does not keep the container alive on paper. One that
            // could not be read does: it knows what there is to remove.
            guard force, error.kind == .damaged else { throw error }
            warn(
                "\(error.reason); a process or cgroups it may have are not known, and stay, "
                    + "and its poststop hooks are not run")
            return nil
        }
        guard let record, let process = try record.openProcess() else { return record }
        let status = try directory.status(record)
        // "Attempting to delete a container that is not stopped MUST have no effect on the container
        // and MUST generate an error" (runtime.md#delete).
        if !force && (status != .created || isStrict) {
            throw ContainerError(
                .wrongState,
                "cannot delete container that is not stopped: \(status.rawValue); kill it first, "
                    + "or use --force")
        }
        try kill(process, record)
        return record
    }

    /// Takes the container's cgroups away, with whatever still runs in them: without a pid
    /// namespace of its own, its processes outlive the first.
    ///
    /// With `force`, a systemd that cannot be asked any more keeps nothing alive; `warn` is told.
    private func removeCgroups(
        of record: ContainerRecord?, force: Bool, warn: (String) -> Void
    ) throws(ContainerError) {
        guard let record, let cgroup = record.cgroup else { return }
        var systemd: Systemd?
        if let scope = record.scope {
            do throws(CgroupError) {
                systemd = try Systemd(scope.owner)
                // Its name, and with it its cgroup, can belong to a later container.
                if try systemd?.isAnother(scope.unit, than: scope.invocation) == true { return }
            } catch {
                guard force else { throw ContainerError(error) }
                warn("\(error.reason); scope \"\(scope.unit)\" is left to systemd")
                systemd = nil
            }
        }
        try withCgroups { () throws(CgroupError) in
            if try !cgroup.processes().isEmpty { try cgroup.kill() }
            if let scope = record.scope { try systemd?.stop(scope.unit) }
            try cgroup.delete()
        }
    }

    /// Takes away what else was made outside the container, or is still on loan from the host.
    private func removeResources(of record: ContainerRecord?) throws(ContainerError) {
        guard let record else { return }
        if record.phase == .creating {
            try NetworkDevices.takeBack(record.networkDevices)
            try record.resctrl?.undo()
        } else {
            try record.resctrl?.delete()
        }
    }

    /// Kills a process, and waits until it is gone: the kernel takes its namespace along first.
    private func kill(_ process: borrowing FileDescriptor, _ record: ContainerRecord)
        throws(ContainerError)
    {
        do throws(SystemCallError) {
            try Process.send(Signal.kill, to: process)
        } catch where error.errno == .noProcess {
            return
        } catch {
            throw ContainerError(.failed, "kill the container's process: \(error)")
        }
        if let cgroup = record.cgroup {
            try withCgroups { () throws(CgroupError) in try cgroup.letKilledDie() }
        }
        let hasEnded = try during("wait for the container's process") {
            () throws(SystemCallError) in
            try Poll.readable([process.number], milliseconds: 10_000)[0]
        }
        if !hasEnded {
            throw ContainerError(
                .failed,
                "the container's process has not ended 10 seconds after SIGKILL; is it "
                    + "frozen, or waiting for a device?")
        }
    }

    /// A `create` or `start` that hangs, in a hook perhaps, holds the lock; the container's process,
    /// once on record, is what it waits for. Without a pid namespace of its own that can have
    /// stopped it, too.
    private func killWhoHoldsLock(_ directory: borrowing ContainerDirectory)
        throws(ContainerError)
    {
        guard let record = try? directory.record(), let process = try record.openProcess()
        else { return }
        try kill(process, record)
        for pid in (try? directory.lockHolders()) ?? [] {
            // To one that runs it is nothing. One that holds the lock still, now that its descriptor
            // is open, is no stranger who has got its pid.
            guard let holder = try? Process.descriptor(of: pid),
                (try? directory.lockHolders())?.contains(pid) == true
            else { continue }
            try? Process.send(Signal.continue, to: holder)
        }
    }
}
