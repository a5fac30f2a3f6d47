// SPDX-License-Identifier: Apache-2.0

internal import Linux

/// Stands in for conmon, for podman and CRI-O: the same flags, pipes, files and sockets.
package enum Conmon {
    /// Does what conmon's command line says, to the container's end unless that is waited for in
    /// the background.
    ///
    /// - Parameter words: what follows the program's name.
    /// - Returns: the exit code.
    package static func run(_ words: [String]) -> Int32 {
        var sync: SyncPipe?
        let complaints = Complaints(name: "conmon")
        do throws(SupervisionError) {
            let options = try ConmonOptions(words)
            if options.asksForHelp {
                return help()
            }
            let usesData = options.isSet(.apiVersion)
            let isExec = options.isSet(.exec) || options.isSet(.execAttach)
            let key = usesData ? "data" : isExec ? "exit_code" : "pid"
            sync = SyncPipe(try EnginePipe.take("_OCI_SYNCPIPE"), key: key)
            let attach = SyncPipe(try EnginePipe.take("_OCI_ATTACHPIPE"), key: key)
            let start = try EnginePipe.take("_OCI_STARTPIPE")
            // Whoever has started us moves us where we belong before it answers: so nothing may be
            // started before. It also fails when we are gone by then, and does not ask why.
            if let start { EnginePipe.waitForMessage(on: start) }
            return try run(
                ConmonSettings(options), sync ?? SyncPipe(nil, key: key), attach, start)
        } catch {
            complaints.fail(error.description)
            sync?.tell(-1, message: error.description)
            return 1
        }
    }

    private static func run(
        _ settings: ConmonSettings, _ sync: SyncPipe, _ attach: SyncPipe, _ start: OpenFile?
    ) throws(SupervisionError) -> Int32 {
        let options = settings.options
        try SupervisionError.doing("descriptors") { () throws(SystemCallError) in
            try Descriptors.closeOnExec(from: CInt(3 + inheritedCount(options)))
        }
        Process.setUmask(0o022)
        let level = options[.logLevel]?.lowercased() ?? "warning"
        let complaints = Complaints(
            name: "conmon", isSilent: ["error", "fatal", "panic"].contains(level))
        if options.isSet(.syslog) { complaints.openSystemLog() }
        let score = try? File.readText("/proc/self/oom_score_adj", limit: 64)
        // Without the right to lower it we are as likely to be killed as others.
        try? File.write("-1000", toExisting: "/proc/self/oom_score_adj")

        if options.isSet(.sync) {
            try writePid(Process.id, options)
        } else {
            let pid = try SupervisionError.doing("background") { () throws(SystemCallError) in
                try Process.fork()
            }
            if pid != 0 {
                try writePid(pid, options)
                Process.exitNow(0)
            }
            try leaveCaller(settings, complaints)
        }
        let monitor = try ConmonMonitor(
            settings, sync: sync, attach: attach, start: start, complaints: complaints,
            outOfMemoryScore: score)
        return try monitor.run()
    }

    /// A session of our own, and no stream of the caller's, who waits for their end.
    private static func leaveCaller(_ settings: ConmonSettings, _ complaints: Complaints)
        throws(SupervisionError)
    {
        try SupervisionError.doing("background") { () throws(SystemCallError) in
            try Process.startSession()
            if settings.streamKind == .inherited { return }
            let null = try File.open("/dev/null", .readWrite)
            for stream in CInt(0)...2 { try null.duplicate(onto: stream) }
        }
        if settings.streamKind != .inherited { complaints.leaveStandardError() }
    }

    private static func writePid(_ pid: Int32, _ options: ConmonOptions) throws(SupervisionError) {
        guard let path = options[.conmonPidfile] else { return }
        try SupervisionError.doing("conmon's pid file") { () throws(SystemCallError) in
            try File.replace(
                path, at: Directory.current, with: Array("\(pid)".utf8), permissions: 0o644)
        }
    }

    /// The descriptors from 3 on that are for the container: the sockets of LISTEN_FDS
    /// (sd_listen_fds(3)), and what the runtime is told to keep.
    private static func inheritedCount(_ options: ConmonOptions) -> Int {
        var count = listeningCount(options)
        let words = options.all(.runtimeOpt)
        for (index, word) in words.enumerated() {
            var text: String?
            if word.hasPrefix("--preserve-fds=") {
                text = String(word.dropFirst("--preserve-fds=".count))
            } else if word == "--preserve-fds", index + 1 < words.count {
                text = words[index + 1]
            }
            if let number = text.flatMap({ Int($0) }), (1...4096).contains(number) {
                count += number
            }
        }
        return count
    }

    private static func listeningCount(_ options: ConmonOptions) -> Int {
        guard let text = Process.environmentVariable("LISTEN_FDS"), let count = Int(text),
            (1...4096).contains(count)
        else { return 0 }
        if let pid = Process.environmentVariable("LISTEN_PID"), pid != "\(Process.id)",
            !options.isSet(.replaceListenPid)
        {
            return 0
        }
        return count
    }

    private static func help() -> Int32 {
        var text = "usage: conmon --cid ID --runtime PATH --log-path LOG [flags]\n\nflags:\n"
        for flag in ConmonOptions.allFlags { text += "  \(flag)\n" }
        return (try? File.write(Array(text.utf8), to: 1)) == nil ? 1 : 0
    }
}
