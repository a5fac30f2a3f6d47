// SPDX-License-Identifier: Apache-2.0

internal import CLinux
import Glibc
import Linux
import Requirements
import Testing

@Suite struct `A terminal` {
    /// Opens a new pseudoterminal.
    private func withTerminal(
        _ body: (_ master: borrowing FileDescriptor, _ peer: borrowing FileDescriptor) throws ->
            Void
    ) throws {
        let master = try File.open("/dev/ptmx", [.readWrite, .noControllingTerminal])
        try Terminal.unlock(master)
        let peer = try Terminal.openPeer(of: master)
        try body(master, peer)
    }

    @Test func `is one, and a file is none`() throws {
        try withTerminal { master, peer in
            #expect(Terminal.isTerminal(peer.number))
            let number = try Terminal.peerNumber(of: master)
            #expect(try File.readSymbolicLink(peer.procPath) == "/dev/pts/\(number)")
        }
        let null = try File.open("/dev/null", .readWrite)
        #expect(!Terminal.isTerminal(null.number))
        let error = failure { () throws(SystemCallError) in try Terminal.size(of: null.number) }
        #expect(error?.errno == .notATerminal)
    }

    @Test func `that is locked cannot be opened`() throws {
        let master = try File.open("/dev/ptmx", [.readWrite, .noControllingTerminal])
        let error = failure { () throws(SystemCallError) in try Terminal.openPeer(of: master) }
        #expect(error?.errno == .inputOutput)
    }

    @Test(arguments: [(UInt16(24), UInt16(80)), (0, 0), (1, 65535), (65535, 1)])
    func `has the size that it was given`(rows: UInt16, columns: UInt16) throws {
        try withTerminal { master, peer in
            let size = WindowSize(rows: rows, columns: columns)
            try Terminal.setSize(size, of: peer.number)
            #expect(try Terminal.size(of: master.number) == size)
            #expect(try Terminal.size(of: peer.number) == size)
        }
    }

    @Test func `that was made raw can be put back as it was`() throws {
        try withTerminal { _, peer in
            let number = peer.number
            func flags() -> [tcflag_t] {
                var mode = termios()
                unsafe tcgetattr(number, &mode)
                return [mode.c_iflag, mode.c_oflag, mode.c_lflag, mode.c_cflag]
            }
            let before = flags()
            let mode = try Terminal.mode(of: peer.number)
            try Terminal.makeRaw(peer.number)
            #expect(flags()[2] & tcflag_t(ICANON | ECHO | ISIG) == 0)
            #expect(flags()[1] & tcflag_t(OPOST) == 0)
            try Terminal.setMode(mode, of: peer.number)
            #expect(flags() == before)
        }
    }

    @Test func `can leave line ends as they are`() throws {
        try withTerminal { master, peer in
            try Terminal.keepLineEnds(peer.number)
            try File.write(Array("a\nb".utf8), to: peer.number)
            var buffer = [UInt8](repeating: 0, count: 16)
            let count = try File.read(master.number, into: &buffer)
            #expect(buffer[..<count].elementsEqual("a\nb".utf8))
        }
    }

    @Test func `becomes the controlling one of a new session`() async {
        await #expect(processExitsWith: .success) {
            let master = try File.open("/dev/ptmx", [.readWrite, .noControllingTerminal])
            try Terminal.unlock(master)
            let peer = try Terminal.openPeer(of: master)
            switch try Process.clone([]) {
            case .child:
                try? Process.startSession()
                if (try? File.open("/dev/tty", .readWrite)) != nil { Process.exitNow(1) }
                try? Terminal.makeControlling(peer)
                Process.exitNow((try? File.open("/dev/tty", .readWrite)) != nil ? 0 : 2)
            case .parent(_, let pidfd):
                #expect(try Process.wait(for: pidfd) == .exited(0))
            }
        }
    }
}

@Suite struct `A sealed file` {
    @Test func `has the bytes of its original, and can be run`() throws {
        let copy = try SealedFile.copy(of: "/bin/true", name: "copy")
        #expect(
            try File.readAll(copy, limit: 1 << 24) == File.readAll("/bin/true", limit: 1 << 24))
        #expect(try File.status(of: copy).permissions == 0o555)
        #expect(try SealedFile.isSealed(copy.procPath))
        #expect(try !SealedFile.isSealed("/bin/true"))
    }

    @Test(.requiresRoot) func `cannot be changed, not even by root`() throws {
        let copy = try SealedFile.copy(of: "/bin/true", name: "copy")
        let writable = try File.open(copy.procPath, .readWrite)
        let error = failure { () throws(SystemCallError) in
            try File.write([0], to: writable.number)
        }
        #expect(error?.errno == .notPermitted)
        #expect(ftruncate(writable.number, 0) == -1)
        #expect(ftruncate(writable.number, 1 << 22) == -1)
        let mapped = unsafe mmap(nil, 4096, PROT_WRITE, MAP_SHARED, writable.number, 0)
        #expect(unsafe mapped == UnsafeMutableRawPointer(bitPattern: -1))
    }

    @Test func `of a file that is not there is none`() {
        let error = failure { () throws(SystemCallError) in
            try SealedFile.copy(of: "/nowhere", name: "copy")
        }
        #expect(error == SystemCallError("open", "/nowhere", .noEntry))
    }
}

@Suite struct `Waiting` {
    @Test(arguments: [0, 1, 50]) func `ends when its time is over`(milliseconds: Int) throws {
        let pair = try Socket.pair(.packets)
        let start = Clock.milliseconds
        #expect(try Poll.readable([pair.ours.number], milliseconds: milliseconds) == [false])
        #expect(Clock.milliseconds - start >= milliseconds - 1)
    }

    @Test func `ends with what can be read or has ended, and passes negative numbers over`() throws
    {
        let pair = try Socket.pair(.packets)
        let other = try Socket.pair(.packets)
        try Socket.send([1], to: pair.ours.number)
        let numbers = [-1, other.ours.number, pair.theirs.number]
        #expect(try Poll.readable(numbers) == [false, false, true])
        let lone = Self.ours(of: other)
        #expect(try Poll.readable([lone.number, -1]) == [true, false])
    }

    @Test func `for nothing is over at once`() throws {
        #expect(try Poll.readable([], milliseconds: 0) == [])
    }

    private static func ours(of pair: consuming SocketPair) -> FileDescriptor { pair.ours }
}

@Suite struct `The clock` {
    @Test func `writes UTC as RFC 3339 with nanoseconds`() throws {
        let text = Clock.timestamp
        let form = /(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)\.\d{9}Z/
        let match = try #require(try form.wholeMatch(in: text))
        var parts = unsafe tm()
        unsafe parts.tm_year = CInt(match.1).map { $0 - 1900 } ?? 0
        unsafe parts.tm_mon = CInt(match.2).map { $0 - 1 } ?? 0
        unsafe parts.tm_mday = CInt(match.3) ?? 0
        unsafe parts.tm_hour = CInt(match.4) ?? 0
        unsafe parts.tm_min = CInt(match.5) ?? 0
        unsafe parts.tm_sec = CInt(match.6) ?? 0
        let seconds = unsafe timegm(&parts)
        #expect(abs(Int64(seconds) - Clock.now.seconds) <= 5)
    }

    @Test func `never goes back`() {
        let first = Clock.milliseconds
        Clock.sleep(milliseconds: 5)
        #expect(Clock.milliseconds >= first + 5)
    }
}
