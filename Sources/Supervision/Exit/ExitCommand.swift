// SPDX-License-Identifier: Apache-2.0

internal import Linux

/// A program that is run when a container has ended.
package struct ExitCommand: Equatable, Sendable {
    package var program: String
    package var arguments: [String]
    /// How long to wait before, in seconds.
    package var delay = 0

    package init(program: String, arguments: [String], delay: Int = 0) {
        self.program = program
        self.arguments = arguments
        self.delay = delay
    }

    /// Runs it, and waits for it.
    ///
    /// - Parameters:
    ///   - loop: where it is waited for.
    ///   - reaper: whoever reaps there.
    ///   - variables: what its environment has besides ours, as `NAME=VALUE`.
    ///   - outOfMemoryScore: what it gets back of what we have changed for ourselves.
    ///   - done: called when it has ended, with what went wrong.
    package func run(
        in loop: EventLoop, _ reaper: Reaper, adding variables: [String] = [],
        outOfMemoryScore: String?,
        _ done: @escaping (String?) -> Void
    ) {
        let command = RuntimeCommand(
            program, arguments, environment: Process.environment + variables, in: loop, reaper)
        command.output = .dropped
        // It may outlive us: it is its own session's affair.
        command.spawn.diesWithParent = false
        command.spawn.outOfMemoryScore = outOfMemoryScore
        let program = program
        loop.after(milliseconds: max(0, delay) * 1000) {
            do throws(SystemCallError) {
                try command.start { outcome in
                    done(outcome.succeeded ? nil : "exit command: \(outcome.reason)")
                }
            } catch {
                done("exit command \"\(program)\": \(error)")
            }
        }
    }
}
