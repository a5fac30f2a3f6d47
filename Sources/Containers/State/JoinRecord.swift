// SPDX-License-Identifier: Apache-2.0

internal import JSON
package import Linux
package import OCI

/// What `exec` must know of how a container was made, so that it need not find it out again.
package struct JoinRecord: Equatable, Sendable {
    /// The namespaces of the container's process that are not the runtime's.
    package var namespaces: [Namespace.Kind] = []
    /// Whether its root filesystem is a tree of mounts that no namespace has, which only its
    /// process leads to.
    package var hasDetachedRoot = false
    /// The name of its session keyring; nil when that is its caller's.
    package var keyring: String?
    /// The filter of its processes.
    package var filter: FilterRecord?

    package init() {}

    /// The same as the words of setns(2).
    package var flags: NamespaceFlags {
        var flags: NamespaceFlags = []
        for kind in namespaces { flags.insert(kind.flag) }
        return flags
    }

    init(_ node: JSONNode) throws(JSONError) {
        for element in try node.required("namespaces", "an array").elements() {
            guard let kind = Namespace.Kind(rawValue: try element.string()) else {
                throw element.unexpected("a kind of namespace")
            }
            namespaces.append(kind)
        }
        hasDetachedRoot = try node["hasDetachedRoot"]?.boolean() ?? false
        keyring = try node["keyring"]?.string()
        if let filter = node["filter"] { self.filter = try FilterRecord(filter) }
        // Without either it would be the host's root filesystem that a process is put into.
        if !hasDetachedRoot, !namespaces.contains(.mount) {
            throw node.unexpected("a mount namespace or a root filesystem of its own")
        }
    }

    func write(to json: inout JSONWriter) {
        json.object { json in
            json.member("namespaces", namespaces.map(\.rawValue))
            if hasDetachedRoot { json.member("hasDetachedRoot", true) }
            if let keyring { json.member("keyring", keyring) }
            if let filter {
                json.key("filter")
                filter.write(to: &json)
            }
        }
    }
}

/// A compiled filter by its name in the cache, and how it is loaded.
package struct FilterRecord: Equatable, Sendable {
    package var key: String
    package var flags: SystemCallFilter.Flags

    package init(key: String, flags: SystemCallFilter.Flags) {
        self.key = key
        self.flags = flags
    }

    init(_ node: JSONNode) throws(JSONError) {
        key = try node.required("key", "a string").string()
        flags = SystemCallFilter.Flags(
            rawValue: try node.required("flags", "an integer").integer())
    }

    func write(to json: inout JSONWriter) {
        json.object { json in
            json.member("key", key)
            json.member("flags", flags.rawValue)
        }
    }
}
