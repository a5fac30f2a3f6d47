// SPDX-License-Identifier: Apache-2.0

import Cgroups
import Containers
import Linux
import OCI
import Testing

@Suite struct `The order of a launch` {
    @Test(arguments: [
        ("startSession", "joinSessionKeyring", "no terminal of the caller's can be reached"),
        ("isolateMounts", "attachRoot", "the first mount would travel to the host"),
        ("attachRoot", "mount", "mounts lie in the root filesystem"),
        ("mount", "makeDevice", "devices lie in the mounted /dev"),
        ("mount", "makeLink", "links lie in the mounted /dev"),
        ("mount", "openConsole", "the terminal is the mounted devpts's"),
        ("writeSysctl", "makeReadOnly", "/proc/sys cannot be written to any more"),
        ("writeSysctl", "mask", "/proc/sys may be hidden"),
        ("makeDevice", "finishReadOnlyMounts", "/dev cannot be filled any more"),
        ("makeDirectory", "finishReadOnlyMounts", "the directory may lie on one of them"),
        ("makeDirectory", "makeRootReadOnly", "the directory cannot be made any more"),
        ("makeReadOnly", "enterRoot", "the host's null device and procfs are out of reach"),
        ("mask", "enterRoot", "the host's null device is out of reach"),
        ("mask", "makeRootReadOnly", "it is the state that the program sees"),
        ("makeRootReadOnly", "enterRoot", "the root is held by descriptor until then"),
        ("enterRoot", "setRootPropagation", "a shared root cannot be pivoted to"),
        ("enterRoot", "enterWorkingDirectory", "the path means another directory before"),
        ("setHostname", "dropPrivileges", "it needs CAP_SYS_ADMIN"),
        ("setMemoryPolicy", "dropPrivileges", "the call may be filtered away"),
        ("setScheduler", "dropPrivileges", "a real-time policy needs CAP_SYS_NICE"),
        ("startSession", "setIOPriority", "it is for the process group, which must be its own"),
        ("setIOPriority", "dropPrivileges", "a real-time class needs CAP_SYS_NICE"),
        ("setPersonality", "dropPrivileges", "rights are needed no longer"),
        ("enterWorkingDirectory", "dropPrivileges", "rights are needed no longer"),
        ("enterRoot", "findHome", "the file is the container's"),
        ("findHome", "dropPrivileges", "the file may be root's alone"),
    ])
    func `has each step before what needs it`(first: String, second: String, why: String) throws {
        let words = try PlanInput.full.plan().words
        let last = try #require(words.lastIndex(of: first))
        let next = try #require(words.firstIndex(of: second))
        #expect(last < next, "\(first) after \(second): \(why)")
    }

    @Test func `begins with a session and ends with the loss of all rights`() throws {
        for input in [PlanInput(), .full] {
            let words = try input.plan().words
            #expect(words.first == "startSession")
            #expect(words.last == "dropPrivileges")
        }
    }

    @Test func `leaves namespaces to the first process that may be made late`() throws {
        var input = PlanInput()
        input.configuration.linux.namespaces = Namespace.Kind.allCases.map { Namespace(kind: $0) }
        let mapping = IDMapping(containerID: 0, hostID: 1000, size: 10)
        input.configuration.linux.uidMappings = [mapping]
        input.configuration.linux.gidMappings = [mapping]
        let plan = try input.plan().namespaces
        #expect(plan.madeInside == [.mount, .network, .ipc, .uts])
        #expect(plan.madeAtBirth.isSuperset(of: [.pid, .user]))
        #expect(plan.madeAtBirth.isDisjoint(with: plan.madeInside))
    }

    @Test func `has the network namespace at birth when the parent puts devices there`() throws {
        var input = PlanInput()
        input.configuration.linux.netDevices = ["eth1": NetDevice()]
        let plan = try input.plan().namespaces
        #expect(plan.madeAtBirth.contains(.network) && !plan.madeInside.contains(.network))
    }

