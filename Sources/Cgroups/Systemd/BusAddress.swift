// SPDX-License-Identifier: Apache-2.0

internal import Linux

/// Which of systemd's managers, each on a bus of its own.
package enum SystemdOwner: String, Equatable, Sendable {
    /// Process 1, on the system's bus.
    case system
    /// The caller's own, on the bus of the user's session.
    case user
}

/// Where a bus listens ("Server Addresses").
package enum BusAddress {
    /// Where the system's bus is when nothing else is said.
    static let systemPath = "/run/dbus/system_bus_socket"

    /// The sockets to try for a bus, by the environment that the caller has.
    package static func paths(
        _ owner: SystemdOwner, userID: UInt32, environment: (String) -> String?
    ) throws(BusError) -> [String] {
        func value(_ name: String) -> String? {
            environment(name).flatMap { $0.isEmpty ? nil : $0 }
        }
        switch owner {
        case .system:
            guard let address = value("DBUS_SYSTEM_BUS_ADDRESS") else { return [systemPath] }
            return try sockets(of: address, variable: "DBUS_SYSTEM_BUS_ADDRESS")
        case .user:
            if let address = value("DBUS_SESSION_BUS_ADDRESS") {
                return try sockets(of: address, variable: "DBUS_SESSION_BUS_ADDRESS")
            }
            if let directory = value("XDG_RUNTIME_DIR") { return ["\(directory)/bus"] }
            // In a user namespace our own id says nothing about the user's.
            if userID != 0 { return ["/run/user/\(userID)/bus"] }
            throw BusError(
                "neither DBUS_SESSION_BUS_ADDRESS nor XDG_RUNTIME_DIR is set, and so the bus of "
                    + "the user's session is not known")
        }
    }

    /// The paths of `unix:path=…;unix:path=…`, in order.
    static func sockets(of address: String, variable: String) throws(BusError) -> [String] {
        var paths: [String] = []
        for entry in address.split(separator: ";") {
            guard entry.hasPrefix("unix:") else { continue }
            for pair in entry.dropFirst(5).split(separator: ",") where pair.hasPrefix("path=") {
                guard let path = unescape(pair.dropFirst(5)), path.hasPrefix("/"),
                    !path.utf8.contains(0)
                else { continue }
                paths.append(path)
            }
        }
        guard !paths.isEmpty else {
            throw BusError("\(variable) \"\(address)\" has no unix:path=, the one kind supported")
        }
        return paths
    }

    /// Undoes `%41` and its kin; nil when there is something else behind a sign.
    private static func unescape(_ text: Substring) -> String? {
        var bytes: [UInt8] = []
        var rest = text.utf8
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            let digits = String(decoding: rest.prefix(2), as: UTF8.self)
            guard digits.utf8.count == 2, let value = UInt8(digits, radix: 16) else { return nil }
            bytes.append(value)
            rest = rest.dropFirst(2)
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
