// SPDX-License-Identifier: Apache-2.0

internal import CLinux

/// A program that decides on every system call of a process (seccomp(2), SECCOMP_SET_MODE_FILTER).
package struct SystemCallFilter: Equatable, Sendable {
    /// How a filter is loaded: the SECCOMP_FILTER_FLAG words.
    package struct Flags: FlagSet, Hashable, Sendable {
        package let rawValue: UInt32
        package init(rawValue: UInt32) { self.rawValue = rawValue }

        package static var synchronizeThreads: Flags { Flags(SECCOMP_FILTER_FLAG_TSYNC) }
        package static var log: Flags { Flags(SECCOMP_FILTER_FLAG_LOG) }
        package static var allowSpeculation: Flags { Flags(SECCOMP_FILTER_FLAG_SPEC_ALLOW) }
        /// Makes a descriptor on which another process is asked (seccomp_unotify(2)).
        package static var listener: Flags { Flags(SECCOMP_FILTER_FLAG_NEW_LISTENER) }
        /// A process that is being asked about can only be killed meanwhile; Linux 5.19.
        package static var waitKillable: Flags {
            Flags(SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV)
        }

        private init(_ word: some BinaryInteger) { self.init(rawValue: UInt32(word)) }
    }

    /// Bytes of one instruction: `struct sock_filter`.
    package static let instructionSize = 8
    /// Instructions that a program may have (BPF_MAXINSNS).
    package static var instructionLimit: Int { Int(BPF_MAXINSNS) }

    /// The instructions, one after another, as the kernel takes them.
    package var program: [UInt8]
    package var flags: Flags

    package init(program: [UInt8], flags: Flags) {
        self.program = program
        self.flags = flags
    }

    /// Loads the filter: from here on the process makes the calls that it allows. Takes
    /// no_new_privs, or CAP_SYS_ADMIN. Flags that ask for a listener are for ``FilteredProgram``.
    package func load() throws(SystemCallError) {
        _ = try check("seccomp") {
            unsafe program.withUnsafeBytes {
                unsafe clinux_load_filter(flags.rawValue, $0.baseAddress, instructionCount)
            }
        }
    }

    /// As the kernel counts them.
    fileprivate var instructionCount: UInt16 {
        UInt16(clamping: program.count / Self.instructionSize)
    }

    /// Whether the kernel takes a flag: it looks at flags before it looks for a program (EFAULT).
    package static func isSupported(_ flag: Flags) -> Bool {
        // A flag about listeners is good only with one; and that is all the kernel is asked.
        let asked = flag == .waitKillable ? flag.union(.listener) : flag
        let result = clinux_seccomp(UInt32(SECCOMP_SET_MODE_FILTER), asked.rawValue, nil)
        return result == -1 && clinux_errno() == EFAULT
    }

    /// Whether the kernel knows what a filter's answer (SECCOMP_RET) means; it takes one that it
    /// does not know for SECCOMP_RET_KILL_PROCESS. The operation is SECCOMP_GET_ACTION_AVAIL.
    package static func isSupported(action: UInt32) -> Bool {
        var action = action
        return unsafe clinux_seccomp(UInt32(SECCOMP_GET_ACTION_AVAIL), 0, &action) == 0
    }
}

/// What comes with loading a filter right before execve(2).
package struct FilteredProgram: Sendable {
    package var path: String
    package var arguments: [String]
    package var environment: [String]
    package var filter: SystemCallFilter
    /// The permitted set to end with; the effective one is cut down to it. nil changes nothing.
    package var capabilities: CapabilitySets?
    /// Who gets the listener, when the filter's flags ask for one.
    package var listener: ListenerHandover?

    package init(
        path: String, arguments: [String], environment: [String], filter: SystemCallFilter
    ) {
        self.path = path
        self.arguments = arguments
        self.environment = environment
        self.filter = filter
    }

    /// Three capability sets that are set in one step.
    package struct CapabilitySets: Sendable {
        package var effective: CapabilitySet
        package var permitted: CapabilitySet
        package var inheritable: CapabilitySet

        package init(
            effective: CapabilitySet, permitted: CapabilitySet, inheritable: CapabilitySet
        ) {
            self.effective = effective
            self.permitted = permitted
            self.inheritable = inheritable
        }
    }

    /// A connected socket, the message that the listener goes with, and the byte that says it has
    /// arrived where it should.
    package struct ListenerHandover: Sendable {
        package var channel: CInt
        package var message: [UInt8]
        package var answer: UInt8

        package init(channel: CInt, message: [UInt8], answer: UInt8) {
            self.channel = channel
            self.message = message
            self.answer = answer
        }
    }
}

extension Process {
    /// Loads a filter and becomes a program, with no other system call in between than those for
    /// the capabilities and the listener that `program` asks for. Returns only after a failure,
    /// which stands in `report` by then; whatever is called from there on may be forbidden.
    ///
    /// The listener is handed over by a thread of its own, which has no filter: the filter may
    /// forbid to send it, or may ask the listener itself whether it may be sent.
    package static func execute(_ program: FilteredProgram, reporting report: borrowing ReportPage)
    {
        var sets = program.capabilities.map { capabilityData($0) } ?? []
        let hasSets = program.capabilities != nil
        let message = program.listener?.message ?? []
        unsafe program.path.withCString { path in
            unsafe withCStrings(program.arguments) { argv in
                unsafe withCStrings(program.environment) { envp in
                    unsafe message.withUnsafeBytes { payload in
                        unsafe sets.withUnsafeMutableBufferPointer { data in
                            var handover = unsafe clinux_handover()
                            if let listener = program.listener {
                                unsafe handover.listener = -1
                                unsafe handover.channel = listener.channel
                                unsafe handover.message = payload.baseAddress
                                unsafe handover.length = payload.count
                                unsafe handover.answer = listener.answer
                            }
                            unsafe become(
                                program, path, argv, envp, hasSets ? data.baseAddress : nil,
                                &handover, report)
                        }
                    }
                }
            }
        }
    }

    private static func become(
        _ program: FilteredProgram, _ path: UnsafePointer<CChar>,
        _ argv: UnsafePointer<UnsafeMutablePointer<CChar>?>,
        _ envp: UnsafePointer<UnsafeMutablePointer<CChar>?>,
        _ capabilities: UnsafePointer<__user_cap_data_struct>?,
        _ handover: UnsafeMutablePointer<clinux_handover>, _ report: borrowing ReportPage
    ) {
        let hasListener = program.listener != nil
        unsafe program.filter.program.withUnsafeBytes { instructions in
            var filtered = unsafe clinux_filtered_program()
            unsafe filtered.path = path
            unsafe filtered.arguments = argv
            unsafe filtered.environment = envp
            unsafe filtered.instructions = instructions.baseAddress
            unsafe filtered.count = program.filter.instructionCount
            unsafe filtered.flags = program.filter.flags.rawValue
            unsafe filtered.capabilities = capabilities
            unsafe filtered.outcome = report.outcome
            unsafe filtered.handover = hasListener ? handover : nil
            unsafe clinux_become_filtered(&filtered)
        }
    }

    /// capset(2) takes each set in two words.
    private static func capabilityData(_ sets: FilteredProgram.CapabilitySets)
        -> [__user_cap_data_struct]
    {
        [UInt64(0), 32].map { shift in
            func word(_ set: CapabilitySet) -> UInt32 {
                UInt32(truncatingIfNeeded: set.bits >> shift)
            }
            return __user_cap_data_struct(
                effective: word(sets.effective), permitted: word(sets.permitted),
                inheritable: word(sets.inheritable))
        }
    }
}
