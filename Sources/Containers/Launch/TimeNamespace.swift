// SPDX-License-Identifier: Apache-2.0

internal import Linux
internal import OCI

/// A time namespace with clocks of its own (time_namespaces(7)).
///
/// Only a namespace that nobody has entered takes offsets, and clone3(2) enters at once. unshare(2)
/// makes one that the caller's children will be in, and leaves the caller where it is.
enum TimeNamespace {
    /// What `/proc/PID/timens_offsets` takes, the clocks in the order of their names.
    static func text(of offsets: [String: TimeOffset]) -> String {
        var text = ""
        for (clock, offset) in offsets.sorted(by: { $0.key < $1.key }) {
            text += "\(clock) \(offset.secs) \(offset.nanosecs)\n"
        }
        return text
    }

    /// Makes one for the children that `body` makes, and for no later ones: what else the caller
    /// starts, such as newuidmap(1), belongs to the host's.
    static func withNew<R>(
        _ offsets: [String: TimeOffset], _ body: () throws(ContainerError) -> R
    ) throws(ContainerError) -> R {
        let own = try attempt { () throws(SystemCallError) in
            try File.open("/proc/self/ns/time", .readOnlyAtOnce)
        }
        // Whatever comes of it, the way back is taken first.
        let result = Result { () throws(ContainerError) in
            try make(offsets)
            return try body()
        }
        try attempt { () throws(SystemCallError) in
            try Process.join(own, kind: .time, subject: "/proc/self/ns/time")
        }
        return try result.get()
    }

    /// Makes one and enters it: for a process that has the right to only after it was made, in its
    /// user namespace, and while its files in /proc are its own (that is, while it is dumpable).
    static func enterNew(_ offsets: [String: TimeOffset]) throws(ContainerError) {
        try make(offsets)
        try attempt { () throws(SystemCallError) in
            let namespace = try File.open("/proc/self/ns/time_for_children", .readOnlyAtOnce)
            try Process.join(namespace, kind: .time, subject: "/proc/self/ns/time_for_children")
        }
    }

    private static func make(_ offsets: [String: TimeOffset]) throws(ContainerError) {
        let path = "/proc/self/timens_offsets"
        do throws(SystemCallError) {
            try Process.separate(.time)
            let file = try File.open(path, [.writeOnly, .noFollow])
            // CVE-2025-52881: what was written to must be the kernel's.
            guard try File.fileSystem(of: file).isProc else {
                throw SystemCallError("write", path, .invalid)
            }
            try File.writeOnce(text(of: offsets), to: file, subject: path)
        } catch where error.errno == .outOfRange {
            throw ContainerError(
                .invalidConfiguration,
                "linux.timeOffsets: \(error.errno); a clock can be set neither before 0 nor more "
                    + "than 146 years ahead")
        } catch {
            throw ContainerError(.failed, "linux.timeOffsets: \(error)")
        }
    }

    private static func attempt<R: ~Copyable>(_ body: () throws(SystemCallError) -> R)
        throws(ContainerError) -> R
    {
        try during("linux.timeOffsets", body)
    }
}
