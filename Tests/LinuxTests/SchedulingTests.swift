// SPDX-License-Identifier: Apache-2.0

import Glibc
import Linux
import Requirements
import Testing

/// What the kernel says of this process's first mapping and this thread's memory policy; empty without NUMA.
/// The whole file takes seconds for a process as large as this one.
private func firstMapping() -> String {
    let file = unsafe open("/proc/thread-self/numa_maps", O_RDONLY | O_CLOEXEC)
    defer { close(file) }
    var bytes = [UInt8](repeating: 0, count: 64)
    let count = unsafe read(file, &bytes, bytes.count)
    return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
}

/// Each changes a process of its own.
@Suite struct `Scheduling` {
    @Test func `of a process is what the kernel says then`() async {
        await #expect(processExitsWith: .success) {
            var attributes = SchedulingAttributes(.batch)
            attributes.nice = 5
            try Process.setScheduling(attributes)
            #expect(sched_getscheduler(0) == 3)
            #expect(getpriority(PRIO_PROCESS, 0) == 5)
        }
    }

    @Test func `on some processors is what the kernel says then`() async {
        await #expect(processExitsWith: .success) {
            var first = ProcessorSet()
            first.insert(0)
            first.insert(.max)  // No kernel has it.
            try Process.setProcessors(first)
            #expect(try Process.processors() == first)
            let none = failure { () throws(SystemCallError) in
                try Process.setProcessors(ProcessorSet())
            }
            #expect(none == SystemCallError("sched_setaffinity", "", .invalid))
        }
    }

    @Test func `by a policy that Linux reserves fails with EINVAL`() async {
        await #expect(processExitsWith: .success) {
            let error = failure { () throws(SystemCallError) in
                try Process.setScheduling(SchedulingAttributes(.iso))
            }
            #expect(error == SystemCallError("sched_setattr", "", .invalid))
        }
    }

    @Test func `of a process that is not there fails with ESRCH`() {
        let error = failure { () throws(SystemCallError) in
            try Process.setScheduling(SchedulingAttributes(.other), of: .max)
        }
        #expect(error?.errno == .noProcess)
    }

    @Test func `of input and output is the whole group's, and no other's`() async {
        await #expect(processExitsWith: .success) {
            let before = Process.ioPriority(of: Process.id)
            let outside = try Child {
                setpgid(0, 0)
                while true { pause() }
            }
            while getpgid(outside.pid) != outside.pid { Clock.sleep(milliseconds: 1) }
            let inside = try Child {
                setpgid(0, outside.pid)
                while true { pause() }
            }
            while getpgid(inside.pid) != outside.pid { Clock.sleep(milliseconds: 1) }
            try Process.setIOPriority(.bestEffort, level: 6, ofGroup: outside.pid)
            #expect(Process.ioPriority(of: outside.pid)?.level == 6)
            #expect(Process.ioPriority(of: inside.pid)?.level == 6)
            #expect(Process.ioPriority(of: Process.id)?.level == before?.level)
            for pidfd in [outside.pidfd.number, inside.pidfd.number] {
                try Process.send(Signal.kill, to: Descriptors.duplicate(pidfd))
            }
        }
    }

    @Test func `of input and output for a group that is not there fails with ESRCH`() {
        let error = failure { () throws(SystemCallError) in
            try Process.setIOPriority(.idle, level: 0, ofGroup: .max)
        }
        #expect(error?.errno == .noProcess)
    }

    @Test(
        .present("the kernel has no NUMA") { firstMapping() != "" })
    func `of memory is what the kernel says then`() async {
        await #expect(processExitsWith: .success) {
            var placement = MemoryPlacement(.bind)
            placement.insert(node: 0)
            try Process.setMemoryPolicy(placement)
            #expect(firstMapping().contains(" bind:0 "))
            try Process.setMemoryPolicy(MemoryPlacement(.default))
            #expect(firstMapping().contains(" default "))
        }
    }

    @Test func `of memory takes no node beyond the kernel's mask`() {
        var placement = MemoryPlacement(.bind)
        let nodes = [MemoryPlacement.nodeLimit - 1, MemoryPlacement.nodeLimit, .max]
        for node in nodes { placement.insert(node: node) }
        let words = Int(MemoryPlacement.nodeLimit) / UInt.bitWidth
        #expect(placement.mask == Array(repeating: 0, count: words - 1) + [1 << 63])
    }
}
