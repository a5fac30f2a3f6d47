// SPDX-License-Identifier: Apache-2.0

internal import Containers
internal import Linux

/// The caller's descriptors from 3 on that the container's program gets.
struct InheritedDescriptors: Equatable, Sendable {
    /// How many sockets LISTEN_FDS passes (sd_listen_fds(3)); they come first.
    var listening = 0
    /// How many `--preserve-fds` adds.
    var preserved = 0

    /// Finds them, and closes every descriptor behind them. `listens` tells whether LISTEN_FDS can be
    /// meant for the program.
    static func keep(_ preserved: Int, listens: Bool) throws(ContainerError)
        -> InheritedDescriptors
    {
        let descriptors = InheritedDescriptors(
            listening: listens
                ? listening(
                    count: Process.environmentVariable("LISTEN_FDS"),
                    pid: Process.environmentVariable("LISTEN_PID"), ownPid: Process.id) : 0,
            preserved: preserved)
        let end = 3 + descriptors.listening + descriptors.preserved
        // Ends at the first that is not open, long before a number that no descriptor can have.
        var firstToClose = 3
        while firstToClose < end && Descriptors.isOpen(CInt(clamping: firstToClose)) {
            firstToClose += 1
        }
        do throws(SystemCallError) {
            try Descriptors.closeAll(from: CInt(clamping: firstToClose))
        } catch {
            throw ContainerError(step: "close descriptors", error)
        }
        let missing = firstToClose
        if missing == end { return descriptors }
        let origin =
            missing < 3 + descriptors.listening
            ? "LISTEN_FDS (\(descriptors.listening))" : "--preserve-fds \(preserved)"
        throw ContainerError(.failed, "\(origin): descriptor \(missing) is not open")
    }

    /// Reads LISTEN_FDS. With a LISTEN_PID that names another process, it was meant for that one
    /// and has only come to us by inheritance (sd_listen_fds(3)); without LISTEN_PID it is for us.
    static func listening(count: String?, pid: String?, ownPid: Int32) -> Int {
        if let pid, Int32(pid) != ownPid { return 0 }
        // More than the kernel's highest possible number of descriptors would overflow later.
        let number = count.flatMap { Int32($0) } ?? 0
        return number > 0 && number <= 1 << 30 ? Int(number) : 0
    }
}
