// SPDX-License-Identifier: Apache-2.0

internal import Linux
internal import OCI

/// Maps the ids of a new user namespace (user_namespaces(7)).
enum IDMaps {
    /// Writes both maps: by ourselves where we may, by newuidmap(1) and newgidmap(1) where an
    /// ordinary user maps more than itself.
    static func write(_ plan: NamespacePlan, for pid: Int32, host: Host) throws(ContainerError) {
        let isOwn = IDMapping.areOnly(plan, host: host)
        if host.effectiveUserID == 0 || isOwn {
            if IDMapping.mustDenySetgroups(plan, host: host) {
                // Before gid_map, or the kernel refuses that (CVE-2014-8989).
                try writeFile("setgroups", "deny", for: pid)
            }
            try writeDirectly(plan.uidMappings, plan.gidMappings, for: pid)
        } else {
            try run("newgidmap", plan.gidMappings, for: pid, file: "/etc/subgid")
            try run("newuidmap", plan.uidMappings, for: pid, file: "/etc/subuid")
        }
    }

    /// Writes both maps by ourselves, which needs the right to.
    static func writeDirectly(_ uids: [IDMapping], _ gids: [IDMapping], for pid: Int32)
        throws(ContainerError)
    {
        try writeFile("gid_map", text(gids), for: pid)
        try writeFile("uid_map", text(uids), for: pid)
    }

    private static func text(_ mappings: [IDMapping]) -> String {
        mappings.map { "\($0.containerID) \($0.hostID) \($0.size)\n" }.joined()
    }

    private static func writeFile(_ name: String, _ value: String, for pid: Int32)
        throws(ContainerError)
    {
        do throws(SystemCallError) {
            try File.write(value, toExisting: "/proc/\(pid)/\(name)")
        } catch {
            throw ContainerError(
                .failed,
                "map ids: write \(name): \(error.errno)"
                    + "; are the ids on the host's side mapped in the caller's own user namespace?")
        }
    }

    /// Runs one of the set-id helpers of the `uidmap` package, by its absolute path in PATH.
    private static func run(
        _ name: String, _ mappings: [IDMapping], for pid: Int32, file: String
    ) throws(ContainerError) {
        guard let path = find(name) else {
            throw ContainerError(
                .failed,
                "map ids: \(name) is not in PATH; an ordinary user needs it to map more than "
                    + "itself: install the package uidmap")
        }
        let arguments =
            [name, "\(pid)"]
            + mappings.flatMap { ["\($0.containerID)", "\($0.hostID)", "\($0.size)"] }
        let status: ExitStatus
        do throws(SystemCallError) {
            switch try Process.clone([]) {
            case .child:
                _ = Process.execute(path, arguments: arguments, environment: [])
                Process.exitNow(127)
            case .parent(_, let pidfd):
                status = try Process.wait(for: pidfd)
            }
        } catch {
            throw ContainerError(step: "map ids: \(name)", error)
        }
        if status != .exited(0) {
            throw ContainerError(
                .failed,
                "map ids: \(path) refused (status \(status.shellCode)); does \(file) give the "
                    + "user these ids?")
        }
    }

    /// A helper's absolute path, from the caller's PATH.
    static func find(_ name: String) -> String? {
        let path = Process.environmentVariable("PATH") ?? "/usr/sbin:/usr/bin:/sbin:/bin"
        for directory in path.split(separator: ":") where directory.hasPrefix("/") {
            let candidate = "\(directory)/\(name)"
            if let status = try? File.status(of: candidate), status.type == .regular {
                return candidate
            }
        }
        return nil
    }
}

extension Configuration {
    /// The host's id of the process's user; nil without a process, or when no mapping has it.
    var hostUser: UInt32? {
        (process?.user.uid).flatMap { IDMapping.hostID(of: $0, in: linux.uidMappings) }
    }
}

extension IDMapping {
    /// The host's id of a container's; nil when no mapping has it. Without mappings they are one.
    static func hostID(of id: UInt32, in mappings: [IDMapping]) -> UInt32? {
        if mappings.isEmpty { return id }
        for mapping in mappings
        where id >= mapping.containerID && id - mapping.containerID < mapping.size {
            return mapping.hostID &+ (id - mapping.containerID)
        }
        return nil
    }

    /// Whether the maps hold nothing but the caller's own ids, which every user may map.
    static func areOnly(_ plan: NamespacePlan, host: Host) -> Bool {
        func isOwn(_ mappings: [IDMapping], _ id: UInt32) -> Bool {
            mappings.count == 1 && mappings[0].hostID == id && mappings[0].size == 1
        }
        return isOwn(plan.uidMappings, host.effectiveUserID)
            && isOwn(plan.gidMappings, host.effectiveGroupID)
    }

    /// Whether the kernel wants setgroups(2) denied before it takes the gid map: when an ordinary
    /// user writes it.
    package static func mustDenySetgroups(_ plan: NamespacePlan, host: Host) -> Bool {
        host.effectiveUserID != 0 && areOnly(plan, host: host)
    }
}
