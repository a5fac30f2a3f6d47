// SPDX-License-Identifier: Apache-2.0

package import Linux

/// What a container's cgroup tells of it: whether the kernel has killed for want of memory, and
/// what was used. Without a cgroup of its own that counts these, it tells nothing.
package final class ContainerCgroup {
    /// Directories of the container's own that have the file.
    private let memory: Memory?
    private let processorPath: String?
    private let killsAtStart: UInt64
    private var watches: [Watch] = []
    private var counter: OpenFile?

    private enum Memory {
        case unified(String)
        case legacy(String)
    }

    /// Looks for the cgroups of a process.
    package init(of pid: Int32) {
        var memory: Memory?
        var processor: String?
        let own = Self.paths(of: "self")
        for (controllers, path) in Self.paths(of: "\(pid)") {
            // One that we share counts our memory too.
            let isShared = own.contains { $0 == (controllers, path) }
            if isShared { continue }
            if controllers.isEmpty {
                for root in ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"] {
                    if memory == nil, Self.has("\(root)\(path)/memory.events") {
                        memory = .unified("\(root)\(path)")
                    }
                    if processor == nil, Self.has("\(root)\(path)/cpu.stat"),
                        root == "/sys/fs/cgroup"
                    {
                        processor = "\(root)\(path)/cpu.stat"
                    }
                }
                continue
            }
            let root = "/sys/fs/cgroup/\(controllers)\(path)"
            let names = controllers.split(separator: ",")
            if names.contains("memory"), Self.has("\(root)/memory.oom_control") {
                memory = .legacy(root)
            }
            if names.contains("cpuacct"), Self.has("\(root)/cpuacct.usage") {
                processor = "\(root)/cpuacct.usage"
            }
        }
        self.memory = memory
        processorPath = processor
        killsAtStart = Self.kills(memory) ?? 0
    }

    /// Calls a handler when the kernel kills for want of memory, perhaps more than once.
    ///
    /// - Throws: when the kernel does not tell.
    package func watch(in loop: EventLoop, _ handler: @escaping () -> Void)
        throws(SystemCallError)
    {
        switch memory {
        case nil:
            return
        case .unified(let path):
            let inotify = try Inotify.make()
            try Inotify.watchWrites("\(path)/memory.events", by: inotify)
            let file = OpenFile(inotify)
            counter = file
            try watch(file, in: loop, handler) { Inotify.drain(file.descriptor) }
        case .legacy(let path):
            // The kernel adds to a counter that it is told of in one line (cgroup-v1/memory.rst).
            let file = OpenFile(try EventCounter.make())
            let control = try File.open("\(path)/memory.oom_control", .readOnly)
            try File.write(
                "\(file.number) \(control.number)", toExisting: "\(path)/cgroup.event_control")
            counter = file
            try watch(file, in: loop, handler) {
                _ = try? EventCounter.take(from: file.descriptor)
            }
        }
    }

    private func watch(
        _ file: OpenFile, in loop: EventLoop, _ handler: @escaping () -> Void,
        drain: @escaping () -> Void
    ) throws(SystemCallError) {
        let copy = try file.descriptor.duplicate()
        watches.append(
            try Watch(copy, of: loop, for: .readable) { [weak self] _ in
                drain()
                // A cgroup that is removed tells so as well.
                if self?.hasKilled == true { handler() }
            })
    }

    /// Ends the watch.
    package func endWatch() {
        watches = []
        counter = nil
    }

    /// Whether the kernel has killed a process of it for want of memory.
    package var hasKilled: Bool { (Self.kills(memory) ?? 0) > killsAtStart }

    /// The most memory it has used, in bytes; nil when nobody counts.
    package var peakMemory: Int64? {
        switch memory {
        case nil: nil
        case .unified(let path): Self.number("\(path)/memory.peak")
        case .legacy(let path): Self.number("\(path)/memory.max_usage_in_bytes")
        }
    }

    /// The time it has had processors, in microseconds; nil when nobody counts.
    package var processorTime: Int64? {
        guard let path = processorPath else { return nil }
        if path.hasSuffix("cpuacct.usage") { return Self.number(path).map { $0 / 1000 } }
        return Self.field("usage_usec", of: path).map { Int64(clamping: $0) }
    }

    // MARK: Files

    private static func paths(of process: String) -> [(controllers: String, path: String)] {
        guard let text = try? File.readText("/proc/\(process)/cgroup", limit: 1 << 16) else {
            return []
        }
        var paths: [(String, String)] = []
        for line in text.split(separator: "\n") {
            let fields = line.split(
                separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            if fields.count == 3 { paths.append((String(fields[1]), String(fields[2]))) }
        }
        return paths
    }

    private static func has(_ path: String) -> Bool { (try? File.status(of: path)) != nil }

    private static func kills(_ memory: Memory?) -> UInt64? {
        switch memory {
        case nil: nil
        case .unified(let path): field("oom_kill", of: "\(path)/memory.events")
        case .legacy(let path): field("oom_kill", of: "\(path)/memory.oom_control")
        }
    }

    private static func number(_ path: String) -> Int64? {
        guard let text = try? File.readText(path, limit: 4096) else { return nil }
        return text.split(separator: "\n").first.flatMap { Int64($0) }
    }

    private static func field(_ name: String, of path: String) -> UInt64? {
        guard let text = try? File.readText(path, limit: 1 << 16) else { return nil }
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ")
            if words.count == 2, words[0] == name { return UInt64(words[1]) }
        }
        return nil
    }
}
