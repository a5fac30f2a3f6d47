// SPDX-License-Identifier: Apache-2.0

internal import JSON

extension Reader {
    /// `linux`.
    mutating func linux(_ node: JSONNode) -> LinuxSection {
        var linux = LinuxSection()
        linux.namespaces = namespaces(node)
        section = "config-linux.md#user-namespace-mappings"
        linux.uidMappings = mappings(node, "uidMappings")
        linux.gidMappings = mappings(node, "gidMappings")
        linux.timeOffsets = timeOffsets(node)
        linux.devices = devices(node)
        linux.netDevices = netDevices(node)
        section = "config-linux.md#cgroups-path"
        linux.cgroupsPath = text(node, "cgroupsPath")
        section = "config-linux.md#control-groups"
        if let resources = object(node, "resources") {
            linux.resources = self.resources(resources)
        }
        section = "config-linux.md#rootfs-mount-propagation"
        if text(node, "rootfsPropagation") != nil {
            linux.rootfsPropagation = word(node, "rootfsPropagation")
        }
        section = "config-linux.md#masked-paths"
        linux.maskedPaths = absolutePaths(node, "maskedPaths")
        section = "config-linux.md#readonly-paths"
        linux.readonlyPaths = absolutePaths(node, "readonlyPaths")
        section = "config-linux.md#mount-label"
        linux.mountLabel = text(node, "mountLabel")
        linux.sysctl = sysctl(node)
        section = "config-linux.md#seccomp"
        if let seccomp = object(node, "seccomp") { linux.seccomp = self.seccomp(seccomp) }
        linux.intelRdt = intelRdt(node)
        linux.personality = personality(node)
        linux.memoryPolicy = memoryPolicy(node)
        return linux
    }

    /// The part of `linux` that a further process of the container takes on by itself.
    mutating func sharedByProcesses(_ node: JSONNode) -> LinuxSection {
        var linux = LinuxSection()
        linux.uidMappings = mappings(node, "uidMappings")
        linux.gidMappings = mappings(node, "gidMappings")
        linux.intelRdt = intelRdt(node)
        linux.personality = personality(node)
        linux.memoryPolicy = memoryPolicy(node)
        return linux
    }

    private mutating func namespaces(_ linux: JSONNode) -> [Namespace] {
        section = "config-linux.md#namespaces"
        var namespaces: [Namespace] = []
        for node in objects(linux, "namespaces") {
            guard let kind: Namespace.Kind = requiredWord(node, "type") else { continue }
            if namespaces.contains(where: { $0.kind == kind }) {
                refuse(
                    "type", of: node, "each type once", found: "a second \(kind.rawValue) namespace"
                )
            }
            var path: String?
            if text(node, "path") != nil, let pathNode = node["path"] {
                path = absolutePath(pathNode)
            }
            namespaces.append(Namespace(kind: kind, path: path))
        }
        return namespaces
    }

    private mutating func timeOffsets(_ linux: JSONNode) -> [String: TimeOffset] {
        section = "config-linux.md#offset-for-time-namespace"
        var offsets: [String: TimeOffset] = [:]
        for member in members(linux, "timeOffsets") {
            let clock = member.key
            guard clock == "monotonic" || clock == "boottime" else {
                refuse(
                    member.value, "the clock monotonic or boottime", found: clock.quoted)
                continue
            }
            guard member.value.kind == .object else {
                if !member.value.isNull { refuse(member.value, "an object") }
                continue
            }
            var offset = TimeOffset()
            offset.secs = integer(member.value, "secs") ?? 0
            offset.nanosecs = integer(member.value, "nanosecs", in: 0...999_999_999) ?? 0
            offsets[clock] = offset
        }
        return offsets
    }

    // MARK: Devices

    private mutating func devices(_ linux: JSONNode) -> [Device] {
        section = "config-linux.md#devices"
        var devices: [Device] = []
        for node in objects(linux, "devices") {
            let kind: Device.Kind? = requiredWord(node, "type")
            let path = requiredAbsolutePath(node, "path") ?? ""
            var device = Device(kind: kind ?? .fifo, path: path)
            if let kind, kind != .fifo {
                device.major = requiredDeviceNumber(node, "major")
                device.minor = requiredDeviceNumber(node, "minor")
            }
            device.fileMode = integer(node, "fileMode")
            if let uid = node["uid"] { device.uid = id(uid) }
            if let gid = node["gid"] { device.gid = id(gid) }
            devices.append(device)
        }
        return devices
    }

    /// A major or minor number, which dev_t gives 32 bits.
    mutating func requiredDeviceNumber(_ object: JSONNode, _ key: StaticString) -> Int64 {
        guard required(object, key, "an integer from 0 to \(UInt32.max)") != nil else { return 0 }
        return integer(object, key, in: 0...Int64(UInt32.max)) ?? 0
    }

    private mutating func netDevices(_ linux: JSONNode) -> [String: NetDevice] {
        section = "config-linux.md#network-devices"
        var devices: [String: NetDevice] = [:]
        for member in members(linux, "netDevices") {
            let hostName = member.key
            if !Self.isInterfaceName(hostName) {
                refuse(member.value, Self.interfaceName, found: hostName.quoted)
            }
            var device = NetDevice()
            if member.value.kind == .object {
                device.name = text(member.value, "name")
                if let name = device.name, !Self.isInterfaceName(name, isTemplate: true) {
                    refuse(
                        "name", of: member.value, Self.interfaceName,
                        found: "a string (\(name.quoted))")
                }
            } else if !member.value.isNull {
                refuse(member.value, "an object")
            }
            devices[hostName] = device
        }
        return devices
    }

