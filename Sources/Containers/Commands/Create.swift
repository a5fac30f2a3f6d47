// SPDX-License-Identifier: Apache-2.0

internal import Cgroups
internal import Linux
internal import OCI

extension ContainerRuntime {
    /// Makes a container, up to but without running its program (runtime.md#create).
    ///
    /// `bundle` is the request's, when the caller has read it already; `ownFile` is what
    /// ``ProtectedBinary/prepare()`` has answered; `warn` gets what the specification wants logged.
    package func create(
        _ request: CreateRequest, bundle: Bundle? = nil, protecting ownFile: ProtectedFile?,
        warn: (String) -> Void
    ) throws(ContainerError) -> CreatedContainer {
        try performing("create", request.id) { (id) throws(ContainerError) in
            var creation = Creation(request, id: id, store: store, ownFile, trace)
            if let bundle { return try creation.perform(bundle, warn: warn) }
            let read = try Bundle(path: request.bundle)
            creation.laps.lap("read config.json")
            return try creation.perform(read, warn: warn)
        }
    }

}

/// One `create`: everything that needs nothing is checked first, then things are made in an order
/// in which each can be undone.
private struct Creation: ~Copyable {
    let request: CreateRequest
    let id: ContainerID
    let store: Store
    let ownFile: ProtectedFile?
    let trace: Trace?
    var laps: Laps
    /// What lies beside the record, to be put in its place.
    private var prepared: ContainerRecord?
    /// Once its program is found, which is done while the container's process is busy.
    private var preparedFilter: PreparedFilter?
    private var hooksHaveBegun = false

    /// All that is decided, and connected to, before anything is made.
    private struct Basis {
        let bundle: Bundle
        let host: Host
        let cgroups: CgroupPlan?
        let filter: FilterPreparation?
        let plan: LaunchPlan
        let resctrl: Resctrl?
        let networkDevices: NetworkDevices?
        let console: SharedDescriptor?
        let callerUmask: UInt32

        /// Whether anything will be made that does not go with this process.
        var outlivesUs: Bool { cgroups != nil || resctrl != nil || networkDevices != nil }
    }

    init(
        _ request: CreateRequest, id: ContainerID, store: Store, _ ownFile: ProtectedFile?,
        _ trace: Trace?
    ) {
        self.request = request
        self.id = id
        self.store = store
        self.ownFile = ownFile
        self.trace = trace
        laps = Laps(trace)
    }

    mutating func perform(_ bundle: Bundle, warn: (String) -> Void) throws(ContainerError)
        -> CreatedContainer
    {
        // Files are made with the modes that we name, whatever the caller's mask.
        let callerUmask = Process.setUmask(0)
        defer { Process.setUmask(callerUmask) }
        let basis = try prepare(bundle, callerUmask: callerUmask, warn: warn)
        let pidfdReceiver = try connectPidfdSocket(request.pidfdSocket)

        let directory = try store.claim(id)
        laps.lap("claim the id")
        var record = newRecord(basis)
        do throws(ContainerError) {
            let launcher = try launch(basis, in: directory, &record, warn: warn)
            laps.lap("launch")
            try send(launcher.pidfd.descriptor, as: "standard", to: pidfdReceiver)
            let pidfd = try during("hold the container's process") { () throws(SystemCallError) in
                try launcher.pidfd.descriptor.duplicate()
            }
            try writePidFile(launcher.pid, to: request.pidFile)
            do throws(ContainerError) {
                if record == prepared {
                    try directory.putPreparedInPlace()
                } else {
                    try directory.write(record)
                }
                // Last: from here on nothing can fail, and the process is no longer taken back.
                if !request.startsAtOnce { try launcher.release() }
            } catch {
                // The one that was just written, and only that.
                if let path = request.pidFile { try? File.remove(path) }
                throw error
            }
            laps.lap("put it on record")
            preparedFilter?.keep(warn: warn)
            if preparedFilter != nil { laps.lap("keep the filter") }
            return CreatedContainer(
                pid: launcher.pid, pidfd: pidfd, directory: directory, record: record,
                launcher: request.startsAtOnce ? launcher : nil)
        } catch {
            do throws(ContainerError) {
                try undo(basis, directory)
            } catch let second {
                throw ContainerError(
                    error.kind,
                    "\(error.reason); and what was made could not all be removed "
                        + "(\(second.reason)): martlet delete --force \(id) tries again",
                    details: error.details, violations: error.violations)
            }
            if hooksHaveBegun {
                // What they did is undone by these (runtime.md#lifecycle, 12 and 13).
                try? directory.unlock()
                record.runPoststop(umask: callerUmask, warn: warn)
            }
            throw error
        }
    }

