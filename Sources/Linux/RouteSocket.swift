// SPDX-License-Identifier: Apache-2.0

internal import CLinux

/// A network device as a namespace shows it.
package struct NetworkLink: Equatable, Sendable {
    /// The kernel's number for it in its namespace.
    package let index: Int32
    package let name: String
    package let isUp: Bool
}

/// An address of a network device, in the kernel's own form so that nothing of it is lost.
package struct NetworkAddress: Equatable, Sendable {
    let family: UInt8
    let prefixLength: UInt8
    /// The IFA_F words.
    let flags: UInt32
    let scope: UInt8
    let attributes: [RouteAttribute]

    /// Whether it stays until it is taken away, not for a lease's time (IFA_F_PERMANENT).
    package var isPermanent: Bool { flags & UInt32(IFA_F_PERMANENT) != 0 }
    /// Whether it means the same everywhere (RT_SCOPE_UNIVERSE).
    package var isGlobal: Bool { Int(scope) == Int(RT_SCOPE_UNIVERSE.rawValue) }
}

/// A conversation with the kernel about the devices of one network namespace: that in which it
/// was opened. The protocol is `rtnetlink(7)`.
package final class RouteSocket {
    private let descriptor: FileDescriptor
    private var sequence: UInt32 = 0

    /// Longest wait for an answer, in milliseconds: the kernel gives it at once.
    private static var patience: Int { 10_000 }

    /// For the caller's network namespace.
    package init() throws(SystemCallError) {
        descriptor = FileDescriptor(
            owning: try check("socket", "rtnetlink") {
                socket(
                    AF_NETLINK, CInt(SOCK_RAW.rawValue) | CInt(SOCK_CLOEXEC.rawValue), NETLINK_ROUTE
                )
            })
    }

    /// For another network namespace, which the caller enters for a moment: it must have one thread.
    package static func open(in namespace: borrowing FileDescriptor) throws(SystemCallError)
        -> RouteSocket
    {
        let own = try File.open("/proc/self/ns/net", .readOnlyAtOnce)
        try Process.join(namespace, kind: .network, subject: "network namespace")
        let made = Result { () throws(SystemCallError) in try RouteSocket() }
        try Process.join(own, kind: .network, subject: "/proc/self/ns/net")
        return try made.get()
    }

    /// A device by its name; nil when there is none. The request is RTM_GETLINK.
    package func link(named name: String) throws(SystemCallError) -> NetworkLink? {
        var request = RouteRequest(CInt(RTM_GETLINK), flags: 0, ifinfomsg())
        request.append(UInt16(IFLA_IFNAME), text: name)
        return try link(request, subject: name)
    }

    /// The same by its number.
    package func link(index: Int32) throws(SystemCallError) -> NetworkLink? {
        var information = ifinfomsg()
        information.ifi_index = index
        return try link(
            RouteRequest(CInt(RTM_GETLINK), flags: 0, information), subject: "\(index)")
    }

    private func link(_ request: RouteRequest, subject: String) throws(SystemCallError)
        -> NetworkLink?
    {
        let messages: [RouteMessage]
        do throws(SystemCallError) {
            messages = try ask(request, "RTM_GETLINK", subject)
        } catch where error.errno == .noDevice {
            return nil
        }
        for message in messages where CInt(message.type) == CInt(RTM_NEWLINK) {
            let information = try message.fixedPart(ifinfomsg.self)
            let attributes = try message.attributes(after: MemoryLayout<ifinfomsg>.size)
            let name = attributes.last { $0.type == UInt16(IFLA_IFNAME) }
            guard information.ifi_index > 0, let name else { throw RouteMessage.malformed }
            return NetworkLink(
                index: information.ifi_index, name: name.text,
                isUp: information.ifi_flags & UInt32(IFF_UP) != 0)
        }
        throw RouteMessage.malformed
    }

    /// All addresses of a device, primary ones first. The request is RTM_GETADDR.
    package func addresses(of index: Int32) throws(SystemCallError) -> [NetworkAddress] {
        let request = RouteRequest(CInt(RTM_GETADDR), flags: CInt(NLM_F_DUMP), ifaddrmsg())
        var addresses: [NetworkAddress] = []
        for message in try ask(request, "RTM_GETADDR", "")
        where CInt(message.type) == CInt(RTM_NEWADDR) {
            let fixed = try message.fixedPart(ifaddrmsg.self)
            guard fixed.ifa_index == UInt32(clamping: index) else { continue }
            let attributes = try message.attributes(after: MemoryLayout<ifaddrmsg>.size)
            // The byte of the fixed part has no room for the newer words.
            let words = attributes.last { $0.type == UInt16(IFA_FLAGS) }
            let flags = words.flatMap { RouteMessage.load(UInt32.self, from: $0.bytes[...]) }
            addresses.append(
                NetworkAddress(
                    family: fixed.ifa_family, prefixLength: fixed.ifa_prefixlen,
                    flags: flags ?? UInt32(fixed.ifa_flags), scope: fixed.ifa_scope,
                    attributes: attributes))
        }
        return addresses
    }

    /// Gives a device a new name; `%d` in it becomes the first number that is free. The request is
    /// RTM_SETLINK, IFLA_IFNAME.
    package func rename(_ link: NetworkLink, to name: String) throws(SystemCallError) {
        var request = change(of: link)
        request.append(UInt16(IFLA_IFNAME), text: name)
        _ = try ask(request, "rename", "\(link.name)\" to \"\(name)")
    }

    /// Moves a device to another network namespace, and there calls it `name`, unless nil. The
    /// request is RTM_SETLINK, IFLA_NET_NS_FD.
    package func move(
        _ link: NetworkLink, to namespace: borrowing FileDescriptor, as name: String?
    ) throws(SystemCallError) {
        var request = change(of: link)
        request.append(UInt16(IFLA_NET_NS_FD), number: UInt32(clamping: namespace.number))
        if let name { request.append(UInt16(IFLA_IFNAME), text: name) }
        _ = try ask(request, "move", link.name)
    }

    /// Lets a device send and receive. The request is RTM_SETLINK, IFF_UP.
    package func bringUp(_ link: NetworkLink) throws(SystemCallError) {
        var information = ifinfomsg()
        information.ifi_index = link.index
        information.ifi_flags = UInt32(IFF_UP)
        information.ifi_change = UInt32(IFF_UP)
        _ = try ask(
            RouteRequest(CInt(RTM_SETLINK), flags: CInt(NLM_F_ACK), information), "bring up",
            link.name)
    }

    /// Gives a device an address that one called `oldName` had. The request is RTM_NEWADDR.
    package func add(_ address: NetworkAddress, to link: NetworkLink, oldName: String)
        throws(SystemCallError)
    {
        var fixed = ifaddrmsg()
        fixed.ifa_family = address.family
        fixed.ifa_prefixlen = address.prefixLength
        fixed.ifa_scope = address.scope
        fixed.ifa_index = UInt32(clamping: link.index)
        var request = RouteRequest(
            CInt(RTM_NEWADDR), flags: CInt(NLM_F_ACK) | CInt(NLM_F_CREATE) | CInt(NLM_F_EXCL), fixed
        )
        for attribute in address.attributes {
            switch CInt(attribute.type) {
            case CInt(IFA_LABEL):
                let label = Self.label(attribute.text, of: oldName, for: link.name)
                request.append(attribute.type, text: label)
            case CInt(IFA_FLAGS):
                // Whether it is a duplicate is found out anew.
                let outcome = UInt32(IFA_F_TENTATIVE) | UInt32(IFA_F_DADFAILED)
                request.append(attribute.type, number: address.flags & ~outcome)
            case CInt(IFA_ADDRESS), CInt(IFA_LOCAL), CInt(IFA_BROADCAST),
                CInt(IFA_RT_PRIORITY), CInt(IFA_CACHEINFO), CLINUX_IFA_PROTO:
                request.append(attribute.type, attribute.bytes)
            default: break
            }
        }
        _ = try ask(request, "add address", link.name)
    }

    /// An IPv4 address's label is its device's name, or that with a suffix (`eth0:web`).
    static func label(_ label: String, of oldName: String, for name: String) -> String {
        guard label.hasPrefix("\(oldName):") else { return name }
        let renamed = name + label.dropFirst(oldName.count)
        return renamed.utf8.count < Int(IFNAMSIZ) ? renamed : name
    }

    private func change(of link: NetworkLink) -> RouteRequest {
        var information = ifinfomsg()
        information.ifi_index = link.index
        return RouteRequest(CInt(RTM_SETLINK), flags: CInt(NLM_F_ACK), information)
    }
}

