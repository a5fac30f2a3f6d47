// SPDX-License-Identifier: Apache-2.0

internal import Linux
internal import OCI

/// How the process is scheduled, and where its memory comes from: the configuration's words in the
/// kernel's.
extension SchedulingAttributes {
    init(_ scheduler: Scheduler) {
        let policy: Policy =
            switch scheduler.policy {
            case .other: .other
            case .fifo: .fifo
            case .roundRobin: .roundRobin
            case .batch: .batch
            case .iso: .iso
            case .idle: .idle
            case .deadline: .deadline
            }
        self.init(policy)
        for flag in scheduler.flags { flags.insert(Flags(flag)) }
        nice = scheduler.nice
        // Validation left 0 to 99.
        priority = UInt32(clamping: scheduler.priority)
        runtime = scheduler.runtime
        deadline = scheduler.deadline
        period = scheduler.period
    }
}

extension SchedulingAttributes.Flags {
    fileprivate init(_ flag: Scheduler.Flag) {
        self =
            switch flag {
            case .resetOnFork: .resetOnFork
            case .reclaim: .reclaim
            case .deadlineOverrun: .deadlineOverrun
            case .keepPolicy: .keepPolicy
            case .keepParameters: .keepParameters
            case .utilClampMin: .clampMinimum
            case .utilClampMax: .clampMaximum
            }
    }
}

extension IOPriorityClass {
    fileprivate init(_ class: IOPriority.Class) {
        self =
            switch `class` {
            case .realtime: .realtime
            case .bestEffort: .bestEffort
            case .idle: .idle
            }
    }
}

extension MemoryPlacement {
    init(_ policy: MemoryPolicy) throws(ContainerError) {
        let mode: Mode =
            switch policy.mode {
            case .default: .default
            case .bind: .bind
            case .interleave: .interleave
            case .weightedInterleave: .weightedInterleave
            case .preferred: .preferred
            case .preferredMany: .preferredMany
            case .local: .local
            }
        self.init(mode)
        for flag in policy.flags {
            switch flag {
            case .numaBalancing: flags.insert(.numaBalancing)
            case .relativeNodes: flags.insert(.relativeNodes)
            case .staticNodes: flags.insert(.staticNodes)
            }
        }
        guard let text = policy.nodes else { return }
        for range in NumberList(text)?.ranges ?? [] {
            // Before counting: a range of four thousand millions is no mask.
            guard range.upperBound < Self.nodeLimit else {
                throw ContainerError(
                    .invalidConfiguration,
                    "linux.memoryPolicy.nodes: \"\(text)\": no kernel has a memory node "
                        + "\(range.upperBound)")
            }
            for node in range { insert(node: node) }
        }
    }
}

extension ProcessorSet {
    /// A checked list, as execCPUAffinity has it; nil when there is none.
    init?(_ list: String?, property: String) throws(ContainerError) {
        guard let list else { return nil }
        self.init()
        for range in NumberList(list)?.ranges ?? [] {
            guard range.upperBound < Self.limit else {
                throw ContainerError(
                    .invalidConfiguration,
                    "\(property): \"\(list)\": no kernel has a CPU \(range.upperBound)")
            }
            for processor in range { insert(processor) }
        }
    }
}

/// Setting them, for a process from outside or by itself.
enum Scheduling {
    /// `pid` is the caller for 0.
    static func apply(_ scheduler: Scheduler, to pid: Int32 = 0) throws(ContainerError) {
        do throws(SystemCallError) {
            try Process.setScheduling(SchedulingAttributes(scheduler), of: pid)
        } catch {
            throw ContainerError(.failed, "\(error)\(hint(error.errno, scheduler.policy))")
        }
    }

    private static func hint(_ errno: Errno, _ policy: Scheduler.Policy) -> String {
        switch (errno, policy) {
        case (.invalid, .iso): "; Linux reserves SCHED_ISO and does not have it"
        case (.invalid, .deadline):
            "; runtime is at least 1024 ns, and the period within kernel.sched_deadline_period_*_us"
        case (.busy, .deadline): "; so much running time is not free on these CPUs"
        case (.notPermitted, .deadline):
            "; SCHED_DEADLINE needs CAP_SYS_NICE and all CPUs; the container's cpuset may have "
                + "fewer"
        case (.notPermitted, _):
            "; a real-time policy and a lower nice need CAP_SYS_NICE on the host, and a real-time "
                + "policy a cgroup with real-time running time"
        case (.unsupported, _): "; utilisation clamps need a kernel with CONFIG_UCLAMP_TASK"
        default: ""
        }
    }

    /// The whole process group, as config.md#linux-process wants it. `group` is the caller's
    /// for 0.
    static func apply(_ priority: IOPriority, toGroup group: Int32 = 0) throws(ContainerError) {
        do throws(SystemCallError) {
            try Process.setIOPriority(
                IOPriorityClass(priority.class), level: priority.priority, ofGroup: group)
        } catch {
            let hint =
                switch (error.errno, priority.class) {
                case (.notPermitted, .realtime):
                    "; IOPRIO_CLASS_RT needs CAP_SYS_NICE or CAP_SYS_ADMIN on the host"
                case (.unsupportedCall, _): "; this kernel has no I/O priorities (CONFIG_BLOCK)"
                default: ""
                }
            throw ContainerError(.failed, "\(error)\(hint)")
        }
    }

    /// `pid` is the caller for 0.
    static func apply(_ processors: ProcessorSet, to pid: Int32 = 0) throws(ContainerError) {
        do throws(SystemCallError) {
            try Process.setProcessors(processors, of: pid)
        } catch {
            let hint =
                error.errno == .invalid
                ? "; at least one of these CPUs must be there, and in the cpuset of the cgroup" : ""
            throw ContainerError(.failed, "\(error)\(hint)")
        }
    }

    /// Of the calling process.
    static func apply(_ placement: MemoryPlacement) throws(ContainerError) {
        do throws(SystemCallError) {
            try Process.setMemoryPolicy(placement)
        } catch {
            let hint =
                switch error.errno {
                case .unsupportedCall: "; this kernel has no memory policies (CONFIG_NUMA)"
                case .invalid:
                    "; the nodes must have memory and be in the container's cpuset, and the kernel "
                        + "must know the mode with these flags"
                default: ""
                }
            throw ContainerError(.failed, "\(error)\(hint)")
        }
    }
}
