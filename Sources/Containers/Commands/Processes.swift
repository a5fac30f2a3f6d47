// SPDX-License-Identifier: Apache-2.0

internal import Cgroups
internal import Linux
internal import OCI

extension ContainerRuntime {
    /// The pids of a container's processes, as the caller sees them; none once it has stopped.
    package func processes(_ id: String) throws(ContainerError) -> [Int32] {
        try performing("ps", id) { (id) throws(ContainerError) in
            let directory = try store.open(id)
            guard let record = try directory.record() else { throw Store.notFound }
            if let cgroup = record.cgroup {
                return try withCgroups { () throws(CgroupError) in
                    // Those of a pid namespace that is not below ours have no number here.
                    try cgroup.processes().filter { $0 > 0 }
                }
            }
            guard record.phase == .created, try record.isAlive() else { return [] }
            guard record.ownsPidNamespace else {
                throw ContainerError(
                    .wrongState,
                    "the container has neither a cgroup nor a pid namespace of its own, so nothing "
                        + "tells its processes from others")
            }
            return try Processes.all(inNamespaceOf: record.pid)
        }
    }
}

/// Processes of a container by its pid namespace.
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

    /// Every process of a pid namespace, by what /proc shows at the moment.
    static func all(inNamespaceOf first: Int32) throws(ContainerError) -> [Int32] {
        try during("list the container's processes") { () throws(SystemCallError) in
            let namespace = try File.readSymbolicLink("/proc/\(first)/ns/pid")
            var found: [Int32] = []
            for name in try File.names(in: File.open("/proc", .realDirectory)) {
                guard let pid = Int32(name),
                    (try? File.readSymbolicLink("/proc/\(pid)/ns/pid")) == namespace
                else { continue }
                found.append(pid)
            }
            return found.sorted()
        }
    }
}