    /// Makes the container's process, and brings it to where everything but the exec has been done.
    private mutating func launch(
        _ basis: Basis, in directory: borrowing ContainerDirectory,
        _ record: inout ContainerRecord, warn: (String) -> Void
    ) throws(ContainerError) -> Launcher {
        let cgroups = basis.cgroups
        // Before anything is made that outlives us, so that it can be found again. The process does
        // not: it ends when we do.
        if basis.outlivesUs { try directory.write(record) }
        var offers = try makeOffers(basis, directory)
        let owner = basis.bundle.configuration.hostUser
        let scope = cgroups?.scope
        var cgroup: Cgroup?
        if let scope {
            offers.parentOnly.append(scope.systemd.descriptorNumber)
        } else {
            cgroup = try cgroups?.carryOut(owner: owner, warn: warn)
            offers.cgroup = cgroup
            record.cgroups = cgroup?.record.places ?? []
            record.memoryKillsBefore = MemoryKills.before(cgroup)
        }
        if cgroups != nil { laps.lap("make cgroups") }
        try basis.resctrl?.carryOut()
        let launcher = try Launcher(basis.plan, host: basis.host, offers: offers)
        record.pid = launcher.pid
        if let scope {
            // It waits, and has done nothing yet.
            try scope.start(around: launcher.pid, for: id)
            record.scope = scope.record
            cgroup = try cgroups?.carryOut(owner: owner, warn: warn)
            record.cgroups = cgroup?.record.places ?? []
            launcher.adopt(cgroup)
        }
        try launcher.prepare(warn: warn) { () throws(ContainerError) in
            if let preparation = basis.filter {
                let filter = try preparation.complete(warn: warn)
                try launcher.send(filter: filter.loadable.program)
                record.join?.filter = filter.record
                preparedFilter = filter
                laps.lap("compile the filter")
            }
            record.startTime = try startTime(of: launcher.pid)
            try directory.write(configuration: basis.bundle.text)
            // As it will be, if nothing comes in between: its writing takes longer than its renaming.
            let last = finished(record)
            try directory.prepare(last)
            prepared = last
        } slow: { () throws(ContainerError) in
            // So that `delete --force` can end what does not end by itself.
            try directory.write(record)
            prepared = nil
        } beforeHooks: { () throws(ContainerError) in
            // They take their time, and may ask for the container's state.
            try directory.write(record)
            prepared = nil
            hooksHaveBegun = true
        }
        if let cgroups, let cgroup {
            // What would have been in the way of our own preparations.
            try scope?.finish()
            try withCgroups { () throws(CgroupError) in
                try cgroup.apply(cgroups.resources.lateSteps, warn: warn)
            }
        }
        record = finished(record)
        return launcher
    }

    /// The record of a container that is made.
    private func finished(_ record: ContainerRecord) -> ContainerRecord {
        var record = record
        record.phase = .created
        // They are the namespace's from now on, and nobody's to take back.
        record.networkDevices = []
        return record
    }

    // MARK: Before anything is made

    private mutating func prepare(
        _ bundle: Bundle, callerUmask: UInt32, warn: (String) -> Void
    ) throws(ContainerError) -> Basis {
        let configuration = bundle.configuration
        let host = try lookAtHost(configuration)
        laps.lap("look at the host")
        let cgroups = try planCgroups(configuration, host)
        laps.lap("plan cgroups")
        let filter = try FilterPreparation(configuration, store: store, warn: warn)
        let plan = try plan(bundle, host, cgroups, filter?.plan, warn: warn)
        laps.lap("plan")
        try Preflight.check(bundle, request)
        laps.lap("look at the bundle")
        return Basis(
            bundle: bundle, host: host, cgroups: cgroups, filter: filter, plan: plan,
            resctrl: try Resctrl(configuration, id: id),
            networkDevices: configuration.linux.netDevices.isEmpty ? nil : NetworkDevices(),
            console: try connectConsole(request.console), callerUmask: callerUmask)
    }

    private func lookAtHost(_ configuration: Configuration) throws(ContainerError) -> Host {
        let concernsCgroups =
            request.managesCgroups
            || configuration.mounts.contains { $0.type == "cgroup" || $0.type == "cgroup2" }
        var host = try during("look at the host") { () throws(SystemCallError) in
            try Host.current(
                readingCgroups: concernsCgroups,
                readingSecurityModules: RequestedLabels(configuration).areAny)
        }
        if let path = configuration.linux.namespaces.first(where: { $0.kind == .mount })?.path {
            host.isInMountNamespace = try Preflight.isOwn(.mount, path)
        }
        if configuration.linux.namespaces.contains(where: { $0.kind == .network && $0.path == nil })
        {
            host.canReturnToNetwork = try during("look at the host") {
                () throws(SystemCallError) in
                try NetworkNamespace.canReturn()
            }
        }
        return host
    }

