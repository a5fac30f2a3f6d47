// SPDX-License-Identifier: Apache-2.0

internal import Cgroups
internal import Containers
internal import JSON

/// Events as runc prints them, which engines read: one line of JSON each. What runc leaves out
/// when it is 0 is left out.
enum EventReport {
    static func line(_ event: ContainerEvent, id: String) -> [UInt8] {
        var json = JSONWriter()
        json.object { json in
            switch event {
            case .outOfMemory:
                json.member("type", "oom")
                json.member("id", id)
            case .statistics(let statistics):
                json.member("type", "stats")
                json.member("id", id)
                json.key("data")
                json.object { json in encode(statistics, into: &json) }
            }
        }
        return json.bytes + [UInt8(ascii: "\n")]
    }

    private static func encode(
        _ statistics: ContainerStatistics, into json: inout JSONWriter
    ) {
        let cgroups = statistics.cgroups
        json.key("cpu")
        encode(cgroups.cpu, into: &json)
        json.key("cpuset")
        encode(cgroups.cpuset, into: &json)
        json.key("memory")
        encode(cgroups.memory, into: &json)
        json.key("pids")
        json.object { json in
            json.member("current", unlessZero: cgroups.pids.current)
            json.member("limit", unlessZero: cgroups.pids.limit)
        }
        json.key("blkio")
        encode(cgroups.blockIO, into: &json)
        json.key("hugetlb")
        json.object { json in
            for (size, pages) in cgroups.hugetlb.sorted(by: { $0.key < $1.key }) {
                json.key(size)
                json.object { json in
                    json.member("usage", unlessZero: pages.usage)
                    json.member("max", unlessZero: pages.peak)
                    json.member("failcnt", pages.failures)
                }
            }
        }
        json.key("intel_rdt")
        json.object { _ in }
        json.key("network_interfaces")
        encode(statistics.interfaces, into: &json)
    }

    private static func encode(_ cpu: Statistics.CPU, into json: inout JSONWriter) {
        json.object { json in
            json.key("usage")
            json.object { json in
                json.member("total", unlessZero: cpu.total)
                json.member("percpu", unlessEmpty: cpu.perProcessor)
                json.member("percpu_kernel", unlessEmpty: cpu.perProcessorKernel)
                json.member("percpu_user", unlessEmpty: cpu.perProcessorUser)
                json.member("kernel", cpu.kernel)
                json.member("user", cpu.user)
            }
            json.key("throttling")
            json.object { json in
                json.member("periods", unlessZero: cpu.periods)
                json.member("throttledPeriods", unlessZero: cpu.throttledPeriods)
                json.member("throttledTime", unlessZero: cpu.throttledTime)
            }
            json.member("psi", ifKnown: cpu.pressure)
        }
    }

    private static func encode(_ cpuset: Statistics.CPUSet, into json: inout JSONWriter) {
        json.object { json in
            json.member("cpus", unlessEmpty: cpuset.processors.map { UInt64($0) })
            json.member("cpu_exclusive", cpuset.cpuExclusive)
            json.member("mems", unlessEmpty: cpuset.memoryNodes.map { UInt64($0) })
            json.member("mem_hardwall", cpuset.memHardwall)
            json.member("mem_exclusive", cpuset.memExclusive)
            json.member("memory_migrate", cpuset.memoryMigrate)
            json.member("memory_spread_page", cpuset.memorySpreadPage)
            json.member("memory_spread_slab", cpuset.memorySpreadSlab)
            json.member("memory_pressure", cpuset.memoryPressure)
            json.member("sched_load_balance", cpuset.schedLoadBalance)
            json.member("sched_relax_domain_level", cpuset.schedRelaxDomainLevel)
        }
    }

