// SPDX-License-Identifier: Apache-2.0

/// One thing that a configuration does against the specification.
package struct Violation: Equatable, Sendable, CustomStringConvertible {
    /// Where, as `mounts[3].options[0]`; empty for the whole document.
    package var path: String
    /// What should be there, as `an absolute path`.
    package var expected: String
    /// What is there, as `a string ("tmp")`.
    package var found: String
    /// The rule's section, as `config.md#process`.
    package var section: String

    /// A violation of `section` at `path`.
    package init(path: String, expected: String, found: String, section: String) {
        self.path = path
        self.expected = expected
        self.found = found
        self.section = section
    }

    /// Both in a sentence, as `expected an absolute path, found a string ("tmp")`.
    package var message: String { "expected \(expected), found \(found)" }

    /// One line: the path if there is one, and the message.
    package var description: String { path.isEmpty ? message : "\(path): \(message)" }
}

/// Why a configuration is refused: every violation in it, in the order of reading.
package struct InvalidConfiguration: Error, Equatable, Sendable, CustomStringConvertible {
    /// After this many, reading goes on but nothing more is written down.
    package static let limit = 64

    /// At least one.
    package var violations: [Violation]

    /// A refusal for these reasons.
    package init(violations: [Violation]) { self.violations = violations }

    /// The violations on one line.
    package var description: String {
        violations.map(\.description).joined(separator: "; ")
    }
}
