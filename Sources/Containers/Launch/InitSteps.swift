// SPDX-License-Identifier: Apache-2.0

internal import Linux
internal import OCI

extension InitProcess {
    /// Performs one step of the plan.
    mutating func perform(_ step: InitStep, at index: Int) throws(ContainerError) {
        switch step {
        case .makeDevice, .makeLink: break
        default: deviceParent = nil
        }
        switch step {
        case .startSession:
            try attempt { () throws(SystemCallError) in try Process.startSession() }
        case .makeCgroupNamespace:
            try attempt { () throws(SystemCallError) in try Process.separate(.cgroup) }
        case .writeLabel(let write):
            try writeLabel(write)
        case .joinSessionKeyring(let name):
            try joinSessionKeyring(name)
        case .enterNetwork:
            try enterNetwork()
        case .setHostname(let name):
            try attempt { () throws(SystemCallError) in try Process.setHostname(name) }
        case .setDomainname(let name):
            try attempt { () throws(SystemCallError) in try Process.setDomainname(name) }
        case .isolateMounts:
            try attempt { () throws(SystemCallError) in
                try Mounting.setPropagation(.slave, of: "/", recursively: true)
            }
        case .labelMounts(let label):
            mountLabel = label
        case .attachRoot(let path, let atItsPath):
            try attachRoot(path, atItsPath: atItsPath, at: index)
        case .openRoot(let path):
            try openRoot(path, at: index)
        case .mount(let plan):
            try mount(plan, at: index)
        case .makeDirectory(let path):
            try makeWorkingDirectory(path)
        case .makeDevice(let plan):
            try makeDevice(plan)
        case .makeLink(let path, let target):
            try makeLink(path, to: target)
        case .runHooks(let hooks, let subject):
            try runHooks(hooks, of: subject)
        case .hideRootPath:
            try withRoot { (root) throws(SystemCallError) in
                try attachOverRoot(root.holder.descriptor)
            }
        case .openConsole(let plan):
            try openConsole(plan)
        case .writeSysctl(let key, let value):
            try writeSysctl(key, value)
        case .makeReadOnly(let path):
            try makeReadOnly(path)
        case .mask(let path):
            try mask(path)
        case .finishReadOnlyMounts:
            try finishReadOnlyMounts()
        case .makeRootReadOnly:
            try withRoot { (root) throws(SystemCallError) in
                try Mounting.change(root.holder.descriptor, set: .readOnly, subject: "/")
            }
        case .enterRoot(let pivot):
            try enterRoot(pivot: pivot)
        case .changeRoot:
            try changeRoot()
        case .setRootPropagation(let kind):
            try setRootPropagation(kind)
        case .setPersonality(let domain):
            try attempt { () throws(SystemCallError) in
                try Process.setPersonality(is32Bit: domain == .linux32)
            }
        case .setMemoryPolicy(_, let placement):
            try Scheduling.apply(placement)
        case .setScheduler(let scheduler):
            try Scheduling.apply(scheduler)
        case .setIOPriority(let priority):
            try Scheduling.apply(priority)
        case .enterWorkingDirectory(let path):
            try enterWorkingDirectory(path)
        case .findHome(let uid):
            try findHome(of: uid)
        case .dropPrivileges(let plan):
            try dropPrivileges(plan)
        case .openProcfs:
            _ = try openProcfs()
        case .enterNamespaces(let namespaces):
            try enter(namespaces)
        case .adoptRoot(let isDetached):
            try adoptRoot(isDetached: isDetached)
        case .receiveFilter:
            filterProgram = try receiveFilter()
        }
    }

    /// Runs calls whose step says all there is to say.
    func attempt<R: ~Copyable>(_ body: () throws(SystemCallError) -> R) throws(ContainerError) -> R
    {
        do throws(SystemCallError) {
            return try body()
        } catch {
            throw ContainerError(.failed, error.description)
        }
    }

    /// Runs calls on the root filesystem.
    func withRoot<R: ~Copyable>(
        _ body: (RootDirectory) throws(SystemCallError) -> R
    ) throws(ContainerError) -> R {
        guard let root else {
            preconditionFailure(
                "a step that needs the root filesystem came before attachRoot or openRoot")
        }
        return try attempt { () throws(SystemCallError) in try body(root) }
    }

    /// The root is the container's by now.
    private mutating func findHome(of uid: UInt32) throws(ContainerError) {
        let root = try attempt { () throws(SystemCallError) in
            RootDirectory(SharedDescriptor(try File.open("/", .directoryPath)))
        }
        home = UserDatabase.home(of: uid, in: root) ?? "/"
    }

    /// The parent sends it as soon as it has it.
    private func receiveFilter() throws(ContainerError) -> [UInt8] {
        let length = try attempt { () throws(SystemCallError) in
            try Socket.lengthOfNextPacket(from: resources.channel.number)
        }
        guard case .filter(let program) = try receive(limit: max(length, 1)).message else {
            throw Self.outOfTurn
        }
        return program
    }

    /// The parent sends it as soon as it is made.
    private func enterNetwork() throws(ContainerError) {
        guard let namespace = try expect(.networkMade) else {
            throw ContainerError(.failed, "the parent sent no network namespace")
        }
        try attempt { () throws(SystemCallError) in
            try Process.join(namespace.descriptor, kind: .network, subject: "")
        }
    }

    private func joinSessionKeyring(_ name: String) throws(ContainerError) {
        do throws(SystemCallError) {
            let key = try Keyring.joinSession(named: name)
            // Or `exec` would get another one of the same name.
            if !isEntering { try Keyring.letOthersJoin(key) }
        } catch where error.errno == .unsupportedCall {
            // A kernel without keyrings has none to leak.
        } catch {
            throw ContainerError(
                .failed, "\(error); --no-new-keyring keeps the caller's instead")
        }
    }

    private func setRootPropagation(_ kind: Propagation) throws(ContainerError) {
        let (propagation, recursively): (MountPropagation, Bool) =
            switch kind {
            case .shared: (.shared, false)
            case .slave: (.slave, false)
            case .private: (.private, false)
            case .unbindable: (.unbindable, false)
            case .rshared: (.shared, true)
            case .rslave: (.slave, true)
            case .rprivate: (.private, true)
            case .runbindable: (.unbindable, true)
            }
        try withRoot { (root) throws(SystemCallError) in
            try Mounting.change(
                root.holder.descriptor, propagation: propagation, recursively: recursively,
                subject: "/")
        }
    }
}
