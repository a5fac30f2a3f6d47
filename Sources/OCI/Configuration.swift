// SPDX-License-Identifier: Apache-2.0

/// A container's `config.json`, as the runtime specification defines it for Linux.
///
/// Every property that the specification gives to Linux is here, whether or not this build can
/// apply it; properties of other platforms are ignored, as config.md asks of unknown ones.
package struct Configuration: Equatable, Sendable {
    package var ociVersion: String
    package var root: Root?
    package var mounts: [Mount] = []
    package var process: ProcessSpec?
    package var hostname: String?
    package var domainname: String?
    package var hooks = Hooks()
    package var annotations: [String: String] = [:]
    package var linux = LinuxSection()

    package init(ociVersion: String) { self.ociVersion = ociVersion }
}

/// The root filesystem (config.md#root).
package struct Root: Equatable, Sendable {
    package var path: String
    package var readonly = false

    package init(path: String, readonly: Bool = false) {
        self.path = path
        self.readonly = readonly
    }
}

/// One entry of `mounts` (config.md#mounts).
package struct Mount: Equatable, Sendable {
    package var destination: String
    package var type: String?
    package var source: String?
    package var options: [String] = []
    package var uidMappings: [IDMapping] = []
    package var gidMappings: [IDMapping] = []

    package init(destination: String) { self.destination = destination }
}

/// A run of ids that a namespace or mount maps (config-linux.md#user-namespace-mappings).
package struct IDMapping: Equatable, Sendable {
    package var containerID: UInt32
    package var hostID: UInt32
    package var size: UInt32

    package init(containerID: UInt32, hostID: UInt32, size: UInt32) {
        self.containerID = containerID
        self.hostID = hostID
        self.size = size
    }
}

/// The container's process (config.md#process).
package struct ProcessSpec: Equatable, Sendable {
    package var terminal = false
    package var consoleSize: ConsoleSize?
    package var cwd: String
    package var env: [String] = []
    package var args: [String] = []
    package var user = User()
    package var rlimits: [ResourceLimit] = []
    package var apparmorProfile: String?
    package var capabilities: CapabilitySets?
    /// nil when the property is absent.
    package var noNewPrivileges: Bool?
    package var oomScoreAdj: Int?
    package var scheduler: Scheduler?
    package var selinuxLabel: String?
    package var ioPriority: IOPriority?
    package var execCPUAffinity: CPUAffinity?

    package init(cwd: String) { self.cwd = cwd }
}

/// Size of the terminal in characters (config.md#process).
package struct ConsoleSize: Equatable, Sendable {
    package var height: UInt16
    package var width: UInt16

    package init(height: UInt16, width: UInt16) {
        self.height = height
        self.width = width
    }
}

/// Who the process is, in ids of the container (config.md#posix-platform-user).
package struct User: Equatable, Sendable {
    package var uid: UInt32 = 0
    package var gid: UInt32 = 0
    /// nil leaves the caller's umask as it is.
    package var umask: UInt32?
    package var additionalGids: [UInt32] = []

    package init() {}
}

/// One resource limit (config.md#posix-process). `type` has been checked to be a known name.
package struct ResourceLimit: Equatable, Sendable {
    package var type: ResourceLimitType
    package var soft: UInt64
    package var hard: UInt64

    package init(type: ResourceLimitType, soft: UInt64, hard: UInt64) {
        self.type = type
        self.soft = soft
        self.hard = hard
    }
}

/// The names of getrlimit(2).
package enum ResourceLimitType: String, CaseIterable, Sendable {
    case addressSpace = "RLIMIT_AS"
    case core = "RLIMIT_CORE"
    case cpu = "RLIMIT_CPU"
    case data = "RLIMIT_DATA"
    case fileSize = "RLIMIT_FSIZE"
    case locks = "RLIMIT_LOCKS"
    case lockedMemory = "RLIMIT_MEMLOCK"
    case messageQueues = "RLIMIT_MSGQUEUE"
    case nice = "RLIMIT_NICE"
    case openFiles = "RLIMIT_NOFILE"
    case processes = "RLIMIT_NPROC"
    case residentSet = "RLIMIT_RSS"
    case realtimePriority = "RLIMIT_RTPRIO"
    case realtimeTime = "RLIMIT_RTTIME"
    case pendingSignals = "RLIMIT_SIGPENDING"
    case stack = "RLIMIT_STACK"
}

/// The five capability sets, by name: of those that there are, whether this kernel and caller can
/// grant them or not, because that is a warning and no error (config.md#linux-process).
package struct CapabilitySets: Equatable, Sendable {
    package var effective: [String] = []
    package var bounding: [String] = []
    package var inheritable: [String] = []
    package var permitted: [String] = []
    package var ambient: [String] = []

    package init() {}
}

/// Scheduling policy of the process (config.md#linux-process).
package struct Scheduler: Equatable, Sendable {
    package enum Policy: String, CaseIterable, Sendable {
        case other = "SCHED_OTHER"
        case fifo = "SCHED_FIFO"
        case roundRobin = "SCHED_RR"
        case batch = "SCHED_BATCH"
        case iso = "SCHED_ISO"
        case idle = "SCHED_IDLE"
        case deadline = "SCHED_DEADLINE"
    }
    package enum Flag: String, CaseIterable, Sendable {
        case resetOnFork = "SCHED_FLAG_RESET_ON_FORK"
        case reclaim = "SCHED_FLAG_RECLAIM"
        case deadlineOverrun = "SCHED_FLAG_DL_OVERRUN"
        case keepPolicy = "SCHED_FLAG_KEEP_POLICY"
        case keepParameters = "SCHED_FLAG_KEEP_PARAMS"
        case utilClampMin = "SCHED_FLAG_UTIL_CLAMP_MIN"
        case utilClampMax = "SCHED_FLAG_UTIL_CLAMP_MAX"
    }
    package var policy: Policy
    package var nice: Int32 = 0
    package var priority: Int32 = 0
    package var flags: [Flag] = []
    /// Nanoseconds.
    package var runtime: UInt64 = 0
    /// Nanoseconds.
    package var deadline: UInt64 = 0
    /// Nanoseconds.
    package var period: UInt64 = 0

    package init(policy: Policy) { self.policy = policy }
}

/// I/O priority of the process group (config.md#linux-process).
package struct IOPriority: Equatable, Sendable {
    package enum Class: String, CaseIterable, Sendable {
        case realtime = "IOPRIO_CLASS_RT"
        case bestEffort = "IOPRIO_CLASS_BE"
        case idle = "IOPRIO_CLASS_IDLE"
    }
    package var `class`: Class
    /// 0, the highest, to 7.
    package var priority: UInt8

    package init(class: Class, priority: UInt8) {
        self.class = `class`
        self.priority = priority
    }
}

/// CPUs that `exec` runs on before and after it enters the container's cgroup, as CPU lists.
package struct CPUAffinity: Equatable, Sendable {
    package var initial: String?
    package var final: String?

    package init() {}
}

/// The six lists of hooks (config.md#posix-platform-hooks).
package struct Hooks: Equatable, Sendable {
    package var prestart: [Hook] = []
    package var createRuntime: [Hook] = []
    package var createContainer: [Hook] = []
    package var startContainer: [Hook] = []
    package var poststart: [Hook] = []
    package var poststop: [Hook] = []

    package init() {}
}

/// One hook (config.md#posix-platform-hooks).
package struct Hook: Equatable, Sendable {
    package var path: String
    package var args: [String] = []
    package var env: [String] = []
    /// Seconds; nil waits as long as it takes.
    package var timeout: Int?

    package init(path: String) { self.path = path }
}
