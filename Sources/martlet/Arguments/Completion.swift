// SPDX-License-Identifier: Apache-2.0

/// Scripts that complete the command line in a shell, written from the table: nothing is in one of
/// them that is not in the others.
enum Completion {
    /// The shells that there are scripts for.
    enum Shell: String, CaseIterable, Sendable {
        case bash, zsh, fish
    }

    static func script(for shell: Shell) -> String {
        switch shell {
        case .bash: bash
        case .zsh: zsh
        case .fish: fish
        }
    }

    static var commands: [CommandGrammar] {
        CommandName.allCases.map { CommandTable.grammar(of: $0) }
    }

    /// What a word can be completed to.
    enum Candidates {
        case nothing
        case files
        case directories
        case words([String])
        /// The ids of all containers.
        case ids
        /// What the shell itself would run.
        case programs
    }

    /// A flag's value, by what stands for it in help.
    static func candidates(for option: OptionGrammar) -> Candidates {
        switch option.value {
        case .choice(let words): .words(words)
        case .text("DIR"): .directories
        case .text("FILE"), .text("SOCKET"): .files
        default: .nothing
        }
    }

    static func candidates(for operand: OperandGrammar) -> Candidates {
        switch operand.kind {
        case .signal: .words(signals)
        case .command: .words(CommandName.allCases.map(\.rawValue))
        case .choice(let words): .words(words)
        case .text: operand.placeholder == "ID" ? .ids : .nothing
        }
    }

    /// What follows the operands is another program's.
    static func candidates(forRestOf command: CommandGrammar) -> Candidates {
        command.rest == "COMMAND" ? .programs : .nothing
    }

    /// Those that people send.
    private static let signals = [
        "HUP", "INT", "QUIT", "KILL", "USR1", "USR2", "TERM", "CONT", "STOP", "WINCH",
    ]

    /// Every spelling of a flag.
    static func spellings(_ option: OptionGrammar) -> [String] {
        (option.short.map { ["-\($0)"] } ?? []) + [option.spelling]
    }
}

// MARK: - bash

extension Completion {
    private static var bash: String {
        """
        # Completion of martlet in bash, written by "martlet completion bash".
        # shellcheck shell=bash

        _martlet_words() { mapfile -t COMPREPLY < <(compgen -W "$1" -- "$2"); }

        # Of the state directory that was named, if one was.
        _martlet_ids() { _martlet_words "$("${COMP_WORDS[0]}" "${root[@]}" list --quiet 2>/dev/null)" "$1"; }

        _martlet() {
            local cur=${COMP_WORDS[COMP_CWORD]} command='' flag='' position=0 word i
            local -a root=()
            COMPREPLY=()
            # A "=" is a word of its own here.
            for ((i = 1; i < COMP_CWORD; i++)); do
                word=${COMP_WORDS[i]}
                if [[ $word == = ]]; then continue; fi
                if [[ -n $flag ]]; then
                    if [[ $flag == --root ]]; then root=(--root "$word"); fi
                    flag=''
                elif [[ $word == -?* ]]; then
                    case "$command $word" in
        \(bashFlagsWithValue)
                            flag=$word ;;
                    esac
                elif [[ -z $command ]]; then
                    command=$word
                else
                    ((++position))
                fi
            done
            if [[ $cur == = ]]; then cur=''; fi
            case "$command $flag" in
        \(bashValues)
            esac
            if [[ -n $flag ]]; then return; fi
            if [[ $cur == -* ]]; then
                case $command in
        \(bashFlags)
                esac
                return
            fi
            case "$command $position" in
        \(bashOperands)
            esac
        }
        complete -F _martlet martlet

        """
    }

    /// Every level's flags: of none, and of each command.
    private static var levels: [(command: String, options: [OptionGrammar])] {
        [("", CommandTable.globalOptions)] + commands.map { ($0.name.rawValue, $0.options) }
    }

    private static var bashFlagsWithValue: String {
        var patterns: [String] = []
        for level in levels {
            for option in level.options where option.value != .boolean {
                patterns += spellings(option).map { "\"\(level.command) \($0)\"" }
            }
        }
        return indented(patterns.joined(separator: " | ") + ")", by: 16)
    }

    private static var bashValues: String {
        var lines: [String] = []
        for level in levels {
            for option in level.options where option.value != .boolean {
                guard let action = bashAction(candidates(for: option)) else { continue }
                let patterns = spellings(option).map { "\"\(level.command) \($0)\"" }
                lines.append("\(patterns.joined(separator: " | "))) \(action) ;;")
            }
        }
        return indented(lines, by: 8)
    }

