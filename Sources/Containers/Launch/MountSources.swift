// SPDX-License-Identifier: Apache-2.0

internal import Linux
internal import OCI

/// What the parent opens of the plan's mounts, for the container's first process to inherit.
struct MountSources {
    /// Copies of mounts, by the number of their step.
    private(set) var trees: [Int: SharedDescriptor] = [:]
    /// User namespaces whose mappings a filesystem gets, which the first process makes itself.
    private(set) var userNamespaces: [Int: SharedDescriptor] = [:]
    private var mapped: [(source: MountIDMapping.Source, namespace: SharedDescriptor)] = []

    /// Opens what only the parent can: everything, where the first process has too few rights on
    /// the host or another view of it; else what must be done with the host's rights and mounts.
    init(_ plan: LaunchPlan, host: Host) throws(ContainerError) {
        let opensAll = plan.namespaces.parentOpensSources && host.effectiveUserID == 0
        for (index, step) in plan.initSteps.enumerated() {
            do throws(ContainerError) {
                try open(step, at: index, opensAll)
            } catch {
                throw ContainerError(error.kind, "\(step): \(error.reason)")
            }
        }
    }

    private mutating func open(_ step: InitStep, at index: Int, _ opensAll: Bool)
        throws(ContainerError)
    {
        switch step {
        case .attachRoot(let path, _), .openRoot(let path):
            if opensAll { trees[index] = try Self.cloneRoot(path) }
        case .mount(let mount):
            if case .bind(let recursively) = mount.options.source, !mount.options.isRemount {
                guard opensAll || mount.idMapping != nil || mount.sharesWithHost else { return }
                trees[index] = try clone(mount, recursively: recursively)
            } else if let mapping = mount.idMapping {
                userNamespaces[index] = try userNamespace(mapping.source)
            }
        default: return
        }
    }

    private static func cloneRoot(_ path: String) throws(ContainerError) -> SharedDescriptor {
        try calling { () throws(SystemCallError) in
            let tree = SharedDescriptor(try Source.cloneRoot(path))
            try cutOff(tree.descriptor)
            return tree
        }
    }

    private mutating func clone(_ mount: MountPlan, recursively: Bool) throws(ContainerError)
        -> SharedDescriptor
    {
        let tree = try Self.calling { () throws(SystemCallError) in
            let tree = SharedDescriptor(
                try Source.clone(mount.source, recursively: recursively))
            if !mount.sharesWithHost { try Self.cutOff(tree.descriptor) }
            return tree
        }
        if let mapping = mount.idMapping {
            try mapping.apply(
                try userNamespace(mapping.source), to: tree.descriptor, subject: mount.source)
        }
        return tree
    }

    /// From the host's propagation, as the first process's own namespace would be.
    private static func cutOff(_ tree: borrowing FileDescriptor) throws(SystemCallError) {
        try Mounting.change(tree, propagation: .slave, recursively: true, subject: "")
    }

    private static func calling<R>(_ body: () throws(SystemCallError) -> R) throws(ContainerError)
        -> R
    {
        do throws(SystemCallError) {
            return try body()
        } catch {
            throw ContainerError(.failed, error.description)
        }
    }

    // MARK: Mappings

    /// A user namespace with these mappings; the same one for all mounts that ask for the same.
    private mutating func userNamespace(_ source: MountIDMapping.Source) throws(ContainerError)
        -> SharedDescriptor
    {
        for known in mapped where known.source == source { return known.namespace }
        let namespace =
            switch source {
            case .mappings(let uids, let gids): try Self.makeUserNamespace(uids, gids)
            case .namespace(let path): SharedDescriptor(try Preflight.open(.user, path))
            }
        mapped.append((source, namespace))
        return namespace
    }

    /// Makes a process in a new user namespace, maps its ids, and keeps the namespace alone.
    private static func makeUserNamespace(_ uids: [IDMapping], _ gids: [IDMapping])
        throws(ContainerError) -> SharedDescriptor
    {
        let ends = SplitPair(
            try during("map ids") { () throws(SystemCallError) in try Socket.pair(.packets) })
        let holder: Made
        switch try during(
            "map ids: make a user namespace",
            { () throws(SystemCallError) in try Process.clone(.user) })
        {
        case .child:
            FileDescriptor.closeOwned(ends.ours.number)
            // Nothing ever comes but the end, which is the parent's, too.
            _ = try? Socket.receive(from: ends.theirs.number, limit: 1)
            Process.exitNow(0)
        case .parent(let pid, let pidfd):
            holder = Made(pid: pid, pidfd: SharedDescriptor(pidfd))
        }
        defer {
            try? Process.send(Signal.kill, to: holder.pidfd.descriptor)
            _ = try? Process.wait(for: holder.pidfd.descriptor)
        }
        try IDMaps.writeDirectly(uids, gids, for: holder.pid)
        return try during("map ids") { () throws(SystemCallError) in
            SharedDescriptor(try File.open("/proc/\(holder.pid)/ns/user", .readOnlyAtOnce))
        }
    }

    private struct Made {
        var pid: Int32
        var pidfd: SharedDescriptor
    }
}

extension MountIDMapping {
    /// Gives a mount that is attached nowhere yet the owners that a user namespace maps to.
    func apply(
        _ namespace: SharedDescriptor, to mount: borrowing FileDescriptor, subject: String
    ) throws(ContainerError) {
        do throws(SystemCallError) {
            try Mounting.mapIDs(
                of: mount, by: namespace.descriptor, recursively: recursively, subject: subject)
        } catch where error.errno == .invalid {
            throw ContainerError(
                .failed,
                "\(error); the filesystem, or with ridmap one mounted below it, has no support for "
                    + "mapped ids")
        } catch where error.errno == .notPermitted {
            throw ContainerError(
                .failed,
                "\(error); the mount has mapped ids already, or its filesystem belongs to another "
                    + "user namespace")
        } catch {
            throw ContainerError(.failed, error.description)
        }
    }
}
