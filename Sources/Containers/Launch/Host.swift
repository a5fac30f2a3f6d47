// SPDX-License-Identifier: Apache-2.0

package import Linux

/// What the plan needs to know about the machine and the caller.
package struct Host: Equatable, Sendable {
    package var effectiveUserID: UInt32
    package var effectiveGroupID: UInt32
    /// The caller's place in the cgroup hierarchies; read only for a configuration that shows it.
    package var cgroups: CgroupView?

    package init(effectiveUserID: UInt32, effectiveGroupID: UInt32, cgroups: CgroupView? = nil) {
        self.effectiveUserID = effectiveUserID
        self.effectiveGroupID = effectiveGroupID
        self.cgroups = cgroups
    }

    /// The machine and the caller as they are.
    package static func current(readingCgroups: Bool) throws(SystemCallError) -> Host {
        Host(
            effectiveUserID: Process.effectiveUserID, effectiveGroupID: Process.effectiveGroupID,
            cgroups: readingCgroups ? try CgroupView.current() : nil)
    }
}

/// The cgroup hierarchies that a process is in, and where it is in each (cgroups(7)).
package struct CgroupView: Equatable, Sendable {
    /// One mounted hierarchy.
    package struct Hierarchy: Equatable, Sendable {
        /// Where it is mounted on the host.
        package var mountPoint: String
        /// Controllers of a v1 hierarchy, or its `name=`; empty for cgroup2.
        package var controllers: [String]
        /// The process's place, from the hierarchy's root.
        package var path: String

        package var isCgroup2: Bool { controllers.isEmpty }

        /// The directory's name below /sys/fs/cgroup.
        package var name: String {
            if isCgroup2 { return "unified" }
            let names = controllers.map { $0.hasPrefix("name=") ? String($0.dropFirst(5)) : $0 }
            return names.joined(separator: ",")
        }
    }

    package var hierarchies: [Hierarchy]

    package init(hierarchies: [Hierarchy]) { self.hierarchies = hierarchies }

    /// Whether the only hierarchy is cgroup2, mounted at /sys/fs/cgroup.
    package var isUnified: Bool {
        hierarchies.count == 1 && hierarchies[0].isCgroup2
    }

    /// The caller's view, from `/proc/self/cgroup` and `/proc/self/mountinfo`.
    package static func current() throws(SystemCallError) -> CgroupView {
        CgroupView(
            membership: try File.readText("/proc/self/cgroup"),
            mountInformation: try File.readText("/proc/self/mountinfo", limit: 64 << 20))
    }

    /// The same from the texts of the two files (cgroups(7), proc_pid_mountinfo(5)).
    package init(membership: String, mountInformation: String) {
        var paths: [(controllers: [String], path: String)] = []
        for line in membership.split(separator: "\n") {
            let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard fields.count == 3 else { continue }
            let controllers = fields[1].split(separator: ",").map(String.init)
            paths.append((controllers, String(fields[2])))
        }
        hierarchies = []
        for line in mountInformation.utf8.split(separator: UInt8(ascii: "\n")) {
            guard let mount = MountInformation(line: line), mount.isCgroup,
                mount.mountPoint.hasPrefix("/sys/fs/cgroup")
            else { continue }
            for (controllers, path) in paths where mount.shows(controllers) {
                let isKnown = hierarchies.contains { $0.controllers == controllers }
                if isKnown { break }
                hierarchies.append(
                    Hierarchy(mountPoint: mount.mountPoint, controllers: controllers, path: path))
                break
            }
        }
    }
}

/// One line of `/proc/PID/mountinfo` (proc_pid_mountinfo(5)).
package struct MountInformation: Equatable, Sendable {
    package var mountPoint: String
    package var type: String
    package var superblockOptions: [String]

    package var isCgroup: Bool { type == "cgroup" || type == "cgroup2" }

    package init?(line: Substring.UTF8View) {
        let fields = line.split(separator: UInt8(ascii: " "))
        guard let separator = fields.firstIndex(where: { $0.elementsEqual("-".utf8) }),
            separator >= 6, fields.count > separator + 3
        else { return nil }
        mountPoint = Self.unescape(fields[4])
        type = String(decoding: fields[separator + 1], as: UTF8.self)
        superblockOptions = fields[separator + 3].split(separator: UInt8(ascii: ","))
            .map { String(decoding: $0, as: UTF8.self) }
    }

    /// Whether this mount is the hierarchy of these controllers.
    fileprivate func shows(_ controllers: [String]) -> Bool {
        if controllers.isEmpty { return type == "cgroup2" }
        return type == "cgroup" && controllers.allSatisfy { superblockOptions.contains($0) }
    }

    /// Undoes `\040` and its kin.
    private static func unescape(_ field: Substring.UTF8View) -> String {
        var bytes: [UInt8] = []
        var rest = field
        while let byte = rest.popFirst() {
            let digits = rest.prefix(3)
            if byte == UInt8(ascii: "\\"), digits.count == 3,
                let value = UInt8(String(decoding: digits, as: UTF8.self), radix: 8)
            {
                bytes.append(value)
                rest = rest.dropFirst(3)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
