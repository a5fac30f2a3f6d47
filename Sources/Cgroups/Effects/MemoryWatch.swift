// SPDX-License-Identifier: Apache-2.0

internal import Linux

/// Tells when the kernel runs out of memory for a container's processes.
///
/// cgroup2's `memory.events` tells a poll of each change. v1 adds to a counter that was registered
/// with `memory.oom_control` (admin-guide/cgroup-v1/memory.rst, "OOM Control").
package struct MemoryWatch {
    private let place: CgroupPlace?
    private let counter: SharedSource
    /// cgroup2's file, open since it was last read.
    private var file: SharedSource
    private var kills: UInt64 = 0

    /// Tells nothing when no cgroup of the container's counts memory.
    package init(_ cgroup: Cgroup) throws(CgroupError) {
        let version: CgroupVersion = cgroup.place(of: "memory", .v1) == nil ? .v2 : .v1
        place = cgroup.place(of: "memory", version)
        if version == .v1 {
            counter = SharedSource(try Self.register(place))
            file = SharedSource(nil)
            return
        }
        counter = SharedSource(nil)
        file = SharedSource(try Self.openEvents(place))
        if let place, let directory = try place.open() { kills = try Self.count(directory) }
    }

    /// What to poll for reading: v1's counter; -1 without one.
    package var readable: CInt { counter.number }

    /// What to poll for a change: cgroup2's file; -1 without one.
    package var changed: CInt { file.number }

    /// Whether memory ran out since the last time.
    package mutating func take() throws(CgroupError) -> Bool {
        if counter.number >= 0 {
            let counter = counter
            return try during("memory events") { () throws(SystemCallError) in
                try counter.take() > 0
            }
        }
        guard file.number >= 0, let place, let directory = try place.open() else { return false }
        file = SharedSource(try Self.openEvents(place))
        let now = try Self.count(directory)
        defer { kills = now }
        return now > kills
    }

    private static func count(_ directory: borrowing CgroupDirectory) throws(CgroupError)
        -> UInt64
    {
        try directory.count("oom_kill", in: "memory.events") ?? 0
    }

    private static func register(_ place: CgroupPlace?) throws(CgroupError) -> FileDescriptor? {
        guard let place, let directory = try place.open() else { return nil }
        return try during("memory events of cgroup \"\(place)\"") {
            () throws(SystemCallError) -> FileDescriptor? in
            let counter = try EventCounter.make()
            do throws(SystemCallError) {
                let control = try File.open(
                    "memory.oom_control", at: directory.descriptor.number, .readOnly)
                try directory.write(
                    "\(counter.number) \(control.number)", to: "cgroup.event_control")
            } catch where error.errno == .noEntry {
                return nil
            }
            return counter
        }
    }

    private static func openEvents(_ place: CgroupPlace?) throws(CgroupError) -> FileDescriptor? {
        guard let place, let directory = try place.open() else { return nil }
        do throws(SystemCallError) {
            let events = try File.open("memory.events", at: directory.descriptor.number, .readOnly)
            // A poll tells of changes since the last read.
            _ = try File.readAll(events, limit: 1 << 16)
            return events
        } catch where error.errno == .noEntry || error.errno == .noDevice {
            return nil
        } catch {
            throw CgroupError("memory events of cgroup \"\(place)\"", error)
        }
    }
}

/// A descriptor, or none.
private final class SharedSource {
    private let descriptor: FileDescriptor?

    init(_ descriptor: consuming FileDescriptor?) { self.descriptor = descriptor }

    var number: CInt {
        switch descriptor {
        case .some(let descriptor): descriptor.number
        case .none: -1
        }
    }

    func take() throws(SystemCallError) -> UInt64 {
        switch descriptor {
        case .some(let descriptor): try EventCounter.take(from: descriptor)
        case .none: 0
        }
    }
}
