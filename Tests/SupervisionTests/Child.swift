// SPDX-License-Identifier: Apache-2.0

import Glibc
import Linux
import Testing

/// A shell that stands for a container's process.
struct Child: ~Copyable {
    let pid: Int32
    let process: FileDescriptor

    /// Runs a script.
    ///
    /// A terminal's path becomes its standard streams and its controlling terminal; without one,
    /// the output becomes its standard output.
    init(_ script: String, terminal: String? = nil, output: CInt? = nil) throws {
        let pid = try Self.spawn(script, terminal: terminal, output: output)
        process = try Process.descriptor(of: pid)
        self.pid = pid
    }

    private static func spawn(_ script: String, terminal: String?, output: CInt?) throws -> Int32 {
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        if let terminal {
            // Opened by path and by a session leader, it becomes the controlling terminal.
            unsafe posix_spawn_file_actions_addopen(&actions, 0, terminal, O_RDWR, 0)
            unsafe posix_spawn_file_actions_adddup2(&actions, 0, 1)
            unsafe posix_spawn_file_actions_adddup2(&actions, 0, 2)
        } else if let output {
            unsafe posix_spawn_file_actions_adddup2(&actions, output, 1)
        }
        // What the test runner has open must not live on in a process that stays behind.
        unsafe posix_spawn_file_actions_addclosefrom_np(&actions, 3)
        var attributes = posix_spawnattr_t()
        unsafe posix_spawnattr_init(&attributes)
        defer { unsafe posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        unsafe sigemptyset(&none)
        unsafe posix_spawnattr_setsigmask(&attributes, &none)
        // POSIX_SPAWN_SETSID, which Glibc hides from Swift.
        unsafe posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK) | 0x80)

        let arguments = ["/bin/sh", "-c", script]
        var pointers: [UnsafeMutablePointer<CChar>?] = unsafe arguments.map { unsafe strdup($0) }
        unsafe pointers.append(nil)
        defer { for index in unsafe pointers.indices { unsafe free(pointers[index]) } }
        var pid: pid_t = 0
        let result = unsafe posix_spawn(
            &pid, "/bin/sh", &actions, &attributes, pointers, environ)
        if result != 0 { throw SystemCallError("posix_spawn", "", Errno(rawValue: result)) }
        return pid
    }
}

/// A pseudoterminal: what a container's terminal and a caller's are in these tests.
struct Pseudoterminal: ~Copyable {
    let master: FileDescriptor
    let peer: FileDescriptor

    init() throws {
        let master = try File.open("/dev/ptmx", [.readWrite, .noControllingTerminal])
        try Terminal.unlock(master)
        peer = try Terminal.openPeer(of: master)
        self.master = master
    }

    /// The peer's path.
    var path: String { get throws { try File.readSymbolicLink(peer.procPath) } }

    consuming func takeMaster() -> FileDescriptor { master }
}

/// A pipe: what is written to `end` can be read from `start`.
struct Pipe: ~Copyable {
    let start: FileDescriptor
    let end: FileDescriptor

    init() throws {
        var numbers: [CInt] = [-1, -1]
        if unsafe pipe(&numbers) == -1 { throw SystemCallError("pipe", "", Errno.current) }
        for number in numbers { _ = fcntl(number, F_SETFD, FD_CLOEXEC) }
        start = FileDescriptor(owning: numbers[0])
        end = FileDescriptor(owning: numbers[1])
    }

    /// Everything that has been written; nobody may write any more.
    consuming func readAll() throws -> String {
        let start = Self.closeEnd(self)
        return String(decoding: try File.readAll(start, limit: 1 << 24), as: UTF8.self)
    }

    private static func closeEnd(_ pipe: consuming Pipe) -> FileDescriptor { pipe.start }
}

/// Sends a signal to this very thread: the other threads of a test process do not hold it back.
func raiseHere(_ signal: Int32) { pthread_kill(pthread_self(), signal) }

/// Whether lines are edited before a program sees them (ICANON).
func editsLines(_ terminal: CInt) -> Bool {
    var mode = termios()
    unsafe tcgetattr(terminal, &mode)
    return mode.c_lflag & tcflag_t(ICANON) != 0
}
