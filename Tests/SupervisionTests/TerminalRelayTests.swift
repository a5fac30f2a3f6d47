// SPDX-License-Identifier: Apache-2.0

import Foundation
import Foreground
import Linux
import Testing

/// Each in a process of its own: signals are held back for good.
@Suite(.timeLimit(.minutes(1))) struct `Foreground relay with a terminal` {
    @Test func `passes on everything that was written before the exit`() async {
        await #expect(processExitsWith: .success) {
            let signals = try HeldSignals()
            let inside = try Pseudoterminal()
            let path = try inside.path
            let input = try File.open("/dev/null", [.readOnly])
            let output = try Pipe()
            let terminal = try TerminalRelay(
                master: inside.takeMaster(), input: input.number, output: output.end.number)
            let child = try Child("seq 1 9000; exit 4", terminal: path)
            let relay = ForegroundRelay(signals: signals, terminal: terminal)
            #expect(try relay.run(pid: child.pid, process: child.process) == .exited(4))
            let text = (1...9000).map { "\($0)\n" }.joined()
            #expect(try output.readAll() == text)
        }
    }

    @Test func `does not wait for others that hold the terminal`() async {
        await #expect(processExitsWith: .success) {
            let signals = try HeldSignals()
            let inside = try Pseudoterminal()
            let path = try inside.path
            let input = try File.open("/dev/null", [.readOnly])
            let output = try Pipe()
            let terminal = try TerminalRelay(
                master: inside.takeMaster(), input: input.number, output: output.end.number)
            let child = try Child(
                "(trap '' HUP; exec sleep 10) & echo done; exit 6", terminal: path)
            let start = Clock.milliseconds
            let relay = ForegroundRelay(signals: signals, terminal: terminal)
            #expect(try relay.run(pid: child.pid, process: child.process) == .exited(6))
            #expect(Clock.milliseconds - start < 5000)
            #expect(try output.readAll() == "done\n")
        }
    }

    @Test func `does not drain for ever what others write`() async {
        await #expect(processExitsWith: .success) {
            let signals = try HeldSignals()
            let inside = try Pseudoterminal()
            let path = try inside.path
            let null = try File.open("/dev/null", [.readWrite])
            let terminal = try TerminalRelay(
                master: inside.takeMaster(), input: null.number, output: null.number)
            let child = try Child(
                "(trap '' HUP; exec timeout 10 yes) & sleep 0.2; exit 6",
                terminal: path)
            let start = Clock.milliseconds
            let relay = ForegroundRelay(signals: signals, terminal: terminal)
            #expect(try relay.run(pid: child.pid, process: child.process) == .exited(6))
            #expect(Clock.milliseconds - start < 5000)
        }
    }

    @Test func `passes input on, and lives through its end`() async {
        await #expect(processExitsWith: .success) {
            let signals = try HeldSignals()
            let inside = try Pseudoterminal()
            let path = try inside.path
            let input = try Pipe()
            let output = try Pipe()
            let typed = "a word\n"
            try File.write(Array(typed.utf8), to: input.end.number)
            let start = Self.closeEnd(input)
            let terminal = try TerminalRelay(
                master: inside.takeMaster(), input: start.number, output: output.end.number)
            let child = try Child(
                "stty -echo; read line; sleep 0.3; echo \"got $line\"",
                terminal: path)
            let relay = ForegroundRelay(signals: signals, terminal: terminal)
            #expect(try relay.run(pid: child.pid, process: child.process) == .exited(0))
            #expect(try output.readAll().hasSuffix("got a word\n"))
        }
    }

    @Test func `a program that does not read its input cannot stop the relay`() async {
        await #expect(processExitsWith: .success) {
            let signals = try HeldSignals()
            let inside = try Pseudoterminal()
            let path = try inside.path
            let input = try File.open("/dev/zero", [.readOnly])
            let output = try Pipe()
            let terminal = try TerminalRelay(
                master: inside.takeMaster(), input: input.number, output: output.end.number)
            let child = try Child(
                "stty raw -echo; sleep 0.3; echo end", terminal: path)
            let relay = ForegroundRelay(signals: signals, terminal: terminal)
            #expect(try relay.run(pid: child.pid, process: child.process) == .exited(0))
            #expect(try output.readAll().hasSuffix("end\n"))
        }
    }

    @Test func `closed output does not hold the program up`() async {
        await #expect(processExitsWith: .success) {
            Signal.ignore(Signal.pipe)
            let signals = try HeldSignals()
            let inside = try Pseudoterminal()
            let path = try inside.path
            let input = try File.open("/dev/null", [.readOnly])
            let output = Self.closeStart(try Pipe())
            let terminal = try TerminalRelay(
                master: inside.takeMaster(), input: input.number, output: output.number)
            let child = try Child("seq 1 50000; exit 8", terminal: path)
            let relay = ForegroundRelay(signals: signals, terminal: terminal)
            #expect(try relay.run(pid: child.pid, process: child.process) == .exited(8))
        }
    }

    @Test func `output that nobody takes does not hold signals up`() async {
        await #expect(processExitsWith: .success) {
            let signals = try HeldSignals()
            let inside = try Pseudoterminal()
            let path = try inside.path
            let input = try File.open("/dev/null", [.readOnly])
            let output = try Pipe()
            let terminal = try TerminalRelay(
                master: inside.takeMaster(), input: input.number, output: output.end.number)
            let child = try Child("exec yes", terminal: path)
            // The first ends the program; the second, the wait for someone to read.
            let thread = pthread_self()
            Thread.detachNewThread {
                for _ in 0..<2 {
                    Clock.sleep(milliseconds: 500)
                    pthread_kill(thread, Signal.terminate)
                }
            }
            let relay = ForegroundRelay(signals: signals, terminal: terminal)
            let status = try relay.run(pid: child.pid, process: child.process)
            #expect(status == .signaled(Signal.terminate))
            #expect(try Poll.readable([output.start.number])[0])
        }
    }

    @Test func `the size follows the caller's`() async {
        await #expect(processExitsWith: .success) {
            let signals = try HeldSignals()
            let inside = try Pseudoterminal()
            let path = try inside.path
            let outside = try Pseudoterminal()
            try Terminal.setSize(WindowSize(rows: 33, columns: 111), of: outside.peer.number)
            let terminal = try TerminalRelay(
                master: inside.takeMaster(), input: outside.peer.number,
                output: outside.peer.number)
            let child = try Child(
                "stty size; read x; stty size", terminal: path)
            try Terminal.setSize(WindowSize(rows: 44, columns: 99), of: outside.peer.number)
            raiseHere(Signal.windowChange)
            try File.write([10], to: outside.master.number)
            let relay = ForegroundRelay(signals: signals, terminal: terminal)
            #expect(try relay.run(pid: child.pid, process: child.process) == .exited(0))
            // What has been written to a terminal comes to its other end a little later, in pieces.
            var text = ""
            var buffer = [UInt8](repeating: 0, count: 256)
            while !text.hasSuffix("44 99\r\n"),
                try Poll.readable([outside.master.number], milliseconds: 5000)[0]
            {
                let count = try File.read(outside.master.number, into: &buffer)
                text += String(decoding: buffer[..<count], as: UTF8.self)
            }
            #expect(text.hasSuffix("44 99\r\n"))
        }
    }

    @Test func `the caller's terminal is raw while it lives, and then as before`() async {
        await #expect(processExitsWith: .success) {
            let outside = try Pseudoterminal()
            let caller = outside.peer.number
            #expect(editsLines(caller))
            do {
                let inside = try Pseudoterminal()
                let terminal = try TerminalRelay(
                    master: inside.takeMaster(), input: caller, output: caller)
                #expect(!editsLines(caller))
                _ = consume terminal
            }
            #expect(editsLines(caller))
        }
    }

    @Test func `the caller's terminal is as before when the program has ended`() async {
        await #expect(processExitsWith: .success) {
            let signals = try HeldSignals()
            let inside = try Pseudoterminal()
            let path = try inside.path
            let outside = try Pseudoterminal()
            let terminal = try TerminalRelay(
                master: inside.takeMaster(), input: outside.peer.number,
                output: outside.peer.number)
            let child = try Child("kill -SEGV $$", terminal: path)
            let relay = ForegroundRelay(signals: signals, terminal: terminal)
            #expect(try relay.run(pid: child.pid, process: child.process) == .signaled(11))
            #expect(editsLines(outside.peer.number))
        }
    }

    @Test func `a program may close the terminal and open it again`() async {
        await #expect(processExitsWith: .success) {
            let signals = try HeldSignals()
            let inside = try Pseudoterminal()
            let path = try inside.path
            let input = try File.open("/dev/null", [.readOnly])
            let output = try Pipe()
            let terminal = try TerminalRelay(
                master: inside.takeMaster(), input: input.number, output: output.end.number)
            let child = try Child(
                "exec </dev/null >/dev/null 2>&1; sleep 0.3; echo again >\(path)",
                terminal: path)
            let relay = ForegroundRelay(signals: signals, terminal: terminal)
            #expect(try relay.run(pid: child.pid, process: child.process) == .exited(0))
            #expect(try output.readAll() == "again\n")
        }
    }

    private static func closeEnd(_ pipe: consuming Pipe) -> FileDescriptor { pipe.start }
    private static func closeStart(_ pipe: consuming Pipe) -> FileDescriptor { pipe.end }
}

