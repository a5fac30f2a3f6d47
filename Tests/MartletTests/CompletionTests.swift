// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import martlet

@Suite struct `A script for a shell` {
    @Test(arguments: Completion.Shell.allCases)
    func `has every command, every flag and every word of the table`(shell: Completion.Shell) {
        let script = Completion.script(for: shell)
        var words = Set(script.split { !$0.isLetter && !$0.isNumber && $0 != "-" && $0 != "_" })
        // zsh's and fish's ways to say it.
        for word in words where word.hasPrefix("-") { words.insert(word.drop { $0 == "-" }) }
        for command in CommandName.allCases {
            #expect(words.contains(command.rawValue[...]), "\(command)")
            for option in CommandTable.grammar(of: command).options + CommandTable.globalOptions {
                #expect(words.contains(option.name.rawValue[...]), "\(option.name)")
                if let short = option.short { #expect(words.contains(short[...])) }
                guard case .choice(let values) = option.value else { continue }
                for value in values { #expect(words.contains(value[...]), "\(value)") }
            }
        }
    }

    @Test func `says for people what the table says, in quotes`() {
        let script = Completion.script(for: .fish)
        #expect(script.contains("-l ext-unix-sk -d 'also with Unix sockets that lead outside'"))
    }

    @Test func `asks for files where a file is meant`() {
        for command in Completion.commands {
            for option in command.options {
                guard case .text(let placeholder) = option.value else { continue }
                switch (placeholder, Completion.candidates(for: option)) {
                case ("DIR", .directories), ("FILE", .files), ("SOCKET", .files): break
                case ("DIR", _), ("FILE", _), ("SOCKET", _):
                    Issue.record("\(option.name) of \(command.name)")
                default: break
                }
            }
        }
    }
}
