// SPDX-License-Identifier: Apache-2.0

import Cgroups
import Foundation
import Linux
import OCI
import Testing

/// What v1's controllers do to real processes.
@Suite(.serialized, .requiresRoot, .timeLimit(.minutes(2)))
struct LegacyEffectTests {
    @Test("an allocation over the limit is killed, and told", .requires(v1: "memory"))
    func memory() throws {
        var resources = Resources()
        resources.memory = .init()
        resources.memory?.limit = 16 << 20
        resources.memory?.swap = 16 << 20
        try Fixture.with(.v1) { fixture in
            let cgroup = try fixture.create("", resources)
            #expect(try !cgroup.wasKilledForMemory())
            let result = try fixture.start(
                "head -c 8000000 /dev/zero | tail -c 8000000 | wc -c", in: cgroup
            ).wait()
            #expect(result.output == "8000000\n")
            #expect(try !cgroup.wasKilledForMemory())
            let large = try fixture.start(
                "head -c 64000000 /dev/zero | tail -c 64000000 | wc -c", in: cgroup
            ).wait()
            #expect(large.output == "0\n")
            #expect(try cgroup.wasKilledForMemory())
        }
    }

    @Test("limits of memory and swap go up and down together", .requires(v1: "memory"))
    func memoryOrder() throws {
        func steps(_ limit: Int64, _ swap: Int64) throws -> [ResourcePlan.Step] {
            var resources = Resources()
            resources.memory = .init()
            resources.memory?.limit = limit
            resources.memory?.swap = swap
            return try ResourcePlan(resources, support: CgroupLayout.current().support).steps
        }
        try Fixture.with(.v1) { fixture in
            let cgroup = try fixture.create()
            for (limit, swap) in [(64, 64), (128, 256), (32, 40), (512, 512), (-1, -1), (16, 16)] {
                let unit: Int64 = 1 << 20
                try cgroup.apply(
                    steps(
                        limit < 0 ? -1 : Int64(limit) * unit, swap < 0 ? -1 : Int64(swap) * unit))
                let text = try String(
                    contentsOfFile:
                        "/sys/fs/cgroup/memory\(fixture.path)/memory.memsw.limit_in_bytes",
                    encoding: .utf8)
                if swap > 0 { #expect(text == "\(Int64(swap) * unit)\n") }
            }
        }
    }

    @Test(
        "a limit below use is refused, and an update changes everything or nothing",
        .requires(v1: "memory", "cpuset", "cpu"))
    func update() throws {
        var resources = Resources()
        resources.memory = .init()
        resources.memory?.limit = 64 << 20
        resources.cpu = .init()
        resources.cpu?.shares = 512
        try Fixture.with(.v1) { fixture in
            let cgroup = try fixture.create("", resources)
            func read(_ file: String) throws -> String {
                try String(
                    contentsOfFile: "/sys/fs/cgroup/\(file)".replacing("*", with: fixture.path),
                    encoding: .utf8)
            }
            resources.memory?.limit = 32 << 20
            resources.cpu?.shares = 2048
            resources.cpu?.quota = 50_000
            resources.cpu?.cpus = "9999"
            let plan = try ResourcePlan(resources, support: fixture.layout.support)
            let error = #expect(throws: CgroupError.self) {
                try cgroup.apply(plan.steps, restoring: true)
            }
            #expect(error?.reason.hasPrefix("cpu.cpus 9999: ") == true)
            #expect(try read("memory*/memory.limit_in_bytes") == "\(64 << 20)\n")
            #expect(try read("cpu*/cpu.shares") == "512\n")
            #expect(try read("cpu*/cpu.cfs_quota_us") == "-1\n")
            resources.cpu?.cpus = nil
            let again = try ResourcePlan(resources, support: fixture.layout.support)
            try cgroup.apply(again.steps, restoring: true)
            #expect(try read("cpu*/cpu.shares") == "2048\n")

            _ = try fixture.start(
                "head -c 20000000 /dev/zero | tail -c 20000000 | sleep 60", in: cgroup)
            #expect(
                try eventually {
                    (Int(try read("memory*/memory.usage_in_bytes").dropLast()) ?? 0) > 10_000_000
                })
            resources.memory?.limit = 4096
            let low = try ResourcePlan(resources, support: fixture.layout.support)
            let refusal = #expect(throws: CgroupError.self) {
                try cgroup.apply(low.steps, restoring: true)
            }
            #expect(refusal?.reason.contains("bytes that are in use") == true)
        }
    }

    @Test("a fork bomb is held", .requires(v1: "pids"))
    func pids() throws {
        var resources = Resources()
        resources.pids = .init()
        resources.pids?.limit = 4
        try Fixture.with(.v1) { fixture in
            let cgroup = try fixture.create("", resources)
            let child = try fixture.start(
                "for i in 1 2 3 4 5 6 7 8 9; do sleep 60 & done; sleep 60", in: cgroup)
            #expect(try eventually { try cgroup.processes().count >= 3 })
            _ = eventually(0.5) { false }
            #expect(try cgroup.processes().count <= 4)
            try cgroup.kill()
            #expect(try cgroup.processes().isEmpty)
            #expect(child.wait().code != 0)
        }
    }

    @Test("the limit 0 keeps the process and refuses another", .requires(v1: "pids"))
    func noPids() throws {
        var resources = Resources()
        resources.pids = .init()
        resources.pids?.limit = 0
        try Fixture.with(.v1) { fixture in
            let cgroup = try fixture.create("", resources)
            let child = try fixture.start("echo one; (echo two); true; echo three", in: cgroup)
            #expect(child.wait().output == "one\n")
        }
    }

    @Test("a device that no rule allows cannot be opened, until one does", .requires(v1: "devices"))
    func devices() throws {
        var resources = Resources()
        resources.devices = [Resources.DeviceRule(allow: false)]
        try Fixture.with(.v1) { fixture in
            let cgroup = try fixture.create("", resources)
            func run(_ command: String) throws -> String {
                try fixture.start("(\(command)) && echo yes || echo no", in: cgroup).wait().output
            }
            #expect(try run(": </dev/kmsg") == "no\n")
            #expect(try run("head -c1 /dev/urandom >/dev/null") == "yes\n")
            #expect(try run("echo >/dev/full") == "no\n")
            resources.devices.append(DeviceTests.rule(true, .character, 1, 11, "r"))
            let plan = try ResourcePlan(resources, support: fixture.layout.support)
            try cgroup.apply(plan.lateSteps, restoring: true)
            #expect(try run(": </dev/kmsg") == "yes\n")
            #expect(try run(": >/dev/kmsg") == "no\n")
        }
    }

    @Test("a list that the cgroup above forbids changes nothing", .requires(v1: "devices"))
    func nestedDevices() throws {
        var resources = Resources()
        resources.devices = [Resources.DeviceRule(allow: false)]
        try Fixture.with(.v1) { fixture in
            resources.devices.append(DeviceTests.rule(true, .character, 1, 11, "r"))
            _ = try fixture.create("/above", resources)
            resources.devices.removeLast()
            let cgroup = try fixture.create("/above/in", resources)
            let list = "/sys/fs/cgroup/devices\(fixture.path)/above/in/devices.list"
            let before = try String(contentsOfFile: list, encoding: .utf8)
            resources.devices.append(DeviceTests.rule(true, .character, 1, 2, "r"))
            resources.devices.append(DeviceTests.rule(true, .character, 1, 11, "r"))
            let plan = try ResourcePlan(resources, support: fixture.layout.support)
            let error = #expect(throws: CgroupError.self) {
                try cgroup.apply(plan.lateSteps, restoring: true)
            }
            #expect(error?.reason.contains("does not allow it") == true)
            #expect(try String(contentsOfFile: list, encoding: .utf8) == before)
        }
    }

    @Test("a cpuset holds processes, and is filled in from above", .requires(v1: "cpuset"))
    func cpuset() throws {
        var resources = Resources()
        resources.cpu = .init()
        resources.cpu?.cpus = "0"
        try Fixture.with(.v1) { fixture in
            let cgroup = try fixture.create("/a/b", resources)
            let child = try fixture.start("grep ^Cpus_allowed_list /proc/self/status", in: cgroup)
            #expect(child.wait().output.split(whereSeparator: \.isWhitespace).last == "0")
        }
    }

    @Test("a quota slows a busy loop down", .requires(v1: "cpu"))
    func quota() throws {
        var resources = Resources()
        resources.cpu = .init()
        resources.cpu?.quota = 10_000
        resources.cpu?.period = 100_000
        try Fixture.with(.v1) { fixture in
            let cgroup = try fixture.create("", resources)
            let child = try fixture.start(
                "end=$(($(date +%s)+2)); while [ $(date +%s) -lt $end ]; do :; done; times",
                in: cgroup)
            _ = child.wait()
            let stat = try String(
                contentsOfFile: "/sys/fs/cgroup/cpu\(fixture.path)/cpu.stat", encoding: .utf8)
            let line = try #require(
                stat.split(separator: "\n").first { $0.hasPrefix("nr_throttled") })
            #expect(line.split(separator: " ").last.flatMap { Int($0) } ?? 0 > 3)
        }
    }

    @Test("writing to a disk is throttled", .requires(v1: "blkio"))
    func throttle() throws {
        let file = "/var/tmp/martlet-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: file) }
        let device = try File.status(of: "/var/tmp").device
        let major = Int64(device >> 8 & 0xfff)
        let minor = Int64(device & 0xff)
        // A filesystem without a disk of its own cannot be throttled.
        guard FileManager.default.fileExists(atPath: "/sys/dev/block/\(major):\(minor)") else {
            return
        }
        var resources = Resources()
        resources.blockIO = .init()
        resources.blockIO?.throttleWriteBpsDevice = [
            .init(major: major, minor: minor, rate: 1 << 20)
        ]
        try Fixture.with(.v1) { fixture in
            let cgroup = try fixture.create("", resources)
            let start = Date()
            let child = try fixture.start(
                "dd if=/dev/zero of=\(file) bs=512k count=4 oflag=direct && echo done", in: cgroup)
            #expect(child.wait().output == "done\n")
            #expect(Date().timeIntervalSince(start) > 1)
        }
    }

    @Test(
        "a weight without its scheduler is an error that names both files", .requires(v1: "blkio"))
    func weight() throws {
        let file = "/sys/fs/cgroup/blkio/blkio.weight"
        guard !FileManager.default.fileExists(atPath: file) else { return }
        try Fixture.with(.v1) { fixture in
            let cgroup = try fixture.create()
            var resources = Resources()
            resources.blockIO = .init()
            resources.blockIO?.leafWeight = 500
            let plan = try ResourcePlan(resources, support: fixture.layout.support)
            let error = #expect(throws: CgroupError.self) { try cgroup.apply(plan.steps) }
            #expect(error?.kind == .unsupported)
            #expect(error?.reason.contains("blkio.leaf_weight") == true)
        }
    }
}
