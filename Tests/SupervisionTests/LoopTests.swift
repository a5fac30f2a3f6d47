// SPDX-License-Identifier: Apache-2.0

import Linux
import Supervision
import Testing

@Suite(.timeLimit(.minutes(1))) struct `Event loop` {
    @Test func `calls a handler when something can be read`() throws {
        let loop = try EventLoop()
        let pipe = try Pipe()
        let end = pipe.end.number
        var got: [UInt8] = []
        try loop.watch(pipe.start.number, for: .readable) { events in
            #expect(events.contains(.readable))
            var buffer = [UInt8](repeating: 0, count: 8)
            let count = (try? File.read(pipe.start.number, into: &buffer)) ?? 0
            got += buffer[..<count]
            if got.count == 2 { loop.stop() }
        }
        loop.after(milliseconds: 0) { try? File.write([1], to: end) }
        loop.after(milliseconds: 5) { try? File.write([2], to: end) }
        try loop.run()
        #expect(got == [1, 2])
        loop.forget(pipe.start.number)
    }

    @Test func `calls timers in their order, and not those that were cancelled`() throws {
        let loop = try EventLoop()
        var calls: [Int] = []
        loop.after(milliseconds: 20) {
            calls.append(3); loop.stop()
        }
        loop.after(milliseconds: 1) { calls.append(1) }
        let cancelled = loop.after(milliseconds: 2) { calls.append(0) }
        loop.after(milliseconds: 1) { calls.append(2) }
        loop.cancel(cancelled)
        try loop.run()
        #expect(calls == [1, 2, 3])
    }

    @Test func `a timer that asks for the next round lets descriptors have their turn`() throws {
        let loop = try EventLoop()
        let pipe = try Pipe()
        try File.write([1], to: pipe.end.number)
        func again() { loop.after(milliseconds: 0) { again() } }
        again()
        try loop.watch(pipe.start.number, for: .readable) { _ in loop.stop() }
        try loop.run()
        loop.forget(pipe.start.number)
    }

    @Test func `an event is not given to the next file of the same number`() async {
        await #expect(processExitsWith: .success) {
            let loop = try EventLoop()
            let one = try Pipe()
            let other = try Pipe()
            try File.write([1], to: one.end.number)
            try File.write([1], to: other.end.number)
            var watches: [Watch] = []
            var second: Watch?
            var calls = 0
            // Both are ready at once. Whichever comes first closes the other, and gives its number
            // to a pipe that nothing was written to.
            func handler(closing index: Int) -> EventLoop.Handler {
                { _ in
                    calls += 1
                    loop.stop()
                    let number = watches[index].number
                    watches.remove(at: index)
                    do {
                        let empty = try PipePair()
                        let moved = try empty.takeReading().move(to: number)
                        second = try Watch(moved, of: loop, for: .readable) { _ in calls += 10 }
                    } catch {
                        Issue.record(error)
                    }
                }
            }
            let start = try one.start.duplicate()
            let otherStart = try other.start.duplicate()
            watches.append(try Watch(start, of: loop, for: .readable, handler(closing: 1)))
            watches.append(try Watch(otherStart, of: loop, for: .readable, handler(closing: 0)))
            try loop.run()
            #expect(calls == 1)
            #expect(second != nil)
        }
    }
}

