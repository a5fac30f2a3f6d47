// SPDX-License-Identifier: Apache-2.0

import Containers
import Linux
import OCI
import Testing

@testable import Containers

@Suite struct `The plan for a scheduled process` {
    private var input: PlanInput {
        var input = PlanInput()
        input.configuration.process?.scheduler = Scheduler(policy: .batch)
        input.configuration.process?.ioPriority = IOPriority(class: .idle, priority: 0)
        input.configuration.linux.memoryPolicy = MemoryPolicy(mode: .local)
        return input
    }

    @Test func `has its own steps late, and before the rights for them are gone`() throws {
        let words = try input.plan().words
        let expected = [
            "setMemoryPolicy", "setScheduler", "setIOPriority", "enterWorkingDirectory",
            "findHome", "dropPrivileges",
        ]
        #expect(Array(words.suffix(6)) == expected)
        // The process group that the I/O priority is for is its own by then.
        #expect(words.first == "startSession")
        #expect(try input.plan().closingSteps == [])
    }

    @Test func `leaves what takes the host's rights to the parent, for root's user namespaces`()
        throws
    {
        var input = input
        input.configuration.linux.namespaces.append(Namespace(kind: .user))
        input.configuration.linux.uidMappings = [
            IDMapping(containerID: 0, hostID: 100_000, size: 65536)
        ]
        input.configuration.linux.gidMappings = input.configuration.linux.uidMappings
        let plan = try input.plan()
        #expect(!plan.words.contains("setScheduler") && !plan.words.contains("setIOPriority"))
        // A process can only set its own memory policy, and needs no right for that.
        #expect(plan.words.contains("setMemoryPolicy"))
        #expect(
            plan.closingSteps.map(\.description) == [
                "scheduler SCHED_BATCH", "I/O priority IOPRIO_CLASS_IDLE",
            ])
        input.host = Host(effectiveUserID: 1000, effectiveGroupID: 1000)
        let ordinary = try input.plan()
        #expect(ordinary.closingSteps == [])
        #expect(ordinary.words.contains("setScheduler"))
    }

    @Test func `has no such step when none is asked for`() throws {
        let plan = try PlanInput().plan()
        #expect(plan.closingSteps == [])
        #expect(plan.namespaces.timeOffsets == [:])
        for word in ["setMemoryPolicy", "setScheduler", "setIOPriority"] {
            #expect(!plan.words.contains(word))
        }
    }

    @Test func `keeps exec's CPUs for exec`() throws {
        var input = PlanInput()
        var affinity = CPUAffinity()
        affinity.initial = "0-3,7"
        affinity.final = "1"
        let without = try input.plan()
        input.configuration.process?.execCPUAffinity = affinity
        #expect(try input.plan() == without)
    }
}

@Suite struct `A scheduler` {
    @Test(
        arguments: [
            (Scheduler.Flag.resetOnFork, 0x01), (.reclaim, 0x02), (.deadlineOverrun, 0x04),
            (.keepPolicy, 0x08), (.keepParameters, 0x10), (.utilClampMin, 0x20),
            (.utilClampMax, 0x40),
        ] as [(Scheduler.Flag, UInt64)])
    func `has each flag as sched(7) numbers it`(flag: Scheduler.Flag, number: UInt64) {
        var scheduler = Scheduler(policy: .deadline)
        scheduler.flags = [flag]
        #expect(SchedulingAttributes(scheduler).flags.rawValue == number)
        scheduler.flags = Scheduler.Flag.allCases
        #expect(SchedulingAttributes(scheduler).flags.rawValue == 0x7f)
    }

    @Test func `keeps every number`() {
        var scheduler = Scheduler(policy: .deadline)
        scheduler.nice = -20
        scheduler.runtime = 1
        scheduler.deadline = 2
        scheduler.period = .max
        var attributes = SchedulingAttributes(.deadline)
        attributes.nice = -20
        attributes.runtime = 1
        attributes.deadline = 2
        attributes.period = .max
        #expect(SchedulingAttributes(scheduler) == attributes)
    }
}

@Suite struct `A memory policy` {
    private func placement(_ mode: MemoryPolicy.Mode, _ nodes: String?) throws
        -> MemoryPlacement
    {
        var policy = MemoryPolicy(mode: mode)
        policy.nodes = nodes
        return try MemoryPlacement(policy)
    }

    @Test func `has its nodes as bits`() throws {
        #expect(try placement(.bind, "0").mask == [1])
        #expect(try placement(.bind, "0-3,7").mask == [0b1000_1111])
        #expect(try placement(.interleave, "63, 64 - 65").mask == [1 << 63, 0b11])
        #expect(try placement(.local, nil).mask == [])
        #expect(try placement(.weightedInterleave, "32767").mask.count == 512)
    }

    @Test(arguments: ["32768", "0-32768", "0-4294967295", "4294967295"])
    func `has no node that no kernel can have`(nodes: String) {
        let error = failure { () throws(ContainerError) in
            var policy = MemoryPolicy(mode: .bind)
            policy.nodes = nodes
            _ = try MemoryPlacement(policy)
        }
        #expect(error?.kind == .invalidConfiguration)
        #expect(error?.reason.hasPrefix("linux.memoryPolicy.nodes: \"\(nodes)\"") == true)
    }

    @Test func `has each flag`() throws {
        var policy = MemoryPolicy(mode: .bind)
        policy.flags = MemoryPolicy.Flag.allCases
        #expect(
            try MemoryPlacement(policy).flags == [.numaBalancing, .relativeNodes, .staticNodes])
        policy.flags = [.relativeNodes]
        #expect(try MemoryPlacement(policy).flags == [.relativeNodes])
    }
}

@Suite struct `Clocks of a time namespace` {
    private func offset(_ secs: Int64, _ nanosecs: UInt32) -> TimeOffset {
        var offset = TimeOffset()
        offset.secs = secs
        offset.nanosecs = nanosecs
        return offset
    }

    @Test func `are written one a line`() {
        let text = TimeNamespace.text(of: [
            "monotonic": offset(-5, 999_999_999), "boottime": offset(.max, 0),
        ])
        #expect(text == "boottime \(Int64.max) 0\nmonotonic -5 999999999\n")
    }

    @Test func `are set before anybody enters, which a clone would do`() throws {
        var input = PlanInput()
        input.configuration.linux.namespaces.append(Namespace(kind: .time))
        #expect(try input.plan().namespaces.new.contains(.time))
        input.configuration.linux.timeOffsets = ["boottime": offset(1, 2)]
        let plan = try input.plan().namespaces
        #expect(!plan.new.contains(.time))
        #expect(plan.timeOffsets == ["boottime": offset(1, 2)])
    }
}
