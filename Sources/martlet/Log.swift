// SPDX-License-Identifier: Apache-2.0

internal import Containers
internal import JSON
internal import Linux
internal import OCI

/// Where errors and warnings are told: standard error, and the file of `--log`, which engines read.
struct Log: Sendable {
    /// How lines of the file look.
    enum Format: String, Sendable {
        case text, json
    }

    /// What is worth telling, most urgent first.
    enum Level: Int, Sendable {
        case error, warning, info, debug

        /// By the word of `--log-level`.
        init?(_ word: String) {
            switch word {
            case "error": self = .error
            case "warning": self = .warning
            case "info": self = .info
            case "debug": self = .debug
            default: return nil
            }
        }

        var word: StaticString {
            switch self {
            case .error: "error"
            case .warning: "warning"
            case .info: "info"
            case .debug: "debug"
            }
        }
    }

    private let format: Format
    private let level: Level
    /// The file's descriptor; it stays open as long as the process runs.
    private let file: CInt?

    /// Tells standard error alone.
    init(level: Level? = nil) {
        format = .text
        self.level = level ?? .warning
        file = nil
    }

    /// Tells a file too, which is made or grown.
    ///
    /// - Parameters:
    ///   - path: the file.
    ///   - format: how its lines look.
    ///   - level: nil for errors and warnings in text, and errors alone in JSON: podman reads the
    ///     whole file as one JSON value, and shows raw standard error when it is not.
    /// - Throws: when the file cannot be opened.
    init(to path: String, format: Format, level: Level?) throws(SystemCallError) {
        self.format = format
        self.level = level ?? (format == .json ? .error : .warning)
        file = try File.open(
            path, [.writeOnly, .append, .create, .synchronous, .noControllingTerminal],
            permissions: 0o644
        ).release()
    }

    /// Tells that the command failed.
    func error(_ error: ContainerError) {
        let details = level == .debug ? error.details : []
        var text = "martlet: \(error)\n"
        for detail in details { text += "martlet:   \(detail)\n" }
        writeToStandardError(text)
        writeToFile(
            .error, error.description, details: error.details, violations: error.violations)
    }

    /// Tells that the command line cannot be understood.
    func error(_ error: UsageError) {
        writeToStandardError("martlet: \(error.message)\n\(error.usage)\n")
        writeToFile(.error, error.message)
    }

    /// Tells what did not stop the command. With a file, only the file.
    func warning(_ message: String) {
        if level.rawValue < Level.warning.rawValue { return }
        if file == nil {
            writeToStandardError("martlet: warning: \(message)\n")
        } else {
            writeToFile(.warning, message)
        }
    }

    private func writeToStandardError(_ text: String) {
        // There is nobody left to tell when this fails.
        try? File.write(Array(text.utf8), to: 2)
    }

    private func writeToFile(
        _ level: Level, _ message: String, details: [String] = [], violations: [Violation] = []
    ) {
        guard let file else { return }
        let time = Clock.timestamp
        var line = Self.line(
            format, level, message, details: details, violations: violations, time: time)
        if format == .text, self.level == .debug {
            for detail in details { line += Self.line(.text, .debug, detail, time: time) }
        }
        // One write, so that lines of several processes do not mix. A full disk does not make the
        // command fail, or fail in another way.
        try? File.write(line, to: file)
    }

    /// One line of the file. In JSON it has everything there is to tell, in one object.
    static func line(
        _ format: Format, _ level: Level, _ message: String, details: [String] = [],
        violations: [Violation] = [], time: String
    ) -> [UInt8] {
        switch format {
        case .json:
            var json = JSONWriter()
            json.object { json in
                json.member("level", "\(level.word)")
                json.member("msg", message)
                json.member("time", time)
                if !violations.isEmpty {
                    json.key("violations")
                    write(violations, into: &json)
                } else if !details.isEmpty {
                    json.member("details", details)
                }
            }
            return json.bytes + [UInt8(ascii: "\n")]
        case .text:
            return Array("time=\"\(time)\" level=\(level.word) msg=\(quoted(message))\n".utf8)
        }
    }

    private static func write(_ violations: [Violation], into json: inout JSONWriter) {
        json.beginArray()
        for violation in violations {
            json.object { json in
                json.member("path", violation.path)
                json.member("expected", violation.expected)
                json.member("found", violation.found)
                json.member("section", violation.section)
            }
        }
        json.endArray()
    }

    /// In quotes, with escapes for what would end them or the line, or move a terminal's cursor.
    private static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case _ where scalar.value < 0x20 || scalar.value == 0x7f:
                let digits = String(scalar.value, radix: 16)
                result += "\\x\(digits.utf8.count == 1 ? "0" : "")\(digits)"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