/// Each in a process of its own: signals are held back for good.
@Suite(.timeLimit(.minutes(1))) struct `Reaper and commands` {
    @Test func `tells how a child ended, and what it used`() async {
        await #expect(processExitsWith: .success) {
            let loop = try EventLoop()
            let reaper = Reaper(loop: loop, signals: try SignalSource([Signal.child], in: loop))
            let child = try Child("exit 7")
            var end: ProcessEnd?
            try reaper.whenEnded(child.pid) {
                end = $0; loop.stop()
            }
            try loop.run()
            #expect(end?.status == .exited(7))
            #expect((end?.usage.peakMemory ?? 0) > 100_000)
        }
    }

    @Test func `reaps thousands of others on the way`() async {
        await #expect(processExitsWith: .success) {
            let loop = try EventLoop()
            let reaper = Reaper(loop: loop, signals: try SignalSource([Signal.child], in: loop))
            try Process.becomeSubreaper()
            // Every inner shell leaves an orphan.
            let child = try Child(
                "i=0; while [ $i -lt 1500 ]; do (: &); i=$((i+1)); done; exit 9")
            var end: ProcessEnd?
            try reaper.whenEnded(child.pid) {
                end = $0; loop.after(milliseconds: 300) { loop.stop() }
            }
            try loop.run()
            #expect(end?.status == .exited(9))
            // Other threads of a test's process may have taken signals; the end of a hold needs none.
            reaper.hold()
            reaper.release()
            loop.after(milliseconds: 100) { loop.stop() }
            try loop.run()
            #expect(try Process.reapAnyWithUsage() == nil)
        }
    }

    @Test func `a child that ended during a hold can be asked for later`() async {
        await #expect(processExitsWith: .success) {
            let loop = try EventLoop()
            let reaper = Reaper(loop: loop, signals: try SignalSource([Signal.child], in: loop))
            reaper.hold()
            let child = try Child("exit 4")
            var end: ProcessEnd?
            loop.after(milliseconds: 200) {
                try? reaper.whenEnded(child.pid) {
                    end = $0; loop.stop()
                }
                reaper.release()
            }
            try loop.run()
            #expect(end?.status == .exited(4))
        }
    }

    @Test func `a command's output is kept, and its leftover's pid can be asked for`() async {
        await #expect(processExitsWith: .success) {
            let loop = try EventLoop()
            let reaper = Reaper(loop: loop, signals: try SignalSource([Signal.child], in: loop))
            try Process.becomeSubreaper()
            let command = RuntimeCommand(
                "/bin/sh",
                ["-c", "sh -c 'exit 5' & echo $!; cat; echo bad >&2; sleep 0.2; exit 3"],
                in: loop, reaper)
            command.input = .bytes(Array("text".utf8))
            var outcome: RuntimeCommand.Outcome?
            var end: ProcessEnd?
            try command.start {
                outcome = $0
                let word = $0.output.split(separator: UInt8(ascii: "\n")).first ?? []
                let pid = Int32(String(decoding: word, as: UTF8.self)) ?? 0
                try? reaper.whenEnded(pid) { end = $0 }
            }
            loop.after(milliseconds: 1000) { loop.stop() }
            try loop.run()
            #expect(outcome?.end.status == .exited(3))
            #expect(outcome?.output.suffix(4) == Array("text".utf8)[...])
            #expect(outcome?.errorText == "bad")
            #expect(outcome?.reason == "bad")
            // The shell has reaped it itself, if it was quick: then nobody is told.
            #expect(end == nil || end?.status == .exited(5))
        }
    }

    @Test func `a command that hangs is killed, with all of its group`() async {
        await #expect(processExitsWith: .success) {
            let loop = try EventLoop()
            let reaper = Reaper(loop: loop, signals: try SignalSource([Signal.child], in: loop))
            try Process.becomeSubreaper()
            let command = RuntimeCommand(
                "/bin/sh", ["-c", "sleep 1000 & echo $!; wait"], in: loop, reaper)
            command.milliseconds = 200
            var outcome: RuntimeCommand.Outcome?
            try command.start {
                outcome = $0; loop.after(milliseconds: 100) { loop.stop() }
            }
            try loop.run()
            #expect(outcome?.tookTooLong == true)
            #expect(outcome?.end.status == .signaled(Signal.kill))
            let text = String(decoding: outcome?.output.dropLast() ?? [], as: UTF8.self)
            #expect(try Process.startTime(of: try #require(Int32(text))) == nil)
        }
    }

    @Test func `a program that is not there says so`() async {
        await #expect(processExitsWith: .success) {
            let loop = try EventLoop()
            let reaper = Reaper(loop: loop, signals: try SignalSource([Signal.child], in: loop))
            let command = RuntimeCommand("/nowhere/runtime", ["create"], in: loop, reaper)
            var outcome: RuntimeCommand.Outcome?
            try command.start {
                outcome = $0; loop.stop()
            }
            try loop.run()
            #expect(outcome?.end.status == .exited(127))
            #expect(outcome?.errorText.contains("no such file or directory (ENOENT)") == true)
            #expect(Spawn.find("no-such-program-anywhere") == nil)
            #expect(Spawn.find("sh")?.hasSuffix("/sh") == true)
        }
    }

    @Test func `more than is kept is read all the same`() async {
        await #expect(processExitsWith: .success) {
            let loop = try EventLoop()
            let reaper = Reaper(loop: loop, signals: try SignalSource([Signal.child], in: loop))
            let command = RuntimeCommand(
                "/bin/sh", ["-c", "head -c 6000000 /dev/zero"], in: loop, reaper)
            var outcome: RuntimeCommand.Outcome?
            try command.start {
                outcome = $0; loop.stop()
            }
            try loop.run()
            #expect(outcome?.succeeded == true)
            #expect(outcome?.output.count == RuntimeCommand.keptLimit)
        }
    }

    @Test func `how a process ended is known through a descriptor of it`() async {
        await #expect(processExitsWith: .success) {
            let child = try Child("exit 6")
            #expect(Process.recordedStatus(of: child.process) == nil)
            _ = try Process.wait(for: child.process)
            // nil before Linux 6.15.
            let status = Process.recordedStatus(of: child.process)
            #expect(status == nil || status == .exited(6))
        }
    }
}
