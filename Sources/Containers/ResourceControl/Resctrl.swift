// SPDX-License-Identifier: Apache-2.0

internal import Linux
internal import OCI

/// A resctrl filesystem, and a container's place in it (resctrl.rst in the kernel's documentation).
package final class Resctrl {
    package let plan: ResctrlPlan
    /// What carrying the plan out makes; for the journal.
    package let record: ResctrlRecord
    /// Of what the record names, that which this process has made.
    private var made: [String] = []

    /// Looks at the filesystem at `root`, and refuses what cannot come to be there. Changes nothing.
    package init(_ plan: ResctrlPlan, root: String) throws(ContainerError) {
        self.plan = plan
        var record = ResctrlRecord(root: root)
        let path = "\(root)/\(plan.directory)"
        let isThere = try Self.exists("\(path)/tasks")
        switch plan.presence {
        case .own where try Self.exists(path):
            throw ContainerError(
                .invalidConfiguration,
                "linux.intelRdt: \"\(path)\" is there already, and would be the container's own "
                    + "group; set closID to share it, or remove it with rmdir")
        case .required where !isThere:
            throw ContainerError(
                .invalidConfiguration,
                "linux.intelRdt.closID: there is no group \"\(path)\"; without schemata it must "
                    + "have been set up before")
        default: break
        }
        if !isThere {
            record.made.append(plan.directory)
            if plan.presence == .own { record.owned.append(plan.directory) }
        } else if !plan.compared.isEmpty || !plan.written.isEmpty {
            let text = try Self.read("\(path)/schemata")
            for line in plan.compared where !ResctrlSchema.holds(line, in: text) {
                throw ContainerError(
                    .invalidConfiguration,
                    "linux.intelRdt: the group \"\(path)\" is there and does not have "
                        + "\"\(line)\" in its schemata")
            }
            if !plan.written.allSatisfy({ ResctrlSchema.holds($0, in: text) }) {
                record.changed = plan.directory
                record.previous = text
            }
        }
        if let monitor = plan.monitorDirectory {
            if try Self.exists("\(root)/\(monitor)") {
                throw ContainerError(
                    .invalidConfiguration,
                    "linux.intelRdt.enableMonitoring: \"\(root)/\(monitor)\" is there already")
            }
            record.made.append(monitor)
            record.owned.append(monitor)
        }
        self.record = record
    }

    /// The same for the filesystem that is mounted here; nil without `linux.intelRdt`.
    convenience init?(_ configuration: Configuration, id: ContainerID) throws(ContainerError) {
        guard let rdt = configuration.linux.intelRdt else { return nil }
        guard let root = try Self.mountPoint() else {
            throw ContainerError(
                .unsupported,
                "linux.intelRdt: no resctrl filesystem is mounted; with a kernel and CPUs that have "
                    + "it: mount -t resctrl resctrl /sys/fs/resctrl")
        }
        try self.init(ResctrlPlan(rdt, id: id.text), root: root)
    }

    /// Where resctrl is mounted in the runtime's mount namespace.
    static func mountPoint() throws(ContainerError) -> String? {
        let usual = "/sys/fs/resctrl"
        return try during("linux.intelRdt") { () throws(SystemCallError) in
            let table = try File.readText("/proc/self/mountinfo", limit: 64 << 20)
            return mountPoint(in: table, preferring: usual)
        }
    }

    /// The same in the text of a mount table.
    static func mountPoint(in table: String, preferring usual: String) -> String? {
        var found: String?
        for line in table.split(separator: "\n") {
            let fields = line.split(separator: " ")
            guard let dash = fields.firstIndex(of: "-"), fields.count > dash + 1, dash > 4,
                fields[dash + 1] == "resctrl"
            else { continue }
            if fields[4] == usual { return usual }
            found = String(fields[4])
        }
        return found
    }

    // MARK: Making

    /// Makes the group and the monitoring group, and writes what the group is to have. The caller
    /// has `record` in its journal.
    func carryOut() throws(ContainerError) {
        try makeGroup()
        try writeSchemata()
        try makeMonitor()
    }

    func makeGroup() throws(ContainerError) {
        guard record.made.contains(plan.directory) else { return }
        try make(plan.directory)
    }

    func makeMonitor() throws(ContainerError) {
        if let monitor = plan.monitorDirectory { try make(monitor) }
    }

    private func make(_ directory: String) throws(ContainerError) {
        let path = "\(record.root)/\(directory)"
        do throws(SystemCallError) {
            try File.makeDirectory(path, at: Directory.current, permissions: 0o755)
        } catch {
            let hint = error.errno == .noSpace ? "; all groups that the CPU has are in use" : ""
            throw ContainerError(.failed, "linux.intelRdt: \(error)\(hint)\(reason)")
        }
        made.append(directory)
    }

    /// Takes everything back that was done. A group that somebody else made meanwhile, which is
    /// why ours could not be, stays.
    func undo() throws(ContainerError) {
        var done = record
        done.made = made
        try done.undo()
        made = []
    }

    /// In the order that the specification gives, each by itself.
    func writeSchemata() throws(ContainerError) {
        let isNew = record.made.contains(plan.directory)
        if !isNew && record.changed == nil { return }
        for line in (isNew ? plan.compared : []) + plan.written {
            try Self.write("\(line)\n", to: "\(record.root)/\(plan.directory)/schemata", self)
        }
    }

    /// Puts a process, and with it those that it makes, under the group's rules.
    func add(_ pid: Int32) throws(ContainerError) {
        try Self.write("\(pid)", to: "\(record.root)/\(plan.directory)/tasks", self)
        // A member of the group above only can be in the one below.
        if let monitor = plan.monitorDirectory {
            try Self.write("\(pid)", to: "\(record.root)/\(monitor)/tasks", self)
        }
    }

    private static func write(_ text: String, to path: String, _ resctrl: Resctrl)
        throws(ContainerError)
    {
        do throws(SystemCallError) {
            try File.write(text, toExisting: path)
        } catch {
            let value = text.split(separator: "\n").first ?? ""
            throw ContainerError(
                .failed, "linux.intelRdt: \(error), value \"\(value)\"\(resctrl.reason)")
        }
    }

    /// What the kernel says of the last thing that it refused.
    private var reason: String {
        let path = "\(record.root)/info/last_cmd_status"
        guard let text = try? File.readText(path, limit: 4096),
            let line = text.split(separator: "\n").first, line != "ok"
        else { return "" }
        return " (the kernel says: \(line))"
    }

    private static func exists(_ path: String) throws(ContainerError) -> Bool {
        do throws(SystemCallError) {
            _ = try File.status(of: path, followingLink: false)
            return true
        } catch where error.errno == .noEntry {
            return false
        } catch {
            throw ContainerError(.failed, "linux.intelRdt: \(error)")
        }
    }

    private static func read(_ path: String) throws(ContainerError) -> String {
        try during("linux.intelRdt") { () throws(SystemCallError) in
            try File.readText(path, limit: 1 << 20)
        }
    }
}

/// Taking things away again.
extension ResctrlRecord {
    /// Undoes a creation: everything that was made goes, and what was changed is as it was.
    func undo() throws(ContainerError) {
        try remove(made)
        guard let changed, let previous else { return }
        for line in previous.split(separator: "\n") {
            try during("linux.intelRdt") { () throws(SystemCallError) in
                try File.write(
                    line.drop { $0 == " " } + "\n", toExisting: "\(root)/\(changed)/schemata")
            }
        }
    }

    /// Removes what goes with the container, and nothing else.
    func delete() throws(ContainerError) { try remove(owned) }

    /// From the inside out. Processes that are left in a group fall back to the one above.
    private func remove(_ directories: [String]) throws(ContainerError) {
        for directory in directories.reversed() {
            do throws(SystemCallError) {
                try File.remove("\(root)/\(directory)", isDirectory: true)
            } catch where error.errno == .noEntry {
                continue
            } catch {
                throw ContainerError(.failed, "linux.intelRdt: \(error)")
            }
        }
    }
}
