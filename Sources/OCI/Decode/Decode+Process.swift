// SPDX-License-Identifier: Apache-2.0

internal import JSON

extension Reader {
    /// `process`.
    mutating func process(_ node: JSONNode) -> ProcessSpec {
        section = "config.md#process"
        var process = ProcessSpec(cwd: requiredAbsolutePath(node, "cwd") ?? "")
        process.terminal = boolean(node, "terminal") ?? false
        // Runtimes MUST ignore consoleSize without a terminal, so it is not even checked.
        if process.terminal { process.consoleSize = consoleSize(node) }
        process.env = environment(node)
        process.args = arguments(node)
        section = "config.md#posix-platform-user"
        if let user = object(node, "user") { process.user = self.user(user) }
        section = "config.md#posix-process"
        process.rlimits = resourceLimits(node)
        section = "config.md#linux-process"
        process.apparmorProfile = text(node, "apparmorProfile")
        process.capabilities = capabilities(node)
        process.noNewPrivileges = boolean(node, "noNewPrivileges")
        process.oomScoreAdj = integer(node, "oomScoreAdj", in: -1000...1000)
        process.selinuxLabel = text(node, "selinuxLabel")
        process.scheduler = scheduler(node)
        process.ioPriority = ioPriority(node)
        process.execCPUAffinity = cpuAffinity(node)
        return process
    }

    private mutating func consoleSize(_ process: JSONNode) -> ConsoleSize? {
        guard let node = object(process, "consoleSize") else { return nil }
        let height = requiredInteger(node, "height", as: UInt16.self)
        let width = requiredInteger(node, "width", as: UInt16.self)
        guard let height, let width else { return nil }
        return ConsoleSize(height: height, width: width)
    }

    /// `env`, of a process or of a hook: `name=value` each, as environ(7) has it.
    mutating func environment(_ object: JSONNode) -> [String] {
        var variables: [String] = []
        for node in elements(object, "env") {
            guard let variable = string(node) else { continue }
            let equals = variable.utf8.firstIndex(of: UInt8(ascii: "="))
            if equals == nil || equals == variable.utf8.startIndex {
                refuse(node, "a variable as name=value")
            }
            variables.append(variable)
        }
        return variables
    }

    private mutating func arguments(_ process: JSONNode) -> [String] {
        guard let node = required(process, "args", "an array of at least one string") else {
            return []
        }
        let args = strings(process, "args")
        guard let elements = node.elementsIfAny else { return args }
        if elements.count == 0 {
            refuse(node, "an array of at least one string", found: "an empty array")
        }
        for first in elements {
            if first.stringIfAny?.isEmpty == true {
                refuse(first, "a program's name or path")
            }
            break
        }
        return args
    }

    private mutating func user(_ node: JSONNode) -> User {
        var user = User()
        if let uid = required(node, "uid", "an unsigned 32-bit integer") { user.uid = id(uid) }
        if let gid = required(node, "gid", "an unsigned 32-bit integer") { user.gid = id(gid) }
        user.umask = integer(node, "umask", in: 0...0o777)
        for gid in elements(node, "additionalGids") { user.additionalGids.append(id(gid)) }
        return user
    }

    /// An id of a user or group; -1 means "no id" to the kernel, whatever it is called here.
    mutating func id(_ node: JSONNode) -> UInt32 {
        guard let id: UInt32 = integer(node) else { return 0 }
        if id == .max { refuse(node, "an id up to 4294967294") }
        return id
    }

    // MARK: Limits

    private mutating func resourceLimits(_ process: JSONNode) -> [ResourceLimit] {
        var limits: [ResourceLimit] = []
        for node in objects(process, "rlimits") {
            let type: ResourceLimitType? = requiredWord(node, "type")
            let soft = requiredInteger(node, "soft", as: UInt64.self)
            let hard = requiredInteger(node, "hard", as: UInt64.self)
            if let type, limits.contains(where: { $0.type == type }) {
                refuse("type", of: node, "each type once", found: "a second \(type.rawValue)")
            }
            if let soft, let hard, soft > hard {
                refuse("soft", of: node, "at most the hard limit \(hard)", found: "\(soft)")
            }
            if let type {
                limits.append(ResourceLimit(type: type, soft: soft ?? 0, hard: hard ?? 0))
            }
        }
        return limits
    }

    private mutating func capabilities(_ process: JSONNode) -> CapabilitySets? {
        guard let node = object(process, "capabilities") else { return nil }
        var sets = CapabilitySets()
        sets.effective = capabilityNames(node, "effective")
        sets.bounding = capabilityNames(node, "bounding")
        sets.inheritable = capabilityNames(node, "inheritable")
        sets.permitted = capabilityNames(node, "permitted")
        sets.ambient = capabilityNames(node, "ambient")
        return sets
    }

