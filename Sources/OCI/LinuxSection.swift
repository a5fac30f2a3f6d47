// SPDX-License-Identifier: Apache-2.0

/// The `linux` object of `config.json` (config-linux.md).
package struct LinuxSection: Equatable, Sendable {
    package var namespaces: [Namespace] = []
    package var uidMappings: [IDMapping] = []
    package var gidMappings: [IDMapping] = []
    package var timeOffsets: [String: TimeOffset] = [:]
    package var devices: [Device] = []
    /// Host name of the device → what it is to be inside.
    package var netDevices: [String: NetDevice] = [:]
    package var cgroupsPath: String?
    package var resources: Resources?
    package var rootfsPropagation: Propagation?
    package var maskedPaths: [String] = []
    package var readonlyPaths: [String] = []
    package var mountLabel: String?
    package var sysctl: [String: String] = [:]
    package var seccomp: SeccompProfile?
    package var intelRdt: IntelRdt?
    package var personality: Personality?
    package var memoryPolicy: MemoryPolicy?

    package init() {}
}

/// A namespace to make, or to join when it has a path (config-linux.md#namespaces).
package struct Namespace: Equatable, Sendable {
    package enum Kind: String, CaseIterable, Sendable {
        case pid, network, mount, ipc, uts, user, cgroup, time
    }
    package var kind: Kind
    package var path: String?

    package init(kind: Kind, path: String? = nil) {
        self.kind = kind
        self.path = path
    }
}

/// How far a clock of the time namespace is from the host's (config-linux.md#offset-for-time-namespace).
package struct TimeOffset: Equatable, Sendable {
    package var secs: Int64 = 0
    package var nanosecs: UInt32 = 0

    package init() {}
}

/// A device node that must be in the container (config-linux.md#devices).
package struct Device: Equatable, Sendable {
    package enum Kind: String, CaseIterable, Sendable {
        case character = "c"
        case block = "b"
        case unbuffered = "u"
        case fifo = "p"
    }
    package var kind: Kind
    package var path: String
    package var major: Int64 = 0
    package var minor: Int64 = 0
    package var fileMode: UInt32?
    package var uid: UInt32?
    package var gid: UInt32?

    package init(kind: Kind, path: String) {
        self.kind = kind
        self.path = path
    }
}

/// A network device to move into the container (config-linux.md#network-devices).
package struct NetDevice: Equatable, Sendable {
    package var name: String?

    package init() {}
}

/// Mount propagation of the root filesystem (config-linux.md#rootfs-mount-propagation).
package enum Propagation: String, CaseIterable, Sendable {
    case shared, slave, `private`, unbindable
    case rshared, rslave, rprivate, runbindable
}

/// Execution domain (config-linux.md#personality).
package struct Personality: Equatable, Sendable {
    package enum Domain: String, CaseIterable, Sendable {
        case linux = "LINUX"
        case linux32 = "LINUX32"
    }
    package var domain: Domain

    package init(domain: Domain) { self.domain = domain }
}

/// NUMA memory policy (config-linux.md#memory-policy).
package struct MemoryPolicy: Equatable, Sendable {
    package enum Mode: String, CaseIterable, Sendable {
        case `default` = "MPOL_DEFAULT"
        case bind = "MPOL_BIND"
        case interleave = "MPOL_INTERLEAVE"
        case weightedInterleave = "MPOL_WEIGHTED_INTERLEAVE"
        case preferred = "MPOL_PREFERRED"
        case preferredMany = "MPOL_PREFERRED_MANY"
        case local = "MPOL_LOCAL"
    }
    package enum Flag: String, CaseIterable, Sendable {
        case numaBalancing = "MPOL_F_NUMA_BALANCING"
        case relativeNodes = "MPOL_F_RELATIVE_NODES"
        case staticNodes = "MPOL_F_STATIC_NODES"
    }
    package var mode: Mode
    package var nodes: String?
    package var flags: [Flag] = []

    package init(mode: Mode) { self.mode = mode }
}

