// SPDX-License-Identifier: Apache-2.0

internal import Cgroups

/// What the kernel killed in a container for want of memory. The container's cgroup keeps the
/// count until `delete` takes it away.
enum MemoryKills {
    /// 0 without a cgroup that counts.
    static func count(in cgroup: Cgroup?) -> UInt64 {
        guard let cgroup else { return 0 }
        // Where the count cannot be read there is nothing to tell.
        return (try? cgroup.memoryKills()) ?? 0
    }

    /// The end of a message on a process that was killed; empty when memory was not why.
    static func hint(_ cgroup: Cgroup?) -> String {
        if count(in: cgroup) == 0 { return "" }
        return ": the kernel had no memory left for it; linux.resources.memory.limit is too small"
    }
}

extension ContainerRuntime {
    /// How many processes of a container the kernel killed for want of memory.
    package func memoryKills(of container: borrowing CreatedContainer) -> UInt64 {
        MemoryKills.count(in: container.record.cgroup)
    }
}
