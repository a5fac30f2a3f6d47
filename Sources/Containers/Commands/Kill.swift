// SPDX-License-Identifier: Apache-2.0

internal import Cgroups
internal import Linux

extension ContainerRuntime {
    /// Sends a signal to a container's process (runtime.md#kill).
    ///
    /// `all` sends it to every process in the container's cgroups, or, when it has none, in its own
    /// pid namespace; then a container that has stopped is no error, because there is nobody left.
    package func kill(_ id: String, signal: Int32, all: Bool) throws(ContainerError) {
        try performing("kill", id) { (id) throws(ContainerError) in
            let directory = try store.open(id)
            let record = try directory.record()
            if all, let cgroup = record?.cgroup {
                return try withCgroups { () throws(CgroupError) in
                    if signal == Signal.kill {
                        try cgroup.kill()
                    } else {
                        try cgroup.signalAll(signal)
                    }
                }
            }
            guard let record, record.phase == .created, let process = try record.openProcess()
            else {
                if all { return }
                throw ContainerError(.wrongState, "container not running")
            }
            // The first process takes the rest of its namespace along when it is killed.
            if all, record.ownsPidNamespace, signal != Signal.kill {
                try Processes.signalOthers(inNamespaceOf: record.pid, signal)
            }
            try signalProcess(process, signal, all: all)
        }
    }

    private func signalProcess(
        _ process: borrowing FileDescriptor, _ signal: Int32, all: Bool
    ) throws(ContainerError) {
        do throws(SystemCallError) {
            try Process.send(signal, to: process)
        } catch where error.errno == .noProcess {
            if all { return }
            throw ContainerError(.wrongState, "container not running")
        } catch {
            throw ContainerError(.failed, "\(error)")
        }
    }
}

/// Processes of a container beside its first.
enum Processes {
    /// Signals every other process of a pid namespace, each through a descriptor that was checked
    /// after it was opened.
    static func signalOthers(inNamespaceOf first: Int32, _ signal: Int32) throws(ContainerError) {
        try during("signal the container's processes") { () throws(SystemCallError) in
            let namespace = try File.readSymbolicLink("/proc/\(first)/ns/pid")
            let names = try File.names(in: File.open("/proc", .realDirectory))
            for name in names {
                guard let pid = Int32(name), pid != first,
                    let process = try? Process.descriptor(of: pid),
                    (try? File.readSymbolicLink("/proc/\(pid)/ns/pid")) == namespace
                else { continue }
                do throws(SystemCallError) {
                    try Process.send(signal, to: process)
                } catch where error.errno == .noProcess {
                    continue
                }
            }
        }
    }
}
