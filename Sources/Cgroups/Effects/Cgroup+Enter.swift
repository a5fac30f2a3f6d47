// SPDX-License-Identifier: Apache-2.0

package import Linux

/// A cgroup below a container's, by the words of `exec --cgroup`.
package struct SubCgroup: Equatable, Sendable {
    /// nil for every hierarchy.
    package var controllers: [String]?
    /// Below the container's, in the hierarchies of the controllers.
    package var names: [String]

    /// Reads `PATH` or `CONTROLLER[,CONTROLLER]:PATH`.
    package init(_ text: String) throws(CgroupError) {
        let parts = text.split(
            separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count <= 2, let path = parts.last, !path.isEmpty else {
            throw CgroupError(.invalid, "invalid --cgroup argument: \(text)")
        }
        if parts.count == 2 {
            let words = parts[0].split(separator: ",", omittingEmptySubsequences: false)
            guard !words.contains("") else {
                throw CgroupError(
                    .invalid, "invalid --cgroup argument: \(text) (missing <controller>: prefix)")
            }
            controllers = words.map(String.init)
        }
        names = path.split(separator: "/").map(String.init).filter { $0 != "." }
        guard !names.contains(".."), !text.utf8.contains(UInt8(ascii: "\n")) else {
            throw CgroupError(.invalid, "--cgroup \(text): \(path) is not a sub cgroup path")
        }
    }
}

/// Where a further process of a container goes.
extension Cgroup {
    /// The cgroups below these. Without a controller, one path is for all hierarchies.
    package func below(_ paths: [SubCgroup]) throws(CgroupError) -> Cgroup {
        if paths.isEmpty { return self }
        var places = record.places
        for path in paths {
            guard let controllers = path.controllers else {
                if paths.count > 1 {
                    throw CgroupError(
                        .invalid,
                        "invalid --cgroup argument: \(path.names.joined(separator: "/")) (missing "
                            + "<controller>: prefix)")
                }
                for index in places.indices { places[index].descend(path.names) }
                continue
            }
            for controller in controllers {
                let names = [controller, "name=\(controller)"]
                guard
                    let index = places.firstIndex(where: {
                        $0.controllers.contains { names.contains($0) }
                    })
                else {
                    throw CgroupError(
                        .invalid,
                        "--cgroup: unknown controller \(controller): the container has no cgroup v1 "
                            + "of it")
                }
                // Of a hierarchy with several controllers, both names may be given.
                if places[index].path == record.places[index].path {
                    places[index].descend(path.names)
                }
            }
        }
        return Cgroup(CgroupRecord(places: places))
    }

    /// The cgroup2 directory that a process of the container is in, if it is below the container's:
    /// where a container manages cgroups of its own, its processes have left the outermost, which
    /// takes no others from then on.
    package func directoryForClone(beside pid: Int32) throws(CgroupError) -> FileDescriptor? {
        guard let place = unified else { return nil }
        let layout = try during("the container's cgroups") { () throws(SystemCallError) in
            try CgroupLayout.current(of: pid)
        }
        guard
            let hierarchy = layout.hierarchies.first(where: {
                $0.isCgroup2 && $0.mountPoint == place.mountPoint
            }),
            let names = hierarchy.visiblePath, names.starts(with: place.names),
            names.count > place.names.count
        else { return nil }
        var inner = place
        inner.path = names.joined(separator: "/")
        inner.made = []
        return try Cgroup(CgroupRecord(places: [inner])).directoryForClone()
    }
}

extension CgroupPlace {
    fileprivate mutating func descend(_ names: [String]) {
        if names.isEmpty { return }
        path = ([path] + names).filter { !$0.isEmpty }.joined(separator: "/")
        made = []
    }
}
