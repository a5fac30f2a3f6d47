// SPDX-License-Identifier: Apache-2.0

import Foundation
import Linux
import OCI
import Testing

@testable import Containers

private func rdt(
    _ closID: String? = nil, l3: String? = nil, memory: String? = nil, _ schemata: [String] = [],
    monitoring: Bool = false
) -> IntelRdt {
    var rdt = IntelRdt()
    rdt.closID = closID
    rdt.l3CacheSchema = l3
    rdt.memBwSchema = memory
    rdt.schemata = schemata
    rdt.enableMonitoring = monitoring
    return rdt
}

@Suite struct `The plan for a resctrl group` {
    @Test func `is the container's own without closID`() {
        let plan = ResctrlPlan(rdt(monitoring: true), id: "c1")
        #expect(plan.group == "c1" && plan.presence == .own)
        #expect(plan.monitorDirectory == "c1/mon_groups/c1")
    }

    @Test func `is the default one for a slash`() {
        let plan = ResctrlPlan(rdt("/", monitoring: true), id: "c1")
        #expect(plan.directory == "." && plan.presence == .required)
        #expect(plan.monitorDirectory == "./mon_groups/c1")
    }

    @Test func `is one that must be there when nothing is to be written`() {
        #expect(ResctrlPlan(rdt("gold"), id: "c1").presence == .required)
    }

    @Test(arguments: [
        rdt("gold", l3: "L3:0=f"), rdt("gold", memory: "MB:0=20"), rdt("gold", ["L2:0=f"]),
    ])
    func `is one that may have to be made when something is`(rdt: IntelRdt) {
        #expect(ResctrlPlan(rdt, id: "c1").presence == .shared)
    }

    @Test func `has the schemata in the order that they are written in`() {
        let plan = ResctrlPlan(
            rdt("gold", l3: "L3:0=f", memory: "MB:0=20", ["L2:0=1", "L2:1=1"]), id: "c1")
        #expect(plan.compared == ["L3:0=f", "MB:0=20"])
        #expect(plan.written == ["L2:0=1", "L2:1=1"])
    }
}

@Suite struct `A schema` {
    static let file = "    L3:0=00ff;1=0x1F\n    MB:0= 20;1= 100\nL3CODE:0=1\n"

    @Test(arguments: [
        "L3:0=ff;1=1f", "L3:1=1F", "L3: 0=0x00ff", "MB:0=20;1=100", "MB:1=100", "L3CODE:0=01",
    ])
    func `is held by a file that says the same`(line: String) {
        #expect(ResctrlSchema.holds(line, in: Self.file))
    }

    @Test(arguments: [
        "L3:0=f", "L3:2=ff", "MB:0=21", "MB:0=200", "L2:0=ff", "L3", "", ":", "L3:", "L3:0",
        "L3:0=",
        "L3:=ff", "0=ff", "L3:0=ff;1",
    ])
    func `is not held by one that does not`(line: String) {
        #expect(!ResctrlSchema.holds(line, in: Self.file))
    }
}

@Suite struct `Where resctrl is mounted` {
    @Test func `is told by the mount table`() {
        let other = "30 1 0:5 / /proc rw - proc proc rw\n"
        let line = "31 1 0:6 / /mnt/rdt rw,nosuid shared:4 - resctrl resctrl rw\n"
        let usual = "32 1 0:7 / /sys/fs/resctrl rw - resctrl resctrl rw\n"
        func point(_ table: String) -> String? {
            Resctrl.mountPoint(in: table, preferring: "/sys/fs/resctrl")
        }
        #expect(point(other) == nil)
        #expect(point(other + line) == "/mnt/rdt")
        #expect(point(line + usual + line) == "/sys/fs/resctrl")
        #expect(point("a - resctrl\n- resctrl\n1 2 3 4 5 -\n - - -\n") == nil)
    }
}

/// On an ordinary directory that is laid out like a resctrl filesystem, not on the kernel's: a new
/// group's files, which the kernel would make with it, are made by `appear`. What the kernel itself
/// does with them is not shown here.
@Suite struct `A group in a directory laid out like resctrl` {
    private struct Tree {
        let root: String

