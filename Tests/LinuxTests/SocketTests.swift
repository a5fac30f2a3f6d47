// SPDX-License-Identifier: Apache-2.0

internal import CLinux
import Linux
import Testing

@Suite struct `A pair of sockets` {
    @Test(arguments: [Socket.Kind.stream, .datagram, .packets])
    func `carries bytes and a descriptor both ways`(kind: Socket.Kind) throws {
        let pair = try Socket.pair(kind)
        let null = try File.open("/dev/null", .readOnly)
        for (from, to) in [
            (pair.ours.number, pair.theirs.number), (pair.theirs.number, pair.ours.number),
        ] {
            try Socket.send([1, 2, 3], passing: null.number, to: from)
            let received = try Socket.receive(from: to, limit: 8)
            #expect(received.bytes == [1, 2, 3])
            guard let descriptor = received.takeDescriptor() else {
                Issue.record("no descriptor came")
                return
            }
            #expect(try File.status(of: descriptor).isSameFile(as: File.status(of: null)))
            #expect(isCloseOnExec(descriptor.number))
        }
    }

    @Test func `keeps packets apart`() throws {
        let pair = try Socket.pair(.packets)
        try Socket.send([1], to: pair.ours.number)
        try Socket.send([2, 3], to: pair.ours.number)
        #expect(try Socket.receive(from: pair.theirs.number, limit: 8).bytes == [1])
        #expect(try Socket.receive(from: pair.theirs.number, limit: 8).bytes == [2, 3])
    }

    @Test func `answers nothing after the peer has gone`() throws {
        let theirs = try Self.loneEnd(saying: [[7]])
        #expect(try Socket.receive(from: theirs.number, limit: 8).bytes == [7])
        let end = try Socket.receive(from: theirs.number, limit: 8)
        #expect(end.bytes.isEmpty)
        let hasDescriptor = end.takeDescriptor() != nil
        #expect(!hasDescriptor)
    }

    @Test func `refuses to send to a peer that has gone, without a signal`() throws {
        let theirs = try Self.loneEnd(saying: [])
        let error = failure { () throws(SystemCallError) in
            try Socket.send([1], to: theirs.number)
        }
        #expect(error == SystemCallError("sendmsg", "", .brokenPipe))
    }

    @Test func `can end its own side alone`() throws {
        let pair = try Socket.pair(.stream)
        try Socket.endWriting(pair.ours)
        #expect(try Socket.receive(from: pair.theirs.number, limit: 8).bytes.isEmpty)
        try Socket.send([5], to: pair.theirs.number)
        #expect(try Socket.receive(from: pair.ours.number, limit: 8).bytes == [5])
    }

    @Test func `refuses a packet over the limit, and closes what came with it`() async {
        await #expect(processExitsWith: .success) {
            let pair = try Socket.pair(.packets)
            let before = try openDescriptors()
            try Socket.send([1, 2, 3, 4], passing: 0, to: pair.ours.number)
            let error = failure { () throws(SystemCallError) in
                try Socket.receive(from: pair.theirs.number, limit: 3)
            }
            #expect(error == SystemCallError("recvmsg", "", Errno(rawValue: EMSGSIZE)))
            #expect(try leaked(since: before) == [])
            // The next one is whole again.
            try Socket.send([9], to: pair.ours.number)
            #expect(try Socket.receive(from: pair.theirs.number, limit: 3).bytes == [9])
        }
    }

    @Test(arguments: [2, 3, 16, 17, 40, 253])
    func `takes one descriptor of several, and closes the others`(count: Int) async {
        await #expect(processExitsWith: .success) { [count] in
            let pair = try Socket.pair(.packets)
            let before = try openDescriptors()
            #expect(sendDescriptors(count: count, through: pair.ours.number))
            do {
                let received = try Socket.receive(from: pair.theirs.number, limit: 8)
                #expect(received.bytes == [1])
                #expect(try openDescriptors().subtracting(before).count == 1)
                let hasDescriptor = received.takeDescriptor() != nil
                #expect(hasDescriptor)
            }
            #expect(try leaked(since: before) == [])
        }
    }

    /// One end of a pair whose other end has said something and gone.
    private static func loneEnd(saying messages: [[UInt8]]) throws -> FileDescriptor {
        let pair = try Socket.pair(.packets)
        for message in messages { try Socket.send(message, to: pair.ours.number) }
        return theirs(of: pair)
    }

    private static func theirs(of pair: consuming SocketPair) -> FileDescriptor { pair.theirs }
}

