// SPDX-License-Identifier: Apache-2.0

/// Help, written from the table.
enum Help {
    /// Of the program, or of one command.
    static func text(_ command: CommandName?) -> String {
        guard let command else { return program }
        let grammar = CommandTable.grammar(of: command)
        return """
            \(grammar.usage)

            \(sentence(grammar.summary)) \(grammar.discussion)

            flags:
            \(lines(grammar.options.map { (spelling($0), $0.help) }))

            """
    }

    private static var program: String {
        let commands = CommandName.allCases.map { name in
            (name.rawValue, CommandTable.grammar(of: name).summary)
        }
        return """
            \(CommandTable.usage)

            Runs containers as the Open Container Initiative specifies them.

            commands:
            \(lines(commands))

            global flags:
            \(lines(CommandTable.globalOptions.map { (spelling($0), $0.help) }))

            "martlet COMMAND --help" says more of a command.

            """
    }

    private static func spelling(_ option: OptionGrammar) -> String {
        var text = option.short.map { "-\($0), " } ?? "    "
        text += option.spelling
        if let placeholder = option.value.placeholder { text += " \(placeholder)" }
        return text
    }

    private static func sentence(_ summary: String) -> String {
        "\(summary.prefix(1).uppercased())\(summary.dropFirst())."
    }

    /// Two columns; the right one stands on a line of its own when the left one is long.
    private static func lines(_ rows: [(String, String)]) -> String {
        let width = 26
        return rows.map { left, right in
            let gap = width - left.utf8.count
            let space = String(repeating: " ", count: gap > 0 ? gap : width + 2)
            return gap > 0 ? "  \(left)\(space)\(right)" : "  \(left)\n\(space)\(right)"
        }.joined(separator: "\n")
    }
}
