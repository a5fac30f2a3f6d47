// SPDX-License-Identifier: Apache-2.0

internal import CLinux

/// Signals by number and name (signal(7)).
package enum Signal {
    package static var hangup: Int32 { SIGHUP }
    package static var interrupt: Int32 { SIGINT }
    package static var quit: Int32 { SIGQUIT }
    package static var kill: Int32 { SIGKILL }
    package static var pipe: Int32 { SIGPIPE }
    package static var terminate: Int32 { SIGTERM }
    package static var child: Int32 { SIGCHLD }
    package static var urgent: Int32 { SIGURG }
    package static var `continue`: Int32 { SIGCONT }
    package static var stop: Int32 { SIGSTOP }
    package static var fileSize: Int32 { SIGXFSZ }
    package static var windowChange: Int32 { SIGWINCH }

    /// The highest number that the kernel has, SIGRTMAX.
    package static var last: Int32 { 64 }

    private static let names: [(String, Int32)] = [
        ("HUP", SIGHUP), ("INT", SIGINT), ("QUIT", SIGQUIT), ("ILL", SIGILL), ("TRAP", SIGTRAP),
        ("ABRT", SIGABRT), ("BUS", SIGBUS), ("FPE", SIGFPE), ("KILL", SIGKILL), ("USR1", SIGUSR1),
        ("SEGV", SIGSEGV), ("USR2", SIGUSR2), ("PIPE", SIGPIPE), ("ALRM", SIGALRM),
        ("TERM", SIGTERM), ("STKFLT", SIGSTKFLT), ("CHLD", SIGCHLD), ("CONT", SIGCONT),
        ("STOP", SIGSTOP), ("TSTP", SIGTSTP), ("TTIN", SIGTTIN), ("TTOU", SIGTTOU),
        ("URG", SIGURG), ("XCPU", SIGXCPU), ("XFSZ", SIGXFSZ), ("VTALRM", SIGVTALRM),
        ("PROF", SIGPROF), ("WINCH", SIGWINCH), ("IO", SIGIO), ("PWR", SIGPWR), ("SYS", SIGSYS),
        ("IOT", SIGABRT), ("CLD", SIGCHLD), ("POLL", SIGIO),
    ]

    /// `SIGTERM` for 15, `SIGRTMIN+1` for 35, the number for one without a name.
    package static func name(of number: Int32) -> String {
        for (name, value) in names where value == number { return "SIG\(name)" }
        if number == 34 { return "SIGRTMIN" }
        if number == last { return "SIGRTMAX" }
        return (35..<last).contains(number) ? "SIGRTMIN+\(number - 34)" : "\(number)"
    }

    /// The number that a person or an engine wrote: `15`, `TERM`, `SIGTERM`, `sigterm`,
    /// `RTMIN+3`; nil for anything else.
    package static func number(from text: String) -> Int32? {
        if let number = decimal(text[...]) { return (1...last).contains(number) ? number : nil }
        var name = text.uppercased()[...]
        if name.hasPrefix("SIG") { name = name.dropFirst(3) }
        for (known, value) in names where known == name { return value }
        if name == "RTMIN" { return 34 }
        if name == "RTMAX" { return last }
        let number: Int32?
        if name.hasPrefix("RTMIN+") {
            number = decimal(name.dropFirst(6)).flatMap { $0 <= 30 ? 34 + $0 : nil }
        } else if name.hasPrefix("RTMAX-") {
            number = decimal(name.dropFirst(6)).flatMap { $0 <= 30 ? last - $0 : nil }
        } else {
            number = nil
        }
        return number
    }

    /// Digits alone: `Int32` would take a sign as well.
    private static func decimal(_ text: Substring) -> Int32? {
        guard let first = text.utf8.first, first != UInt8(ascii: "+"), first != UInt8(ascii: "-")
        else { return nil }
        return Int32(text)
    }

    /// Gives every signal its default action and blocks none, as a new program expects it
    /// (execve(2) keeps what is ignored and what is blocked).
    package static func resetAll() throws(SystemCallError) {
        resetActions()
        try setBlocked([])
    }

    /// Gives every signal its default action.
    package static func resetActions() {
        for number in 1...last where number != kill && number != stop {
            clinux_signal_default(number)
        }
    }

    /// What a process needs of ``resetAll()`` for its own work, with 2 system calls instead of 62: no signal is
    /// blocked, and the kernel keeps the exit codes of children, which it does not where SIGCHLD is ignored
    /// (wait(2), "Notes").
    package static func resetForOwnWork() throws(SystemCallError) {
        clinux_signal_default(SIGCHLD)
        try setBlocked([])
    }

    /// What writing to nobody, or over a limit, sends.
    private static let ofWrites = [pipe, fileSize]

    /// Never ends this process.
    package static func ignore(_ number: Int32) { clinux_signal_ignore(number) }

    /// Has writes fail with EPIPE or EFBIG instead of ending this process.
    package static func ignoreWriteFailures() { for number in ofWrites { ignore(number) } }

    /// Makes signals as ``resetAll()`` has made them, in a process that has changed nothing since but
    /// by ``ignoreWriteFailures()`` and ``setBlocked(_:)``.
    package static func resetChanged() throws(SystemCallError) {
        for number in ofWrites { clinux_signal_default(number) }
        try setBlocked([])
    }

    /// Blocks exactly these signals. The system call is `sigprocmask(2)`.
    package static func setBlocked(_ numbers: [Int32]) throws(SystemCallError) {
        var set = try signalSet(numbers)
        _ = try check("sigprocmask") { unsafe sigprocmask(SIG_SETMASK, &set, nil) }
    }

    /// A descriptor that reads pending signals, which must be blocked. The system call is
    /// `signalfd(2)`.
    package static func descriptor(for numbers: [Int32]) throws(SystemCallError) -> FileDescriptor {
        var set = try signalSet(numbers)
        return FileDescriptor(
            owning: try check("signalfd") {
                unsafe signalfd(-1, &set, CInt(SFD_CLOEXEC | SFD_NONBLOCK))
            })
    }

    /// The next pending signal of such a descriptor; nil when there is none.
    package static func next(from descriptor: borrowing FileDescriptor) throws(SystemCallError)
        -> Int32?
    {
        var information = signalfd_siginfo()
        let number = descriptor.number
        do throws(SystemCallError) {
            _ = try check("read signalfd") {
                unsafe read(number, &information, MemoryLayout<signalfd_siginfo>.size)
            }
            return Int32(truncatingIfNeeded: information.ssi_signo)
        } catch where error.errno == .again {
            return nil
        }
    }

    private static func signalSet(_ numbers: [Int32]) throws(SystemCallError) -> sigset_t {
        var set = sigset_t()
        _ = try check("sigemptyset") { unsafe sigemptyset(&set) }
        for number in numbers { _ = try check("sigaddset") { unsafe sigaddset(&set, number) } }
        return set
    }
}
