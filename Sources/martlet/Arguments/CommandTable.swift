// SPDX-License-Identifier: Apache-2.0

/// Every command there is.
enum CommandName: String, CaseIterable, Sendable {
    case create, start, state, kill, delete, run, exec, list, ps, pause, resume, update, events
    case checkpoint, restore, spec, check, features, completion, help, version

    /// Whether a program of a container descends from this command's process.
    var launchesProgram: Bool {
        switch self {
        case .create, .run, .exec, .restore: true
        default: false
        }
    }
}

/// The command line as a table: the only place that knows a flag's or a command's name.
enum CommandTable {
    /// `usage: martlet [global flags] COMMAND …`
    static let usage = "usage: martlet [global flags] COMMAND [flags] [operands]"

    /// Flags before the command.
    static var globalOptions: [OptionGrammar] {
        [
            OptionGrammar(
                .root, .text("DIR"),
                "where containers are recorded (default: /run/martlet; without root"
                    + " $XDG_RUNTIME_DIR/martlet)"),
            OptionGrammar(.log, .text("FILE"), "tell errors to this file too"),
            OptionGrammar(
                .logFormat, .choice(["text", "json"]),
                "how they are written there (default: text)"),
            OptionGrammar(
                .logLevel, .choice(["error", "warning", "info", "debug"]),
                "the least that is worth telling"),
            OptionGrammar(.debug, .boolean, "the same as --log-level debug"),
            OptionGrammar(.systemdCgroup, .boolean, "let systemd make cgroups"),
            OptionGrammar(
                .cgroupManager, .choice(["cgroupfs", "systemd", "disabled"]),
                "who makes cgroups (default: cgroupfs)"),
            OptionGrammar(
                .rootless, .choice(["true", "false", "auto"]),
                "run without root's rights (default: auto)"),
            OptionGrammar(
                .strict, .boolean,
                "follow the letter of the specification where engines expect otherwise"),
            OptionGrammar(
                .trace, .text("FILE"),
                "write what was done, and when, to this file, in Chrome's trace format"),
            OptionGrammar(.version, short: "v", .boolean, "print the version"),
            help,
        ]
    }

    /// Every command's.
    static var help: OptionGrammar { OptionGrammar(.help, short: "h", .boolean, "print this help") }

    /// What there is to know of a command.
    static func grammar(of command: CommandName) -> CommandGrammar {
        switch command {
        case .create: create
        case .run: run
        case .exec: exec
        case .checkpoint: checkpoint
        case .restore: restore
        case .start, .state, .pause, .resume: ofOneContainer(command)
        case .ps: ps
        case .update: update
        case .events: events
        case .kill: kill
        case .delete: delete
        case .list: list
        case .spec: spec
        case .check: check
        case .features, .completion, .help, .version: ofTheProgram(command)
        }
    }

    private static var id: OperandGrammar { OperandGrammar("ID") }

    static var bundle: OptionGrammar {
        OptionGrammar(
            .bundle, short: "b", .text("DIR"), "the bundle's directory (default: the current one)")
    }

    private static var creation: [OptionGrammar] {
        [
            bundle,
            OptionGrammar(
                .consoleSocket, .text("SOCKET"), "send the terminal's master to this Unix socket"),
            OptionGrammar(
                .pidfdSocket, .text("SOCKET"), "send a pidfd of the process to this Unix socket"),
            OptionGrammar(.pidFile, .text("FILE"), "write the process's pid to this file"),
            OptionGrammar(
                .noPivot, .boolean, "move the root filesystem over / instead of pivoting to it"),
            OptionGrammar(
                .noNewKeyring, .boolean, "keep the caller's session keyring in the container"),
            OptionGrammar(
                .preserveFds, .number("N"),
                "pass N more descriptors on, after those of LISTEN_FDS (default: 0)"),
        ]
    }

    private static var exec: CommandGrammar {
        CommandGrammar(
            name: .exec, summary: "run one more program in a container",
            options: [
                OptionGrammar(.cwd, .text("DIR"), "its working directory in the container"),
                OptionGrammar(
                    .env, short: "e", .text("NAME=VALUE"), "add a variable; may be repeated",
                    isRepeatable: true),
                OptionGrammar(.tty, short: "t", .boolean, "give it a terminal"),
                OptionGrammar(.user, short: "u", .text("UID[:GID]"), "who it is, in numbers"),
                OptionGrammar(
                    .additionalGids, short: "g", .text("GID"), "add a group; may be repeated",
                    isRepeatable: true),
                OptionGrammar(
                    .process, short: "p", .text("FILE"),
                    "take the process from this file, as config.json has it"),
                OptionGrammar(.detach, short: "d", .boolean, "do not wait: leave it running"),
                OptionGrammar(.pidFile, .text("FILE"), "write its pid to this file"),
                OptionGrammar(
                    .consoleSocket, .text("SOCKET"),
                    "send the terminal's master to this Unix socket"),
                OptionGrammar(
                    .pidfdSocket, .text("SOCKET"),
                    "send a pidfd of the process to this Unix socket"),
                OptionGrammar(.processLabel, .text("LABEL"), "its SELinux label"),
                OptionGrammar(.apparmor, .text("PROFILE"), "its AppArmor profile"),
                OptionGrammar(
                    .noNewPrivileges, .boolean, "let it gain no privileges by what it executes"),
                OptionGrammar(
                    .capability, short: "c", .text("CAP"), "add a capability; may be repeated",
                    isRepeatable: true),
                OptionGrammar(
                    .preserveFds, .number("N"), "pass N more descriptors on (default: 0)"),
                OptionGrammar(
                    .cgroup, .text("[CONTROLLER:]PATH"),
                    "put it into this cgroup below the container's; may be repeated",
                    isRepeatable: true),
                OptionGrammar(
                    .ignorePaused, .boolean, "also when the container is paused: it waits then"),
                help,
            ], operands: [id], rest: "COMMAND",
            discussion: """
                What is not given is as in the container's own process, as it was made. Signals are \
                passed on. The exit code is the program's, or 128 and the number of the signal that \
                ended it; 255 is a failure of martlet.
                """)
    }

