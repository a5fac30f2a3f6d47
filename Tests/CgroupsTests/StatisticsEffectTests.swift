// SPDX-License-Identifier: Apache-2.0

import Cgroups
import Foundation
import Linux
import OCI
import Testing

/// What the kernel counts, and cgroups that come later, in every form of cgroups.
@Suite(.serialized, .requiresRoot, .requiresCgroup2, .timeLimit(.minutes(2)))
struct StatisticsEffectTests {
    @Test("processor time and processes are counted", arguments: Fixture.forms)
    func counts(_ form: Fixture.Form) throws {
        try Fixture.with(form) { fixture in
            let cgroup = try fixture.create("/one")
            let idle = try cgroup.statistics()
            #expect(idle.pids.current == 0)
            _ = try fixture.start("while :; do :; done", in: cgroup)
            let before = try cgroup.statistics()
            #expect(try eventually { try cgroup.statistics().cpu.total > before.cpu.total })
            #expect(try eventually { try cgroup.statistics().cpu.user > 0 })
            #expect(try cgroup.statistics().pids.current == 1)
        }
    }

    @Test("v1's memory is counted, and its limit told", .requires(v1: "memory"))
    func memory() throws {
        var resources = Resources()
        resources.memory = .init()
        resources.memory?.limit = 64 << 20
        try Fixture.with(.v1) { fixture in
            let cgroup = try fixture.create("/one", resources)
            _ = try fixture.start(
                "head -c 8000000 /dev/zero | tail -c 8000000 >/dev/null; sleep 60", in: cgroup)
            #expect(try eventually { try cgroup.statistics().memory.usage.peak > 4 << 20 })
            let memory = try cgroup.statistics().memory
            #expect(memory.usage.limit == 64 << 20)
            #expect(memory.details["rss"] != nil)
        }
    }

    @Test("a want of memory is told when it comes", .requires(v1: "memory"))
    func outOfMemory() throws {
        var resources = Resources()
        resources.memory = .init()
        resources.memory?.limit = 16 << 20
        resources.memory?.swap = 16 << 20
        try Fixture.with(.v1) { fixture in
            let cgroup = try fixture.create("/one", resources)
            var watch = try MemoryWatch(cgroup)
            #expect(try !watch.take())
            #expect(watch.readable >= 0)
            let child = try fixture.start(
                "head -c 90000000 /dev/zero | tail >/dev/null", in: cgroup)
            let told = try Poll.wait(
                readable: [watch.readable], changed: [watch.changed], milliseconds: 20_000)
            #expect(told.readable[0])
            #expect(try watch.take())
            _ = child.wait()
            #expect(try eventually { try cgroup.statistics().memory.kills > 0 })
        }
    }

    @Test("without a memory controller there is nothing to tell", arguments: Fixture.forms)
    func noMemory(_ form: Fixture.Form) throws {
        try Fixture.with(form) { fixture in
            let cgroup = try fixture.create("/one")
            let places = cgroup.record.places.filter { !$0.controllers.contains("memory") }
            if places.contains(where: \.isCgroup2),
                fixture.layout.support.unified?.contains("memory") == true
            {
                return
            }
            var watch = try MemoryWatch(Cgroup(CgroupRecord(places: places)))
            #expect(watch.readable == -1 && watch.changed == -1)
            #expect(try !watch.take())
        }
    }

    @Test("running processes get cgroups in further hierarchies", .requires(v1: "pids", "memory"))
    func extend() throws {
        try Fixture.with(.both) { fixture in
            let least = fixture.layout.least
            #expect(least.hierarchies.count == 1 && least.isUnified)
            var needs = CgroupCreation.Needs()
            needs.enablesAll = false
            let cgroup = try CgroupCreation(
                CgroupPath(fixture.path, id: "x"), in: least, needs: needs
            ).carryOut()
            defer {
                try? cgroup.kill()
                try? cgroup.delete()
            }
            let forking = try fixture.start("while :; do /bin/true; done", in: cgroup)
            let name = String(fixture.path.dropFirst())
            let creation = try Cgroup.extending(
                with: ["pids", "memory"], named: name, in: .current(of: forking.pid))
            #expect(creation.record.places.count == 2)
            let further = try creation.carryOut()
            defer { try? further.delete() }
            try cgroup.move(into: further)
            #expect(try !cgroup.isFrozen())
            let membership = try String(
                contentsOfFile: "/proc/\(forking.pid)/cgroup", encoding: .utf8)
            for controller in ["pids", "memory"] {
                #expect(membership.contains(":\(controller):") && membership.contains("\(name)\n"))
            }
            let all = Cgroup(CgroupRecord(places: cgroup.record.places + further.record.places))
            #expect(try all.statistics().pids.current > 0)
            // And back, so that they can go.
            try cgroup.move(into: further.parents)
            #expect(try further.processes().isEmpty)
            try further.delete()
            #expect(try !further.exists())
            try cgroup.kill()
        }
    }
}
