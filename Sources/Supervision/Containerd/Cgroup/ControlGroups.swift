// SPDX-License-Identifier: Apache-2.0

internal import Linux

/// Where the cgroups of a process are, as files (cgroups(7)).
///
/// It is read once, while the process lives: its statistics are wanted after its end, too.
package struct ControlGroups: Equatable {
    /// The directory of each v1 controller's cgroup.
    package var legacy: [String: String] = [:]
    /// cgroup2's, when it is where controllers are: mounted at /sys/fs/cgroup itself.
    package var unified: String?

    /// Reads where a process is.
    ///
    /// - Throws: ESRCH or ENOENT when there is no such process.
    init(of pid: Int32) throws(SystemCallError) {
        self.init(
            memberships: try File.readText("/proc/\(pid)/cgroup"),
            mounts: try File.readText("/proc/self/mountinfo", limit: 16 << 20))
    }

    /// - Parameters:
    ///   - memberships: the text of `/proc/PID/cgroup`: `ID:CONTROLLERS:PATH` a line.
    ///   - mounts: the text of `/proc/self/mountinfo`.
    package init(memberships: String, mounts: String) {
        var unifiedMount: (point: String, root: String)?
        var legacyMounts: [String: (point: String, root: String)] = [:]
        for line in mounts.split(separator: "\n") {
            let fields = line.split(separator: " ")
            guard let dash = fields.firstIndex(of: "-"), fields.count > dash + 3, dash > 4 else {
                continue
            }
            let place = (point: String(fields[4]), root: String(fields[3]))
            switch fields[dash + 1] {
            case "cgroup2" where place.point == "/sys/fs/cgroup": unifiedMount = place
            case "cgroup":
                for option in fields[dash + 3].split(separator: ",")
                where legacyMounts[String(option)] == nil {
                    legacyMounts[String(option)] = place
                }
            default: break
            }
        }
        for line in memberships.split(separator: "\n") {
            let fields = line.split(
                separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard fields.count == 3 else { continue }
            let path = String(fields[2])
            if fields[0] == "0" {
                if let unifiedMount { unified = Self.join(unifiedMount, path) }
                continue
            }
            for controller in fields[1].split(separator: ",") {
                let name = String(controller)
                if let place = legacyMounts[name] { legacy[name] = Self.join(place, path) }
            }
        }
    }

    /// A mount may show a part of the hierarchy only: what lies above is not in its paths.
    private static func join(_ mount: (point: String, root: String), _ path: String) -> String {
        var rest = path[...]
        if mount.root != "/" && rest.hasPrefix(mount.root) {
            rest = rest.dropFirst(mount.root.count)
        }
        return rest == "/" || rest.isEmpty ? mount.point : mount.point + rest
    }

    /// Where hierarchies are mounted, of either version, each once.
    static func mountPoints(in mounts: String) -> [String] {
        var points: [String] = []
        for line in mounts.split(separator: "\n") {
            let fields = line.split(separator: " ")
            guard let dash = fields.firstIndex(of: "-"), fields.count > dash + 1, dash > 4,
                ["cgroup", "cgroup2"].contains(fields[dash + 1]),
                !points.contains(String(fields[4]))
            else { continue }
            points.append(String(fields[4]))
        }
        return points
    }

    /// Lets cgroups below this one have all controllers there are, from the top down.
    func enableControllers() {
        guard let unified else { return }
        let top = "/sys/fs/cgroup"
        guard unified.hasPrefix(top + "/"),
            let available = try? File.readText("\(top)/cgroup.controllers")
        else { return }
        var directory = top
        // Not in the cgroup itself: it has processes, and then may not.
        for name in unified.dropFirst(top.count + 1).split(separator: "/") {
            for controller in available.split(whereSeparator: { $0 == " " || $0 == "\n" }) {
                // Each for itself: the kernel takes all or none of a list, and some that exist
                // cannot be had everywhere (cpu, with real-time processes).
                try? File.write(
                    "+\(controller)", toExisting: "\(directory)/cgroup.subtree_control")
            }
            directory += "/\(name)"
        }
    }
}

/// Reads the files of one cgroup. What is missing, because a kernel or a controller does not have
/// it, is nil.
struct CgroupFiles {
    let directory: String

    func text(_ name: String) -> String? {
        guard let file = try? File.open("\(directory)/\(name)", .readOnly),
            let bytes = try? File.readAll(file, limit: 1 << 20)
        else { return nil }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// A file with one number, or with `max`, which is the largest one.
    func number(_ name: String) -> UInt64? {
        guard let text = text(name) else { return nil }
        let word = text.prefix { $0 != "\n" }
        return word == "max" ? .max : UInt64(word)
    }

    /// A file with a name and a number on each line.
    func table(_ name: String) -> [Substring: UInt64] {
        var table: [Substring: UInt64] = [:]
        for line in (text(name) ?? "").split(separator: "\n") {
            let fields = line.split(separator: " ")
            if fields.count == 2, let value = UInt64(fields[1]) { table[fields[0]] = value }
        }
        return table
    }

    /// The page sizes of huge pages, as the kernel names the files of hugetlb.
    static var hugePageSizes: [String] {
        guard let directory = try? File.open("/sys/kernel/mm/hugepages", .realDirectory),
            let names = try? File.names(in: directory)
        else { return [] }
        return names.compactMap { name -> String? in
            let digits = name.drop { !("0"..."9").contains($0) }.prefix { $0 != "k" }
            guard let kibibytes = UInt64(digits) else { return nil }
            if kibibytes >= 1 << 20 { return "\(kibibytes >> 20)GB" }
            return kibibytes >= 1 << 10 ? "\(kibibytes >> 10)MB" : "\(kibibytes)KB"
        }.sorted()
    }
}
