// SPDX-License-Identifier: Apache-2.0

import Foreground
import Linux
import Testing

/// Each in a process of its own: signals are held back for good.
@Suite struct `Foreground relay without a terminal` {
    @Test func `answers the program's exit code`() async {
        await #expect(processExitsWith: .success) {
            let signals = try HeldSignals()
            let child = try Child("exit 7")
            let relay = ForegroundRelay(signals: signals)
            #expect(try relay.run(pid: child.pid, process: child.process) == .exited(7))
        }
    }

    @Test func `answers the signal that ended the program`() async {
        await #expect(processExitsWith: .success) {
            let signals = try HeldSignals()
            let child = try Child("kill -KILL $$")
            let relay = ForegroundRelay(signals: signals)
            let status = try relay.run(pid: child.pid, process: child.process)
            #expect(status == .signaled(Signal.kill))
            #expect(status.shellCode == 137)
        }
    }

    @Test(arguments: [Signal.hangup, Signal.interrupt, Signal.terminate, 10, 12, 28, 18, 35, 64])
    func `passes a signal on`(signal: Int32) async {
        await #expect(processExitsWith: .success) { [signal] in
            let signals = try HeldSignals()
            let pipe = try Pipe()
            let child = try Child(
                "trap 'exit 5' \(signal); echo ready; while :; do sleep 0.02; done",
                output: pipe.end.number)
            var buffer = [UInt8](repeating: 0, count: 16)
            #expect(try File.read(pipe.start.number, into: &buffer) == 6)
            raiseHere(signal)
            let relay = ForegroundRelay(signals: signals)
            #expect(try relay.run(pid: child.pid, process: child.process) == .exited(5))
        }
    }

    @Test func `ends although the process ended before it began`() async {
        await #expect(processExitsWith: .success) {
            let signals = try HeldSignals()
            let child = try Child("exit 3")
            while try !Poll.readable([child.process.number])[0] {}
            let relay = ForegroundRelay(signals: signals)
            #expect(try relay.run(pid: child.pid, process: child.process) == .exited(3))
        }
    }

    @Test func `reaps other children`() async {
        await #expect(processExitsWith: .success) {
            let signals = try HeldSignals()
            let other = try Child("exit 1")
            while try !Poll.readable([other.process.number])[0] {}
            let child = try Child("exit 2")
            let relay = ForegroundRelay(signals: signals)
            #expect(try relay.run(pid: child.pid, process: child.process) == .exited(2))
            #expect(throws: SystemCallError.self) { try Process.send(0, to: other.process) }
        }
    }

    @Test func `says so when the process is no child`() async {
        await #expect(processExitsWith: .success) {
            let signals = try HeldSignals()
            // A grandchild, which outlives its parent.
            let pipe = try Pipe()
            let child = try Child("sleep 0.3 >/dev/null & echo $!", output: pipe.end.number)
            var buffer = [UInt8](repeating: 0, count: 32)
            let count = try File.read(pipe.start.number, into: &buffer)
            let text = String(decoding: buffer[..<(count - 1)], as: UTF8.self)
            let pid = try #require(Int32(text))
            let process = try Process.descriptor(of: pid)
            _ = try Process.wait(for: child.process)
            let relay = ForegroundRelay(signals: signals)
            do throws(SystemCallError) {
                _ = try relay.run(pid: pid, process: process)
                Issue.record("an end that nobody can know")
            } catch {
                #expect(error.errno == .noChild)
            }
        }
    }

    @Test func `a signal before the program is there can be asked for`() async {
        await #expect(processExitsWith: .success) {
            let signals = try HeldSignals()
            #expect(try signals.takeEnding() == nil)
            raiseHere(10)
            #expect(try signals.takeEnding() == nil)
            raiseHere(Signal.terminate)
            raiseHere(10)
            #expect(try signals.takeEnding() == Signal.terminate)
            #expect(try signals.takeEnding() == nil)
        }
    }

    @Test func `what no one passes on is not held back`() {
        for signal in [Signal.kill, Signal.stop, Signal.pipe, Signal.urgent, Signal.fileSize] {
            #expect(!HeldSignals.held.contains(signal))
        }
        #expect(HeldSignals.held.contains(Signal.child))
    }
}
