// SPDX-License-Identifier: Apache-2.0

import Cgroups
import OCI
import Testing

/// Every row of `linux.resources`, as the writes it becomes.
@Suite struct PlanTests {
    static let v1 = ControllerSupport(legacy: [
        "cpu", "cpuset", "memory", "blkio", "pids", "devices", "hugetlb", "net_cls", "net_prio",
        "rdma", "freezer",
    ])
    static let v2 = ControllerSupport(unified: [
        "cpu", "cpuset", "memory", "io", "pids", "hugetlb", "rdma",
    ])

    struct Row: Sendable, CustomTestStringConvertible {
        var name: String
        var v1: [String]
        var v2: [String]
        var change: @Sendable (inout Resources) -> Void
        var testDescription: String { name }

        init(
            _ name: String, v1: [String], v2: [String],
            _ change: @escaping @Sendable (inout Resources) -> Void
        ) {
            self.name = name
            self.v1 = v1
            self.v2 = v2
            self.change = change
        }
    }

    static func plan(_ row: Row, _ support: ControllerSupport) -> [String] {
        var resources = Resources()
        row.change(&resources)
        do {
            let plan = try ResourcePlan(resources, support: support)
            return (plan.steps + plan.lateSteps).map(\.description)
        } catch {
            return ["error: \(error)"]
        }
    }

    @Test("what is written", arguments: memoryRows + cpuRows + ioRows + otherRows)
    func rows(_ row: Row) {
        #expect(Self.plan(row, Self.v1) == row.v1)
        #expect(Self.plan(row, Self.v2) == row.v2)
    }

    @Test("what engines write for \"not set\" needs no controller")
    func zeros() throws {
        var resources = Resources()
        resources.cpu = .init()
        resources.cpu?.shares = 0
        resources.cpu?.quota = 0
        resources.cpu?.period = 0
        resources.cpu?.cpus = ""
        resources.cpu?.burst = 0
        resources.cpu?.idle = 0
        resources.cpu?.realtimePeriod = 0
        resources.memory = .init()
        resources.memory?.disableOOMKiller = false
        resources.memory?.limit = 0
        resources.memory?.swap = 0
        resources.blockIO = .init()
        resources.blockIO?.weight = 0
        resources.pids = .init()
        resources.pids?.limit = -1
        resources.network = .init()
        resources.network?.classID = 0
        for support in [ControllerSupport(), ControllerSupport(unified: [])] {
            let plan = try ResourcePlan(resources, support: support)
            #expect(plan == ResourcePlan())
        }
    }

    @Test(
        "a missing controller is named with the setting",
        arguments: [
            ("memory.limit", "memory"), ("cpu.shares", "cpu"), ("cpu.cpus", "cpuset"),
            ("pids.limit", "pids"), ("blockIO.weight", "blkio"), ("rdma mlx5_1", "rdma"),
            ("hugepageLimits 2MB", "hugetlb"), ("network.classID", "net_cls"),
        ])
    func missing(_ setting: String, _ controller: String) {
        var resources = Resources()
        switch setting {
        case "memory.limit":
            resources.memory = .init()
            resources.memory?.limit = 1 << 20
        case "cpu.shares":
            resources.cpu = .init()
            resources.cpu?.shares = 512
        case "cpu.cpus":
            resources.cpu = .init()
            resources.cpu?.cpus = "0"
        case "pids.limit":
            resources.pids = .init()
            resources.pids?.limit = 0
        case "blockIO.weight":
            resources.blockIO = .init()
            resources.blockIO?.weight = 100
        case "rdma mlx5_1":
            resources.rdma["mlx5_1"] = .init()
            resources.rdma["mlx5_1"]?.hcaHandles = 3
        case "hugepageLimits 2MB":
            resources.hugepageLimits = [.init(pageSize: "2MB", limit: 0)]
        default:
            resources.network = .init()
            resources.network?.classID = 7
        }
        for support in [ControllerSupport(), ControllerSupport(unified: [])] {
            #expect {
                _ = try ResourcePlan(resources, support: support)
            } throws: { error in
                let error = error as? CgroupError
                return error?.kind == .unsupported && error?.reason.hasPrefix(setting) == true
                    && error?.reason.contains(controller) == true
            }
        }
    }

    @Test("a hybrid host is asked where each controller is")
    func hybrid() throws {
        let support = ControllerSupport(legacy: ["memory"], unified: ["hugetlb"])
        var resources = Resources()
        resources.memory = .init()
        resources.memory?.limit = 4096
        resources.hugepageLimits = [.init(pageSize: "2MB", limit: 0)]
        resources.unified = ["hugetlb.1GB.max": "0"]
        resources.devices = [.init(allow: false)]
        let plan = try ResourcePlan(resources, support: support)
        #expect(plan.unifiedControllers == ["hugetlb"])
        #expect(plan.legacyControllers == ["memory"])
        guard case .devices(_, .v2) = plan.lateSteps.first else {
            Issue.record("devices are not on cgroup2")
            return
        }
        resources.unified = ["memory.high": "1"]
        #expect(throws: CgroupError.self) { try ResourcePlan(resources, support: support) }
    }

    @Test("kernel memory is ignored aloud")
    func kernelMemory() throws {
        var resources = Resources()
        resources.memory = .init()
        resources.memory?.kernel = 1 << 20
        for support in [Self.v1, Self.v2] {
            let plan = try ResourcePlan(resources, support: support)
            #expect(plan.steps.isEmpty)
            #expect(plan.warnings.count == 1)
        }
    }

    @Test("no shares, no matter how many, give a weight out of range")
    func weights() {
        #expect(Conversion.weight(shares: 0) == 1)
        let table: [(UInt64, UInt64)] = [
            (2, 1), (4, 2), (100, 17), (512, 59), (1024, 100), (2048, 174), (102_400, 4429),
            (262_144, 10_000), (.max, 10_000),
        ]
        for (shares, weight) in table { #expect(Conversion.weight(shares: shares) == weight) }
        var last: UInt64 = 1
        for shares in stride(from: UInt64(2), through: 262_144, by: 7) {
            let weight = Conversion.weight(shares: shares)
            #expect(weight >= last && weight <= 10_000)
            last = weight
        }
        for weight in UInt16(0)...1000 {
            #expect((1...10_000).contains(Conversion.ioWeight(blkioWeight: weight)))
        }
        #expect(Conversion.ioWeight(blkioWeight: 1000) == 10_000)
    }
}
