// SPDX-License-Identifier: Apache-2.0

import OCI
import Testing

@testable import martlet

/// Parses a whole command line.
private func parse(_ words: [String]) throws -> (globals: OptionValues, request: Request) {
    var parser = ArgumentParser(words)
    try parser.parseGlobals()
    let request = try parser.parseCommand()
    return (parser.globals, request)
}

/// A command line that must be refused.
private func refusal(_ words: [String]) -> UsageError? {
    do {
        _ = try parse(words)
        return nil
    } catch {
        return error as? UsageError
    }
}

private func values(_ pairs: KeyValuePairs<OptionName, String>) -> OptionValues {
    var values = OptionValues()
    for (name, value) in pairs { values.set(name, to: value) }
    return values
}

@Suite struct `Arguments` {
    @Test(arguments: [
        ["create", "--bundle", "/b", "web"],
        ["create", "--bundle=/b", "web"],
        ["create", "-bundle", "/b", "web"],
        ["create", "-bundle=/b", "web"],
        ["create", "-b", "/b", "web"],
        ["create", "-b=/b", "web"],
        ["create", "--b=/b", "web"],
        ["create", "web", "--bundle", "/b"],
        ["create", "--bundle", "/b", "--", "web"],
        ["create", "--bundle", "/a", "--bundle", "/b", "web"],
        ["--", "create", "--bundle", "/b", "web"],
    ])
    func `every spelling of a flag means the same`(words: [String]) throws {
        let request = try parse(words).request
        #expect(request == .command(.create, values([.bundle: "/b"]), operands: ["web"]))
    }

    @Test(arguments: [
        (["--no-pivot"], true), (["-no-pivot"], true), (["--no-pivot=true"], true),
        (["--no-pivot=1"], true), (["--no-pivot=false"], false), (["--no-pivot=F"], false),
        (["--no-pivot", "--no-pivot=0"], false), (["--no-pivot=0", "--no-pivot"], true),
        ([], false),
    ])
    func `a boolean takes a value only after an equals sign`(words: [String], isSet: Bool) throws {
        let request = try parse(["create"] + words + ["web"]).request
        guard case .command(.create, let options, let operands) = request else {
            Issue.record("not a command")
            return
        }
        #expect(options.isSet(.noPivot) == isSet)
        #expect(operands == ["web"])
    }

