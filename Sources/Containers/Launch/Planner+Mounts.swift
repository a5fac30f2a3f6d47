// SPDX-License-Identifier: Apache-2.0

internal import Linux
internal import OCI

/// The entries of `mounts`.
extension Planner {
    mutating func plan(_ mount: OCI.Mount, _ namespaces: NamespacePlan) throws(ContainerError)
        -> MountPlan
    {
        var plan = MountPlan(
            destination: mount.destination, type: mount.type ?? "none",
            source: mount.source ?? "", options: MountOptions(words: mount.options), cgroups: nil)
        if mount.type == "bind", plan.options.source == .fileSystem, !plan.options.isRemount {
            // Not in the specification's letter, but what engines write and mean.
            if request.isStrict {
                throw ContainerError(
                    .invalidConfiguration,
                    "mounts: \"\(mount.destination)\": a bind mount has bind or rbind among its "
                        + "options, whatever its type (--strict)")
            }
            plan.options.source = .bind(recursively: false)
        }
        if plan.isBind {
            guard let source = mount.source, !source.isEmpty else {
                throw ContainerError(
                    .invalidConfiguration,
                    "mounts: \"\(mount.destination)\": a bind mount needs a source")
            }
            plan.source = absolute(source)
            plan.sharesWithHost = sharesWithHost(plan, namespaces)
        } else if plan.type == "cgroup" || plan.type == "cgroup2" {
            plan.type = "cgroup"
            plan.cgroups = cgroups
        }
        plan.idMapping = try planIDMapping(of: mount, plan, namespaces)
        try refuseRemountOfWhatIsFixed(plan)
        if let word = plan.wordsWithoutEffect.first {
            warnings.append(
                "mounts: \"\(mount.destination)\": the option \"\(word)\" has no effect on "
                    + (plan.isBind ? "a bind mount" : "a mount of type \(plan.type)"))
        }
        return plan
    }

    /// The directory where `start` binds the socket that the container's READY=1 goes to.
    func notifyMount(of directory: String) -> MountPlan {
        MountPlan(
            destination: NotifySocket.directoryInContainer, type: "none",
            source: directory,
            options: MountOptions(words: ["bind", "nosuid", "noexec", "nodev", "ro"]), cgroups: nil)
    }

    /// Whether mounts made below this one travel to the host. Only where the configuration asks
    /// for it twice, for the root filesystem and for this mount, as engines do; never out of a
    /// user namespace, whose mounts the host must not be given; and only out of a mount namespace
    /// of the container's own, for without one nothing of its mounts must show.
    private func sharesWithHost(_ plan: MountPlan, _ namespaces: NamespacePlan) -> Bool {
        guard namespaces.hasOwnMounts, !namespaces.hasUserNamespace,
            plan.options.propagation.last?.kind == .shared
        else { return false }
        switch configuration.linux.rootfsPropagation {
        case .shared, .rshared: return true
        default: return false
        }
    }

    // MARK: Other owners

    private func planIDMapping(
        of mount: OCI.Mount, _ plan: MountPlan, _ namespaces: NamespacePlan
    ) throws(ContainerError) -> MountIDMapping? {
        guard plan.options.idMapping != nil || !mount.uidMappings.isEmpty else { return nil }
        func refusal(_ kind: ContainerError.Kind, _ reason: String) -> ContainerError {
            ContainerError(kind, "mounts: \"\(mount.destination)\": \(reason)")
        }
        if host.effectiveUserID != 0 {
            throw refusal(
                .unsupported,
                "only root can map the ids of a mount, and the caller is user "
                    + "\(host.effectiveUserID)")
        }
        if plan.options.isRemount || plan.needsClassicCall || plan.type == "cgroup" {
            throw refusal(
                .invalidConfiguration,
                "the ids of a mount can be mapped only while it is made, with a filesystem that "
                    + "can do it; not with remount, iversion, silent or an option over 255 bytes, "
                    + "and not of cgroups")
        }
        let recursively = plan.options.idMapping == .recursive
        if !mount.uidMappings.isEmpty {
            return MountIDMapping(
                source: .mappings(uids: mount.uidMappings, gids: mount.gidMappings),
                recursively: recursively)
        }
        if let joined = namespaces.joined.first(where: { $0.kind == .user }) {
            return MountIDMapping(source: .namespace(joined.path), recursively: recursively)
        }
        if namespaces.new.contains(.user) {
            return MountIDMapping(
                source: .mappings(uids: namespaces.uidMappings, gids: namespaces.gidMappings),
                recursively: recursively)
        }
        throw refusal(
            .invalidConfiguration,
            "\"\(recursively ? "ridmap" : "idmap")\" needs uidMappings and gidMappings here, or a "
                + "user namespace of the container's")
    }

    private func refuseRemountOfWhatIsFixed(_ plan: MountPlan) throws(ContainerError) {
        guard plan.options.isRemount, plan.options.inodeVersion != nil else { return }
        throw ContainerError(
            .unsupported,
            "mounts: \"\(plan.destination)\": iversion and noiversion cannot be changed by a "
                + "remount; give the word where the filesystem is mounted")
    }
}

extension MountPlan {
    /// Whether it shows what is mounted elsewhere already.
    package var isBind: Bool {
        if case .bind = options.source { return !options.isRemount }
        return false
    }

    /// Words that are understood, or handed on, without any effect here. mount(2) takes them with
    /// a bind mount and does not look at them (config.md#linux-mount-options: unknown options
    /// SHOULD be passed on).
    var wordsWithoutEffect: [String] {
        var words: [String] = []
        if options.copiesUp && (isBind || type != "tmpfs") { words.append("tmpcopyup") }
        guard case .bind = options.source else { return words }
        words += options.superblockFlags
        if options.inodeVersion == true { words.append("iversion") }
        return words + options.data
    }
}
