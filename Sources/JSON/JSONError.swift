// SPDX-License-Identifier: Apache-2.0

/// A place in a JSON text.
package struct JSONPosition: Equatable, Sendable, CustomStringConvertible {
    /// Bytes before the place.
    package var offset: Int
    /// Counted from 1.
    package var line: Int
    /// In bytes, counted from 1.
    package var column: Int

    /// Finds line and column of `offset` in `text`; an offset beyond the end is the end.
    package init(offset: Int, in text: [UInt8]) {
        let end = min(max(offset, 0), text.count)
        var line = 1
        var lineStart = 0
        for index in 0..<end where text[index] == UInt8(ascii: "\n") {
            line += 1
            lineStart = index + 1
        }
        self.offset = end
        self.line = line
        self.column = end - lineStart + 1
    }

    /// For instance `byte 1234 (line 40, column 7)`.
    package var description: String { "byte \(offset) (line \(line), column \(column))" }
}

/// Why a JSON text could not be read.
package enum JSONError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The text is not JSON, or is beyond a limit; nothing of it was read.
    case malformed(String, at: JSONPosition)
    /// The text is JSON, but the value at `path` is not what its reader needs.
    case unexpected(path: String, expected: String, found: String)

    /// Where the value is, as `mounts[3].options[0]`; empty for the whole document.
    package var path: String {
        switch self {
        case .malformed: ""
        case .unexpected(let path, _, _): path
        }
    }

    /// What is wrong, without the path.
    package var message: String {
        switch self {
        case .malformed(let problem, let position): "\(problem) at \(position)"
        case .unexpected(_, let expected, let found): "expected \(expected), found \(found)"
        }
    }

    /// One line: the path if there is one, and what is wrong.
    package var description: String { path.isEmpty ? message : "\(path): \(message)" }
}

extension String {
    /// The text in double quotes and on one line, for a message: control characters and quotes
    /// are escaped, and what is over 64 characters is cut, because it may be hostile or huge.
    package var quoted: String {
        var result = "\""
        var length = 0
        for scalar in unicodeScalars {
            if length == 64 {
                result += "…"
                break
            }
            length += 1
            switch scalar {
            case "\"", "\\":
                result += "\\"
                result.unicodeScalars.append(scalar)
            case "\n": result += "\\n"
            case "\t": result += "\\t"
            case "\r": result += "\\r"
            default:
                if scalar.isUnprintable {
                    result += "\\u{\(String(scalar.value, radix: 16))}"
                } else {
                    result.unicodeScalars.append(scalar)
                }
            }
        }
        return result + "\""
    }
}

extension Unicode.Scalar {
    /// Controls, and the marks that reorder or break a terminal's line.
    fileprivate var isUnprintable: Bool {
        switch value {
        case 0..<0x20, 0x7F..<0xA0, 0x200B...0x200F, 0x2028...0x202E, 0x2066...0x2069, 0xFEFF: true
        default: false
        }
    }
}
