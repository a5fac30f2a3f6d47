// SPDX-License-Identifier: Apache-2.0

internal import Cgroups
internal import Linux
internal import OCI

/// One entry of `mounts`.
extension InitProcess {
    mutating func mount(_ plan: MountPlan, at index: Int) throws(ContainerError) {
        if RootDirectory.components(of: plan.destination).isEmpty {
            throw ContainerError(
                .invalidConfiguration, "nothing can be mounted over the root filesystem itself")
        }
        if plan.options.isRemount {
            try remount(plan)
        } else if case .bind(let recursively) = plan.options.source {
            try bind(plan, recursively: recursively, at: index)
        } else if plan.type == "cgroup" {
            try mountCgroups(plan)
        } else {
            try mountFileSystem(plan, at: index)
        }
    }

    // MARK: Filesystems

    private mutating func mountFileSystem(_ plan: MountPlan, at index: Int) throws(ContainerError) {
        // A link in the image must not decide where /proc and /sys are (CVE-2019-19921).
        let isKernelInterface = plan.type == "proc" || plan.type == "sysfs"
        let target = try withRoot { (root) throws(SystemCallError) in
            try root.openMaking(
                plan.destination, .directory, followingLinks: !isKernelInterface)
        }
        try refuseInsideProc(target, plan)
        if plan.needsClassicCall { return try mountClassically(plan, on: target) }
        let mount = try attempt { () throws(SystemCallError) in
            let mount = try makeFileSystem(plan)
            if plan.options.copiesUp, plan.type == "tmpfs" {
                try CopyUp.copy(
                    from: target, to: mount,
                    keepingMode: !plan.options.data.contains { $0.hasPrefix("mode=") })
            }
            try labelRoot(of: mount, plan)
            return SharedDescriptor(mount)
        }
        if let mapping = plan.idMapping, let namespace = resources.userNamespaces[index] {
            try mapping.apply(namespace, to: mount.descriptor, subject: plan.type)
        }
        // The plain attributes it was made with.
        try changeRecursively(mount.descriptor, plan)
        try changePropagation(mount.descriptor, plan)
        try attach(mount.descriptor, to: target, subject: plan.destination)
        if plan.isReadOnlyLate { lateReadOnly.append(mount) }
        if plan.type == "proc", mountedProcfs == nil { mountedProcfs = mount }
    }

    private func makeFileSystem(_ plan: MountPlan) throws(SystemCallError) -> FileDescriptor {
        let context = try FileSystemContext(type: plan.type)
        if !plan.source.isEmpty { try context.set("source", to: plan.source) }
        try configure(context, plan)
        if case .context(let label) = label(of: plan) { try context.set("context", to: label) }
        var attributes = plan.options.set
        if plan.isReadOnlyLate { attributes.remove(.readOnly) }
        return try context.mount(attributes: attributes)
    }

    private func label(of plan: MountPlan) -> MountLabel? {
        MountLabel(mountLabel, type: plan.type, data: plan.options.data)
    }

    /// Labels the root of a filesystem that takes no context when it is mounted.
    private func labelRoot(of mount: borrowing FileDescriptor, _ plan: MountPlan)
        throws(SystemCallError)
    {
        guard case .attribute(let label) = label(of: plan) else { return }
        let root = try File.open(".", at: mount.number, .realDirectory)
        try File.setAttribute("security.selinux", of: root, to: label)
    }

    /// Sets what concerns the filesystem as a whole.
    private func configure(_ context: borrowing FileSystemContext, _ plan: MountPlan)
        throws(SystemCallError)
    {
        for flag in plan.options.superblockFlags { try context.set(flag: flag) }
        if plan.options.isRemount {
            for flag in plan.options.clearedSuperblockFlags {
                // There is no word against dirsync; what is not set is off at first.
                if let opposite = Self.oppositeFlag(flag) { try context.set(flag: opposite) }
            }
        }
        if !plan.isVirtual {
            if plan.options.set.contains(.readOnly) { try context.set(flag: "ro") }
            if plan.options.clear.contains(.readOnly) { try context.set(flag: "rw") }
        }
        for word in plan.options.data {
            if let equals = word.firstIndex(of: "=") {
                try context.set(
                    String(word[..<equals]), to: String(word[word.index(after: equals)...]))
            } else {
                try context.set(flag: word)
            }
        }
    }

    private static func oppositeFlag(_ flag: String) -> String? {
        switch flag {
        case "sync": "async"
        case "lazytime": "nolazytime"
        case "mand": "nomand"
        default: nil
        }
    }