    private static var bashFlags: String {
        let lines = levels.map { level in
            let words = level.options.flatMap(spellings).joined(separator: " ")
            return "'\(level.command)') _martlet_words '\(words)' \"$cur\" ;;"
        }
        return indented(lines, by: 12)
    }

    private static var bashOperands: String {
        let names = CommandName.allCases.map(\.rawValue).joined(separator: " ")
        var lines = ["' 0') _martlet_words '\(names)' \"$cur\" ;;"]
        for command in commands {
            for (index, operand) in command.operands.enumerated() {
                guard let action = bashAction(candidates(for: operand)) else { continue }
                lines.append("'\(command.name.rawValue) \(index)') \(action) ;;")
            }
            if let action = bashAction(candidates(forRestOf: command)) {
                lines.append("'\(command.name.rawValue) \(command.operands.count)') \(action) ;;")
            }
        }
        return indented(lines, by: 8)
    }

    private static func bashAction(_ candidates: Candidates) -> String? {
        switch candidates {
        case .nothing: nil
        case .files:
            "compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")"
        case .directories:
            "compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- \"$cur\")"
        case .words(let words):
            "_martlet_words '\(words.joined(separator: " "))' \"$cur\""
        case .ids: "_martlet_ids \"$cur\""
        case .programs: "mapfile -t COMPREPLY < <(compgen -c -- \"$cur\")"
        }
    }
}

// MARK: - zsh

extension Completion {
    private static var zsh: String {
        """
        #compdef martlet
        # Completion of martlet in zsh, written by "martlet completion zsh".

        # Of the state directory that was named, if one was.
        _martlet_ids() {
            local -a ids
            ids=(${(f)"$(_call_program ids martlet ${=_martlet_root} list --quiet 2>/dev/null)"})
            compadd -a ids
        }

        _martlet() {
            local curcontext=$curcontext state line _martlet_root=''
            local -A opt_args
            _arguments -C \\
        \(zshOptions(CommandTable.globalOptions)) \\
                '1: :->command' \\
                '*:: :->rest'
            if [[ -n ${opt_args[--root]} ]]; then _martlet_root="--root ${opt_args[--root]}"; fi
            case $state in
                command)
                    local -a commands=(
        \(indented(commands.map { "'\($0.name.rawValue):\(zshText($0.summary))'" }, by: 16))
                    )
                    _describe -t commands command commands
                    ;;
                rest)
                    case $words[1] in
        \(commands.map(zshCommand).joined(separator: "\n"))
                    esac
                    ;;
            esac
        }

        _martlet "$@"

        """
    }

    private static func zshCommand(_ command: CommandGrammar) -> String {
        var lines: [String] = [zshOptions(command.options)]
        for (index, operand) in command.operands.enumerated() {
            let number = "\(index + 1)\(operand.isRequired ? ":" : "::")"
            let action = zshAction(candidates(for: operand))
            lines.append("        '\(number)\(operand.placeholder):\(action)'")
        }
        if let rest = command.rest {
            let action = zshAction(candidates(forRestOf: command))
            lines.append("        '*:\(rest):\(action)'")
        }
        let body = lines.map { indented($0, by: 12) }.joined(separator: " \\\n")
        // "-A" ends the flags at the first operand.
        let start = command.rest == nil ? "_arguments" : "_arguments -A '-*'"
        return """
                        \(command.name.rawValue))
                            \(start) \\
            \(body)
                            ;;
            """
    }

    private static func zshOptions(_ options: [OptionGrammar]) -> String {
        let lines = options.map { option in
            let spellings = spellings(option)
            let exclusive = option.isRepeatable ? "*" : "(\(spellings.joined(separator: " ")))"
            var value = ""
            var names = spellings
            if let placeholder = option.value.placeholder {
                value = ":\(zshText(placeholder)):\(zshAction(candidates(for: option)))"
                names = names.map { $0.hasPrefix("--") ? "\($0)=" : "\($0)" }
            }
            let text = "[\(zshText(option.help))]\(value)"
            let all = names.count == 1 ? names[0] : "{\(names.joined(separator: ","))}"
            return "'\(exclusive)'\(all)'\(text)'"
        }
        return lines.map { "        \($0)" }.joined(separator: " \\\n")
    }

