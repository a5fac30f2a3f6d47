// SPDX-License-Identifier: Apache-2.0

internal import Containers
internal import Foreground
internal import Linux
internal import OCI
internal import Seccomp

/// A command with everything that it works with.
struct Invocation {
    let globals: GlobalOptions
    let options: OptionValues
    let operands: [String]
    let descriptors: InheritedDescriptors
    let log: Log
    var trace: Trace?

    var runtime: ContainerRuntime { ContainerRuntime(root: globals.root, trace: trace) }

    /// The container's id, which the runtime looks at.
    var id: String { operands.first ?? "" }

    /// - Returns: the exit code.
    func perform(_ command: CommandName) throws(ContainerError) -> Int32 {
        switch command {
        case .create: try create()
        case .run: return try run()
        case .exec: return try exec()
        case .checkpoint: try checkpoint()
        case .restore: return try restore()
        case .start: try runtime.start(id, notifying: notifyRequest, warn: log.warning)
        case .state: try Output.write(runtime.state(id).encode(pretty: true) + [newline])
        case .kill: try kill()
        case .delete: try delete()
        case .list: try list()
        case .ps: try ps()
        case .pause: try runtime.pause(id)
        case .resume: try runtime.resume(id)
        case .update: try update()
        case .events: try events()
        case .spec: try spec()
        case .check: return try check()
        case .features: try features()
        case .completion: try completion()
        case .help, .version: break  // The parser has made requests of their own of them.
        }
        return Program.ExitCode.success
    }

    private func kill() throws(ContainerError) {
        let all = options.isSet(.all)
        if globals.isStrict && all {
            // "Attempting to send a signal to a container that is neither created nor running MUST
            // have no effect on the container and MUST generate an error" (runtime.md#kill).
            // Engines expect that nobody is left to be no error with --all.
            let status = try runtime.state(id).status
            if status == .stopped {
                throw ContainerError(
                    .wrongState, doing: "kill \"\(id)\"", "container not running")
            }
        }
        // The parser lets nothing but a signal's name through.
        let signal = operands.dropFirst().first.flatMap { Signal.number(from: $0) }
        try runtime.kill(id, signal: signal ?? Signal.terminate, all: all)
    }

    private func delete() throws(ContainerError) {
        try runtime.delete(
            id, force: options.isSet(.force), isStrict: globals.isStrict, warn: log.warning)
    }

    private func features() throws(ContainerError) {
        var features = Features.ofThisBuild
        // Keys of runc's that engines look for.
        features.annotations = [
            "org.opencontainers.runc.version": BuildInformation.version,
            "org.opencontainers.runc.commit": BuildInformation.commit,
            "org.opencontainers.runc.checkpoint.enabled": "true",
            "io.github.seccomp.libseccomp.version": Compiler.libraryVersion,
        ]
        try Output.write(features.encode(pretty: true) + [newline])
    }

    private func completion() throws(ContainerError) {
        // The parser lets nothing but a shell's name through.
        guard let shell = operands.first.flatMap({ Completion.Shell(rawValue: $0) }) else { return }
        try Output.write(Completion.script(for: shell))
    }

    var newline: UInt8 { UInt8(ascii: "\n") }

    // MARK: What run and exec share

    /// The relay of a terminal whose master comes through a socket; nil without one.
    func terminalRelay(through console: consuming SocketPair?) throws(ContainerError)
        -> TerminalRelay?
    {
        guard let console else { return nil }
        do throws(SystemCallError) {
            // It was sent before the process was ready; the limit is for a mistake of ours.
            let master = try ConsoleSocket.receiveMaster(through: console, milliseconds: 10_000)
            return try TerminalRelay(master: master)
        } catch {
            throw failure("terminal: \(error)")
        }
    }

    func step<R: ~Copyable>(
        _ name: String, _ body: () throws(SystemCallError) -> R
    ) throws(ContainerError) -> R {
        do throws(SystemCallError) {
            return try body()
        } catch {
            throw failure("\(name): \(error)")
        }
    }

    /// An error that the command puts its own name before.
    func failure(_ reason: String) -> ContainerError { ContainerError(.failed, reason) }
}
