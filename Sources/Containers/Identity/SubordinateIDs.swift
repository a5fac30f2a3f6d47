// SPDX-License-Identifier: Apache-2.0

internal import Linux
package import OCI

/// Ids that an ordinary user may map besides its own (subuid(5), subgid(5)).
package struct SubordinateIDs: Equatable, Sendable {
    /// Ranges of the host's ids.
    package private(set) var ranges: [ClosedRange<UInt64>] = []

    private static let sizeLimit = 16 << 20

    /// The ranges of a user in the text of a file, whose lines are `name-or-uid:first:count`.
    package init(_ text: String, user: UInt32, name: String) {
        for line in text.split(separator: "\n") {
            let fields = line.split(separator: ":", omittingEmptySubsequences: false)
            guard fields.count == 3, fields[0] == name || UInt32(fields[0]) == user,
                let first = UInt32(fields[1]), let count = UInt32(fields[2]), count > 0
            else { continue }
            ranges.append(UInt64(first)...(UInt64(first) + UInt64(count) - 1))
        }
    }

    /// The ranges of a user in a file of the host's; none when it cannot be read.
    static func read(_ path: String, user: UInt32) -> SubordinateIDs {
        let text = (try? File.readText(path, limit: sizeLimit)) ?? ""
        return SubordinateIDs(text, user: user, name: UserDatabase.name(of: user))
    }

    /// Whether a mapping's ids on the host lie in these ranges, in as many of them as it takes.
    package func cover(_ mapping: IDMapping) -> Bool {
        var next = UInt64(mapping.hostID)
        let end = next + UInt64(mapping.size)
        while next < end {
            guard let range = ranges.first(where: { $0.contains(next) }) else { return false }
            next = range.upperBound + 1
        }
        return true
    }

    /// For a message: `100000-165535`.
    package var text: String {
        ranges.isEmpty
            ? "none" : ranges.map { "\($0.lowerBound)-\($0.upperBound)" }.joined(separator: ", ")
    }
}
