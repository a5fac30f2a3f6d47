// SPDX-License-Identifier: Apache-2.0

internal import Linux
internal import OCI

/// A command line that cannot be understood: one line that says why, and how it should look.
struct UsageError: Error, Equatable {
    let message: String
    let usage: String
}

/// The flags of one level of the command line.
struct OptionValues: Equatable, Sendable {
    /// Few enough that looking through them costs less than a table.
    private var values: [(name: OptionName, value: String)] = []

    /// The value given last; nil when the flag was not given.
    subscript(name: OptionName) -> String? {
        for entry in values where entry.name == name { return entry.value }
        return nil
    }

    /// Whether a flag without a value is set.
    func isSet(_ name: OptionName) -> Bool { self[name] == "true" }

    /// The value of a flag whose value is a number; 0 when it was not given.
    func number(_ name: OptionName) -> Int { self[name].flatMap { Int($0) } ?? 0 }

    /// Every value of a flag that may be given more than once.
    func all(_ name: OptionName) -> [String] {
        var found: [String] = []
        for entry in values where entry.name == name { found.append(entry.value) }
        return found
    }

    mutating func set(_ name: OptionName, to value: String, replacing: Bool = true) {
        if replacing { values.removeAll { $0.name == name } }
        values.append((name, value))
    }

    static func == (left: OptionValues, right: OptionValues) -> Bool {
        left.values.elementsEqual(right.values) { $0 == $1 }
    }
}

/// A command line understood.
enum Request: Equatable {
    case version
    case help(CommandName?)
    case command(CommandName, OptionValues, operands: [String])
}

/// Reads the words of the command line by the rules of Go's `flag` package, which engines write
/// for: `--flag value`, `--flag=value`, the same with one dash, and `--` before words that are
/// no flags. More than there: a flag may also stand after an operand.
struct ArgumentParser {
    private var words: ArraySlice<String>
    /// The global flags, known once ``parseGlobals()`` has returned.
    private(set) var globals = OptionValues()

    /// - Parameter arguments: without the program's name.
    init(_ arguments: [String]) { words = arguments[...] }

    /// Reads the flags before the command.
    mutating func parseGlobals() throws(UsageError) {
        let options = CommandTable.globalOptions
        while let word = words.first, Self.isFlag(word) {
            words.removeFirst()
            if word == "--" { return }
            let flag = Self.split(word)
            guard let option = options.first(where: { $0.isNamed(flag.name) }) else {
                throw Self.unknownGlobal(flag.name, spelled: word, options)
            }
            globals.set(
                option.name, to: try value(of: option, flag, usage: CommandTable.usage))
        }
    }

    /// Reads the command, its flags and its operands; ``parseGlobals()`` comes first.
    mutating func parseCommand() throws(UsageError) -> Request {
        if globals.isSet(.version) { return .version }
        if globals.isSet(.help) { return .help(nil) }
        guard let word = words.popFirst() else {
            throw UsageError(message: "no command given", usage: CommandTable.usage)
        }
        guard let command = CommandName(rawValue: word) else {
            throw Self.unknownCommand(word, usage: CommandTable.usage)
        }
        let grammar = CommandTable.grammar(of: command)
        var options = OptionValues()
        var operands: [String] = []
        var flagsEnded = false
        while let word = words.popFirst() {
            if flagsEnded || !Self.isFlag(word) {
                operands.append(word)
                if grammar.rest != nil { flagsEnded = true }
            } else if word == "--" {
                flagsEnded = true
            } else {
                let flag = Self.split(word)
                guard let option = grammar.options.first(where: { $0.isNamed(flag.name) }) else {
                    throw Self.unknownFlag(flag.name, spelled: word, of: grammar)
                }
                options.set(
                    option.name, to: try value(of: option, flag, usage: grammar.usage),
                    replacing: !option.isRepeatable)
            }
        }
        if options.isSet(.help) { return .help(command) }
        try Self.check(operands, grammar)
        switch command {
        case .version: return .version
        case .help: return .help(operands.first.flatMap { CommandName(rawValue: $0) })
        default: return .command(command, options, operands: operands)
        }
    }

    // MARK: Words

    private struct Flag {
        /// Without dashes.
        let name: Substring
        /// What follows the first "=".
        let value: String?
    }

    /// A dash alone is an operand, as everywhere.
    private static func isFlag(_ word: String) -> Bool { word.utf8.count > 1 && word.first == "-" }

    private static func split(_ word: String) -> Flag {
        let text = word.dropFirst(word.hasPrefix("--") ? 2 : 1)
        guard let equals = text.firstIndex(of: "=") else { return Flag(name: text, value: nil) }
        return Flag(name: text[..<equals], value: String(text[text.index(after: equals)...]))
    }

