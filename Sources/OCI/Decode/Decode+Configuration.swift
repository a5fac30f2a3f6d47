// SPDX-License-Identifier: Apache-2.0

package import JSON

extension Configuration {
    /// Reads a config.json and checks every rule that needs no kernel.
    ///
    /// Unknown properties, and those of other platforms, are ignored (config.md#extensibility).
    package static func decode(
        from text: [UInt8], limits: JSONLimits = .standard
    ) throws(InvalidConfiguration) -> Configuration {
        try Reader.read(text, limits: limits) { reader, root in reader.configuration(root) }
    }
}

extension Configuration {
    /// How much of a configuration is read.
    package enum Part: Sendable {
        case all
        /// What concerns one more process of a container: the process, and of `linux` what it shares
        /// with the others without a namespace or a cgroup that it enters.
        case execution
    }

    /// Reads part of a configuration that was checked as a whole before.
    package static func decode(_ part: Part, from text: [UInt8]) throws(InvalidConfiguration)
        -> Configuration
    {
        guard part == .execution else { return try decode(from: text) }
        return try Reader.read(text, limits: .standard) { reader, root in
            reader.execution(root)
        }
    }
}

extension ProcessSpec {
    /// Reads the process of `exec --process`; paths in violations start at the process.
    package static func decode(
        from text: [UInt8], limits: JSONLimits = .standard
    ) throws(InvalidConfiguration) -> ProcessSpec {
        try Reader.read(text, limits: limits) { reader, root in reader.process(root) }
    }
}

extension Resources {
    /// Reads the resources of `update --resources`; paths in violations start at the resources.
    package static func decode(
        from text: [UInt8], limits: JSONLimits = .standard
    ) throws(InvalidConfiguration) -> Resources {
        try Reader.read(text, limits: limits) { reader, root in reader.resources(root) }
    }
}

extension Reader {
    /// Parses `text` and has `body` read its outermost object.
    fileprivate static func read<Value>(
        _ text: [UInt8], limits: JSONLimits, _ body: (inout Reader, JSONNode) -> Value
    ) throws(InvalidConfiguration) -> Value {
        var reader = Reader()
        do {
            let root = try JSONDocument(parsing: text, limits: limits).root
            if root.kind == .object {
                let value = body(&reader, root)
                if reader.violations.isEmpty { return value }
            } else {
                reader.refuse(root, "an object")
            }
        } catch {
            reader.refuse(error)
        }
        throw InvalidConfiguration(violations: reader.violations)
    }

    fileprivate mutating func configuration(_ root: JSONNode) -> Configuration {
        var configuration = Configuration(ociVersion: version(root))
        configuration.root = rootFilesystem(root)
        configuration.mounts = mounts(root)
        section = "config.md#process"
        if let process = object(root, "process") { configuration.process = self.process(process) }
        section = "config.md#hostname"
        configuration.hostname = hostName(root, "hostname")
        section = "config.md#domainname"
        configuration.domainname = hostName(root, "domainname")
        section = "config.md#posix-platform-hooks"
        if let hooks = object(root, "hooks") { configuration.hooks = self.hooks(hooks) }
        configuration.annotations = annotations(root)
        section = "config.md#platform-specific-configuration"
        if let linux = object(root, "linux") { configuration.linux = self.linux(linux) }
        checkNamespaces(of: configuration, in: root)
        return configuration
    }

    fileprivate mutating func execution(_ root: JSONNode) -> Configuration {
        var configuration = Configuration(ociVersion: "")
        if let process = object(root, "process") { configuration.process = self.process(process) }
        if let linux = object(root, "linux") {
            configuration.linux = sharedByProcesses(linux)
        }
        return configuration
    }

    private mutating func version(_ root: JSONNode) -> String {
        section = "config.md#specification-version"
        let expected = "a version from \(Specification.oldestVersion) to 1.3.x"
        guard let node = required(root, "ociVersion", expected), let text = string(node) else {
            return ""
        }
        guard let version = SemanticVersion(text) else {
            refuse(node, "a semantic version")
            return ""
        }
        if !Specification.supports(version) { refuse(node, expected) }
        return text
    }

