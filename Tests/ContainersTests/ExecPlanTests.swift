// SPDX-License-Identifier: Apache-2.0

import Linux
import OCI
import Testing

@testable import Containers

@Suite struct `The plan of one more process` {
    @Test(arguments: [
        ("startSession", "enterNamespaces", "no terminal of the caller's can be reached"),
        ("openProcfs", "enterNamespaces", "the container's procfs may be anything"),
        ("enterNamespaces", "joinSessionKeyring", "names are those of a user namespace"),
        ("enterNamespaces", "adoptRoot", "the root comes with the mount namespace"),
        ("adoptRoot", "openConsole", "the terminal is the container's devpts's"),
        ("adoptRoot", "enterWorkingDirectory", "the path is the container's"),
        ("setScheduler", "dropPrivileges", "a real-time policy needs CAP_SYS_NICE"),
        ("startSession", "setIOPriority", "it is for the process group, which must be its own"),
        ("setMemoryPolicy", "dropPrivileges", "the call may be filtered away"),
        ("enterWorkingDirectory", "dropPrivileges", "rights are needed no longer"),
    ])
    func `has each step before what needs it`(first: String, second: String, why: String) throws {
        let words = try PlanInput.full.planExecution().words
        let last = try #require(words.lastIndex(of: first))
        let next = try #require(words.firstIndex(of: second))
        #expect(last < next, "\(first) after \(second): \(why)")
    }

    @Test func `makes nothing in the container`() throws {
        let words = try PlanInput.full.planExecution().words
        #expect(
            words == [
                "startSession", "openProcfs", "enterNamespaces", "joinSessionKeyring", "adoptRoot",
                "openConsole", "setPersonality", "setMemoryPolicy", "setScheduler",
                "setIOPriority", "enterWorkingDirectory", "findHome", "dropPrivileges",
            ])
    }

    @Test func `ends as the plan of the first process ends`() throws {
        let first = try PlanInput.full.plan()
        let further = try PlanInput.full.planExecution()
        let count = 7
        #expect(Array(first.initSteps.suffix(count)) == Array(further.initSteps.suffix(count)))
        #expect(first.program == further.program)
        #expect(first.identity == further.identity)
    }

    @Test func `writes labels while procfs is the host's`() throws {
        var input = PlanInput()
        input.configuration.process?.apparmorProfile = "p"
        input.host.securityModules = [.appArmor]
        let words = try input.planExecution().words
        let label = try #require(words.firstIndex(of: "writeLabel"))
        #expect(label < (words.firstIndex(of: "enterNamespaces") ?? 0))
        input.host.securityModules = []
        #expect(throws: ContainerError.self) { try input.planExecution() }
    }

    @Test func `enters the pid namespace at birth and the others inside`() throws {
        let plan = try PlanInput().planExecution().namespaces
        #expect(plan.enteredAtBirth == [.pid])
        #expect(plan.enteredInside == [.network, .ipc, .uts, .mount])
        #expect(!plan.isEnteredByStage && !plan.hasUserNamespace)
        #expect(plan.new == [] && plan.joined.isEmpty)
    }

    @Test func `enters a user namespace inside, as root of the host`() throws {
        let plan = try PlanInput().planExecution([.pid, .user, .mount]).namespaces
        #expect(plan.enteredInside.contains(.user))
        #expect(plan.hasUserNamespace && !plan.isBornInUserNamespace)
    }

    @Test func `has an ordinary user enter the user namespace before the pid namespace`() throws {
        var input = PlanInput()
        input.host = Host(effectiveUserID: 1000, effectiveGroupID: 1000)
        let mapping = [IDMapping(containerID: 0, hostID: 1000, size: 1)]
        input.configuration.linux.uidMappings = mapping
        input.configuration.linux.gidMappings = mapping
        let plan = try input.planExecution([.pid, .user, .mount])
        #expect(plan.namespaces.isEnteredByStage && plan.namespaces.isBornInUserNamespace)
        #expect(plan.namespaces.enteredAtBirth == [.pid, .user])
        #expect(plan.namespaces.enteredInside == [.mount])
        // setgroups(2) is denied where only the caller's own group is mapped.
        #expect(plan.identity?.groups == nil)
    }

    @Test func `has the CPUs of execCPUAffinity before and after the cgroup`() throws {
        var input = PlanInput()
        var affinity = CPUAffinity()
        affinity.initial = "0-1,3"
        affinity.final = "64"
        input.configuration.process?.execCPUAffinity = affinity
        let plan = try input.planExecution()
        var initial = ProcessorSet()
        for number: UInt32 in [0, 1, 3] { initial.insert(number) }
        var final = ProcessorSet()
        final.insert(64)
        #expect(plan.birth.processors == initial)
        #expect(plan.parentSteps.first == .setProcessors(final))
        // It is not for the first process.
        let first = try input.plan()
        #expect(first.birth == BirthPlan())
        #expect(!first.parentSteps.contains(.setProcessors(final)))
        affinity.final = nil
        affinity.initial = "0-4294967295"
        input.configuration.process?.execCPUAffinity = affinity
        #expect(throws: ContainerError.self) { try input.planExecution() }
    }

    @Test func `is born with its oom_score_adj`() throws {
        let plan = try PlanInput.full.planExecution()
        #expect(plan.birth.oomScoreAdjustment == 10)
        #expect(!plan.parentSteps.contains(.setOOMScoreAdjustment(10)))
    }

    @Test func `follows the first process into a root that no namespace has`() throws {
        let plan = try PlanInput().planExecution([.pid]) { $0.hasDetachedRoot = true }
        #expect(plan.initSteps.contains(.adoptRoot(isDetached: true)))
        #expect(try PlanInput().planExecution().initSteps.contains(.adoptRoot(isDetached: false)))
    }

    @Test func `keeps the keyring that the container keeps`() throws {
        let plan = try PlanInput().planExecution { $0.keyring = nil }
        #expect(!plan.words.contains("joinSessionKeyring"))
    }
}