    /// Names of capabilities(7), where the text has the valid values defined: any other is an error
    /// (config.md#valid-values). One that there is, and that nobody can grant here, is a warning;
    /// whoever grants them knows.
    private mutating func capabilityNames(_ sets: JSONNode, _ key: StaticString) -> [String] {
        let nodes = elements(sets, key)
        var names: [String] = []
        names.reserveCapacity(nodes.count)
        for node in nodes {
            guard let name = string(node) else { continue }
            if CapabilityName.isKnown(name) {
                names.append(name)
                continue
            }
            let whole = name.hasPrefix("CAP_") ? name : "CAP_" + name
            let nearest = Suggestion.nearest(to: whole, in: CapabilityName.all)
            refuse(
                node, "a capability such as CAP_CHOWN",
                found: node.summary + Suggestion.phrase(nearest))
        }
        return names
    }

    // MARK: Scheduling

    private mutating func ioPriority(_ process: JSONNode) -> IOPriority? {
        guard let node = object(process, "ioPriority") else { return nil }
        let `class`: IOPriority.Class? = requiredWord(node, "class")
        guard required(node, "priority", "an integer from 0 to 7") != nil else { return nil }
        let priority: UInt8? = integer(node, "priority", in: 0...7)
        guard let `class`, let priority else { return nil }
        return IOPriority(class: `class`, priority: priority)
    }

    private mutating func cpuAffinity(_ process: JSONNode) -> CPUAffinity? {
        guard let node = object(process, "execCPUAffinity") else { return nil }
        var affinity = CPUAffinity()
        affinity.initial = numberList(node, "initial", "a list of CPUs as 0-3,7")
        affinity.final = numberList(node, "final", "a list of CPUs as 0-3,7")
        return affinity
    }

    /// A comma-separated list of numbers and ranges; nil if it is absent or empty.
    mutating func numberList(
        _ object: JSONNode, _ key: StaticString, _ expected: StaticString
    ) -> String? {
        guard let node = object[key], let list = text(object, key) else { return nil }
        guard NumberList(list) != nil else {
            refuse(node, expected.description)
            return nil
        }
        return list
    }

    private mutating func scheduler(_ process: JSONNode) -> Scheduler? {
        guard let node = object(process, "scheduler") else { return nil }
        let policy: Scheduler.Policy? = requiredWord(node, "policy")
        var scheduler = Scheduler(policy: policy ?? .other)
        scheduler.nice = integer(node, "nice", in: -20...19) ?? 0
        scheduler.priority = integer(node, "priority") ?? 0
        scheduler.flags = words(node, "flags") ?? []
        scheduler.runtime = integer(node, "runtime") ?? 0
        scheduler.deadline = integer(node, "deadline") ?? 0
        scheduler.period = integer(node, "period") ?? 0
        if policy != nil { check(scheduler, node) }
        return scheduler
    }

    /// What sched_setattr(2) refuses.
    private mutating func check(_ scheduler: Scheduler, _ node: JSONNode) {
        let policy = scheduler.policy.rawValue
        let priority = scheduler.priority
        if scheduler.policy == .fifo || scheduler.policy == .roundRobin {
            if !(1...99 ~= priority) {
                refuse("priority", of: node, "1 to 99 with \(policy)", found: "\(priority)")
            }
        } else if priority != 0 {
            refuse("priority", of: node, "0 with \(policy)", found: "\(priority)")
        }
        guard scheduler.policy == .deadline else {
            for flag in [Scheduler.Flag.reclaim, .deadlineOverrun]
            where scheduler.flags.contains(flag) {
                refuse(
                    "flags", of: node, "no \(flag.rawValue) without SCHED_DEADLINE",
                    found: "it with \(policy)")
            }
            for (key, value) in [
                ("runtime" as StaticString, scheduler.runtime), ("deadline", scheduler.deadline),
                ("period", scheduler.period),
            ] where value != 0 {
                refuse(
                    key, of: node, "nothing without SCHED_DEADLINE",
                    found: "\(value) with \(policy)")
            }
            return
        }
        if scheduler.deadline == 0 {
            refuse("deadline", of: node, "more than 0 with \(policy)", found: "0")
        } else if scheduler.runtime == 0 || scheduler.runtime > scheduler.deadline {
            refuse(
                "runtime", of: node,
                "1 to the deadline \(scheduler.deadline)", found: "\(scheduler.runtime)")
        }
        if scheduler.period != 0, scheduler.period < scheduler.deadline {
            refuse(
                "period", of: node,
                "at least the deadline \(scheduler.deadline)", found: "\(scheduler.period)")
        }
    }
}
