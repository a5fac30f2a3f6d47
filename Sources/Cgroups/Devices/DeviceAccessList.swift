// SPDX-License-Identifier: Apache-2.0

internal import Linux

/// What v1's devices controller can hold: everything or nothing, and exceptions to that
/// (admin-guide/cgroup-v1/devices.rst).
package struct DeviceAccessList: Equatable, Sendable {
    package var allowsByDefault: Bool
    package var exceptions: [DeviceSet: DeviceAccess]

    package init(allowsByDefault: Bool, exceptions: [DeviceSet: DeviceAccess] = [:]) {
        self.allowsByDefault = allowsByDefault
        self.exceptions = exceptions
    }

    /// Reads `devices.list`; nil for what no kernel writes. A list that denies everything is
    /// empty, and one that allows by default tells no exceptions.
    package init?(list: String) {
        self.init(allowsByDefault: false)
        for line in list.split(separator: "\n") {
            let fields = line.split(separator: " ")
            guard fields.count == 3 else { return nil }
            if fields[0] == "a" {
                allowsByDefault = true
                continue
            }
            let numbers = fields[1].split(separator: ":")
            guard numbers.count == 2, fields[0] == "b" || fields[0] == "c" else { return nil }
            var parsed: [UInt32?] = []
            for number in numbers {
                guard number == "*" || UInt32(number) != nil else { return nil }
                parsed.append(UInt32(number))
            }
            exceptions[
                DeviceSet(fields[0] == "b" ? .block : .character, parsed[0], parsed[1])] =
                DeviceAccess(letters: String(fields[2]))
        }
    }

    /// One write to `devices.allow` or `devices.deny`.
    package struct Change: Equatable, Sendable, CustomStringConvertible {
        package var file: String
        package var value: String

        package var description: String { "\(file) = \(value)" }
    }

    /// The writes that make the list of another cgroup, or an older one, this. What stays allowed
    /// is never denied in between, if both lists have the same default. What is added is added in
    /// the order of `listed`: the kernel shows the exceptions in the order that they came in
    /// (config-linux.md#allowed-device-list).
    package func changes(from current: DeviceAccessList, listed: [DeviceSet] = []) -> [Change] {
        var ranks: [DeviceSet: Int] = [:]
        for (rank, devices) in listed.enumerated() where ranks[devices] == nil {
            ranks[devices] = rank
        }
        let (add, remove) =
            allowsByDefault
            ? ("devices.deny", "devices.allow") : ("devices.allow", "devices.deny")
        var old = current.exceptions
        var changes: [Change] = []
        // A list that allows by default does not tell its exceptions.
        let isKnown = current.allowsByDefault == allowsByDefault && !allowsByDefault
        if !isKnown {
            let isSame = current.allowsByDefault && allowsByDefault && exceptions.isEmpty
            if isSame { return [] }
            changes.append(Change(file: remove, value: "a"))
            old = [:]
        }
        for (devices, access) in sorted(exceptions, by: ranks) {
            let missing = access.subtracting(old[devices] ?? [])
            if !missing.isEmpty {
                changes.append(Change(file: add, value: "\(devices) \(missing)"))
            }
        }
        for (devices, access) in sorted(old, by: ranks) {
            let surplus = access.subtracting(exceptions[devices] ?? [])
            if !surplus.isEmpty {
                changes.append(Change(file: remove, value: "\(devices) \(surplus)"))
            }
        }
        return changes
    }

    private func sorted(_ exceptions: [DeviceSet: DeviceAccess], by ranks: [DeviceSet: Int])
        -> [(key: DeviceSet, value: DeviceAccess)]
    {
        exceptions.sorted {
            switch (ranks[$0.key] ?? .max, ranks[$1.key] ?? .max) {
            case (let first, let second) where first != second: first < second
            default: $0.key.description < $1.key.description
            }
        }
    }
}

extension DeviceRules {
    /// The rules as a list of v1's.
    ///
    /// v1 knows no order, so the rules are worked out here: a rule that only repeats the default
    /// takes away the exceptions that it covers. What it covers in part, such as one device of an
    /// exception for all, has no form in v1, where the kernel would leave it allowed without a
    /// word: an error.
    package func accessList() throws(CgroupError) -> DeviceAccessList {
        var list = DeviceAccessList(allowsByDefault: false)
        for (index, rule) in rules.enumerated() {
            if let whole = wholeDefault(at: index) {
                list = DeviceAccessList(allowsByDefault: whole)
                continue
            }
            if rule.allows != list.allowsByDefault {
                list.exceptions[rule.devices, default: []].formUnion(rule.access)
                continue
            }
            for (devices, access) in list.exceptions
            where devices.overlaps(rule.devices) && !access.isDisjoint(with: rule.access) {
                guard rule.devices.covers(devices) else {
                    throw CgroupError(
                        .unsupported,
                        "devices: \"\(rule)\" is an exception to the wider "
                            + "\"\(rule.allows ? "deny" : "allow") \(devices) \(access)\" before "
                            + "it, which cgroup v1 cannot express")
                }
                let rest = access.subtracting(rule.access)
                list.exceptions[devices] = rest.isEmpty ? nil : rest
            }
        }
        // What a wider exception says already is not said twice.
        for (devices, access) in list.exceptions {
            for (other, wider) in list.exceptions
            where other != devices && other.covers(devices) && wider.isSuperset(of: access) {
                list.exceptions[devices] = nil
            }
        }
        return list
    }

    /// Whether this rule and one next to it say the same of all character and all block devices,
    /// so that nothing said before counts; and what they say.
    private func wholeDefault(at index: Int) -> Bool? {
        guard index > 0 else { return nil }
        let pair = [rules[index - 1], rules[index]]
        let isWhole =
            pair.allSatisfy {
                $0.devices.major == nil && $0.devices.minor == nil && $0.access == .all
                    && $0.allows == pair[0].allows
            } && pair[0].devices.kind != pair[1].devices.kind
        return isWhole ? pair[0].allows : nil
    }
}
