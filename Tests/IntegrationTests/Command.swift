// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A program that was started, with files for its output: a container keeps its streams open
/// longer than the program that made it lives.
struct Command {
    /// What came of it.
    struct Outcome {
        /// The exit code; 128 and the signal's number for one that a signal ended.
        var code: Int32
        var output: String
        var errors: String

        var errorLines: [String] { errors.split(separator: "\n").map(String.init) }
    }

    /// The program could not be started.
    struct SpawnFailure: Error {
        let errno: Int32
    }

    let pid: pid_t
    private let directory: String

    /// Starts a program, with nothing to read and without descriptors of ours.
    init(_ words: [String], environment: [String: String] = [:], in place: String) throws {
        directory = "\(place)/command-\(UUID().uuidString)"
        try FileManager.default.createDirectory(
            atPath: directory, withIntermediateDirectories: false)
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        unsafe posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        let flags = O_WRONLY | O_CREAT
        unsafe posix_spawn_file_actions_addopen(&actions, 1, "\(directory)/output", flags, 0o644)
        unsafe posix_spawn_file_actions_addopen(&actions, 2, "\(directory)/errors", flags, 0o644)
        unsafe posix_spawn_file_actions_addclosefrom_np(&actions, 3)
        let variables = ["PATH": "/usr/sbin:/usr/bin:/sbin:/bin"].merging(environment) { $1 }
        var argv = unsafe words.map { unsafe strdup($0) } + [nil]
        var envp = unsafe variables.map { unsafe strdup("\($0)=\($1)") } + [nil]
        defer {
            for index in unsafe argv.indices { unsafe free(argv[index]) }
            for index in unsafe envp.indices { unsafe free(envp[index]) }
        }
        var pid: pid_t = 0
        let result = unsafe posix_spawn(&pid, words[0], &actions, nil, &argv, &envp)
        if result != 0 { throw SpawnFailure(errno: result) }
        self.pid = pid
    }

    /// Waits, at most a minute if nothing else is said; who takes longer is killed, which shows in
    /// the code.
    func wait(seconds: Double = 60) throws -> Outcome {
        var status: Int32 = 0
        let end = Date().addingTimeInterval(seconds)
        while unsafe waitpid(pid, &status, WNOHANG) == 0 {
            if Date() > end { kill(pid, SIGKILL) }
            usleep(2000)
        }
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let signal = status & 0x7f
        return Outcome(
            code: signal == 0 ? status >> 8 & 0xff : 128 + signal,
            output: try String(contentsOfFile: "\(directory)/output", encoding: .utf8),
            errors: try String(contentsOfFile: "\(directory)/errors", encoding: .utf8))
    }

    /// The runtime that was built with these tests; RUNTIME names another.
    static let runtime: String = {
        if let other = ProcessInfo.processInfo.environment["RUNTIME"] { return other }
        let own = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"))
        return ((own ?? "") as NSString).deletingLastPathComponent + "/martlet"
    }()
}
