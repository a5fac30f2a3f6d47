// SPDX-License-Identifier: Apache-2.0

package import Linux
package import OCI

/// Turns a configuration into a plan. Pure: it reads nothing and changes nothing.
package struct Planner {
    let configuration: Configuration
    let request: CreateRequest
    /// Absolute.
    private let bundle: String
    let host: Host
    /// What a mount of type `cgroup` shows.
    let cgroups: CgroupView?
    /// Where the container's NOTIFY_SOCKET is bound on the host, when the caller has one.
    private let notifyDirectory: String?
    /// What becomes of `linux.seccomp`.
    private let filter: FilterPlan?
    /// What a person should know, though it is no error.
    package internal(set) var warnings: [String] = []

    package init(
        _ configuration: Configuration, request: CreateRequest, bundle: String, host: Host,
        cgroups: CgroupView? = nil, notifyDirectory: String? = nil,
        filter: FilterPlan? = nil
    ) {
        self.configuration = configuration
        self.request = request
        self.bundle = bundle
        self.host = host
        self.cgroups = cgroups
        self.notifyDirectory = notifyDirectory
        self.filter = filter
    }

    /// The whole plan, or why there can be none.
    package mutating func plan() throws(ContainerError) -> LaunchPlan {
        try Support.check(configuration)
        try RequestedLabels(configuration).check(host.securityModules)
        return try planSupported()
    }

    /// The same without what this build or the host's security modules cannot do, which its caller
    /// has told.
    package mutating func planSupported() throws(ContainerError) -> LaunchPlan {
        guard let root = configuration.root else {
            throw ContainerError(.invalidConfiguration, "root: required, but missing")
        }
        let namespaces = try planNamespaces()
        let identity = try configuration.process.map {
            (process) throws(ContainerError) in try planIdentity(process, namespaces)
        }
        let hooks = LaunchHooks(
            configuration.hooks,
            of: HookSubject(
                id: request.id, bundle: bundle, annotations: configuration.annotations))
        return LaunchPlan(
            namespaces: namespaces,
            parentSteps: planParentSteps(namespaces),
            initSteps: try planInitSteps(
                namespaces, root: root, identity: identity, hooks),
            program: planProgram(), hooks: hooks, closingSteps: planClosingSteps(namespaces))
    }

    // MARK: Namespaces and the parent

    private func planNamespaces() throws(ContainerError) -> NamespacePlan {
        var plan = NamespacePlan(
            new: [], joined: [], uidMappings: configuration.linux.uidMappings,
            gidMappings: configuration.linux.gidMappings)
        plan.isNetworkFilled = !configuration.linux.netDevices.isEmpty
        for namespace in configuration.linux.namespaces {
            // Its root is where its first process is when it is made: in the container's cgroup,
            // which on v1 is entered only after the process exists.
            if namespace.kind == .cgroup && namespace.path == nil { continue }
            if namespace.kind == .mount && host.isInMountNamespace { continue }
            if let path = namespace.path {
                plan.joined.append(JoinedNamespace(kind: namespace.kind, path: path))
            } else {
                plan.new.insert(namespace.kind.flag)
            }
        }
        if !configuration.linux.timeOffsets.isEmpty {
            plan.timeOffsets = configuration.linux.timeOffsets
            plan.new.remove(.time)
        }
        plan.isNetworkMadeOutside =
            host.canReturnToNetwork && plan.new.contains(.network) && !plan.isNetworkFilled
            && !plan.hasUserNamespace
        if plan.new.contains(.user) {
            if plan.uidMappings.isEmpty || plan.gidMappings.isEmpty {
                throw ContainerError(
                    .invalidConfiguration,
                    "linux.uidMappings and linux.gidMappings: required with a new user namespace, "
                        + "but missing")
            }
            if !plan.hasOwnMounts {
                throw ContainerError(
                    .unsupported,
                    "linux.namespaces: a new user namespace has no right to the mounts of "
                        + "another's mount namespace; add {\"type\": \"mount\"} without a path")
            }
        } else if host.effectiveUserID != 0, !plan.hasUserNamespace {
            throw ContainerError(
                .invalidConfiguration,
                "linux.namespaces: user \(host.effectiveUserID) can run containers only in a user "
                    + "namespace; add {\"type\": \"user\"} with mappings, or see "
                    + "martlet spec --rootless")
        }
        if host.effectiveUserID != 0, !configuration.linux.netDevices.isEmpty {
            throw ContainerError(
                .invalidConfiguration,
                "linux.netDevices: user \(host.effectiveUserID) cannot take devices from the host; "
                    + "that needs root")
        }
        return plan
    }

    private func planParentSteps(_ namespaces: NamespacePlan) -> [ParentStep] {
        var steps: [ParentStep] = []
        // Before anything else: until its ids are mapped the new process can do nothing.
        if namespaces.new.contains(.user) { steps.append(.mapIDs) }
        // While the process can still be written to: later it is not dumpable.
        if let value = configuration.process?.oomScoreAdj {
            steps.append(.setOOMScoreAdjustment(value))
        }
        if let rdt = configuration.linux.intelRdt {
            // As a cgroup: what it makes is under the same rules.
            steps.append(.joinResourceGroup(name: rdt.closID ?? request.id))
        }
        for (hostName, device) in configuration.linux.netDevices.sorted(by: { $0.key < $1.key }) {
            // Before it goes on: kernel parameters can be a device's (net.ipv4.conf.eth0).
            steps.append(
                .moveNetworkDevice(
                    NetworkDevicePlan(hostName: hostName, name: device.name ?? hostName)))
        }
        for limit in configuration.process?.rlimits ?? [] { steps.append(.raiseHardLimit(limit)) }
        return steps
    }

    /// What must not hold while the first process prepares (a policy for idle time, or none of its
    /// own to fork with), and what it has no right to in a user namespace.
    func planClosingSteps(_ namespaces: NamespacePlan) -> [ParentStep] {
        guard schedulesFromOutside(namespaces) else { return [] }
        var steps: [ParentStep] = []
        if let scheduler = configuration.process?.scheduler {
            steps.append(.setScheduler(scheduler))
        }
        // The process group is there: the first process has started its session.
        if let priority = configuration.process?.ioPriority {
            steps.append(.setIOPriority(priority))
        }
        return steps
    }

    /// Whether the parent sets policy and I/O priority: real-time classes and a lower nice need
    /// CAP_SYS_NICE of the host's user namespace, which root has and a process in a user namespace
    /// of its own has not. An ordinary user has it nowhere, and may change only its own processes:
    /// then the first process does what it may.
    private func schedulesFromOutside(_ namespaces: NamespacePlan) -> Bool {
        namespaces.hasUserNamespace && host.effectiveUserID == 0
    }

    // MARK: The first process

    private mutating func planInitSteps(
        _ namespaces: NamespacePlan, root: Root, identity: IdentityPlan?, _ hooks: LaunchHooks
    ) throws(ContainerError) -> [InitStep] {
        // A session of its own first, so that no terminal of the caller's can be reached (TIOCSTI).
        var steps: [InitStep] = [.startSession]
        if configuration.linux.namespaces.contains(where: { $0.kind == .cgroup && $0.path == nil })
        {
            steps.append(.makeCgroupNamespace)
        }
        let labels = RequestedLabels(configuration)
        if let label = labels.selinuxLabel, request.keyring != nil {
            // Before the keyring that is to have it.
            steps.append(.writeLabel(.keyringLabel(label)))
        }
        if let name = request.keyring { steps.append(.joinSessionKeyring(name)) }
        if let name = configuration.hostname, !name.isEmpty { steps.append(.setHostname(name)) }
        if let name = configuration.domainname, !name.isEmpty { steps.append(.setDomainname(name)) }
        if namespaces.hasOwnMounts {
            // Before the first mount, or it would travel to the host.
            steps.append(.isolateMounts)
        }
        if let label = labels.mountLabel { steps.append(.labelMounts(label)) }
        if namespaces.hasOwnMounts {
            steps.append(
                .attachRoot(path: absolute(root.path), atItsPath: hooks.areDueAtCreate))
        } else {
            // The mounts are others' too, and stay as they are.
            steps.append(.openRoot(path: absolute(root.path)))
        }
        var awaitsNetwork = namespaces.isNetworkMadeOutside
        for mount in configuration.mounts {
            let mount = try plan(mount, namespaces)
            if awaitsNetwork, mount.concernsNetwork {
                steps.append(.enterNetwork)
                awaitsNetwork = false
            }
            steps.append(.mount(mount))
        }
        if let notifyDirectory { steps.append(.mount(notifyMount(of: notifyDirectory))) }
        steps += planDevices()
        // Before hooks and kernel parameters, which may be about it.
        if awaitsNetwork { steps.append(.enterNetwork) }
        // At the end, when it is sure to be there; but hooks have the parent's next word.
        let awaitsFilter = if case .awaited = filter { true } else { false }
        if hooks.areDueAtCreate {
            if awaitsFilter { steps.append(.receiveFilter) }
            // After the mounts, which hooks may expect. Before kernel parameters: a hook may make
            // the network device that one is about. Before anything becomes read-only, because
            // hooks mount and write here, too; and before what hides paths from them.
            steps.append(.runHooks(hooks.createContainer, of: hooks.subject))
            // Where it would have been without hooks: chroot(2) alone is no wall.
            if request.noPivot, namespaces.hasOwnMounts { steps.append(.hideRootPath) }
        }
        if configuration.process?.terminal == true {
            // After the mounts: it lives on the container's own devpts.
            steps.append(
                .openConsole(
                    ConsolePlan(
                        size: configuration.process?.consoleSize, uid: identity?.uid ?? 0,
                        gid: identity?.gid ?? 0)))
        }
        for (key, value) in configuration.linux.sysctl.sorted(by: { $0.key < $1.key }) {
            steps.append(.writeSysctl(key: key, value: value))
        }
        // After the devices and before the root is entered: the sources are the host's.
        steps += configuration.linux.readonlyPaths.map { .makeReadOnly(path: $0) }
        steps += configuration.linux.maskedPaths.map { .mask(path: $0) }
        // Nothing is made in the container's filesystems after this point.
        if let directory = configuration.process?.cwd, directory != "/" {
            steps.append(.makeDirectory(directory))
        }
        // After the hooks of create, which are not the program; before the root is entered, because
        // a procfs of our own may not be had, and then the host's is used.
        steps += planLabels(labels)
        steps.append(.finishReadOnlyMounts)
        if root.readonly { steps.append(.makeRootReadOnly) }
        steps.append(
            namespaces.hasOwnMounts ? .enterRoot(pivot: !request.noPivot) : .changeRoot)
        if let propagation = configuration.linux.rootfsPropagation {
            // Only now: a shared root cannot be pivoted to.
            steps.append(.setRootPropagation(propagation))
        }
        steps += try planProcess(namespaces, identity)
        if awaitsFilter, !hooks.areDueAtCreate { steps.append(.receiveFilter) }
        return steps
    }

    /// What makes the process what it is to be, once it is where it is to be: the last steps of
    /// every process of a container.
    func planProcess(_ namespaces: NamespacePlan, _ identity: IdentityPlan?)
        throws(ContainerError) -> [InitStep]
    {
        var steps: [InitStep] = []
        if let domain = configuration.linux.personality?.domain {
            steps.append(.setPersonality(domain))
        }
        // Late, so that the work up to here is not done at their price; before the privileges go,
        // which a real-time class needs, and before a seccomp filter that forbids the calls.
        if let policy = configuration.linux.memoryPolicy {
            steps.append(.setMemoryPolicy(policy.mode, try MemoryPlacement(policy)))
        }
        if !schedulesFromOutside(namespaces) {
            if let scheduler = configuration.process?.scheduler {
                steps.append(.setScheduler(scheduler))
            }
            if let priority = configuration.process?.ioPriority {
                steps.append(.setIOPriority(priority))
            }
        }
        if let process = configuration.process {
            steps.append(.enterWorkingDirectory(process.cwd))
            // Of an image whose files only root may read, too.
            if needsHome(process) { steps.append(.findHome(of: process.user.uid)) }
        }
        // Last: everything above needs rights that the process will not have.
        if let identity { steps.append(.dropPrivileges(identity)) }
        return steps
    }

    /// Engines expect the runtime to know it. One that is empty counts as none, as with runc: docker
    /// relies on that.
    private func needsHome(_ process: ProcessSpec) -> Bool {
        if request.isStrict { return false }
        return !process.env.contains { $0.hasPrefix("HOME=") && $0.utf8.count > 5 }
    }

    func planLabels(_ labels: RequestedLabels) -> [InitStep] {
        var steps: [InitStep] = []
        if let profile = labels.appArmorProfile {
            steps.append(.writeLabel(.appArmorProfile(profile)))
        }
        if let label = labels.selinuxLabel { steps.append(.writeLabel(.selinuxLabel(label))) }
        return steps
    }

    private func planDevices() -> [InitStep] {
        // With a /dev of the host's own, it is the host's business what is in it.
        let isBound = configuration.mounts.contains {
            RootDirectory.components(of: $0.destination) == ["dev"]
                && ($0.options.contains("bind") || $0.options.contains("rbind"))
        }
        if isBound { return [] }
        let configured = configuration.linux.devices
        var steps: [InitStep] = []
        for (path, major, minor) in Self.defaultDevices
        where !configured.contains(where: { $0.path == path }) {
            steps.append(
                .makeDevice(
                    DevicePlan(
                        path: path, kind: .character, major: major, minor: minor,
                        permissions: 0o666, uid: 0, gid: 0)))
        }
        // /dev/ptmx is always the container's own, never a node of the host's devpts.
        for device in configured where device.path != "/dev/ptmx" {
            steps.append(
                .makeDevice(
                    DevicePlan(
                        path: device.path, kind: device.kind,
                        major: UInt32(clamping: device.major),
                        minor: UInt32(clamping: device.minor),
                        permissions: (device.fileMode ?? 0o666) & 0o7777, uid: device.uid ?? 0,
                        gid: device.gid ?? 0)))
        }
        for (path, target) in Self.deviceLinks {
            steps.append(.makeLink(path: path, target: target))
        }
        return steps
    }

    /// config-linux.md#default-devices.
    private static let defaultDevices: [(String, UInt32, UInt32)] = [
        ("/dev/null", 1, 3), ("/dev/zero", 1, 5), ("/dev/full", 1, 7), ("/dev/random", 1, 8),
        ("/dev/urandom", 1, 9), ("/dev/tty", 5, 0),
    ]

    /// runtime-linux.md#dev-symbolic-links, and the container's own ptmx.
    private static let deviceLinks = [
        ("/dev/fd", "/proc/self/fd"), ("/dev/stdin", "/proc/self/fd/0"),
        ("/dev/stdout", "/proc/self/fd/1"), ("/dev/stderr", "/proc/self/fd/2"),
        ("/dev/ptmx", "pts/ptmx"),
    ]

    // MARK: The process

    mutating func planIdentity(_ process: ProcessSpec, _ namespaces: NamespacePlan)
        throws(ContainerError) -> IdentityPlan
    {
        var groups: [UInt32]? = process.user.additionalGids
        if namespaces.new.union(namespaces.entered).contains(.user),
            IDMapping.mustDenySetgroups(namespaces, host: host)
        {
            if !process.user.additionalGids.isEmpty {
                throw ContainerError(
                    .invalidConfiguration,
                    "process.user.additionalGids: supplementary groups cannot be set in a user "
                        + "namespace of user \(host.effectiveUserID) that maps only its own group")
            }
            groups = nil
        }
        var plan = IdentityPlan(
            uid: process.user.uid, gid: process.user.gid, groups: groups,
            capabilities: try planCapabilities(process.capabilities),
            noNewPrivileges: process.noNewPrivileges ?? false, umask: process.user.umask)
        // It is loaded later (FilteredExecution.swift).
        plan.keepsRightToFilter = filter != nil && !plan.noNewPrivileges
        return plan
    }

    /// Without a `capabilities` object there are none: a process gets what it was given.
    private func planCapabilities(_ sets: CapabilitySets?) throws(ContainerError)
        -> CapabilityPlan
    {
        var plan = CapabilityPlan()
        guard let sets else { return plan }
        func numbers(_ names: [String]) throws(ContainerError) -> CapabilitySet {
            var set = CapabilitySet()
            for name in names {
                guard let number = Capabilities.number(of: name) else {
                    throw ContainerError(
                        .invalidConfiguration,
                        "process.capabilities: there is no capability \(name)")
                }
                set.insert(number)
            }
            return set
        }
        plan.bounding = try numbers(sets.bounding)
        plan.effective = try numbers(sets.effective)
        plan.permitted = try numbers(sets.permitted)
        plan.inheritable = try numbers(sets.inheritable)
        plan.ambient = try numbers(sets.ambient)
        return plan
    }

    func planProgram() -> ProgramPlan {
        var environment = configuration.process?.env ?? []
        if request.listenDescriptors > 0 {
            environment.append("LISTEN_FDS=\(request.listenDescriptors)")
            environment.append("LISTEN_PID=1")
        }
        if notifyDirectory != nil {
            environment.append("NOTIFY_SOCKET=\(NotifySocket.pathInContainer)")
        }
        return ProgramPlan(
            arguments: configuration.process?.args ?? [], environment: environment,
            limits: configuration.process?.rlimits ?? [],
            preservedDescriptors: request.preservedDescriptors + request.listenDescriptors,
            filter: filter)
    }

    /// config.md#root, config.md#mounts: relative to the bundle.
    func absolute(_ path: String) -> String {
        path.hasPrefix("/") ? path : "\(bundle)/\(path)"
    }
}

extension Namespace.Kind {
    /// The CLONE_NEW word of this kind.
    package var flag: NamespaceFlags {
        switch self {
        case .pid: .pid
        case .network: .network
        case .mount: .mount
        case .ipc: .ipc
        case .uts: .uts
        case .user: .user
        case .cgroup: .cgroup
        case .time: .time
        }
    }
}