    static let interfaceName = "an interface name of 1 to 15 bytes without '/', ':' and spaces"

    /// The kernel's rule (dev_valid_name); a template has one `%d` for a number.
    static func isInterfaceName(_ name: String, isTemplate: Bool = false) -> Bool {
        guard 1...15 ~= name.utf8.count, name != ".", name != ".." else { return false }
        var percents = 0
        for byte in name.utf8 {
            switch byte {
            case UInt8(ascii: "/"), UInt8(ascii: ":"), UInt8(ascii: " "), 0x09...0x0D: return false
            case UInt8(ascii: "%"): percents += 1
            default: break
            }
        }
        return percents == 0 || (isTemplate && percents == 1 && hasNumberMark(name))
    }

    /// Whether `%d` stands in a name. `contains` with a string would link the regular expressions
    /// of the standard library in: more than a megabyte.
    private static func hasNumberMark(_ name: String) -> Bool {
        var last: UInt8 = 0
        for byte in name.utf8 {
            if last == UInt8(ascii: "%") && byte == UInt8(ascii: "d") { return true }
            last = byte
        }
        return false
    }

    // MARK: sysctl

    private mutating func sysctl(_ linux: JSONNode) -> [String: String] {
        section = "config-linux.md#sysctl"
        var settings: [String: String] = [:]
        for member in members(linux, "sysctl") {
            let name = member.key
            if !Self.isKernelParameter(name) {
                refuse(
                    member.value, "a kernel parameter's name as net.core.somaxconn",
                    found: name.quoted)
            }
            if let value = string(member.value) { settings[name] = value }
        }
        return settings
    }

    /// Names become paths below /proc/sys: nothing in them may lead elsewhere. As for sysctl(8),
    /// either `.` or `/` separates; the one that comes first, so that the other can be in a name.
    private static func isKernelParameter(_ name: String) -> Bool {
        guard let separator = name.utf8.first(where: { $0 == dot || $0 == slash }) else {
            return false
        }
        let other = separator == dot ? slash : dot
        let parts = name.utf8.split(separator: separator, omittingEmptySubsequences: false)
        return parts.allSatisfy { part in
            // Of a name's own dots or slashes, none is first, last or doubled: no empty part, no
            // "..", in whichever way the name is turned into a path.
            part.split(separator: other, omittingEmptySubsequences: false)
                .allSatisfy { !$0.isEmpty }
        }
    }

    private static var dot: UInt8 { UInt8(ascii: ".") }
    private static var slash: UInt8 { UInt8(ascii: "/") }

    // MARK: The rest

    private mutating func intelRdt(_ linux: JSONNode) -> IntelRdt? {
        section = "config-linux.md#intelrdt"
        guard let node = object(linux, "intelRdt") else { return nil }
        var rdt = IntelRdt()
        rdt.closID = text(node, "closID")
        if let name = rdt.closID, name != "/",
            name == "." || name == ".." || name.utf8.contains(Self.slash)
                || name.utf8.contains(10)
        {
            refuse(
                "closID", of: node,
                "\"/\" or a directory's name", found: "a string (\(name.quoted))")
        }
        rdt.l3CacheSchema = schema(node, "l3CacheSchema")
        rdt.memBwSchema = schema(node, "memBwSchema")
        if let schema = rdt.memBwSchema, !schema.hasPrefix("MB:") {
            refuse(
                "memBwSchema", of: node,
                "a schema that starts with MB:", found: "a string (\(schema.quoted))")
        }
        for line in elements(node, "schemata") {
            guard let text = string(line) else { continue }
            if text.utf8.contains(10) { refuse(line, "a schema of one line") }
            rdt.schemata.append(text)
        }
        rdt.enableMonitoring = boolean(node, "enableMonitoring") ?? false
        return rdt
    }

    private mutating func schema(_ object: JSONNode, _ key: StaticString) -> String? {
        guard let node = object[key], let schema = text(object, key) else { return nil }
        if schema.utf8.contains(10) { refuse(node, "a schema of one line") }
        return schema
    }

    private mutating func personality(_ linux: JSONNode) -> Personality? {
        section = "config-linux.md#personality"
        guard let node = object(linux, "personality") else { return nil }
        let domain: Personality.Domain? = requiredWord(node, "domain")
        for flag in elements(node, "flags") { refuse(flag, "no flags, as none are defined") }
        return Personality(domain: domain ?? .linux)
    }

    private mutating func memoryPolicy(_ linux: JSONNode) -> MemoryPolicy? {
        section = "config-linux.md#memory-policy"
        guard let node = object(linux, "memoryPolicy") else { return nil }
        let mode: MemoryPolicy.Mode? = requiredWord(node, "mode")
        var policy = MemoryPolicy(mode: mode ?? .default)
        policy.nodes = numberList(node, "nodes", "a list of memory nodes as 0-3,7")
        policy.flags = words(node, "flags") ?? []
        if policy.flags.contains(.staticNodes), policy.flags.contains(.relativeNodes) {
            refuse("flags", of: node, "static or relative nodes", found: "both")
        }
        let hasNodes = text(node, "nodes") != nil
        switch mode {
        case .default, .local:
            if hasNodes {
                refuse("nodes", of: node, "no nodes with \(policy.mode.rawValue)", found: "some")
            }
        case .bind, .interleave, .weightedInterleave, .preferredMany:
            if !hasNodes {
                refuse(
                    "nodes", of: node,
                    "memory nodes for \(policy.mode.rawValue)", found: "nothing")
            }
        case .preferred, nil:
            break
        }
        return policy
    }
}
