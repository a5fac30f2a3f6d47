// SPDX-License-Identifier: Apache-2.0

internal import Linux

/// One more process of a container that is there: where the first one makes, this one enters.
extension InitProcess {
    /// Enters namespaces of the container's process, all in one call and by a descriptor of that
    /// process: no path of /proc can have been given to another process in the meantime. From here
    /// on no path is the host's.
    func enter(_ namespaces: NamespaceFlags) throws(ContainerError) {
        guard let target = resources.target else {
            preconditionFailure("a step that needs the container's process came without it")
        }
        try Self.enter(namespaces, of: target)
        if namespaces.contains(.user) { try becomeNamespaceRoot() }
    }

    /// The same for who makes the process.
    static func enter(_ namespaces: NamespaceFlags, of target: SharedDescriptor)
        throws(ContainerError)
    {
        do throws(SystemCallError) {
            try Process.join(target.descriptor, kind: namespaces, subject: "")
        } catch where error.errno == .noProcess {
            // On its way out: it has left its namespaces already.
            throw ContainerError(.wrongState, "cannot exec in a stopped container")
        } catch {
            let hint =
                error.errno == .notPermitted
                ? "; an ordinary user can enter only a container whose program runs" : ""
            throw ContainerError(
                .failed, "enter the container's namespaces: \(error.errno)\(hint)")
        }
    }

    /// A mount namespace brings its root filesystem along. One that is in no namespace is entered as
    /// the first process did.
    mutating func adoptRoot(isDetached: Bool) throws(ContainerError) {
        try attempt { () throws(SystemCallError) in
            if isDetached {
                guard let directory = resources.targetRoot else {
                    throw SystemCallError("open", "/", .noEntry)
                }
                try Process.changeDirectory(to: directory.descriptor)
                try Process.changeRoot(to: ".")
            }
            try Process.changeDirectory(to: "/")
        }
        root = try attempt { () throws(SystemCallError) in
            RootDirectory(SharedDescriptor(try File.open("/", .directoryPath)))
        }
    }
}