    private mutating func rootFilesystem(_ root: JSONNode) -> Root? {
        section = "config.md#root"
        guard let node = required(root, "root", "an object") else { return nil }
        guard node.kind == .object else {
            refuse(node, "an object")
            return nil
        }
        let expected: StaticString = "a path that is not empty"
        guard let pathNode = required(node, "path", expected.description) else { return nil }
        let path = nonEmpty(pathNode, expected) ?? ""
        return Root(path: path, readonly: boolean(node, "readonly") ?? false)
    }

    /// A name for sethostname(2) or setdomainname(2), which take 64 bytes.
    private mutating func hostName(_ root: JSONNode, _ key: StaticString) -> String? {
        guard let node = root[key], let name = string(node), !name.isEmpty else { return nil }
        let length = name.utf8.count
        if length > 64 { refuse(node, "a name of up to 64 bytes", found: "\(length) bytes") }
        return name
    }

    private mutating func annotations(_ root: JSONNode) -> [String: String] {
        section = "config.md#annotations"
        return stringMap(root, "annotations", emptyKey: "an annotation without a name")
    }

    /// An object of strings, none of whose names is empty.
    mutating func stringMap(
        _ object: JSONNode, _ key: StaticString, emptyKey: StaticString
    ) -> [String: String] {
        var map: [String: String] = [:]
        for member in members(object, key) {
            guard let value = string(member.value) else { continue }
            let name = member.key
            if name.isEmpty {
                refuse(member.value, "a name", found: emptyKey.description)
            } else {
                map[name] = value
            }
        }
        return map
    }

    // MARK: Rules between sections

    /// What can be had only in a namespace of the container's own.
    private mutating func checkNamespaces(of configuration: Configuration, in root: JSONNode) {
        let linux = configuration.linux
        // A namespace that could not be read has been refused already.
        let listed = root["linux"]?["namespaces"]
        if let count = listed?.elementsIfAny?.count, count != linux.namespaces.count { return }
        if let listed, listed.kind != .array { return }

        if !linux.namespaces.contains(where: { $0.kind == .uts }) {
            for (key, name, section) in [
                ("hostname" as StaticString, configuration.hostname, "config.md#hostname"),
                ("domainname", configuration.domainname, "config.md#domainname"),
            ] as [(StaticString, String?, StaticString)] where name != nil {
                self.section = section
                refuse(key, of: root, "a uts namespace in linux.namespaces", found: "none")
            }
        }
        if !linux.namespaces.contains(where: { $0.kind == .user }) {
            checkMappings(of: configuration, in: root)
        }
        if !linux.timeOffsets.isEmpty,
            !linux.namespaces.contains(where: { $0.kind == .time && $0.path == nil })
        {
            section = "config-linux.md#offset-for-time-namespace"
            refuse(
                path: "linux.timeOffsets", "a new time namespace in linux.namespaces",
                found: "none")
        }
        if !linux.netDevices.isEmpty, !linux.namespaces.contains(where: { $0.kind == .network }) {
            section = "config-linux.md#network-devices"
            refuse(
                path: "linux.netDevices", "a network namespace in linux.namespaces", found: "none")
        }
    }

    private mutating func checkMappings(of configuration: Configuration, in root: JSONNode) {
        section = "config-linux.md#user-namespace-mappings"
        for (key, mappings) in [
            ("uidMappings", configuration.linux.uidMappings),
            ("gidMappings", configuration.linux.gidMappings),
        ] where !mappings.isEmpty {
            refuse(path: "linux.\(key)", "a user namespace in linux.namespaces", found: "none")
        }
        section = "config.md#linux-mount-options"
        for node in objectsQuietly(root["mounts"]) {
            guard node["uidMappings"] == nil, node["gidMappings"] == nil,
                let options = node["options"]?.elementsIfAny
            else { continue }
            for option in options {
                guard let text = option.stringIfAny, text == "idmap" || text == "ridmap"
                else { continue }
                refuse(
                    option, "uidMappings and gidMappings beside it, or a user namespace",
                    found: "neither")
            }
        }
    }

    /// The objects of an array that has been read before.
    private func objectsQuietly(_ node: JSONNode?) -> [JSONNode] {
        guard let elements = node?.elementsIfAny else { return [] }
        var objects: [JSONNode] = []
        for element in elements where element.kind == .object { objects.append(element) }
        return objects
    }
}