    private static func encode(_ memory: Statistics.Memory, into json: inout JSONWriter) {
        func encode(_ name: StaticString, _ usage: Statistics.Memory.Usage) {
            json.key(name)
            json.object { json in
                json.member("limit", usage.limit)
                json.member("usage", unlessZero: usage.usage)
                json.member("max", unlessZero: usage.peak)
                json.member("failcnt", usage.failures)
            }
        }
        json.beginObject()
        json.member("cache", unlessZero: memory.cache)
        encode("usage", memory.usage)
        encode("swap", memory.swap)
        encode("kernel", memory.kernel)
        encode("kernelTCP", memory.kernelTCP)
        if !memory.details.isEmpty {
            json.key("raw")
            json.object { json in
                for (name, value) in memory.details.sorted(by: { $0.key < $1.key }) {
                    json.key(name)
                    json.uint(value)
                }
            }
        }
        json.member("psi", ifKnown: memory.pressure)
        json.endObject()
    }

    private static func encode(_ blockIO: Statistics.BlockIO, into json: inout JSONWriter) {
        json.object { json in
            json.member("ioServiceBytesRecursive", unlessEmpty: blockIO.serviceBytes)
            json.member("ioServicedRecursive", unlessEmpty: blockIO.serviced)
            json.member("ioQueueRecursive", unlessEmpty: blockIO.queued)
            json.member("ioServiceTimeRecursive", unlessEmpty: blockIO.serviceTime)
            json.member("ioWaitTimeRecursive", unlessEmpty: blockIO.waitTime)
            json.member("ioMergedRecursive", unlessEmpty: blockIO.merged)
            json.member("ioTimeRecursive", unlessEmpty: blockIO.time)
            json.member("sectorsRecursive", unlessEmpty: blockIO.sectors)
            json.member("psi", ifKnown: blockIO.pressure)
        }
    }

    private static func encode(_ interfaces: [NetworkInterface], into json: inout JSONWriter) {
        if interfaces.isEmpty { return json.null() }
        json.array { json in
            for interface in interfaces {
                json.object { json in
                    json.member("Name", interface.name)
                    json.member("RxBytes", interface.received.bytes)
                    json.member("RxPackets", interface.received.packets)
                    json.member("RxErrors", interface.received.errors)
                    json.member("RxDropped", interface.received.dropped)
                    json.member("TxBytes", interface.transmitted.bytes)
                    json.member("TxPackets", interface.transmitted.packets)
                    json.member("TxErrors", interface.transmitted.errors)
                    json.member("TxDropped", interface.transmitted.dropped)
                }
            }
        }
    }
}

extension JSONWriter {
    fileprivate mutating func member(_ name: StaticString, unlessZero value: UInt64) {
        if value != 0 { member(name, value) }
    }

    fileprivate mutating func member(_ name: StaticString, unlessEmpty values: [UInt64]) {
        if values.isEmpty { return }
        key(name)
        array { json in for value in values { json.uint(value) } }
    }

    fileprivate mutating func member(
        _ name: StaticString, unlessEmpty entries: [Statistics.BlockIO.Entry]
    ) {
        if entries.isEmpty { return }
        key(name)
        array { json in
            for entry in entries {
                json.object { json in
                    json.member("major", unlessZero: entry.major)
                    json.member("minor", unlessZero: entry.minor)
                    if !entry.operation.isEmpty { json.member("op", entry.operation) }
                    json.member("value", unlessZero: entry.value)
                }
            }
        }
    }

    fileprivate mutating func member(
        _ name: StaticString, ifKnown pressure: Statistics.Pressure?
    ) {
        guard let pressure else { return }
        key(name)
        object { json in
            json.member("some", pressure.some)
            json.member("full", pressure.full)
        }
    }

    private mutating func member(_ name: StaticString, _ line: Statistics.Pressure.Line) {
        key(name)
        object { json in
            json.key("avg10")
            json.hundredths(line.average10)
            json.key("avg60")
            json.hundredths(line.average60)
            json.key("avg300")
            json.hundredths(line.average300)
            json.member("total", line.total)
        }
    }
}
