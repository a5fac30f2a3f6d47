// SPDX-License-Identifier: Apache-2.0

import Foundation
import JSON
import OCI
import Testing

/// What a decoded configuration holds; what is refused is in `spec-fixtures/`.
@Suite struct DecodeTests {
    static func fixture(_ name: String) throws -> Configuration {
        try Configuration.decode(from: try FixtureTests.contents("valid", name, ".json"))
    }

    static func violations(_ text: String) -> [Violation] {
        do {
            _ = try Configuration.decode(from: Array(text.utf8))
            return []
        } catch {
            return error.violations
        }
    }

    @Test func `every property of the process is decoded`() throws {
        let process = try #require(try Self.fixture("process/full").process)
        var expected = ProcessSpec(cwd: "/")
        expected.terminal = true
        expected.consoleSize = ConsoleSize(height: 25, width: 80)
        expected.args = ["sh"]
        expected.env = ["A=", "B=c=d"]
        expected.user.uid = 4_294_967_294
        expected.user.gid = 1
        expected.user.umask = 0o77
        expected.user.additionalGids = [5, 6]
        expected.rlimits = [
            ResourceLimit(type: .openFiles, soft: 1024, hard: 1024),
            ResourceLimit(type: .core, soft: 0, hard: .max),
        ]
        expected.apparmorProfile = "acme_secure_profile"
        var sets = CapabilitySets()
        sets.bounding = ["CAP_KILL", "CAP_CHECKPOINT_RESTORE"]
        sets.inheritable = ["CAP_KILL"]
        sets.permitted = ["CAP_KILL"]
        sets.ambient = ["CAP_KILL"]
        expected.capabilities = sets
        expected.noNewPrivileges = true
        expected.oomScoreAdj = -1000
        var scheduler = Scheduler(policy: .deadline)
        scheduler.flags = [.resetOnFork, .reclaim]
        scheduler.runtime = 10000
        scheduler.deadline = 20000
        scheduler.period = 30000
        expected.scheduler = scheduler
        expected.selinuxLabel = "system_u:system_r:svirt_lxc_net_t:s0:c124,c675"
        expected.ioPriority = IOPriority(class: .realtime, priority: 7)
        var affinity = CPUAffinity()
        affinity.initial = "7"
        affinity.final = "0-3, 7"
        expected.execCPUAffinity = affinity
        #expect(process == expected)
    }

    @Test func `every resource is decoded`() throws {
        let resources = try #require(try Self.fixture("resources/full").linux.resources)
        #expect(resources.devices.count == 2)
        #expect(resources.devices[0].kind == .all)
        #expect(resources.devices[0].major == nil)
        #expect(resources.devices[1].minor == 229)
        #expect(resources.memory?.limit == 536_870_912)
        #expect(resources.memory?.kernelTCP == -1)
        #expect(resources.memory?.swappiness == 0)
        #expect(resources.memory?.checkBeforeUpdate == true)
        #expect(resources.cpu?.burst == 1_000_000)
        #expect(resources.cpu?.realtimeRuntime == 950_000)
        #expect(resources.cpu?.cpus == "2-3")
        #expect(resources.cpu?.idle == 1)
        #expect(resources.pids?.limit == 0)
        #expect(resources.blockIO?.weightDevice.first?.leafWeight == 300)
        #expect(resources.blockIO?.throttleReadBpsDevice.first?.rate == 600)
        #expect(resources.blockIO?.throttleWriteBpsDevice.first?.rate == 601)
        #expect(resources.blockIO?.throttleReadIOPSDevice.first?.rate == 602)
        #expect(resources.blockIO?.throttleWriteIOPSDevice.first?.rate == 603)
        #expect(resources.hugepageLimits.first?.limit == .max)
        #expect(resources.network?.classID == 1_048_577)
        #expect(resources.network?.priorities.first?.name == "eth0")
        #expect(resources.rdma["mlx5_1"]?.hcaObjects == 10000)
        #expect(resources.unified["hugetlb.1GB.max"] == "1073741824")
    }

