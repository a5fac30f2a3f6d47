// SPDX-License-Identifier: Apache-2.0

internal import Linux

/// What conmon's command line and environment come to.
struct ConmonSettings {
    let id: String
    let uuid: String
    let runtime: String
    let bundle: String
    let isExec: Bool
    /// Whether clients find sockets and fifos in the bundle: not for an exec that has none, as
    /// CRI-O's, which must not take its container's place.
    let servesClients: Bool
    let isExecAttached: Bool
    let hasTerminal: Bool
    let usesData: Bool
    let pidFile: String
    let destinations: [LogDestination]
    let limits: LogLimits
    let labels: JournalLabels
    let exitCommand: ExitCommand?
    let timeLimit: Int?
    let options: ConmonOptions

    init(_ options: ConmonOptions) throws(SupervisionError) {
        self.options = options
        id = try options.required(.cid)
        // It becomes a part of paths.
        guard !id.utf8.contains(UInt8(ascii: "/")), id != ".", id != "..", !id.utf8.contains(0)
        else { throw SupervisionError("option --cid: \"\(id)\" is no name") }
        uuid = options[.cuuid] ?? id
        let name = try options.required(.runtime)
        guard let runtime = Spawn.find(name), File.permits(.execute, runtime) else {
            throw SupervisionError("option --runtime: \"\(name)\" cannot be executed")
        }
        self.runtime = runtime
        bundle = options[.bundle] ?? "."
        isExecAttached = options.isSet(.execAttach)
        isExec = options.isSet(.exec) || isExecAttached
        servesClients = !isExec || options[.bundle] != nil
        if isExec { _ = try options.required(.execProcessSpec) }
        hasTerminal = options.isSet(.terminal)
        usesData = options.isSet(.apiVersion)
        pidFile =
            options[.containerPidfile] ?? options[.pidfile] ?? "\(bundle)/pidfile-\(id)"
        destinations = try Self.destinations(options)
        var limits = LogLimits(
            size: try options.limit(.logSizeMax), total: try options.limit(.logGlobalSizeMax))
        if options.isSet(.logRotate) {
            limits.olderFiles = min(1000, try options.limit(.logMaxFiles) ?? 1)
        }
        self.limits = limits
        var labels = JournalLabels()
        labels.id = id
        labels.name = options[.name]
        labels.tag = options[.logTag]
        labels.others = options.all(.logLabel)
        for label in labels.others where !Self.isField(label) {
            throw SupervisionError("option --log-label: \"\(label)\" is no NAME=VALUE")
        }
        labels.marksParts = !options.isSet(.noContainerPartialMessage)
        self.labels = labels
        exitCommand = try options[.exitCommand].map { (program) throws(SupervisionError) in
            ExitCommand(
                program: program, arguments: options.all(.exitCommandArg),
                delay: try options.limit(.exitDelay) ?? 0)
        }
        timeLimit = try options.limit(.timeout)
    }

    private static func destinations(_ options: ConmonOptions) throws(SupervisionError)
        -> [LogDestination]
    {
        let words = options.all(.logPath)
        if words.isEmpty { throw SupervisionError("option --log-path must be given") }
        var destinations: [LogDestination] = []
        for word in words {
            // podman's json-file has always been conmon's own format.
            let text = word.hasPrefix("json-file:") ? "k8s-file:\(word.dropFirst(10))" : word
            guard let destination = LogDestination(text) else {
                throw SupervisionError("option --log-path: \"\(word)\" is no log")
            }
            if case .file(_, let path) = destination {
                try checkAllowed(path, options.all(.logAllowlistDir))
            }
            destinations.append(destination)
        }
        return destinations
    }

    /// With directories named, logs are in or below one of them, by the files' real paths.
    private static func checkAllowed(_ path: String, _ directories: [String])
        throws(SupervisionError)
    {
        if directories.isEmpty { return }
        let parts = path.split(separator: "/")
        if !parts.contains("..") {
            let parent = "/" + parts.dropLast().joined(separator: "/")
            let real = realPath(of: parent)
            for directory in directories {
                if let allowed = realPath(of: directory), let real,
                    real == allowed || real.hasPrefix(allowed == "/" ? "/" : allowed + "/")
                {
                    return
                }
            }
        }
        throw SupervisionError("option --log-path: \"\(path)\" is in no directory that is allowed")
    }

    private static func realPath(of directory: String) -> String? {
        guard let opened = try? File.open(directory, .directoryPath) else { return nil }
        return try? File.readSymbolicLink(opened.procPath)
    }

    /// Names of the journal's fields are capital letters, digits and underscores.
    private static func isField(_ label: String) -> Bool {
        guard let equals = label.utf8.firstIndex(of: UInt8(ascii: "=")) else { return false }
        let name = label.utf8[..<equals]
        guard let first = name.first, first != UInt8(ascii: "_") else { return false }
        return name.allSatisfy {
            (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) || $0 == UInt8(ascii: "_")
                || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
        }
    }

    /// What the container has for its streams.
    var streamKind: ContainerStreams.Kind {
        if destinations.contains(.passthrough) { return .inherited }
        return hasTerminal ? .terminal : .pipes(input: options.isSet(.stdin))
    }

    /// The words after the runtime's program, with the socket for the terminal.
    func runtimeArguments(console: String?) -> [String] {
        var words: [String] = []
        // An exec finds its container's cgroup by itself.
        if options.isSet(.systemdCgroup) && !isExec { words.append("--systemd-cgroup") }
        words += options.all(.runtimeArg)
        if isExec {
            words += ["exec", "--pid-file", pidFile]
            words += ["--process", options[.execProcessSpec] ?? "", "--detach"]
        } else {
            words += [options[.restore] == nil ? "create" : "restore"]
            words += ["--bundle", bundle, "--pid-file", pidFile]
            if options.isSet(.noPivot) { words.append("--no-pivot") }
            if options.isSet(.noNewKeyring) { words.append("--no-new-keyring") }
            if let image = options[.restore] {
                words += ["--detach", "--image-path", image, "--work-path", bundle]
                words += options.all(.restoreArg)
            }
        }
        words += options.all(.runtimeOpt)
        if let console { words += ["--console-socket", console] }
        return words + [id]
    }
}
