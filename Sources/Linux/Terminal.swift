// SPDX-License-Identifier: Apache-2.0

internal import CLinux

/// Size of a terminal in characters.
package struct WindowSize: Equatable, Sendable {
    package var rows: UInt16
    package var columns: UInt16

    package init(rows: UInt16, columns: UInt16) {
        self.rows = rows
        self.columns = columns
    }
}

/// How a terminal treats what goes through it, to be put back later (termios(3)).
package struct TerminalMode: Sendable {
    var raw: termios
}

/// Terminals and pseudoterminals (tty(4), pty(7)).
package enum Terminal {
    /// Whether a descriptor is a terminal. The library call is `isatty(3)`.
    package static func isTerminal(_ number: CInt) -> Bool { isatty(number) == 1 }

    /// Lets the peer of a master be opened. The request is TIOCSPTLCK of ioctl_tty(2).
    package static func unlock(_ master: borrowing FileDescriptor) throws(SystemCallError) {
        let number = master.number
        var locked: CInt = 0
        _ = try check("unlock pseudoterminal") {
            unsafe clinux_ioctl(number, clinux_tiocsptlck(), &locked)
        }
    }

    /// The number N of the peer /dev/pts/N. The request is TIOCGPTN of ioctl_tty(2).
    package static func peerNumber(of master: borrowing FileDescriptor) throws(SystemCallError)
        -> Int
    {
        let number = master.number
        var peer: CUnsignedInt = 0
        _ = try check("number of pseudoterminal") {
            unsafe clinux_ioctl(number, clinux_tiocgptn(), &peer)
        }
        return Int(peer)
    }

    /// Opens the peer without any path that could be swapped. The request is TIOCGPTPEER of
    /// ioctl_tty(2), Linux 4.13.
    package static func openPeer(of master: borrowing FileDescriptor) throws(SystemCallError)
        -> FileDescriptor
    {
        let number = master.number
        return FileDescriptor(
            owning: try check("open pseudoterminal") {
                clinux_tiocgptpeer(number, O_RDWR | O_NOCTTY | O_CLOEXEC)
            })
    }

    /// Makes a terminal the controlling one of this session. The request is TIOCSCTTY.
    package static func makeControlling(_ terminal: borrowing FileDescriptor)
        throws(SystemCallError)
    {
        let number = terminal.number
        _ = try check("take controlling terminal") {
            clinux_ioctl_value(number, CUnsignedLong(TIOCSCTTY), 0)
        }
    }

    /// The request is TIOCGWINSZ.
    package static func size(of number: CInt) throws(SystemCallError) -> WindowSize {
        var size = winsize()
        _ = try check("size of terminal") {
            unsafe clinux_ioctl(number, CUnsignedLong(TIOCGWINSZ), &size)
        }
        return WindowSize(rows: size.ws_row, columns: size.ws_col)
    }

    /// The request is TIOCSWINSZ.
    package static func setSize(_ size: WindowSize, of number: CInt) throws(SystemCallError) {
        var raw = winsize()
        raw.ws_row = size.rows
        raw.ws_col = size.columns
        _ = try check("resize terminal") {
            unsafe clinux_ioctl(number, CUnsignedLong(TIOCSWINSZ), &raw)
        }
    }

    /// The terminal's mode as it is. The library call is `tcgetattr(3)`.
    package static func mode(of number: CInt) throws(SystemCallError) -> TerminalMode {
        var raw = termios()
        _ = try check("tcgetattr") { unsafe tcgetattr(number, &raw) }
        return TerminalMode(raw: raw)
    }

    /// Puts a mode back. The library call is `tcsetattr(3)`.
    package static func setMode(_ mode: TerminalMode, of number: CInt) throws(SystemCallError) {
        var raw = mode.raw
        _ = try check("tcsetattr") { unsafe tcsetattr(number, TCSANOW, &raw) }
    }

    /// Hands every key through as it is, and every output byte too. The library call is
    /// `cfmakeraw(3)`.
    package static func makeRaw(_ number: CInt) throws(SystemCallError) {
        var mode = try mode(of: number)
        unsafe cfmakeraw(&mode.raw)
        try setMode(mode, of: number)
    }

    /// Leaves line ends as programs write them, so that a caller who relays the terminal does not
    /// see them twice (what runc's callers expect of a new terminal): clears ONLCR.
    package static func keepLineEnds(_ number: CInt) throws(SystemCallError) {
        var mode = try mode(of: number)
        mode.raw.c_oflag &= ~tcflag_t(ONLCR)
        try setMode(mode, of: number)
    }
}