@Suite struct `Console socket` {
    @Test func `receives a master`() throws {
        let pair = try Socket.pair(.stream)
        let terminal = try Pseudoterminal()
        try Socket.send(
            Array("/dev/pts/0".utf8), passing: terminal.master.number, to: pair.theirs.number)
        let master = try ConsoleSocket.receiveMaster(from: pair.ours, milliseconds: 1000)
        let number = try Terminal.peerNumber(of: terminal.master)
        #expect(try Terminal.peerNumber(of: master) == number)
    }

    @Test func `says what came instead`() throws {
        let pair = try Socket.pair(.stream)
        #expect(Self.failure(pair.ours) == .timedOut)
        let null = try File.open("/dev/null", [.readOnly])
        try Socket.send([0], passing: null.number, to: pair.theirs.number)
        #expect(Self.failure(pair.ours) == .notATerminal)
        try Socket.send([0], to: pair.theirs.number)
        #expect(Self.failure(pair.ours) == .connectionReset)
        try Socket.endWriting(pair.theirs)
        #expect(Self.failure(pair.ours) == .connectionReset)
    }

    private static func failure(_ socket: borrowing FileDescriptor) -> Errno? {
        do throws(SystemCallError) {
            _ = try ConsoleSocket.receiveMaster(from: socket, milliseconds: 50)
            return nil
        } catch {
            return error.errno
        }
    }
}
