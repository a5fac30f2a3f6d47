// SPDX-License-Identifier: Apache-2.0

package import OCI

/// One property of a unit (org.freedesktop.systemd1(5)).
package struct UnitProperty: Equatable, Sendable, CustomStringConvertible {
    package var name: String
    package var value: BusValue

    package init(_ name: String, _ value: BusValue) {
        self.name = name
        self.value = value
    }

    package var description: String { "\(name) = \(value)" }

    var busValue: BusValue { .structure([.string(name), .variant(value)]) }
}

/// What systemd is told of `linux.resources`, so that it keeps to it whenever it writes a unit's
/// cgroup anew, as at `systemctl daemon-reload`. What systemd has no property for is written to the
/// cgroup alone; the rest is written there too, since some properties say it less exactly.
package struct UnitProperties: Equatable, Sendable {
    /// From the scope's start on.
    package private(set) var early: [UnitProperty] = []
    /// Once the container's process is ready: what would be in the way of our own preparations
    /// (`ResourcePlan.lateSteps`).
    package private(set) var late: [UnitProperty] = []

    private let support: ControllerSupport
    private let version: Int

    /// Properties as this version of systemd has them, on what the host has of cgroups.
    ///
    /// `devices` are the rules of the container's plan, if it has any.
    package init(
        _ resources: Resources, support: ControllerSupport, systemd version: Int,
        devices: DeviceRules?
    ) throws(CgroupError) {
        self.support = support
        self.version = version
        try memory(resources.memory)
        if let cpu = resources.cpu { try self.cpu(cpu) }
        if let blockIO = resources.blockIO { self.blockIO(blockIO) }
        if let limit = resources.pids?.limit, support.version(of: "pids") != nil {
            // systemd has no limit of 0; 1 is the process that is there already.
            late.append(UnitProperty("TasksMax", .uint64(limit < 0 ? .max : max(1, UInt64(limit)))))
        }
        for (file, value) in resources.unified.sorted(by: { $0.key < $1.key }) {
            try unified(file, value)
        }
        if let devices { self.devices(devices) }
    }

    /// All, for a unit that runs.
    package var all: [UnitProperty] { early + late }

    private mutating func set(_ name: String, _ value: BusValue) {
        early.removeAll { $0.name == name }
        early.append(UnitProperty(name, value))
    }

    private mutating func limit(_ name: String, _ value: Int64?) {
        guard let value, value != 0 else { return }
        set(name, .uint64(value < 0 ? .max : UInt64(value)))
    }

    // MARK: Sections

    private mutating func memory(_ memory: Resources.Memory?) throws(CgroupError) {
        guard let memory else { return }
        switch support.version(of: "memory") {
        case .v1: limit("MemoryLimit", memory.limit)
        case .v2:
            limit("MemoryMax", memory.limit)
            limit("MemoryLow", memory.reservation)
            let swap = try Conversion.swap(
                limitWithMemory: memory.swap == 0 ? nil : memory.swap,
                memory: memory.limit == 0 ? nil : memory.limit)
            // 0 is a limit of swap, and the strictest.
            if let swap { set("MemorySwapMax", .uint64(swap < 0 ? .max : UInt64(swap))) }
        case nil: break
        }
    }

    private mutating func cpu(_ cpu: Resources.CPU) throws(CgroupError) {
        let form = support.version(of: "cpu")
        if let shares = cpu.shares, shares != 0 {
            switch form {
            case .v1: set("CPUShares", .uint64(shares))
            case .v2: set("CPUWeight", .uint64(Conversion.weight(shares: shares)))
            case nil: break
            }
        }
        if cpu.idle == 1 { idle() }
        if form != nil {
            let period = cpu.period.flatMap { $0 == 0 ? nil : $0 }
            if let quota = cpu.quota, quota != 0 {
                bandwidth(quota: quota < 0 ? nil : UInt64(quota), period: period)
            } else if let period {
                self.period(period)
            }
        }
        if support.version(of: "cpuset") == .v2 {
            try list("AllowedCPUs", cpu.cpus, "cpu.cpus")
            try list("AllowedMemoryNodes", cpu.mems, "cpu.mems")
        }
    }

    /// The least weight, from systemd 252 on.
    private mutating func idle() {
        if version >= 252, support.version(of: "cpu") == .v2 { set("CPUWeight", .uint64(0)) }
    }

    private mutating func period(_ period: UInt64) {
        if version >= 242 { set("CPUQuotaPeriodUSec", .uint64(period)) }
    }

    /// systemd keeps whole percents of a processor: a share is rounded up, so that what we write
    /// exactly is never above it.
    private mutating func bandwidth(quota: UInt64?, period: UInt64?) {
        if let period { self.period(period) }
        guard let quota else { return set("CPUQuotaPerSecUSec", .uint64(.max)) }
        let percent: UInt64 = 10_000
        let product = quota.multipliedFullWidth(by: 1_000_000)
        let divisor = period ?? 100_000
        guard divisor > product.high else { return set("CPUQuotaPerSecUSec", .uint64(.max)) }
        let share = divisor.dividingFullWidth(product).quotient
        let (raised, isOver) = share.addingReportingOverflow(percent - 1)
        set("CPUQuotaPerSecUSec", .uint64(isOver ? .max : max(percent, raised / percent * percent)))
    }

    private mutating func list(_ name: String, _ text: String?, _ setting: String)
        throws(CgroupError)
    {
        guard let text, !text.isEmpty, version >= 244 else { return }
        guard let mask = BitMask(list: text) else {
            throw CgroupError(
                .invalid, "\(setting): expected a list such as \"0-3,7\", found \"\(text)\"")
        }
        set(name, .bytes(mask.bytes))
    }

    private mutating func blockIO(_ blockIO: Resources.BlockIO) {
        let form = support.version(of: "blkio")
        if let weight = blockIO.weight, weight != 0 {
            switch form {
            case .v1: set("BlockIOWeight", .uint64(UInt64(weight)))
            case .v2: set("IOWeight", .uint64(Conversion.ioWeight(blkioWeight: weight)))
            case nil: break
            }
        }
        guard form == .v2 else { return }
        typealias Entry = (major: Int64, minor: Int64, value: UInt64)
        var weights: [Entry] = []
        for device in blockIO.weightDevice {
            guard let weight = device.weight, weight != 0 else { continue }
            weights.append(
                (device.major, device.minor, Conversion.ioWeight(blkioWeight: weight)))
        }
        func rates(_ devices: [Resources.BlockIO.ThrottleDevice]) -> [Entry] {
            devices.map { ($0.major, $0.minor, $0.rate == 0 ? .max : $0.rate) }
        }
        let tables = [
            ("IODeviceWeight", weights),
            ("IOReadBandwidthMax", rates(blockIO.throttleReadBpsDevice)),
            ("IOWriteBandwidthMax", rates(blockIO.throttleWriteBpsDevice)),
            ("IOReadIOPSMax", rates(blockIO.throttleReadIOPSDevice)),
            ("IOWriteIOPSMax", rates(blockIO.throttleWriteIOPSDevice)),
        ]
        for (name, entries) in tables where !entries.isEmpty {
            let values = entries.map {
                BusValue.structure([
                    .string("/dev/block/\($0.major):\($0.minor)"), .uint64($0.value),
                ])
            }
            set(name, .array(of: "(st)", values))
        }
    }

    /// Files of cgroup2 that systemd has properties for. A value that is none is left to the kernel
    /// to refuse, in its own words.
    private mutating func unified(_ file: String, _ value: String) throws(CgroupError) {
        let limits = [
            "memory.min": "MemoryMin", "memory.low": "MemoryLow", "memory.high": "MemoryHigh",
            "memory.max": "MemoryMax", "memory.swap.max": "MemorySwapMax", "pids.max": "TasksMax",
        ]
        let text = words(of: value).joined(separator: " ")
        if let name = limits[file], let number = Self.kernelNumber(text) {
            set(name, .uint64(name == "TasksMax" ? max(1, number) : number))
            return
        }
        switch file {
        case "cpu.weight":
            if let weight = UInt64(text), (1...10_000).contains(weight) {
                set("CPUWeight", .uint64(weight))
            }
        case "cpu.idle": if text == "1" { idle() }
        case "cpu.max":
            let parts = words(of: text)
            guard let first = parts.first, let quota = Self.kernelNumber(first) else { return }
            let period = parts.count > 1 ? UInt64(parts[1]).flatMap { $0 == 0 ? nil : $0 } : nil
            bandwidth(quota: quota == .max ? nil : quota, period: period)
        case "cpuset.cpus": try list("AllowedCPUs", text, "unified \"cpuset.cpus\"")
        case "cpuset.mems": try list("AllowedMemoryNodes", text, "unified \"cpuset.mems\"")
        default: break
        }
    }

    /// A number with K, M, G or T behind it, or `max`, as the kernel reads it.
    private static func kernelNumber(_ text: String) -> UInt64? {
        if text == "max" { return .max }
        let shifts: [Character: UInt64] = ["k": 10, "m": 20, "g": 30, "t": 40]
        guard let last = text.lowercased().last, let shift = shifts[last] else {
            return UInt64(text)
        }
        guard let number = UInt64(text.dropLast()) else { return nil }
        let (product, isOver) = number.multipliedReportingOverflow(by: 1 << shift)
        return isOver ? nil : product
    }

    // MARK: Devices

    /// Has the scope a cgroup of v1's `devices` from its start on, where everything is allowed.
    /// Without, systemd 252 makes one when the rules come, and moves the scope's processes out of
    /// ours and into the slice's, where no rule is.
    package static func deviceHierarchy(_ support: ControllerSupport) -> [UnitProperty] {
        if support.version(of: "devices") != .v1 { return [] }
        return [UnitProperty("DeviceAllow", allDevices)]
    }

    private static let allDevices = BusValue.array(
        of: "(ss)",
        ["block-*", "char-*"].map { .structure([.string($0), .string("rwm")]) })

    /// What the rules allow, or more where systemd has no word for it: the cgroup's own rules hold
    /// besides. First emptied, as systemd adds to its list.
    private mutating func devices(_ rules: DeviceRules) {
        let allowed: [(devices: DeviceSet, access: DeviceAccess)]
        var allowsAll = false
        if let list = try? rules.accessList() {
            allowsAll = list.allowsByDefault
            allowed = list.exceptions.map { ($0.key, $0.value) }
                .sorted { $0.devices.description < $1.devices.description }
        } else {
            allowed = rules.rules.filter(\.allows).map { ($0.devices, $0.access) }
        }
        late.append(UnitProperty("DeviceAllow", .array(of: "(ss)", [])))
        late.append(UnitProperty("DevicePolicy", .string(allowsAll ? "auto" : "strict")))
        if allowsAll {
            // Or systemd would have no use for a cgroup of v1's any longer.
            late += Self.deviceHierarchy(support)
            return
        }
        let entries = allowed.map {
            BusValue.structure([
                .string(Self.node($0.devices)), .string($0.access.description),
            ])
        }
        late.append(UnitProperty("DeviceAllow", .array(of: "(ss)", entries)))
    }

    /// systemd's words for devices: a node, or all of a major number (systemd.resource-control(5)).
    private static func node(_ devices: DeviceSet) -> String {
        let kind = devices.kind == .block ? "block" : "char"
        switch (devices.major, devices.minor) {
        case (let major?, let minor?): return "/dev/\(kind)/\(major):\(minor)"
        case (let major?, nil): return "\(kind)-\(major)"
        case (nil, _): return "\(kind)-*"
        }
    }
}

/// Numbers as bits, lowest first: as systemd takes sets of processors.
struct BitMask: Equatable {
    private(set) var bytes: [UInt8] = []

    /// More processors than any kernel counts.
    private static let most = 1 << 16

    /// `0-3,7`; nil for what is no such list.
    init?(list: String) {
        for part in list.split(separator: ",", omittingEmptySubsequences: false) {
            let ends = part.split(separator: "-", omittingEmptySubsequences: false)
            guard let first = ends.first.flatMap({ Int($0) }),
                let last = ends.count == 1 ? first : ends.last.flatMap({ Int($0) }),
                ends.count <= 2, first >= 0, first <= last, last < Self.most
            else { return nil }
            while bytes.count <= last / 8 { bytes.append(0) }
            for number in first...last { bytes[number / 8] |= 1 << UInt8(number % 8) }
        }
    }
}
