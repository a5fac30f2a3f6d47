// SPDX-License-Identifier: Apache-2.0

package import Linux

/// Joins the caller's standard streams with the master of a container's terminal.
///
/// While it lives, the caller's terminal, if standard input is one, is in raw mode.
package struct TerminalRelay: ~Copyable {
    private let master: FileDescriptor
    /// The other side, kept open: the master then never reports a hang-up when a program closes
    /// the terminal and opens it again later.
    private let peer: FileDescriptor?
    private let raw: RawTerminal?
    /// The terminal whose size the container's follows; -1 for none.
    private let sizeSource: CInt
    /// -1 once there is nothing more to read.
    private var input: CInt
    private var toMaster: OutputEnd
    private var toCaller: OutputEnd
    private var masterIsOpen = true
    /// Set when the program has ended: how much may still be read of what it had written.
    private var budget: Int?
    private var buffer = [UInt8](repeating: 0, count: 4096)

    /// More than the kernel keeps of what was written to a pseudoterminal (a line discipline's
    /// 4 KiB and 8 KiB before it; both have been larger).
    private static let kept = 128 * 1024

    /// Starts by copying the size, and by choosing the line ends that the caller's side needs.
    ///
    /// - Parameters:
    ///   - master: of a terminal that no program uses yet; it becomes non-blocking.
    ///   - input: the caller's standard input.
    ///   - output: the caller's standard output.
    /// - Throws: when a terminal refuses; the caller's is as before then.
    package init(master: consuming FileDescriptor, input: CInt = 0, output: CInt = 1)
        throws(SystemCallError)
    {
        try Readiness.makeNonBlocking(master)
        let fromTerminal = Terminal.isTerminal(input)
        // A raw terminal shows line feeds as they are, so the carriage return has to come from
        // the container's terminal, as it does from a new one; a file, a pipe or a terminal that
        // is not raw gets what the program wrote.
        if !fromTerminal || !Self.isSameTerminal(input, output) {
            try Terminal.keepLineEnds(master.number)
        }
        var sizeSource: CInt = -1
        for number in [input, output, 2] where sizeSource == -1 && Terminal.isTerminal(number) {
            sizeSource = number
        }
        let raw = fromTerminal ? try RawTerminal(input) : nil
        // Nothing fails from here on.
        self.raw = raw
        self.sizeSource = sizeSource
        self.input = input
        peer = try? Terminal.openPeer(of: master)
        toMaster = OutputEnd(nonBlocking: master.number)
        toCaller = OutputEnd(sharing: output)
        self.master = master
        copySize()
    }

    /// Gives the container's terminal the size of the caller's, which sends SIGWINCH to whoever
    /// uses it.
    package func copySize() {
        // The size is a help for people. One that is not known (0 by 0) tells nothing.
        guard let size = try? Terminal.size(of: sizeSource), size.rows > 0, size.columns > 0
        else { return }
        try? Terminal.setSize(size, of: master.number)
    }

    /// What there is to wait for; ``transfer(_:)`` takes the outcomes.
    var interests: [Readiness.Interest] {
        [
            // What was read first has to be gone first: then the caller's side is held up, and
            // nothing piles up here.
            Readiness.Interest(
                number: input, toRead: input != -1 && budget == nil && !toMaster.hasPending),
            Readiness.Interest(
                number: master.number, toRead: masterIsOpen && !toCaller.hasPending,
                toWrite: masterIsOpen && toMaster.hasPending),
            toCaller.interest,
        ]
    }

    /// Moves what can be moved now.
    mutating func transfer(_ outcomes: ArraySlice<Readiness.Outcome>) {
        // Only this read could wait, so only this one needs to be told that it will not.
        if outcomes.first?.canRead == true { readInput() }
        if masterIsOpen { toMaster.flush() }
        toCaller.flush()
        // A few rounds: a flood of output must not keep signals waiting. At the end all of it,
        // which is bounded: poll(2) would wait for more.
        var rounds = budget == nil ? 8 : Int.max
        while rounds > 0 && !toCaller.hasPending && masterIsOpen && readMaster() {
            toCaller.flush()
            rounds -= 1
        }
    }

    /// Tells that the program has ended: no more input, and of the output only what it had
    /// written. What other processes that hold the terminal open write is not waited for.
    mutating func programHasEnded() {
        if budget == nil { budget = Self.kept }
    }

    /// Whether all of that has been passed on. After an end only ``transfer(_:)`` changes it.
    var isDrained: Bool { !masterIsOpen && !toCaller.hasPending }

    private mutating func readInput() {
        // Any error is the end of input: a terminal that hung up, or that another job uses.
        let count = (try? File.read(input, into: &buffer)) ?? 0
        if count == 0 {
            input = -1
        } else {
            toMaster.append(buffer[..<count])
        }
    }

    /// One read of the container's terminal.
    ///
    /// - Returns: whether there may be more.
    private mutating func readMaster() -> Bool {
        let count: Int
        do throws(SystemCallError) {
            count = try File.read(master.number, into: &buffer)
        } catch where error.errno == .again {
            // The kernel has passed on everything written before it says so (n_tty_read).
            if budget != nil { masterIsOpen = false }
            return false
        } catch {
            count = 0
        }
        if count == 0 {
            masterIsOpen = false
            return false
        }
        toCaller.append(buffer[..<count])
        if let left = budget {
            budget = left - count
            if left <= count { masterIsOpen = false }
        }
        return true
    }

    private static func isSameTerminal(_ one: CInt, _ other: CInt) -> Bool {
        guard let first = try? File.status(ofNumber: one),
            let second = try? File.status(ofNumber: other)
        else { return false }
        return first.type == .characterDevice && second.type == .characterDevice
            && first.major == second.major && first.minor == second.minor
    }
}
