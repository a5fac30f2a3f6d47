// SPDX-License-Identifier: Apache-2.0

internal import JSON

extension Reader {
    /// `linux.resources`, or the file of `update`.
    mutating func resources(_ node: JSONNode) -> Resources {
        var resources = Resources()
        resources.devices = deviceRules(node)
        resources.memory = memory(node)
        resources.cpu = cpu(node)
        section = "config-linux.md#pids"
        if let pids = object(node, "pids") {
            resources.pids = Resources.Pids()
            resources.pids?.limit = limit(pids, "limit")
        }
        resources.blockIO = blockIO(node)
        resources.hugepageLimits = hugepageLimits(node)
        resources.network = network(node)
        resources.rdma = rdma(node)
        resources.unified = unified(node)
        return resources
    }

    /// A limit, where -1 is none.
    private mutating func limit(_ object: JSONNode, _ key: StaticString) -> Int64? {
        integer(object, key, in: -1...Int64.max)
    }

    private mutating func deviceRules(_ resources: JSONNode) -> [Resources.DeviceRule] {
        section = "config-linux.md#allowed-device-list"
        var rules: [Resources.DeviceRule] = []
        for node in objects(resources, "devices") {
            _ = required(node, "allow", "a boolean")
            var rule = Resources.DeviceRule(allow: boolean(node, "allow") ?? false)
            if text(node, "type") != nil { rule.kind = word(node, "type") ?? .all }
            rule.major = deviceRuleNumber(node, "major")
            rule.minor = deviceRuleNumber(node, "minor")
            rule.access = text(node, "access") ?? ""
            let letters: [UInt8] = [UInt8(ascii: "r"), UInt8(ascii: "w"), UInt8(ascii: "m")]
            if !rule.access.utf8.allSatisfy(letters.contains), let access = node["access"] {
                refuse(access, "a composition of the letters r, w and m")
            }
            rules.append(rule)
        }
        return rules
    }

    /// A number or, as absence and -1 (which Docker and Podman write) mean, all of them.
    private mutating func deviceRuleNumber(_ object: JSONNode, _ key: StaticString) -> Int64? {
        guard let number = integer(object, key, in: -1...Int64(UInt32.max)), number >= 0 else {
            return nil
        }
        return number
    }

    private mutating func memory(_ resources: JSONNode) -> Resources.Memory? {
        section = "config-linux.md#memory"
        guard let node = object(resources, "memory") else { return nil }
        var memory = Resources.Memory()
        memory.limit = limit(node, "limit")
        memory.reservation = limit(node, "reservation")
        memory.swap = limit(node, "swap")
        memory.kernel = limit(node, "kernel")
        memory.kernelTCP = limit(node, "kernelTCP")
        // Older engines write -1, as an unsigned number, for "not set".
        if node["swappiness"]?.exactInteger != .large(.max) {
            memory.swappiness = integer(node, "swappiness", in: 0...100)
        }
        memory.disableOOMKiller = boolean(node, "disableOOMKiller")
        memory.useHierarchy = boolean(node, "useHierarchy")
        memory.checkBeforeUpdate = boolean(node, "checkBeforeUpdate")
        // Memory and swap together: 0 and -1 stand for "not set" and "no limit".
        if let limit = memory.limit, let swap = memory.swap, swap > 0, swap < limit {
            refuse(
                "swap", of: node,
                "at least the memory limit \(limit), as it includes it", found: "\(swap)")
        }
        return memory
    }

    private mutating func cpu(_ resources: JSONNode) -> Resources.CPU? {
        section = "config-linux.md#cpu"
        guard let node = object(resources, "cpu") else { return nil }
        var cpu = Resources.CPU()
        cpu.shares = integer(node, "shares")
        cpu.quota = integer(node, "quota")
        cpu.burst = integer(node, "burst")
        cpu.period = integer(node, "period")
        cpu.realtimeRuntime = integer(node, "realtimeRuntime")
        cpu.realtimePeriod = integer(node, "realtimePeriod")
        cpu.cpus = text(node, "cpus")
        cpu.mems = text(node, "mems")
        cpu.idle = integer(node, "idle", in: 0...1)
        if let quota = cpu.quota, quota > 0, let burst = cpu.burst, burst > quota.magnitude {
            refuse("burst", of: node, "at most the quota \(quota)", found: "\(burst)")
        }
        return cpu
    }

    // MARK: Block IO