/// Sends one byte with copies of standard input, more than `Socket.send` ever does.
private func sendDescriptors(count: Int, through number: CInt) -> Bool {
    var bytes: [UInt8] = [1]
    let room = 16 + (count * 4 + 7) / 8 * 8
    var control = [UInt8](repeating: 0, count: room)
    return unsafe bytes.withUnsafeMutableBytes { payload in
        unsafe control.withUnsafeMutableBytes { control in
            // struct cmsghdr: length, level, type; then the numbers, all of them 0.
            unsafe control.storeBytes(of: 16 + count * 4, as: Int.self)
            unsafe control.storeBytes(of: SOL_SOCKET, toByteOffset: 8, as: CInt.self)
            unsafe control.storeBytes(of: CInt(SCM_RIGHTS), toByteOffset: 12, as: CInt.self)
            var vector = unsafe iovec(iov_base: payload.baseAddress, iov_len: 1)
            return unsafe withUnsafeMutablePointer(to: &vector) { vector in
                var message = unsafe msghdr()
                unsafe message.msg_iov = vector
                unsafe message.msg_iovlen = 1
                unsafe message.msg_control = control.baseAddress
                unsafe message.msg_controllen = room
                return unsafe sendmsg(number, &message, 0) == 1
            }
        }
    }
}

@Suite struct `The end of a connection` {
    @Test func `is all that is waited for, unless what is said counts, too`() throws {
        let pair = try Socket.pair(.packets)
        let other = try Socket.pair(.packets)
        let number = pair.ours.number
        #expect(try Poll.end(of: number, orReadable: -1, milliseconds: 0) == .timeout)
        try Socket.send([1], to: pair.theirs.number)
        #expect(try Poll.end(of: number, orReadable: -1, milliseconds: 0) == .timeout)
        #expect(
            try Poll.end(of: number, orReadable: -1, hearing: true, milliseconds: nil) == .ended)
        try Socket.send([1], to: other.theirs.number)
        #expect(
            try Poll.end(of: number, orReadable: other.ours.number, milliseconds: nil)
                == .readable)
        let ours = ours(of: pair)
        #expect(
            try Poll.end(of: ours.number, orReadable: other.ours.number, milliseconds: nil)
                == .ended)
    }

    private func ours(of pair: consuming SocketPair) -> FileDescriptor { pair.ours }
}

@Suite struct `A listening socket` {
    @Test(arguments: [Socket.Kind.stream, .packets]) func `is reached by any path, however long`(
        kind: Socket.Kind
    ) async throws {
        try await withTemporaryDirectory { path in
            var long = path
            for _ in 0..<10 {
                long += "/\(String(repeating: "d", count: 200))"
                try File.makeDirectory(long, permissions: 0o700)
            }
            #expect(long.utf8.count > 2000)
            let directory = try File.open(long, .realDirectory)
            let listener = try Socket.listen(kind, at: "socket", in: directory.number)
            let client = try Socket.connect(kind, to: "\(long)/socket", at: Directory.current)
            let server = try Socket.accept(listener)
            try Socket.send([4, 2], to: client.number)
            #expect(try Socket.receive(from: server.number, limit: 8).bytes == [4, 2])
        }
    }

    @Test func `for datagrams takes them from anyone`() async throws {
        try await withTemporaryDirectory { path in
            let directory = try File.open(path, .realDirectory)
            let listener = try Socket.listen(.datagram, at: "notify", in: directory.number)
            let client = try Socket.connect(
                .datagram, to: "\(path)/notify", at: Directory.current)
            try Socket.send(Array("READY=1".utf8), to: client.number)
            let received = try Socket.receive(from: listener.number, limit: 100)
            #expect(received.bytes == Array("READY=1".utf8))
        }
    }

    @Test func `has a name of at most 100 bytes or so`() async throws {
        try await withTemporaryDirectory { path in
            let directory = try File.open(path, .realDirectory)
            let name = String(repeating: "n", count: 100)
            let error = failure { () throws(SystemCallError) in
                try Socket.listen(.stream, at: name, in: directory.number)
            }
            #expect(error?.errno == .nameTooLong)
            #expect(try names(in: path) == [])
        }
    }

    @Test func `does not take the place of anything`() async throws {
        try await withTemporaryDirectory { path in
            try writeFile("\(path)/file", "")
            let directory = try File.open(path, .realDirectory)
            let error = failure { () throws(SystemCallError) in
                try Socket.listen(.stream, at: "file", in: directory.number)
            }
            #expect(error == SystemCallError("bind", "file", Errno(rawValue: EADDRINUSE)))
        }
    }

    @Test(arguments: ["missing", "file", "stale"])
    func `that is none refuses`(name: String) async throws {
        try await withTemporaryDirectory { path in
            try writeFile("\(path)/file", "")
            let directory = try File.open(path, .realDirectory)
            _ = try Socket.listen(.stream, at: "stale", in: directory.number)
            let error = failure { () throws(SystemCallError) in
                try Socket.connect(.stream, to: "\(path)/\(name)", at: Directory.current)
            }
            #expect(error?.errno == (name == "missing" ? .noEntry : .connectionRefused))
            #expect(error?.subject == "\(path)/\(name)")
        }
    }
}
