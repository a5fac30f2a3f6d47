// SPDX-License-Identifier: Apache-2.0

internal import Linux

extension CgroupDirectory {
    /// The processes in this cgroup and in all below it. Those of another pid namespace are 0.
    borrowing func processes() throws(CgroupError) -> Set<Int32> {
        var found: Set<Int32> = []
        try during("processes of cgroup \"\(path)\"") { () throws(SystemCallError) in
            try Self.collect(descriptor.number, into: &found)
            var walk = try CgroupWalk(self)
            while let event = try walk.next() {
                if case .entered = event { try Self.collect(walk.number, into: &found) }
            }
        }
        return found
    }

    private static func collect(_ number: CInt, into found: inout Set<Int32>)
        throws(SystemCallError)
    {
        let text: String
        do throws(SystemCallError) {
            text = try File.readText("cgroup.procs", at: number, limit: 64 << 20)
        } catch where error.errno == .unsupported {
            // A threaded cgroup: its processes are told by the one above it.
            return
        } catch where error.errno == .noEntry || error.errno == .noDevice {
            return
        }
        for line in text.split(separator: "\n") {
            if let pid = Int32(line) { found.insert(pid) }
        }
    }
}

/// The processes in a container's cgroups.
extension Cgroup {
    /// How long something that the kernel does in its own time may take.
    package static var patience: Int { 10_000 }

    /// Every process in the cgroups and below, by the pids of the caller's namespace.
    package func processes() throws(CgroupError) -> [Int32] {
        var found: Set<Int32> = []
        for place in watched {
            guard let directory = try place.open() else { continue }
            found.formUnion(try directory.processes())
        }
        return found.sorted()
    }

    /// Sends a signal to every process once. What is forked meanwhile may miss it, unless the
    /// cgroups are frozen.
    ///
    /// A pid that was read can have been given to a stranger before its descriptor is open. So what
    /// a descriptor is of is signalled only if its pid is in the cgroups then, too.
    package func signalAll(_ signal: Int32) throws(CgroupError) {
        var pids = try processes().filter { $0 > 0 }[...]
        while !pids.isEmpty {
            var held: [HeldProcess] = []
            for pid in pids.prefix(Self.heldAtOnce) {
                if let process = try HeldProcess(pid) { held.append(process) }
            }
            pids = pids.dropFirst(Self.heldAtOnce)
            let members = Set(try processes())
            for process in held where members.contains(process.pid) { try process.send(signal) }
        }
    }

    /// How many descriptors of processes are open at a time: fewer than any limit of them.
    private static var heldAtOnce: Int { 64 }

    /// Kills every process, whatever they fork in the meantime, and waits until none is left.
    ///
    /// cgroup2 does it in one step from Linux 5.14 on (`cgroup.kill`). Otherwise everything is
    /// stopped first, so that nothing can fork away, then signalled, then let go, as a process
    /// that v1 froze dies only when it runs again; and again until there is none. A cgroup that
    /// v1 froze is not frozen any more. Others may remove it as soon as it is empty, which is well.
    package func kill(patience: Int = Self.patience) throws(CgroupError) {
        let end = Clock.milliseconds + patience
        var pause = 1
        var isFirst = true
        while true {
            let left = try processes()
            if left.isEmpty { return }
            if Clock.milliseconds > end {
                throw CgroupError(
                    .failed,
                    "processes \(left.map(String.init).joined(separator: ", ")) were killed, and "
                        + "have not ended for \(patience / 1000) seconds")
            }
            if left == [0] {
                throw CgroupError(
                    .failed, "the processes are in another pid namespace, and cannot be killed")
            }
            let wasKilledAtOnce = try killAtOnce()
            if wasKilledAtOnce, isFirst || leading == nil {
                try letKilledDie()
            } else {
                try killFrozen(end)
            }
            isFirst = false
            Clock.sleep(milliseconds: pause)
            pause = min(pause * 2, 50)
        }
    }

    /// - Returns: false when the kernel has no `cgroup.kill`.
    private func killAtOnce() throws(CgroupError) -> Bool {
        guard let place = unified, let directory = try place.open() else { return false }
        do throws(SystemCallError) {
            try directory.write("1", to: "cgroup.kill")
            return true
        } catch where error.errno == .noEntry || error.errno == .unsupported {
            return false
        } catch {
            throw CgroupError("cgroup \"\(place)\"", error)
        }
    }

    private func killFrozen(_ end: Int) throws(CgroupError) {
        let remaining = max(1, min(1000, end - Clock.milliseconds))
        do throws(CgroupError) {
            try freeze(patience: remaining)
        } catch {
            // Some process cannot be stopped right now; the others are killed all the same.
        }
        let signalled = Result { () throws(CgroupError) in try signalAll(Signal.kill) }
        try thawIfThere(patience: remaining)
        try signalled.get()
    }
}

/// A process that cannot become another meanwhile.
private final class HeldProcess {
    let pid: Int32
    private let descriptor: FileDescriptor

    /// nil when there is none with this pid any more.
    init?(_ pid: Int32) throws(CgroupError) {
        self.pid = pid
        do throws(SystemCallError) {
            descriptor = try Process.descriptor(of: pid)
        } catch where error.errno == .noProcess || error.errno == .invalid {
            return nil
        } catch {
            throw CgroupError("process \(pid)", error)
        }
    }

    func send(_ signal: Int32) throws(CgroupError) {
        do throws(SystemCallError) {
            try Process.send(signal, to: descriptor)
        } catch where error.errno == .noProcess {
            return
        } catch {
            throw CgroupError("process \(pid)", error)
        }
    }
}