@Suite struct `The process of an exec` {
    private let container = PlanInput.full.configuration

    @Test func `is the container's own but for the program and its terminal`() throws {
        var request = ExecRequest(id: "c1")
        request.arguments = ["true"]
        var expected = try #require(container.process)
        expected.args = ["true"]
        expected.terminal = false
        #expect(try request.process(in: container) == expected)
    }

    @Test func `is changed by what is given`() throws {
        var request = ExecRequest(id: "c1")
        request.arguments = ["a", "b"]
        request.workingDirectory = "/tmp"
        request.user = 5
        request.group = 6
        request.additionalGroups = [7, 8]
        request.environment = ["PATH=/x", "NEW="]
        request.noNewPrivileges = true
        request.processLabel = "l"
        request.appArmorProfile = "p"
        request.hasTerminal = true
        let process = try request.process(in: container)
        #expect(process.args == ["a", "b"] && process.cwd == "/tmp" && process.terminal)
        #expect(process.user.uid == 5 && process.user.gid == 6)
        #expect(process.user.additionalGids == [7, 8])
        #expect(process.env == ["PATH=/x", "NEW="])
        #expect(process.noNewPrivileges == true)
        #expect(process.selinuxLabel == "l" && process.apparmorProfile == "p")
    }

    @Test func `gets added capabilities in three sets, and in the ambient one if inheritable`()
        throws
    {
        var configuration = container
        var sets = CapabilitySets()
        sets.bounding = ["CAP_KILL"]
        sets.inheritable = ["CAP_CHOWN"]
        configuration.process?.capabilities = sets
        var request = ExecRequest(id: "c1")
        request.arguments = ["a"]
        request.capabilities = ["CAP_CHOWN", "CAP_NET_RAW"]
        let result = try #require(try request.process(in: configuration).capabilities)
        #expect(result.bounding == ["CAP_KILL", "CAP_CHOWN", "CAP_NET_RAW"])
        #expect(result.effective == ["CAP_CHOWN", "CAP_NET_RAW"])
        #expect(result.permitted == ["CAP_CHOWN", "CAP_NET_RAW"])
        #expect(result.inheritable == ["CAP_CHOWN"])
        #expect(result.ambient == ["CAP_CHOWN"])
    }

    @Test func `of a file keeps what confines the container`() throws {
        var configuration = container
        var sets = CapabilitySets()
        sets.bounding = ["CAP_KILL"]
        configuration.process?.capabilities = sets
        configuration.process?.noNewPrivileges = true
        configuration.process?.user.umask = 0o77
        configuration.process?.apparmorProfile = "p"
        var given = ProcessSpec(cwd: "/")
        given.args = ["x"]
        var request = ExecRequest(id: "c1")
        request.process = given
        let process = try request.process(in: configuration)
        #expect(process.capabilities == sets)
        #expect(process.noNewPrivileges == true)
        #expect(process.user.umask == 0o77)
        #expect(process.apparmorProfile == "p")
        #expect(process.rlimits == configuration.process?.rlimits)
        // But not who it is, or what it is told.
        #expect(process.env.isEmpty && process.user.uid == 0 && !process.terminal)
        given.noNewPrivileges = false
        given.capabilities = CapabilitySets()
        request.process = given
        #expect(try request.process(in: configuration).noNewPrivileges == false)
        #expect(try request.process(in: configuration).capabilities == CapabilitySets())
    }

    @Test func `is refused without a program, with another's cwd or a nameless variable`() throws {
        var request = ExecRequest(id: "c1")
        #expect(throws: ContainerError.self) { try request.process(in: container) }
        request.arguments = [""]
        #expect(throws: ContainerError.self) { try request.process(in: container) }
        request.arguments = ["a"]
        request.workingDirectory = "tmp"
        #expect(throws: ContainerError.self) { try request.process(in: container) }
        request.workingDirectory = nil
        for variable in ["", "A", "=A"] {
            request.environment = [variable]
            #expect(throws: ContainerError.self) { try request.process(in: container) }
        }
        request.environment = []
        var none = container
        none.process = nil
        #expect(throws: ContainerError.self) { try request.process(in: none) }
    }

    @Test func `has the last value of a variable, once`() {
        #expect(
            ExecRequest.merged(["A=1", "AB=2", "A=3"], ["A=4", "C=5", "C=6"])
                == ["A=4", "AB=2", "C=6"])
        #expect(ExecRequest.merged(["A=1", "A=2"], ["A=3"]) == ["A=3"])
    }
}
