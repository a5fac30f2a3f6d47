// SPDX-License-Identifier: Apache-2.0

internal import Linux

/// A container's cgroups that are about to be made: first looked at, and written down by the
/// caller as they will be, then made.
package struct CgroupCreation: Sendable {
    /// What is asked of the host.
    package struct Needs: Equatable, Sendable {
        /// Controllers that the cgroup2 directory must have.
        package var unified: Set<String> = []
        /// Controllers whose v1 hierarchy must be writable.
        package var legacy: Set<String> = []
        /// Gives the container all that cgroup2 has, for its statistics and later updates, and
        /// not only what it needs. Off beside v1, where cgroup2 belongs to the host's init.
        package var enablesAll = true
        /// Goes without a cgroup that the caller may not make: nobody has asked for one.
        package var isOptional = false
        /// systemd makes the container's cgroups, where it has the hierarchy, and puts the first
        /// process in: they are looked at beforehand, and taken over afterwards.
        package var isMadeBySystemd = false

        package init() {}

        /// What a plan needs.
        package init(_ plan: ResourcePlan) {
            unified = plan.unifiedControllers
            legacy = plan.legacyControllers
        }

        /// Whether a place has a controller that is needed; for who is not the host's root.
        fileprivate func include(_ place: CgroupPlace) -> Bool {
            if place.isCgroup2 { return !unified.isEmpty }
            // Only the host's root can change access to devices (`Cgroup.apply`).
            return place.controllers.contains { $0 != "devices" && legacy.contains($0) }
        }
    }

    /// The cgroups, and in `made` every directory that will be made: for a journal, before
    /// `carryOut`. Rolling back with `Cgroup(record).delete()` is right after any part of it.
    package let record: CgroupRecord
    /// Directories of hierarchies that the caller may not write to, and that nothing needs.
    private let leftOut: [String]
    let needs: Needs
    private let isUnified: Bool

    /// Looks at where the container will live.
    ///
    /// A cgroup that is there already is taken if it is empty. With processes in it, or frozen,
    /// it is refused: what one container does would happen to the other
    /// (config-linux.md#control-groups).
    package init(_ path: CgroupPath, in layout: CgroupLayout, needs: Needs = .init())
        throws(CgroupError)
    {
        guard !layout.hierarchies.isEmpty else {
            throw CgroupError(.unsupported, "no cgroup hierarchy is mounted on this host")
        }
        var places: [CgroupPlace] = []
        var leftOut: [String] = []
        let mayLack = needs.isOptional || Self.lacksHostRights
        for var place in path.places(in: layout) {
            let (missing, isWritable) = try Self.look(at: place)
            place.made = missing
            if needs.isMadeBySystemd, place.isOfSystemd { place.made = [place.path] }
            if isWritable || !mayLack || (needs.isMadeBySystemd && place.isCgroup2)
                || needs.include(place)
            {
                places.append(place)
            } else {
                leftOut.append(place.absolutePath)
            }
        }
        record = CgroupRecord(places: places)
        self.leftOut = leftOut
        self.needs = needs
        isUnified = layout.isUnified
    }

    /// The directories on the way that are not there, after a look at the last that is, and
    /// whether the caller may make some there.
    private static func look(at place: CgroupPlace) throws(CgroupError)
        -> (missing: [String], isWritable: Bool)
    {
        let top = try CgroupDirectory(topOf: place)
        let names = place.names
        var missing: [String] = []
        var isWritable: Bool?
        for count in stride(from: names.count, through: 1, by: -1) {
            let path = names[..<count].joined(separator: "/")
            guard let directory = try top.open(path) else {
                missing.append(path)
                continue
            }
            if try directory.isFrozen(place.version) {
                throw CgroupError(
                    .inUse,
                    "cgroup \"\(directory.path)\" is frozen; a container in it could not start")
            }
            if count == names.count { try refusePopulated(directory, place.version) }
            isWritable = File.permits(.write, ".", at: directory.descriptor.number)
            break
        }
        if let isWritable { return (missing.reversed(), isWritable) }
        return (missing.reversed(), File.permits(.write, ".", at: top.descriptor.number))
    }

    private static func refusePopulated(
        _ directory: borrowing CgroupDirectory, _ version: CgroupVersion
    ) throws(CgroupError) {
        let isPopulated: Bool
        switch version {
        case .v2: isPopulated = try directory.count("populated", in: "cgroup.events") == 1
        case .v1: isPopulated = try !directory.processes().isEmpty
        }
        if isPopulated {
            throw CgroupError(
                .inUse,
                "cgroup \"\(directory.path)\" has processes in it; a container needs one of its "
                    + "own")
        }
    }

    /// Makes what is missing. When that fails, what was made is removed again.
    ///
    /// Who is not the host's root gets what was delegated to them: a hierarchy that they may not
    /// write to, and in which nothing is needed, is left out, and told to `warn` by name.
    package func carryOut(warn: (String) -> Void = { _ in }) throws(CgroupError) -> Cgroup {
        var places: [CgroupPlace] = []
        var leftOut = leftOut
        do throws(CgroupError) {
            for var place in record.places {
                place.made = []
                if try make(&place) {
                    if needs.isMadeBySystemd, place.isOfSystemd { place.made = [place.path] }
                    places.append(place)
                } else {
                    leftOut.append(place.absolutePath)
                }
            }
        } catch {
            // The container's process is in it already; all goes once that has ended.
            if needs.isMadeBySystemd { throw error }
            // The first error is the one to tell; what cannot be removed is in the journal.
            try? Cgroup(CgroupRecord(places: places)).delete()
            throw error
        }
        if !leftOut.isEmpty, !needs.isOptional {
            warn(
                "the container has no cgroup of its own at "
                    + leftOut.map { "\"\($0)\"" }.joined(separator: ", ")
                    + ": this user was not given the cgroup above")
        }
        return Cgroup(CgroupRecord(places: places))
    }

    // MARK: Making

    /// - Returns: false when the hierarchy is left out.
    private func make(_ place: inout CgroupPlace) throws(CgroupError) -> Bool {
        // Another container's delete can take away a parent that we found.
        var attempts = 16
        while true {
            do throws(CgroupError) {
                try walk(&place)
                return true
            } catch {
                attempts -= 1
                if error.errno == .noEntry, attempts > 0 { continue }
                Self.undo(place)
                let isRefused =
                    error.errno == .accessDenied || error.errno == .notPermitted
                    || error.errno == .readOnly
                if isRefused, needs.isOptional || Self.lacksHostRights, !needs.include(place) {
                    return false
                }
                throw error
            }
        }
    }

    /// Whether we are somebody else than the host's root.
    static var lacksHostRights: Bool {
        Process.effectiveUserID != 0 || (try? Process.isInUserNamespace()) ?? false
    }

    private static func undo(_ place: CgroupPlace) {
        // The error that led here is told; the journal still has the rest.
        try? Cgroup(CgroupRecord(places: [place])).delete()
    }

    private func walk(_ place: inout CgroupPlace) throws(CgroupError) {
        var current = try CgroupDirectory(topOf: place)
        let names = place.names
        for (index, name) in names.enumerated() {
            if place.isCgroup2 { try enableControllers(in: current) }
            let path = names[...index].joined(separator: "/")
            let child = try Self.openMaking(name, in: current, path, &place)
            if place.controllers.contains("cpuset") {
                try Self.inheritCPUSet(child, from: current)
            }
            current = child
        }
        if !place.made.contains(place.path), !needs.isMadeBySystemd {
            try Self.refusePopulated(current, place.version)
        }
        if place.isCgroup2 { try requireControllers(in: current) }
    }

    private static func openMaking(
        _ name: String, in parent: borrowing CgroupDirectory, _ path: String,
        _ place: inout CgroupPlace
    ) throws(CgroupError) -> CgroupDirectory {
        if let child = try parent.open(name) { return child }
        var isOurs = false
        do throws(SystemCallError) {
            try File.makeDirectory(name, at: parent.descriptor.number, permissions: 0o755)
            isOurs = true
            if !place.made.contains(path) { place.made.append(path) }
        } catch where error.errno == .exists {
            // Someone was faster, and owns it.
        } catch {
            throw CgroupError("cgroup \"\(place.mountPoint)/\(path)\"", error)
        }
        if let child = try parent.open(name) {
            if isOurs, path != place.path {
                try during("cgroup \"\(child.path)\"") { () throws(SystemCallError) in
                    try child.mark()
                }
            }
            return child
        }
        let cause = SystemCallError("open", "\(parent.path)/\(name)", .noEntry)
        throw CgroupError("cgroup \"\(place.mountPoint)/\(path)\"", cause)
    }

    /// A v1 cpuset without processors or memory nodes takes no process: a new one gets its
    /// parent's.
    private static func inheritCPUSet(
        _ child: borrowing CgroupDirectory, from parent: borrowing CgroupDirectory
    ) throws(CgroupError) {
        for file in ["cpuset.cpus", "cpuset.mems"] {
            guard let own = try child.read(file), words(of: own).isEmpty,
                let value = try parent.read(file).flatMap({ words(of: $0).first })
            else { continue }
            try during("cgroup \"\(child.path)\"") { () throws(SystemCallError) in
                try child.write(value, to: file)
            }
        }
    }

    // MARK: Controllers of cgroup2

    /// Lets children of a directory have controllers. What cannot be had is told at the end, and
    /// only if it is needed.
    private func enableControllers(in directory: borrowing CgroupDirectory) throws(CgroupError) {
        guard let list = try directory.read("cgroup.controllers") else { return }
        let available = words(of: list)
        var wanted = needs.unified
        if needs.enablesAll, isUnified { wanted.formUnion(available) }
        wanted.formIntersection(available)
        if wanted.isEmpty { return }
        wanted.subtract(words(of: try directory.read("cgroup.subtree_control") ?? ""))
        if wanted.isEmpty { return }
        let names = wanted.sorted()
        do throws(SystemCallError) {
            try directory.write(
                names.map { "+\($0)" }.joined(separator: " "), to: "cgroup.subtree_control")
        } catch {
            // One that cannot be had makes the kernel refuse all.
            for name in names {
                do throws(SystemCallError) {
                    try directory.write("+\(name)", to: "cgroup.subtree_control")
                } catch where !needs.unified.contains(name) {
                    continue
                } catch {
                    throw refusal(of: name, in: directory.path, error)
                }
            }
        }
    }

    private func refusal(of controller: String, in path: String, _ cause: SystemCallError)
        -> CgroupError
    {
        let reason: String
        switch cause.errno {
        case .busy, .unsupported:
            reason =
                "cgroup \"\(path)\" has processes of its own, and such a cgroup cannot give "
                + "controllers to its children; move them to a child of their own, or give an "
                + "absolute cgroupsPath elsewhere"
        case .accessDenied, .notPermitted:
            reason = "cgroup \"\(path)\" does not belong to this user; it has to be delegated"
        default:
            reason = "\(cause)"
        }
        return CgroupError(
            .unsupported, "the \(controller) controller cannot be enabled: \(reason)")
    }

    private func requireControllers(in directory: borrowing CgroupDirectory) throws(CgroupError) {
        if needs.unified.isEmpty { return }
        let available = words(of: try directory.read("cgroup.controllers") ?? "")
        for controller in needs.unified.sorted() where !available.contains(controller) {
            throw CgroupError(
                .unsupported,
                "the \(controller) controller is not available in cgroup \"\(directory.path)\"; a "
                    + "cgroup above it has to be given it")
        }
    }
}