    @Test func `every property of a seccomp profile is decoded`() throws {
        let profile = try #require(try Self.fixture("seccomp/full").linux.seccomp)
        #expect(profile.defaultAction == .errno)
        #expect(profile.defaultErrnoRet == 38)
        #expect(profile.architectures == [.x86_64, .x32, .m68k])
        #expect(profile.flags == [.log])
        #expect(profile.listenerPath == "/run/agent.sock")
        #expect(profile.listenerMetadata == "x")
        #expect(profile.syscalls.count == 4)
        #expect(profile.syscalls[0].names == ["read", "write"])
        var argument = SeccompProfile.Argument(index: 5, value: .max, operator: .maskedEqual)
        argument.valueTwo = 1
        #expect(profile.syscalls[1].args == [argument])
        #expect(profile.syscalls[1].errnoRet == 4095)
        #expect(try Self.fixture("seccomp/flags-empty").linux.seccomp?.flags == [])
    }

    @Test func `the remaining Linux properties are decoded`() throws {
        let paths = try Self.fixture("paths/some").linux
        #expect(paths.rootfsPropagation == .rslave)
        #expect(paths.cgroupsPath == "system.slice:martlet:web")
        #expect(paths.maskedPaths == ["/proc/kcore"])
        #expect(paths.readonlyPaths == ["/proc/sys"])
        let offsets = try Self.fixture("time-offsets/both").linux.timeOffsets
        #expect(offsets["monotonic"]?.secs == -5)
        #expect(offsets["monotonic"]?.nanosecs == 999_999_999)
        let rdt = try #require(try Self.fixture("intel-rdt/full").linux.intelRdt)
        #expect(rdt.closID == "/" && rdt.enableMonitoring)
        #expect(rdt.schemata == ["L2:0=f;1=f"])
        let policy = try #require(try Self.fixture("memory-policy/interleave").linux.memoryPolicy)
        #expect(policy.mode == .interleave && policy.flags == [.staticNodes])
        #expect(policy.nodes == "0-3,7")
        #expect(try Self.fixture("personality/linux32").linux.personality?.domain == .linux32)
        let devices = try Self.fixture("devices/kinds").linux.devices
        #expect(devices.map(\.kind) == [.character, .block, .unbuffered, .fifo])
        #expect(devices[0].fileMode == 0o666 && devices[1].uid == nil)
        let names = try Self.fixture("net-devices/renamed").linux.netDevices
        #expect(names["eth0"]?.name == "net%d")
        #expect(names["eth1"] == NetDevice())
        let namespaces = try Self.fixture("namespaces/joined").linux.namespaces
        #expect(namespaces[0] == Namespace(kind: .network, path: "/run/netns/a"))
        #expect(namespaces[1] == Namespace(kind: .pid))
    }

