// SPDX-License-Identifier: Apache-2.0

@testable import Containers
import Testing

@Suite struct `The view of cgroups` {
    private static let other = """
        22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
        23 22 0:20 / /proc rw,nosuid shared:2 - proc proc rw

        """

    @Test func `on cgroup2 alone is unified`() {
        let view = CgroupView(
            membership: "0::/user.slice/session-2.scope\n",
            mountInformation: Self.other
                + "30 22 0:26 / /sys/fs/cgroup rw,nosuid,nodev,noexec shared:9 - cgroup2 cgroup2 "
                + "rw,nsdelegate\n")
        #expect(view.isUnified)
        #expect(
            view.hierarchies == [
                CgroupView.Hierarchy(
                    mountPoint: "/sys/fs/cgroup", controllers: [],
                    path: "/user.slice/session-2.scope")
            ])
        #expect(view.hierarchies.first?.isCgroup2 == true)
        #expect(view.hierarchies.first?.name == "unified")
    }

    private static let v1 =
        other + """
            31 22 0:27 / /sys/fs/cgroup rw shared:10 - tmpfs tmpfs rw,mode=755
            32 31 0:28 / /sys/fs/cgroup/systemd rw shared:11 - cgroup cgroup rw,xattr,name=systemd
            33 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw shared:12 - cgroup cgroup rw,cpu,cpuacct
            34 31 0:30 / /sys/fs/cgroup/memory rw shared:13 - cgroup cgroup rw,memory

            """

    @Test func `on v1 has each hierarchy with its place`() {
        let view = CgroupView(
            membership: "12:memory:/m\n3:cpu,cpuacct:/a/b\n1:name=systemd:/s\n0::/ignored\n",
            mountInformation: Self.v1)
        #expect(!view.isUnified)
        #expect(
            view.hierarchies.map(\.mountPoint) == [
                "/sys/fs/cgroup/systemd", "/sys/fs/cgroup/cpu,cpuacct", "/sys/fs/cgroup/memory",
            ])
        #expect(view.hierarchies.map(\.path) == ["/s", "/a/b", "/m"])
        #expect(view.hierarchies.map(\.name) == ["systemd", "cpu,cpuacct", "memory"])
        #expect(view.hierarchies.allSatisfy { !$0.isCgroup2 })
    }

    @Test func `on both has cgroup2 beside the others`() {
        let view = CgroupView(
            membership: "4:memory:/m\n1:name=systemd:/s\n0::/u\n",
            mountInformation: Self.v1
                + "35 31 0:31 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n")
        #expect(!view.isUnified)
        #expect(view.hierarchies.map(\.name) == ["systemd", "memory", "unified"])
        #expect(view.hierarchies.last?.path == "/u")
    }

    @Test func `tells "cpu" from "cpuset" and "cpuacct"`() {
        let view = CgroupView(
            membership: "1:cpuset:/set\n2:cpuacct:/acct\n3:cpu:/cpu\n",
            mountInformation: ["cpu", "cpuacct", "cpuset"].map {
                "40 31 0:40 / /sys/fs/cgroup/\($0) rw - cgroup cgroup rw,\($0)\n"
            }.joined())
        #expect(view.hierarchies.map(\.path) == ["/cpu", "/acct", "/set"])
    }

    @Test func `has a hierarchy once, though it is mounted twice`() {
        let line = "40 31 0:40 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
        let view = CgroupView(
            membership: "1:memory:/m\n",
            mountInformation: line + line.replacing("cgroup/memory rw", with: "cgroup/second rw"))
        #expect(view.hierarchies.map(\.mountPoint) == ["/sys/fs/cgroup/memory"])
    }

    @Test func `leaves out what is mounted elsewhere, or not at all`() {
        let view = CgroupView(
            membership: "2:cpu:/c\n1:memory:/m\n0::/\n",
            mountInformation: "40 31 0:40 / /mnt/memory rw - cgroup cgroup rw,memory\n")
        #expect(view.hierarchies.isEmpty)
        #expect(!view.isUnified)
    }

    @Test func `keeps colons in a place`() {
        let view = CgroupView(
            membership: "0::/a:b:c\n",
            mountInformation: "30 22 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n")
        #expect(view.hierarchies.first?.path == "/a:b:c")
    }

    @Test(arguments: ["", "\n", "0:", "::", "nonsense", "0::", "1:memory"])
    func `takes any text`(membership: String) {
        let view = CgroupView(membership: membership, mountInformation: Self.v1)
        #expect(view.hierarchies.isEmpty)
    }

    @Test func `of this machine can be read`() throws {
        let view = try CgroupView.current()
        #expect(view.hierarchies.allSatisfy { $0.mountPoint.hasPrefix("/sys/fs/cgroup") })
    }
}

@Suite struct `A line of mountinfo` {
    private func mount(_ line: String) -> MountInformation? {
        MountInformation(line: line[...].utf8)
    }

    @Test(arguments: [
        (#"/mnt/a\040b"#, "/mnt/a b"), (#"/a\011b\012c"#, "/a\tb\nc"), (#"/a\134b"#, #"/a\b"#),
        (#"/a\043b"#, "/a#b"), (#"/\303\251"#, "/é"), (#"/a\"#, #"/a\"#), (#"/a\04"#, #"/a\04"#),
        (#"/a\999"#, #"/a\999"#), (#"/a\134040"#, #"/a\040"#), ("/plain", "/plain"),
    ])
    func `has its octal escapes undone`(written: String, path: String) {
        #expect(mount("1 2 0:3 / \(written) rw - tmpfs tmpfs rw")?.mountPoint == path)
    }

    @Test(arguments: ["", "shared:1 ", "shared:1 master:2 propagate_from:3 unbindable "])
    func `has any number of optional fields`(optional: String) {
        let mount = mount("36 35 98:0 /mnt1 /mnt2 rw,noatime \(optional)- ext3 /dev/root rw,sync")
        #expect(mount?.mountPoint == "/mnt2")
        #expect(mount?.type == "ext3")
        #expect(mount?.superblockOptions == ["rw", "sync"])
        #expect(mount?.isCgroup == false)
    }

    @Test(arguments: [
        "", "1", "1 2 0:3 / /mnt rw", "1 2 0:3 / /mnt rw -", "1 2 0:3 / /mnt rw - tmpfs",
        "1 2 0:3 / /mnt rw - tmpfs tmpfs", "- a b c d e f", "1 2 3 4 - x y z",
    ])
    func `that is none is refused`(line: String) {
        #expect(mount(line) == nil)
    }
}
