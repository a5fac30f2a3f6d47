// SPDX-License-Identifier: Apache-2.0

import Glibc
import Linux
import Requirements
import Testing

/// Each in a process of its own: descriptors are counted, and numbers are taken.
@Suite struct `A file descriptor` {
    @Test func `is closed when its owner goes`() async {
        await #expect(processExitsWith: .success) {
            let before = try openDescriptors()
            do {
                let file = try File.open("/dev/null", .readOnly)
                #expect(try openDescriptors().subtracting(before).contains(file.number))
            }
            #expect(try leaked(since: before) == [])
        }
    }

    @Test func `is closed once by close`() async {
        await #expect(processExitsWith: .success) {
            let file = try File.open("/dev/null", .readOnly)
            let number = file.number
            try file.close()
            #expect(!stands(number, for: "/dev/null"))
        }
    }

    @Test func `is left open by release`() async {
        await #expect(processExitsWith: .success) {
            let number = try File.open("/dev/null", .readOnly).release()
            #expect(stands(number, for: "/dev/null"))
            FileDescriptor.closeOwned(number)
            #expect(!stands(number, for: "/dev/null"))
        }
    }

    @Test func `that someone else closed stops the process`() async {
        await #expect(processExitsWith: .failure) {
            let file = try File.open("/dev/null", .readOnly)
            close(file.number)
            try file.close()
        }
    }

    @Test func `that someone else closed stops the process at the end of its scope, too`() async {
        await #expect(processExitsWith: .failure) {
            let file = try File.open("/dev/null", .readOnly)
            close(file.number)
        }
    }

    @Test func `has duplicates of the same open file, closed on exec`() async {
        await #expect(processExitsWith: .success) {
            let file = try File.open("/proc/self/status", .readOnly)
            let copy = try file.duplicate()
            #expect(copy.number != file.number)
            #expect(isCloseOnExec(copy.number))
            var buffer = [UInt8](repeating: 0, count: 7)
            let first = try File.read(file.number, into: &buffer)
            #expect(first == 7)
            // One offset for both.
            #expect(lseek(copy.number, 0, SEEK_CUR) == 7)
        }
    }

    @Test func `duplicated onto a standard stream lives through exec`() async {
        await #expect(processExitsWith: .success) {
            let file = try File.open("/dev/null", .readOnly)
            try file.duplicate(onto: 0)
            #expect(!isCloseOnExec(0))
            #expect(try File.status(ofNumber: 0).isSameFile(as: File.status(of: file)))
        }
    }

    @Test func `moves to the number that is asked for, whatever was there`() async {
        await #expect(processExitsWith: .success) {
            let before = try openDescriptors()
            let other = try File.open("/dev/zero", .readOnly).release()
            let file = try File.open("/dev/null", .readOnly)
            let old = file.number
            let moved = try file.move(to: other)
            #expect(moved.number == other)
            #expect(!stands(old, for: "/dev/null"))
            #expect(isCloseOnExec(other))
            #expect(try File.status(of: moved).minor == 3)
            let same = try moved.move(to: other)
            #expect(same.number == other)
            try same.close()
            #expect(try leaked(since: before) == [])
        }
    }

    @Test func `that cannot move is closed`() async {
        await #expect(processExitsWith: .success) {
            let before = try openDescriptors()
            let number = try File.open("/dev/null", .readOnly).release()
            let error = failure { () throws(SystemCallError) in
                try FileDescriptor(owning: number).move(to: -1)
            }
            #expect(error == SystemCallError("dup3", "", .badDescriptor))
            #expect(try leaked(since: before) == [])
        }
    }
}

@Suite struct `Every descriptor` {
    @Test func `is born to be closed on exec, and closed with its owner`() async throws {
        try await withTemporaryDirectory { path in
            await #expect(processExitsWith: .success) { [path = path as String] in
                let before = try openDescriptors()
                try useEverything(in: path) { (number: CInt) in #expect(isCloseOnExec(number)) }
                #expect(try leaked(since: before) == [])
            }
        }
    }