    @Test func `has the parent make the network namespace when it can come back`() throws {
        var input = PlanInput.full
        input.host.canReturnToNetwork = true
        let plan = try input.plan()
        #expect(plan.namespaces.isNetworkMadeOutside)
        #expect(!plan.namespaces.madeAtBirth.contains(.network))
        #expect(!plan.namespaces.madeInside.contains(.network))
        let entered = try #require(plan.words.firstIndex(of: "enterNetwork"))
        #expect(plan.words.filter { $0 == "enterNetwork" }.count == 1)
        // As late as it goes: the parent takes its time, and parameters of the network come next.
        #expect(try #require(plan.words.firstIndex(of: "makeDevice")) < entered)
        #expect(entered < (try #require(plan.words.firstIndex(of: "writeSysctl"))))
    }

    @Test(arguments: ["sysfs", "nfs", "9p"])
    func `has it before a mount that may show something of it`(type: String) throws {
        var input = PlanInput()
        input.host.canReturnToNetwork = true
        input.configuration.mounts.append(PlanInput.mount("/shown", type))
        input.configuration.mounts.append(PlanInput.mount("/after", "tmpfs"))
        let steps = try input.plan().initSteps
        let entered = try #require(steps.firstIndex(of: .enterNetwork))
        guard case .mount(let before) = steps[entered - 1],
            case .mount(let after) = steps[entered + 1]
        else {
            Issue.record("it is between mounts")
            return
        }
        #expect((before.type, after.type) == ("devpts", type))
    }

    @Test func `leaves the network namespace to the first process otherwise`() throws {
        var returning = PlanInput()
        returning.host.canReturnToNetwork = true
        var mapped = returning
        let mapping = [IDMapping(containerID: 0, hostID: 1000, size: 10)]
        mapped.configuration.linux.namespaces.append(Namespace(kind: .user))
        mapped.configuration.linux.uidMappings = mapping
        mapped.configuration.linux.gidMappings = mapping
        var filled = returning
        filled.configuration.linux.netDevices = ["eth1": NetDevice()]
        var joined = returning
        joined.configuration.linux.namespaces.removeAll { $0.kind == .network }
        joined.configuration.linux.namespaces.append(
            Namespace(kind: .network, path: "/proc/1/ns/net"))
        for input in [PlanInput(), mapped, filled, joined] {
            let plan = try input.plan()
            #expect(!plan.namespaces.isNetworkMadeOutside)
            #expect(!plan.words.contains("enterNetwork"))
        }
    }

    @Test func `has no step twice that is done once`() throws {
        let words = try PlanInput.full.plan().words
        for word in [
            "startSession", "isolateMounts", "attachRoot", "openConsole", "finishReadOnlyMounts",
            "makeRootReadOnly", "enterRoot", "dropPrivileges",
        ] {
            #expect(words.filter { $0 == word }.count == 1, "\(word)")
        }
    }

    @Test func `has the mounts as they are listed`() throws {
        var input = PlanInput()
        let places = ["/z", "/a", "/z/b", "/a", "/proc"]
        input.configuration.mounts = places.map { PlanInput.mount($0, "tmpfs") }
        #expect(try input.plan().mounts.map(\.destination) == places)
    }

