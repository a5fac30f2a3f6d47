// SPDX-License-Identifier: Apache-2.0

internal import Linux

/// What would be in the way of making a container's cgroups, found without making anything.
extension CgroupCreation {
    /// Why `carryOut` would fail, one reason for each hierarchy or controller; empty when nothing
    /// is known to be in its way.
    package func obstacles() throws(CgroupError) -> [CgroupError] {
        var found: [CgroupError] = []
        for place in record.places {
            let top = try CgroupDirectory(topOf: place)
            let names = place.names
            // What is missing will be made below the last directory that is there.
            let existing = names.prefix(names.count - place.made.count).joined(separator: "/")
            guard let directory = try top.open(existing) else { continue }
            if needs.isMadeBySystemd, place.isCgroup2 {
                found += try undelegatedControllers(in: directory)
                continue
            }
            if !place.made.isEmpty, let obstacle = refusal(in: directory, of: place) {
                found.append(obstacle)
                continue
            }
            if place.isCgroup2 { found += try missingControllers(in: directory, of: place) }
        }
        return found
    }

    /// Whether a directory may not be made in another.
    private func refusal(in directory: borrowing CgroupDirectory, of place: CgroupPlace)
        -> CgroupError?
    {
        if File.permits(.write, ".", at: directory.descriptor.number) { return nil }
        // Where nothing needs it, the place is left out already.
        return CgroupError(
            .failed,
            "cgroup \"\(directory.path)\" cannot be written to by this user; it has to be "
                + "delegated (by systemd: Delegate=yes), or cgroups left alone "
                + "(--cgroup-manager disabled)")
    }

    /// What systemd was not given, and so cannot give: it enables what it has by itself.
    private func undelegatedControllers(in directory: borrowing CgroupDirectory)
        throws(CgroupError) -> [CgroupError]
    {
        let available = words(of: try directory.read("cgroup.controllers") ?? "")
        return needs.unified.subtracting(available).sorted().map {
            CgroupError(
                .unsupported,
                "the \($0) controller is not available to systemd in cgroup "
                    + "\"\(directory.path)\"; a user's systemd has to be given it (Delegate= of "
                    + "user@.service)")
        }
    }

    private func missingControllers(
        in directory: borrowing CgroupDirectory, of place: CgroupPlace
    ) throws(CgroupError) -> [CgroupError] {
        if needs.unified.isEmpty { return [] }
        let available = words(of: try directory.read("cgroup.controllers") ?? "")
        let enabled = words(of: try directory.read("cgroup.subtree_control") ?? "")
        var found: [CgroupError] = []
        for controller in needs.unified.sorted() {
            if !available.contains(controller) {
                found.append(
                    CgroupError(
                        .unsupported,
                        "the \(controller) controller is not available in cgroup "
                            + "\"\(directory.path)\"; a cgroup above it has to be given it"))
            } else if !place.made.isEmpty, !enabled.contains(controller),
                try isOccupied(directory)
            {
                found.append(
                    CgroupError(
                        .unsupported,
                        "the \(controller) controller cannot be enabled: cgroup "
                            + "\"\(directory.path)\" has processes of its own, and such a cgroup "
                            + "cannot give controllers to its children; move them to a child of "
                            + "their own, or give an absolute cgroupsPath elsewhere"))
            }
        }
        return found
    }

    /// Whether processes live here; the root of all may have both.
    private func isOccupied(_ directory: borrowing CgroupDirectory) throws(CgroupError) -> Bool {
        // The root alone has no cgroup.type.
        guard try directory.read("cgroup.type") != nil else { return false }
        return try directory.read("cgroup.procs")?.isEmpty == false
    }
}