    private mutating func value(
        of option: OptionGrammar, _ flag: Flag, usage: @autoclosure () -> String
    )
        throws(UsageError) -> String
    {
        func wrong(_ text: String, _ expected: String, _ suggestion: String? = nil) -> UsageError {
            let phrase = Suggestion.phrase(suggestion)
            return UsageError(
                message: "flag \"\(option.spelling)\": \"\(text)\" is not \(expected)\(phrase)",
                usage: usage())
        }
        if option.value == .boolean {
            guard let text = flag.value else { return "true" }
            switch text {
            case "1", "t", "T", "true", "TRUE", "True": return "true"
            case "0", "f", "F", "false", "FALSE", "False": return "false"
            default: throw wrong(text, "true or false")
            }
        }
        guard let text = flag.value ?? words.popFirst() else {
            let word = option.value.placeholder ?? "VALUE"
            throw UsageError(
                message: "flag \"\(option.spelling)\" needs a value: \(word)", usage: usage())
        }
        switch option.value {
        case .boolean, .text:
            break
        case .number:
            // More than the kernel has descriptors would only overflow later.
            guard let number = Int32(text), number >= 0 else {
                throw wrong(text, "a number from 0 on")
            }
        case .integer:
            if Int64(text) == nil { throw wrong(text, "a whole number of at most 64 bits") }
        case .size:
            if Quantity.bytes(text) == nil {
                throw wrong(text, "a size such as 512, 64m or 2g, or -1")
            }
        case .duration:
            if Quantity.milliseconds(text) == nil {
                throw wrong(text, "a time above 0, such as 5s, 250ms or 1m30s")
            }
        case .choice(let words):
            if !words.contains(text) {
                let expected = words.joined(separator: " or ")
                throw wrong(text, expected, Suggestion.nearest(to: text, in: words))
            }
        }
        return text
    }

    // MARK: Operands

    private static func check(_ operands: [String], _ grammar: CommandGrammar) throws(UsageError) {
        if operands.count > grammar.operands.count, grammar.rest == nil {
            let word = operands[grammar.operands.count]
            throw UsageError(message: "\"\(word)\" is one word too many", usage: grammar.usage)
        }
        for (index, operand) in grammar.operands.enumerated() {
            guard index < operands.count else {
                if !operand.isRequired { continue }
                throw UsageError(
                    message: "\(grammar.name.rawValue) needs \(operand.placeholder)",
                    usage: grammar.usage)
            }
            let word = operands[index]
            switch operand.kind {
            case .text:
                break
            case .signal:
                if Signal.number(from: word) == nil {
                    throw UsageError(
                        message: "there is no signal \"\(word)\"", usage: grammar.usage)
                }
            case .command:
                if CommandName(rawValue: word) == nil {
                    throw unknownCommand(word, usage: grammar.usage)
                }
            case .choice(let words):
                if !words.contains(word) {
                    let phrase = Suggestion.phrase(Suggestion.nearest(to: word, in: words))
                    throw UsageError(
                        message:
                            "\"\(word)\" is not \(words.joined(separator: " or "))\(phrase)",
                        usage: grammar.usage)
                }
            }
        }
    }

    // MARK: What was meant

    private static func unknownCommand(_ word: String, usage: String) -> UsageError {
        let nearest = Suggestion.nearest(to: word, in: CommandName.allCases.map(\.rawValue))
        return UsageError(
            message: "unknown command \"\(word)\"\(Suggestion.phrase(nearest))", usage: usage)
    }

    private static func unknownFlag(
        _ name: Substring, spelled word: String, of grammar: CommandGrammar
    ) -> UsageError {
        let message: String
        if let global = CommandTable.globalOptions.first(where: { $0.isNamed(name) }) {
            let command = grammar.name.rawValue
            message = "\"\(global.spelling)\" is a global flag: it goes before \"\(command)\""
        } else {
            message = "unknown flag \"\(spelling(word))\"\(nearest(name, grammar.options))"
        }
        return UsageError(message: message, usage: grammar.usage)
    }

    private static func unknownGlobal(
        _ name: Substring, spelled word: String, _ options: [OptionGrammar]
    ) -> UsageError {
        let message: String
        let owners = CommandName.allCases.filter { command in
            CommandTable.grammar(of: command).options.contains { $0.isNamed(name) }
        }
        if owners.isEmpty {
            message = "unknown flag \"\(spelling(word))\"\(nearest(name, options))"
        } else {
            let names = owners.map(\.rawValue).joined(separator: ", ")
            message = "\"\(spelling(word))\" is a flag of \(names): it goes after the command"
        }
        return UsageError(message: message, usage: CommandTable.usage)
    }

    private static func nearest(_ name: Substring, _ options: [OptionGrammar]) -> String {
        let names = options.map(\.name.rawValue)
        let nearest = Suggestion.nearest(to: String(name), in: names)
        return Suggestion.phrase(nearest.map { "--\($0)" })
    }

    /// A flag as it was typed, without its value, which may be a secret or long.
    private static func spelling(_ word: String) -> Substring {
        word.prefix { $0 != "=" }
    }
}
