// SPDX-License-Identifier: Apache-2.0

/// Where `linux.cgroupsPath` says that a container lives (config-linux.md#cgroups-path).
package enum CgroupPath: Equatable, Sendable {
    /// From the top of each hierarchy.
    case absolute([String])
    /// From where the caller is in each hierarchy (`CgroupPath.places`).
    case relative([String])

    /// Bytes of a path, its end mark included (PATH_MAX), and of one name in it (NAME_MAX).
    private static let longestPath = 4096
    private static let longestName = 255

    /// Reads the configured path; without one it is the container's id, from where the caller is.
    package init(_ text: String?, id: String) throws(CgroupError) {
        guard let text, !text.isEmpty else {
            self = .relative([id])
            return
        }
        let isAbsolute = text.hasPrefix("/")
        if !isAbsolute, !text.contains("/"),
            text.split(separator: ":", omittingEmptySubsequences: false).count == 3
        {
            throw CgroupError(
                .unsupported,
                "cgroupsPath \"\(text)\" has systemd's form slice:prefix:name, which takes the "
                    + "systemd cgroup driver; without it, give a path such as \"/group/name\"")
        }
        guard text.utf8.count < Self.longestPath else {
            throw CgroupError(
                .invalid,
                "cgroupsPath has \(text.utf8.count) bytes; a path has at most "
                    + "\(Self.longestPath - 1)")
        }
        let names = (isAbsolute ? text.dropFirst() : text[...])
            .split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        for name in names {
            try Self.check(name, in: text)
        }
        self = isAbsolute ? .absolute(names) : .relative(names)
    }

    private static func check(_ name: String, in text: String) throws(CgroupError) {
        let complaint: String
        if name.isEmpty {
            complaint = "has an empty name in it"
        } else if name == "." || name == ".." {
            complaint = "has \"\(name)\" in it"
        } else if name.utf8.contains(0) || name.utf8.contains(UInt8(ascii: "\n")) {
            complaint = "has a zero byte or a line break in it"
        } else if name.utf8.count > longestName {
            complaint = "has a name of more than \(longestName) bytes in it"
        } else {
            return
        }
        throw CgroupError(
            .invalid,
            "cgroupsPath \"\(text)\" \(complaint); expected names joined by \"/\"")
    }

    /// The container's cgroup in every hierarchy.
    ///
    /// An absolute path is the same in all. A relative one, or none, starts at the caller's own
    /// cgroup on v1, hierarchy by hierarchy, as runc and its engines have it: what limits the
    /// caller limits the container. On cgroup2 it starts beside the caller's cgroup, in its
    /// parent. A cgroup that has processes, and the caller's has at least one, cannot give
    /// controllers to its children (the kernel's "no internal process" rule), so a container
    /// below the caller could have no limits. runc has done the same since 1.0 (runc pull request
    /// 2305). For a caller at the top, as in a fresh cgroup namespace, it is the top.
    package func places(in layout: CgroupLayout) -> [CgroupPlace] {
        layout.hierarchies.map { hierarchy in
            var path: [String]
            switch self {
            case .absolute(let names): path = names
            case .relative(let names):
                path = hierarchy.visiblePath ?? []
                if hierarchy.isCgroup2 { path = path.dropLast() }
                path += names
            }
            return CgroupPlace(
                mountPoint: hierarchy.mountPoint, controllers: hierarchy.controllers,
                path: path.joined(separator: "/"))
        }
    }
}

/// One cgroup of a container: a directory of one hierarchy.
package struct CgroupPlace: Equatable, Sendable, CustomStringConvertible {
    /// Where the hierarchy is mounted.
    package var mountPoint: String
    /// Controllers of a v1 hierarchy, or its `name=`; empty for cgroup2.
    package var controllers: [String]
    /// The directory, below the mount point and without a slash at either end.
    package var path: String
    /// The directories that martlet made on the way and at the end, outermost first, below the
    /// mount point.
    package var made: [String]

    package init(
        mountPoint: String, controllers: [String], path: String, made: [String] = []
    ) {
        self.mountPoint = mountPoint
        self.controllers = controllers
        self.path = path
        self.made = made
    }

    package var isCgroup2: Bool { controllers.isEmpty }

    package var version: CgroupVersion { isCgroup2 ? .v2 : .v1 }

    /// The directory on the host.
    package var absolutePath: String { "\(mountPoint)/\(path)" }

    package var description: String { absolutePath }

    /// Whether systemd makes the cgroups of its units in this hierarchy (systemd.resource-control(5)).
    var isOfSystemd: Bool {
        let own = ["cpu", "cpuacct", "blkio", "memory", "devices", "pids", "name=systemd"]
        return isCgroup2 || controllers.contains { own.contains($0) }
    }

    /// The names on the way from the mount point.
    var names: [String] { path.split(separator: "/").map(String.init) }
}

/// What is to be kept of a container's cgroups between two commands: plain values.
package struct CgroupRecord: Equatable, Sendable {
    package var places: [CgroupPlace]

    package init(places: [CgroupPlace]) { self.places = places }
}
