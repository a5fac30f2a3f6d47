// SPDX-License-Identifier: Apache-2.0

package import Linux

/// The caller's terminal in raw mode. It is as it was again when this value goes, by whatever way.
package struct RawTerminal: ~Copyable {
    private let number: CInt
    private let mode: TerminalMode

    /// Hands every key of the terminal through from now on.
    package init(_ number: CInt) throws(SystemCallError) {
        let mode = try Terminal.mode(of: number)
        try Terminal.makeRaw(number)
        self.number = number
        self.mode = mode
    }

    deinit {
        // A terminal that is gone (EIO) needs nothing put back.
        try? Terminal.setMode(mode, of: number)
    }
}