    @Test func `what engines say is understood`() throws {
        let containerd = try parse([
            "--root", "/run/containerd/runc/k8s.io", "--log", "/b/log.json", "--log-format", "json",
            "--systemd-cgroup", "--rootless=false", "create", "--bundle", "/b", "--pid-file",
            "/b/init.pid", "--console-socket", "/t/s", "--no-pivot", "--no-new-keyring",
            "--preserve-fds", "2", "abc",
        ])
        #expect(containerd.globals[.root] == "/run/containerd/runc/k8s.io")
        #expect(containerd.globals.isSet(.systemdCgroup))
        guard case .command(.create, let options, ["abc"]) = containerd.request else {
            Issue.record("not create")
            return
        }
        #expect(options.number(.preserveFds) == 2)
        #expect(options[.consoleSocket] == "/t/s")
        #expect(options.isSet(.noNewKeyring))

        #expect(
            try parse(["kill", "--all", "abc", "9"]).request
                == .command(.kill, values([.all: "true"]), operands: ["abc", "9"]))
        #expect(
            try parse(["delete", "abc", "--force"]).request
                == .command(.delete, values([.force: "true"]), operands: ["abc"]))
        #expect(
            try parse(["list", "--format=json"]).request
                == .command(.list, values([.format: "json"]), operands: []))
        #expect(
            try parse(["run", "-d", "-no-subreaper", "--keep", "abc"]).request
                == .command(
                    .run, values([.detach: "true", .noSubreaper: "true", .keep: "true"]),
                    operands: ["abc"]))
    }

    @Test func `exec leaves what follows the id to the program`() throws {
        let request = try parse([
            "exec", "-e", "A=1", "--env=B=2", "-t=false", "--cap", "CAP_KILL", "-d", "web", "ls",
            "-l", "--", "--env", "x",
        ]).request
        guard case .command(.exec, let options, let operands) = request else {
            Issue.record("not exec")
            return
        }
        #expect(operands == ["web", "ls", "-l", "--", "--env", "x"])
        #expect(options.all(.env) == ["A=1", "B=2"])
        #expect(options.all(.capability) == ["CAP_KILL"])
        #expect(options.isSet(.detach) && !options.isSet(.tty))
        #expect(options[.noNewPrivileges] == nil)
    }

    @Test func `words after two dashes are operands`() throws {
        #expect(
            try parse(["state", "--", "-x"]).request
                == .command(.state, OptionValues(), operands: ["-x"]))
        #expect(
            try parse(["state", ""]).request == .command(.state, OptionValues(), operands: [""]))
        #expect(
            try parse(["state", "-"]).request == .command(.state, OptionValues(), operands: ["-"]))
    }

    @Test func `a value may look like a flag`() throws {
        let request = try parse(["create", "--bundle", "--force", "web"]).request
        #expect(request == .command(.create, values([.bundle: "--force"]), operands: ["web"]))
        #expect(try parse(["--root=", "list"]).globals[.root] == "")
        #expect(try parse(["--root=a=b", "list"]).globals[.root] == "a=b")
    }

    @Test(arguments: [
        (["--version"], Request.version), (["-v"], .version), (["version"], .version),
        (["--root", "/x", "-version"], .version),
        (["--help"], .help(nil)), (["-h"], .help(nil)), (["help"], .help(nil)),
        (["help", "kill"], .help(.kill)), (["kill", "--help"], .help(.kill)),
        (["kill", "web", "-h"], .help(.kill)), (["create", "-help"], .help(.create)),
    ])
    func `help and version need nothing else`(words: [String], request: Request) throws {
        #expect(try parse(words).request == request)
    }

    @Test(arguments: [
        (["crate", "web"], "unknown command \"crate\"; did you mean \"create\"?"),
        (["strat"], "unknown command \"strat\"; did you mean \"start\"?"),
        (["frobnicate"], "unknown command \"frobnicate\""),
        ([""], "unknown command \"\""),
        (["help", "deelte"], "unknown command \"deelte\"; did you mean \"delete\"?"),
        (["--rooot", "/x", "list"], "unknown flag \"--rooot\"; did you mean \"--root\"?"),
        (["--xyz=secret", "list"], "unknown flag \"--xyz\""),
        (["run", "--detatch", "web"], "unknown flag \"--detatch\"; did you mean \"--detach\"?"),
        (["kill", "web", "-9"], "unknown flag \"-9\""),
        (["create", "--root", "/x"], "\"--root\" is a global flag: it goes before \"create\""),
        (
            ["--force", "delete", "web"],
            "\"--force\" is a flag of delete: it goes after the command"
        ),
        ([], "no command given"),
        (["state"], "state needs ID"),
        (["kill"], "kill needs ID"),
        (["start", "a", "b"], "\"b\" is one word too many"),
        (["kill", "web", "FOO"], "there is no signal \"FOO\""),
        (["kill", "web", "65"], "there is no signal \"65\""),
        (["kill", "web", "0"], "there is no signal \"0\""),
        (["create", "web", "--bundle"], "flag \"--bundle\" needs a value: DIR"),
        (
            ["create", "--preserve-fds=-1", "web"],
            "flag \"--preserve-fds\": \"-1\" is not a number from 0 on"
        ),
        (
            ["create", "--preserve-fds=99999999999", "web"],
            "flag \"--preserve-fds\": \"99999999999\" is not a number from 0 on"
        ),
        (["run", "--keep=maybe", "web"], "flag \"--keep\": \"maybe\" is not true or false"),
        (
            ["list", "--format", "jsn"],
            "flag \"--format\": \"jsn\" is not table or json; did you mean \"json\"?"
        ),
        (
            ["--rootless=maybe", "list"],
            "flag \"--rootless\": \"maybe\" is not true or false or auto"
        ),
    ])
    func `a mistake is told in one line`(words: [String], message: String) {
        let refusal = refusal(words)
        #expect(refusal?.message == message)
        #expect(refusal?.usage.hasPrefix("usage: martlet") == true)
        #expect(refusal?.usage.contains("\n") == false)
    }

    @Test(arguments: [
        ("", "", 0), ("a", "", 1), ("", "abc", 3), ("create", "crate", 1), ("create", "craete", 1),
        ("Kill", "kill", 0), ("start", "state", 2), ("list", "ls", 2),
    ])
    func `distance counts slips`(one: String, other: String, distance: Int) {
        #expect(Suggestion.distance(one, other) == distance)
        #expect(Suggestion.distance(other, one) == distance)
    }

    @Test func `no guess is made far from any word`() {
        #expect(Suggestion.nearest(to: "exec", in: ["spec", "create"]) == nil)
        #expect(Suggestion.nearest(to: String(repeating: "a", count: 100_000), in: ["a"]) == nil)
    }
}

@Suite struct `Help` {
    @Test(arguments: CommandName.allCases)
    func `every command has it`(command: CommandName) {
        let grammar = CommandTable.grammar(of: command)
        #expect(grammar.name == command)
        let text = martlet.Help.text(command)
        #expect(text.hasPrefix("usage: martlet \(command.rawValue)"))
        for option in grammar.options { #expect(text.contains(option.spelling)) }
        #expect(martlet.Help.text(nil).contains("  \(command.rawValue) "))
    }

    @Test(arguments: CommandName.allCases)
    func `no two flags have one name`(command: CommandName) {
        let options = CommandTable.grammar(of: command).options
        let names = options.map(\.name.rawValue) + options.compactMap(\.short)
        #expect(Set(names).count == names.count)
        #expect(options.contains { $0.name == .help })
    }

    @Test func `usage lines come from the table`() {
        #expect(
            CommandTable.grammar(of: .kill).usage == "usage: martlet kill [flags] ID [SIGNAL]")
    }
}
