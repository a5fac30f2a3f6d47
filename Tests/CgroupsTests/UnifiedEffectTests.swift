// SPDX-License-Identifier: Apache-2.0

import Cgroups
import Foundation
import Linux
import OCI
import Testing

extension Trait where Self == ConditionTrait {
    /// Needs controllers on pure cgroup2: never required where they are on v1.
    static func requires(v2 controllers: String...) -> Self {
        .enabled("not on this machine: pure cgroup2 with \(controllers.joined(separator: ", "))") {
            let layout = try CgroupLayout.current()
            return layout.isUnified
                && controllers.allSatisfy { layout.unified?.available.contains($0) == true }
        }
    }
}

/// What cgroup2's controllers do to real processes.
@Suite(.serialized, .requiresRoot, .timeLimit(.minutes(2)))
struct UnifiedEffectTests {
    private func read(_ fixture: Fixture, _ file: String) throws -> String {
        let text = try String(
            contentsOfFile: "/sys/fs/cgroup\(fixture.path)/\(file)", encoding: .utf8)
        return String(text.dropLast())
    }

    @Test("an allocation over the limit is killed, and told", .requires(v2: "memory"))
    func memory() throws {
        var resources = Resources()
        resources.memory = .init()
        resources.memory?.limit = 16 << 20
        resources.memory?.swap = 16 << 20
        resources.memory?.checkBeforeUpdate = true
        try Fixture.with(.v2) { fixture in
            let cgroup = try fixture.create("", resources)
            #expect(try !cgroup.wasKilledForMemory())
            let large = try fixture.start(
                "head -c 64000000 /dev/zero | tail -c 64000000 | wc -c", in: cgroup
            ).wait()
            #expect(large.output == "0\n")
            #expect(try cgroup.wasKilledForMemory())
            _ = try fixture.start(
                "head -c 8000000 /dev/zero | tail -c 8000000 | sleep 60", in: cgroup)
            #expect(
                try eventually { Int(try read(fixture, "memory.current")) ?? 0 > 8_000_000 })
            resources.memory?.limit = 4 << 20
            resources.memory?.swap = 4 << 20
            let plan = try ResourcePlan(resources, support: fixture.layout.support)
            let error = #expect(throws: CgroupError.self) {
                try cgroup.apply(plan.steps, restoring: true)
            }
            #expect(error?.kind == .invalid)
            #expect(try read(fixture, "memory.max") == "\(16 << 20)")
        }
    }

    @Test("a fork bomb is held, and 0 lets none in after the first", .requires(v2: "pids"))
    func pids() throws {
        var resources = Resources()
        resources.pids = .init()
        resources.pids?.limit = 4
        try Fixture.with(.v2) { fixture in
            let cgroup = try fixture.create("/in", resources)
            _ = try fixture.start(
                "for i in 1 2 3 4 5 6 7 8 9; do sleep 60 & done; sleep 60", in: cgroup)
            #expect(try eventually { try cgroup.processes().count >= 3 })
            _ = eventually(0.5) { false }
            #expect(try cgroup.processes().count <= 4)
            try cgroup.kill()
        }
    }

    @Test("processor time", .requires(v2: "cpu"))
    func cpu() throws {
        var resources = Resources()
        resources.cpu = .init()
        resources.cpu?.shares = 1024
        resources.cpu?.quota = 10_000
        resources.cpu?.period = 100_000
        try Fixture.with(.v2) { fixture in
            let cgroup = try fixture.create("", resources)
            #expect(try read(fixture, "cpu.max") == "10000 100000")
            #expect(try read(fixture, "cpu.weight") == "100")
            let child = try fixture.start(
                "end=$(($(date +%s)+2)); while [ $(date +%s) -lt $end ]; do :; done", in: cgroup)
            _ = child.wait()
            let stat = try read(fixture, "cpu.stat")
            let line = try #require(
                stat.split(separator: "\n").first { $0.hasPrefix("nr_throttled") })
            #expect(line.split(separator: " ").last.flatMap { Int($0) } ?? 0 > 3)
            // Each alone, the other stays.
            for (quota, period, text) in [
                (nil, 50_000 as UInt64?, "10000 50000"), (20_000 as Int64?, nil, "20000 50000"),
                (-1, nil, "max 50000"),
            ] {
                var change = Resources()
                change.cpu = .init()
                change.cpu?.quota = quota
                change.cpu?.period = period
                try cgroup.apply(
                    ResourcePlan(change, support: fixture.layout.support).steps, restoring: true)
                #expect(try read(fixture, "cpu.max") == text)
            }
        }
    }

    @Test("files in the kernel's words", .requires(v2: "memory", "io"))
    func unified() throws {
        var resources = Resources()
        resources.unified = ["memory.high": "33554432", "cgroup.max.depth": "5"]
        try Fixture.with(.v2) { fixture in
            let cgroup = try fixture.create("", resources)
            #expect(try read(fixture, "memory.high") == "33554432")
            #expect(try read(fixture, "cgroup.max.depth") == "5")
            resources.unified = ["memory.nonsense": "1", "cgroup.max.depth": "6"]
            let plan = try ResourcePlan(resources, support: fixture.layout.support)
            let error = #expect(throws: CgroupError.self) {
                try cgroup.apply(plan.steps, restoring: true)
            }
            #expect(error?.reason.contains("memory.nonsense") == true)
            #expect(try read(fixture, "cgroup.max.depth") == "5")
        }
    }

    @Test("a parent with processes cannot give controllers, and is named", .requires(v2: "memory"))
    func internalProcesses() throws {
        try Fixture.with(.v2) { fixture in
            let outer = try fixture.create("/outer")
            _ = try fixture.start("sleep 60", in: outer)
            var needs = fixture.needs()
            needs.unified = ["memory"]
            let creation = try CgroupCreation(
                CgroupPath(fixture.path + "/outer/x", id: "x"), in: fixture.layout, needs: needs)
            let error = #expect(throws: CgroupError.self) { try creation.carryOut() }
            #expect(error?.kind == .unsupported)
            #expect(error?.reason.contains("\(fixture.path)") == true)
            #expect(try !Cgroup(creation.record).exists())
        }
    }
}
