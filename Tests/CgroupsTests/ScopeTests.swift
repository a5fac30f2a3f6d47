// SPDX-License-Identifier: Apache-2.0

import Cgroups
import Linux
import OCI
import Testing

/// Names of scopes and slices, and properties of units: what systemd is told.
@Suite struct ScopeTests {
    @Test(arguments: [
        ("system.slice:docker:4f1c", "system.slice", "docker-4f1c.scope", "system.slice"),
        ("a-b-c.slice:p:n", "a-b-c.slice", "p-n.scope", "a.slice/a-b.slice/a-b-c.slice"),
        ("-.slice:p:n", "-.slice", "p-n.scope", ""),
        (":p:n", "system.slice", "p-n.scope", "system.slice"),
        ("x.slice::n", "x.slice", "n.scope", "x.slice"),
        ("x.slice:p:", "x.slice", "p-web.scope", "x.slice"),
        ("", "system.slice", "martlet-web.scope", "system.slice"),
    ])
    func `a cgroupsPath names a slice and a scope`(
        _ text: String, _ slice: String, _ unit: String, _ above: String
    ) throws {
        let name = try ScopeName(text, id: "web", owner: .system)
        #expect(name.slice == slice)
        #expect(name.unit == unit)
        #expect(try name.path() == above.split(separator: "/").map(String.init) + [unit])
    }

    @Test func `an ordinary user's containers are in the user's slice`() throws {
        #expect(try ScopeName(nil, id: "web", owner: .user).slice == "user.slice")
    }

    @Test func `an id is spelled as a unit's name can be`() throws {
        #expect(try ScopeName(nil, id: "a+b", owner: .system).unit == "martlet-a\\x2bb.scope")
    }

