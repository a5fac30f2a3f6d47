// SPDX-License-Identifier: Apache-2.0

import Cgroups
import OCI

private func only1(_ setting: String, _ controller: String, _ more: String = "") -> [String] {
    [
        "error: \(setting): cgroup v2 has no such setting, and the \(controller) controller is on "
            + "cgroup v2 here\(more)"
    ]
}

extension PlanTests {
    private static func memory(
        _ name: String, v1: [String], v2: [String],
        _ change: @escaping @Sendable (inout Resources.Memory) -> Void
    ) -> Row {
        Row("memory \(name)", v1: v1, v2: v2) { resources in
            var memory = Resources.Memory()
            change(&memory)
            resources.memory = memory
        }
    }

    static let memoryRows: [Row] = [
        memory("limit", v1: ["memory.limit_in_bytes = 4096"], v2: ["memory.max = 4096"]) {
            $0.limit = 4096
        },
        memory(
            "limit and swap",
            v1: ["memory.limit_in_bytes = 100 with memory.memsw.limit_in_bytes = 250"],
            v2: ["memory.swap.max = 150", "memory.max = 100"]
        ) {
            $0.limit = 100
            $0.swap = 250
        },
        memory(
            "no swap at all",
            v1: ["memory.limit_in_bytes = 100 with memory.memsw.limit_in_bytes = 100"],
            v2: ["memory.swap.max = 0 (optional)", "memory.max = 100"]
        ) {
            $0.limit = 100
            $0.swap = 100
        },
        memory(
            "swap without limit", v1: ["memory.memsw.limit_in_bytes = 100"],
            v2: [
                "error: memory.swap: cgroup v2 limits swap alone, which is memory.swap less "
                    + "memory.limit; give memory.limit too"
            ]
        ) { $0.swap = 100 },
        memory(
            "swap below limit",
            v1: ["memory.limit_in_bytes = 100 with memory.memsw.limit_in_bytes = 50"],
            v2: [
                "error: memory.swap: expected at least memory.limit 100, as it includes it, "
                    + "found 50"
            ]
        ) {
            $0.limit = 100
            $0.swap = 50
        },
        memory(
            "unlimited",
            v1: [
                "memory.limit_in_bytes = -1 with memory.memsw.limit_in_bytes = -1 (optional)"
            ], v2: ["memory.swap.max = max (optional)", "memory.max = max"]
        ) { $0.limit = -1 },
        memory(
            "unlimited swap", v1: ["memory.memsw.limit_in_bytes = -1 (optional)"],
            v2: ["memory.swap.max = max (optional)"]
        ) { $0.swap = -1 },
        memory(
            "reservation", v1: ["memory.soft_limit_in_bytes = 7"], v2: ["memory.low = 7"]
        ) { $0.reservation = 7 },
        memory(
            "kernelTCP", v1: ["memory.kmem.tcp.limit_in_bytes = 7"],
            v2: only1("memory.kernelTCP", "memory")
        ) {
            $0.kernelTCP = 7
        },
        memory(
            "kernelTCP unlimited", v1: ["memory.kmem.tcp.limit_in_bytes = -1 (optional)"], v2: []
        ) { $0.kernelTCP = -1 },
        memory(
            "swappiness", v1: ["memory.swappiness = 0"], v2: only1("memory.swappiness", "memory")
        ) {
            $0.swappiness = 0
        },
        memory(
            "swappiness too high",
            v1: ["error: memory.swappiness: expected 0 to 100, found 101"],
            v2: only1("memory.swappiness", "memory")
        ) { $0.swappiness = 101 },
        memory(
            "OOM killer off", v1: ["memory.oom_control = 1"],
            v2: only1("memory.disableOOMKiller", "memory")
        ) { $0.disableOOMKiller = true },
        memory("OOM killer on", v1: ["memory.oom_control = 0 (optional)"], v2: []) {
            $0.disableOOMKiller = false
        },
        memory("hierarchy", v1: ["memory.use_hierarchy = 1"], v2: []) { $0.useHierarchy = true },
        memory(
            "no hierarchy", v1: ["memory.use_hierarchy = 0"],
            v2: only1("memory.useHierarchy false", "memory", "; it is always hierarchical")
        ) { $0.useHierarchy = false },
        memory(
            "check before update", v1: ["memory.limit_in_bytes = 9"],
            v2: ["check memory below 9, with swap -", "memory.max = 9"]
        ) {
            $0.limit = 9
            $0.checkBeforeUpdate = true
        },
        memory("check before nothing", v1: [], v2: []) { $0.checkBeforeUpdate = true },
    ]

    private static func cpu(
        _ name: String, v1: [String], v2: [String],
        _ change: @escaping @Sendable (inout Resources.CPU) -> Void
    ) -> Row {
        Row("cpu \(name)", v1: v1, v2: v2) { resources in
            var cpu = Resources.CPU()
            change(&cpu)
            resources.cpu = cpu
        }
    }

