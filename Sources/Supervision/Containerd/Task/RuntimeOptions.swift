// SPDX-License-Identifier: Apache-2.0

internal import JSON
internal import Linux
package import Protobuf

/// What a caller has chosen of the runtime, however it was said.
package struct RuntimeOptions: Equatable, Sendable {
    package var message = ShimMessages.Options()

    package init() {}

    /// The state directories of runtimes, below which each namespace has its own.
    private static let defaultRoot = "/run/containerd/martlet"
    /// The file in a bundle that keeps them for `delete`.
    private static let fileName = "options.json"
    private static let fileLimit = 1 << 20

    /// Reads what came with a request.
    ///
    /// - Parameter any: nil for nothing chosen.
    /// - Throws: when something of that fails.
    package init(_ any: AnyMessage?) throws(CallError) {
        guard let any, !any.typeURL.isEmpty || !any.value.isEmpty else { return }
        switch any.typeName {
        case "containerd.runc.v1.Options":
            message = try Self.decoded(any.value)
        case "runtimeoptions.v1.Options", "cri.runtimeoptions.v1.Options":
            let generic: ShimMessages.GenericOptions = try Self.decoded(any.value)
            try read(generic)
        default:
            throw CallError(
                .invalidArgument, "the runtime has no options of the type \"\(any.typeURL)\"")
        }
    }

    private static func decoded<Options: Message>(_ bytes: [UInt8]) throws(CallError) -> Options {
        do throws(WireError) {
            return try Options(decoding: bytes)
        } catch {
            throw CallError(.invalidArgument, "the runtime's options cannot be read: \(error)")
        }
    }

    /// containerd does not know our options in its own configuration: there they are a JSON text,
    /// or the path of one.
    private mutating func read(_ generic: ShimMessages.GenericOptions) throws(CallError) {
        if !generic.configBody.isEmpty {
            try read(json: generic.configBody, subject: "the runtime's options")
        } else if !generic.configPath.isEmpty {
            let path = generic.configPath
            let text = try doing("the runtime's options") { () throws(SystemCallError) in
                try File.readAll(path, limit: Self.fileLimit)
            }
            try read(json: text, subject: path)
        }
    }

    private mutating func read(json: [UInt8], subject: String) throws(CallError) {
        do throws(JSONError) {
            let root = try JSONDocument(parsing: json).root
            var options = ShimMessages.Options()
            for member in try root.members() {
                let value = member.value
                switch member.key {
                case "no_pivot_root": options.noPivotRoot = try value.boolean()
                case "no_new_keyring": options.noNewKeyring = try value.boolean()
                case "shim_cgroup": options.shimCgroup = try value.string()
                case "io_uid": options.ioUID = try value.integer()
                case "io_gid": options.ioGID = try value.integer()
                case "binary_name": options.binaryName = try value.string()
                case "root": options.root = try value.string()
                case "systemd_cgroup": options.systemdCgroup = try value.boolean()
                case "criu_image_path": options.criuImagePath = try value.string()
                case "criu_work_path": options.criuWorkPath = try value.string()
                default: throw value.unexpected("no such option")
                }
            }
            message = options
        } catch {
            throw CallError(.invalidArgument, "\(subject): \(error)")
        }
    }

    // MARK: - In the bundle

    /// What a bundle has of an earlier shim; nil when that has made nothing.
    package init?(ofBundle bundle: String) throws(CallError) {
        let text: [UInt8]
        do throws(SystemCallError) {
            text = try File.readAll("\(bundle)/\(Self.fileName)", limit: Self.fileLimit)
        } catch where error.errno == .noEntry {
            return nil
        } catch {
            throw CallError(.unknown, "\(error)")
        }
        try read(json: text, subject: Self.fileName)
    }

    /// Keeps them in a bundle.
    package func keep(inBundle bundle: String) throws(CallError) {
        var json = JSONWriter()
        json.object { json in
            json.member("no_pivot_root", message.noPivotRoot)
            json.member("no_new_keyring", message.noNewKeyring)
            json.member("shim_cgroup", message.shimCgroup)
            json.member("io_uid", message.ioUID)
            json.member("io_gid", message.ioGID)
            json.member("binary_name", message.binaryName)
            json.member("root", message.root)
            json.member("systemd_cgroup", message.systemdCgroup)
            json.member("criu_image_path", message.criuImagePath)
            json.member("criu_work_path", message.criuWorkPath)
        }
        let bytes = json.bytes
        try doing("\(bundle)/\(Self.fileName)") { () throws(SystemCallError) in
            try File.replace(
                "\(bundle)/\(Self.fileName)", at: Directory.current, with: bytes,
                permissions: 0o600)
        }
    }

    // MARK: - What follows from them

    /// The state directory of a namespace's containers.
    package func root(ofNamespace namespace: String) -> String {
        "\(message.root.isEmpty ? Self.defaultRoot : message.root)/\(namespace)"
    }

    /// The runtime's path: the one that was chosen, or `martlet` beside this program, or in PATH.
    package func program() throws(CallError) -> String {
        let name = message.binaryName
        if !name.isEmpty {
            guard let path = Spawn.find(name) else {
                throw CallError(.notFound, "runtime \"\(name)\" is not in PATH")
            }
            return try executablePath(path, "runtime")
        }
        if let own = try? File.readSymbolicLink("/proc/self/exe"),
            let slash = own.lastIndex(of: "/")
        {
            let beside = "\(own[..<slash])/martlet"
            if (try? File.status(of: beside).type) == .regular { return beside }
        }
        if let path = Spawn.find("martlet") { return path }
        throw CallError(.notFound, "runtime \"martlet\" is neither beside the shim nor in PATH")
    }
}
