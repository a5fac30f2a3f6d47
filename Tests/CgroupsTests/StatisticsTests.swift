// SPDX-License-Identifier: Apache-2.0

import Cgroups
import Testing

/// Reading what kernels write, from texts of theirs.
@Suite struct `Statistics of cgroups` {
    private func decode(
        _ files: [String: String], _ body: (inout Statistics, ReadFile) throws -> Void
    ) throws -> Statistics {
        var statistics = Statistics()
        try body(&statistics) { (file) throws(CgroupError) in files[file] }
        return statistics
    }

    @Test func `of v1's processor time are in nanoseconds, by processor`() throws {
        let files = [
            "cpuacct.usage": "12740954\n", "cpuacct.usage_user": "8000000\n",
            "cpuacct.usage_sys": "4740954\n", "cpuacct.usage_percpu": "9693950 3047004 \n",
            "cpuacct.usage_all": "cpu user system\n0 8000000 1693950\n1 0 3047004\n",
            "cpu.stat": "nr_periods 7\nnr_throttled 3\nthrottled_time 250000000\n",
        ]
        let cpu = try decode(files) {
            try $0.readLegacyAccounting($1)
            try $0.readLegacyBandwidth($1)
        }.cpu
        #expect(cpu.total == 12_740_954 && cpu.user == 8_000_000 && cpu.kernel == 4_740_954)
        #expect(cpu.perProcessor == [9_693_950, 3_047_004])
        #expect(cpu.perProcessorUser == [8_000_000, 0])
        #expect(cpu.perProcessorKernel == [1_693_950, 3_047_004])
        #expect(cpu.periods == 7 && cpu.throttledPeriods == 3)
        #expect(cpu.throttledTime == 250_000_000)
    }

    @Test func `of v2's processor time are in nanoseconds too`() throws {
        let files = [
            "cpu.stat":
                "usage_usec 12740\nuser_usec 8000\nsystem_usec 4740\nnr_periods 7\n"
                + "nr_throttled 3\nthrottled_usec 250000\n",
            "cpu.pressure":
                "some avg10=12.05 avg60=0.50 avg300=0.00 total=999\n"
                + "full avg10=0.00 avg60=0.00 avg300=0.00 total=1\n",
        ]
        let cpu = try decode(files) { try $0.readUnifiedCPU($1) }.cpu
        #expect(cpu.total == 12_740_000 && cpu.user == 8_000_000 && cpu.kernel == 4_740_000)
        #expect(cpu.throttledTime == 250_000_000 && cpu.throttledPeriods == 3)
        let pressure = try #require(cpu.pressure)
        #expect(pressure.some.average10 == 1205 && pressure.some.average60 == 50)
        #expect(pressure.some.total == 999 && pressure.full.total == 1)
    }

    @Test(arguments: [
        ("0-3,7\n", [0, 1, 2, 3, 7] as [UInt16]), ("0\n", [0]), ("\n", []), ("2-1\n", []),
        ("0-65535\n", Array(0...65535)), ("0-65536\n", []), ("a\n", []), ("1-2-3\n", []),
        ("1-\n", []), ("-1\n", []),
    ])
    func `take a list of processors apart, and no other text`(text: String, list: [UInt16]) throws {
        let files = ["cpuset.cpus": text, "cpuset.cpus.effective": text]
        #expect(try decode(files) { try $0.readLegacyCPUSet($1) }.cpuset.processors == list)
        #expect(try decode(files) { try $0.readUnifiedCPUSet($1) }.cpuset.processors == list)
    }

    @Test func `of v1's memory`() throws {
        let files = [
            "memory.stat": "cache 4096\nrss 8192\ntotal_cache 4096\n",
            "memory.usage_in_bytes": "12288\n", "memory.limit_in_bytes": "33554432\n",
            "memory.max_usage_in_bytes": "20480\n", "memory.failcnt": "5\n",
            "memory.memsw.usage_in_bytes": "16384\n",
            "memory.memsw.limit_in_bytes": "9223372036854771712\n",
            "memory.kmem.usage_in_bytes": "1\n", "memory.kmem.tcp.failcnt": "2\n",
            "memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n",
        ]
        let memory = try decode(files) { try $0.readLegacyMemory($1) }.memory
        #expect(memory.cache == 4096 && memory.details["rss"] == 8192)
        #expect(memory.usage.usage == 12288 && memory.usage.limit == 33_554_432)
        #expect(memory.usage.peak == 20480 && memory.usage.failures == 5)
        #expect(memory.swap.usage == 16384 && memory.swap.limit == 9_223_372_036_854_771_712)
        #expect(memory.kernel.usage == 1 && memory.kernelTCP.failures == 2)
        #expect(memory.kills == 3)
    }