    private static func zshAction(_ candidates: Candidates) -> String {
        switch candidates {
        case .nothing: " "
        case .files: "_files"
        case .directories: "_files -/"
        case .words(let words): "(\(words.joined(separator: " ")))"
        case .ids: "_martlet_ids"
        case .programs: "_command_names -e"
        }
    }

    /// Without the signs that mean something in a specification, or in quotes.
    private static func zshText(_ text: String) -> String {
        var result = ""
        for character in text {
            switch character {
            case "[", "]", ":", "\\": result += "\\\(character)"
            case "'": result += "’"
            default: result.append(character)
            }
        }
        return result
    }
}

// MARK: - fish

extension Completion {
    private static var fish: String {
        let level = CommandTable.globalOptions
            .filter { $0.value != .boolean }.flatMap(spellings).joined(separator: " ")
        return """
            # Completion of martlet in fish, written by "martlet completion fish".

            # The words from the command on, without the one that is being typed.
            function __martlet_words
                set -l words (commandline -opc)
                set -e words[1]
                while set -q words[1]
                    switch $words[1]
                        case \(level)
                            set -e words[1]
                            set -q words[1]; and set -e words[1]
                        case '-*'
                            set -e words[1]
                        case '*'
                            break
                    end
                end
                printf '%s\\n' $words
            end

            function __martlet_needs_command
                test -z "$(__martlet_words)"
            end

            function __martlet_has
                test (__martlet_words)[1] = $argv[1] 2>/dev/null
            end

            # Whether so many operands have been given to a command, whose flags with values follow.
            function __martlet_at
                set -l words (__martlet_words)
                test "$words[1]" = $argv[1]; or return
                set -l count -1
                set -l skip no
                for word in $words
                    if test $skip = yes
                        set skip no
                    else if contains -- $word $argv[3..]
                        set skip yes
                    else if not string match -q -- '-?*' $word
                        set count (math $count + 1)
                    end
                end
                test $count -eq $argv[2]
            end

            # Of the state directory that was named, if one was.
            function __martlet_ids
                set -l words (commandline -opc)
                set -l root
                if set -l at (contains -i -- --root $words)
                    set root --root $words[(math $at + 1)]
                end
                martlet $root list --quiet 2>/dev/null
            end

            complete -c martlet -f
            \(fishLines.joined(separator: "\n"))

            """
    }

    private static var fishLines: [String] {
        var lines = CommandTable.globalOptions.map { fishOption($0, "__martlet_needs_command") }
        for command in commands {
            let name = command.name.rawValue
            lines.append(
                "complete -c martlet -n __martlet_needs_command -a \(name) -d "
                    + fishText(command.summary))
            lines += command.options.map { fishOption($0, "'__martlet_has \(name)'") }
            let flags = command.options.filter { $0.value != .boolean }.flatMap(spellings)
            var places = command.operands.map { candidates(for: $0) }
            places.append(candidates(forRestOf: command))
            for (index, place) in places.enumerated() {
                guard let argument = fishArgument(place) else { continue }
                let words = (["__martlet_at", name, "\(index)"] + flags).joined(separator: " ")
                lines.append("complete -c martlet -n '\(words)' \(argument)")
            }
        }
        return lines
    }

    private static func fishOption(_ option: OptionGrammar, _ condition: String) -> String {
        var line = "complete -c martlet -n \(condition)"
        if let short = option.short { line += " -s \(short)" }
        line += " -l \(option.name.rawValue)"
        if option.value != .boolean {
            line += " -x"
            if let argument = fishArgument(candidates(for: option)) { line += " \(argument)" }
        }
        return "\(line) -d \(fishText(option.help))"
    }

    private static func fishArgument(_ candidates: Candidates) -> String? {
        switch candidates {
        case .nothing: nil
        case .files: "-a '(__fish_complete_path)'"
        case .directories: "-a '(__fish_complete_directories)'"
        case .words(let words): "-a '\(words.joined(separator: " "))'"
        case .ids: "-a '(__martlet_ids)'"
        case .programs: "-a '(__fish_complete_command)'"
        }
    }

    private static func fishText(_ text: String) -> String {
        // Not by replacing(_:with:), which brings a library of regular expressions along.
        var quoted = "'"
        for character in text {
            if character == "\\" || character == "'" { quoted.append("\\") }
            quoted.append(character)
        }
        return quoted + "'"
    }

    // MARK: Layout

    private static func indented(_ text: String, by count: Int) -> String {
        String(repeating: " ", count: count) + text
    }

    private static func indented(_ lines: [String], by count: Int) -> String {
        lines.map { indented($0, by: count) }.joined(separator: "\n")
    }
}