    static let cpuRows: [Row] = [
        cpu("shares", v1: ["cpu.shares = 1024"], v2: ["cpu.weight = 100"]) { $0.shares = 1024 },
        cpu(
            "shares out of range",
            v1: ["error: cpu.shares: expected 2 to 262144, found 262145"],
            v2: ["cpu.weight = 10000"]
        ) { $0.shares = 262_145 },
        cpu(
            "quota and period", v1: ["cpu.cfs_period_us = 20000 with cpu.cfs_quota_us = 10000"],
            v2: ["cpu.max = 10000 20000"]
        ) {
            $0.quota = 10000
            $0.period = 20000
        },
        cpu("quota", v1: ["cpu.cfs_quota_us = 10000"], v2: ["cpu.max = 10000"]) {
            $0.quota = 10000
        },
        cpu("no quota", v1: ["cpu.cfs_quota_us = -1"], v2: ["cpu.max = max"]) { $0.quota = -1 },
        cpu("period", v1: ["cpu.cfs_period_us = 20000"], v2: ["cpu.max … = 20000"]) {
            $0.period = 20000
        },
        cpu(
            "burst", v1: ["cpu.cfs_quota_us = 9000 with cpu.cfs_burst_us = 5000"],
            v2: ["cpu.max = 9000 with cpu.max.burst = 5000"]
        ) {
            $0.quota = 9000
            $0.burst = 5000
        },
        cpu(
            "no burst", v1: ["cpu.cfs_burst_us = 0 (optional)"],
            v2: ["cpu.max.burst = 0 (optional)"]
        ) { $0.burst = 0 },
        cpu("idle", v1: ["cpu.idle = 1"], v2: ["cpu.idle = 1"]) {
            $0.idle = 1
            $0.shares = 512
        },
        cpu(
            "not idle", v1: ["cpu.idle = 0 (optional)", "cpu.shares = 512"],
            v2: ["cpu.idle = 0 (optional)", "cpu.weight = 59"]
        ) {
            $0.idle = 0
            $0.shares = 512
        },
        cpu(
            "real time", v1: ["cpu.rt_period_us = 1000 with cpu.rt_runtime_us = 950"],
            v2: only1("cpu.realtimeRuntime", "cpu")
        ) {
            $0.realtimeRuntime = 950
            $0.realtimePeriod = 1000
        },
        cpu(
            "real time period", v1: ["cpu.rt_period_us = 1000"],
            v2: only1("cpu.realtimePeriod", "cpu")
        ) { $0.realtimePeriod = 1000 },
        cpu(
            "cpuset", v1: ["cpuset.cpus = 0-1", "cpuset.mems = 0"],
            v2: ["cpuset.cpus = 0-1", "cpuset.mems = 0"]
        ) {
            $0.cpus = "0-1"
            $0.mems = "0"
        },
    ]

    private static func io(
        _ name: String, v1: [String], v2: [String],
        _ change: @escaping @Sendable (inout Resources.BlockIO) -> Void
    ) -> Row {
        Row("blockIO \(name)", v1: v1, v2: v2) { resources in
            var blockIO = Resources.BlockIO()
            change(&blockIO)
            resources.blockIO = blockIO
        }
    }

    static let ioRows: [Row] = [
        io(
            "weight", v1: ["blkio.weight = 500 or blkio.bfq.weight = 500"],
            v2: ["io.bfq.weight = 500 or io.weight = default 4950"]
        ) { $0.weight = 500 },
        io(
            "weight too high", v1: ["error: blockIO.weight: expected 10 to 1000, found 1001"],
            v2: ["error: blockIO.weight: expected 10 to 1000, found 1001"]
        ) { $0.weight = 1001 },
        io(
            "leaf weight", v1: ["blkio.leaf_weight = 20"],
            v2: only1("blockIO.leafWeight", "io")
        ) { $0.leafWeight = 20 },
        io(
            "weight of a device",
            v1: [
                "blkio.weight_device = 8:16 10 or blkio.bfq.weight_device = 8:16 10",
                "blkio.leaf_weight_device = 8:16 30",
            ], v2: only1("blockIO.weightDevice.leafWeight", "io")
        ) {
            var device = Resources.BlockIO.WeightDevice(major: 8, minor: 16)
            device.weight = 10
            device.leafWeight = 30
            $0.weightDevice = [device]
        },
        io(
            "default weight of a device",
            v1: ["blkio.weight_device = 8:16 0 or blkio.bfq.weight_device = 8:16 0"],
            v2: ["io.bfq.weight = 8:16 default or io.weight = 8:16 default"]
        ) {
            var device = Resources.BlockIO.WeightDevice(major: 8, minor: 16)
            device.weight = 0
            $0.weightDevice = [device]
        },
        io(
            "throttles",
            v1: [
                "blkio.throttle.read_bps_device = 8:0 600",
                "blkio.throttle.write_bps_device = 8:0 700",
                "blkio.throttle.read_iops_device = 8:0 80",
                "blkio.throttle.write_iops_device = 8:0 0",
            ],
            v2: [
                "io.max = 8:0 rbps=600", "io.max = 8:0 wbps=700", "io.max = 8:0 riops=80",
                "io.max = 8:0 wiops=max",
            ]
        ) {
            $0.throttleReadBpsDevice = [.init(major: 8, minor: 0, rate: 600)]
            $0.throttleWriteBpsDevice = [.init(major: 8, minor: 0, rate: 700)]
            $0.throttleReadIOPSDevice = [.init(major: 8, minor: 0, rate: 80)]
            $0.throttleWriteIOPSDevice = [.init(major: 8, minor: 0, rate: 0)]
        },
    ]