    private func planCgroups(_ configuration: Configuration, _ host: Host) throws(ContainerError)
        -> CgroupPlan?
    {
        do throws(ContainerError) {
            return try CgroupPlan(
                configuration, id: id, host: host, isManaged: request.managesCgroups,
                usesSystemd: request.usesSystemd, isStrict: request.isStrict)
        } catch {
            // A container with this id is likely to live in the same cgroup; of the two errors
            // that is the one to tell.
            throw store.has(id) ? Store.taken : error
        }
    }

    private func plan(
        _ bundle: Bundle, _ host: Host, _ cgroups: CgroupPlan?, _ filter: FilterPlan?,
        warn: (String) -> Void
    ) throws(ContainerError) -> LaunchPlan {
        var planner = Planner(
            bundle.configuration, request: request, bundle: bundle.path, host: host,
            cgroups: host.cgroups.map { CgroupView($0, cgroups?.creation.record.places ?? []) },
            notifyDirectory: request.notifySocket.map { _ in
                "\(store.root)/\(id)/\(NotifySocket.directoryName)"
            },
            filter: filter)
        let plan = try planner.plan()
        for warning in planner.warnings + (cgroups?.resources.warnings ?? []) { warn(warning) }
        return plan
    }

    // MARK: Making

    private func newRecord(_ basis: Basis) -> ContainerRecord {
        let (bundle, plan) = (basis.bundle, basis.plan)
        var record = ContainerRecord(
            phase: .creating, id: id.text, bundle: bundle.path, rootfs: bundle.rootfs,
            created: Clock.timestamp, owner: UserDatabase.name(of: basis.host.effectiveUserID),
            annotations: bundle.configuration.annotations,
            hasProcess: bundle.configuration.process != nil,
            ownsPidNamespace: plan.namespaces.new.contains(.pid))
        record.hooks = .onRecord(bundle.configuration.hooks)
        if plan.program.filter != nil, let profile = bundle.configuration.linux.seccomp {
            record.seccompAgent = SeccompAgent(profile, bundle: bundle.path)
        }
        record.join = joinRecord(basis)
        record.cgroups = basis.cgroups?.creation.record.places ?? []
        record.scope = basis.cgroups?.scope?.record
        record.resctrl = basis.resctrl?.record
        if basis.networkDevices != nil { record.networkDevices = plan.borrowedNetworkDevices }
        return record
    }

    private func joinRecord(_ basis: Basis) -> JoinRecord {
        var join = JoinRecord()
        for namespace in basis.bundle.configuration.linux.namespaces {
            if namespace.kind == .mount && basis.host.isInMountNamespace { continue }
            join.namespaces.append(namespace.kind)
        }
        join.hasDetachedRoot = !basis.plan.namespaces.hasOwnMounts
        join.keyring = request.keyring
        return join
    }

    private func makeOffers(
        _ basis: Basis, _ directory: borrowing ContainerDirectory
    ) throws(ContainerError) -> Launcher.Offers {
        var gate: SharedDescriptor?
        if !request.startsAtOnce {
            gate = SharedDescriptor(
                try during("gate") { () throws(SystemCallError) in
                    try Socket.listen(
                        .packets, at: ContainerDirectory.gateName, in: directory.descriptor.number)
                })
        }
        if request.notifySocket != nil {
            try during("notify socket") { () throws(SystemCallError) in
                try File.makeDirectory(
                    NotifySocket.directoryName, at: directory.descriptor.number,
                    permissions: 0o755)
            }
        }
        return Launcher.Offers(
            gate: gate, console: basis.console,
            // The lock is one with the descriptor, and would be held for the container's life.
            parentOnly: [directory.descriptor.number, directory.parentNumber],
            callerUmask: basis.callerUmask, resctrl: basis.resctrl,
            networkDevices: basis.networkDevices, ownFile: ownFile, trace: trace)
    }

    /// Of a process that has ended already it is 0, which is no process's: why it ended is told by
    /// what it said, and by its end, which `prepare` goes on to.
    private func startTime(of pid: Int32) throws(ContainerError) -> UInt64 {
        try during("the container's process") { () throws(SystemCallError) in
            try Process.startTime(of: pid) ?? 0
        }
    }

    /// Takes everything back. The process went with its launcher.
    private func undo(_ basis: Basis, _ directory: borrowing ContainerDirectory)
        throws(ContainerError)
    {
        try basis.networkDevices?.moveBack()
        try basis.resctrl?.undo()
        if let cgroups = basis.cgroups {
            // A scope of this name that we have not made is another's.
            if let scope = cgroups.scope {
                guard scope.isStarted else { return try directory.remove() }
                try scope.stop()
            }
            try withCgroups { () throws(CgroupError) in
                try Cgroup(cgroups.creation.record).delete()
            }
        }
        try directory.remove()
    }
}
