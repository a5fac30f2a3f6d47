// SPDX-License-Identifier: Apache-2.0

internal import Cgroups
internal import Linux

extension ContainerRuntime {
    /// Sends a signal to a container's process (runtime.md#kill).
    ///
    /// `all` sends it to every process in the container's cgroups, or, when it has none, in its own
    /// pid namespace; then a container that has stopped is no error, because there is nobody left.
    /// To kill the first process is to kill the container: all others go with it. What is paused
    /// dies too, and gets any other signal when it is resumed.
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
            guard signal == Signal.kill, let cgroup = record.cgroup else { return }
            try withCgroups { () throws(CgroupError) in
                // Without a pid namespace that ends with the first process, the others live on.
                if record.ownsPidNamespace {
                    try cgroup.letKilledDie()
                } else {
                    try cgroup.kill()
                }
            }
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
