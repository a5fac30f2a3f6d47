// SPDX-License-Identifier: Apache-2.0

internal import CLinux

/// Waiting for descriptors (poll(2)).
package enum Poll {
    /// Which of the given descriptors can be read, or have ended: one Boolean for each, all false
    /// when the time ran out. A negative number is passed over; without a time it waits for ever.
    package static func readable(_ numbers: [CInt], milliseconds: Int? = nil)
        throws(SystemCallError) -> [Bool]
    {
        let timeout = milliseconds.map { CInt(clamping: $0) } ?? -1
        // Not an array: the type of one of a C structure takes long to make.
        return unsafe try withUnsafeTemporaryAllocation(of: pollfd.self, capacity: numbers.count) {
            (entries) throws(SystemCallError) in
            for (index, number) in numbers.enumerated() {
                unsafe entries.initializeElement(
                    at: index, to: pollfd(fd: number, events: Int16(POLLIN), revents: 0))
            }
            _ = try check("poll") {
                unsafe poll(entries.baseAddress, nfds_t(numbers.count), timeout)
            }
            var isReady: [Bool] = []
            for index in numbers.indices { unsafe isReady.append(entries[index].revents != 0) }
            return isReady
        }
    }

    /// What a wait for an end has come to.
    package enum End: Sendable {
        case ended, readable, timeout
    }

    /// Waits until the other side of a connection has closed it (or, `hearing`, said something), or
    /// another descriptor can be read; that one may be negative for none. What the other side says
    /// meanwhile does not wake us.
    package static func end(
        of connection: CInt, orReadable other: CInt, hearing: Bool = false, milliseconds: Int?
    ) throws(SystemCallError) -> End {
        let timeout = milliseconds.map { CInt(clamping: $0) } ?? -1
        return unsafe try withUnsafeTemporaryAllocation(of: pollfd.self, capacity: 2) {
            (entries) throws(SystemCallError) in
            unsafe entries.initializeElement(
                at: 0,
                to: pollfd(fd: connection, events: Int16(hearing ? POLLIN : 0), revents: 0))
            unsafe entries.initializeElement(
                at: 1, to: pollfd(fd: other, events: Int16(POLLIN), revents: 0))
            let count = try check("poll") { unsafe poll(entries.baseAddress, 2, timeout) }
            if count == 0 { return .timeout }
            return unsafe entries[0].revents != 0 ? .ended : .readable
        }
    }

    /// The same with descriptors that tell of a change by POLLPRI, as files of cgroup2 do, after
    /// those that are to be read.
    package static func wait(
        readable: [CInt], changed: [CInt], milliseconds: Int
    ) throws(SystemCallError) -> (readable: [Bool], changed: [Bool]) {
        var entries = readable.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        entries += changed.map { pollfd(fd: $0, events: Int16(POLLPRI), revents: 0) }
        let timeout = CInt(clamping: milliseconds)
        _ = try check("poll") {
            unsafe entries.withUnsafeMutableBufferPointer {
                unsafe poll($0.baseAddress, nfds_t($0.count), timeout)
            }
        }
        let answers = entries.map { $0.revents != 0 }
        return (Array(answers[..<readable.count]), Array(answers[readable.count...]))
    }
}

/// A counter of events that other parts of the kernel add to (eventfd(2)).
package enum EventCounter {
    /// Starts at 0. The system call is `eventfd2(2)`.
    package static func make() throws(SystemCallError) -> FileDescriptor {
        FileDescriptor(
            owning: try check("eventfd") { eventfd(0, CInt(EFD_CLOEXEC | EFD_NONBLOCK)) })
    }

    /// How many events there were since the last time.
    package static func take(from counter: borrowing FileDescriptor) throws(SystemCallError)
        -> UInt64
    {
        var count: UInt64 = 0
        let number = counter.number
        do throws(SystemCallError) {
            _ = try check("read eventfd") {
                unsafe read(number, &count, MemoryLayout<UInt64>.size)
            }
        } catch where error.errno == .again {
            return 0
        }
        return count
    }
}

/// Time, for waits and for records.
package enum Clock {
    /// Milliseconds on a clock that never goes back (CLOCK_MONOTONIC).
    package static var milliseconds: Int {
        let now = read(CLOCK_MONOTONIC)
        return now.tv_sec * 1000 + now.tv_nsec / 1_000_000
    }

    /// Nanoseconds on the same clock.
    package static var nanoseconds: UInt64 {
        let now = read(CLOCK_MONOTONIC)
        return UInt64(clamping: now.tv_sec) &* 1_000_000_000 &+ UInt64(clamping: now.tv_nsec)
    }

    /// Now, in seconds and nanoseconds since 1970 (CLOCK_REALTIME).
    package static var now: (seconds: Int64, nanoseconds: Int64) {
        let now = read(CLOCK_REALTIME)
        return (Int64(now.tv_sec), Int64(now.tv_nsec))
    }

    /// Now in UTC, as RFC 3339 with nanoseconds: `2026-01-02T03:04:05.123456789Z`.
    package static var timestamp: String {
        let now = read(CLOCK_REALTIME)
        var seconds = now.tv_sec
        var parts = unsafe tm()
        unsafe gmtime_r(&seconds, &parts)
        func padded(_ value: Int, _ width: Int) -> String {
            let digits = String(value)
            return String(repeating: "0", count: max(0, width - digits.count)) + digits
        }
        let date = unsafe [Int(parts.tm_year) + 1900, Int(parts.tm_mon) + 1, Int(parts.tm_mday)]
        let time = unsafe [Int(parts.tm_hour), Int(parts.tm_min), Int(parts.tm_sec)]
        return "\(padded(date[0], 4))-\(padded(date[1], 2))-\(padded(date[2], 2))"
            + "T\(padded(time[0], 2)):\(padded(time[1], 2)):\(padded(time[2], 2))"
            + ".\(padded(now.tv_nsec, 9))Z"
    }

    /// A point in time as the local clocks show it, without its fraction:
    /// `2026-01-02T03:04:05`, and how far ahead of UTC they are: `+01:00`. The library call is
    /// `localtime_r(3)`.
    package static func localTime(at seconds: Int64) -> (time: String, offset: String) {
        var seconds = time_t(seconds)
        var parts = unsafe tm()
        unsafe localtime_r(&seconds, &parts)
        func two(_ value: Int32) -> String { value < 10 ? "0\(value)" : "\(value)" }
        let date =
            unsafe "\(Int(parts.tm_year) + 1900)-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday))"
        let time = unsafe "\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec))"
        let minutes = unsafe Int32(clamping: parts.tm_gmtoff / 60)
        let ahead = abs(minutes)
        return (
            "\(date)T\(time)",
            "\(minutes < 0 ? "-" : "+")\(two(ahead / 60)):\(two(ahead % 60))"
        )
    }

    /// Does nothing for a while. The system call is `nanosleep(2)`.
    package static func sleep(milliseconds: Int) {
        var wait = timespec(
            tv_sec: milliseconds / 1000, tv_nsec: (milliseconds % 1000) * 1_000_000)
        unsafe nanosleep(&wait, nil)
    }

    private static func read(_ clock: CInt) -> timespec {
        var now = timespec()
        unsafe clock_gettime(clock, &now)
        return now
    }
}
