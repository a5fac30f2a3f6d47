// SPDX-License-Identifier: Apache-2.0

internal import CLinux

/// What a process has used until its end, and those that it waited for (getrusage(2)).
package struct ResourceUsage: Equatable, Sendable {
    /// Time on a processor, in microseconds.
    package var userTime: Int64
    package var systemTime: Int64
    /// The most memory that one of them had resident, in bytes.
    package var peakMemory: Int64

    package init(userTime: Int64, systemTime: Int64, peakMemory: Int64) {
        self.userTime = userTime
        self.systemTime = systemTime
        self.peakMemory = peakMemory
    }
}

/// How a process has ended, and what it used.
package struct ProcessEnd: Equatable, Sendable {
    package var status: ExitStatus
    package var usage: ResourceUsage

    package init(status: ExitStatus, usage: ResourceUsage) {
        self.status = status
        self.usage = usage
    }
}

extension Process {
    /// Reaps a child of ours if it has ended; nil while it runs. The system call is `wait4(2)`.
    ///
    /// - Throws: ECHILD when it is no child of ours.
    package static func reapWithUsage(_ pid: Int32) throws(SystemCallError) -> ProcessEnd? {
        try wait4(for: pid)?.end
    }

    /// Reaps one ended child of any kind; nil when none has ended, or when there is none. The
    /// system call is `wait4(2)`.
    package static func reapAnyWithUsage() throws(SystemCallError) -> (pid: Int32, end: ProcessEnd)?
    {
        do throws(SystemCallError) {
            return try wait4(for: -1)
        } catch where error.errno == .noChild {
            return nil
        }
    }

    private static func wait4(for pid: Int32) throws(SystemCallError) -> (
        pid: Int32, end: ProcessEnd
    )? {
        var status: CInt = 0
        var raw = rusage()
        let reaped = try check("wait4", "\(pid)") {
            unsafe CLinux.wait4(pid, &status, WNOHANG, &raw)
        }
        if reaped == 0 { return nil }
        func microseconds(_ time: timeval) -> Int64 {
            Int64(time.tv_sec) &* 1_000_000 &+ Int64(time.tv_usec)
        }
        let usage = ResourceUsage(
            userTime: microseconds(raw.ru_utime), systemTime: microseconds(raw.ru_stime),
            // In KiB.
            peakMemory: Int64(raw.ru_maxrss) &* 1024)
        return (reaped, ProcessEnd(status: ExitStatus(waitStatus: status), usage: usage))
    }

    /// How a process ended that need not have been a child of ours: known to whoever has held a
    /// descriptor of it since before it was reaped. The request is PIDFD_GET_INFO of `ioctl(2)`
    /// with PIDFD_INFO_EXIT, Linux 6.15.
    ///
    /// - Returns: nil while it runs or has not been reaped, and where the kernel does not tell.
    package static func recordedStatus(of process: borrowing FileDescriptor) -> ExitStatus? {
        var information = clinux_pidfd_info()
        information.mask = clinux_pidfd_info_exit()
        let number = process.number
        let result = unsafe clinux_ioctl(number, clinux_pidfd_get_info(), &information)
        guard result == 0, information.mask & clinux_pidfd_info_exit() != 0 else { return nil }
        return ExitStatus(waitStatus: information.exit_code)
    }

    /// Every variable of this process's environment, as `NAME=VALUE`.
    package static var environment: [String] {
        var variables: [String] = []
        guard var next = unsafe clinux_environ() else { return [] }
        while let text = unsafe next.pointee {
            unsafe variables.append(String(cString: text))
            unsafe next += 1
        }
        return variables
    }
}

extension ExitStatus {
    /// From the number that wait(2) gives.
    init(waitStatus: Int32) {
        self =
            clinux_wifexited(waitStatus) != 0
            ? .exited(clinux_wexitstatus(waitStatus)) : .signaled(clinux_wtermsig(waitStatus))
    }
}
