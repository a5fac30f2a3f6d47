// SPDX-License-Identifier: Apache-2.0

internal import Linux
internal import OCI

/// One device of the host that becomes the container's.
package struct NetworkDevicePlan: Equatable, Sendable {
    /// In the runtime's network namespace.
    package var hostName: String
    /// Inside; with `%d` in it the kernel chooses a number.
    package var name: String

    package init(hostName: String, name: String) {
        self.hostName = hostName
        self.name = name
    }

    /// Whether the kernel completes the name.
    var isTemplate: Bool { name.utf8.contains(UInt8(ascii: "%")) }
}

/// Moves devices into a container's network namespace, and back if the container cannot be made
/// (config-linux.md#network-devices). Once it is made they are the namespace's.
///
/// Everything is done from outside, over a socket in each of the namespaces. The container's is
/// held open, so that a device is not lost with it as long as it may have to be taken back.
final class NetworkDevices {
    /// Both ends of the way.
    private final class Ends {
        let host: RouteSocket
        let hostNamespace: FileDescriptor
        let inside: RouteSocket
        let insideNamespace: FileDescriptor

        init(inside path: String) throws(SystemCallError) {
            hostNamespace = try File.open("/proc/self/ns/net", .readOnlyAtOnce)
            insideNamespace = try File.open(path, .readOnlyAtOnce)
            host = try RouteSocket()
            inside = try RouteSocket.open(in: insideNamespace)
        }

        func areOne() throws(SystemCallError) -> Bool {
            try File.status(of: hostNamespace).isSameFile(as: File.status(of: insideNamespace))
        }
    }

    private var ends: Ends?
    private var moved: [Moved] = []

    /// What it takes to make a device again what it was.
    private struct Moved {
        var original: NetworkLink
        var addresses: [NetworkAddress]
        /// As it is called inside by now.
        var name: String
    }

    private func open(_ path: String) throws(ContainerError) -> Ends {
        if let ends { return ends }
        do throws(SystemCallError) {
            let made = try Ends(inside: path)
            guard try !made.areOne() else { throw SystemCallError("move", "", .exists) }
            ends = made
            return made
        } catch where error.errno == .exists {
            throw ContainerError(
                .invalidConfiguration,
                "the container's network namespace is the runtime's own, and there is nowhere to "
                    + "move a device to")
        } catch {
            throw ContainerError(.failed, "\(error)")
        }
    }

    /// Refuses a device that is not there, before anything is made.
    static func check(_ configuration: Configuration) throws(ContainerError) {
        if configuration.linux.netDevices.isEmpty { return }
        let socket = try during("linux.netDevices") { () throws(SystemCallError) in
            try RouteSocket()
        }
        for name in configuration.linux.netDevices.keys.sorted() {
            let link = try during("linux.netDevices") { () throws(SystemCallError) in
                try socket.link(named: name)
            }
            if link == nil { throw missing(name) }
        }
    }

    private static func missing(_ name: String) -> ContainerError {
        ContainerError(
            .invalidConfiguration,
            "linux.netDevices: there is no network device \"\(name)\" in the runtime's network "
                + "namespace")
    }

    // MARK: There

    /// Moves one, and makes of it what it is to be inside. `namespace` is the container's, as a path
    /// of the runtime's.
    func move(_ plan: NetworkDevicePlan, into namespace: String) throws(ContainerError) {
        let ends = try open(namespace)
        do throws(SystemCallError) {
            guard let link = try ends.host.link(named: plan.hostName) else {
                throw SystemCallError("move", plan.hostName, .noDevice)
            }
            // The kernel would move first, and find the name taken then.
            if !plan.isTemplate, try ends.inside.link(named: plan.name) != nil {
                throw SystemCallError("move", link.name, .exists)
            }
            let addresses = try ends.host.addresses(of: link.index).filter { $0.isPermanent }
            let temporary = try Self.freeName(for: link, ends.inside)
            try ends.host.move(
                link, to: ends.insideNamespace, as: temporary == link.name ? nil : temporary)
            // From here on it can be taken back.
            moved.append(Moved(original: link, addresses: addresses, name: temporary))
            let name = try Self.rename(temporary, to: plan.name, ends.inside)
            moved[moved.count - 1].name = name
            try Self.complete(
                name, addresses.filter { $0.isGlobal }, oldName: link.name, ends.inside)
        } catch {
            throw ContainerError(
                error.errno == .exists ? .invalidConfiguration : .failed,
                "\(error)\(Self.hint(error.errno, plan))")
        }
    }

