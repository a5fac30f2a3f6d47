// SPDX-License-Identifier: Apache-2.0

internal import Cgroups
internal import JSON
internal import Linux
internal import OCI

/// What the kernel has to bring.
extension BundleCheck {
    mutating func checkKernel() {
        for call in KernelSupport.Call.allCases where !KernelSupport.has(call) {
            fail(
                "",
                "the kernel does not offer \(call.rawValue), which Linux has since \(call.since); "
                    + "it is too old, or a seccomp filter around this process refuses it")
        }
        if let profile = configuration.linux.seccomp { checkSeccomp(profile) }
    }

    mutating func checkNamespaces() {
        for (index, namespace) in configuration.linux.namespaces.enumerated() {
            let path = "linux.namespaces[\(index)]"
            if let file = namespace.path {
                do throws(ContainerError) {
                    _ = try Preflight.open(namespace.kind, file)
                } catch {
                    var finding = Finding(error)
                    finding.path = "\(path).path"
                    add(finding)
                }
            } else if !Self.exists("/proc/self/ns/\(namespace.kind.procName)") {
                fail(path, "the kernel has no \(namespace.kind.rawValue) namespaces")
            } else if Self.read("/proc/sys/user/max_\(namespace.kind.limitName)_namespaces") == "0"
            {
                fail(
                    path,
                    "no \(namespace.kind.rawValue) namespaces may be made here: "
                        + "/proc/sys/user/max_\(namespace.kind.limitName)_namespaces is 0")
            }
        }
        if isNew(.user), host.effectiveUserID != 0 { checkUnprivilegedNamespaces() }
        if !isNew(.mount), let release = Self.read("/proc/sys/kernel/osrelease"),
            Self.isOlder(release, than: (6, 15))
        {
            // Distributions add things to older ones.
            note(
                "linux.namespaces",
                "a container without a mount namespace of its own needs Linux 6.15, and this is "
                    + release)
        }
    }

    /// Whether a kernel's release, such as `6.1.0-18-amd64`, comes before a version.
    private static func isOlder(_ release: String, than version: (Int, Int)) -> Bool {
        let parts = release.split(separator: ".")
        guard parts.count > 1, let major = Int(parts[0]),
            let minor = Int(parts[1].prefix { $0.isNumber })
        else { return false }
        return (major, minor) < version
    }

    /// Switches of distributions that keep user namespaces to root.
    private mutating func checkUnprivilegedNamespaces() {
        if Self.read("/proc/sys/kernel/unprivileged_userns_clone") == "0" {
            fail(
                "linux.namespaces",
                "ordinary users may not make user namespaces here; sysctl "
                    + "kernel.unprivileged_userns_clone=1 allows it")
        }
        if Self.read("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == "1" {
            note(
                "linux.namespaces",
                "AppArmor lets only programs with a profile make user namespaces "
                    + "(kernel.apparmor_restrict_unprivileged_userns is 1)")
        }
    }

    private mutating func checkSeccomp(_ profile: SeccompProfile) {
        guard let text = Self.read("/proc/sys/kernel/seccomp/actions_avail") else {
            fail("linux.seccomp", "the kernel has no seccomp filters (CONFIG_SECCOMP_FILTER)")
            return
        }
        let available = text.split(separator: " ").map(String.init)
        var asked = [("linux.seccomp.defaultAction", profile.defaultAction)]
        for (index, rule) in profile.syscalls.enumerated() {
            asked.append(("linux.seccomp.syscalls[\(index)].action", rule.action))
        }
        for (path, action) in asked where !available.contains(action.kernelName) {
            fail(path, "the kernel does not have \(action.rawValue) (it has \(text))")
        }
        if configuration.process == nil { return }
        do throws(ContainerError) {
            try SeccompAgent(profile, bundle: bundle.path)?.check()
            // What the kernel lacks has been told; libseccomp and the rest have not.
            if asked.allSatisfy({ available.contains($0.1.kernelName) }) {
                for warning in try FilterPreparation.foresee(profile) {
                    note("linux.seccomp", warning)
                }
            }
        } catch {
            add(Finding(error))
        }
    }

    // MARK: Security modules

    mutating func checkSecurityModules() {
        if let profile = configuration.process?.apparmorProfile, !profile.isEmpty {
            checkAppArmor(profile)
        }
        for (path, label) in [
            ("process.selinuxLabel", configuration.process?.selinuxLabel),
            ("linux.mountLabel", configuration.linux.mountLabel),
        ] where label?.isEmpty == false && !host.securityModules.contains(.selinux) {
            fail(path, "SELinux is not active on this host")
        }
    }