    @Test(.requiresRoot) func `of a filesystem that is being mounted is, too`() async {
        await #expect(processExitsWith: .success) {
            let before = try openDescriptors()
            do {
                let context = try FileSystemContext(type: "tmpfs")
                for number in try openDescriptors().subtracting(before) {
                    #expect(isCloseOnExec(number))
                }
                let mount = try context.mount(attributes: .inert)
                #expect(isCloseOnExec(mount.number))
                let clone = try Mounting.clone("/")
                #expect(isCloseOnExec(clone.number))
                let picked = try FileSystemContext(picking: mount, type: "tmpfs")
                for number in try openDescriptors().subtracting(before) {
                    #expect(isCloseOnExec(number))
                }
                try picked.reconfigure()
            }
            #expect(try leaked(since: before) == [])
        }
    }

    @Test func `from a number on can be closed`() async {
        await #expect(processExitsWith: .success) {
            // Above all that the testing library has open: it traps without.
            let first: CInt = 500
            _ = try File.open("/dev/null", .readOnly).move(to: first).release()
            _ = try File.open("/dev/null", .readOnly).move(to: first + 1).release()
            try Descriptors.closeAll(from: first)
            #expect(try openDescriptors().allSatisfy { $0 < first })
        }
    }

    @Test func `can be kept across an exec`() async {
        await #expect(processExitsWith: .success) {
            let kept = fcntl(0, F_DUPFD_CLOEXEC, 100)
            #expect(isCloseOnExec(kept))
            try Descriptors.keepAcrossExec(kept)
            #expect(!isCloseOnExec(kept))
        }
    }

    @Test(arguments: [[CInt(0)], [1], [2], [0, 2], [0, 1, 2]])
    func `that a caller left closed is filled with the null device`(closed: [CInt]) async {
        await #expect(processExitsWith: .success) { [closed] in
            // In a process with one thread: no other can take a number meanwhile.
            let child = try Child {
                for stream in closed { close(stream) }
                guard (try? Descriptors.fillStandardStreams()) != nil else { return 1 }
                for stream in closed {
                    guard let status = try? File.status(ofNumber: stream), status.major == 1,
                        status.minor == 3, !isCloseOnExec(stream)
                    else { return 2 }
                }
                return 0
            }
            #expect(try Process.wait(for: child.pidfd) == .exited(0))
        }
    }
}

/// Makes one of everything that has a descriptor.
private func useEverything(in path: String, _ look: (CInt) -> Void) throws {
    let directory = try File.open(path, .realDirectory)
    look(directory.number)
    let inner = try File.open(".", at: directory.number, .directoryPath, resolving: .insideRoot)
    look(inner.number)
    let pair = try Socket.pair(.packets)
    look(pair.ours.number)
    look(pair.theirs.number)
    let listener = try Socket.listen(.stream, at: "s", in: directory.number)
    look(listener.number)
    let client = try Socket.connect(.stream, to: "s", at: directory.number)
    look(client.number)
    let accepted = try Socket.accept(listener)
    look(accepted.number)
    try Socket.send([1], passing: directory.number, to: pair.ours.number)
    let received = try Socket.receive(from: pair.theirs.number, limit: 8)
    if let descriptor = received.takeDescriptor() { look(descriptor.number) } else { look(-1) }
    let signals = try Signal.descriptor(for: [Signal.child])
    look(signals.number)
    let process = try Process.descriptor(of: Process.id)
    look(process.number)
    let memory = try SealedFile.copy(of: "/proc/self/cmdline", name: "empty")
    look(memory.number)
    let master = try File.open("/dev/ptmx", [.readWrite, .noControllingTerminal])
    look(master.number)
    try Terminal.unlock(master)
    let peer = try Terminal.openPeer(of: master)
    look(peer.number)
    switch try Process.clone([]) {
    case .child: Process.exitNow(0)
    case .parent(_, let pidfd):
        look(pidfd.number)
        _ = try Process.wait(for: pidfd)
    }
}
