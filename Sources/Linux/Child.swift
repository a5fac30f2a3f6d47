// SPDX-License-Identifier: Apache-2.0

internal import CLinux

/// Helpers that this process starts and waits for.
extension Process {
    /// The pid of this process's parent. The system call is `getppid(2)`.
    package static var parentID: Int32 { getppid() }

    /// Splits this process in two; both go on from here with their own copy of memory. Answers the
    /// new process's pid, and 0 in it. It must end in execve(2) or `_exit`. The library call is
    /// `fork(3)`: where a seccomp filter forbids clone3(2), it still works.
    package static func fork() throws(SystemCallError) -> Int32 {
        try check("fork") { clinux_fork() }
    }

    /// Reaps a child of ours if it has ended; nil while it runs. The system call is `waitpid(2)`.
    package static func reap(_ pid: Int32) throws(SystemCallError) -> ExitStatus? {
        var status: CInt = 0
        let reaped = try check("waitpid", "\(pid)") { unsafe waitpid(pid, &status, WNOHANG) }
        if reaped == 0 { return nil }
        if clinux_wifexited(status) != 0 { return .exited(clinux_wexitstatus(status)) }
        return .signaled(clinux_wtermsig(status))
    }

    /// Sends a signal to a child that has not been reaped, so that its pid is still its own. The
    /// system call is `kill(2)`.
    package static func send(_ signal: Int32, toChild pid: Int32) throws(SystemCallError) {
        _ = try check("kill", "\(pid)") { kill(pid, signal) }
    }

    /// The same to all processes of the group that such a child leads (ESRCH when it leads none).
    package static func send(_ signal: Int32, toGroupOf pid: Int32) throws(SystemCallError) {
        _ = try check("killpg", "\(pid)") { kill(-pid, signal) }
    }
}

/// The two ends of a pipe.
@frozen
package struct PipePair: ~Copyable {
    package let reading: FileDescriptor
    package let writing: FileDescriptor

    /// The system call is `pipe2(2)`.
    package init() throws(SystemCallError) {
        var numbers: (CInt, CInt) = (-1, -1)
        _ = try check("pipe2") {
            unsafe withUnsafeMutablePointer(to: &numbers) { pointer in
                unsafe pointer.withMemoryRebound(to: CInt.self, capacity: 2) {
                    unsafe pipe2($0, O_CLOEXEC)
                }
            }
        }
        reading = FileDescriptor(owning: numbers.0)
        writing = FileDescriptor(owning: numbers.1)
    }

    /// The end to read from; the other one is closed.
    package consuming func takeReading() -> FileDescriptor { reading }
}
