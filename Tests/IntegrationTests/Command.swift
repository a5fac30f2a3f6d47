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

    /// For signals to the program itself.
    let pid: pid_t
    private let directory: String

    /// Starts a program. By posix_spawn(3): Foundation's own way leaves a socket open in it, and
    /// waits for every process that inherits that, which a container's does.
    init(_ words: [String], environment: [String: String] = [:], in place: String) throws {
        directory = "\(place)/command-\(UUID().uuidString)"
        try FileManager.default.createDirectory(
            atPath: directory, withIntermediateDirectories: false,
            attributes: [.posixPermissions: 0o777])
        let variables = ["PATH": "/usr/sbin:/usr/bin:/sbin:/bin"].merging(environment) { $1 }
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        let flags = O_WRONLY | O_CREAT | O_TRUNC
        unsafe posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        unsafe posix_spawn_file_actions_addopen(&actions, 1, "\(directory)/output", flags, 0o644)
        unsafe posix_spawn_file_actions_addopen(&actions, 2, "\(directory)/errors", flags, 0o644)
        unsafe posix_spawn_file_actions_addclosefrom_np(&actions, 3)
        var arguments: [UnsafeMutablePointer<CChar>?] = unsafe words.map { unsafe strdup($0) }
        var variablesInC: [UnsafeMutablePointer<CChar>?] = unsafe variables.map {
            unsafe strdup("\($0.key)=\($0.value)")
        }
        unsafe arguments.append(nil)
        unsafe variablesInC.append(nil)
        defer {
            for unsafe pointer in unsafe arguments + variablesInC { unsafe free(pointer) }
        }
        var started: pid_t = 0
        let error = unsafe posix_spawn(
            &started, words[0], &actions, nil, arguments, variablesInC)
        guard error == 0 else { throw POSIXError(POSIXErrorCode(rawValue: error) ?? .EINVAL) }
        pid = started
    }

    /// Waits at most a minute; who takes longer is killed, which shows in the code.
    func wait() throws -> Outcome {
        var status: CInt = 0
        var left = 30_000
        while unsafe waitpid(pid, &status, WNOHANG) == 0 {
            left -= 1
            if left == 0 { kill(pid, SIGKILL) }
            usleep(2000)
        }
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let signal = status & 0x7f
        return Outcome(
            code: signal == 0 ? (status >> 8) & 0xff : 128 + signal,
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