    @Test func `has the parameters sorted`() throws {
        let steps = try PlanInput.full.plan().initSteps.filter { $0.word == "writeSysctl" }
        #expect(
            steps == [
                .writeSysctl(key: "net.a", value: "1"), .writeSysctl(key: "net.b", value: "2"),
            ])
    }

    @Test func `has the parent map ids before anything else`() throws {
        var input = PlanInput.full
        input.configuration.linux.namespaces.append(Namespace(kind: .user))
        let mapping = IDMapping(containerID: 0, hostID: 1000, size: 10)
        input.configuration.linux.uidMappings = [mapping]
        input.configuration.linux.gidMappings = [mapping]
        let plan = try input.plan()
        #expect(
            plan.parentSteps == [
                .mapIDs, .setOOMScoreAdjustment(10),
                .raiseHardLimit(ResourceLimit(type: .openFiles, soft: 10, hard: 20)),
            ])
        #expect(plan.namespaces.uidMappings == [mapping])
        #expect(try PlanInput().plan().parentSteps == [])
    }

    @Test func `leaves out what is not asked for`() throws {
        var input = PlanInput()
        input.configuration.hostname = ""
        input.configuration.mounts = []
        let words = Set(try input.plan().words)
        #expect(
            words == [
                "startSession", "joinSessionKeyring", "isolateMounts", "attachRoot", "makeDevice",
                "makeLink", "finishReadOnlyMounts", "enterRoot", "enterWorkingDirectory",
                "findHome", "dropPrivileges",
            ])
    }

    @Test(arguments: [
        ([], true), (["HOME="], true), (["HOMES=/x"], true), (["HOME=/x"], false),
        (["HOME=", "HOME=/x"], false),
    ])
    func `looks for a home directory where the environment has none`(
        environment: [String], looks: Bool
    ) throws {
        var input = PlanInput()
        input.configuration.process?.env = environment
        input.configuration.process?.user.uid = 7
        for plan in [try input.plan(), try input.planExecution()] {
            #expect(plan.initSteps.contains(.findHome(of: 7)) == looks)
        }
        input.request.isStrict = true
        #expect(try !input.plan().words.contains("findHome"))
        #expect(try !input.planExecution().words.contains("findHome"))
    }

    @Test func `does as the flags say`() throws {
        var input = PlanInput()
        let name = try #require(input.request.keyring)
        #expect(name.hasPrefix("_ses.c1."))
        #expect(try input.plan().initSteps.contains(.joinSessionKeyring(name)))
        #expect(try input.plan().initSteps.contains(.enterRoot(pivot: true)))
        input.request.keyring = nil
        input.request.noPivot = true
        #expect(try !input.plan().words.contains("joinSessionKeyring"))
        #expect(try input.plan().initSteps.contains(.enterRoot(pivot: false)))
    }

    @Test func `without a process has nobody to become`() throws {
        var input = PlanInput()
        input.configuration.process = nil
        let plan = try input.plan()
        #expect(!plan.words.contains("dropPrivileges"))
        #expect(!plan.words.contains("enterWorkingDirectory"))
        #expect(plan.program.arguments == [])
    }

    @Test(arguments: [("rootfs", "/bundle/rootfs"), ("/else/where", "/else/where")])
    func `finds the root filesystem`(path: String, absolute: String) throws {
        var input = PlanInput()
        input.configuration.root = Root(path: path)
        #expect(try input.plan().initSteps.contains(.attachRoot(path: absolute, atItsPath: false)))
    }
}

@Suite struct `Planned mounts` {
    @Test func `by "bind" are copies of the source, which is the bundle's`() throws {
        var input = PlanInput()
        var mount = PlanInput.mount("/data", "none", ["rbind", "ro"])
        mount.source = "data"
        input.configuration.mounts = [mount, PlanInput.mount("/x", "bind")]
        input.configuration.mounts[1].source = "/abs"
        let mounts = try input.plan().mounts
        #expect(mounts[0].source == "/bundle/data")
        #expect(mounts[0].options.source == .bind(recursively: true))
        #expect(mounts[1].source == "/abs")
        #expect(mounts[1].options.source == .bind(recursively: false))
    }

    @Test(arguments: ["tmpfs", "cgroup"]) func `that are filled later become read-only last`(
        type: String
    ) throws {
        var input = PlanInput()
        input.configuration.mounts = [
            PlanInput.mount("/a", type, ["ro"]), PlanInput.mount("/b", type),
            PlanInput.mount("/c", "proc", ["ro"]), PlanInput.mount("/d", type, ["ro", "remount"]),
        ]
        #expect(try input.plan().mounts.map(\.isReadOnlyLate) == [true, false, false, false])
    }

