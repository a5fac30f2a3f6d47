// SPDX-License-Identifier: Apache-2.0

package import Linux
package import OCI

/// Everything that making one container takes, in order, decided before anything is done.
///
/// The plan is a value: it can be printed and compared, and its order is tested without root.
package struct LaunchPlan: Equatable, Sendable {
    package var namespaces: NamespacePlan
    /// What the parent does for the new process before it lets it go on.
    package var parentSteps: [ParentStep]
    /// What the container's first process does, up to the gate.
    package var initSteps: [InitStep]
    /// What it becomes once the gate opens.
    package var program: ProgramPlan
    /// What runs on the way.
    package var hooks: LaunchHooks
    /// What the parent does when the first process is ready and waits to be let go.
    package var closingSteps: [ParentStep] = []
    /// What the process is born with: the parent takes it on for the moment of the birth.
    package var birth = BirthPlan()
}

/// What a new process inherits, because nobody can give it to it later in time, or by right.
package struct BirthPlan: Equatable, Sendable {
    /// Where it may run before it is in its cgroups.
    package var processors: ProcessorSet?
    /// A process that nobody may look into is not to be written to by an ordinary user either.
    package var oomScoreAdjustment: Int?
}

/// Which namespaces are new, and which are joined.
package struct NamespacePlan: Equatable, Sendable {
    package var new: NamespaceFlags
    /// Joined before the container's first process exists, by a process of its own: a pid or time
    /// namespace takes in only children, and a user namespace takes away what the caller could do.
    package var joined: [JoinedNamespace]
    package var uidMappings: [IDMapping]
    package var gidMappings: [IDMapping]
    /// How a new time namespace's clocks are set. `new` then has no time namespace: clone3(2) would
    /// enter it before they are.
    package var timeOffsets: [String: TimeOffset] = [:]

    /// Those of a container's process, entered by one more process of the same container.
    package var entered: NamespaceFlags = []
    /// Whether a process in between enters what takes in only children. Else the parent does it, and
    /// stays what it is; that takes rights in its own user namespace.
    package var isEnteredByStage = false

    /// Those that the process is born into.
    package var enteredAtBirth: NamespaceFlags {
        entered.intersection(isEnteredByStage ? [.user, .pid] : [.pid])
    }

    /// Those that it enters by itself.
    package var enteredInside: NamespaceFlags { entered.subtracting(enteredAtBirth) }

    /// Those that the first process makes for itself, as its first act: the kernel takes a while for
    /// them (most for the network), and the parent has other things to do meanwhile. A pid or time
    /// namespace takes in only children, and a user namespace must be there before the others.
    package var madeInside: NamespaceFlags {
        isNetworkFilled || isNetworkMadeOutside
            ? new.intersection([.mount, .ipc, .uts])
            : new.intersection([.mount, .network, .ipc, .uts])
    }

    /// Whether the parent makes the network namespace, while the first process is at its mounts:
    /// the kernel takes longer for it than for all others together.
    package var isNetworkMadeOutside = false

    /// Whether the parent puts devices into the network namespace before the first process goes on.
    package var isNetworkFilled = false

    /// Those that the first process is born into.
    package var madeAtBirth: NamespaceFlags {
        isNetworkMadeOutside
            ? new.subtracting(madeInside).subtracting(.network) : new.subtracting(madeInside)
    }

    /// Whether the container has a user namespace that is not the caller's.
    package var hasUserNamespace: Bool {
        isBornInUserNamespace || entered.contains(.user)
    }

    /// Whether the process is in that from the beginning.
    package var isBornInUserNamespace: Bool {
        new.contains(.user) || joined.contains { $0.kind == .user }
            || enteredAtBirth.contains(.user)
    }

    /// Whether the container has a mount namespace to itself. Without one, others see every mount
    /// that is made there: then its root filesystem is a tree of mounts that no namespace has.
    package var hasOwnMounts: Bool { new.contains(.mount) }

    /// Whether mount sources must be opened by the parent: the first process has too few rights
    /// on the host for it, or sees other mounts, or would copy mounts that share with the host's.
    package var parentOpensSources: Bool {
        new.contains(.user) || !hasOwnMounts || joined.contains { $0.kind == .user }
    }
}

/// A namespace to enter, by the file that stands for it.
package struct JoinedNamespace: Equatable, Sendable {
    package var kind: Namespace.Kind
    package var path: String
}

