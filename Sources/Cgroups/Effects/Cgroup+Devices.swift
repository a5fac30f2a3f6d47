// SPDX-License-Identifier: Apache-2.0

internal import Linux

/// Access to devices.
extension Cgroup {
    /// Brings the list of v1's devices controller to what rules say, from what it is.
    func applyDeviceList(_ rules: DeviceRules) throws(CgroupError) {
        let wanted = try rules.accessList()
        guard let place = place(of: "devices", .v1) else {
            throw CgroupError(.unsupported, "devices: the container is in no devices hierarchy")
        }
        guard let directory = try place.open(), let text = try directory.read("devices.list")
        else { throw Self.gone(place) }
        guard let current = DeviceAccessList(list: text) else {
            throw CgroupError(.failed, "devices: \"\(place)/devices.list\" cannot be read")
        }
        let listed = rules.rules.filter { $0.allows != wanted.allowsByDefault }.map(\.devices)
        for change in wanted.changes(from: current, listed: listed) {
            do throws(SystemCallError) {
                try directory.write(change.value, to: change.file)
            } catch {
                // Back to what it was: the first error is the one to tell.
                if let text = try? directory.read("devices.list"),
                    let now = DeviceAccessList(list: text)
                {
                    for change in current.changes(from: now) {
                        try? directory.write(change.value, to: change.file)
                    }
                }
                let hint =
                    error.errno == .notPermitted
                    ? "; the cgroup above, \"\(place.parentPath)\", does not allow it" : ""
                throw CgroupError(
                    "devices: \"\(change)\" in cgroup \"\(place)\"", error, hint: hint)
            }
        }
    }

    /// Attaches a program for rules to the cgroup2 directory. An older one of ours is replaced in
    /// one step: at no time is everything allowed, or nothing. Those of others, such as systemd's,
    /// stay, and all have to allow an access.
    func attachDeviceProgram(_ rules: DeviceRules) throws(CgroupError) {
        guard let place = unified else {
            throw CgroupError(.unsupported, "devices: the container is in no cgroup2 directory")
        }
        guard let directory = try place.open() else { throw Self.gone(place) }
        try during("devices of cgroup \"\(place)\"") { () throws(SystemCallError) in
            let program = try BPF.load(
                device: DeviceProgram.assemble(rules), name: DeviceProgram.name)
            var isAttached = false
            for id in try BPF.devicePrograms(of: directory.descriptor) {
                let other: FileDescriptor
                do throws(SystemCallError) {
                    other = try BPF.open(program: id)
                } catch where error.errno == .noEntry {
                    continue
                }
                guard try BPF.name(of: other) == DeviceProgram.name else { continue }
                if isAttached {
                    try BPF.detach(device: other, from: directory.descriptor)
                } else {
                    try BPF.attach(
                        device: program, to: directory.descriptor, replacing: other)
                    isAttached = true
                }
            }
            if !isAttached { try BPF.attach(device: program, to: directory.descriptor) }
        }
    }
}

extension CgroupPlace {
    /// The directory above, for messages.
    var parentPath: String {
        names.count > 1 ? "\(mountPoint)/\(names.dropLast().joined(separator: "/"))" : mountPoint
    }
}