        func appear(_ group: String, _ schemata: String = "") throws {
            let path = "\(root)/\(group)"
            if !FileManager.default.fileExists(atPath: path) {
                try FileManager.default.createDirectory(
                    atPath: path, withIntermediateDirectories: true)
            }
            for (name, text) in [("tasks", ""), ("schemata", schemata)] {
                try text.write(toFile: "\(path)/\(name)", atomically: false, encoding: .utf8)
            }
        }

        /// Directories of ordinary files cannot be removed as the kernel's can.
        func vanish(_ group: String) throws {
            for name in ["tasks", "schemata"] {
                try? FileManager.default.removeItem(atPath: "\(root)/\(group)/\(name)")
            }
        }

        func text(_ path: String) -> String { (try? File.readText("\(root)/\(path)")) ?? "-" }

        func exists(_ path: String) -> Bool {
            FileManager.default.fileExists(atPath: "\(root)/\(path)")
        }
    }

    private func withTree(_ body: (Tree) throws -> Void) async throws {
        try await withTemporaryDirectory { path in
            let tree = Tree(root: path)
            try tree.appear(".", "    L3:0=ff\n    MB:0=100\n")
            try body(tree)
        }
    }

    private func resctrl(_ tree: Tree, _ rdt: IntelRdt) throws(ContainerError) -> Resctrl {
        try Resctrl(ResctrlPlan(rdt, id: "c1"), root: tree.root)
    }

    @Test func `of the container's own is made, entered, and removed with it`() async throws {
        try await withTree { tree in
            let resctrl = try resctrl(tree, rdt(memory: "MB:0=20"))
            #expect(!tree.exists("c1"))
            #expect(resctrl.record.made == ["c1"] && resctrl.record.owned == ["c1"])
            try resctrl.makeGroup()
            try tree.appear("c1")
            try resctrl.writeSchemata()
            #expect(tree.text("c1/schemata") == "MB:0=20\n")
            try resctrl.add(42)
            #expect(tree.text("c1/tasks") == "42")
            #expect(tree.text("tasks") == "")
            try tree.vanish("c1")
            try resctrl.record.delete()
            #expect(!tree.exists("c1"))
            // Twice does no harm.
            try resctrl.record.delete()
        }
    }

    @Test func `of the container's name that is there is nobody's to take`() async throws {
        try await withTree { tree in
            try tree.appear("c1")
            let error = failure { () throws(ContainerError) in try resctrl(tree, rdt()) }
            #expect(error?.kind == .invalidConfiguration)
            #expect(tree.exists("c1"))
        }
    }

    @Test func `with a closID is made with its schemata, and stays after delete`() async throws {
        try await withTree { tree in
            let resctrl = try resctrl(tree, rdt("gold", l3: "L3:0=f"))
            #expect(resctrl.record.made == ["gold"] && resctrl.record.owned == [])
            try resctrl.makeGroup()
            try tree.appear("gold")
            try resctrl.record.delete()
            #expect(tree.exists("gold"))
            // But not after a create that failed.
            try tree.vanish("gold")
            try resctrl.undo()
            #expect(!tree.exists("gold"))
        }
    }

    @Test func `that must be there and is not is an error, and is not made`() async throws {
        try await withTree { tree in
            let error = failure { () throws(ContainerError) in try resctrl(tree, rdt("gold")) }
            #expect(error?.kind == .invalidConfiguration)
            #expect(!tree.exists("gold"))
        }
    }

    @Test func `that is there is compared, and not written to`() async throws {
        try await withTree { tree in
            try tree.appear("gold", "    L3:0=0f\n    MB:0= 20\n")
            let same = try resctrl(tree, rdt("gold", l3: "L3:0=f", memory: "MB:0=20"))
            try same.carryOut()
            #expect(tree.text("gold/schemata") == "    L3:0=0f\n    MB:0= 20\n")
            #expect(same.record == ResctrlRecord(root: tree.root))
            let other = failure { () throws(ContainerError) in
                try resctrl(tree, rdt("gold", l3: "L3:0=1"))
            }
            #expect(other?.kind == .invalidConfiguration)
            #expect(other?.reason.contains("\"L3:0=1\"") == true)
        }
    }

