// SPDX-License-Identifier: Apache-2.0

internal import Linux

/// A mount of type `cgroup`: what the container sees of its own cgroups (runtime-linux.md).
extension InitProcess {
    mutating func mountCgroups(_ plan: MountPlan) throws(ContainerError) {
        guard let view = plan.cgroups, !view.hierarchies.isEmpty else {
            throw ContainerError(.failed, "no cgroup hierarchy is mounted on the host")
        }
        let target = try withRoot { (root) throws(SystemCallError) in
            try root.openMaking(plan.destination, .directory)
        }
        var attributes = plan.options.set
        if view.isUnified {
            let mount = try showHierarchy(view.hierarchies[0], attributes)
            try changeRecursively(mount, plan)
            try changePropagation(mount, plan)
            return try attach(mount, to: target, subject: plan.destination)
        }
        // v1, with or without cgroup2 beside it: a tmpfs with a directory for each hierarchy.
        attributes.remove(.readOnly)
        let directory = try attempt { () throws(SystemCallError) in
            let context = try FileSystemContext(type: "tmpfs")
            try context.set("source", to: "tmpfs")
            try context.set("mode", to: "755")
            return SharedDescriptor(try context.mount(attributes: attributes))
        }
        try attach(directory.descriptor, to: target, subject: plan.destination)
        for hierarchy in view.hierarchies {
            let mount = try showHierarchy(hierarchy, plan.options.set)
            try attempt { () throws(SystemCallError) in
                try File.makeDirectory(
                    hierarchy.name, at: directory.number, permissions: 0o755)
                let place = try File.open(
                    hierarchy.name, at: directory.number, .realDirectoryPath)
                try Mounting.attach(
                    mount, to: place, subject: "\(plan.destination)/\(hierarchy.name)")
                try linkControllers(of: hierarchy, in: directory.descriptor)
            }
        }
        if !plan.options.propagation.isEmpty || !plan.options.recursiveSet.isEmpty
            || !plan.options.recursiveClear.isEmpty
        {
            try changeAttached(directory.descriptor, subject: plan.destination) {
                (mount) throws(ContainerError) in
                try changeRecursively(mount, plan)
                try changePropagation(mount, plan)
            }
        }
        lateReadOnly.append(directory)
    }

    /// The part of a hierarchy that is the container's own, and no more of it.
    private func showHierarchy(_ hierarchy: CgroupView.Hierarchy, _ attributes: MountAttributes)
        throws(ContainerError) -> FileDescriptor
    {
        try attempt { () throws(SystemCallError) in
            let mount = try Mounting.clone(hierarchy.source)
            // What the container mounts below must not travel to the host's.
            try Mounting.change(
                mount, set: attributes, propagation: .slave, subject: hierarchy.source)
            return mount
        }
    }

    /// `cpu` and `cpuacct` both lead to a hierarchy that holds both.
    private func linkControllers(
        of hierarchy: CgroupView.Hierarchy, in directory: borrowing FileDescriptor
    ) throws(SystemCallError) {
        for controller in hierarchy.controllers {
            try File.makeSymbolicLink(controller, at: directory.number, to: hierarchy.name)
        }
    }
}
