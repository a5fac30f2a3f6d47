// SPDX-License-Identifier: Apache-2.0

internal import JSON

extension Reader {
    /// `mounts`, in order.
    mutating func mounts(_ root: JSONNode) -> [Mount] {
        section = "config.md#mounts"
        var mounts: [Mount] = []
        for node in objects(root, "mounts") {
            section = "config.md#mounts"
            mounts.append(mount(node))
        }
        return mounts
    }

    private mutating func mount(_ node: JSONNode) -> Mount {
        let expected: StaticString = "a path that is not empty"
        var mount = Mount(destination: "")
        if let destination = required(node, "destination", expected.description) {
            mount.destination = nonEmpty(destination, expected) ?? ""
        }
        mount.type = text(node, "type")
        mount.source = text(node, "source")
        mount.options = strings(node, "options")
        section = "config.md#posix-platform-mounts"
        mount.uidMappings = mappings(node, "uidMappings")
        mount.gidMappings = mappings(node, "gidMappings")
        switch (isGiven(node, "uidMappings"), isGiven(node, "gidMappings")) {
        case (true, false):
            refuse("gidMappings", of: node, "mappings, as with uidMappings", found: "none")
        case (false, true):
            refuse("uidMappings", of: node, "mappings, as with gidMappings", found: "none")
        default:
            break
        }
        return mount
    }

    private func isGiven(_ node: JSONNode, _ key: StaticString) -> Bool {
        guard let mappings = node[key] else { return false }
        guard let elements = mappings.elementsIfAny else { return true }
        return elements.count > 0
    }

    /// Id mappings, as uid_map of user_namespaces(7) takes them.
    mutating func mappings(_ object: JSONNode, _ key: StaticString) -> [IDMapping] {
        var mappings: [IDMapping] = []
        for node in objects(object, key) {
            let container = requiredInteger(node, "containerID", as: UInt32.self)
            let host = requiredInteger(node, "hostID", as: UInt32.self)
            let size = requiredInteger(node, "size", as: UInt32.self)
            guard let container, let host, let size else { continue }
            let mapping = IDMapping(containerID: container, hostID: host, size: size)
            if check(mapping, node) { checkOverlap(mapping, with: mappings, node) }
            mappings.append(mapping)
        }
        return mappings
    }

    /// The last id, 4294967295, means "no id" to the kernel and cannot be mapped.
    private mutating func check(_ mapping: IDMapping, _ node: JSONNode) -> Bool {
        guard mapping.size > 0 else {
            refuse("size", of: node, "at least 1", found: "0")
            return false
        }
        var isSound = true
        for (key, first) in [
            ("containerID" as StaticString, mapping.containerID), ("hostID", mapping.hostID),
        ] where first.addingReportingOverflow(mapping.size).overflow {
            refuse(
                key, of: node, "ids up to 4294967294", found: "\(mapping.size) from \(first)")
            isSound = false
        }
        return isSound
    }

    private mutating func checkOverlap(
        _ mapping: IDMapping, with others: [IDMapping], _ node: JSONNode
    ) {
        // The kernel takes 340 at most; a longer list fails there, and must not cost us its square.
        for (index, other) in others.prefix(340).enumerated() {
            if Self.overlap(mapping.containerID, mapping.size, other.containerID, other.size) {
                refuse(
                    "containerID", of: node, "ids of its own",
                    found: "some of the mapping at index \(index)")
                return
            }
            if Self.overlap(mapping.hostID, mapping.size, other.hostID, other.size) {
                refuse(
                    "hostID", of: node, "ids of its own",
                    found: "some of the mapping at index \(index)")
                return
            }
        }
    }

    private static func overlap(
        _ first: UInt32, _ size: UInt32, _ other: UInt32, _ otherSize: UInt32
    ) -> Bool {
        UInt64(first) < UInt64(other) + UInt64(otherSize)
            && UInt64(other) < UInt64(first) + UInt64(size)
    }
}
