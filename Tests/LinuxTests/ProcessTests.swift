// SPDX-License-Identifier: Apache-2.0

import Glibc
import Linux
import Requirements
import Testing

/// Waits for ever; only a signal ends it.
private func waitForSignal() -> Int32 {
    while true { pause() }
}

/// Each that makes a process does so in a process of its own.
@Suite struct `A process` {
    @Test func `started at one time, whoever asks when`() throws {
        let first = try Process.startTime(of: Process.id)
        Clock.sleep(milliseconds: 20)
        #expect(try Process.startTime(of: Process.id) == first)
        #expect(first != nil)
        #expect(try Process.startTime(of: 1) != nil)
    }

    @Test(arguments: [Int32(0), -1, 4_194_305, .max, .min])
    func `that does not exist never started`(pid: Int32) throws {
        #expect(try Process.startTime(of: pid) == nil)
    }

    @Test func `that is a zombie counts as gone`() async {
        await #expect(processExitsWith: .success) {
            let child = try Child {
                3
            }
            #expect(try Poll.readable([child.pidfd.number], milliseconds: 10_000) == [true])
            #expect(contents("/proc/\(child.pid)/stat").contains(" Z "))
            #expect(try Process.startTime(of: child.pid) == nil)
            #expect(try Process.wait(for: child.pidfd) == .exited(3))
            #expect(try Process.startTime(of: child.pid) == nil)
        }
    }

    @Test(arguments: ["plain", "a) Z 0 0 0", ") R (", "x y z", "((((", "\u{1b}\n)"])
    func `has its start time whatever its name is`(name: String) async {
        await #expect(processExitsWith: .success) { [name] in
            let child = try Child {
                Process.setName(name)
                return waitForSignal()
            }
            let first = try Process.startTime(of: child.pid)
            Clock.sleep(milliseconds: 50)
            #expect(try Process.startTime(of: child.pid) == first)
            let own = try #require(try Process.startTime(of: Process.id))
            let theirs = try #require(first)
            #expect(theirs >= own && theirs < own + 6000)
            try Process.send(Signal.kill, to: child.pidfd)
            _ = try Process.wait(for: child.pidfd)
        }
    }

    @Test(arguments: [Int32(0), 1, 42, 127, 128, 255])
    func `tells its exit code`(code: Int32) async {
        await #expect(processExitsWith: .success) { [code] in
            let child = try Child {
                code
            }
            let status = try Process.wait(for: child.pidfd)
            #expect(status == .exited(code))
            #expect(status.shellCode == code)
        }
    }

    @Test(arguments: [Signal.kill, Signal.terminate, Signal.hangup, 10, 34, 64])
    func `tells the signal that ended it`(signal: Int32) async {
        await #expect(processExitsWith: .success) { [signal] in
            try Signal.resetAll()
            let child = try Child {
                waitForSignal()
            }
            try Process.send(signal, to: child.pidfd)
            let status = try Process.wait(for: child.pidfd)
            #expect(status == .signaled(signal))
            #expect(status.shellCode == 128 + signal)
        }
    }

    @Test func `that has been reaped takes no signal, and is nobody's child`() async {
        await #expect(processExitsWith: .success) {
            let child = try Child {
                0
            }
            _ = try Process.wait(for: child.pidfd)
            let sent = failure { () throws(SystemCallError) in try Process.send(0, to: child.pidfd)
            }
            #expect(sent?.errno == .noProcess)
            let opened = failure { () throws(SystemCallError) in
                try Process.descriptor(of: child.pid)
            }
            #expect(opened == SystemCallError("pidfd_open", "\(child.pid)", .noProcess))
            #expect(try Process.reapAny() == nil)
        }
    }

    @Test func `that is no child of ours cannot be waited for`() throws {
        let process = try Process.descriptor(of: Process.id)
        let error = failure { () throws(SystemCallError) in try Process.wait(for: process) }
        #expect(error?.errno == .noChild)
    }

    @Test func `of any kind is reaped with its status`() async {
        await #expect(processExitsWith: .success) {
            let child = try Child {
                9
            }
            #expect(try Poll.readable([child.pidfd.number], milliseconds: 10_000) == [true])
            let reaped = try #require(try Process.reapAny())
            #expect(reaped.pid == child.pid)
            #expect(reaped.status == .exited(9))
        }
    }

    @Test func `becomes another program with exactly the environment it is given`() async throws {
        try await withTemporaryDirectory { path in
            await #expect(processExitsWith: .success) { [path = path as String] in
                let child = try Child {
                    let file = try? File.open(
                        "\(path)/out", [.writeOnly, .create], permissions: 0o600)
                    guard let file else { return 99 }
                    try? file.duplicate(onto: 1)
                    _ = Process.execute("/usr/bin/env", arguments: ["env"], environment: ["A=b c"])
                    return 98
                }
                #expect(try Process.wait(for: child.pidfd) == .exited(0))
            }
            #expect(contents("\(path)/out") == "A=b c\n")
        }
    }

    @Test func `says why it cannot become a program`() {
        #expect(Process.execute("/nowhere", arguments: ["x"], environment: []) == .noEntry)
        #expect(Process.execute("/etc", arguments: ["x"], environment: []) == .accessDenied)
    }

    @Test(.requiresRoot) func `is the first of its new pid namespace`() async {
        await #expect(processExitsWith: .success) {
            switch try Process.clone([.pid, .uts]) {
            case .child:
                guard Process.id == 1 else { Process.exitNow(1) }
                try? Process.setHostname("inside")
                Process.exitNow(contents("/proc/sys/kernel/hostname") == "inside\n" ? 0 : 2)
            case .parent(let pid, let pidfd):
                #expect(pid > 1)
                #expect(try Process.wait(for: pidfd) == .exited(0))
            }
            #expect(contents("/proc/sys/kernel/hostname") != "inside\n")
        }
    }

    @Test func `has limits by the names of the kernel`() {
        for name in ["AS", "CORE", "NOFILE", "NPROC", "RTTIME", "STACK", "LOCKS", "NICE"] {
            #expect(ResourceNumber(name: "RLIMIT_\(name)") != nil)
        }
        for name in ["", "NOFILE", "rlimit_nofile", "RLIMIT_", "RLIMIT_MAGIC"] {
            #expect(ResourceNumber(name: name) == nil)
        }
    }

    @Test func `limits itself`() async throws {
        await #expect(processExitsWith: .success) {
            let files = try #require(ResourceNumber(name: "RLIMIT_NOFILE"))
            try Process.setLimit(files, soft: 50, hard: 60)
            let line = contents("/proc/self/limits").split(separator: "\n")
                .first { $0.hasPrefix("Max open files") }
            let fields = try #require(line).split(separator: " ")
            #expect(fields[3] == "50" && fields[4] == "60")
            let error = failure { () throws(SystemCallError) in
                try Process.setLimit(files, soft: 61, hard: 60)
            }
            #expect(error == SystemCallError("setrlimit", "RLIMIT_NOFILE", .invalid))
        }
    }
}