/// Asking and being answered.
extension RouteSocket {
    /// Sends a request, and answers the messages that answer it. A list that changed while it was
    /// given is asked for again, a bounded number of times.
    private func ask(_ request: RouteRequest, _ call: String, _ subject: String)
        throws(SystemCallError) -> [RouteMessage]
    {
        var attempts = 16
        while true {
            sequence &+= 1
            try send(request.message(sequence: sequence))
            let answer = try answer(call, subject)
            attempts -= 1
            if !answer.isInterrupted { return answer.messages }
            if attempts == 0 { throw SystemCallError(call, subject, .again) }
        }
    }

    private func send(_ bytes: [UInt8]) throws(SystemCallError) {
        let number = descriptor.number
        let sent = try check("send", "rtnetlink") {
            unsafe bytes.withUnsafeBytes { unsafe CLinux.send(number, $0.baseAddress, $0.count, 0) }
        }
        if sent != bytes.count { throw SystemCallError("send", "rtnetlink", .inputOutput) }
    }

    private func answer(_ call: String, _ subject: String) throws(SystemCallError)
        -> (messages: [RouteMessage], isInterrupted: Bool)
    {
        var messages: [RouteMessage] = []
        var isInterrupted = false
        while true {
            var isPart = false
            for message in try receive() where message.sequence == sequence {
                if CInt(message.flags) & CInt(NLM_F_DUMP_INTR) != 0 { isInterrupted = true }
                switch CInt(message.type) {
                case CInt(NLMSG_DONE): return (messages, isInterrupted)
                case CInt(NLMSG_ERROR):
                    // Answered to what went well too, with 0.
                    let number = try message.fixedPart(CInt.self)
                    if number == 0 { return (messages, isInterrupted) }
                    throw SystemCallError(call, subject, Errno(rawValue: 0 &- number))
                default:
                    messages.append(message)
                    isPart = CInt(message.flags) & CInt(NLM_F_MULTI) != 0
                    if !isPart { return (messages, isInterrupted) }
                }
            }
        }
    }

    /// The next datagram that is the kernel's: any process may send one to another's socket.
    private func receive() throws(SystemCallError) -> [RouteMessage] {
        let number = descriptor.number
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            guard try Poll.readable([number], milliseconds: Self.patience)[0] else {
                throw SystemCallError("receive", "rtnetlink", .timedOut)
            }
            var sender: UInt32 = 0
            let count = try check("receive", "rtnetlink") {
                unsafe buffer.withUnsafeMutableBytes {
                    unsafe clinux_route_receive(number, $0.baseAddress, $0.count, &sender)
                }
            }
            if sender != 0 { continue }
            if count > buffer.count { throw RouteMessage.malformed }
            return try RouteMessage.all(in: Array(buffer[..<count]))
        }
    }
}
