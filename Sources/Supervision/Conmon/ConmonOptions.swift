// SPDX-License-Identifier: Apache-2.0

/// conmon's command line (its man page has the words).
package struct ConmonOptions: Equatable, Sendable {
    /// Flags that have a value, by the name that the rest of us uses.
    enum Name: String, CaseIterable, Sendable {
        case cid, cuuid, name, bundle, runtime, restore, timeout
        case runtimeArg = "runtime-arg"
        case runtimeOpt = "runtime-opt"
        case restoreArg = "restore-arg"
        case execProcessSpec = "exec-process-spec"
        case containerPidfile = "container-pidfile"
        case conmonPidfile = "conmon-pidfile"
        case pidfile
        case exitDir = "exit-dir"
        case persistDir = "persist-dir"
        case socketDirPath = "socket-dir-path"
        case exitCommand = "exit-command"
        case exitCommandArg = "exit-command-arg"
        case exitDelay = "exit-delay"
        case logPath = "log-path"
        case logLevel = "log-level"
        case logSizeMax = "log-size-max"
        case logGlobalSizeMax = "log-global-size-max"
        case logMaxFiles = "log-max-files"
        case logTag = "log-tag"
        case logLabel = "log-label"
        case logAllowlistDir = "log-allowlist-dir"
        case sdnotifySocket = "sdnotify-socket"
    }

    /// Flags that have none.
    enum Switch: String, CaseIterable, Sendable {
        case apiVersion = "api-version"
        case systemdCgroup = "systemd-cgroup"
        case noPivot = "no-pivot"
        case noNewKeyring = "no-new-keyring"
        case exec
        case execAttach = "exec-attach"
        case terminal, stdin
        case leaveStdinOpen = "leave-stdin-open"
        case fullAttach = "full-attach"
        case sync
        case logRotate = "log-rotate"
        case noSyncLog = "no-sync-log"
        case noContainerPartialMessage = "no-container-partial-message"
        case syslog
        case replaceListenPid = "replace-listen-pid"
        case version, help
    }

    private static let short: [(Character, String)] = [
        ("c", "cid"), ("u", "cuuid"), ("n", "name"), ("b", "bundle"), ("r", "runtime"),
        ("p", "container-pidfile"), ("P", "conmon-pidfile"), ("0", "persist-dir"),
        ("T", "timeout"), ("l", "log-path"), ("s", "systemd-cgroup"), ("e", "exec"),
        ("t", "terminal"), ("i", "stdin"), ("h", "help"),
    ]

    private var values: [(name: Name, value: String)] = []
    private var switches: [Switch] = []

    package static func == (left: ConmonOptions, right: ConmonOptions) -> Bool {
        left.switches == right.switches && left.values.elementsEqual(right.values) { $0 == $1 }
    }

    /// Reads the words after the program's name. Those that are no flags mean nothing: engines
    /// write `--api-version 1`.
    package init(_ words: [String]) throws(SupervisionError) {
        var words = words[...]
        while let word = words.popFirst() {
            if word == "--" { return }
            if word.hasPrefix("--") {
                try read(long: word.dropFirst(2), &words)
            } else if word.hasPrefix("-"), word.utf8.count > 1 {
                try read(short: word.dropFirst(), &words)
            }
        }
    }

    private mutating func read(long text: Substring, _ words: inout ArraySlice<String>)
        throws(SupervisionError)
    {
        let equals = text.firstIndex(of: "=")
        let name = equals.map { text[..<$0] } ?? text
        if let known = Switch(rawValue: String(name)) {
            switches.append(known)
            return
        }
        guard let known = Name(rawValue: String(name)) else {
            throw SupervisionError("unknown option --\(name)")
        }
        if let equals {
            values.append((known, String(text[text.index(after: equals)...])))
        } else if let value = words.popFirst() {
            values.append((known, value))
        } else {
            throw SupervisionError("option --\(name) needs a value")
        }
    }

    /// Several may stand together: `-it`.
    private mutating func read(short text: Substring, _ words: inout ArraySlice<String>)
        throws(SupervisionError)
    {
        var rest = text
        while let letter = rest.popFirst() {
            guard let name = Self.short.first(where: { $0.0 == letter })?.1 else {
                throw SupervisionError("unknown option -\(letter)")
            }
            if let known = Switch(rawValue: name) {
                switches.append(known)
                continue
            }
            if let known = Name(rawValue: name) {
                if rest.isEmpty {
                    guard let value = words.popFirst() else {
                        throw SupervisionError("option -\(letter) needs a value")
                    }
                    values.append((known, value))
                } else {
                    values.append((known, String(rest.first == "=" ? rest.dropFirst() : rest)))
                }
                return
            }
        }
    }

    // MARK: Reading

    /// The value given last.
    subscript(name: Name) -> String? { values.last { $0.name == name }?.value }

    /// All values, in their order.
    func all(_ name: Name) -> [String] { values.filter { $0.name == name }.map(\.value) }

    func isSet(_ name: Switch) -> Bool { switches.contains(name) }

    /// A number, which must be one if it is there.
    func number(_ name: Name) throws(SupervisionError) -> Int? {
        guard let text = self[name] else { return nil }
        guard let number = Int(text) else {
            throw SupervisionError("option --\(name.rawValue): \"\(text)\" is no number")
        }
        return number
    }

    /// A number above 0; nil for any other, which stands for no limit.
    func limit(_ name: Name) throws(SupervisionError) -> Int? {
        guard let number = try number(name), number > 0 else { return nil }
        return number
    }

    /// The value of a flag that must be given.
    func required(_ name: Name) throws(SupervisionError) -> String {
        guard let value = self[name], !value.isEmpty else {
            throw SupervisionError("option --\(name.rawValue) must be given")
        }
        return value
    }

    /// Whether the version is asked for.
    package var asksForVersion: Bool { isSet(.version) }

    /// Whether help is asked for.
    package var asksForHelp: Bool { isSet(.help) }

    /// All flags, for help.
    package static var allFlags: [String] {
        (Name.allCases.map { "--\($0.rawValue) VALUE" } + Switch.allCases.map { "--\($0.rawValue)" })
            .sorted()
    }
}
