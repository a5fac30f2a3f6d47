// SPDX-License-Identifier: Apache-2.0

internal import JSON
package import OCI

/// One thing that `check` has found.
package struct Finding: Equatable, Sendable, CustomStringConvertible {
    /// What it means for a container.
    package enum Severity: String, Sendable {
        /// `create` or `start` would fail.
        case failure
        /// It may be other than what was meant, or cannot be told beforehand.
        case warning
    }

    /// What the finding is about.
    package enum Kind: String, Sendable {
        /// The configuration is against the specification.
        case specification
        /// This version of martlet does not do it.
        case unsupported
        /// It cannot work on this host, or with this root filesystem.
        case host
    }

    package var severity: Severity
    package var kind: Kind
    /// Where in config.json, as `mounts[3].source`; empty when it is about no one place.
    package var path: String
    /// What is wrong, and what to do about it where that is known.
    package var message: String
    /// The parts of a violation of the specification.
    package var violation: Violation?

    package init(
        _ severity: Severity, _ path: String, _ message: String, kind: Kind = .host
    ) {
        self.severity = severity
        self.kind = kind
        self.path = path
        self.message = message
    }

    /// A violation of the specification.
    package init(_ violation: Violation) {
        self.init(.failure, violation.path, violation.message, kind: .specification)
        self.violation = violation
    }

    /// An error that `create` would end with. Its reason begins with a JSON path when it is about
    /// one place.
    package init(_ error: ContainerError) {
        let kind: Kind =
            switch error.kind {
            case .invalidConfiguration: .specification
            case .unsupported: .unsupported
            default: .host
            }
        let (path, message) = Self.split(error.reason)
        self.init(.failure, path, message, kind: kind)
    }

    /// Takes a JSON path off the front of a sentence: `root.path: "x" is …`.
    private static func split(_ reason: String) -> (String, String) {
        guard let colon = reason.firstIndex(of: ":") else { return ("", reason) }
        let path = reason[..<colon]
        let tops = ["root", "mounts", "process", "hooks", "linux", "hostname", "domainname"]
        let first = path.prefix { $0 != "." && $0 != "[" }
        guard tops.contains(String(first)), !path.contains(" ") else { return ("", reason) }
        return (String(path), String(reason[colon...].dropFirst().drop { $0 == " " }))
    }

    /// `mounts[3].source: no such file or directory (ENOENT)`.
    package var description: String {
        var text = path.isEmpty ? message : "\(path): \(message)"
        if let section = violation?.section { text += " (\(section))" }
        return text
    }
}

/// What `check` has to say about a bundle.
package struct CheckReport: Equatable, Sendable {
    /// The bundle's directory; absolute where that could be told.
    package var bundle: String
    package var findings: [Finding] = []

    package init(bundle: String) { self.bundle = bundle }

    package var failures: Int { findings.count { $0.severity == .failure } }
    package var warnings: Int { findings.count { $0.severity == .warning } }

    /// Whether nothing is known that would fail.
    package var isGood: Bool { failures == 0 }

    /// For people: a line for each finding, what fails first, and a closing line.
    package var text: String {
        var text = ""
        for finding in findings where finding.severity == .failure {
            text += "fails: \(finding)\n"
        }
        for finding in findings where finding.severity == .warning {
            text += "note:  \(finding)\n"
        }
        let notes = warnings == 0 ? "" : warnings == 1 ? "; see the note" : "; see the notes"
        switch failures {
        case 0: return text + "\(bundle): nothing was found that would fail\(notes)\n"
        case 1: return text + "\(bundle): 1 thing would fail\(notes)\n"
        default: return text + "\(bundle): \(failures) things would fail\(notes)\n"
        }
    }

    /// For programs: one object.
    package func encode(pretty: Bool) -> [UInt8] {
        var json = JSONWriter(pretty ? .spaces(4) : .compact)
        json.object { json in
            json.member("bundle", bundle)
            json.member("good", isGood)
            json.key("findings")
            json.beginArray()
            for finding in findings {
                json.object { json in
                    json.member("severity", finding.severity.rawValue)
                    json.member("kind", finding.kind.rawValue)
                    json.member("path", finding.path)
                    json.member("message", finding.message)
                    if let violation = finding.violation {
                        json.member("expected", violation.expected)
                        json.member("found", violation.found)
                        json.member("section", violation.section)
                    }
                }
            }
            json.endArray()
        }
        return json.bytes
    }
}