    @Test(arguments: [
        "/a/path", "a:b", "a.slice:b:c:d", "a:b:c", "-a.slice:b:c", "a--b.slice:b:c",
        "a-.slice:b:c", ".slice:b:c", "a/b.slice:b:c", "a.slice:b/../c:d", "a.slice:b:c\n",
        "a.slice:b:c d", "a.slice:b:c.slice", "a.slice:b:" + String(repeating: "c", count: 250),
    ])
    func `what is no place of systemd's is refused by its field`(_ text: String) {
        let error = #expect(throws: CgroupError.self) {
            _ = try ScopeName(text, id: "web", owner: .system)
        }
        #expect(error?.kind == .invalid)
        #expect(error?.reason.hasPrefix("linux.cgroupsPath \"") == true)
    }

    // MARK: Resources

    private func properties(
        on support: ControllerSupport = PlanTests.v2, version: Int = 252,
        _ change: (inout Resources) -> Void
    ) throws -> [String] {
        var resources = Resources()
        change(&resources)
        return try UnitProperties(
            resources, support: support, systemd: version, devices: nil
        ).all.map(\.description)
    }

    private func cpu(_ change: (inout Resources.CPU) -> Void) -> (inout Resources) -> Void {
        var cpu = Resources.CPU()
        change(&cpu)
        return { $0.cpu = cpu }
    }

    private func memory(_ change: (inout Resources.Memory) -> Void) -> (inout Resources) -> Void {
        var memory = Resources.Memory()
        change(&memory)
        return { $0.memory = memory }
    }

    @Test func `limits of memory`() throws {
        let all = memory {
            $0.limit = 1000
            $0.swap = 1500
            $0.reservation = 400
        }
        #expect(
            try properties(all) == [
                "MemoryMax = uint64(1000)", "MemoryLow = uint64(400)",
                "MemorySwapMax = uint64(500)",
            ])
        #expect(try properties(on: PlanTests.v1, all) == ["MemoryLimit = uint64(1000)"])
        #expect(
            try properties(memory { $0.limit = -1 }) == [
                "MemoryMax = uint64(\(UInt64.max))", "MemorySwapMax = uint64(\(UInt64.max))",
            ])
        #expect(try properties(memory { $0.limit = 0 }) == [])
    }

    @Test func `shares of processors`() throws {
        #expect(try properties(cpu { $0.shares = 1024 }) == ["CPUWeight = uint64(100)"])
        #expect(
            try properties(on: PlanTests.v1, cpu { $0.shares = 1024 }) == [
                "CPUShares = uint64(1024)"
            ])
        #expect(try properties(cpu { $0.idle = 1 }) == ["CPUWeight = uint64(0)"])
        #expect(try properties(version: 251, cpu { $0.idle = 1 }) == [])
    }

    @Test func `a quota is a whole percent of a processor, and never too small`() throws {
        func quota(_ quota: Int64, _ period: UInt64?) throws -> [String] {
            try properties(
                cpu {
                    $0.quota = quota
                    $0.period = period
                })
        }
        #expect(try quota(50_000, nil) == ["CPUQuotaPerSecUSec = uint64(500000)"])
        #expect(
            try quota(12_345, 100_000) == [
                "CPUQuotaPeriodUSec = uint64(100000)", "CPUQuotaPerSecUSec = uint64(130000)",
            ])
        #expect(try quota(-1, nil) == ["CPUQuotaPerSecUSec = uint64(\(UInt64.max))"])
        #expect(try quota(.max, 1).last == "CPUQuotaPerSecUSec = uint64(\(UInt64.max))")
        #expect(try quota(1, .max).last == "CPUQuotaPerSecUSec = uint64(10000)")
        #expect(
            try properties(version: 241, cpu { $0.period = 100_000 }) == [])
    }

    @Test func `sets of processors are bits`() throws {
        let set = cpu {
            $0.cpus = "0-2,9"
            $0.mems = "0"
        }
        #expect(
            try properties(set) == [
                "AllowedCPUs = \(BusValue.bytes([7, 2]))",
                "AllowedMemoryNodes = \(BusValue.bytes([1]))",
            ])
        #expect(try properties(version: 243, set) == [])
        #expect(try properties(on: PlanTests.v1, set) == [])
        for list in ["a", "3-1", "0-", "1,,2", "-1", "0-99999999999", "70000", "1-2-3"] {
            #expect(throws: CgroupError.self) { try properties(cpu { $0.cpus = list }) }
        }
    }

    @Test func `a limit of processes waits until the container is ready`() throws {
        for (limit, value): (Int64, UInt64) in [(5, 5), (0, 1), (-1, .max)] {
            var resources = Resources()
            var pids = Resources.Pids()
            pids.limit = limit
            resources.pids = pids
            let properties = try UnitProperties(
                resources, support: PlanTests.v2, systemd: 252, devices: nil)
            #expect(properties.early == [])
            #expect(properties.late == [UnitProperty("TasksMax", .uint64(value))])
        }
    }

    @Test func `traffic with devices`() throws {
        let change: (inout Resources) -> Void = {
            var blockIO = Resources.BlockIO()
            blockIO.weight = 1000
            blockIO.throttleReadBpsDevice = [.init(major: 8, minor: 0, rate: 77)]
            blockIO.throttleWriteIOPSDevice = [.init(major: 8, minor: 0, rate: 0)]
            $0.blockIO = blockIO
        }
        func rate(_ value: UInt64) -> BusValue {
            .array(of: "(st)", [.structure([.string("/dev/block/8:0"), .uint64(value)])])
        }
        #expect(
            try properties(change) == [
                "IOWeight = uint64(10000)", "IOReadBandwidthMax = \(rate(77))",
                "IOWriteIOPSMax = \(rate(.max))",
            ])
        #expect(try properties(on: PlanTests.v1, change) == ["BlockIOWeight = uint64(1000)"])
    }

    @Test func `files of cgroup2 go before the rest`() throws {
        #expect(
            try properties {
                var memory = Resources.Memory()
                memory.limit = 5
                $0.memory = memory
                $0.unified = [
                    "memory.max": "1M", "memory.high": "max", "cpu.max": "20000 100000",
                    "cpu.weight": "x", "cpuset.cpus": "0", "hugetlb.2MB.max": "5", "pids.max": "0",
                ]
            } == [
                "CPUQuotaPeriodUSec = uint64(100000)", "CPUQuotaPerSecUSec = uint64(200000)",
                "AllowedCPUs = \(BusValue.bytes([1]))", "MemoryHigh = uint64(\(UInt64.max))",
                "MemoryMax = uint64(1048576)", "TasksMax = uint64(1)",
            ])
    }

    @Test func `the unit allows the devices that the rules allow`() throws {
        func late(_ rules: [Resources.DeviceRule]) throws -> [UnitProperty] {
            try UnitProperties(
                Resources(), support: PlanTests.v2, systemd: 252,
                devices: DeviceRules(rules, defaults: [])
            ).late
        }
        var deny = Resources.DeviceRule(allow: false)
        deny.access = "rwm"
        var null = Resources.DeviceRule(allow: true)
        null.kind = .character
        null.major = 1
        null.minor = 3
        null.access = "rw"
        var terminals = Resources.DeviceRule(allow: true)
        terminals.kind = .character
        terminals.major = 136
        func entry(_ node: String, _ access: String) -> BusValue {
            .structure([.string(node), .string(access)])
        }
        #expect(
            try late([deny, null, terminals]) == [
                UnitProperty("DeviceAllow", .array(of: "(ss)", [])),
                UnitProperty("DevicePolicy", .string("strict")),
                UnitProperty(
                    "DeviceAllow",
                    .array(
                        of: "(ss)", [entry("char-136", "rwm"), entry("/dev/char/1:3", "rw")])),
            ])
        // What systemd has no word for is left to the cgroup's own rules.
        null.allow = false
        #expect(try late([Resources.DeviceRule(allow: true), null]).last?.value == .string("auto"))
        var exception = terminals
        exception.allow = false
        exception.minor = 0
        let entries = BusValue.array(of: "(ss)", [entry("char-136", "rwm")])
        #expect(
            try late([terminals, null, exception]).last == UnitProperty("DeviceAllow", entries))
    }

    @Test func `a unit has a hierarchy of devices always, on v1`() throws {
        let all = UnitProperty(
            "DeviceAllow",
            .array(
                of: "(ss)",
                ["block-*", "char-*"].map { .structure([.string($0), .string("rwm")]) }))
        #expect(UnitProperties.deviceHierarchy(PlanTests.v1) == [all])
        #expect(UnitProperties.deviceHierarchy(PlanTests.v2).isEmpty)
        let properties = try UnitProperties(
            Resources(), support: PlanTests.v1, systemd: 252,
            devices: DeviceRules([Resources.DeviceRule(allow: true)], defaults: []))
        #expect(
            properties.late == [
                UnitProperty("DeviceAllow", .array(of: "(ss)", [])),
                UnitProperty("DevicePolicy", .string("auto")), all,
            ])
    }

    // MARK: Annotations

    private func annotation(_ name: String, _ text: String) throws -> [UnitProperty] {
        try UnitAnnotations.properties(["org.systemd.property.\(name)": text, "other": "x"])
    }

    @Test func `annotations are properties`() throws {
        let rows: [(String, String, UnitProperty)] = [
            ("TimeoutStopUSec", "uint64 5", UnitProperty("TimeoutStopUSec", .uint64(5))),
            ("TimeoutStopUSec", " 5 ", UnitProperty("TimeoutStopUSec", .uint64(5))),
            ("TimeoutStopUSec", "@t 0x10", UnitProperty("TimeoutStopUSec", .uint64(16))),
            ("TimeoutStopSec", "5", UnitProperty("TimeoutStopUSec", .uint64(5_000_000))),
            ("CollectMode", "'inactive'", UnitProperty("CollectMode", .string("inactive"))),
            ("Description", #""it's \"me\"""#, UnitProperty("Description", .string("it's \"me\""))),
            ("SendSIGHUP", "true", UnitProperty("SendSIGHUP", .boolean(true))),
            ("KillSignal", "15", UnitProperty("KillSignal", .int32(15))),
            (
                "After", "['a.service', \"b.service\"]",
                UnitProperty("After", .strings(["a.service", "b.service"]))
            ),
            ("After", "@as []", UnitProperty("After", .strings([]))),
            ("AllowedCPUs", "[byte 0x01, 0x80]", UnitProperty("AllowedCPUs", .bytes([1, 128]))),
        ]
        for (name, text, property) in rows {
            #expect(try annotation(name, text) == [property])
        }
    }

    @Test(arguments: [
        ("TimeoutStopUSec", ""), ("TimeoutStopUSec", "five"), ("TimeoutStopUSec", "-1"),
        ("TimeoutStopUSec", "'5'"), ("TimeoutStopUSec", "5 6"), ("TimeoutStopUSec", "int32 5"),
        ("TimeoutStopUSec", "99999999999999999999"), ("TimeoutStopUSec", "--1"),
        ("CollectMode", "inactive"), ("CollectMode", "'inactive"), ("CollectMode", "'a\\q'"),
        ("CollectMode", "'a\nb'"), ("SendSIGHUP", "yes"), ("KillSignal", "4294967296"),
        ("After", "['a',]"), ("After", "['a'"), ("After", "[['a']]"), ("AllowedCPUs", "[256]"),
        // These could start other units, stop them, or the machine (CVE-2024-3154).
        ("ExecStartPre", "'/bin/sh'"), ("Conflicts", "['sshd.service']"),
        ("SuccessAction", "'reboot'"), ("OnFailure", "['x.service']"), ("Wants", "['x.service']"),
        ("PIDs", "[1]"), ("Slice", "'x.slice'"), ("Delegate", "false"), ("", "1"), ("Sec", "1"),
    ])
    func `an annotation that is wrong is refused by its name`(_ name: String, _ text: String) {
        let error = #expect(throws: CgroupError.self) { _ = try annotation(name, text) }
        #expect(error?.kind == .invalid)
        #expect(
            error?.reason.hasPrefix("annotation \"org.systemd.property.\(name)\": ") == true)
    }
}
