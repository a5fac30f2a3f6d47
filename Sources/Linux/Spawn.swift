// SPDX-License-Identifier: Apache-2.0

internal import CLinux

/// A program to start as a child of this process.
package struct Spawn {
    /// The program's path; no other place is looked in.
    package var program: String
    /// The first one is the name by which the program is called.
    package var arguments: [String]
    /// As `NAME=VALUE`.
    package var environment: [String]
    /// What become its standard streams; nil for /dev/null.
    package var input: CInt?
    package var output: CInt?
    package var errors: CInt?
    /// What become its descriptors from 3 on, in this order.
    package var passed: [CInt] = []
    /// Where it starts; nil for our own working directory.
    package var directory: String?
    /// Whether it leads a process group of its own, so that all of it can be killed.
    package var leadsGroup = true
    /// Whether it dies when we do.
    package var diesWithParent = false
    /// What the kernel thinks of killing it for want of memory (proc_pid_oom_score_adj(5)); nil for
    /// the same as us.
    package var outOfMemoryScore: String?
    /// Whether LISTEN_PID names it: then it is told of sockets by its own pid (sd_listen_fds(3)).
    package var namesListener = false

    package init(_ program: String, arguments: [String], environment: [String]) {
        self.program = program
        self.arguments = arguments
        self.environment = environment
    }

    /// Starts it. Descriptors of ours that are close-on-exec do not reach it; others do.
    ///
    /// It has default actions for all signals and none blocked. When it cannot be executed, it says
    /// so on its standard error and ends with code 127.
    ///
    /// - Returns: the child's pid.
    package func start() throws(SystemCallError) -> Int32 {
        let null = try File.open("/dev/null", .readWrite)
        let parent = Process.id
        let pid = try Process.fork()
        if pid != 0 { return pid }
        // Here the child goes on, and never returns.
        do throws(SystemCallError) {
            try become(null: null.number, parent: parent)
        } catch {
            let name = program.utf8.split(separator: UInt8(ascii: "/")).last
            let word = name.map { String(decoding: Array($0), as: UTF8.self) } ?? program
            try? File.write(Array("\(word): \(error)\n".utf8), to: 2)
        }
        Process.exitNow(127)
    }

    private func become(null: CInt, parent: Int32) throws(SystemCallError) {
        if leadsGroup { _ = try check("setpgid") { setpgid(0, 0) } }
        if diesWithParent {
            try Process.setParentDeathSignal(Signal.kill)
            // It may have died before.
            if Process.parentID != parent { Process.exitNow(127) }
        }
        if let outOfMemoryScore {
            // To lower it needs a right that we may not have had ourselves.
            try? File.write(outOfMemoryScore, toExisting: "/proc/self/oom_score_adj")
        }
        // First out of the way of each other's numbers. They stay open until exec.
        let sources = [input ?? null, output ?? null, errors ?? null] + passed
        let first = CInt(sources.count)
        var copies: [CInt] = []
        for source in sources {
            copies.append(try Descriptors.duplicate(source, from: first).release())
        }
        for (target, copy) in copies.enumerated() {
            try Descriptors.copy(copy, onto: CInt(target))
        }
        if let directory { try Process.changeDirectory(to: directory) }
        try Signal.resetAll()
        var environment = environment
        if namesListener {
            environment.removeAll { $0.hasPrefix("LISTEN_PID=") }
            environment.append("LISTEN_PID=\(Process.id)")
        }
        let errno = Process.execute(program, arguments: arguments, environment: environment)
        throw SystemCallError("execute", program, errno)
    }

    /// Where a program is that was named as for a shell: with a slash it is a path, else it is in
    /// one of PATH's directories. nil when it is not found.
    package static func find(_ name: String) -> String? {
        if name.isEmpty { return nil }
        if name.utf8.contains(UInt8(ascii: "/")) { return name }
        let places = Process.environmentVariable("PATH") ?? "/usr/local/bin:/usr/bin:/bin"
        for place in places.utf8.split(separator: UInt8(ascii: ":")) {
            let path = String(decoding: Array(place), as: UTF8.self) + "/" + name
            guard let status = try? File.status(of: path), status.type == .regular,
                File.permits(.execute, path)
            else { continue }
            return path
        }
        return nil
    }
}
