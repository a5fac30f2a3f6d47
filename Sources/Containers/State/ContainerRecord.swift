// SPDX-License-Identifier: Apache-2.0

package import Cgroups
internal import JSON
package import Linux
package import OCI

/// What is on record of a container between two commands.
package struct ContainerRecord: Equatable, Sendable {
    /// How far `create` came.
    package enum Phase: String, Sendable {
        /// Begun; whatever was made so far is to be undone.
        case creating
        case created
    }

    /// Of this file's form; another version's is refused.
    package static let version: Int64 = 1

    package var phase: Phase
    package var id: String
    package var bundle: String
    package var rootfs: String
    /// RFC 3339.
    package var created: String
    /// Name or number of the user who made it.
    package var owner: String
    package var annotations: [String: String]
    /// The container's process; 0 before it exists.
    package var pid: Int32 = 0
    /// When that process started (`Process.startTime`): with the pid it names one process only.
    package var startTime: UInt64 = 0
    /// Whether the configuration has a process to start.
    package var hasProcess: Bool
    /// The container's cgroups, with what was, or is about to be, made for them.
    package var cgroups: [CgroupPlace] = []
    /// The unit of systemd that has made them.
    package var scope: ScopeRecord?
    /// The hooks that are still to run after `create`: poststart and poststop. The others' lists are
    /// empty.
    package var hooks = Hooks()
    /// How many processes the kernel had killed for want of memory in a cgroup that was there
    /// before the container.
    package var memoryKillsBefore: UInt64 = 0
    /// What was, or is about to be, made in a resctrl filesystem.
    package var resctrl: ResctrlRecord?
    /// Devices that are about to be moved into a namespace that outlives the container; none once
    /// the container is made.
    package var networkDevices: [BorrowedNetworkDevice] = []
    /// Who gets the listener of the container's filter.
    package var seccompAgent: SeccompAgent?
    /// What `exec` needs.
    package var join: JoinRecord?
    /// Whether the container has a pid namespace that ends with its process.
    package var ownsPidNamespace: Bool

    package init(
        phase: Phase, id: String, bundle: String, rootfs: String, created: String, owner: String,
        annotations: [String: String], hasProcess: Bool, ownsPidNamespace: Bool
    ) {
        self.phase = phase
        self.id = id
        self.bundle = bundle
        self.rootfs = rootfs
        self.created = created
        self.owner = owner
        self.annotations = annotations
        self.hasProcess = hasProcess
        self.ownsPidNamespace = ownsPidNamespace
    }

    /// Reads a record that `bytes` wrote.
    init(bytes: [UInt8]) throws(JSONError) {
        let root = try JSONDocument(parsing: bytes).root
        self = try ContainerRecord(root)
    }

    private init(_ root: JSONNode) throws(JSONError) {
        let version: Int64 = try root.required("version", "an integer").integer()
        guard version == Self.version else {
            throw root.unexpected("a record of version \(Self.version)")
        }
        let phaseNode = try root.required("phase", "a string")
        guard let phase = Phase(rawValue: try phaseNode.string()) else {
            throw phaseNode.unexpected("creating or created")
        }
        self.init(
            phase: phase,
            id: try root.required("id", "a string").string(),
            bundle: try root.required("bundle", "a string").string(),
            rootfs: try root.required("rootfs", "a string").string(),
            created: try root.required("created", "a string").string(),
            owner: try root.required("owner", "a string").string(),
            annotations: [:],
            hasProcess: try root.required("hasProcess", "a boolean").boolean(),
            ownsPidNamespace: try root.required("ownsPidNamespace", "a boolean").boolean())
        pid = try root.required("pid", "an integer").integer()
        startTime = try root.required("startTime", "an integer").integer()
        if let node = root["cgroups"] {
            for element in try node.elements() { cgroups.append(try Self.place(element)) }
        }
        if let node = root["scope"] { scope = try ScopeRecord(record: node) }
        if let node = root["hooks"] { hooks = try Hooks(record: node) }
        memoryKillsBefore = try root["memoryKillsBefore"]?.integer() ?? 0
        if let node = root["resctrl"] { resctrl = try ResctrlRecord(node) }
        if let node = root["networkDevices"] {
            for element in try node.elements() {
                networkDevices.append(try BorrowedNetworkDevice(element))
            }
        }
        if let node = root["seccompAgent"] {
            seccompAgent = SeccompAgent(
                path: try node.required("path", "a string").string(),
                metadata: try node["metadata"]?.string())
        }
        if let node = root["join"] { join = try JoinRecord(node) }
        if let node = root["annotations"] {
            for member in try node.members() {
                annotations[member.key] = try member.value.string()
            }
        }
    }

    private static func place(_ node: JSONNode) throws(JSONError) -> CgroupPlace {
        var place = CgroupPlace(
            mountPoint: try node.required("mountPoint", "a string").string(), controllers: [],
            path: try node.required("path", "a string").string())
        for element in try node.required("controllers", "an array").elements() {
            place.controllers.append(try element.string())
        }
        for element in try node.required("made", "an array").elements() {
            place.made.append(try element.string())
        }
        return place
    }

    /// The container's cgroups; nil when it has none of its own.
    var cgroup: Cgroup? {
        cgroups.isEmpty ? nil : Cgroup(CgroupRecord(places: cgroups))
    }

    /// The file's contents.
    var bytes: [UInt8] {
        var json = JSONWriter()
        json.beginObject()
        json.member("version", Self.version)
        json.member("phase", phase.rawValue)
        json.member("id", id)
        json.member("pid", pid)
        json.member("startTime", startTime)
        json.member("bundle", bundle)
        json.member("rootfs", rootfs)
        json.member("created", created)
        json.member("owner", owner)
        json.member("hasProcess", hasProcess)
        json.member("ownsPidNamespace", ownsPidNamespace)
        json.member("annotations", annotations)
        if let seccompAgent {
            json.key("seccompAgent")
            json.object { json in
                json.member("path", seccompAgent.path)
                if let metadata = seccompAgent.metadata { json.member("metadata", metadata) }
            }
        }
        if let join {
            json.key("join")
            join.write(to: &json)
        }
        if !cgroups.isEmpty {
            json.key("cgroups")
            json.array { json in
                for place in cgroups {
                    json.object { json in
                        json.member("mountPoint", place.mountPoint)
                        json.member("controllers", place.controllers)
                        json.member("path", place.path)
                        json.member("made", place.made)
                    }
                }
            }
        }
        if let scope {
            json.key("scope")
            scope.encode(into: &json)
        }
        if hooks != Hooks() {
            json.key("hooks")
            hooks.encode(into: &json)
        }
        if memoryKillsBefore > 0 { json.member("memoryKillsBefore", memoryKillsBefore) }
        if let resctrl { resctrl.write(to: &json) }
        if !networkDevices.isEmpty {
            json.key("networkDevices")
            json.array { json in
                for device in networkDevices { device.write(to: &json) }
            }
        }
        json.endObject()
        return json.bytes
    }

    /// A descriptor of the container's process, if that still is the process it was: a pid that
    /// was given to another in the meantime is told by its start time.
    package func openProcess() throws(ContainerError) -> FileDescriptor? {
        guard pid > 0 else { return nil }
        let process: FileDescriptor
        do throws(SystemCallError) {
            process = try Process.descriptor(of: pid)
        } catch where error.errno == .noProcess || error.errno == .invalid {
            return nil
        } catch {
            throw ContainerError(.failed, "the container's process: \(error)")
        }
        // In this order: once the descriptor is held the pid cannot change hands.
        guard try isAlive() else { return nil }
        return process
    }

    /// Whether the container's process lives.
    package func isAlive() throws(ContainerError) -> Bool {
        guard pid > 0 else { return false }
        return try during("the container's process") { () throws(SystemCallError) in
            try Process.startTime(of: pid) == startTime
        }
    }
}

extension ContainerDirectory {
    /// Where the container stands in its life (runtime.md#state).
    func status(_ record: ContainerRecord) throws(ContainerError) -> State.Status {
        if record.phase == .creating { return try tryLock() ? .stopped : .creating }
        guard try record.isAlive() else { return .stopped }
        // Where its cgroup cannot be looked at any more, nobody can have stopped it there.
        if let cgroup = record.cgroup, (try? cgroup.isFrozen()) ?? false { return .paused }
        return hasGate() ? .created : .running
    }
}