/// One thing that the parent does to the new process from outside.
package enum ParentStep: Equatable, Sendable, CustomStringConvertible {
    case mapIDs
    case setOOMScoreAdjustment(Int)
    /// Only the parent may have the right to raise a limit; the first process lowers it.
    case raiseHardLimit(ResourceLimit)
    case joinResourceGroup(name: String)
    case moveNetworkDevice(NetworkDevicePlan)
    case setScheduler(Scheduler)
    case setIOPriority(IOPriority)
    case setProcessors(ProcessorSet)

    package var description: String {
        switch self {
        case .mapIDs: "map user and group ids"
        case .setOOMScoreAdjustment(let value): "set oom_score_adj to \(value)"
        case .raiseHardLimit(let limit): "raise \(limit.type.rawValue)"
        case .joinResourceGroup(let name): "resctrl group \"\(name)\""
        case .moveNetworkDevice(let plan): "network device \"\(plan.hostName)\""
        case .setScheduler(let scheduler): "scheduler \(scheduler.policy.rawValue)"
        case .setIOPriority(let priority): "I/O priority \(priority.class.rawValue)"
        case .setProcessors: "process.execCPUAffinity.final"
        }
    }
}

/// One thing that the container's first process does.
package enum InitStep: Equatable, Sendable, CustomStringConvertible {
    case startSession
    case makeCgroupNamespace
    case writeLabel(LabelWrite)
    case joinSessionKeyring(String)
    /// The one that the parent has made meanwhile.
    case enterNetwork
    case setHostname(String)
    case setDomainname(String)
    case isolateMounts
    /// For the mounts from here on.
    case labelMounts(String)
    /// `atItsPath` for hooks, which look for it there.
    case attachRoot(path: String, atItsPath: Bool)
    case openRoot(path: String)
    case mount(MountPlan)
    case makeDirectory(String)
    case makeDevice(DevicePlan)
    case makeLink(path: String, target: String)
    /// The hooks of `create`: the runtime's, then these.
    case runHooks([HookPlan], of: HookSubject)
    case hideRootPath
    case openConsole(ConsolePlan)
    case writeSysctl(key: String, value: String)
    case makeReadOnly(path: String)
    case mask(path: String)
    case finishReadOnlyMounts
    case makeRootReadOnly
    case enterRoot(pivot: Bool)
    case changeRoot
    case setRootPropagation(Propagation)
    case setPersonality(Personality.Domain)
    case setMemoryPolicy(MemoryPolicy.Mode, MemoryPlacement)
    case setScheduler(Scheduler)
    case setIOPriority(IOPriority)
    case enterWorkingDirectory(String)
    /// Where the environment does not say it: the user's, by the container's own files.
    case findHome(of: UInt32)
    case dropPrivileges(IdentityPlan)
    /// The program of its filter, which the parent has found meanwhile.
    case receiveFilter
    /// Before the host's is out of sight.
    case openProcfs
    /// The container's, by its process.
    case enterNamespaces(NamespaceFlags)
    /// The container's, which is there already; detached, it is the one of the container's process.
    case adoptRoot(isDetached: Bool)

    package var description: String {
        switch self {
        case .startSession: "start a session"
        case .makeCgroupNamespace: "make a cgroup namespace"
        case .writeLabel(let write): write.description
        case .joinSessionKeyring: "join a new session keyring"
        case .enterNetwork: "enter the network namespace"
        case .setHostname(let name): "set hostname \"\(name)\""
        case .setDomainname(let name): "set domainname \"\(name)\""
        case .isolateMounts: "cut the mounts off from the host's"
        case .labelMounts(let label): "linux.mountLabel \"\(label)\""
        case .attachRoot(let path, _), .openRoot(let path): "root filesystem \"\(path)\""
        case .mount(let plan): plan.description
        case .makeDirectory(let path): "make directory \"\(path)\""
        case .makeDevice(let plan): "device \"\(plan.path)\""
        case .makeLink(let path, _): "link \"\(path)\""
        case .runHooks: "hooks"
        case .hideRootPath: "move the root filesystem over the host's"
        case .openConsole: "terminal"
        case .writeSysctl(let key, let value): "sysctl \"\(key)\" = \"\(value)\""
        case .makeReadOnly(let path): "read-only path \"\(path)\""
        case .mask(let path): "masked path \"\(path)\""
        case .finishReadOnlyMounts: "read-only mounts"
        case .makeRootReadOnly: "read-only root filesystem"
        case .changeRoot: "enter the root filesystem"
        case .enterRoot(let pivot): pivot ? "enter the root filesystem" : "move the root filesystem"
        case .setRootPropagation(let kind): "rootfsPropagation \(kind.rawValue)"
        case .setPersonality(let domain): "personality \(domain.rawValue)"
        case .setMemoryPolicy(let mode, _): "memory policy \(mode.rawValue)"
        case .setScheduler(let scheduler): ParentStep.setScheduler(scheduler).description
        case .setIOPriority(let priority): ParentStep.setIOPriority(priority).description
        case .enterWorkingDirectory(let path): "working directory \"\(path)\""
        case .findHome(let uid): "home directory of user \(uid)"
        case .receiveFilter: "linux.seccomp"
        case .openProcfs: "procfs"
        case .enterNamespaces: "namespaces"
        case .adoptRoot: "enter the container's root filesystem"
        case .dropPrivileges(let plan): "become user \(plan.uid), group \(plan.gid)"
        }
    }
}

