// SPDX-License-Identifier: Apache-2.0

internal import Linux
internal import Seccomp

// Becoming the container's program under a filter.

/// What it takes to load the filter of a program, all that can be made beforehand.
struct FilterLoading: ~Copyable {
    let filter: SystemCallFilter
    /// What is left of the capabilities once the filter is loaded; nil leaves them.
    let capabilities: FilteredProgram.CapabilitySets?
    let report: ReportPage
}

/// The filter is for the program, and a profile lists what that needs. Whatever the first process
/// does under it, the profile has to allow, and few profiles have accept4(2) in them for our sake.
/// One that lists hundreds of calls mostly does: then the filter is loaded before anybody waits for
/// the program, because it takes the kernel as long as a good part of `start`. Else it is loaded when
/// nothing is left to do but execve(2).
///
/// With no_new_privs nothing else is needed. Without, loading takes CAP_SYS_ADMIN: the first process
/// keeps that one capability up to here and gives it up right after, so that capset(2) is the one
/// call besides execve that such a profile must allow; every runtime makes that call under the
/// filter.
extension InitProcess {
    /// Loads the program's filter, if it has one that can be loaded already. Else makes what it takes
    /// to load it later, with no descriptor up to `last`.
    func prepareFilter(_ program: ProgramPlan, _ hooks: LaunchHooks, above last: CInt)
        throws(ContainerError) -> FilterLoading?
    {
        guard let filter = filter(of: program) else { return nil }
        if try loadEarly(filter, hooks) { return nil }
        return FilterLoading(
            filter: filter, capabilities: lateCapabilities,
            report: try during("exec") { () throws(SystemCallError) in
                try ReportPage(above: last)
            })
    }

    private func filter(of program: ProgramPlan) -> SystemCallFilter? {
        switch program.filter {
        case nil: return nil
        case .known(let known): return known
        case .awaited(let flags):
            guard let filterProgram else {
                preconditionFailure("a filter was planned without the step that receives it")
            }
            return SystemCallFilter(program: filterProgram, flags: flags)
        }
    }

    /// Everything that a process in front of its program calls, if it says why it cannot become it or
    /// if it does not.
    private static var remainingCalls: [SystemCallNumber] {
        [
            // The gate, the conversation, and what is told.
            .accept4, .recvmsg, .sendmsg, .write, .clockGetTime,
            // The descriptors and limits of the program.
            .dup3, .close, .closeRange, .fcntl, .prlimit64,
            // The program, and why it cannot be executed.
            .newfstatat, .faccessat, .faccessat2, .openat, .read, .fstat, .fstatfs, .execve,
            .exitGroup,
            // Memory, and what the C library and Swift do on their own.
            .brk, .mmap, .mremap, .munmap, .mprotect, .madvise, .futex, .getrandom,
            .rtSigprocmask, .rtSigreturn,
        ]
    }

    /// Whether the filter is in force. One that the kernel refuses is tried once more when there is
    /// somebody to tell.
    private func loadEarly(_ filter: SystemCallFilter, _ hooks: LaunchHooks) throws(ContainerError)
        -> Bool
    {
        // Hooks are no part of the program.
        guard hooks.startContainer.isEmpty, !filter.flags.contains(.listener) else { return false }
        var calls = Self.remainingCalls
        if lateCapabilities != nil { calls += [.capget, .capset] }
        guard filter.allows(calls) else { return false }
        do throws(SystemCallError) {
            try filter.load()
        } catch {
            return false
        }
        if let sets = lateCapabilities {
            try during("linux.seccomp") { () throws(SystemCallError) in
                try Capabilities.set(
                    effective: sets.effective, permitted: sets.permitted,
                    inheritable: sets.inheritable)
            }
        }
        return true
    }

    static func becomeProgram(
        _ program: ProgramPlan, under loading: borrowing FilterLoading, reportingTo channel: CInt
    ) throws(ContainerError) -> Never {
        let path = try Program.locate(program)
        let filter = loading.filter
        // The page goes first: afterwards there may be no way to send anything.
        let page = loading.report.descriptor.number
        try during("exec") { () throws(SystemCallError) in
            try Conversation.send(.executing, passing: page, to: channel)
        }
        var filtered = FilteredProgram(
            path: path, arguments: program.arguments, environment: program.environment,
            filter: filter)
        filtered.capabilities = loading.capabilities
        if filter.flags.contains(.listener) {
            filtered.listener = FilteredProgram.ListenerHandover(
                channel: channel, message: Message.listening.bytes,
                answer: Message.listenerSentByte)
        }
        Process.execute(filtered, reporting: loading.report)
        // Whatever comes now may be forbidden, and the end of us. The page has the errno already.
        explain(path, program, loading.report)
        Process.exitNow(1)
    }

    private static func explain(
        _ path: String, _ program: ProgramPlan, _ report: borrowing ReportPage
    ) {
        guard var failure = report.failure else { return }
        if failure.step == .program, failure.errno == .notExecutable,
            ExecFailure.isScriptWithoutInterpreter(path)
        {
            report.setErrno(nil)
            failure.errno = Program.attemptByShell(path, program)
            report.setErrno(failure.errno)
        }
        report.write(failure.reason(program: path))
    }
}

extension ReportPage.Failure {
    /// Why it failed, with what to do about it. `program` is nil where it is not known.
    func reason(program: String?) -> String {
        let cause = errno.map { "\($0)" } ?? "killed for it by the filter"
        switch step {
        case .filter where errno == .accessDenied:
            return "linux.seccomp: load the filter: \(cause); process.noNewPrivileges or "
                + "CAP_SYS_ADMIN is needed"
        case .filter:
            return "linux.seccomp: load the filter: \(cause)"
        case .listener where errno == .again:
            return "linux.seccomp: pass the listener on: \(cause); a second thread is needed for a "
                + "moment, so raise the limit of processes"
        case .listener:
            return "linux.seccomp: pass the listener on: \(cause)"
        case .capabilities:
            return "linux.seccomp: the filter does not let the runtime give up its capabilities: "
                + "\(cause); allow capset, or set process.noNewPrivileges to true"
        case .program:
            guard let program, let errno else { return "exec: \(cause)" }
            return ExecFailure(path: program, errno: errno).error.reason
        }
    }

    /// The same as an error, in the words of the process that failed if it found any.
    var error: ContainerError {
        ContainerError(
            step == .program ? .notExecutable : .failed,
            text.isEmpty ? reason(program: nil) : text)
    }
}