    private mutating func checkAppArmor(_ profile: String) {
        let path = "process.apparmorProfile"
        guard host.securityModules.contains(.appArmor) else {
            fail(path, "AppArmor is not active on this host")
            return
        }
        if profile == "unconfined" { return }
        // Only root may read it.
        guard let loaded = Self.read("/sys/kernel/security/apparmor/profiles") else {
            note(path, "whether \(profile.quoted) is loaded cannot be told by this user")
            return
        }
        // A line is `name (mode)`.
        let isLoaded = loaded.split(separator: "\n").contains { $0.hasPrefix("\(profile) (") }
        if !isLoaded {
            fail(path, "the profile \(profile.quoted) is not loaded; see apparmor_parser(8)")
        }
    }

    // MARK: Devices and hardware

    mutating func checkHardware() {
        for (name, _) in configuration.linux.netDevices.sorted(by: { $0.key < $1.key })
        where !Self.exists("/sys/class/net/\(name)") {
            fail("linux.netDevices[\(name.quoted)]", "this host has no such network device")
        }
        if configuration.linux.intelRdt != nil,
            !Self.exists("/sys/fs/resctrl/schemata")
        {
            fail("linux.intelRdt", "no resctrl filesystem is mounted on this host")
        }
        if configuration.linux.memoryPolicy != nil, !Self.exists("/sys/devices/system/node") {
            fail("linux.memoryPolicy", "the kernel has no memory policies (CONFIG_NUMA)")
        }
    }

    // MARK: Cgroups

    mutating func checkCgroups() {
        var warnings: [String] = []
        var obstacles: [CgroupError] = []
        var isAsked = false
        do throws(ContainerError) {
            guard let plan = try planCgroups(configuration) else { return }
            isAsked = true
            warnings = plan.resources.warnings
            try withCgroups { () throws(CgroupError) in
                obstacles = try plan.creation.obstacles()
            }
        } catch {
            tellCgroups(error)
        }
        for obstacle in obstacles {
            var finding = Finding(ContainerError(obstacle))
            finding.path = "linux.resources"
            add(finding)
        }
        for warning in warnings { note("linux.resources", warning) }
        if isAsked, host.cgroups?.unified != nil, !KernelSupport.canCloneIntoCgroup {
            fail(
                "linux.cgroupsPath",
                "the kernel cannot start a process in a cgroup (CLONE_INTO_CGROUP, Linux 5.7)")
        }
    }

    private func planCgroups(_ configuration: Configuration) throws(ContainerError) -> CgroupPlan? {
        try CgroupPlan(
            configuration, id: try ContainerID.checked("check"), host: host,
            isManaged: cgroupManager != .disabled, usesSystemd: cgroupManager == .systemd,
            isStrict: isStrict)
    }

    /// Tells why there can be no plan: of each kind of limit by itself, because a plan ends at the
    /// first one.
    private mutating func tellCgroups(_ error: ContainerError) {
        var errors: [ContainerError] = []
        for part in configuration.linux.resources?.parts ?? [] {
            var alone = configuration
            alone.linux.resources = part
            do throws(ContainerError) {
                _ = try planCgroups(alone)
            } catch {
                errors.append(error)
            }
        }
        if !errors.contains(where: { $0.reason == error.reason }) { errors = [error] }
        for error in errors {
            var finding = Finding(error)
            if finding.path.isEmpty { finding.path = "linux.resources" }
            add(finding)
        }
    }
}

extension Resources {
    /// Each of the kinds of limits that are asked for, alone.
    fileprivate var parts: [Resources] {
        let kinds: [(inout Resources) -> Void] = [
            { $0.devices = devices }, { $0.memory = memory }, { $0.cpu = cpu }, { $0.pids = pids },
            { $0.blockIO = blockIO }, { $0.hugepageLimits = hugepageLimits },
            { $0.network = network }, { $0.rdma = rdma }, { $0.unified = unified },
        ]
        var parts: [Resources] = []
        for take in kinds {
            var part = Resources()
            take(&part)
            if part != Resources() { parts.append(part) }
        }
        return parts
    }
}

extension Namespace.Kind {
    /// The file below /proc/self/ns.
    var procName: String {
        switch self {
        case .network: "net"
        case .mount: "mnt"
        default: rawValue
        }
    }

    /// The word in the names of /proc/sys/user/max_…_namespaces.
    var limitName: String { procName }
}

extension SeccompProfile.Action {
    /// The kernel's word, in /proc/sys/kernel/seccomp/actions_avail (seccomp(2)).
    var kernelName: String {
        switch self {
        case .kill, .killThread: "kill_thread"
        case .killProcess: "kill_process"
        case .trap: "trap"
        case .errno: "errno"
        case .trace: "trace"
        case .allow: "allow"
        case .log: "log"
        case .notify: "user_notif"
        }
    }
}
