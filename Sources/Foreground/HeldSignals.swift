// SPDX-License-Identifier: Apache-2.0

package import Linux

/// Signals to this process, held back and read one by one, to be passed on to another.
///
/// They stay held back after this value is gone: the caller still has to clean up, and no late
/// Ctrl-C must end that half-way.
package struct HeldSignals: ~Copyable, Sendable {
    /// Reads the signals; ready when there is one.
    let descriptor: FileDescriptor

    /// The same by its number, to be waited for.
    package var number: CInt { descriptor.number }

    /// Every signal that another process may mean for the program that we stand for, and SIGCHLD,
    /// which is for us.
    ///
    /// Not there: what no process can hold back (SIGKILL, SIGSTOP), what the kernel sends for our
    /// own writes (SIGPIPE, SIGXFSZ), the urgent data of sockets, and the two signals that the C
    /// library keeps for itself.
    package static let held: [Int32] = (1...Signal.last).filter { number in
        switch number {
        case Signal.kill, Signal.stop, Signal.pipe, Signal.fileSize, Signal.urgent, 32, 33: false
        default: true
        }
    }

    /// The signals that ask a program to end.
    package static let endings = [
        Signal.hangup, Signal.interrupt, Signal.quit, Signal.terminate,
    ]

    /// Holds them back from now on.
    package init() throws(SystemCallError) {
        try Signal.setBlocked(Self.held)
        descriptor = try Signal.descriptor(for: Self.held)
    }

    /// The next one that has come; nil when there is none.
    package func next() throws(SystemCallError) -> Int32? { try Signal.next(from: descriptor) }

    /// Reads what has come so far, and answers the first that asks to end; the others are
    /// dropped. For the time before there is a program that could hear them.
    package func takeEnding() throws(SystemCallError) -> Int32? {
        var ending: Int32?
        while let signal = try next() {
            if ending == nil && Self.endings.contains(signal) { ending = signal }
        }
        return ending
    }
}