    /// mount(2), for what the newer calls cannot say: an option over 255 bytes, such as the layers
    /// of an overlay, `iversion` and `silent`. The target is named by its descriptor.
    private mutating func mountClassically(
        _ plan: MountPlan, on target: borrowing FileDescriptor
    ) throws(ContainerError) {
        if isRootDetached {
            throw ContainerError(
                .unsupported,
                "options over 255 bytes, \"iversion\" and \"silent\" need a mount namespace of "
                    + "the container's own: add {\"type\": \"mount\"} to linux.namespaces")
        }
        var data = plan.options.data
        // In quotes: categories are separated by commas, too.
        if case .context(let label) = label(of: plan) { data.append("context=\"\(label)\"") }
        let text = data.joined(separator: ",")
        let mount = try attempt { () throws(SystemCallError) in
            let known = Set(try MountInformation.table().map(\.id))
            try Mounting.mount(
                type: plan.type, source: plan.source, on: target,
                data: text, superblockFlags: plan.classicFlags)
            let mount = SharedDescriptor(try reopen(plan))
            // A directory on the way can be another container's, too, which has put a link in its
            // place meanwhile: what follows would be done to another mount, and not to this one.
            if known.contains(try MountInformation.id(of: mount.descriptor)) {
                throw SystemCallError("find again what was mounted at", plan.destination, .noEntry)
            }
            return mount
        }
        if plan.isReadOnlyLate { lateReadOnly.append(mount) }
        try changeAttributes(mount.descriptor, plan)
        try changePropagation(mount.descriptor, plan)
    }

    /// What is on top at the destination now.
    private func reopen(_ plan: MountPlan) throws(SystemCallError) -> FileDescriptor {
        guard let root else { throw SystemCallError("open", plan.destination, .badDescriptor) }
        return try root.open(plan.destination)
    }

    // MARK: Bind mounts

    private mutating func bind(_ plan: MountPlan, recursively: Bool, at index: Int)
        throws(ContainerError)
    {
        let source: SharedDescriptor
        if let opened = resources.sources[index] {
            source = opened
        } else {
            source = SharedDescriptor(
                try attempt { () throws(SystemCallError) in
                    try Source.clone(plan.source, recursively: recursively)
                })
        }
        let kind = try attempt { () throws(SystemCallError) in
            try File.status(of: source.descriptor).type == .directory
                ? RootDirectory.Kind.directory : .file
        }
        let target = try withRoot { (root) throws(SystemCallError) in
            try root.openMaking(plan.destination, kind)
        }
        try refuseUnfitProc(source: source, target, plan)
        try changeAttributes(source.descriptor, plan)
        try changePropagation(source.descriptor, plan)
        try attach(source.descriptor, to: target, subject: plan.destination)
    }

    /// `remount`: the mount that is there gets other properties; with `bind` it alone, else its
    /// filesystem too.
    private mutating func remount(_ plan: MountPlan) throws(ContainerError) {
        let mount = try withRoot { (root) throws(SystemCallError) in
            try root.open(plan.destination)
        }
        if plan.options.source == .fileSystem {
            try attempt { () throws(SystemCallError) in
                let context = try FileSystemContext(picking: mount, type: plan.type)
                try configure(context, plan)
                try context.reconfigure()
            }
        }
        try changeAttached(mount, subject: plan.destination) { (mount) throws(ContainerError) in
            try changeAttributes(mount, plan)
            try changePropagation(mount, plan)
        }
    }

    // MARK: Properties

    private func changeAttributes(_ mount: borrowing FileDescriptor, _ plan: MountPlan)
        throws(ContainerError)
    {
        let options = plan.options
        var set = options.set
        if plan.isReadOnlyLate { set.remove(.readOnly) }
        if !set.isEmpty || !options.clear.isEmpty {
            try attempt { () throws(SystemCallError) in
                try Mounting.change(
                    mount, set: set, clear: options.clear.completed(with: set),
                    subject: plan.destination)
            }
        }
        try changeRecursively(mount, plan)
    }

    /// Properties of a mount and all below it: the words with an `r` in front.
    func changeRecursively(_ mount: borrowing FileDescriptor, _ plan: MountPlan)
        throws(ContainerError)
    {
        let options = plan.options
        if options.recursiveSet.isEmpty && options.recursiveClear.isEmpty { return }
        try attempt { () throws(SystemCallError) in
            try Mounting.change(
                mount, set: options.recursiveSet,
                clear: options.recursiveClear.completed(with: options.recursiveSet),
                recursively: true, subject: plan.destination)
        }
    }

