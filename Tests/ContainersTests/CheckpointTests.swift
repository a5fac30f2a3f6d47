// SPDX-License-Identifier: Apache-2.0

import Cgroups
import OCI
import Protobuf
import Testing

@testable import Containers

@Suite struct `What CRIU is asked` {
    @Test func `has fields that say 0 where they must be there`() {
        var options = CriuOptions()
        options.logLevel = 0
        options.notifies = false
        options.hasOrphanTerminal = false
        #expect(options.encoded == [])
        options.cgroupMode = UInt64(CriuOptions.CgroupMode.ignore.rawValue)
        #expect(options.encoded == [0x90, 0x02, 0x00])
        // inherit_fd { key: "k", fd: 0 }
        #expect(CriuInherited("k", 0).encoded == [0x0a, 0x01, 0x6b, 0x10, 0x00])
        // cgroup_root { ctrl: "", path: "/" }
        #expect(CriuPair("", "/").encoded == [0x0a, 0x00, 0x12, 0x01, 0x2f])
    }

    @Test func `is what the settings say`() {
        var settings = CriuSettings(imagePath: "/i")
        let layout = CgroupLayout(hierarchies: [
            .init(mountPoint: "/c/unified", controllers: [], path: "/"),
            .init(mountPoint: "/c/pids", controllers: ["pids"], path: "/"),
        ])
        let place = CgroupPlace(mountPoint: "/c/unified", controllers: [], path: "x")
        // CRIU would take the host's cgroup of pids for the container's.
        #expect(settings.mode(layout, [place]) == .ignore)
        #expect(settings.mode(layout, [place, place]) == .soft)
        let soft = settings.options(.soft)
        #expect(soft.cgroupMode == 3 && soft.managesCgroups)
        settings.cgroupMode = .full
        #expect(settings.mode(layout, [place]) == .full)
        settings.allowsConnections = true
        settings.leavesNetworkEmpty = true
        let options = settings.options(.ignore)
        #expect(options.cgroupMode == 0 && !options.managesCgroups)
        #expect(options.allowsConnections && !options.allowsFileLocks)
        #expect(options.emptyNamespaces == 0x4000_0000)
    }

    @Test func `answers a notification with success`() {
        #expect(CriuRequest(.notify).encoded == [0x08, 0x06, 0x18, 0x01])
        #expect(CriuRequest(.dump).encoded == [0x08, 0x01])
    }

    @Test func `is answered by a pid or a reason`() throws {
        // type: RESTORE, success: true, restore { pid: 300 }
        let restored = try CriuResponse(
            decoding: [0x08, 0x02, 0x10, 0x01, 0x22, 0x03, 0x08, 0xac, 0x02])
        #expect(restored.kind == .restore && restored.hasSucceeded)
        #expect(restored.restored?.pid == 300)
        // type: NOTIFY, success: true, notify { script: "x", pid: 1 }
        let told = try CriuResponse(
            decoding: [0x08, 0x06, 0x10, 0x01, 0x2a, 0x05, 0x0a, 0x01, 0x78, 0x10, 0x01])
        #expect(told.notification?.name == "x" && told.notification?.pid == 1)
        let failed = try CriuResponse(decoding: [0x08, 0x01, 0x10, 0x00, 0x38, 0x11])
        #expect(!failed.hasSucceeded && failed.errno == 17)
        #expect(throws: WireError.self) { try CriuResponse(decoding: [0x08]) }
    }
}

@Suite struct `What images leave to others` {
    @Test func `are streams that were pipes or files outside, once each`() {
        let streams = StreamRecord(names: ["file[8d:3]", "pipe:[17]", "pipe:[17]", "pipe:[1]"])
        #expect(streams.inherited.map(\.key) == ["file[8d:3]", "pipe:[17]"])
        #expect(streams.inherited.map(\.descriptor) == [0, 1])
        #expect(StreamRecord(names: ["/dev/pts/0", "", "socket:[2]"]).inherited.isEmpty)
    }

    @Test func `are bind mounts and cgroups, where they are and what they show`() {
        var configuration = Configuration(ociVersion: "1.2.0")
        func mount(_ place: String, _ source: String, _ options: [String]) -> Mount {
            var mount = Mount(destination: place)
            mount.type = "none"
            mount.source = source
            mount.options = options
            return mount
        }
        configuration.mounts = [
            mount("/a/./b/", "/host", ["bind"]), mount("c", "in", ["ro", "rbind"]),
            mount("/proc", "proc", []),
        ]
        let mounts = ExternalMounts.configured(configuration, bundle: "/bundle", nil)
        #expect(mounts.map(\.place) == ["/a/b", "/c"])
        #expect(mounts.map(\.source) == ["/host", "/bundle/in"])
    }
}
