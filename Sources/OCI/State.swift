// SPDX-License-Identifier: Apache-2.0

package import JSON

/// A container's state, as `state` prints it and hooks read it (runtime.md#state).
package struct State: Equatable, Sendable {
    /// What a container is doing (runtime.md#state), and `paused`, which runc added.
    package enum Status: String, CaseIterable, Sendable, CustomStringConvertible {
        case creating, created, running, stopped, paused

        /// The status as states spell it.
        package var description: String { rawValue }
    }
    package var ociVersion = Specification.version
    package var id: String
    package var status: Status
    /// In the runtime's pid namespace; 0 when there is no process.
    package var pid: Int32
    /// Absolute.
    package var bundle: String
    package var annotations: [String: String] = [:]

    /// runc's: the root filesystem's absolute path; nil leaves it out, as hooks need none.
    package var rootfs: String?
    /// Whether the kernel killed a process of the container for want of memory; told only when it
    /// did.
    package var oomKilled = false
    /// runc's: when, as RFC 3339 with nanoseconds.
    package var created: String?
    /// runc's: the owner's name, which `list` fills and `state` leaves empty.
    package var owner: String?

    /// A state with the properties that every container has.
    package init(id: String, status: Status, pid: Int32, bundle: String) {
        self.id = id
        self.status = status
        self.pid = pid
        self.bundle = bundle
    }

    /// The state as JSON, on one line or indented by two spaces, in runc's order.
    package func encode(pretty: Bool) -> [UInt8] {
        var json = JSONWriter(pretty ? .spaces(2) : .compact)
        encode(into: &json)
        return json.bytes
    }

    /// Writes the state as a value.
    package func encode(into json: inout JSONWriter) {
        json.object { json in
            json.member("ociVersion", ociVersion)
            json.member("id", id)
            json.member("pid", pid)
            json.member("status", status.rawValue)
            json.member("bundle", bundle)
            if let rootfs { json.member("rootfs", rootfs) }
            if let created { json.member("created", created) }
            if !annotations.isEmpty { json.member("annotations", annotations) }
            if let owner { json.member("owner", owner) }
            if oomKilled { json.member("oomKilled", true) }
        }
    }

    /// States as `list --format json` prints them: one line, which is `null` if there are none.
    package static func encode(list states: [State]) -> [UInt8] {
        var json = JSONWriter()
        if states.isEmpty {
            json.null()
        } else {
            json.array { json in for state in states { state.encode(into: &json) } }
        }
        return json.bytes
    }
}

extension State {
    /// Reads a state, as ``encode(pretty:)`` or another runtime wrote it.
    package static func decode(from text: [UInt8]) throws(JSONError) -> State {
        let root = try JSONDocument(parsing: text).root
        let statusNode = try root.required("status", "a status")
        guard let status = Status(rawValue: try statusNode.string()) else {
            throw statusNode.unexpected("a status")
        }
        var state = State(
            id: try root.required("id", "a string").string(), status: status,
            pid: try root["pid"]?.integer() ?? 0,
            bundle: try root.required("bundle", "a string").string())
        state.ociVersion = try root.required("ociVersion", "a string").string()
        state.rootfs = try root["rootfs"]?.string()
        state.created = try root["created"]?.string()
        state.owner = try root["owner"]?.string()
        state.oomKilled = try root["oomKilled"]?.boolean() ?? false
        guard let annotations = root["annotations"] else { return state }
        for member in try annotations.members() {
            state.annotations[member.key] = try member.value.string()
        }
        return state
    }
}
