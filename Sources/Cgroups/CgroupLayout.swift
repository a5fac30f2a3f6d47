// SPDX-License-Identifier: Apache-2.0

package import Linux

/// The two forms of cgroups (cgroups(7)).
package enum CgroupVersion: String, Equatable, Sendable, CustomStringConvertible {
    /// One hierarchy for each controller, or for several.
    case v1
    /// One hierarchy for all.
    case v2

    package var description: String { "cgroup \(rawValue)" }
}

/// The cgroup hierarchies that the host has mounted, and where a process is in each (cgroups(7)).
package struct CgroupLayout: Equatable, Sendable {
    /// One mounted hierarchy.
    package struct Hierarchy: Equatable, Sendable {
        /// Where it is mounted on the host.
        package var mountPoint: String
        /// Controllers of a v1 hierarchy, or its `name=`; empty for cgroup2.
        package var controllers: [String]
        /// The process's place, as `/proc/PID/cgroup` tells it: from the root of the hierarchy
        /// or of the cgroup namespace.
        package var path: String
        /// The cgroup that the mount shows at its top; "/" unless a part of the hierarchy was
        /// bound there, as engines do for containers without a cgroup namespace.
        package var root = "/"
        /// What cgroup2 can be asked to control at the mount's top: its `cgroup.controllers`.
        package var available: [String] = []

        package init(mountPoint: String, controllers: [String], path: String) {
            self.mountPoint = mountPoint
            self.controllers = controllers
            self.path = path
        }

        package var isCgroup2: Bool { controllers.isEmpty }

        package var version: CgroupVersion { isCgroup2 ? .v2 : .v1 }

        /// The directory's name below /sys/fs/cgroup.
        package var name: String {
            if isCgroup2 { return "unified" }
            let names = controllers.map { $0.hasPrefix("name=") ? String($0.dropFirst(5)) : $0 }
            return names.joined(separator: ",")
        }

        /// The process's place below the mount point, one name each; nil when the mount does not
        /// show it.
        package var visiblePath: [String]? {
            let all = path.split(separator: "/").map(String.init)
            let hidden = root.split(separator: "/").map(String.init)
            guard all.starts(with: hidden), !all.contains("..") else { return nil }
            return Array(all[hidden.count...])
        }
    }

    /// In the order of `/proc/self/mountinfo`.
    package var hierarchies: [Hierarchy]

    package init(hierarchies: [Hierarchy]) { self.hierarchies = hierarchies }

    /// Whether the only hierarchy is cgroup2. When it is not, and there is a cgroup2 tree, the
    /// host is a hybrid: v1 has the controllers, and processes are placed in both.
    package var isUnified: Bool { hierarchies.count == 1 && hierarchies[0].isCgroup2 }

    /// The cgroup2 tree, alone or beside v1.
    package var unified: Hierarchy? { hierarchies.first { $0.isCgroup2 } }

    /// The v1 hierarchies.
    package var legacy: [Hierarchy] { hierarchies.filter { !$0.isCgroup2 } }

    /// The one hierarchy that holds a container's processes together when nothing asks for more:
    /// with it they can be stopped, killed and counted. cgroup2, into which a process can be born;
    /// to be moved into a v1 hierarchy costs a wait for all processors, so that only where there
    /// is no cgroup2 it is v1's freezer.
    package var least: CgroupLayout {
        let only = unified ?? legacy.first { $0.controllers.contains("freezer") } ?? legacy.first
        return CgroupLayout(hierarchies: only.map { [$0] } ?? [])
    }

    /// What each form of cgroups controls here.
    package var support: ControllerSupport {
        ControllerSupport(
            legacy: Set(legacy.flatMap(\.controllers)),
            unified: unified.map { Set($0.available) })
    }

    /// The caller's view, from `/proc/self/cgroup` and `/proc/self/mountinfo`.
    package static func current() throws(SystemCallError) -> CgroupLayout {
        let membership = try File.readText("/proc/self/cgroup")
        var layout =
            if isUnifiedThroughout() {
                CgroupLayout(membership: membership, mountInformation: usualMount)
            } else {
                CgroupLayout(
                    membership: membership,
                    mountInformation: try File.readText("/proc/self/mountinfo", limit: 64 << 20))
            }
        for index in layout.hierarchies.indices where layout.hierarchies[index].isCgroup2 {
            let path = "\(layout.hierarchies[index].mountPoint)/cgroup.controllers"
            layout.hierarchies[index].available = words(of: try File.readText(path))
        }
        return layout
    }

    /// Whether /sys/fs/cgroup is cgroup2 from its root on: as on most hosts, where a look at it tells
    /// as much as the table of all mounts, which has a thousand lines where many containers run.
    private static func isUnifiedThroughout() -> Bool {
        do throws(SystemCallError) {
            let directory = try File.open("/sys/fs/cgroup", .realDirectoryPath)
            guard try File.fileSystem(of: directory).isCgroup2 else { return false }
            return try File.status(of: directory).inode == rootInode
        } catch {
            return false  // The table will tell.
        }
    }

    /// kernfs counts its files from the root on, and starts with 1.
    private static let rootInode: UInt64 = 1

    /// The line that such a mount has.
    private static let usualMount = "1 1 0:1 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw"

    /// The same from the texts of the two files (cgroups(7), proc_pid_mountinfo(5)).
    package init(membership: String, mountInformation: String) {
        var paths: [(controllers: [String], path: String)] = []
        for line in membership.split(separator: "\n") {
            let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard fields.count == 3 else { continue }
            let controllers = fields[1].split(separator: ",").map(String.init)
            paths.append((controllers, String(fields[2])))
        }
        var mounts: [(mount: MountInformation, hierarchy: Hierarchy)] = []
        for line in mountInformation.utf8.split(separator: UInt8(ascii: "\n")) {
            guard let mount = MountInformation(line: line), mount.isCgroup,
                mount.isBelow("/sys/fs/cgroup")
            else { continue }
            // A mount over others hides them.
            mounts.removeAll { mount.hides($0.mount) }
            for (controllers, path) in paths where mount.shows(controllers) {
                if mounts.contains(where: { $0.hierarchy.controllers == controllers }) { break }
                var hierarchy = Hierarchy(
                    mountPoint: mount.mountPoint, controllers: controllers, path: path)
                hierarchy.root = mount.root
                mounts.append((mount, hierarchy))
                break
            }
        }
        hierarchies = mounts.map(\.hierarchy)
    }
}