    static let otherRows: [Row] = [
        Row("nothing", v1: [], v2: []) { _ in },
        Row("pids", v1: ["pids.max = 3"], v2: ["pids.max = 3"]) {
            $0.pids = .init()
            $0.pids?.limit = 3
        },
        Row("pids 0", v1: ["pids.max = 0"], v2: ["pids.max = 0"]) {
            $0.pids = .init()
            $0.pids?.limit = 0
        },
        Row("pids without limit", v1: ["pids.max = max"], v2: ["pids.max = max"]) {
            $0.pids = .init()
            $0.pids?.limit = -1
        },
        Row("pids unset", v1: [], v2: []) { $0.pids = .init() },
        Row(
            "huge pages",
            v1: [
                "hugetlb.2MB.rsvd.limit_in_bytes = 5 (optional)", "hugetlb.2MB.limit_in_bytes = 5",
            ], v2: ["hugetlb.2MB.rsvd.max = 5 (optional)", "hugetlb.2MB.max = 5"]
        ) { $0.hugepageLimits = [.init(pageSize: "2MB", limit: 5)] },
        Row(
            "network class", v1: ["net_cls.classid = 1048577"],
            v2: [
                "error: network.classID: the net_cls controller is of cgroup v1 alone, and this "
                    + "host has cgroup v2"
            ]
        ) {
            $0.network = .init()
            $0.network?.classID = 1_048_577
        },
        Row(
            "network priorities",
            v1: ["net_prio.ifpriomap = eth0 500", "net_prio.ifpriomap = eth1 0"],
            v2: [
                "error: network.priorities: the net_prio controller is of cgroup v1 alone, and "
                    + "this host has cgroup v2"
            ]
        ) {
            $0.network = .init()
            $0.network?.priorities = [
                .init(name: "eth0", priority: 500), .init(name: "eth1", priority: 0),
            ]
        },
        Row(
            "rdma", v1: ["rdma.max = a hca_handle=3", "rdma.max = b hca_handle=1 hca_object=2"],
            v2: ["rdma.max = a hca_handle=3", "rdma.max = b hca_handle=1 hca_object=2"]
        ) {
            $0.rdma["b"] = .init()
            $0.rdma["b"]?.hcaHandles = 1
            $0.rdma["b"]?.hcaObjects = 2
            $0.rdma["a"] = .init()
            $0.rdma["a"]?.hcaHandles = 3
        },
        Row(
            "unified",
            v1: [
                "error: unified \"cgroup.max.depth\": this host has cgroup v1, and unified is of "
                    + "cgroup v2"
            ],
            v2: [
                "cgroup.max.depth = 3", "io.max = 8:0 rbps=1", "io.max = 8:16 rbps=2",
                "memory.not.yet.known = x",
            ]
        ) {
            $0.unified = [
                "memory.not.yet.known": "x", "io.max": "8:0 rbps=1\n8:16 rbps=2\n",
                "cgroup.max.depth": "3",
            ]
        },
        Row(
            "unified without its controller",
            v1: [
                "error: unified \"misc.max\": this host has cgroup v1, and unified is of cgroup v2"
            ],
            v2: ["error: unified \"misc.max\": cgroup v2 has no misc controller here"]
        ) { $0.unified = ["misc.max": "1"] },
        Row(
            "unified that leads out",
            v1: ["error: unified \"a/../b\": expected the name of a cgroup's file"],
            v2: ["error: unified \"a/../b\": expected the name of a cgroup's file"]
        ) { $0.unified = ["a/../b": "1"] },
        Row(
            "devices",
            v1: ["devices of cgroup v1: \(deviceWords)"],
            v2: ["devices of cgroup v2: \(deviceWords)"]
        ) { $0.devices = [.init(allow: false)] },
    ]

    private static let deviceWords =
        "deny c *:* rwm, deny b *:* rwm, allow c *:* m, allow b *:* m, allow c 1:3 rwm, "
        + "allow c 1:5 rwm, allow c 1:7 rwm, allow c 1:8 rwm, allow c 1:9 rwm, allow c 5:0 rwm, "
        + "allow c 5:1 rwm, allow c 5:2 rwm, allow c 136:* rwm"
}
