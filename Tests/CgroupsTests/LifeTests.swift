// SPDX-License-Identifier: Apache-2.0

import Cgroups
import Foundation
import Linux
import OCI
import Testing

/// Making, stopping, killing and removing, in every form of cgroups.
@Suite(.serialized, .requiresRoot, .requiresCgroup2, .timeLimit(.minutes(2)))
struct LifeTests {
    @Test("frozen processes stand still, and go on", arguments: Fixture.forms)
    func freeze(_ form: Fixture.Form) throws {
        let counter = FileManager.default.temporaryDirectory
            .appendingPathComponent("martlet-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: counter) }
        func size() -> Int { (try? Data(contentsOf: URL(fileURLWithPath: counter)).count) ?? 0 }
        try Fixture.with(form) { fixture in
            let cgroup = try fixture.create("/one")
            _ = try fixture.start("while :; do echo x >>\(counter); done", in: cgroup)
            #expect(eventually { size() > 10 })
            #expect(try !cgroup.isFrozen())
            try cgroup.freeze()
            #expect(try cgroup.isFrozen())
            let frozen = size()
            usleep(200_000)
            #expect(size() == frozen)
            try cgroup.thaw()
            #expect(try !cgroup.isFrozen())
            #expect(eventually { size() > frozen })
            // Once more, to be killed while it stands still.
            try cgroup.freeze()
            try cgroup.kill()
            #expect(try cgroup.processes().isEmpty)
        }
    }

    @Test("nothing survives, whatever it forks", arguments: Fixture.forms)
    func killForking(_ form: Fixture.Form) throws {
        var resources = Resources()
        if form != .v2 {
            resources.pids = .init()
            resources.pids?.limit = 200
        }
        try Fixture.with(form) { fixture in
            let cgroup = try fixture.create("", resources)
            let bomb =
                "trap '' TERM INT; i=0; while [ $i -lt 30 ]; do "
                + "(sleep 60 & setsid sleep 60 & wait) & i=$((i+1)); done; wait"
            _ = try fixture.start(bomb, in: cgroup)
            #expect(try eventually { try cgroup.processes().count > 20 })
            try cgroup.kill()
            #expect(try cgroup.processes().isEmpty)
        }
    }

    @Test("what is in use is refused", arguments: Fixture.forms)
    func inUse(_ form: Fixture.Form) throws {
        try Fixture.with(form) { fixture in
            let cgroup = try fixture.create("/one")
            let path = try CgroupPath(fixture.path + "/one", id: "x")
            _ = try fixture.start("sleep 60", in: cgroup)
            let error = #expect(throws: CgroupError.self) {
                try CgroupCreation(path, in: fixture.layout, needs: fixture.needs())
            }
            #expect(error?.kind == .inUse)
            try cgroup.kill()
            _ = try CgroupCreation(path, in: fixture.layout, needs: fixture.needs())
            try cgroup.freeze()
            for text in ["/one", "/one/two"] {
                let error = #expect(throws: CgroupError.self) {
                    try CgroupCreation(
                        CgroupPath(fixture.path + text, id: "x"), in: fixture.layout,
                        needs: fixture.needs())
                }
                #expect(error?.reason.contains("is frozen") == true)
            }
            try cgroup.thaw()
        }
    }

    @Test("only what was made is removed, with all that was made in it", arguments: Fixture.forms)
    func delete(_ form: Fixture.Form) throws {
        try Fixture.with(form) { fixture in
            let outer = try fixture.create("/a/b")
            let inner = try CgroupCreation(
                CgroupPath(fixture.path + "/a/b/c/d", id: "x"), in: fixture.layout,
                needs: fixture.needs())
            for place in inner.record.places {
                let base = fixture.path.dropFirst()
                #expect(place.made == ["\(base)/a/b/c", "\(base)/a/b/c/d"])
            }
            let cgroup = try inner.carryOut()
            // As a container would make them, deeper than there are descriptors for.
            for place in cgroup.record.places {
                var directory = try File.open(place.absolutePath, [.readOnly, .directory])
                for name in ["wide-1", "wide-2"] {
                    try File.makeDirectory(name, at: directory.number, permissions: 0o755)
                }
                for _ in 0..<60 {
                    try File.makeDirectory("deep", at: directory.number, permissions: 0o755)
                    directory = try File.open(
                        "deep", at: directory.number, [.readOnly, .directory])
                }
            }
            try cgroup.delete()
            try cgroup.delete()
            #expect(try !cgroup.exists())
            #expect(try outer.exists())
            // One that was there before stays.
            let guest = try CgroupCreation(
                CgroupPath(fixture.path + "/a/b", id: "x"), in: fixture.layout,
                needs: fixture.needs()
            ).carryOut()
            #expect(guest.record.places.allSatisfy { $0.made.isEmpty })
            try guest.delete()
            #expect(try outer.exists())
        }
    }

    @Test("directories on the way go with the last container that lives there")
    func shared() throws {
        try Fixture.with(.both) { fixture in
            let stays = try fixture.create("/host")
            let first = try fixture.create("/host/on/way/1")
            let second = try fixture.create("/host/on/way/2")
            #expect(second.record.places.allSatisfy { $0.made.count == 1 })
            try first.delete()
            #expect(try second.exists())
            try second.delete()
            for place in stays.record.places {
                #expect(!FileManager.default.fileExists(atPath: place.absolutePath + "/on"))
            }
            #expect(try stays.exists())
        }
    }

    @Test("a cgroup with processes is not removed, and they are named")
    func deletePopulated() throws {
        try Fixture.with(.both) { fixture in
            let cgroup = try fixture.create()
            let child = try fixture.start("sleep 60", in: cgroup)
            let error = #expect(throws: CgroupError.self) { try cgroup.delete(patience: 50) }
            #expect(error?.kind == .inUse)
            #expect(error?.reason.contains("\(child.pid)") == true)
        }
    }

    @Test("two containers can be made and removed side by side")
    func race() throws {
        let name = "/martlet-test-\(UUID().uuidString.prefix(8))"
        let layout = try CgroupLayout.current()
        DispatchQueue.concurrentPerform(iterations: 4) { index in
            for _ in 0..<10 {
                do {
                    var needs = CgroupCreation.Needs()
                    needs.enablesAll = false
                    let cgroup = try CgroupCreation(
                        CgroupPath("\(name)/\(index)", id: "x"), in: layout, needs: needs
                    ).carryOut()
                    try cgroup.delete()
                } catch {
                    Issue.record(error)
                }
            }
        }
        for hierarchy in layout.hierarchies { unsafe rmdir(hierarchy.mountPoint + name) }
    }

    @Test("a process can be born in a cgroup")
    func born() throws {
        try Fixture.with(.both) { fixture in
            let cgroup = try fixture.create("/in/here")
            let directory = try openUnified(cgroup)
            switch try Linux.Process.clone([], intoCgroup: directory.number) {
            case .child:
                // No allocation: other threads of the test may hold a lock.
                Clock.sleep(milliseconds: 60_000)
                Linux.Process.exitNow(0)
            case .parent(let pid, let pidfd):
                let text = try String(contentsOfFile: "/proc/\(pid)/cgroup", encoding: .utf8)
                #expect(text.contains("0::\(fixture.path)/in/here\n"))
                #expect(try cgroup.processes() == [pid])
                try cgroup.add(pid, wasBornInside: true)
                let after = try String(contentsOfFile: "/proc/\(pid)/cgroup", encoding: .utf8)
                // In every hierarchy that is mounted.
                let moved = after.split(separator: "\n").filter { $0.hasSuffix("/in/here") }
                #expect(moved.count == fixture.layout.hierarchies.count)
                // Unreaped it is a zombie, which is in no cgroup any more.
                try cgroup.kill()
                #expect(try Linux.Process.wait(for: pidfd) == .signaled(9))
            }
        }
    }

    private func openUnified(_ cgroup: Cgroup) throws -> FileDescriptor {
        guard let directory = try cgroup.directoryForClone() else {
            throw CgroupError(.failed, "no cgroup2 directory")
        }
        return directory
    }

    @Test("programs of cgroup2 decide on devices, and are replaced without a gap")
    func devicePrograms() throws {
        var resources = Resources()
        resources.devices = [Resources.DeviceRule(allow: false)]
        try Fixture.with(.v2) { fixture in
            let cgroup = try fixture.create("", resources)
            func run(_ command: String) throws -> String {
                try fixture.start("(\(command)) && echo yes || echo no", in: cgroup).wait().output
            }
            func programs() throws -> Int {
                let directory = try openUnified(cgroup)
                return try BPF.devicePrograms(of: directory).count
            }
            #expect(try run(": </dev/kmsg") == "no\n")
            #expect(try run("head -c1 /dev/urandom >/dev/null") == "yes\n")
            #expect(try programs() == 1)
            // Another's, as systemd attaches.
            let all = try BPF.load(
                device: DeviceProgram.assemble(
                    DeviceRules([Resources.DeviceRule(allow: true)], defaults: [])),
                name: "other")
            let directory = try openUnified(cgroup)
            try BPF.attach(device: all, to: directory)
            #expect(try programs() == 2)
            resources.devices.append(DeviceTests.rule(true, .character, 1, 11, "r"))
            let plan = try ResourcePlan(resources, support: fixture.layout.support)
            try cgroup.apply(plan.lateSteps, restoring: true)
            #expect(try programs() == 2)
            #expect(try run(": </dev/kmsg") == "yes\n")
            #expect(try run(": >/dev/kmsg") == "no\n")
            // Many rules, all of which the kernel's verifier has to walk through.
            for minor in 0..<200 {
                resources.devices.append(
                    DeviceTests.rule(minor % 2 == 0, .all, 240, Int64(minor), "rw"))
            }
            let large = try ResourcePlan(resources, support: fixture.layout.support)
            try cgroup.apply(large.lateSteps)
            #expect(try run(": </dev/kmsg") == "yes\n")
        }
    }

    @Test("only the files that the kernel lists are given away")
    func owner() throws {
        try Fixture.with(.v2) { fixture in
            let cgroup = try fixture.create()
            try cgroup.changeOwner(to: 12345)
            let place = try #require(cgroup.unified)
            func owner(_ file: String) throws -> UInt32 {
                try File.status(of: "\(place.absolutePath)/\(file)").uid
            }
            for file in [".", "cgroup.procs", "cgroup.subtree_control", "cgroup.threads"] {
                #expect(try owner(file) == 12345)
            }
            #expect(try owner("cgroup.freeze") == 0)
            #expect(try owner("cgroup.max.depth") == 0)
            #expect(try File.status(of: place.absolutePath).gid == 0)
        }
    }

    @Test("ownership changes only where the specification says so")
    func delegates() {
        let unified = CgroupLayout(hierarchies: [
            .init(mountPoint: "/sys/fs/cgroup", controllers: [], path: "/")
        ])
        var mount = Mount(destination: "/sys/fs/cgroup")
        mount.source = "cgroup"
        mount.options = ["nosuid"]
        let own = [Namespace(kind: .cgroup)]
        #expect(Cgroup.delegates(namespaces: own, mounts: [mount], layout: unified))
        #expect(!Cgroup.delegates(namespaces: [], mounts: [mount], layout: unified))
        #expect(
            !Cgroup.delegates(
                namespaces: [Namespace(kind: .cgroup, path: "/x")], mounts: [mount],
                layout: unified))
        #expect(!Cgroup.delegates(namespaces: own, mounts: [mount], layout: LayoutTests.hybrid))
        mount.options.append("ro")
        #expect(!Cgroup.delegates(namespaces: own, mounts: [mount], layout: unified))
    }

    @Test("a controller that cgroup2 has not is named before anything is left behind")
    func missingController() throws {
        try Fixture.with(.v2) { fixture in
            var needs = fixture.needs()
            needs.unified = ["nonsense"]
            let creation = try CgroupCreation(
                CgroupPath(fixture.path + "/x", id: "x"), in: fixture.layout, needs: needs)
            let error = #expect(throws: CgroupError.self) { try creation.carryOut() }
            #expect(error?.reason.contains("the nonsense controller is not available") == true)
            #expect(try !Cgroup(creation.record).exists())
        }
    }
}