    func changePropagation(_ mount: borrowing FileDescriptor, _ plan: MountPlan)
        throws(ContainerError)
    {
        for change in plan.options.propagation {
            do throws(SystemCallError) {
                try Mounting.change(
                    mount, propagation: change.kind.mountPropagation,
                    recursively: change.recursively, subject: plan.destination)
            } catch {
                throw ContainerError(
                    .failed, "propagation \(change.kind.rawValue): \(error.errno)")
            }
        }
    }

    /// Mounts that were to be read-only, and had to be filled first.
    mutating func finishReadOnlyMounts() throws(ContainerError) {
        for mount in lateReadOnly {
            try changeAttached(mount.descriptor, subject: "") { (mount) throws(ContainerError) in
                try attempt { () throws(SystemCallError) in
                    try Mounting.change(mount, set: .readOnly, subject: "")
                }
            }
        }
        lateReadOnly = []
    }

    // MARK: /proc

    /// Files of procfs that lxcfs and its kin stand in for.
    private static func isHarmless(_ components: ArraySlice<String>) -> Bool {
        switch components.joined(separator: "/") {
        case "cpuinfo", "diskstats", "meminfo", "stat", "swaps", "uptime", "loadavg", "slabinfo",
            "sys/kernel/ns_last_pid", "sys/crypto/fips_enabled":
            true
        default: false
        }
    }

    /// Nothing is mounted inside /proc, but over the files above: a mount there could stand where
    /// the runtime or the program believes to write to the kernel (CVE-2019-16884).
    private func refuseInsideProc(_ target: borrowing FileDescriptor, _ plan: MountPlan)
        throws(ContainerError)
    {
        let isInside = try attempt { () throws(SystemCallError) in
            try File.fileSystem(of: target).isProc
        }
        let components = RootDirectory.components(of: plan.destination)
        if components.first == "proc" {
            if components.count == 1, plan.type == "proc", plan.options.source == .fileSystem {
                return
            }
            if components.count > 1, Self.isHarmless(components.dropFirst()) { return }
        } else if !isInside {
            return
        }
        throw ContainerError(
            .invalidConfiguration,
            "\"\(plan.destination)\" lies in /proc, where nothing but "
                + "a procfs and a few files of it may be mounted")
    }

    /// The same for a bind mount, which may put one procfs in place of another.
    private func refuseUnfitProc(
        source: SharedDescriptor, _ target: borrowing FileDescriptor, _ plan: MountPlan
    ) throws(ContainerError) {
        if RootDirectory.components(of: plan.destination) == ["proc"] {
            let isProc = try attempt { () throws(SystemCallError) in
                let status = try File.status(of: source.descriptor)
                return try File.fileSystem(of: source.descriptor).isProc && status.inode == 1
            }
            if isProc { return }
        }
        try refuseInsideProc(target, plan)
    }
}

extension MountPlan {
    /// Filesystems whose superblock is the kernel's or another mount's too: for them `ro` is a
    /// property of this mount alone.
    var isVirtual: Bool {
        ["proc", "sysfs", "tmpfs", "devpts", "mqueue", "cgroup", "overlay"].contains(type)
    }

    /// Whether only mount(2) can do it: fsconfig(2) takes values of at most 255 bytes.
    var needsClassicCall: Bool {
        options.inodeVersion == true || options.isSilent
            || options.data.contains { $0.utf8.count > 255 }
            || source.utf8.count > 255
    }

    var classicFlags: ClassicMountFlags {
        var flags: ClassicMountFlags = []
        for flag in options.superblockFlags {
            switch flag {
            case "sync": flags.insert(.synchronous)
            case "dirsync": flags.insert(.directorySync)
            case "lazytime": flags.insert(.lazyTime)
            case "mand": flags.insert(.mandatoryLocks)
            default: break
            }
        }
        if options.inodeVersion == true { flags.insert(.inodeVersion) }
        if options.isSilent { flags.insert(.silent) }
        return flags
    }
}

extension MountAttributes {
    /// The kernel wants the whole access time field cleared when one of its values is set
    /// (mount_setattr(2)).
    func completed(with set: MountAttributes) -> MountAttributes {
        set.isDisjoint(with: .accessTimeMask) ? self : union(.accessTimeMask)
    }
}
