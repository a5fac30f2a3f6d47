// SPDX-License-Identifier: Apache-2.0

internal import Linux

/// Tells when the kernel kills in a cgroup for want of memory.
final class OutOfMemoryWatch {
    private let loop: EventLoop
    private let body: () -> Void
    /// v1: counts each time that memory ran out.
    private var counter: Watch?
    /// v2: cgroup2's file of events, which tells of changes.
    private var events: Watch?
    private let directory: String
    private var kills: UInt64

    /// - Parameters:
    ///   - groups: the container's.
    ///   - loop: where this happens.
    ///   - body: called each time.
    /// - Throws: when something of that fails.
    init?(_ groups: ControlGroups, in loop: EventLoop, _ body: @escaping () -> Void)
        throws(SystemCallError)
    {
        self.loop = loop
        self.body = body
        if let unified = groups.unified {
            directory = unified
            kills = Self.kills(CgroupFiles(directory: unified), "memory.events")
            guard let file = try? File.open("\(unified)/memory.events", .readOnly) else {
                return nil
            }
            // A change is told to those who have read what was before.
            _ = try File.readAll(file, limit: 4096)
            events = try Watch(file, of: loop, for: .changed) { [unowned self] _ in
                readAgain()
                check()
            }
        } else if let memory = groups.legacy["memory"] {
            directory = memory
            kills = Self.kills(CgroupFiles(directory: memory), "memory.oom_control")
            let counter = try Self.register(memory)
            self.counter = try Watch(counter, of: loop, for: .readable) { [unowned self] _ in
                take()
            }
        } else {
            return nil
        }
    }

    /// Looks whether something has come that was not told yet: before the end of a container is.
    func check() {
        let name = counter == nil ? "memory.events" : "memory.oom_control"
        let now = Self.kills(CgroupFiles(directory: directory), name)
        guard now > kills else { return }
        kills = now
        body()
    }

    private func take() {
        guard let counter else { return }
        // Reading can fail with EAGAIN alone.
        _ = try? EventCounter.take(from: counter.file.descriptor)
        // It also counts the cgroup's removal.
        guard CgroupFiles(directory: directory).text("memory.oom_control") != nil else {
            self.counter = nil
            return
        }
        // The kernel tells first, and then kills.
        loop.after(milliseconds: 10) { [weak self] in self?.check() }
    }

    private func readAgain() {
        guard let events else { return }
        do throws(SystemCallError) {
            try File.rewind(events.file.descriptor)
            _ = try File.readAll(events.file.descriptor, limit: 4096)
        } catch {
            // The cgroup is gone.
            self.events = nil
        }
    }

    /// The file is polled and read by other names: kernfs knows who has read by the open file.
    private static func kills(_ files: CgroupFiles, _ name: String) -> UInt64 {
        files.table(name)["oom_kill"] ?? 0
    }

    /// Lets the kernel count into an eventfd: `EVENTFD FILE` written to the cgroup's control file
    /// (admin-guide/cgroup-v1/memory.rst, "OOM Control").
    private static func register(_ directory: String) throws(SystemCallError) -> FileDescriptor {
        let counter = try EventCounter.make()
        let control = try File.open("\(directory)/memory.oom_control", .readOnly)
        try File.write(
            "\(counter.number) \(control.number)",
            toExisting: "\(directory)/cgroup.event_control")
        return counter
    }
}
