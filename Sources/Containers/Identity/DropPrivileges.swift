// SPDX-License-Identifier: Apache-2.0

internal import Linux

/// Who the process is from here on.
extension InitProcess {
    /// Becomes the configured user with exactly the configured rights.
    mutating func dropPrivileges(_ plan: IdentityPlan) throws(ContainerError) {
        let allowed = try attempt { () throws(SystemCallError) in try Capabilities.permitted() }
        try warnAboutMissing(plan.capabilities, allowed: allowed)
        if plan.keepsRightToFilter { try requireRightToFilter(allowed) }
        try giveStandardStreams(to: plan.uid)
        try attempt { () throws(SystemCallError) in
            // Before the ids change: the bounding set needs CAP_SETPCAP.
            try Capabilities.limitBounding(to: plan.capabilities.bounding)
            // Or the change of ids would empty the permitted set too.
            try Credentials.keepCapabilities(true)
            if let groups = plan.groups { try Credentials.setGroups(groups) }
            try Credentials.setGroupID(plan.gid)
            try Credentials.setUserID(plan.uid)
            try Credentials.keepCapabilities(false)
            // A change of ids may make a process dumpable again.
            try Process.setDumpable(false)
        }
        if let path = lateWorkingDirectory {
            try attempt { () throws(SystemCallError) in try Process.changeDirectory(to: path) }
            try verifyWorkingDirectory(path)
        }
        let sets = plan.capabilities
        let permitted = sets.permitted.intersection(allowed)
        let inheritable = sets.inheritable.intersection(allowed)
        var now = FilteredProgram.CapabilitySets(
            effective: sets.effective.intersection(permitted), permitted: permitted,
            inheritable: inheritable)
        if plan.keepsRightToFilter, !now.effective.contains(Capabilities.administration) {
            lateCapabilities = now
            now.effective.insert(Capabilities.administration)
            now.permitted.insert(Capabilities.administration)
        }
        try attempt { () throws(SystemCallError) in
            try Capabilities.set(
                effective: now.effective, permitted: now.permitted, inheritable: now.inheritable)
            // Last: a capability is ambient only while it is permitted and inheritable.
            try Capabilities.setAmbient(
                sets.ambient.intersection(permitted).intersection(inheritable))
            if plan.noNewPrivileges { try Process.setNoNewPrivileges() }
            // config.md#posix-platform-user: unset leaves the caller's as it was.
            Process.setUmask(plan.umask ?? resources.callerUmask)
        }
    }

    /// seccomp(2): loading a filter takes no_new_privs, or CAP_SYS_ADMIN.
    private func requireRightToFilter(_ allowed: CapabilitySet) throws(ContainerError) {
        if allowed.contains(Capabilities.administration) { return }
        throw ContainerError(
            .failed,
            "linux.seccomp: without process.noNewPrivileges a filter takes CAP_SYS_ADMIN, which "
                + "this runtime does not have here; set process.noNewPrivileges to true")
    }

    /// config.md#linux-process: what cannot be granted is a warning.
    private func warnAboutMissing(_ sets: CapabilityPlan, allowed: CapabilitySet)
        throws(ContainerError)
    {
        let missing = sets.permitted.subtracting(allowed)
        let beyond = sets.ambient.subtracting(sets.permitted.intersection(sets.inheritable))
        if missing.isEmpty && beyond.isEmpty { return }
        let names = Capabilities.allNames
        func name(_ number: Int32) -> String {
            names.indices.contains(Int(number)) ? names[Int(number)] : "\(number)"
        }
        for number in missing.members {
            try warn("capability \(name(number)) cannot be granted here and was left out")
        }
        for number in beyond.members {
            try warn(
                "capability \(name(number)) cannot be ambient without being permitted and "
                    + "inheritable, and was left out")
        }
    }

    /// Lets the process's user open its own standard streams again, through /dev/stdin and its kin:
    /// pipes and sockets that belong to us, nothing that has a name on the host.
    private func giveStandardStreams(to uid: UInt32) throws(ContainerError) {
        if uid == 0 { return }
        for stream in CInt(0)...2 {
            guard let status = try? File.status(ofNumber: stream), status.uid != uid,
                status.type == .fifo
            else { continue }
            do throws(SystemCallError) {
                try File.changeOwner(ofNumber: stream, uid: uid, gid: .max)
            } catch where [.notPermitted, .invalid, .readOnly].contains(error.errno) {
                // Not ours to give, or an id that is not mapped: the stream itself still works.
            } catch {
                throw ContainerError(.failed, "standard stream \(stream): \(error)")
            }
        }
    }
}