    @Test(arguments: ["cgroup", "cgroup2"]) func `of cgroups show the container's own part`(
        type: String
    ) throws {
        var input = PlanInput()
        let layout = CgroupLayout(
            membership: "0::/own\n",
            mountInformation: "30 20 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n")
        let place = CgroupPlace(mountPoint: "/sys/fs/cgroup", controllers: [], path: "c1")
        input.cgroups = CgroupView(layout, [place])
        input.configuration.mounts = [PlanInput.mount("/sys/fs/cgroup", type, ["ro"])]
        let mount = try #require(try input.plan().mounts.first)
        #expect(mount.type == "cgroup")
        #expect(mount.cgroups?.isUnified == true)
        #expect(mount.cgroups?.hierarchies.map(\.source) == ["/sys/fs/cgroup/c1"])
        #expect(CgroupView(layout, []).hierarchies.map(\.source) == ["/sys/fs/cgroup/own"])
    }

    @Test func `have the socket for readiness among them, and the program its path`() throws {
        var input = PlanInput()
        input.notifyDirectory = "/run/martlet/c1/notify"
        let plan = try input.plan()
        let mount = try #require(plan.mounts.last)
        #expect(mount.source == "/run/martlet/c1/notify")
        #expect(mount.destination == "/run/notify")
        #expect(mount.options.set.isSuperset(of: [.readOnly, .noSetID, .noExecution, .noDevices]))
        #expect(plan.program.environment.last == "NOTIFY_SOCKET=/run/notify/notify.sock")
    }
}

@Suite struct `Planned devices` {
    @Test func `are the six of the specification`() throws {
        let devices = try PlanInput().plan().devices
        #expect(
            devices.map(\.path) == [
                "/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty",
            ])
        #expect(devices.map(\.minor) == [3, 5, 7, 8, 9, 0])
        #expect(devices.map(\.major) == [1, 1, 1, 1, 1, 5])
        #expect(devices.allSatisfy { $0.permissions == 0o666 && $0.uid == 0 && $0.gid == 0 })
    }

    @Test(arguments: ["bind", "rbind"]) func `are none when /dev is the host's`(
        word: String
    ) throws {
        for destination in ["/dev", "/dev/", "//dev", "/x/../dev"] {
            var input = PlanInput()
            input.configuration.mounts = [PlanInput.mount(destination, "none", [word])]
            let plan = try input.plan()
            #expect(plan.devices.isEmpty && !plan.words.contains("makeLink"), "\(destination)")
        }
    }

    @Test func `stay when only something in /dev is the host's`() throws {
        var input = PlanInput()
        input.configuration.mounts.append(PlanInput.mount("/dev/fuse", "none", ["bind"]))
        #expect(try input.plan().devices.count == 6)
    }

    @Test func `never hold ptmx, which is a link to the container's own`() throws {
        var input = PlanInput()
        var ptmx = Device(kind: .character, path: "/dev/ptmx")
        (ptmx.major, ptmx.minor) = (5, 2)
        input.configuration.linux.devices = [ptmx]
        let plan = try input.plan()
        #expect(!plan.devices.contains { $0.path == "/dev/ptmx" })
        #expect(plan.initSteps.contains(.makeLink(path: "/dev/ptmx", target: "pts/ptmx")))
    }

    @Test func `of the configuration take the place of default ones`() throws {
        var input = PlanInput()
        var null = Device(kind: .character, path: "/dev/null")
        (null.major, null.minor, null.fileMode, null.uid) = (1, 3, 0o100600, 7)
        input.configuration.linux.devices = [null]
        let devices = try input.plan().devices
        #expect(devices.filter { $0.path == "/dev/null" }.count == 1)
        let planned = try #require(devices.last)
        #expect(planned.path == "/dev/null" && planned.permissions == 0o600 && planned.uid == 7)
    }

    @Test func `have the links of the specification beside them`() throws {
        let steps = try PlanInput().plan().initSteps
        for (path, target) in [
            ("/dev/fd", "/proc/self/fd"), ("/dev/stdin", "/proc/self/fd/0"),
            ("/dev/stdout", "/proc/self/fd/1"), ("/dev/stderr", "/proc/self/fd/2"),
        ] {
            #expect(steps.contains(.makeLink(path: path, target: target)))
        }
    }
}

