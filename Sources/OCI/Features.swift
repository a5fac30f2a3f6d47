// SPDX-License-Identifier: Apache-2.0

internal import JSON

/// What `features` prints (features.md, features-linux.md).
///
/// It tells what the build recognises, whatever the host offers. nil means "unknown" and is left
/// out; empty and false mean "none" and "no".
package struct Features: Equatable, Sendable {
    package var ociVersionMin = Specification.oldestVersion
    package var ociVersionMax = Specification.version
    package var hooks: [String]? = [
        "prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop",
    ]
    /// Without those that go to the filesystem as data.
    package var mountOptions: [String]?
    package var linux: Linux? = Linux()
    package var annotations: [String: String]?
    /// Annotations of a config.json that change what the runtime does; with a dot behind it, a
    /// prefix of such annotations.
    package var potentiallyUnsafeConfigAnnotations: [String]?

    package init() {}

    /// The Linux part (features-linux.md).
    package struct Linux: Equatable, Sendable {
        package var namespaces: [String]? = Namespace.Kind.allCases.map(\.rawValue).sorted()
        package var capabilities: [String]?
        package var cgroup: Cgroup?
        package var seccomp: Seccomp?
        package var apparmor: Bool?
        package var selinux: Bool?
        package var intelRdt: IntelRdt?
        package var memoryPolicy: MemoryPolicy?
        /// Whether mounts' id mappings are applied.
        package var idmap: Bool?
        package var netDevices: Bool?

        package init() {}
    }

    /// Which cgroup managers there are.
    package struct Cgroup: Equatable, Sendable {
        package var v1: Bool?
        package var v2: Bool?
        package var systemd: Bool?
        package var systemdUser: Bool?
        package var rdma: Bool?

        package init() {}
    }

    /// Which seccomp words are understood. An instance starts with all that a profile can have.
    package struct Seccomp: Equatable, Sendable {
        package var enabled: Bool?
        package var actions: [String]? = SeccompProfile.Action.allCases.map(\.rawValue).sorted()
        package var operators: [String]? =
            SeccompProfile.Operator.allCases.map(\.rawValue).sorted()
        package var archs: [String]? =
            SeccompProfile.Architecture.allCases.map(\.rawValue).sorted()
        package var knownFlags: [String]? = SeccompProfile.Flag.allCases.map(\.rawValue).sorted()
        /// Those that libseccomp and the kernel have.
        package var supportedFlags: [String]?

        package init(enabled: Bool) { self.enabled = enabled }
    }

    /// Which parts of Intel RDT are supported.
    package struct IntelRdt: Equatable, Sendable {
        package var enabled: Bool?
        package var schemata: Bool?
        package var monitoring: Bool?

        package init() {}
    }

    /// Which memory policies are understood. An instance starts with all that there are.
    package struct MemoryPolicy: Equatable, Sendable {
        package var modes: [String]? = OCI.MemoryPolicy.Mode.allCases.map(\.rawValue)
        package var flags: [String]? = OCI.MemoryPolicy.Flag.allCases.map(\.rawValue)

        package init() {}
    }

    /// The structure as JSON, on one line or indented by four spaces.
    package func encode(pretty: Bool) -> [UInt8] {
        var json = JSONWriter(pretty ? .spaces(4) : .compact)
        json.object { json in
            json.member("ociVersionMin", ociVersionMin)
            json.member("ociVersionMax", ociVersionMax)
            json.member("hooks", ifKnown: hooks)
            json.member("mountOptions", ifKnown: mountOptions)
            if let linux {
                json.key("linux")
                json.object { json in linux.encode(into: &json) }
            }
            if let annotations { json.member("annotations", annotations) }
            json.member(
                "potentiallyUnsafeConfigAnnotations", ifKnown: potentiallyUnsafeConfigAnnotations)
        }
        return json.bytes
    }
}

extension Features.Linux {
    fileprivate func encode(into json: inout JSONWriter) {
        json.member("namespaces", ifKnown: namespaces)
        json.member("capabilities", ifKnown: capabilities)
        json.part("cgroup", cgroup) { json, cgroup in
            json.member("v1", ifKnown: cgroup.v1)
            json.member("v2", ifKnown: cgroup.v2)
            json.member("systemd", ifKnown: cgroup.systemd)
            json.member("systemdUser", ifKnown: cgroup.systemdUser)
            json.member("rdma", ifKnown: cgroup.rdma)
        }
        json.part("seccomp", seccomp) { json, seccomp in
            json.member("enabled", ifKnown: seccomp.enabled)
            json.member("actions", ifKnown: seccomp.actions)
            json.member("operators", ifKnown: seccomp.operators)
            json.member("archs", ifKnown: seccomp.archs)
            json.member("knownFlags", ifKnown: seccomp.knownFlags)
            json.member("supportedFlags", ifKnown: seccomp.supportedFlags)
        }
        json.part("apparmor", apparmor) { json, enabled in json.member("enabled", enabled) }
        json.part("selinux", selinux) { json, enabled in json.member("enabled", enabled) }
        json.part("intelRdt", intelRdt) { json, rdt in
            json.member("enabled", ifKnown: rdt.enabled)
            json.member("schemata", ifKnown: rdt.schemata)
            json.member("monitoring", ifKnown: rdt.monitoring)
        }
        json.part("memoryPolicy", memoryPolicy) { json, policy in
            json.member("modes", ifKnown: policy.modes)
            json.member("flags", ifKnown: policy.flags)
        }
        json.part("mountExtensions", idmap) { json, enabled in
            json.key("idmap")
            json.object { json in json.member("enabled", enabled) }
        }
        json.part("netDevices", netDevices) { json, enabled in json.member("enabled", enabled) }
    }
}

extension JSONWriter {
    fileprivate mutating func member(_ name: StaticString, ifKnown values: [String]?) {
        if let values { member(name, values) }
    }

    fileprivate mutating func member(_ name: StaticString, ifKnown value: Bool?) {
        if let value { member(name, value) }
    }

    /// An object with what `body` writes of `part`, if there is one.
    fileprivate mutating func part<Part>(
        _ name: StaticString, _ part: Part?, _ body: (inout JSONWriter, Part) -> Void
    ) {
        guard let part else { return }
        key(name)
        object { json in body(&json, part) }
    }
}
