// SPDX-License-Identifier: Apache-2.0

package import Cgroups
internal import Linux
internal import OCI

/// What a container has used up to now.
package struct ContainerStatistics: Equatable, Sendable {
    package var cgroups = Statistics()
    /// Of the container's network namespace; none when it shares the caller's.
    package var interfaces: [NetworkInterface] = []

    package init() {}
}

/// Something about a container that is worth telling.
package enum ContainerEvent: Equatable, Sendable {
    case statistics(ContainerStatistics)
    /// The kernel ran out of memory for it.
    case outOfMemory
}

extension ContainerRuntime {
    /// What a container has used up to now.
    package func statistics(_ id: String) throws(ContainerError) -> ContainerStatistics {
        try performing("events", id) { (id) throws(ContainerError) in
            let record = try runningRecord(id)
            return try statistics(of: record)
        }
    }

    /// Tells what a container uses at every interval, and when memory runs out, until it stops or
    /// `tell` throws.
    ///
    /// - Parameters:
    ///   - id: the container's.
    ///   - interval: in milliseconds, 1 or more.
    ///   - tell: gets each event as it comes.
    /// - Throws: when the container does not run, or cannot be watched.
    package func watch(
        _ id: String, interval: Int, tell: (ContainerEvent) throws(ContainerError) -> Void
    ) throws(ContainerError) {
        try performing("events", id) { (id) throws(ContainerError) in
            let record = try runningRecord(id)
            guard let process = try record.openProcess() else { return }
            let cgroup = try record.requireCgroup(to: "read statistics of")
            var memory = try withCgroups { () throws(CgroupError) in try MemoryWatch(cgroup) }
            var next = Clock.milliseconds + interval
            while true {
                let readable = [process.number, memory.readable]
                let (ready, changed) = try during("wait for events") {
                    () throws(SystemCallError) in
                    try Poll.wait(
                        readable: readable, changed: [memory.changed],
                        milliseconds: max(0, next - Clock.milliseconds))
                }
                if ready[1] || changed[0] {
                    let isOut = try withCgroups { () throws(CgroupError) in
                        try memory.take()
                    }
                    if isOut { try tell(.outOfMemory) }
                }
                if ready[0] { return }
                if Clock.milliseconds < next { continue }
                // After a long stop of ours, one at once and not all that were missed.
                next = Clock.milliseconds + interval
                try tell(.statistics(statistics(of: record)))
            }
        }
    }

    private func runningRecord(_ id: ContainerID) throws(ContainerError) -> ContainerRecord {
        let directory = try store.open(id)
        guard let record = try directory.record() else { throw Store.notFound }
        switch try directory.status(record) {
        case .created, .running, .paused: return record
        case .creating, .stopped:
            throw ContainerError(.wrongState, "container with id \(id) is not running")
        }
    }

    private func statistics(of record: ContainerRecord) throws(ContainerError)
        -> ContainerStatistics
    {
        let cgroup = try record.requireCgroup(to: "read statistics of")
        var statistics = ContainerStatistics()
        statistics.cgroups = try withCgroups { () throws(CgroupError) in
            try cgroup.statistics()
        }
        statistics.interfaces = NetworkInterface.all(ofContainerWith: record.pid)
        return statistics
    }
}
