// SPDX-License-Identifier: Apache-2.0

package import Cgroups
internal import JSON

/// What is on record of a container's unit of systemd.
package struct ScopeRecord: Equatable, Sendable {
    package var unit: String
    /// The manager that has it.
    package var owner: SystemdOwner
    /// What tells it from a later unit of the same name; empty before it is there.
    package var invocation: String

    package init(unit: String, owner: SystemdOwner, invocation: String = "") {
        self.unit = unit
        self.owner = owner
        self.invocation = invocation
    }

    init(record node: JSONNode) throws(JSONError) {
        let ownerNode = try node.required("owner", "a string")
        guard let owner = SystemdOwner(rawValue: try ownerNode.string()) else {
            throw ownerNode.unexpected("system or user")
        }
        self.init(
            unit: try node.required("unit", "a string").string(), owner: owner,
            invocation: try node.required("invocation", "a string").string())
    }

    func encode(into json: inout JSONWriter) {
        json.object { json in
            json.member("unit", unit)
            json.member("owner", owner.rawValue)
            json.member("invocation", invocation)
        }
    }
}