    @Test func `that is there gets schemata, and is as before after a failure`() async throws {
        try await withTree { tree in
            try tree.appear("gold", "L3:0=f\n")
            let resctrl = try resctrl(tree, rdt("gold", ["L3:0=1"]))
            #expect(resctrl.record.made == [] && resctrl.record.changed == "gold")
            try resctrl.carryOut()
            #expect(tree.text("gold/schemata") == "L3:0=1\n")
            try resctrl.undo()
            #expect(tree.text("gold/schemata") == "L3:0=f\n")
        }
    }

    @Test func `of the default class has a monitoring group, which alone is removed`() async throws
    {
        try await withTree { tree in
            try FileManager.default.createDirectory(
                atPath: "\(tree.root)/mon_groups", withIntermediateDirectories: false)
            let resctrl = try resctrl(tree, rdt("/", monitoring: true))
            #expect(resctrl.record.owned == ["./mon_groups/c1"])
            try resctrl.carryOut()
            try tree.appear("mon_groups/c1")
            try resctrl.add(42)
            #expect(tree.text("tasks") == "42")
            #expect(tree.text("mon_groups/c1/tasks") == "42")
            try tree.vanish("mon_groups/c1")
            try resctrl.record.delete()
            #expect(!tree.exists("mon_groups/c1"))
            #expect(tree.exists("mon_groups"))
        }
    }

    @Test func `whose monitoring group cannot be made is an error`() async throws {
        try await withTree { tree in
            let resctrl = try resctrl(tree, rdt("/", monitoring: true))
            let error = failure { () throws(ContainerError) in try resctrl.carryOut() }
            #expect(error?.reason.hasPrefix("linux.intelRdt: mkdir") == true)
            try resctrl.undo()
        }
    }

    @Test func `that somebody else made meanwhile stays when ours could not be`() async throws {
        try await withTree { tree in
            let resctrl = try resctrl(tree, rdt())
            try FileManager.default.createDirectory(
                atPath: "\(tree.root)/c1", withIntermediateDirectories: false)
            let error = failure { () throws(ContainerError) in try resctrl.carryOut() }
            #expect(error != nil)
            try resctrl.undo()
            #expect(tree.exists("c1"))
        }
    }

    @Test func `is on record between two commands`() throws {
        var record = Samples.record
        var resctrl = ResctrlRecord(root: "/sys/fs/resctrl")
        resctrl.made = ["gold", "gold/mon_groups/c1"]
        resctrl.owned = ["gold/mon_groups/c1"]
        resctrl.changed = "gold"
        resctrl.previous = "  L3:0=f\n"
        record.resctrl = resctrl
        record.networkDevices = [
            BorrowedNetworkDevice(namespace: "/run/netns/a", hostName: "eth0", name: "e%d")
        ]
        #expect(try ContainerRecord(bytes: record.bytes) == record)
    }
}

@Suite struct `The plan for network devices` {
    private var input: PlanInput {
        var input = PlanInput()
        var named = NetDevice()
        named.name = "net%d"
        input.configuration.linux.netDevices = ["eth1": NetDevice(), "eth0": named]
        return input
    }

    @Test func `has them sorted, and the host's names where there are no others`() throws {
        #expect(
            try input.plan().parentSteps == [
                .moveNetworkDevice(NetworkDevicePlan(hostName: "eth0", name: "net%d")),
                .moveNetworkDevice(NetworkDevicePlan(hostName: "eth1", name: "eth1")),
            ])
    }

    @Test func `is refused to an ordinary user, who can take nothing from the host`() {
        var input = input
        input.host = Host(effectiveUserID: 1000, effectiveGroupID: 1000)
        input.configuration.linux.namespaces.append(Namespace(kind: .user))
        let mapping = IDMapping(containerID: 0, hostID: 1000, size: 1)
        input.configuration.linux.uidMappings = [mapping]
        input.configuration.linux.gidMappings = [mapping]
        let error = failure { () throws(ContainerError) in try input.plan() }
        #expect(error?.reason.hasPrefix("linux.netDevices: user 1000") == true)
    }

    @Test func `has on record only those that a namespace of others would keep`() throws {
        #expect(try input.plan().borrowedNetworkDevices == [])
        var input = input
        input.configuration.linux.namespaces.removeAll { $0.kind == .network }
        input.configuration.linux.namespaces.append(
            Namespace(kind: .network, path: "/run/netns/a"))
        #expect(
            try input.plan().borrowedNetworkDevices.map(\.hostName) == ["eth0", "eth1"])
    }
}
