// SPDX-License-Identifier: Apache-2.0

internal import JSON
internal import OCI

/// A device that is to be moved into a namespace which exists without the container.
package struct BorrowedNetworkDevice: Equatable, Sendable {
    /// Of the namespace it goes to.
    package var namespace: String
    package var hostName: String
    /// Inside; with `%d` in it, not known beforehand.
    package var name: String

    package init(namespace: String, hostName: String, name: String) {
        self.namespace = namespace
        self.hostName = hostName
        self.name = name
    }

    init(_ node: JSONNode) throws(JSONError) {
        namespace = try node.required("namespace", "a string").string()
        hostName = try node.required("hostName", "a string").string()
        name = try node.required("name", "a string").string()
    }

    func write(to json: inout JSONWriter) {
        json.object { json in
            json.member("namespace", namespace)
            json.member("hostName", hostName)
            json.member("name", name)
        }
    }
}

extension LaunchPlan {
    /// The devices that a killed `create` could leave in somebody else's namespace. One of the
    /// container's own is gone with its first process, and the kernel decides what of them stays.
    var borrowedNetworkDevices: [BorrowedNetworkDevice] {
        guard let namespace = namespaces.joined.first(where: { $0.kind == .network }) else {
            return []
        }
        var devices: [BorrowedNetworkDevice] = []
        for case .moveNetworkDevice(let plan) in parentSteps {
            devices.append(
                BorrowedNetworkDevice(
                    namespace: namespace.path, hostName: plan.hostName, name: plan.name))
        }
        return devices
    }
}

extension ResctrlRecord {
    init(_ node: JSONNode) throws(JSONError) {
        self.init(root: try node.required("root", "a string").string())
        for element in try node.required("made", "an array").elements() {
            made.append(try element.string())
        }
        for element in try node.required("owned", "an array").elements() {
            owned.append(try element.string())
        }
        changed = try node["changed"]?.string()
        previous = try node["previous"]?.string()
    }

    func write(to json: inout JSONWriter) {
        json.key("resctrl")
        json.object { json in
            json.member("root", root)
            json.member("made", made)
            json.member("owned", owned)
            if let changed { json.member("changed", changed) }
            if let previous { json.member("previous", previous) }
        }
    }
}
