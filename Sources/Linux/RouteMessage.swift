// SPDX-License-Identifier: Apache-2.0

internal import CLinux

/// A message of rtnetlink(7), taken apart. Nothing in it is trusted: every length is checked, and
/// what does not add up is an error, not a trap.
package struct RouteMessage: Equatable, Sendable {
    /// What it is: an RTM_ or NLMSG_ word.
    package let type: UInt16
    package let flags: UInt16
    package let sequence: UInt32
    /// What follows the header.
    package let body: [UInt8]

    /// All messages in one datagram. EPROTO for one that does not add up.
    package static func all(in bytes: [UInt8]) throws(SystemCallError) -> [RouteMessage] {
        var messages: [RouteMessage] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            let size = MemoryLayout<nlmsghdr>.size
            guard let header = load(nlmsghdr.self, from: rest) else { throw malformed }
            let length = Int(header.nlmsg_len)
            guard length >= size, length <= rest.count else { throw malformed }
            messages.append(
                RouteMessage(
                    type: header.nlmsg_type, flags: header.nlmsg_flags,
                    sequence: header.nlmsg_seq,
                    body: Array(rest.dropFirst(size).prefix(length - size))
                ))
            rest = rest.dropFirst(aligned(length))
        }
        return messages
    }

    /// The attributes after a fixed part of the body, by their numbers; the last of a kind counts.
    func attributes(after fixed: Int) throws(SystemCallError) -> [RouteAttribute] {
        var attributes: [RouteAttribute] = []
        var rest = body.dropFirst(Self.aligned(fixed))
        while !rest.isEmpty {
            let size = MemoryLayout<nlattr>.size
            guard let header = Self.load(nlattr.self, from: rest) else { throw Self.malformed }
            let length = Int(header.nla_len)
            guard length >= size, length <= rest.count else { throw Self.malformed }
            attributes.append(
                RouteAttribute(
                    type: UInt16(
                        truncatingIfNeeded: UInt32(header.nla_type) & clinux_nla_type_mask()),
                    bytes: Array(rest.dropFirst(size).prefix(length - size))))
            rest = rest.dropFirst(Self.aligned(length))
        }
        return attributes
    }

    /// The fixed part of the body.
    func fixedPart<T: BitwiseCopyable>(_ type: T.Type) throws(SystemCallError) -> T {
        guard let value = Self.load(type, from: body[...]) else { throw Self.malformed }
        return value
    }

    static var malformed: SystemCallError {
        SystemCallError("understand an answer of rtnetlink", "", .protocolViolation)
    }

    /// A C structure at the beginning; nil when there are too few bytes for it.
    static func load<T: BitwiseCopyable>(_ type: T.Type, from bytes: ArraySlice<UInt8>) -> T? {
        guard bytes.count >= MemoryLayout<T>.size else { return nil }
        return unsafe bytes.withUnsafeBytes { unsafe $0.loadUnaligned(as: type) }
    }

    /// Messages and attributes begin at multiples of four bytes (NLMSG_ALIGN, NLA_ALIGN).
    static func aligned(_ length: Int) -> Int {
        let unit = Int(NLMSG_ALIGNTO)
        return (length + unit - 1) & ~(unit - 1)
    }
}

/// One attribute of a message: its number in the message's kind, and its value.
package struct RouteAttribute: Equatable, Sendable {
    package let type: UInt16
    package let bytes: [UInt8]

    /// The value as text, up to its end mark.
    var text: String { String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self) }
}

/// A message of rtnetlink(7) being put together.
struct RouteRequest {
    private var bytes: [UInt8] = []

    /// `fixed` is the structure that messages of this type begin with.
    init<T: BitwiseCopyable>(_ type: CInt, flags: CInt, _ fixed: T) {
        var header = nlmsghdr()
        header.nlmsg_type = UInt16(truncatingIfNeeded: type)
        header.nlmsg_flags = UInt16(truncatingIfNeeded: flags | CInt(NLM_F_REQUEST))
        append(header)
        append(fixed)
    }

    mutating func append(_ type: UInt16, _ value: [UInt8]) {
        var header = nlattr()
        header.nla_type = type
        header.nla_len = UInt16(clamping: MemoryLayout<nlattr>.size + value.count)
        append(header)
        bytes += value
        pad()
    }

    mutating func append(_ type: UInt16, number: UInt32) {
        append(type, unsafe withUnsafeBytes(of: number) { unsafe Array($0) })
    }

    /// With an end mark.
    mutating func append(_ type: UInt16, text: String) { append(type, Array(text.utf8) + [0]) }

    /// The whole message, with its length and number filled in.
    func message(sequence: UInt32) -> [UInt8] {
        guard var header = RouteMessage.load(nlmsghdr.self, from: bytes[...]) else { return bytes }
        header.nlmsg_len = UInt32(clamping: bytes.count)
        header.nlmsg_seq = sequence
        return unsafe withUnsafeBytes(of: header) { unsafe Array($0) }
            + bytes.dropFirst(MemoryLayout<nlmsghdr>.size)
    }

    private mutating func append<T: BitwiseCopyable>(_ value: T) {
        unsafe withUnsafeBytes(of: value) { unsafe bytes.append(contentsOf: $0) }
        pad()
    }

    private mutating func pad() {
        while bytes.count != RouteMessage.aligned(bytes.count) { bytes.append(0) }
    }
}