    private mutating func blockIO(_ resources: JSONNode) -> Resources.BlockIO? {
        section = "config-linux.md#block-io"
        guard let node = object(resources, "blockIO") else { return nil }
        var blockIO = Resources.BlockIO()
        blockIO.weight = integer(node, "weight")
        blockIO.leafWeight = integer(node, "leafWeight")
        for item in objects(node, "weightDevice") {
            var device = Resources.BlockIO.WeightDevice(
                major: requiredDeviceNumber(item, "major"),
                minor: requiredDeviceNumber(item, "minor"))
            device.weight = integer(item, "weight")
            device.leafWeight = integer(item, "leafWeight")
            if item["weight"] == nil, item["leafWeight"] == nil {
                refuse(item, "weight, leafWeight or both", found: "neither")
            }
            blockIO.weightDevice.append(device)
        }
        blockIO.throttleReadBpsDevice = throttles(node, "throttleReadBpsDevice")
        blockIO.throttleWriteBpsDevice = throttles(node, "throttleWriteBpsDevice")
        blockIO.throttleReadIOPSDevice = throttles(node, "throttleReadIOPSDevice")
        blockIO.throttleWriteIOPSDevice = throttles(node, "throttleWriteIOPSDevice")
        return blockIO
    }

    private mutating func throttles(
        _ object: JSONNode, _ key: StaticString
    ) -> [Resources.BlockIO.ThrottleDevice] {
        var devices: [Resources.BlockIO.ThrottleDevice] = []
        for item in objects(object, key) {
            devices.append(
                Resources.BlockIO.ThrottleDevice(
                    major: requiredDeviceNumber(item, "major"),
                    minor: requiredDeviceNumber(item, "minor"),
                    rate: requiredInteger(item, "rate") ?? 0))
        }
        return devices
    }

    // MARK: Pages, network, RDMA

    private mutating func hugepageLimits(_ resources: JSONNode) -> [Resources.HugepageLimit] {
        section = "config-linux.md#huge-page-limits"
        var limits: [Resources.HugepageLimit] = []
        for node in objects(resources, "hugepageLimits") {
            var pageSize = ""
            let expected = "a page size as 64KB, 2MB or 1GB"
            if let size = required(node, "pageSize", expected), let text = string(size) {
                pageSize = text
                if !Self.isPageSize(text) { refuse(size, expected) }
            }
            let limit: UInt64 = requiredInteger(node, "limit") ?? 0
            limits.append(Resources.HugepageLimit(pageSize: pageSize, limit: limit))
        }
        return limits
    }

    /// `[1-9][0-9]*[KMG]B`
    private static func isPageSize(_ text: String) -> Bool {
        guard let unit = text.utf8.suffix(2).first, text.utf8.last == UInt8(ascii: "B"),
            unit == UInt8(ascii: "K") || unit == UInt8(ascii: "M") || unit == UInt8(ascii: "G"),
            let first = text.utf8.first, UInt8(ascii: "1")...UInt8(ascii: "9") ~= first
        else { return false }
        return text.utf8.dropLast(2).allSatisfy { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }
    }

    private mutating func network(_ resources: JSONNode) -> Resources.Network? {
        section = "config-linux.md#network"
        guard let node = object(resources, "network") else { return nil }
        var network = Resources.Network()
        network.classID = integer(node, "classID")
        for item in objects(node, "priorities") {
            var name = ""
            if let nameNode = required(item, "name", Self.interfaceName) {
                name = string(nameNode) ?? ""
                if nameNode.kind == .string, !Self.isInterfaceName(name) {
                    refuse(nameNode, Self.interfaceName)
                }
            }
            network.priorities.append(
                Resources.Network.Priority(
                    name: name, priority: requiredInteger(item, "priority") ?? 0))
        }
        return network
    }

    private mutating func rdma(_ resources: JSONNode) -> [String: Resources.Rdma] {
        section = "config-linux.md#rdma"
        var devices: [String: Resources.Rdma] = [:]
        for member in members(resources, "rdma") {
            let name = member.key
            let node = member.value
            if name.isEmpty || name.utf8.contains(where: { $0 <= 0x20 }) {
                refuse(node, "a device's name", found: name.quoted)
            }
            guard node.kind == .object else {
                refuse(node, "an object")
                continue
            }
            var rdma = Resources.Rdma()
            rdma.hcaHandles = integer(node, "hcaHandles")
            rdma.hcaObjects = integer(node, "hcaObjects")
            if node["hcaHandles"] == nil, node["hcaObjects"] == nil {
                refuse(node, "hcaHandles, hcaObjects or both", found: "neither")
            }
            devices[name] = rdma
        }
        return devices
    }

    /// Names are files in the cgroup: none may lead out of it.
    private mutating func unified(_ resources: JSONNode) -> [String: String] {
        section = "config-linux.md#unified"
        var files: [String: String] = [:]
        for member in members(resources, "unified") {
            let name = member.key
            if name.isEmpty || name == "." || name == ".."
                || name.utf8.contains(UInt8(ascii: "/"))
            {
                refuse(member.value, "the name of a cgroup's file", found: name.quoted)
            }
            if let value = string(member.value) { files[name] = value }
        }
        return files
    }
}
