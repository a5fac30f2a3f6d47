// SPDX-License-Identifier: Apache-2.0

import Containers
import Linux
import OCI

/// What a plan is made from.
struct PlanInput {
    var configuration = Configuration(ociVersion: "1.2.0")
    var request = CreateRequest(id: "c1")
    var host = Host(effectiveUserID: 0, effectiveGroupID: 0)
    var cgroups: CgroupView?
    var notifyDirectory: String?
    var filter: FilterPlan?

    init() {
        configuration.root = Root(path: "rootfs")
        var process = ProcessSpec(cwd: "/")
        process.args = ["sh"]
        process.env = ["PATH=/bin"]
        configuration.process = process
        let kinds: [Namespace.Kind] = [.pid, .network, .ipc, .uts, .mount]
        configuration.linux.namespaces = kinds.map { Namespace(kind: $0) }
        configuration.mounts = [
            Self.mount("/proc", "proc"), Self.mount("/dev", "tmpfs"),
            Self.mount("/dev/pts", "devpts"),
        ]
    }

    static func mount(_ destination: String, _ type: String?, _ options: [String] = []) -> Mount {
        var mount = Mount(destination: destination)
        mount.type = type
        mount.source = type
        mount.options = options
        return mount
    }

    /// With everything in it that the plan knows a step for.
    static var full: PlanInput {
        var input = PlanInput()
        input.configuration.hostname = "host"
        input.configuration.domainname = "domain"
        input.configuration.root?.readonly = true
        input.configuration.process?.terminal = true
        input.configuration.process?.cwd = "/work"
        input.configuration.process?.oomScoreAdj = 10
        input.configuration.process?.rlimits = [
            ResourceLimit(type: .openFiles, soft: 10, hard: 20)
        ]
        input.configuration.process?.scheduler = Scheduler(policy: .batch)
        input.configuration.process?.ioPriority = IOPriority(class: .idle, priority: 0)
        input.configuration.linux.memoryPolicy = MemoryPolicy(mode: .local)
        input.configuration.linux.sysctl = ["net.b": "2", "net.a": "1"]
        input.configuration.linux.readonlyPaths = ["/proc/sys"]
        input.configuration.linux.maskedPaths = ["/proc/kcore"]
        input.configuration.linux.rootfsPropagation = .rshared
        input.configuration.linux.personality = Personality(domain: .linux32)
        input.configuration.linux.devices = [Device(kind: .fifo, path: "/dev/own")]
        return input
    }

    func plan() throws(ContainerError) -> LaunchPlan { try planWithWarnings().plan }

    /// Of one more process, in a container that has these namespaces.
    func planExecution(
        _ namespaces: [Namespace.Kind] = [.pid, .network, .ipc, .uts, .mount],
        _ change: (inout JoinRecord) -> Void = { _ in }
    ) throws(ContainerError) -> LaunchPlan {
        var container = JoinRecord()
        container.namespaces = namespaces
        container.keyring = "_ses.c1.1"
        change(&container)
        var planner = Planner(
            configuration, request: request, bundle: "/bundle", host: host, filter: filter)
        return try planner.planExecution(in: container)
    }

    func planWithWarnings() throws(ContainerError) -> (plan: LaunchPlan, warnings: [String]) {
        var planner = Planner(
            configuration, request: request, bundle: "/bundle", host: host,
            cgroups: cgroups, notifyDirectory: notifyDirectory, filter: filter)
        let plan = try planner.plan()
        return (plan, planner.warnings)
    }
}

extension InitStep {
    /// The step without its details.
    var word: String {
        switch self {
        case .startSession: "startSession"
        case .makeCgroupNamespace: "makeCgroupNamespace"
        case .writeLabel: "writeLabel"
        case .labelMounts: "labelMounts"
        case .joinSessionKeyring: "joinSessionKeyring"
        case .enterNetwork: "enterNetwork"
        case .receiveFilter: "receiveFilter"
        case .setHostname: "setHostname"
        case .setDomainname: "setDomainname"
        case .isolateMounts: "isolateMounts"
        case .attachRoot: "attachRoot"
        case .openRoot: "openRoot"
        case .mount: "mount"
        case .makeDirectory: "makeDirectory"
        case .makeDevice: "makeDevice"
        case .makeLink: "makeLink"
        case .runHooks: "runHooks"
        case .hideRootPath: "hideRootPath"
        case .openConsole: "openConsole"
        case .writeSysctl: "writeSysctl"
        case .makeReadOnly: "makeReadOnly"
        case .mask: "mask"
        case .finishReadOnlyMounts: "finishReadOnlyMounts"
        case .makeRootReadOnly: "makeRootReadOnly"
        case .enterRoot: "enterRoot"
        case .changeRoot: "changeRoot"
        case .setRootPropagation: "setRootPropagation"
        case .setPersonality: "setPersonality"
        case .setMemoryPolicy: "setMemoryPolicy"
        case .setScheduler: "setScheduler"
        case .setIOPriority: "setIOPriority"
        case .enterWorkingDirectory: "enterWorkingDirectory"
        case .findHome: "findHome"
        case .dropPrivileges: "dropPrivileges"
        case .openProcfs: "openProcfs"
        case .enterNamespaces: "enterNamespaces"
        case .adoptRoot: "adoptRoot"
        }
    }
}

extension LaunchPlan {
    var words: [String] { initSteps.map(\.word) }

    var mounts: [MountPlan] {
        initSteps.compactMap { if case .mount(let plan) = $0 { plan } else { nil } }
    }

    var devices: [DevicePlan] {
        initSteps.compactMap { if case .makeDevice(let plan) = $0 { plan } else { nil } }
    }

    var identity: IdentityPlan? {
        for case .dropPrivileges(let plan) in initSteps.reversed() { return plan }
        return nil
    }
}