    @Test func `mounts and hooks keep their order and fields`() throws {
        let mount = try #require(try Self.fixture("mounts/idmap").mounts.first)
        #expect(mount.options == ["rbind", "ridmap"])
        #expect(mount.uidMappings == [IDMapping(containerID: 0, hostID: 1000, size: 10)])
        #expect(mount.gidMappings.count == 1)
        let hooks = try Self.fixture("hooks/all").hooks
        var hook = Hook(path: "/bin/true")
        hook.args = ["true"]
        hook.env = ["A=1"]
        hook.timeout = 1
        #expect(
            [
                hooks.prestart, hooks.createRuntime, hooks.createContainer, hooks.startContainer,
                hooks.poststart, hooks.poststop,
            ] == Array(repeating: [hook], count: 6))
    }

    @Test func `null and the empty string read as absent where they may`() throws {
        let process = try #require(try Self.fixture("process/nulls").process)
        #expect(process.capabilities == nil && process.oomScoreAdj == nil)
        let linux = try Self.fixture("paths/empty-is-absent").linux
        #expect(linux.cgroupsPath == nil && linux.rootfsPropagation == nil)
        #expect(try Self.fixture("hostname/empty").hostname == nil)
        let resources = try #require(try Self.fixture("resources/unlimited").linux.resources)
        #expect(resources.memory?.swappiness == nil && resources.memory?.swap == -1)
        let rule = try #require(
            try Self.fixture("resources/device-wildcards").linux.resources?.devices.first)
        #expect(rule.major == nil && rule.minor == nil && rule.access == "m")
    }

    @Test func `of two properties with one name the last wins`() throws {
        #expect(try Self.fixture("extensibility/duplicate-name").hostname == "second")
    }

    @Test func `a process that is absent, and a console size without a terminal, are nil`() throws {
        #expect(try Self.fixture("process/absent").process == nil)
        #expect(try Self.fixture("process/console-size-ignored").process?.consoleSize == nil)
    }

    @Test func `each violation names the section of the specification`() {
        let found = Self.violations(
            #"{"ociVersion":"1.0.0","root":1,"process":[],"hooks":1,"linux":{"seccomp":2}}"#)
        #expect(
            found.map(\.section) == [
                "config.md#root", "config.md#process", "config.md#posix-platform-hooks",
                "config-linux.md#seccomp",
            ])
    }

    @Test func `violations are cut off after the limit`() {
        let list = Array(repeating: "1", count: 10000).joined(separator: ",")
        let found = Self.violations(
            "{\"ociVersion\":\"1.0.0\",\"root\":{\"path\":\"r\"},\"mounts\":[\(list)]}")
        #expect(found.count == InvalidConfiguration.limit + 1)
        #expect(found.last?.found == "more than 64: the rest is not shown")
        #expect(found.first?.description == "mounts[0]: expected an object, found an integer (1)")
    }

    /// Were each place looked for, the hundred thousand would cost their square: hours.
    @Test(
        .timeLimit(.minutes(5)),
        arguments: [
            ("mounts", "{\"destination\":1,\"options\":[1,2]}"), ("mounts", "1"),
        ])
    func `a text full of violations is read to its end`(key: String, element: String) {
        let list = Array(repeating: element, count: 100_000).joined(separator: ",")
        let found = Self.violations(
            "{\"ociVersion\":\"1.0.0\",\"root\":{\"path\":\"r\"},\"\(key)\":[\(list)]}")
        #expect(found.count == InvalidConfiguration.limit + 1)
    }

    @Test func `a namespace that cannot be read causes no second violation`() {
        let found = Self.violations(
            #"{"ociVersion":"1.0.0","root":{"path":"r"},"hostname":"a","#
                + #""linux":{"namespaces":[{"type":"utz"}]}}"#)
        #expect(found.map(\.path) == ["linux.namespaces[0].type"])
    }

    @Test func `nesting beyond the limit is refused, also in unknown properties`() {
        let text =
            "{\"future\":" + String(repeating: "[", count: 100_000)
            + String(repeating: "]", count: 100_000) + "}"
        let found = Self.violations(text)
        #expect(found.count == 1)
        #expect(found.first?.found.hasPrefix("more than 128 levels of nesting at byte") == true)
    }

    @Test func `a text beyond the size limit is refused`() {
        do {
            _ = try Configuration.decode(
                from: Array("{\"a\": 1}".utf8), limits: JSONLimits(size: 7, depth: 8))
            Issue.record("accepted")
        } catch {
            #expect(
                error.description
                    == "expected JSON, found a text of more than 7 bytes at byte 7 (line 1, column 8)"
            )
        }
    }

    @Test func `a process and resources decode by themselves`() throws {
        let process = try ProcessSpec.decode(
            from: Array(#"{"cwd":"/","args":["ps"],"user":{"uid":1,"gid":2}}"#.utf8))
        #expect(process.user.gid == 2)
        let error = #expect(throws: InvalidConfiguration.self) {
            _ = try ProcessSpec.decode(from: Array(#"{"cwd":"x","args":["ps"]}"#.utf8))
        }
        #expect(error?.violations.map(\.path) == ["cwd"])
        let resources = try Resources.decode(from: Array(#"{"pids":{"limit":33}}"#.utf8))
        #expect(resources.pids?.limit == 33)
    }
}
