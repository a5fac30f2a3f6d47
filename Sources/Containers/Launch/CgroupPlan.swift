// SPDX-License-Identifier: Apache-2.0

package import Cgroups
internal import Linux
internal import OCI

/// The cgroups that a new container is to have, and what is written to them: decided, and looked
/// at on the host, before anything is made.
///
/// A container has cgroups of its own in every hierarchy when its configuration names a place or
/// asks for resources. Else it has one, named by its id, in the hierarchy that costs least, so that
/// it can be paused, counted and killed whole; or none where the caller may not make it.
struct CgroupPlan {
    let creation: CgroupCreation
    let resources: ResourcePlan
    /// Whether the container's user becomes the owner (config-linux.md#cgroup-ownership).
    let delegates: Bool
    /// When systemd makes the cgroups: the scope.
    let scope: ScopePlan?

    /// nil when there are to be none. With `usesSystemd`, systemd is asked where they will be.
    init?(
        _ configuration: Configuration, id: ContainerID, host: Host, isManaged: Bool,
        usesSystemd: Bool = false, isStrict: Bool = false
    ) throws(ContainerError) {
        let path = configuration.linux.cgroupsPath ?? ""
        let asked = configuration.linux.resources.flatMap { $0 == Resources() ? nil : $0 }
        if !isManaged {
            guard asked == nil else {
                throw ContainerError(
                    .invalidConfiguration,
                    "linux.resources: limits need cgroups, and --cgroup-manager is disabled")
            }
            return nil
        }
        let isAsked = !path.isEmpty || asked != nil || usesSystemd
        guard let layout = host.cgroups, isAsked || !layout.hierarchies.isEmpty else {
            if !isAsked { return nil }
            throw ContainerError(.unsupported, "no cgroup hierarchy is mounted on this host")
        }
        do throws(CgroupError) {
            // The specification wants its default devices to be there whatever the rules are; that
            // nodes of all others can be made is only what engines expect.
            let devices = ResourcePlan.DevicePolicy(defaults: isStrict ? .nodes : .standard)
            resources = try ResourcePlan(
                asked ?? Resources(), support: layout.support, devices: devices)
            var needs = CgroupCreation.Needs(resources)
            needs.enablesAll = layout.isUnified
            needs.isOptional = !isAsked
            let place = isAsked ? layout : layout.least
            if usesSystemd {
                let scope = try ScopePlan(
                    path, asked ?? Resources(), configuration.annotations, id: id.text,
                    support: layout.support, devices: devices)
                needs.isMadeBySystemd = true
                needs.enablesAll = false
                creation = try CgroupCreation(.absolute(scope.path()), in: place, needs: needs)
                self.scope = scope
            } else {
                creation = try Self.creation(path, id, in: place, needs: needs)
                scope = nil
            }
            if creation.record.places.isEmpty, !isAsked { return nil }
            delegates = Cgroup.delegates(
                namespaces: configuration.linux.namespaces, mounts: configuration.mounts,
                layout: layout)
        } catch {
            throw ContainerError(error)
        }
    }

    /// At the path that is asked for; else at one named by the id, with a number behind it where a
    /// container of another state directory has that already.
    private static func creation(
        _ path: String, _ id: ContainerID, in layout: CgroupLayout, needs: CgroupCreation.Needs
    ) throws(CgroupError) -> CgroupCreation {
        if !path.isEmpty {
            return try CgroupCreation(CgroupPath(path, id: id.text), in: layout, needs: needs)
        }
        var number = 1
        while true {
            let name = number == 1 ? id.text : "\(id.text).\(number)"
            do throws(CgroupError) {
                return try CgroupCreation(CgroupPath(nil, id: name), in: layout, needs: needs)
            } catch where error.kind == .inUse && number < 100 {
                number += 1
            }
        }
    }

    /// Makes the cgroups and sets their limits. The caller has `creation.record` and the scope in
    /// its journal. A scope has to be started before.
    ///
    /// - Returns: nil when there are none, because the caller may not make them.
    func carryOut(owner: UInt32?, warn: (String) -> Void) throws(ContainerError) -> Cgroup? {
        do throws(CgroupError) {
            let cgroup = try creation.carryOut(warn: warn)
            if cgroup.record.places.isEmpty { return nil }
            try cgroup.apply(resources.steps)
            if delegates, let owner { try cgroup.changeOwner(to: owner) }
            return cgroup
        } catch {
            throw ContainerError(error)
        }
    }
}

extension ContainerError {
    /// What went wrong with cgroups.
    init(_ error: CgroupError) {
        let kind: Kind =
            switch error.kind {
            case .invalid, .inUse: .invalidConfiguration
            case .unsupported: .unsupported
            case .failed: .failed
            }
        self.init(kind, error.reason)
    }
}

/// Runs what concerns cgroups.
func withCgroups<R: ~Copyable>(_ body: () throws(CgroupError) -> R) throws(ContainerError) -> R {
    do throws(CgroupError) {
        return try body()
    } catch {
        throw ContainerError(error)
    }
}

/// What a mount of type `cgroup` shows: the container's own part of each hierarchy.
package struct CgroupView: Equatable, Sendable {
    /// One hierarchy.
    package struct Hierarchy: Equatable, Sendable {
        /// The directory below /sys/fs/cgroup.
        package var name: String
        /// Its controllers, when it has more than one and each gets a link.
        package var controllers: [String]
        /// The container's directory on the host.
        package var source: String
    }

    package var isUnified: Bool
    package var hierarchies: [Hierarchy]

    /// The view of a process in these cgroups, or, without any, of the caller.
    package init(_ layout: CgroupLayout, _ places: [CgroupPlace]) {
        isUnified = layout.isUnified
        hierarchies = layout.hierarchies.map { hierarchy in
            let place = places.first { $0.controllers == hierarchy.controllers }
            let own = joinedPath(hierarchy.visiblePath ?? [])
            return Hierarchy(
                name: hierarchy.name,
                controllers: hierarchy.controllers.count > 1 ? hierarchy.controllers : [],
                source: place?.absolutePath ?? "\(hierarchy.mountPoint)/\(own)")
        }
    }
}
