// SPDX-License-Identifier: Apache-2.0

import Cgroups
import Containers
import Testing

@testable import martlet

@Suite struct `A size` {
    private static let sizes: [(text: String, bytes: Int64)] = [
        ("0", 0), ("512", 512), ("64k", 65536), ("64K", 65536), ("1m", 1_048_576),
        ("1MB", 1_048_576), ("1MiB", 1_048_576), ("2g", 2_147_483_648), ("1t", 1_099_511_627_776),
        ("1p", 1_125_899_906_842_624), ("10b", 10), ("-1", -1),
        ("9223372036854775807", 9_223_372_036_854_775_807),
    ]

    @Test(arguments: sizes)
    func `is bytes`(text: String, bytes: Int64) { #expect(Quantity.bytes(text) == bytes) }

    @Test(arguments: [
        "", "-2", "-5", "m", "1x", "1.5m", " 1", "1 2", "0x10", "９", "9223372036854775808",
        "9007199254740992k", "1mm", "+1",
    ])
    func `is nothing else`(text: String) { #expect(Quantity.bytes(text) == nil) }
}

@Suite struct `A time` {
    private static let times: [(text: String, time: Int)] = [
        ("5s", 5000), ("250ms", 250), ("1m30s", 90_000), ("1h", 3_600_000), ("1us", 1),
    ]

    @Test(arguments: times)
    func `is milliseconds, at least one`(text: String, time: Int) {
        #expect(Quantity.milliseconds(text) == time)
    }

    @Test(arguments: ["", "0", "0s", "5", "s", "-5s", "5x", "1e3s", "99999999999h", "5s 3s"])
    func `is nothing else`(text: String) { #expect(Quantity.milliseconds(text) == nil) }
}

@Suite struct `The table of ps` {
    private let table = """
        UID        PID  PPID CMD
        root        12     1 /sbin/init with 77
        root        77     1 sh
        root       177     1 sh

        """

    @Test func `has the heading and the rows of a container's processes`() {
        #expect(
            ProcessTable.rows(of: table, with: [77, 5])
                == "UID        PID  PPID CMD\nroot        77     1 sh\n")
        #expect(ProcessTable.rows(of: table, with: []) == "UID        PID  PPID CMD\n")
    }

    @Test(arguments: ["", "COMMAND\nsh\n", "PIDS\n1\n"])
    func `needs the column of pids`(text: String) {
        #expect(ProcessTable.rows(of: text, with: [1]) == nil)
    }

    @Test func `takes arguments of ps as they are`() throws {
        var parser = ArgumentParser(["ps", "-f", "table", "web", "-o", "pid,comm", "--help"])
        try parser.parseGlobals()
        guard case .command(.ps, let options, let operands) = try parser.parseCommand() else {
            Issue.record("not a command")
            return
        }
        #expect(options[.format] == "table")
        #expect(operands == ["web", "-o", "pid,comm", "--help"])
    }
}

@Suite struct `An event` {
    private func text(_ event: ContainerEvent) -> String {
        String(decoding: EventReport.line(event, id: "web"), as: UTF8.self)
    }

    @Test func `of a want of memory is one line`() {
        #expect(text(.outOfMemory) == #"{"type":"oom","id":"web"}"# + "\n")
    }

    @Test func `leaves out what is 0, as runc does`() {
        let zero = #"{"limit":0,"failcnt":0}"#
        #expect(
            text(.statistics(ContainerStatistics()))
                == #"{"type":"stats","id":"web","data":{"cpu":{"usage":{"kernel":0,"user":0},"#
                + #""throttling":{}},"cpuset":{"cpu_exclusive":0,"mem_hardwall":0,"#
                + #""mem_exclusive":0,"memory_migrate":0,"memory_spread_page":0,"#
                + #""memory_spread_slab":0,"memory_pressure":0,"sched_load_balance":0,"#
                + #""sched_relax_domain_level":0},"memory":{"usage":\#(zero),"swap":\#(zero),"#
                + #""kernel":\#(zero),"kernelTCP":\#(zero)},"pids":{},"blkio":{},"hugetlb":{},"#
                + #""intel_rdt":{},"network_interfaces":null}}"# + "\n")
    }

    @Test func `has every section that engines know`() {
        var statistics = ContainerStatistics()
        statistics.cgroups.cpu.perProcessor = [1, 2]
        statistics.cgroups.cpu.pressure = .init()
        statistics.cgroups.cpu.pressure?.some.average10 = 1250
        statistics.cgroups.cpu.pressure?.some.average60 = 7
        statistics.cgroups.memory.details = ["rss": 5]
        statistics.cgroups.blockIO.serviceBytes = [.init(8, 0, "Read", 4096)]
        statistics.cgroups.hugetlb["2MB"] = .init()
        statistics.cgroups.pids.limit = 9
        statistics.interfaces = [NetworkInterface(name: "eth0")]
        let text = text(.statistics(statistics))
        for part in [
            #""percpu":[1,2]"#, #""psi":{"some":{"avg10":12.5,"avg60":0.07,"avg300":0,"total":0}"#,
            #""raw":{"rss":5}"#, #""pids":{"limit":9}"#,
            #""ioServiceBytesRecursive":[{"major":8,"op":"Read","value":4096}]"#,
            #""hugetlb":{"2MB":{"failcnt":0}}"#,
            #""network_interfaces":[{"Name":"eth0","RxBytes":0"#,
        ] {
            #expect(text.contains(part))
        }
    }

    @Test func `knows the interfaces of a network namespace`() {
        let text = """
            Inter-|   Receive                                                |  Transmit
             face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
                lo:     100       2    3    4    0     0          0         0      101       5    6    7    0     0       0          0
            eth0:1: 9 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0
            """
        let all = NetworkInterface.all(in: text)
        #expect(all.map(\.name) == ["lo", "eth0:1"])
        #expect(all.first?.received.bytes == 100 && all.first?.received.dropped == 4)
        #expect(all.first?.transmitted.packets == 5 && all.first?.transmitted.errors == 6)
    }
}