@Suite struct `The planned process` {
    @Test func `gets the caller's sockets and descriptors`() throws {
        var input = PlanInput()
        input.request.listenDescriptors = 2
        input.request.preservedDescriptors = 3
        let program = try input.plan().program
        #expect(program.environment == ["PATH=/bin", "LISTEN_FDS=2", "LISTEN_PID=1"])
        #expect(program.preservedDescriptors == 5)
        #expect(try PlanInput().plan().program.environment == ["PATH=/bin"])
    }

    @Test func `gets exactly its capabilities`() throws {
        var input = PlanInput()
        var sets = CapabilitySets()
        sets.bounding = ["CAP_CHOWN", "CAP_KILL"]
        sets.permitted = ["CAP_KILL"]
        sets.effective = ["CAP_CHOWN"]
        input.configuration.process?.capabilities = sets
        let result = try input.planWithWarnings()
        let plan = try #require(result.plan.identity).capabilities
        #expect(plan.bounding.members == [0, 5])
        #expect(plan.permitted.members == [5])
        #expect(plan.effective.members == [0])
        #expect(plan.inheritable.isEmpty && plan.ambient.isEmpty)
        #expect(result.warnings.isEmpty)
    }

    @Test func `no capability is passed over because its name is not known`() throws {
        var input = PlanInput()
        var sets = CapabilitySets()
        sets.ambient = ["CAP_NEW_IDEA"]
        input.configuration.process?.capabilities = sets
        let error = #expect(throws: ContainerError.self) { _ = try input.plan() }
        #expect(error?.description == "process.capabilities: there is no capability CAP_NEW_IDEA")
    }

    @Test func `the names of capabilities are those of libcap`() {
        let names = Capabilities.allNames
        #expect(Array(names.prefix(CapabilityName.all.count)) == CapabilityName.all)
    }

    @Test func `without capabilities has none`() throws {
        let plan = try #require(try PlanInput().plan().identity)
        #expect(plan.capabilities == CapabilityPlan())
        #expect(plan.groups == [])
        #expect(plan.umask == nil && !plan.noNewPrivileges)
    }

    @Test func `is who the configuration says`() throws {
        var input = PlanInput()
        var user = User()
        (user.uid, user.gid, user.umask, user.additionalGids) = (5, 6, 0o27, [7, 8])
        input.configuration.process?.user = user
        input.configuration.process?.noNewPrivileges = true
        let plan = try #require(try input.plan().identity)
        #expect(plan.uid == 5 && plan.gid == 6 && plan.groups == [7, 8] && plan.umask == 0o27)
        #expect(plan.noNewPrivileges)
    }

    @Test(arguments: [true, false, nil])
    func `keeps the right to load a filter only where no_new_privs does not give it`(
        noNewPrivileges: Bool?
    ) throws {
        var input = PlanInput()
        input.configuration.process?.noNewPrivileges = noNewPrivileges
        #expect(try input.plan().identity?.keepsRightToFilter == false)
        #expect(try input.plan().program.filter == nil)
        for filter in [
            FilterPlan.awaited(.log), .known(SystemCallFilter(program: [], flags: .log)),
        ] {
            input.filter = filter
            let plan = try input.plan()
            #expect(plan.identity?.keepsRightToFilter == (noNewPrivileges != true))
            #expect(plan.program.filter == filter)
        }
    }

    @Test func `waits for its filter's program last of all, if it is not known`() throws {
        var input = PlanInput.full
        input.filter = .known(SystemCallFilter(program: [], flags: []))
        #expect(try !input.plan().words.contains("receiveFilter"))
        input.filter = .awaited([])
        #expect(try input.plan().words.last == "receiveFilter")
    }

    @Test func `waits for its filter's program before hooks, which the parent speaks of next`()
        throws
    {
        var input = PlanInput()
        input.filter = .awaited([])
        input.configuration.hooks.createContainer = [Hook(path: "/bin/true")]
        let words = try input.plan().words
        #expect(words.count { $0 == "receiveFilter" } == 1)
        let index = try #require(words.firstIndex(of: "receiveFilter"))
        #expect(words[index + 1] == "runHooks")
    }
}
