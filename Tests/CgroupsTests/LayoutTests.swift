// SPDX-License-Identifier: Apache-2.0

import Cgroups
import Testing

/// Where hierarchies are, and where a container is in them.
@Suite struct LayoutTests {
    static let hybrid = CgroupLayout(
        membership: """
            4:memory:/user/shell
            2:cpu,cpuacct:/
            1:name=systemd:/init
            0::/shells/one
            """,
        mountInformation: """
            23 1 0:21 / /sys rw - sysfs sysfs rw
            31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
            32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
            35 31 0:32 / /sys/fs/cgroup/memory rw shared:7 - cgroup cgroup rw,memory
            40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd
            41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
            42 31 0:38 / /mnt/elsewhere rw - cgroup2 cgroup2 rw
            """)

    @Test("hybrid hosts")
    func hybridLayout() {
        let layout = Self.hybrid
        #expect(!layout.isUnified)
        #expect(
            layout.hierarchies.map(\.mountPoint) == [
                "/sys/fs/cgroup/cpu,cpuacct", "/sys/fs/cgroup/memory", "/sys/fs/cgroup/systemd",
                "/sys/fs/cgroup/unified",
            ])
        #expect(
            layout.hierarchies.map(\.name) == ["cpu,cpuacct", "memory", "systemd", "unified"])
        #expect(layout.unified?.path == "/shells/one")
        #expect(layout.support.version(of: "cpuacct") == .v1)
        #expect(layout.support.version(of: "pids") == nil)
        #expect(layout.support.version(of: "devices") == .v2)
    }

    @Test("absolute paths are the same in all hierarchies, others start at the caller's")
    func places() throws {
        #expect(
            try CgroupPath("/a/b", id: "x").places(in: Self.hybrid).map(\.absolutePath) == [
                "/sys/fs/cgroup/cpu,cpuacct/a/b", "/sys/fs/cgroup/memory/a/b",
                "/sys/fs/cgroup/systemd/a/b", "/sys/fs/cgroup/unified/a/b",
            ])
        #expect(
            try CgroupPath(nil, id: "x").places(in: Self.hybrid).map(\.absolutePath) == [
                "/sys/fs/cgroup/cpu,cpuacct/x", "/sys/fs/cgroup/memory/user/shell/x",
                "/sys/fs/cgroup/systemd/init/x", "/sys/fs/cgroup/unified/shells/x",
            ])
        #expect(try CgroupPath("", id: "x") == CgroupPath("x", id: "y"))
    }

    @Test("a part of a hierarchy that was bound elsewhere is its top")
    func bound() throws {
        let layout = CgroupLayout(
            membership: "4:memory:/docker/one/sub\n3:pids:/docker/one\n2:cpu:/elsewhere\n",
            mountInformation: """
                35 31 0:32 /docker/one /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
                36 31 0:33 /docker/one /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids
                37 31 0:34 /docker/one /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu
                """)
        #expect(layout.hierarchies.map(\.visiblePath) == [["sub"], [], nil])
        #expect(
            try CgroupPath("c", id: "x").places(in: layout).map(\.path) == ["sub/c", "c", "c"])
    }

    @Test("a mount over others hides them")
    func overmounted() {
        let layout = CgroupLayout(
            membership: "4:memory:/\n0::/\n",
            mountInformation: """
                31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
                35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
                41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
                50 31 0:38 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw
                """)
        #expect(layout.isUnified)
        #expect(layout.unified?.mountPoint == "/sys/fs/cgroup")
    }

    @Test("a caller at the top of cgroup2 puts containers there")
    func top() throws {
        let layout = CgroupLayout(
            membership: "0::/\n",
            mountInformation: "41 31 0:38 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n")
        #expect(try CgroupPath(nil, id: "x").places(in: layout).map(\.path) == ["x"])
        #expect(try CgroupPath("a/b", id: "x").places(in: layout).map(\.path) == ["a/b"])
    }

    @Test(
        "paths that are refused",
        arguments: [
            "/", "//a", "/a//b", "a/", "/a/", "../a", "/a/../b", "a/./b", "/..", ".", "a\0b",
            "a\nb",
            "system.slice:martlet:one", "a/" + String(repeating: "x", count: 256),
            String(repeating: "/abcdefg", count: 512),
        ])
    func refused(_ path: String) {
        #expect(throws: CgroupError.self) { try CgroupPath(path, id: "x") }
    }

    @Test(
        "paths that are taken",
        arguments: [
            "/a", "a", "a.b/..c", "/kubepods/besteffort/pod-1/c", "a:b", "/a:b:c", "x/a:b:c", "ü",
        ])
    func taken(_ path: String) throws { _ = try CgroupPath(path, id: "x") }

    @Test("lines that no kernel writes are passed over")
    func garbage() {
        let layout = CgroupLayout(
            membership: "nonsense\n::\n0\n",
            mountInformation: "1 2\n\n - - -\n\\ \\0 \\999 a b c - d e\n")
        #expect(layout.hierarchies.isEmpty)
    }
}