/// Intel RDT (config-linux.md#intelrdt).
package struct IntelRdt: Equatable, Sendable {
    package var closID: String?
    package var schemata: [String] = []
    package var l3CacheSchema: String?
    package var memBwSchema: String?
    package var enableMonitoring = false

    package init() {}
}

/// A seccomp profile (config-linux.md#seccomp).
package struct SeccompProfile: Equatable, Sendable {
    package enum Action: String, CaseIterable, Sendable {
        case kill = "SCMP_ACT_KILL"
        case killProcess = "SCMP_ACT_KILL_PROCESS"
        case killThread = "SCMP_ACT_KILL_THREAD"
        case trap = "SCMP_ACT_TRAP"
        case errno = "SCMP_ACT_ERRNO"
        case trace = "SCMP_ACT_TRACE"
        case allow = "SCMP_ACT_ALLOW"
        case log = "SCMP_ACT_LOG"
        case notify = "SCMP_ACT_NOTIFY"
    }
    package enum Flag: String, CaseIterable, Sendable {
        case tsync = "SECCOMP_FILTER_FLAG_TSYNC"
        case log = "SECCOMP_FILTER_FLAG_LOG"
        case specAllow = "SECCOMP_FILTER_FLAG_SPEC_ALLOW"
        case waitKillableReceive = "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"
    }
    package enum Operator: String, CaseIterable, Sendable {
        case notEqual = "SCMP_CMP_NE"
        case less = "SCMP_CMP_LT"
        case lessOrEqual = "SCMP_CMP_LE"
        case equal = "SCMP_CMP_EQ"
        case greaterOrEqual = "SCMP_CMP_GE"
        case greater = "SCMP_CMP_GT"
        case maskedEqual = "SCMP_CMP_MASKED_EQ"
    }
    package enum Architecture: String, CaseIterable, Sendable {
        case x86 = "SCMP_ARCH_X86"
        case x86_64 = "SCMP_ARCH_X86_64"
        case x32 = "SCMP_ARCH_X32"
        case arm = "SCMP_ARCH_ARM"
        case aarch64 = "SCMP_ARCH_AARCH64"
        case mips = "SCMP_ARCH_MIPS"
        case mips64 = "SCMP_ARCH_MIPS64"
        case mips64n32 = "SCMP_ARCH_MIPS64N32"
        case mipsel = "SCMP_ARCH_MIPSEL"
        case mipsel64 = "SCMP_ARCH_MIPSEL64"
        case mipsel64n32 = "SCMP_ARCH_MIPSEL64N32"
        case ppc = "SCMP_ARCH_PPC"
        case ppc64 = "SCMP_ARCH_PPC64"
        case ppc64le = "SCMP_ARCH_PPC64LE"
        case s390 = "SCMP_ARCH_S390"
        case s390x = "SCMP_ARCH_S390X"
        case parisc = "SCMP_ARCH_PARISC"
        case parisc64 = "SCMP_ARCH_PARISC64"
        case riscv64 = "SCMP_ARCH_RISCV64"
        case loongarch64 = "SCMP_ARCH_LOONGARCH64"
        case m68k = "SCMP_ARCH_M68K"
        case sh = "SCMP_ARCH_SH"
        case sheb = "SCMP_ARCH_SHEB"
    }
    package struct Argument: Equatable, Sendable {
        package var index: UInt32
        package var value: UInt64
        package var valueTwo: UInt64 = 0
        package var `operator`: Operator

        package init(index: UInt32, value: UInt64, operator: Operator) {
            self.index = index
            self.value = value
            self.operator = `operator`
        }
    }
    package struct Rule: Equatable, Sendable {
        package var names: [String]
        package var action: Action
        package var errnoRet: UInt32?
        package var args: [Argument] = []

        package init(names: [String], action: Action) {
            self.names = names
            self.action = action
        }
    }
    package var defaultAction: Action
    package var defaultErrnoRet: UInt32?
    package var architectures: [Architecture] = []
    /// nil when the property is absent.
    package var flags: [Flag]?
    package var listenerPath: String?
    package var listenerMetadata: String?
    package var syscalls: [Rule] = []

    package init(defaultAction: Action) { self.defaultAction = defaultAction }
}
