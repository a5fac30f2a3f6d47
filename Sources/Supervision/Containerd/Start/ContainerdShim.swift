// SPDX-License-Identifier: Apache-2.0

internal import Linux
internal import Protobuf

/// `containerd-shim-martlet-v1`: what containerd runs for the runtime `io.containerd.martlet.v1`.
///
/// containerd calls the program with `start`, which leaves the shim itself behind, and with
/// `delete` for what a shim that is gone has left. With `-info` and `-v` it tells about itself.
package enum ContainerdShim {
    /// What programs of shims are named: `containerd-shim-NAME-VERSION`.
    private static let prefix = "containerd-shim-"
    static let runtimeName = "io.containerd.martlet.v1"
    /// The most that is read from standard input.
    private static let inputLimit = 10 << 20

    /// Whether the program is called by a name that makes it a shim of containerd's.
    package static func isNamed(_ name: String) -> Bool {
        name.utf8.split(separator: UInt8(ascii: "/")).last?.starts(with: prefix.utf8) ?? false
    }

    /// Does what the command line says.
    ///
    /// - Parameters:
    ///   - words: the program's name, and what follows.
    ///   - version: of this program.
    /// - Returns: the exit code.
    package static func run(_ words: [String], version: String) -> Int32 {
        let name = words.first ?? "\(prefix)martlet-v1"
        do throws(CallError) {
            let arguments = try ShimArguments(Array(words.dropFirst()))
            if arguments.tellsVersion {
                try write(Array(versionText(name, version).utf8))
                return 0
            }
            if arguments.tellsInformation {
                try write(try InfoCommand.run(input(), version: version))
                return 0
            }
            guard !arguments.namespace.isEmpty else {
                throw CallError(.invalidArgument, "shim namespace cannot be empty")
            }
            try TaskService.check(id: arguments.id)
            switch arguments.action {
            case "start":
                try write(try StartCommand(name, arguments, input()).run())
            case "delete": try write(try DeleteCommand(arguments).run())
            case "": try ShimDaemon.run(arguments)
            default:
                throw CallError(
                    .invalidArgument, "unknown action \"\(arguments.action)\" (start, delete)")
            }
            return 0
        } catch {
            // There is nobody left to tell when that fails.
            try? File.write(Array("\(runtimeName): \(error)\n".utf8), to: 2)
            return 1
        }
    }

    private static func versionText(_ name: String, _ version: String) -> String {
        let base = name.split(separator: "/").last ?? ""
        return "\(base):\n  Version:  \(version)\n  Revision: \n\n"
    }

    private static func input() throws(CallError) -> [UInt8] {
        try doing("standard input") { () throws(SystemCallError) in
            var bytes: [UInt8] = []
            var buffer = [UInt8](repeating: 0, count: 4096)
            while true {
                let count = try File.read(0, into: &buffer)
                if count == 0 { return bytes }
                bytes += buffer[..<count]
                if bytes.count > inputLimit {
                    throw SystemCallError("read", "", .fileTooBig)
                }
            }
        }
    }

    private static func write(_ bytes: [UInt8]) throws(CallError) {
        try doing("standard output") { () throws(SystemCallError) in
            try File.write(bytes, to: 1)
        }
    }
}

/// The loop of a command that waits for calls of a runtime, and no longer.
struct CommandLoop {
    let loop: EventLoop
    let reaper: Reaper
    private let signals: SignalSource

    init() throws(CallError) {
        (loop, reaper, signals) = try doing("start") { () throws(SystemCallError) in
            let loop = try EventLoop()
            let signals = try SignalSource([Signal.child], in: loop)
            return (loop, Reaper(loop: loop, signals: signals), signals)
        }
    }

    /// Works until `body` calls what it is given.
    func run(_ body: (@escaping () -> Void) -> Void) throws(CallError) {
        body { loop.stop() }
        try doing("wait") { () throws(SystemCallError) in try loop.run() }
    }
}
