// SPDX-License-Identifier: Apache-2.0

internal import CLinux

/// Waiting for many descriptors that stay the same ones (epoll(7)).
@frozen
package struct Epoll: ~Copyable {
    /// What is waited for on a descriptor, and what has come.
    package struct Events: FlagSet, Sendable {
        package let rawValue: UInt32
        package init(rawValue: UInt32) { self.rawValue = rawValue }

        package static var readable: Events { Events(rawValue: EPOLLIN.rawValue) }
        package static var writable: Events { Events(rawValue: EPOLLOUT.rawValue) }
        /// A file of the kernel's has changed, or a socket has urgent data.
        package static var changed: Events { Events(rawValue: EPOLLPRI.rawValue) }
        /// The other side will write no more. It comes only when asked for.
        package static var peerEnded: Events { Events(rawValue: EPOLLRDHUP.rawValue) }
        /// The other side is gone. It comes unasked.
        package static var hungUp: Events { Events(rawValue: EPOLLHUP.rawValue) }
        /// Something is wrong, or nobody reads what would be written. It comes unasked.
        package static var failed: Events { Events(rawValue: EPOLLERR.rawValue) }
    }

    /// Itself ready to be read when one of those it watches is.
    package let descriptor: FileDescriptor

    /// The system call is `epoll_create1(2)`.
    package init() throws(SystemCallError) {
        descriptor = FileDescriptor(
            owning: try check("epoll_create1") { epoll_create1(CInt(EPOLL_CLOEXEC)) })
    }

    /// Watches one more descriptor. The system call is `epoll_ctl(2)`, EPOLL_CTL_ADD.
    ///
    /// - Parameters:
    ///   - number: the descriptor.
    ///   - events: what to wait for.
    ///   - token: what ``wait(milliseconds:_:)`` names it by.
    /// - Throws: EPERM for a regular file, EEXIST for one that is watched already.
    package func add(_ number: CInt, _ events: Events, token: UInt64) throws(SystemCallError) {
        try control(EPOLL_CTL_ADD, number, events, token)
    }

    /// Waits for something else on a descriptor. The system call is `epoll_ctl(2)`, EPOLL_CTL_MOD.
    package func change(_ number: CInt, to events: Events, token: UInt64) throws(SystemCallError) {
        try control(EPOLL_CTL_MOD, number, events, token)
    }

    /// Watches a descriptor no more. The system call is `epoll_ctl(2)`, EPOLL_CTL_DEL.
    package func remove(_ number: CInt) throws(SystemCallError) {
        try control(EPOLL_CTL_DEL, number, [], 0)
    }

    /// Waits until something comes, or until the time is over, and tells each thing that came. The
    /// system call is `epoll_wait(2)`.
    ///
    /// - Parameters:
    ///   - milliseconds: nil to wait for ever.
    ///   - isLong: whether the memory that holds the program itself is not worth keeping while
    ///     nothing comes (`madvise(2)`, MADV_DONTNEED): it is read again where it is needed.
    ///   - body: called with a token and what came for it; never when the time is over.
    /// - Throws: what the kernel says; never EINTR.
    package func wait(
        milliseconds: Int?, isLong: Bool = false, _ body: (UInt64, Events) -> Void
    ) throws(SystemCallError) {
        let timeout = milliseconds.map { CInt(clamping: max(0, $0)) } ?? -1
        let number = descriptor.number
        let parts = isLong ? ProgramImage.parts() : []
        var pageMap =
            isLong ? (try? File.open("/proc/self/pagemap", .readOnly))?.release() ?? -1 : -1
        // Few at a time: the others come with the next call.
        try unsafe withUnsafeTemporaryAllocation(of: epoll_event.self, capacity: 32) {
            (entries) throws(SystemCallError) in
            let count = try check("epoll_wait") {
                // Closed by the first call; there may be another one, after a signal.
                defer { pageMap = -1 }
                return unsafe clinux_epoll_wait_without(
                    parts, CInt(parts.count), pageMap, number, entries.baseAddress, 32, timeout)
            }
            for index in 0..<Int(count) {
                let entry = unsafe entries[index]
                unsafe body(entry.data.u64, Events(rawValue: entry.events))
            }
        }
    }

    private func control(_ operation: CInt, _ number: CInt, _ events: Events, _ token: UInt64)
        throws(SystemCallError)
    {
        var entry = unsafe epoll_event(
            events: events.rawValue, data: epoll_data_t(u64: token))
        let epoll = descriptor.number
        _ = try check("epoll_ctl", "\(number)") {
            unsafe epoll_ctl(epoll, operation, number, &entry)
        }
    }
}