@Suite struct `A set of capabilities` {
    @Test(arguments: [
        ("CAP_CHOWN", Int32(0)), ("cap_chown", 0), ("CAP_KILL", 5), ("CAP_SYS_ADMIN", 21),
        ("CAP_AUDIT_READ", 37), ("CAP_BPF", 39), ("CAP_CHECKPOINT_RESTORE", 40),
    ])
    func `have names`(name: String, number: Int32) {
        #expect(Capabilities.number(of: name) == number)
    }

    @Test(arguments: [
        "", "CHOWN", "CAP_", "CAP_NO_SUCH", "ALL", "CAP_CHOWN ", "99", "64", "12", "-1",
    ])
    func `have no other names`(name: String) {
        #expect(Capabilities.number(of: name) == nil)
    }

    @Test func `are listed in the order of their numbers`() {
        let names = Capabilities.allNames
        #expect(names.count >= 41)
        for (index, name) in names.enumerated() {
            #expect(Capabilities.number(of: name) == Int32(index))
        }
    }

    @Test func `make sets`() {
        var set = CapabilitySet()
        #expect(set.isEmpty && set.members == [])
        set.insert(0)
        set.insert(40)
        set.insert(63)
        #expect(set.members == [0, 40, 63])
        #expect(set.contains(40) && !set.contains(41))
        let other = CapabilitySet(bits: 1 << 40 | 1 << 2)
        #expect(set.intersection(other).members == [40])
        #expect(set.subtracting(other).members == [0, 63])
    }

    @Test(.requiresRoot) func `are exactly those that are set`() async {
        await #expect(processExitsWith: .success) {
            let (chown, kill) = (CapabilitySet(bits: 1), CapabilitySet(bits: 1 << 5))
            let both = CapabilitySet(bits: 1 | 1 << 5)
            try Capabilities.limitBounding(to: both)
            try Capabilities.set(effective: chown, permitted: both, inheritable: kill)
            try Capabilities.setAmbient(kill)
            #expect(try Capabilities.permitted() == both)
            let status = contents("/proc/thread-self/status")
            for (name, bits) in [
                ("CapInh", "20"), ("CapPrm", "21"), ("CapEff", "01"), ("CapBnd", "21"),
                ("CapAmb", "20"),
            ] {
                #expect(status.contains("\(name):\t00000000000000\(bits)\n"), "\(name)")
            }
            // None of them comes back.
            #expect(throws: SystemCallError.self) {
                try Capabilities.set(
                    effective: chown, permitted: CapabilitySet(bits: 1 << 21 | 1), inheritable: kill
                )
            }
        }
    }

    @Test(.requiresRoot) func `live through a change of user only if kept`() async {
        await #expect(processExitsWith: .success) {
            try Credentials.setGroups([7, 8])
            try Credentials.setGroupID(65534)
            try Credentials.keepCapabilities(true)
            try Credentials.setUserID(65534)
            #expect(try !Capabilities.permitted().isEmpty)
            let status = contents("/proc/thread-self/status")
            #expect(status.contains("Uid:\t65534\t65534\t65534\t65534\n"))
            #expect(status.contains("Gid:\t65534\t65534\t65534\t65534\n"))
            #expect(status.contains("Groups:\t7 8"))
            #expect(status.contains("CapEff:\t0000000000000000\n"))
        }
        await #expect(processExitsWith: .success) {
            try Credentials.setUserID(65534)
            #expect(try Capabilities.permitted().isEmpty)
            let error = failure { () throws(SystemCallError) in try Credentials.setUserID(0) }
            #expect(error == SystemCallError("setresuid", "0", .notPermitted))
        }
    }

    @Test(.requiresRoot) func `are none at all when none are given`() async {
        await #expect(processExitsWith: .success) {
            let none = CapabilitySet()
            try Capabilities.limitBounding(to: none)
            try Capabilities.set(effective: none, permitted: none, inheritable: none)
            try Capabilities.setAmbient(none)
            let status = contents("/proc/thread-self/status")
            for name in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
                #expect(status.contains("\(name):\t0000000000000000\n"))
            }
        }
    }
}
