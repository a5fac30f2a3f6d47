// SPDX-License-Identifier: Apache-2.0

/// What a flag's value may be.
enum ValueKind: Equatable, Sendable {
    /// No value: the flag is there or not, or says `=true` or `=false`.
    case boolean
    /// Any text; the word stands for it in help.
    case text(String)
    /// A whole number from 0 on.
    case number(String)
    /// A whole number, which may be negative.
    case integer(String)
    /// Bytes: `64m`, or -1.
    case size
    /// A time as Go writes it: `1m30s`, `250ms`.
    case duration
    /// One of these words.
    case choice([String])

    /// What stands for the value in help; nil when there is none.
    var placeholder: String? {
        switch self {
        case .boolean: nil
        case .text(let word), .number(let word), .integer(let word): word
        case .size: "BYTES"
        case .duration: "TIME"
        case .choice(let words): words.joined(separator: "|")
        }
    }
}

/// The long spelling of every flag.
enum OptionName: String, CaseIterable, Sendable {
    // Global.
    case root
    case log
    case logFormat = "log-format"
    case logLevel = "log-level"
    case debug
    case systemdCgroup = "systemd-cgroup"
    case cgroupManager = "cgroup-manager"
    case rootless
    case strict
    case trace
    case version
    case help
    // Of commands.
    case bundle
    case consoleSocket = "console-socket"
    case pidfdSocket = "pidfd-socket"
    case pidFile = "pid-file"
    case noPivot = "no-pivot"
    case noNewKeyring = "no-new-keyring"
    case preserveFds = "preserve-fds"
    case detach
    case keep
    case noSubreaper = "no-subreaper"
    case all
    case force
    case format
    case quiet
    case json
    // Of exec.
    case cwd
    case env
    case tty
    case user
    case additionalGids = "additional-gids"
    case process
    case processLabel = "process-label"
    case apparmor
    case noNewPrivileges = "no-new-privs"
    case capability = "cap"
    case cgroup
    case ignorePaused = "ignore-paused"
    // Of checkpoint and restore.
    case imagePath = "image-path"
    case workPath = "work-path"
    case parentPath = "parent-path"
    case leaveRunning = "leave-running"
    case tcpEstablished = "tcp-established"
    case tcpSkipInFlight = "tcp-skip-in-flight"
    case linkRemap = "link-remap"
    case extUnixSk = "ext-unix-sk"
    case shellJob = "shell-job"
    case lazyPages = "lazy-pages"
    case statusFd = "status-fd"
    case pageServer = "page-server"
    case fileLocks = "file-locks"
    case preDump = "pre-dump"
    case manageCgroupsMode = "manage-cgroups-mode"
    case emptyNs = "empty-ns"
    case autoDedup = "auto-dedup"
    case lsmProfile = "lsm-profile"
    case lsmMountContext = "lsm-mount-context"
    // Of update and events.
    case resources
    case blkioWeight = "blkio-weight"
    case cpuPeriod = "cpu-period"
    case cpuQuota = "cpu-quota"
    case cpuBurst = "cpu-burst"
    case cpuShare = "cpu-share"
    case cpuRealtimePeriod = "cpu-rt-period"
    case cpuRealtimeRuntime = "cpu-rt-runtime"
    case cpuIdle = "cpu-idle"
    case cpusetCpus = "cpuset-cpus"
    case cpusetMems = "cpuset-mems"
    case memory
    case memoryReservation = "memory-reservation"
    case memorySwap = "memory-swap"
    case kernelMemory = "kernel-memory"
    case kernelMemoryTCP = "kernel-memory-tcp"
    case pidsLimit = "pids-limit"
    case l3CacheSchema = "l3-cache-schema"
    case memoryBandwidthSchema = "mem-bw-schema"
    case interval
    case stats
}

/// One flag.
struct OptionGrammar: Sendable {
    let name: OptionName
    /// The one-letter spelling.
    let short: String?
    let value: ValueKind
    /// Says what it does, in one line.
    let help: String
    /// Whether it may be given more than once, for more than one value. Else the last one counts.
    let isRepeatable: Bool

    init(
        _ name: OptionName, short: String? = nil, _ value: ValueKind, _ help: String,
        isRepeatable: Bool = false
    ) {
        self.name = name
        self.short = short
        self.value = value
        self.help = help
        self.isRepeatable = isRepeatable
    }

    /// Whether a word without its dashes means this flag.
    func isNamed(_ word: Substring) -> Bool {
        if let short, word == short { return true }
        return word == name.rawValue
    }

    /// `--bundle`.
    var spelling: String { "--\(name.rawValue)" }
}

/// One word that is no flag.
struct OperandGrammar: Sendable {
    /// What it must be.
    enum Kind: Equatable, Sendable {
        /// Any text: the command itself looks at it.
        case text
        /// A signal's name or number.
        case signal
        /// The name of a command.
        case command
        /// One of these words.
        case choice([String])
    }

    /// What stands for it in help.
    let placeholder: String
    let kind: Kind
    let isRequired: Bool

    init(_ placeholder: String, _ kind: Kind = .text, isRequired: Bool = true) {
        self.placeholder = placeholder
        self.kind = kind
        self.isRequired = isRequired
    }
}

/// One command: all that parsing, help, usage lines and suggestions need to know of it.
struct CommandGrammar: Sendable {
    let name: CommandName
    /// What it does, for the list of commands: no full stop.
    let summary: String
    let options: [OptionGrammar]
    let operands: [OperandGrammar]
    /// What stands for any number of words after the operands, which are another program's and
    /// may look like flags; nil when there are none.
    var rest: String?
    /// What else there is to know, for its own help.
    let discussion: String

    /// `usage: martlet kill [flags] ID [SIGNAL]`.
    var usage: String {
        var words = ["usage: martlet", name.rawValue]
        if !options.isEmpty { words.append("[flags]") }
        words += operands.map { $0.isRequired ? $0.placeholder : "[\($0.placeholder)]" }
        if let rest { words.append("[\(rest)…]") }
        return words.joined(separator: " ")
    }
}
