// SPDX-License-Identifier: Apache-2.0

internal import Linux

/// Applying plans.
extension Cgroup {
    /// Writes what a plan says, in order.
    ///
    /// With `restoring`, a failure puts back what was there before, newest first, so that `update`
    /// changes everything or nothing. A cgroup that is then deleted does not need it.
    ///
    /// Only the host's root can change access to devices. For anyone else the rules are left out,
    /// and that is told to `warn`: the kernel lets nobody else make a node of a device either, so
    /// that a container has those that it was given and no others. Every runtime does so.
    package func apply(
        _ steps: [ResourcePlan.Step], restoring: Bool = false,
        warn: (String) -> Void = { _ in }
    ) throws(CgroupError) {
        var application = Application(cgroup: self, isRestoring: restoring)
        do throws(CgroupError) {
            for step in steps {
                do throws(CgroupError) {
                    try application.run(step)
                } catch {
                    guard case .devices = step, CgroupCreation.lacksHostRights,
                        error.errno == .notPermitted || error.errno == .accessDenied
                            || error.kind == .unsupported
                    else { throw error }
                    warn("linux.resources.devices is not applied, which takes the host's root")
                }
            }
        } catch {
            application.restore()
            throw error
        }
    }
}

/// One run through a plan, and the way back.
private struct Application {
    let cgroup: Cgroup
    let isRestoring: Bool
    private var undo: [(place: CgroupPlace, file: String, values: [String])] = []

    init(cgroup: Cgroup, isRestoring: Bool) {
        self.cgroup = cgroup
        self.isRestoring = isRestoring
    }

    mutating func run(_ step: ResourcePlan.Step) throws(CgroupError) {
        switch step {
        case .write(let write): try run(write)
        case .together(let writes): try run(together: writes)
        case .checkMemory(let limit, let limitWithSwap):
            try checkMemory(limit: limit, limitWithSwap: limitWithSwap)
        case .devices(let rules, .v1): try cgroup.applyDeviceList(rules)
        case .devices(let rules, .v2): try cgroup.attachDeviceProgram(rules)
        }
    }

    /// As long as some are taken, those that were refused can be right now.
    private mutating func run(together writes: [Write]) throws(CgroupError) {
        var left = writes
        while true {
            var refused: [Write] = []
            var first: CgroupError?
            for write in left {
                do throws(CgroupError) {
                    try run(write)
                } catch where error.errno == .invalid {
                    refused.append(write)
                    first = first ?? error
                }
            }
            guard let first else { return }
            if refused.count == left.count { throw first }
            left = refused
        }
    }

    private mutating func run(_ write: Write) throws(CgroupError) {
        guard let place = cgroup.place(of: write.controller, write.version) else {
            if write.isOptional { return }
            throw CgroupError(
                .unsupported,
                "\(write.setting): the container is in no \(write.controller) hierarchy of "
                    + "\(write.version)")
        }
        guard let directory = try place.open() else { throw Cgroup.gone(place) }
        for choice in write.choices {
            do throws(SystemCallError) {
                try run(choice, in: directory, of: place)
                return
            } catch where error.errno == .noEntry && error.call == "open" {
                continue
            } catch {
                throw Self.failure(write, choice, in: directory, error)
            }
        }
        if write.isOptional { return }
        let files = write.choices.map { "\"\($0.file)\"" }.joined(separator: " nor ")
        throw CgroupError(
            .unsupported,
            "\(write.setting): the \(write.controller.isEmpty ? "core" : write.controller) "
                + "controller of \(write.version) has no \(files) on this host")
    }

    private mutating func run(
        _ choice: Write.Choice, in directory: borrowing CgroupDirectory, of place: CgroupPlace
    ) throws(SystemCallError) {
        var value = choice.value
        var old: String?
        if isRestoring || choice.keepsFirstWord {
            old = try? File.readText(choice.file, at: directory.descriptor.number)
        }
        if choice.keepsFirstWord { value = "\(words(of: old ?? "max").first ?? "max") \(value)" }
        try directory.write(value, to: choice.file)
        guard isRestoring, let old else { return }
        var values = old.split(separator: "\n").map(String.init)
        // A file with a line for each device: away with ours, then back with theirs.
        if let removal = choice.removal { values.insert(removal, at: 0) }
        undo.append((place, choice.file, values))
    }

    private static func failure(
        _ write: Write, _ choice: Write.Choice, in directory: borrowing CgroupDirectory,
        _ cause: SystemCallError
    ) -> CgroupError {
        let cause = SystemCallError(
            cause.call, "\(directory.path)/\(choice.file)", cause.errno)
        var doing = "\(write.setting) \(choice.value)"
        if choice.file == "memory.limit_in_bytes" || choice.file == "memory.memsw.limit_in_bytes",
            cause.errno == .busy
        {
            let file = choice.file.replacingSuffix("limit_in_bytes", "usage_in_bytes")
            if let text = try? directory.read(file), let usage = words(of: text).first {
                doing += " is below the \(usage) bytes that are in use"
            }
        }
        return CgroupError(doing, cause)
    }

    /// On cgroup2 the kernel would take a limit below what is used, and kill.
    private func checkMemory(limit: Int64?, limitWithSwap: Int64?) throws(CgroupError) {
        guard let place = cgroup.unified, let directory = try place.open() else { return }
        func bytes(_ file: String, _ directory: borrowing CgroupDirectory) throws(CgroupError)
            -> UInt64
        {
            try directory.read(file).flatMap { words(of: $0).first }.flatMap { UInt64($0) } ?? 0
        }
        let used = try bytes("memory.current", directory)
        if let limit, limit.magnitude <= used {
            throw CgroupError(
                .invalid, "memory.limit \(limit) is not above the \(used) bytes that are in use")
        }
        if let limitWithSwap {
            let both = try used + bytes("memory.swap.current", directory)
            if limitWithSwap.magnitude <= both {
                throw CgroupError(
                    .invalid,
                    "memory.swap \(limitWithSwap) is not above the \(both) bytes of memory and "
                        + "swap that are in use")
            }
        }
    }

    /// Puts things back as well as the kernel lets us: the error that led here is the one to
    /// tell. Twice, as values that are checked against each other may need the other first.
    mutating func restore() {
        for _ in 0..<2 {
            for entry in undo.reversed() {
                guard let directory = try? entry.place.open() else { continue }
                for value in entry.values { try? directory.write(value, to: entry.file) }
            }
        }
        undo = []
    }
}

extension String {
    /// The same with another end.
    fileprivate func replacingSuffix(_ suffix: String, _ other: String) -> String {
        hasSuffix(suffix) ? dropLast(suffix.count) + other : self
    }
}