    @Test func `of v2's memory count swap with memory, as v1 does`() throws {
        let files = [
            "memory.current": "12288\n", "memory.max": "33554432\n", "memory.peak": "20480\n",
            "memory.swap.current": "4096\n", "memory.swap.max": "1048576\n",
            "memory.stat": "anon 4096\nfile 8192\nkernel 512\n",
            "memory.events": "low 0\nhigh 0\nmax 9\noom 2\noom_kill 1\n",
        ]
        let memory = try decode(files) { try $0.readUnifiedMemory($1) }.memory
        #expect(memory.cache == 8192 && memory.kernel.usage == 512 && memory.kills == 1)
        #expect(memory.usage.limit == 33_554_432 && memory.usage.failures == 9)
        #expect(memory.swap.usage == 16384 && memory.swap.limit == 34_603_008)
        var unlimited = files
        unlimited["memory.max"] = "max\n"
        let without = try decode(unlimited) { try $0.readUnifiedMemory($1) }.memory
        #expect(without.usage.limit == .max && without.swap.limit == .max)
    }

    @Test func `of block devices, whoever counts them`() throws {
        let text = "8:0 Read 4096\n8:0 Write 0\n8:16 Read 1\nTotal 4097\n"
        for name in ["io", "bfq.io", "throttle.io"] {
            let files = ["blkio.\(name)_service_bytes_recursive": text]
            let entries = try decode(files) { try $0.readLegacyBlockIO($1) }.blockIO.serviceBytes
            #expect(
                entries == [
                    .init(8, 0, "Read", 4096), .init(8, 0, "Write", 0), .init(8, 16, "Read", 1),
                ])
        }
        let files = ["io.stat": "8:16 rbytes=4096 wbytes=1 rios=2 wios=3 dbytes=0 dios=0\nbad\n"]
        let blockIO = try decode(files) { try $0.readUnifiedBlockIO($1) }.blockIO
        #expect(blockIO.serviceBytes.first == .init(8, 16, "Read", 4096))
        #expect(blockIO.serviced.map(\.value) == [2, 3, 0])
    }

    @Test func `of processes and pages; no limit is 0 processes`() throws {
        let files = [
            "pids.current": "3\n", "pids.max": "max\n", "hugetlb.2MB.current": "4194304\n",
            "hugetlb.2MB.events": "max 6\n", "hugetlb.1GB.rsvd.usage_in_bytes": "1\n",
            "hugetlb.1GB.rsvd.max_usage_in_bytes": "2\n", "hugetlb.1GB.rsvd.failcnt": "3\n",
        ]
        let statistics = try decode(files) {
            try $0.readPids($1)
            try $0.readUnifiedHugetlb(["2MB"], $1)
            try $0.readLegacyHugetlb(["1GB"], $1)
        }
        #expect(statistics.pids.current == 3 && statistics.pids.limit == 0)
        #expect(statistics.hugetlb["2MB"]?.usage == 4_194_304)
        #expect(statistics.hugetlb["2MB"]?.failures == 6)
        #expect(statistics.hugetlb["1GB"]?.usage == 1 && statistics.hugetlb["1GB"]?.peak == 2)
    }

    @Test(arguments: ["", "\n", "max", "garbage here\n", "-1\n", "99999999999999999999999\n"])
    func `of texts that no kernel writes are 0`(text: String) throws {
        let names = [
            "cpu.stat", "cpu.pressure", "memory.stat", "memory.current", "memory.events", "io.stat",
            "io.pressure", "cpuacct.usage", "cpuacct.usage_all", "cpuset.mems", "pids.current",
            "blkio.time_recursive", "cpuset.sched_relax_domain_level",
        ]
        let files = Dictionary(uniqueKeysWithValues: names.map { ($0, text) })
        let statistics = try decode(files) {
            try $0.readUnifiedCPU($1)
            try $0.readLegacyAccounting($1)
            try $0.readLegacyCPUSet($1)
            try $0.readLegacyBlockIO($1)
            try $0.readUnifiedBlockIO($1)
        }
        #expect(statistics.cpu.user == 0 && statistics.blockIO.time.isEmpty)
        #expect(statistics.cpuset.memoryNodes.isEmpty)
    }
}
