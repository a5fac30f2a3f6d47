// SPDX-License-Identifier: Apache-2.0

internal import Linux
internal import OCI

/// Looks at what the host must bring, before anything is made: a bundle that cannot work leaves
/// nothing behind.
enum Preflight {
    static func check(_ bundle: Bundle, _ request: CreateRequest) throws(ContainerError) {
        try checkRoot(bundle.rootfs)
        for namespace in bundle.configuration.linux.namespaces {
            if let path = namespace.path { _ = try open(namespace.kind, path) }
        }
        for (key, _) in bundle.configuration.linux.sysctl {
            try Sysctl.check(key, namespaces: bundle.configuration.linux.namespaces)
            try checkIsNotHosts(key, bundle.configuration.linux.namespaces)
        }
        try NetworkDevices.check(bundle.configuration)
        if let profile = bundle.configuration.linux.seccomp, bundle.configuration.process != nil {
            try SeccompAgent(profile, bundle: bundle.path)?.check()
        }
        try checkConsole(bundle.configuration, request)
    }

    static func checkRoot(_ path: String) throws(ContainerError) {
        let status: FileStatus
        do throws(SystemCallError) {
            status = try File.status(of: path, followingLink: false)
        } catch {
            throw ContainerError(
                .invalidConfiguration,
                "root.path: \"\(path)\": \(error.errno); a directory must be there")
        }
        if status.type == .symbolicLink {
            throw ContainerError(
                .invalidConfiguration,
                "root.path: \"\(path)\" is a symbolic link, and must be a directory itself")
        }
        if status.type != .directory {
            throw ContainerError(
                .invalidConfiguration, "root.path: \"\(path)\" is not a directory")
        }
    }

    /// Opens the file of a namespace, and makes sure that it stands for one of this kind
    /// (config-linux.md#namespaces).
    static func open(_ kind: Namespace.Kind, _ path: String) throws(ContainerError)
        -> FileDescriptor
    {
        let step = "linux.namespaces (\(kind.rawValue)): \"\(path)\""
        do throws(SystemCallError) {
            let file = try File.open(path, .readOnlyAtOnce)
            guard try File.fileSystem(of: file).isNamespace else {
                throw SystemCallError("open", path, .invalid)
            }
            guard try Process.kind(ofNamespace: file) == kind.flag else {
                throw SystemCallError("open", path, .invalid)
            }
            return file
        } catch where error.errno == .invalid {
            throw ContainerError(
                .invalidConfiguration, "\(step) is not a \(kind.rawValue) namespace")
        } catch {
            throw ContainerError(.invalidConfiguration, "\(step): \(error.errno)")
        }
    }

    /// Whether a file stands for a namespace that the caller is in.
    static func isOwn(_ kind: Namespace.Kind, _ path: String) throws(ContainerError) -> Bool {
        let name =
            switch kind {
            case .network: "net"
            case .mount: "mnt"
            default: kind.rawValue
            }
        let file = try open(kind, path)
        return try during("linux.namespaces (\(kind.rawValue))") { () throws(SystemCallError) in
            try File.status(of: file).isSameFile(as: File.status(of: "/proc/self/ns/\(name)"))
        }
    }

    /// A namespace that is joined may be the host's own; then its parameters are the host's too.
    static func checkIsNotHosts(_ key: String, _ namespaces: [Namespace])
        throws(ContainerError)
    {
        guard let kind = Sysctl.namespace(of: key),
            let path = namespaces.first(where: { $0.kind == kind })?.path
        else { return }
        if try isOwn(kind, path) {
            throw ContainerError(
                .invalidConfiguration,
                "linux.sysctl \"\(key)\": would change the host, because \"\(path)\" is the "
                    + "host's own \(kind.rawValue) namespace")
        }
    }

    private static func checkConsole(_ configuration: Configuration, _ request: CreateRequest)
        throws(ContainerError)
    {
        let wantsTerminal = configuration.process?.terminal == true
        switch request.console {
        case .none where wantsTerminal:
            throw ContainerError(
                .invalidConfiguration,
                "process.terminal is true, so a terminal must go somewhere: give --console-socket, "
                    + "or use run without --detach")
        case .socket where !wantsTerminal:
            throw ContainerError(
                .invalidConfiguration,
                "--console-socket was given, but process.terminal is not true")
        default: break
        }
    }
}
