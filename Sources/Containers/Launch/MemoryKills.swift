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

    /// Those of a container, without what its cgroup counted before there was the container.
    static func count(in record: ContainerRecord) -> UInt64 {
        let (count, isLess) = count(in: record.cgroup)
            .subtractingReportingOverflow(record.memoryKillsBefore)
        return isLess ? 0 : count
    }

    /// The count to begin with: a cgroup that was made for the container has none.
    static func before(_ cgroup: Cgroup?) -> UInt64 {
        guard let cgroup, cgroup.record.places.contains(where: { !$0.made.contains($0.path) })
        else { return 0 }
        return count(in: cgroup)
    }

    /// The end of a message on a process that was killed; empty when memory was not why.
    static func hint(_ count: UInt64) -> String {
        if count == 0 { return "" }
        return ": the kernel had no memory left for it; linux.resources.memory.limit is too small"
    }
}

extension ContainerRuntime {
    /// How many processes of a container the kernel killed for want of memory.
    package func memoryKills(of container: borrowing CreatedContainer) -> UInt64 {
        MemoryKills.count(in: container.record)
    }
}