/// One mount, with its words sorted.
package struct MountPlan: Equatable, Sendable, CustomStringConvertible {
    package var destination: String
    package var type: String
    /// For a bind mount an absolute path of the host.
    package var source: String
    package var options: MountOptions
    /// For the cgroup type: what to show there.
    package var cgroups: CgroupView?
    /// Other owners for its files.
    package var idMapping: MountIDMapping?
    /// Whether it stays a peer of the mount that it shows: what is mounted below one of them is
    /// mounted below the other.
    package var sharesWithHost = false

    package var description: String {
        switch options.source {
        case .bind: "mount \"\(source)\" at \"\(destination)\""
        case .fileSystem: "mount \"\(type)\" at \"\(destination)\""
        }
    }

    /// Whether it shows what its maker's network namespace has, or may.
    package var concernsNetwork: Bool {
        guard options.source == .fileSystem, !options.isRemount else { return false }
        return switch type {
        case "proc", "tmpfs", "devpts", "mqueue", "cgroup", "cgroup2", "overlay": false
        default: true
        }
    }

    /// Whether it is `ro` and filled only after it is mounted, so that it becomes read-only last.
    package var isReadOnlyLate: Bool {
        options.set.contains(.readOnly) && options.source == .fileSystem && !options.isRemount
            && (type == "tmpfs" || type == "cgroup")
    }
}

/// Other owners for the files of a mount (config.md#posix-platform-mounts).
package struct MountIDMapping: Equatable, Sendable {
    package enum Source: Equatable, Sendable {
        /// From the filesystem's ids, as the container's side of a mapping, to the host's.
        case mappings(uids: [IDMapping], gids: [IDMapping])
        /// As in the user namespace that a file stands for.
        case namespace(String)
    }
    package var source: Source
    /// Also for the mounts below it.
    package var recursively: Bool

    package init(source: Source, recursively: Bool) {
        self.source = source
        self.recursively = recursively
    }
}

/// A device node.
package struct DevicePlan: Equatable, Sendable {
    package var path: String
    package var kind: Device.Kind
    package var major: UInt32
    package var minor: UInt32
    package var permissions: UInt32
    package var uid: UInt32
    package var gid: UInt32
}

/// The container's terminal.
package struct ConsolePlan: Equatable, Sendable {
    package var size: ConsoleSize?
    /// Who owns it: the process's user.
    package var uid: UInt32
    package var gid: UInt32
    /// Whether it is /dev/console as well.
    package var isMain = true
}

/// Who the process becomes.
package struct IdentityPlan: Equatable, Sendable {
    package var uid: UInt32
    package var gid: UInt32
    /// nil where setgroups(2) is denied and nothing was asked for.
    package var groups: [UInt32]?
    package var capabilities: CapabilityPlan
    package var noNewPrivileges: Bool
    /// Whether CAP_SYS_ADMIN stays until the filter is loaded, which takes it or no_new_privs.
    package var keepsRightToFilter = false
    /// nil keeps the caller's.
    package var umask: UInt32?
}

/// The five sets, by the kernel's numbers.
package struct CapabilityPlan: Equatable, Sendable {
    package var bounding = CapabilitySet()
    package var effective = CapabilitySet()
    package var permitted = CapabilitySet()
    package var inheritable = CapabilitySet()
    package var ambient = CapabilitySet()

    package init() {}
}

/// What the gate leads to.
package struct ProgramPlan: Equatable, Sendable {
    package var arguments: [String]
    package var environment: [String]
    package var limits: [ResourceLimit]
    /// How many descriptors from 3 on live on.
    package var preservedDescriptors: Int
    /// Which system calls it may make: loaded last, or before where it lets us do the rest.
    package var filter: FilterPlan?
}

/// The filter of a program: finding it takes as long as a good deal of the rest, and it is needed last.
package enum FilterPlan: Equatable, Sendable {
    case known(SystemCallFilter)
    /// The parent finds its program while the process is at its steps, and sends it.
    case awaited(SystemCallFilter.Flags)
}