/// Which controllers there are, and in which form.
package struct ControllerSupport: Equatable, Sendable {
    /// Controllers of v1 hierarchies.
    package var legacy: Set<String>
    /// Controllers of the cgroup2 tree; nil when there is no such tree.
    package var unified: Set<String>?

    package init(legacy: Set<String> = [], unified: Set<String>? = nil) {
        self.legacy = legacy
        self.unified = unified
    }

    /// Where a controller is. The kernel has each in one form at a time.
    ///
    /// `blkio` is called `io` in cgroup2; `devices` is there by programs of bpf(2), and `net_cls`
    /// and `net_prio` not at all.
    package func version(of controller: String) -> CgroupVersion? {
        if legacy.contains(controller) { return .v1 }
        guard let unified else { return nil }
        if controller == "devices" { return .v2 }
        return unified.contains(controller == "blkio" ? "io" : controller) ? .v2 : nil
    }
}

/// One line of `/proc/PID/mountinfo` (proc_pid_mountinfo(5)).
package struct MountInformation: Equatable, Sendable {
    package var id: String
    package var parent: String
    /// The part of the filesystem that the mount shows.
    package var root: String
    package var mountPoint: String
    package var type: String
    package var superblockOptions: [String]

    package var isCgroup: Bool { type == "cgroup" || type == "cgroup2" }

    package init?(line: Substring.UTF8View) {
        let fields = line.split(separator: UInt8(ascii: " "))
        guard let separator = fields.firstIndex(where: { $0.elementsEqual("-".utf8) }),
            separator >= 6, fields.count > separator + 3
        else { return nil }
        id = String(decoding: fields[0], as: UTF8.self)
        parent = String(decoding: fields[1], as: UTF8.self)
        root = Self.unescape(fields[3])
        mountPoint = Self.unescape(fields[4])
        type = String(decoding: fields[separator + 1], as: UTF8.self)
        superblockOptions = fields[separator + 3].split(separator: UInt8(ascii: ","))
            .map { String(decoding: $0, as: UTF8.self) }
    }

    /// The mounts that a process sees, by its name in /proc.
    package static func table(of process: String = "self") throws(SystemCallError)
        -> [MountInformation]
    {
        let text = try File.readText("/proc/\(process)/mountinfo", limit: 64 << 20)
        return text.utf8.split(separator: UInt8(ascii: "\n")).compactMap {
            MountInformation(line: $0)
        }
    }

    /// The mount that an open file of the caller's is on, by its number there.
    package static func id(of file: borrowing FileDescriptor) throws(SystemCallError) -> String {
        let path = "/proc/self/fdinfo/\(file.number)"
        for line in try File.readText(path).split(separator: "\n") where line.hasPrefix("mnt_id:") {
            if let id = line.dropFirst(7).split(whereSeparator: { $0 == " " || $0 == "\t" }).first {
                return String(id)
            }
        }
        throw SystemCallError("find the mount in", path, .noEntry)
    }

    /// Whether it is mounted at a directory, or anywhere below.
    func isBelow(_ directory: String) -> Bool {
        mountPoint == directory || mountPoint.hasPrefix("\(directory)/")
    }

    /// Whether this mount, which came later, covers another, on top of it or of its parent.
    func hides(_ other: MountInformation) -> Bool {
        if parent == other.id { return mountPoint == other.mountPoint }
        return other.isBelow(mountPoint)
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

/// The words of a file of the kernel's.
func words(of text: String) -> [String] {
    text.split { $0 == " " || $0 == "\n" || $0 == "\t" }.map(String.init)
}
