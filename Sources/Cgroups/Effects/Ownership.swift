// SPDX-License-Identifier: Apache-2.0

internal import Linux
package import OCI

/// Who owns a container's cgroup (config-linux.md#cgroup-ownership).
extension Cgroup {
    /// Whether a configuration is one for which a runtime changes the owner: on cgroup2, with a
    /// cgroup namespace of the container's own, and with `cgroup` mounted at /sys/fs/cgroup for
    /// writing.
    package static func delegates(
        namespaces: [Namespace], mounts: [Mount], layout: CgroupLayout
    ) -> Bool {
        guard layout.isUnified,
            namespaces.contains(where: { $0.kind == .cgroup && $0.path == nil })
        else { return false }
        return mounts.contains {
            $0.source == "cgroup" && $0.destination == "/sys/fs/cgroup"
                && !$0.options.contains("ro")
        }
    }

    /// Files that belong to who a cgroup is delegated to, where the kernel does not list them.
    package static let delegatedFiles = [
        "cgroup.procs", "cgroup.subtree_control", "cgroup.threads",
    ]

    /// Gives the cgroup2 directory, and the files in it that the kernel lists for that, to a
    /// user; every other file stays as it is, or the user could lift the limits. The uid is the
    /// host's id of `process.user.uid`.
    package func changeOwner(to uid: UInt32) throws(CgroupError) {
        guard let place = unified else { return }
        guard let directory = try place.open() else { throw Self.gone(place) }
        let files: [String]
        if let list = try? File.readText("/sys/kernel/cgroup/delegate") {
            files = list.split(separator: "\n").map(String.init)
        } else {
            files = Self.delegatedFiles
        }
        try during("owner of cgroup \"\(place)\"") { () throws(SystemCallError) in
            // The group stays: -1.
            let number = directory.descriptor.number
            try File.changeOwner(ofNumber: number, uid: uid, gid: .max)
            for file in files where !file.contains("/") {
                do throws(SystemCallError) {
                    try File.changeOwner(file, at: number, uid: uid, gid: .max)
                } catch where error.errno == .noEntry {
                    continue
                }
            }
        }
    }
}
