// SPDX-License-Identifier: Apache-2.0

import JSON
import Linux
import OCI

/// The fixtures that inputs are made from.
struct Corpus {
    /// Every text, JSON or not.
    private(set) var texts: [[UInt8]] = []
    /// Those that are JSON and refused.
    private(set) var refused: [Value] = []
    /// Those that are accepted.
    private(set) var accepted: [Value] = []
    /// What each name has for a value in those.
    private(set) var known: [[UInt8]: [Value]] = [:]
    /// Every property's name in them.
    private(set) var names: [[UInt8]] = []
    /// Every value in them, to be put elsewhere.
    private(set) var parts: [Value] = []

    /// Reads all `*.json` below a directory, in the order of their names.
    init(directory: String) throws(SystemCallError) {
        for path in try Self.files(below: directory) {
            let text = try File.readAll(path, limit: 16 << 20)
            texts.append(text)
            guard let root = try? JSONDocument(parsing: text).root else { continue }
            let value = Value(root)
            let isAccepted = (try? Configuration.decode(from: text)) != nil
            if isAccepted { accepted.append(value) } else { refused.append(value) }
            collect(value, isAccepted)
        }
        collectNames()
    }

    /// Every property's name in what is accepted, in an order that does not change.
    private mutating func collectNames() {
        names = known.keys.sorted { $0.lexicographicallyPrecedes($1) }
    }

    private mutating func collect(_ value: Value, _ isAccepted: Bool) {
        switch value {
        case .raw, .string: break
        case .array(let values):
            if !values.isEmpty { parts.append(value) }
            for element in values { collect(element, isAccepted) }
        case .object(let members):
            if !members.isEmpty { parts.append(value) }
            for member in members {
                if isAccepted { known[member.name, default: []].append(member.value) }
                collect(member.value, isAccepted)
            }
        }
    }

    private static func files(below directory: String) throws(SystemCallError) -> [String] {
        var paths: [String] = []
        for name in try File.names(in: File.open(directory, .realDirectory)).sorted() {
            let path = "\(directory)/\(name)"
            if try File.status(of: path, followingLink: false).type == .directory {
                paths += try files(below: path)
            } else if name.hasSuffix(".json") {
                paths.append(path)
            }
        }
        return paths
    }
}