    /// The name that a device crosses under: its own, unless that is taken inside. The one that it
    /// is to get comes after, because a number that the kernel chose can only be asked for by
    /// somebody who knows the device.
    private static func freeName(for link: NetworkLink, _ inside: RouteSocket)
        throws(SystemCallError) -> String
    {
        try inside.link(named: link.name) == nil ? link.name : "mrtl\(Process.id)"
    }

    /// Answers the name that it has then.
    private static func rename(_ current: String, to name: String, _ inside: RouteSocket)
        throws(SystemCallError) -> String
    {
        if current == name { return name }
        guard let link = try inside.link(named: current) else {
            throw SystemCallError("rename", current, .noDevice)
        }
        try inside.rename(link, to: name)
        return try inside.link(index: link.index)?.name ?? name
    }

    /// Addresses first: it is not up without those that belong to it.
    private static func complete(
        _ name: String, _ addresses: [NetworkAddress], oldName: String, _ inside: RouteSocket
    ) throws(SystemCallError) {
        guard let link = try inside.link(named: name) else {
            throw SystemCallError("bring up", name, .noDevice)
        }
        for address in addresses { try inside.add(address, to: link, oldName: oldName) }
        try inside.bringUp(link)
    }

    private static func hint(_ errno: Errno, _ plan: NetworkDevicePlan) -> String {
        switch errno {
        case .noDevice: "; it is no longer in the runtime's network namespace"
        case .exists:
            "; the container's network namespace has a device \"\(plan.name)\" already"
        case .invalid:
            "; the kernel keeps some devices where they are: the loopback device, and many tunnels "
                + "and bridges"
        case .notPermitted: "; moving a device needs CAP_NET_ADMIN in both network namespaces"
        default: ""
        }
    }

    // MARK: And back

    /// Takes back what was moved, last first, with its name, its addresses and its state.
    func moveBack() throws(ContainerError) {
        guard let ends else { return }
        while let device = moved.popLast() {
            do throws(SystemCallError) {
                try Self.moveBack(
                    device.name, as: device.original.name, device.addresses,
                    of: device.original.name, isUp: device.original.isUp, ends)
            } catch {
                throw ContainerError(
                    .failed, "network device \"\(device.original.name)\": \(error)")
            }
        }
    }

    private static func moveBack(
        _ name: String, as hostName: String, _ addresses: [NetworkAddress], of oldName: String,
        isUp: Bool, _ ends: Ends
    ) throws(SystemCallError) {
        guard let link = try ends.inside.link(named: name) else {
            throw SystemCallError("move back", name, .noDevice)
        }
        try ends.inside.move(
            link, to: ends.hostNamespace, as: link.name == hostName ? nil : hostName)
        guard let restored = try ends.host.link(named: hostName) else {
            throw SystemCallError("move back", hostName, .noDevice)
        }
        for address in addresses {
            try ends.host.add(address, to: restored, oldName: oldName)
        }
        if isUp { try ends.host.bringUp(restored) }
    }

    /// The same for a `create` that was killed: what is missing on the host and is in the other
    /// namespace by its new name or its old. The addresses are those that it was given there.
    static func takeBack(_ devices: [BorrowedNetworkDevice]) throws(ContainerError) {
        for device in devices {
            let namespace = NetworkDevices()
            let ends: Ends
            do throws(ContainerError) {
                ends = try namespace.open(device.namespace)
            } catch {
                // Gone, and its devices with it.
                continue
            }
            do throws(SystemCallError) {
                if try ends.host.link(named: device.hostName) != nil { continue }
                for name in [device.name, device.hostName] {
                    guard let link = try ends.inside.link(named: name) else { continue }
                    let addresses = try ends.inside.addresses(of: link.index)
                    try moveBack(
                        name, as: device.hostName,
                        addresses.filter { $0.isPermanent && $0.isGlobal }, of: name,
                        isUp: link.isUp, ends)
                    break
                }
            } catch {
                throw ContainerError(.failed, "network device \"\(device.hostName)\": \(error)")
            }
        }
    }
}
