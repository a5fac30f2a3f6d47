// SPDX-License-Identifier: Apache-2.0

internal import Linux

/// The global flags as the program uses them.
struct GlobalOptions: Equatable, Sendable {
    /// The state directory; absolute.
    let root: String
    /// Follow the letter of the specification where engines rely on something else (martlet(8)).
    let isStrict: Bool
    /// Whether systemd is to make cgroups.
    let usesSystemd: Bool
    /// Whether containers get cgroups of their own.
    let managesCgroups: Bool
    /// Where to tell what was done, and when.
    let traceFile: String?

    /// - Throws: when the state directory cannot be one.
    init(_ values: OptionValues) throws(UsageError) {
        let given = values[.root] ?? Self.defaultRoot
        root =
            given == Self.systemRoot
            ? given : Self.normalized(given, from: (try? Process.currentDirectory()) ?? "/")
        isStrict = values.isSet(.strict)
        managesCgroups = values[.cgroupManager] != "disabled"
        traceFile = values[.trace]
        usesSystemd = values.isSet(.systemdCgroup) || values[.cgroupManager] == "systemd"
        // Its files would be mixed with the system's own.
        if given.isEmpty || root == "/" {
            throw UsageError(
                message: "flag \"--root\": \"\(given)\" cannot be the state directory",
                usage: CommandTable.usage)
        }
    }

    /// The log of `--log`, `--log-format`, `--log-level` and `--debug`.
    static func openLog(_ values: OptionValues) throws(SystemCallError) -> Log {
        var level = values[.logLevel].flatMap { Log.Level($0) }
        if values.isSet(.debug) { level = .debug }
        guard let path = values[.log], !path.isEmpty else { return Log(level: level) }
        let format = values[.logFormat].flatMap { Log.Format(rawValue: $0) }
        return try Log(to: path, format: format ?? .text, level: level)
    }

    /// Where root's containers are recorded.
    private static let systemRoot = "/run/martlet"

    private static var defaultRoot: String {
        let user = Process.effectiveUserID
        let directory = Process.environmentVariable("XDG_RUNTIME_DIR") ?? ""
        // Root in a user namespace, as podman is that of an ordinary user, cannot write elsewhere.
        if user == 0, directory.isEmpty || (try? Process.isInUserNamespace()) != true {
            return systemRoot
        }
        if !directory.isEmpty { return "\(directory)/martlet" }
        return "/tmp/martlet-\(user)"
    }

    /// An absolute path without ".", ".." and doubled slashes, as Go's `filepath.Abs` makes it.
    static func normalized(_ path: String, from directory: String) -> String {
        if isPlainPath(path) { return path }
        let whole = path.hasPrefix("/") ? path : "\(directory)/\(path)"
        var parts: [String] = []
        for part in whole.split(separator: "/") where part != "." {
            if part == ".." { _ = parts.popLast() } else { parts.append(String(part)) }
        }
        return "/\(joinedPath(parts))"
    }
}
