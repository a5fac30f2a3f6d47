// SPDX-License-Identifier: Apache-2.0

internal import Linux

/// What went through one network interface (proc_pid_net(5), `dev`).
package struct NetworkInterface: Equatable, Sendable {
    package struct Traffic: Equatable, Sendable {
        package var bytes: UInt64 = 0
        package var packets: UInt64 = 0
        package var errors: UInt64 = 0
        package var dropped: UInt64 = 0

        package init() {}
    }
    package var name: String
    package var received = Traffic()
    package var transmitted = Traffic()

    package init(name: String) { self.name = name }

    /// Those of a container; none when its process has ended, or is in our own network namespace.
    static func all(ofContainerWith pid: Int32) -> [NetworkInterface] {
        guard let own = try? File.readSymbolicLink("/proc/self/ns/net"),
            let other = try? File.readSymbolicLink("/proc/\(pid)/ns/net"), other != own,
            let text = try? File.readText("/proc/\(pid)/net/dev")
        else { return [] }
        return all(in: text)
    }

    /// Reads the file: two lines of headings, then one for each interface.
    package static func all(in text: String) -> [NetworkInterface] {
        var interfaces: [NetworkInterface] = []
        for line in text.split(separator: "\n") {
            guard let colon = line.lastIndex(of: ":") else { continue }
            let numbers = line[line.index(after: colon)...].split(separator: " ")
                .map { UInt64($0) ?? 0 }
            // Eight columns for what came in, and eight for what went out.
            guard numbers.count == 16 else { continue }
            var interface = NetworkInterface(name: String(line[..<colon].drop { $0 == " " }))
            interface.received = traffic(numbers[..<8])
            interface.transmitted = traffic(numbers[8...])
            interfaces.append(interface)
        }
        return interfaces
    }

    private static func traffic(_ numbers: ArraySlice<UInt64>) -> Traffic {
        var traffic = Traffic()
        let columns = Array(numbers)
        traffic.bytes = columns[0]
        traffic.packets = columns[1]
        traffic.errors = columns[2]
        traffic.dropped = columns[3]
        return traffic
    }
}