    private static var create: CommandGrammar {
        CommandGrammar(
            name: .create, summary: "make a container, whose program waits for start",
            options: creation + [help], operands: [id],
            discussion: """
                The container is made from the bundle's config.json; later changes to that file \
                have no effect.
                """)
    }

    private static var run: CommandGrammar {
        CommandGrammar(
            name: .run, summary: "make a container, start it, wait for its end and delete it",
            options: creation + [
                OptionGrammar(.detach, short: "d", .boolean, "do not wait: leave it running"),
                OptionGrammar(.keep, .boolean, "do not delete it when it has ended"),
                OptionGrammar(
                    .noSubreaper, .boolean, "leave orphans of the container to others to reap"),
                help,
            ], operands: [id],
            discussion: """
                Signals are passed on to the program. The exit code is the program's, or 128 and \
                the number of the signal that ended it.
                """)
    }

    private static func ofOneContainer(_ name: CommandName) -> CommandGrammar {
        let (summary, discussion) =
            switch name {
            case .start:
                (
                    "start a created container's program",
                    "Fails, and says why, when the program cannot be executed."
                )
            case .pause:
                (
                    "stop every process of a container where it is",
                    "They go on when the container is resumed."
                )
            case .resume:
                ("let a paused container go on", "A container that is not paused is an error.")
            default:
                (
                    "print a container's state",
                    "The state is JSON, as the runtime specification defines it."
                )
            }
        return CommandGrammar(
            name: name, summary: summary, options: [help], operands: [id],
            discussion: discussion)
    }

    private static var kill: CommandGrammar {
        CommandGrammar(
            name: .kill, summary: "send a signal to a container's process",
            options: [
                OptionGrammar(.all, short: "a", .boolean, "to every process of the container"),
                help,
            ], operands: [id, OperandGrammar("SIGNAL", .signal, isRequired: false)],
            discussion: "A signal is a name (TERM, SIGTERM, RTMIN+3) or a number (default: TERM).")
    }

    private static var delete: CommandGrammar {
        CommandGrammar(
            name: .delete, summary: "delete a container that has stopped",
            options: [
                OptionGrammar(.force, short: "f", .boolean, "kill it first if need be"), help,
            ], operands: [id],
            discussion: """
                A container that was created but not started is killed and deleted; with the \
                global flag --strict it is not. Forced, a container that does not exist is no error.
                """)
    }

    private static var list: CommandGrammar {
        CommandGrammar(
            name: .list, summary: "list containers",
            options: [
                OptionGrammar(.format, short: "f", .choice(["table", "json"]), "(default: table)"),
                OptionGrammar(.quiet, short: "q", .boolean, "only ids"), help,
            ], operands: [], discussion: "Lists what is recorded below --root.")
    }

    private static var spec: CommandGrammar {
        CommandGrammar(
            name: .spec, summary: "write a config.json to begin with",
            options: [
                bundle,
                OptionGrammar(.rootless, .boolean, "for a container that runs without root"), help,
            ], operands: [], discussion: "A file that is there already is left as it is.")
    }

    private static var check: CommandGrammar {
        CommandGrammar(
            name: .check, summary: "say what would fail, before it does",
            options: [
                bundle, OptionGrammar(.json, .boolean, "print one JSON object, for programs"), help,
            ], operands: [],
            discussion: """
                Looks at a bundle's config.json, its root filesystem and this host, and changes \
                nothing. Exits with 1 when create or start would fail.
                """)
    }

    private static func ofTheProgram(_ name: CommandName) -> CommandGrammar {
        switch name {
        case .features:
            CommandGrammar(
                name: name, summary: "print what this runtime supports", options: [help],
                operands: [],
                discussion: "The answer is JSON, as features.md of the specification defines it.")
        case .completion:
            CommandGrammar(
                name: name, summary: "print a script that completes words in a shell",
                options: [help],
                operands: [
                    OperandGrammar("SHELL", .choice(Completion.Shell.allCases.map(\.rawValue)))
                ],
                discussion: "SHELL is bash, zsh or fish.")
        case .help:
            CommandGrammar(
                name: name, summary: "print help", options: [help],
                operands: [OperandGrammar("COMMAND", .command, isRequired: false)],
                discussion: "Without a command, lists commands and global flags.")
        default:
            CommandGrammar(
                name: name, summary: "print the version", options: [help], operands: [],
                discussion: "The same as --version.")
        }
    }
}
