// SPDX-License-Identifier: Apache-2.0

internal import JSON

extension Reader {
    /// `linux.seccomp`.
    mutating func seccomp(_ node: JSONNode) -> SeccompProfile {
        section = "config-linux.md#seccomp"
        let action: SeccompProfile.Action? = requiredWord(node, "defaultAction")
        var profile = SeccompProfile(defaultAction: action ?? .kill)
        profile.defaultErrnoRet = errno(node, "defaultErrnoRet", action)
        profile.architectures = words(node, "architectures") ?? []
        profile.flags = words(node, "flags")
        profile.listenerPath = text(node, "listenerPath")
        profile.listenerMetadata = text(node, "listenerMetadata")
        if profile.listenerMetadata != nil, node["listenerPath"] == nil {
            refuse("listenerMetadata", of: node, "listenerPath beside it", found: "none")
        }
        let rules = objects(node, "syscalls")
        profile.syscalls.reserveCapacity(rules.count)
        for rule in rules { profile.syscalls.append(self.rule(rule)) }
        return profile
    }

    private mutating func rule(_ node: JSONNode) -> SeccompProfile.Rule {
        let action: SeccompProfile.Action? = requiredWord(node, "action")
        var rule = SeccompProfile.Rule(names: systemCalls(node), action: action ?? .kill)
        rule.errnoRet = errno(node, "errnoRet", action)
        for item in objects(node, "args") {
            _ = required(item, "index", "an integer from 0 to 5")
            let index: UInt32? = integer(item, "index", in: 0...5)
            let value = requiredInteger(item, "value", as: UInt64.self)
            let `operator`: SeccompProfile.Operator? = requiredWord(item, "op")
            let second: UInt64? = integer(item, "valueTwo")
            guard let index, let value, let `operator` else { continue }
            var argument = SeccompProfile.Argument(
                index: index, value: value, operator: `operator`)
            argument.valueTwo = second ?? 0
            rule.args.append(argument)
        }
        return rule
    }

    private mutating func systemCalls(_ rule: JSONNode) -> [String] {
        let expected = "an array of at least one string"
        guard let node = required(rule, "names", expected) else { return [] }
        let elements = elements(rule, "names")
        if node.kind == .array, elements.count == 0 {
            refuse(node, expected, found: "an empty array")
        }
        var names: [String] = []
        names.reserveCapacity(elements.count)
        for element in elements {
            if let name = nonEmpty(element, "a system call's name") { names.append(name) }
        }
        return names
    }

    /// What the filter returns beside its action: an errno, or a tracer's message of 16 bits.
    private mutating func errno(
        _ object: JSONNode, _ key: StaticString, _ action: SeccompProfile.Action?
    ) -> UInt32? {
        guard let node = object[key], let action else { return nil }
        switch action {
        case .errno: return integer(object, key, in: 0...4095)
        case .trace: return integer(object, key, in: 0...65535)
        default:
            refuse(node, "nothing, as \(action.rawValue) returns no errno")
            return nil
        }
    }
}
