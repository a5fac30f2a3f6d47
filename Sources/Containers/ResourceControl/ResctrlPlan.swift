// SPDX-License-Identifier: Apache-2.0

package import OCI

/// What a configuration wants of Intel's Resource Director Technology, decided without looking at
/// the host (config-linux.md#intelrdt).
package struct ResctrlPlan: Equatable, Sendable {
    /// What must hold of the group's directory.
    package enum Presence: Equatable, Sendable {
        /// The container's own group: made, and removed with the container.
        case own
        /// Set up by somebody, and only entered.
        case required
        /// Made if it is not there, else compared. Either way it outlives the container.
        case shared
    }

    /// A class of service: a directory's name, empty for the default one.
    package var group: String
    package var presence: Presence
    /// l3CacheSchema, then memBwSchema: written to a new group, compared with an old one.
    package var compared: [String]
    /// `schemata`: written last, whether the group is new or not.
    package var written: [String]
    /// Name of the monitoring group below.
    package var monitor: String?

    package init(_ rdt: IntelRdt, id: String) {
        compared = [rdt.l3CacheSchema, rdt.memBwSchema].compactMap { $0 }
        written = rdt.schemata
        monitor = rdt.enableMonitoring ? id : nil
        switch rdt.closID {
        case nil:
            group = id
            presence = .own
        case "/":
            group = ""
            presence = .required
        case .some(let name):
            group = name
            presence = compared.isEmpty && written.isEmpty ? .required : .shared
        }
    }

    /// The group's directory below the filesystem's root.
    var directory: String { group.isEmpty ? "." : group }

    var monitorDirectory: String? { monitor.map { "\(directory)/mon_groups/\($0)" } }
}

/// One line of a `schemata` file, such as `L3:0=7f0;1=1f`.
package struct ResctrlSchema: Equatable, Sendable {
    package let resource: String
    /// What each cache or memory controller has, by its id.
    package let values: [String: String]

    /// nil for a line of another form.
    package init?(_ line: some StringProtocol) {
        // The kernel sets resources flush right.
        let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2 else { return nil }
        resource = Self.trimmed(parts[0])
        var values: [String: String] = [:]
        for entry in parts[1].split(separator: ";") {
            let sides = entry.split(separator: "=", omittingEmptySubsequences: false)
            guard sides.count == 2 else { return nil }
            values[Self.trimmed(sides[0])] = Self.number(sides[1])
        }
        guard !resource.isEmpty, !values.isEmpty else { return nil }
        self.values = values
    }

    /// Whether a `schemata` file says what a line asks for. A line need not name every cache.
    package static func holds(_ line: String, in file: String) -> Bool {
        guard let wanted = ResctrlSchema(line) else { return false }
        for line in file.split(separator: "\n") {
            guard let found = ResctrlSchema(line), found.resource == wanted.resource else {
                continue
            }
            return wanted.values.allSatisfy { found.values[$0.key] == $0.value }
        }
        return false
    }

    private static func trimmed(_ text: some StringProtocol) -> String {
        String(text.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
    }

    /// Masks are hexadecimal: `0x00FF`, `00ff` and `ff` are the same.
    private static func number(_ text: some StringProtocol) -> String {
        var digits = trimmed(text).lowercased()
        if digits.hasPrefix("0x") { digits.removeFirst(2) }
        while digits.count > 1, digits.hasPrefix("0") { digits.removeFirst() }
        return digits
    }
}

/// What was, or is about to be, made in a resctrl filesystem for a container.
package struct ResctrlRecord: Equatable, Sendable {
    /// Where the filesystem is mounted.
    package var root: String
    /// Directories that are made, below the root, in this order.
    package var made: [String] = []
    /// Those of them that go with the container.
    package var owned: [String] = []
    /// A group's directory, and what its `schemata` said before it was changed.
    package var changed: String?
    package var previous: String?

    package init(root: String) { self.root = root }
}
