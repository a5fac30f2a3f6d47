// SPDX-License-Identifier: Apache-2.0

/// A command line that cannot be understood.
struct ShimUsageError: Error {
    let message: String
    let usage: String
}

/// A command for people: its flags and operands, for parsing and for help.
struct ShimCommand: Sendable {
    /// A flag of a command.
    struct Flag: Sendable {
        let name: String
        /// What its value is called; nil when it has none.
        let value: String?
        let help: String

        init(_ name: String, _ value: String? = nil, _ help: String) {
            self.name = name
            self.value = value
            self.help = help
        }
    }

    let name: String
    let summary: String
    let flags: [Flag]
    /// Whether it is about one container.
    let hasID: Bool

    var usage: String {
        "usage: martlet-shim \(name)\(flags.isEmpty ? "" : " [flags]")\(hasID ? " ID" : "")"
    }

    private static let root = Flag(
        "root", "DIR", "where containers are recorded (default: /run/martlet-shim)")

    static let all: [ShimCommand] = [
        ShimCommand(
            name: "run", summary: "make and start a container, and watch it in the background",
            flags: [
                root,
                Flag("bundle", "DIR", "the bundle's directory (default: the current one)"),
                Flag("runtime", "PROGRAM", "the OCI runtime (default: martlet)"),
                Flag("runtime-arg", "WORD", "a global flag for it; may be given more than once"),
                Flag(
                    "log", "FORMAT:FILE",
                    "where output is kept: k8s-file, json-file, journald or off (default: k8s-file, "
                        + "beside the record)"),
                Flag("log-size-max", "BYTES", "begin a new file at this size, such as 64k or 10m"),
                Flag("log-max-files", "N", "keep N older files then (default: 1)"),
                Flag("stdin", nil, "let clients write the program's input"),
                Flag("exit-command", "PROGRAM", "run this when the container has ended"),
                Flag("exit-command-arg", "WORD", "a word for it; may be given more than once"),
                Flag("delete", nil, "have the runtime delete the container when it has ended"),
                Flag("runtime-timeout", "SECONDS", "how long one call may take (default: 60)"),
            ], hasID: true),
        ShimCommand(
            name: "attach", summary: "join a container's streams; Ctrl-P Ctrl-Q leaves a terminal",
            flags: [root, Flag("no-stdin", nil, "leave its input alone")], hasID: true),
        ShimCommand(
            name: "logs", summary: "show what a container has written",
            flags: [
                root, Flag("follow", nil, "go on until it ends (-f)"),
                Flag("tail", "N", "only the last N lines"),
                Flag("timestamps", nil, "with the time before each line (-t)"),
            ], hasID: true),
        ShimCommand(
            name: "wait", summary: "wait for a container's end, and print its exit code",
            flags: [root], hasID: true),
        ShimCommand(
            name: "list", summary: "show the containers on record",
            flags: [
                root, Flag("format", "table|json", "how (default: table)"),
                Flag("quiet", nil, "ids alone (-q)"),
            ], hasID: false),
        ShimCommand(
            name: "remove", summary: "take a container that has ended off the record",
            flags: [root], hasID: true),
    ]

    /// One letter for a flag.
    static func long(_ letter: String) -> String? {
        switch letter {
        case "b": "bundle"
        case "f": "follow"
        case "t": "timestamps"
        case "q": "quiet"
        case "i": "stdin"
        case "h": "help"
        default: nil
        }
    }
}

/// The words of a command, understood.
struct ShimArguments {
    private var values: [(name: String, value: String)] = []
    private(set) var id = ""
    private(set) var asksForHelp = false
    let command: ShimCommand

    init(_ command: ShimCommand, _ words: [String]) throws(ShimUsageError) {
        self.command = command
        var words = words[...]
        var operands: [String] = []
        while let word = words.popFirst() {
            if word == "--" {
                operands += words
                break
            }
            guard word.hasPrefix("-"), word.utf8.count > 1 else {
                operands.append(word)
                continue
            }
            try read(flag: word, &words)
        }
        if asksForHelp { return }
        if operands.count > (command.hasID ? 1 : 0) {
            throw error("\"\(operands[command.hasID ? 1 : 0])\" is one word too many")
        }
        if command.hasID {
            guard let id = operands.first else { throw error("\(command.name) needs ID") }
            self.id = id
        }
    }

    private mutating func read(flag word: String, _ words: inout ArraySlice<String>)
        throws(ShimUsageError)
    {
        let text = word.dropFirst(word.hasPrefix("--") ? 2 : 1)
        let equals = text.firstIndex(of: "=")
        var name = String(equals.map { text[..<$0] } ?? text)
        if !word.hasPrefix("--"), let long = ShimCommand.long(name) { name = long }
        if name == "help" {
            asksForHelp = true
            return
        }
        guard let flag = command.flags.first(where: { $0.name == name }) else {
            throw error("unknown flag \"\(word.prefix { $0 != "=" })\"")
        }
        guard let placeholder = flag.value else {
            if equals != nil { throw error("flag \"--\(name)\" has no value") }
            values.append((name, "true"))
            return
        }
        if let equals {
            values.append((name, String(text[text.index(after: equals)...])))
        } else if let value = words.popFirst() {
            values.append((name, value))
        } else {
            throw error("flag \"--\(name)\" needs a value: \(placeholder)")
        }
    }

    func error(_ message: String) -> ShimUsageError {
        ShimUsageError(message: message, usage: command.usage)
    }

    subscript(name: String) -> String? { values.last { $0.name == name }?.value }

    func all(_ name: String) -> [String] { values.filter { $0.name == name }.map(\.value) }

    func isSet(_ name: String) -> Bool { self[name] != nil }

    /// A whole number from 0 on; nil when the flag was not given.
    func number(_ name: String) throws(ShimUsageError) -> Int? {
        guard let text = self[name] else { return nil }
        guard let number = Int32(text), number >= 0 else {
            throw error("flag \"--\(name)\": \"\(text)\" is not a number from 0 on")
        }
        return Int(number)
    }

    /// Bytes, perhaps with k, m or g, each 1024 times the one before.
    func size(_ name: String) throws(ShimUsageError) -> Int? {
        guard let text = self[name] else { return nil }
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        let shift: Int? =
            switch text[digits.endIndex...].lowercased() {
            case "", "b": 0
            case "k", "kb", "kib": 10
            case "m", "mb", "mib": 20
            case "g", "gb", "gib": 30
            default: nil
            }
        guard let number = Int32(digits), number > 0, let shift else {
            throw error("flag \"--\(name)\": \"\(text)\" is not a size such as 64k or 10m")
        }
        return Int(number) << shift
    }
}
