// SPDX-License-Identifier: Apache-2.0

import OCI
import Testing

@Suite struct `Resources of a container` {
    private func read(_ text: String) throws -> Resources {
        try Resources.decode(from: Array(text.utf8))
    }

    private static let whole = """
        {"devices":[{"allow":false,"access":"rwm"},{"allow":true,"type":"c","major":10,"minor":229,\
        "access":"rw"}],"memory":{"limit":100,"reservation":50,"swap":200,"kernel":-1,\
        "kernelTCP":7,"swappiness":60,"disableOOMKiller":false,"useHierarchy":true,\
        "checkBeforeUpdate":true},"cpu":{"shares":1024,"quota":-1,"burst":0,"period":100000,\
        "realtimeRuntime":950000,"realtimePeriod":1000000,"cpus":"0-1","mems":"0","idle":1},\
        "pids":{"limit":0},"blockIO":{"weight":10,"leafWeight":20,"weightDevice":[{"major":8,\
        "minor":0,"weight":500}],"throttleReadBpsDevice":[{"major":8,"minor":0,"rate":600}],\
        "throttleWriteIOPSDevice":[{"major":8,"minor":16,"rate":18446744073709551615}]},\
        "hugepageLimits":[{"pageSize":"2MB","limit":9223372036854775807}],\
        "network":{"classID":1048577,"priorities":[{"name":"eth0","priority":500}]},\
        "rdma":{"mlx5_1":{"hcaHandles":3}},"unified":{"memory.high":"1\\n2"}}
        """

    @Test func `are themselves again when they are read`() throws {
        let resources = try read(Self.whole)
        #expect(try Resources.decode(from: resources.encode()) == resources)
        #expect(String(decoding: Resources().encode(), as: UTF8.self) == "{}")
    }

    @Test func `that are updated keep what was not given`() throws {
        let before = try read(Self.whole)
        #expect(before.updated(with: Resources()) == before)
        let after = before.updated(
            with: try read(#"{"memory":{"limit":150},"cpu":{"quota":5},"pids":{"limit":9}}"#))
        #expect(after.memory?.limit == 150 && after.memory?.swap == 200)
        #expect(after.cpu?.quota == 5 && after.cpu?.period == 100_000)
        #expect(after.pids?.limit == 9)
        #expect(after.devices == before.devices && after.unified == before.unified)
    }

    @Test func `replace rates device by device, and device rules as a whole`() throws {
        let before = try read(Self.whole)
        let after = before.updated(
            with: try read(
                #"{"devices":[{"allow":true,"access":"r"}],"blockIO":{"throttleReadBpsDevice":["#
                    + #"{"major":8,"minor":0,"rate":1},{"major":9,"minor":0,"rate":2}]},"#
                    + #""hugepageLimits":[{"pageSize":"2MB","limit":1}],"#
                    + #""network":{"priorities":[{"name":"eth0","priority":1}]}}"#))
        #expect(after.devices.count == 1)
        #expect(after.blockIO?.throttleReadBpsDevice.map(\.rate) == [1, 2])
        #expect(after.blockIO?.weight == 10)
        #expect(after.hugepageLimits.map(\.limit) == [1])
        #expect(after.network?.classID == 1_048_577)
        #expect(after.network?.priorities.map(\.priority) == [1])
    }

    @Test func `of nothing are what is given`() throws {
        let whole = try read(Self.whole)
        #expect(Resources().updated(with: whole) == whole)
    }
}
