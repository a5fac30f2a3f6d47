// SPDX-License-Identifier: Apache-2.0

internal import Linux
internal import OCI

/// Who the container's users are on the host, and whether the caller may have them.
extension BundleCheck {
    mutating func checkIdentity() {
        checkUser()
        if isNew(.user) {
            checkMappings()
        }
        guard let value = configuration.process?.oomScoreAdj, host.effectiveUserID != 0,
            let own = Self.read("/proc/self/oom_score_adj").flatMap({ Int($0) }), value < own
        else { return }
        fail(
            "process.oomScoreAdj",
            "\(value) is below the caller's own \(own), which only root may set")
    }

    /// Ids that no mapping has do not exist inside (user_namespaces(7)).
    private mutating func checkUser() {
        guard let user = configuration.process?.user else { return }
        let linux = configuration.linux
        if !linux.uidMappings.isEmpty,
            IDMapping.hostID(of: user.uid, in: linux.uidMappings) == nil
        {
            fail("process.user.uid", "no entry of linux.uidMappings has user \(user.uid)")
        }
        if linux.gidMappings.isEmpty { return }
        if IDMapping.hostID(of: user.gid, in: linux.gidMappings) == nil {
            fail("process.user.gid", "no entry of linux.gidMappings has group \(user.gid)")
        }
        for (index, gid) in user.additionalGids.enumerated()
        where IDMapping.hostID(of: gid, in: linux.gidMappings) == nil {
            fail(
                "process.user.additionalGids[\(index)]",
                "no entry of linux.gidMappings has group \(gid)")
        }
    }

    private mutating func checkMappings() {
        let linux = configuration.linux
        let plan = NamespacePlan(
            new: .user, joined: [], uidMappings: linux.uidMappings,
            gidMappings: linux.gidMappings)
        if host.effectiveUserID != 0, !IDMapping.areOnly(plan, host: host) {
            checkHelper("newuidmap")
            checkHelper("newgidmap")
            checkSubordinates(
                linux.uidMappings, "uidMappings", "/etc/subuid", own: host.effectiveUserID)
            checkSubordinates(
                linux.gidMappings, "gidMappings", "/etc/subgid", own: host.effectiveGroupID)
        }
        if let status = try? File.status(of: bundle.rootfs), !linux.uidMappings.isEmpty,
            !linux.uidMappings.contains(where: {
                status.uid >= $0.hostID && status.uid - $0.hostID < $0.size
            })
        {
            note(
                "root.path",
                "belongs to user \(status.uid) of the host, which linux.uidMappings does not have, "
                    + "so that inside it belongs to nobody")
        }
    }

    /// newuidmap(1) and newgidmap(1) do what only root may.
    private mutating func checkHelper(_ name: String) {
        guard let path = IDMaps.find(name) else {
            fail(
                "linux.uidMappings",
                "\(name) is not in PATH; an ordinary user needs it to map more than itself: "
                    + "install the package uidmap")
            return
        }
        guard let file = try? File.open(path, .readOnlyAtOnce),
            let status = try? File.status(of: file)
        else {
            fail("linux.uidMappings", "\(path) cannot be read")
            return
        }
        let isSetID = status.permissions & 0o4000 != 0 && status.uid == 0
        let hasCapability = (try? File.hasAttribute("security.capability", of: file)) == true
        if !isSetID && !hasCapability {
            fail(
                "linux.uidMappings",
                "\(path) has no rights of root's: it is neither set-user-ID root nor has it "
                    + "file capabilities; chmod u+s, as root")
        }
        if !File.permits(.execute, path) {
            fail("linux.uidMappings", "\(path) may not be executed by this user")
        }
    }

    private mutating func checkSubordinates(
        _ mappings: [IDMapping], _ key: String, _ file: String, own: UInt32
    ) {
        let ids = SubordinateIDs.read(file, user: host.effectiveUserID)
        for (index, mapping) in mappings.enumerated()
        where !(mapping.hostID == own && mapping.size == 1) && !ids.cover(mapping) {
            let last = UInt64(mapping.hostID) + UInt64(mapping.size) - 1
            fail(
                "linux.\(key)[\(index)]",
                "\(file) does not give this user \(mapping.hostID)-\(last) (it gives \(ids.text)); "
                    + "see usermod(8), --add-sub\(key.prefix(3))s")
        }
    }
}
