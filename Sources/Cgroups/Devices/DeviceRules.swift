// SPDX-License-Identifier: Apache-2.0

internal import Linux
package import OCI

/// What can be done with a device: the letters of a rule, by the kernel's numbers in
/// `linux/bpf.h`.
package struct DeviceAccess: FlagSet, Hashable, Sendable, CustomStringConvertible {
    package let rawValue: UInt32
    package init(rawValue: UInt32) { self.rawValue = rawValue }

    package static let makeNode = DeviceAccess(rawValue: 1)
    package static let read = DeviceAccess(rawValue: 2)
    package static let write = DeviceAccess(rawValue: 4)
    package static let all: DeviceAccess = [.makeNode, .read, .write]

    /// From the letters r, w and m; none of them means all (config-linux.md#allowed-device-list).
    package init(letters: String) {
        var access: DeviceAccess = []
        if letters.contains("r") { access.insert(.read) }
        if letters.contains("w") { access.insert(.write) }
        if letters.contains("m") { access.insert(.makeNode) }
        self = access.isEmpty ? .all : access
    }

    package var description: String {
        (contains(.read) ? "r" : "") + (contains(.write) ? "w" : "")
            + (contains(.makeNode) ? "m" : "")
    }
}

/// Device nodes by kind and numbers; nil stands for every one.
package struct DeviceSet: Hashable, Sendable, CustomStringConvertible {
    /// Character or block devices: `linux/bpf.h`'s BPF_DEVCG_DEV words.
    package enum Kind: UInt32, Sendable, CaseIterable {
        case block = 1
        case character = 2
    }

    package var kind: Kind
    package var major: UInt32?
    package var minor: UInt32?

    package init(_ kind: Kind, _ major: UInt32?, _ minor: UInt32?) {
        self.kind = kind
        self.major = major
        self.minor = minor
    }

    /// Whether every device of the other is one of this.
    func covers(_ other: DeviceSet) -> Bool {
        kind == other.kind && (major == nil || major == other.major)
            && (minor == nil || minor == other.minor)
    }

    /// Whether some device is in both.
    func overlaps(_ other: DeviceSet) -> Bool {
        kind == other.kind
            && (major == nil || other.major == nil || major == other.major)
            && (minor == nil || other.minor == nil || minor == other.minor)
    }

    /// As `devices.allow` takes it.
    package var description: String {
        "\(kind == .block ? "b" : "c") \(major.map(String.init) ?? "*"):"
            + "\(minor.map(String.init) ?? "*")"
    }
}

/// What every container may use besides what its configuration says, as the specification's
/// default devices need it and as all runtimes have it.
package struct DefaultDevices: FlagSet, Sendable {
    package let rawValue: UInt8
    package init(rawValue: UInt8) { self.rawValue = rawValue }

    /// null, zero, full, random, urandom, tty, console, ptmx and pseudo-terminals
    /// (config-linux.md#default-devices).
    package static let nodes = DefaultDevices(rawValue: 1)
    /// Making nodes of any device, which still cannot be opened.
    package static let makeNodes = DefaultDevices(rawValue: 2)
    /// /dev/net/tun. Others always allow it; here it has to be asked for.
    package static let tun = DefaultDevices(rawValue: 4)

    package static let standard: DefaultDevices = [.nodes, .makeNodes]

    var rules: [DeviceRules.Rule] {
        var rules: [DeviceRules.Rule] = []
        func allow(_ major: UInt32?, _ minor: UInt32?, _ access: DeviceAccess = .all) {
            rules.append(.init(allows: true, DeviceSet(.character, major, minor), access))
        }
        if contains(.makeNodes) {
            allow(nil, nil, .makeNode)
            rules.append(.init(allows: true, DeviceSet(.block, nil, nil), .makeNode))
        }
        if contains(.nodes) {
            for minor: UInt32 in [3, 5, 7, 8, 9] { allow(1, minor) }
            for minor: UInt32 in [0, 1, 2] { allow(5, minor) }
            allow(136, nil)
        }
        if contains(.tun) { allow(10, 200) }
        return rules
    }
}

/// Rules on devices, of which the last that speaks of an access decides on it. Nothing is allowed
/// that no rule allows.
package struct DeviceRules: Equatable, Sendable, CustomStringConvertible {
    /// A rule on one kind of devices.
    package struct Rule: Equatable, Sendable, CustomStringConvertible {
        package var allows: Bool
        package var devices: DeviceSet
        package var access: DeviceAccess

        package init(allows: Bool, _ devices: DeviceSet, _ access: DeviceAccess) {
            self.allows = allows
            self.devices = devices
            self.access = access
        }

        package var description: String { "\(allows ? "allow" : "deny") \(devices) \(access)" }
    }

    package var rules: [Rule]

    package init(rules: [Rule]) { self.rules = rules }

    /// The configured rules, in their order, and then the defaults.
    package init(_ configured: [Resources.DeviceRule], defaults: DefaultDevices) {
        rules = []
        for rule in configured {
            let kinds: [DeviceSet.Kind] =
                switch rule.kind {
                case .all: [.character, .block]
                case .character: [.character]
                case .block: [.block]
                }
            for kind in kinds {
                let devices = DeviceSet(
                    kind, rule.major.map { UInt32(clamping: $0) },
                    rule.minor.map { UInt32(clamping: $0) })
                rules.append(
                    Rule(allows: rule.allow, devices, DeviceAccess(letters: rule.access)))
            }
        }
        rules += defaults.rules
    }

    package var description: String { rules.map(\.description).joined(separator: ", ") }
}
