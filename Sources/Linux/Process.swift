// SPDX-License-Identifier: Apache-2.0

internal import CLinux

/// The kinds of namespaces that clone3(2) makes: the CLONE_NEW words.
package struct NamespaceFlags: FlagSet, Hashable, Sendable {
    package let rawValue: UInt64
    package init(rawValue: UInt64) { self.rawValue = rawValue }

    package static var mount: NamespaceFlags { .init(rawValue: UInt64(CLONE_NEWNS)) }
    package static var cgroup: NamespaceFlags { .init(rawValue: UInt64(CLONE_NEWCGROUP)) }
    package static var uts: NamespaceFlags { .init(rawValue: UInt64(CLONE_NEWUTS)) }
    package static var ipc: NamespaceFlags { .init(rawValue: UInt64(CLONE_NEWIPC)) }
    package static var user: NamespaceFlags { .init(rawValue: UInt64(CLONE_NEWUSER)) }
    package static var pid: NamespaceFlags { .init(rawValue: UInt64(CLONE_NEWPID)) }
    package static var network: NamespaceFlags { .init(rawValue: UInt64(CLONE_NEWNET)) }
    package static var time: NamespaceFlags { .init(rawValue: UInt64(CLONE_NEWTIME)) }
}

/// Which side of a clone this is.
package enum CloneResult: ~Copyable {
    /// The new process. It must end in execve(2) or `_exit`.
    case child
    /// The caller, with the new process's pid and a descriptor of it.
    case parent(pid: Int32, pidfd: FileDescriptor)
}

/// How a process ended.
package enum ExitStatus: Equatable, Sendable {
    case exited(Int32)
    case signaled(Int32)

    /// What a shell would answer: the code, or 128 and the signal's number.
    package var shellCode: Int32 {
        switch self {
        case .exited(let code): code
        case .signaled(let signal): 128 + signal
        }
    }
}

/// Processes, one call of the kernel each.
package enum Process {
    /// The caller's pid. The system call is `getpid(2)`.
    package static var id: Int32 { getpid() }

    /// The caller's effective user id.
    package static var effectiveUserID: UInt32 { geteuid() }

    /// The caller's effective group id.
    package static var effectiveGroupID: UInt32 { getegid() }

    /// Splits this process in two, the new one in new namespaces; both go on from here with their
    /// own copy of memory. The system call is `clone3(2)`.
    ///
    /// `asSibling` makes the new process a child of our parent (CLONE_PARENT); `cgroup` is a
    /// cgroup2 directory that it is born in (CLONE_INTO_CGROUP).
    package static func clone(
        _ namespaces: NamespaceFlags, asSibling: Bool = false, intoCgroup cgroup: CInt? = nil
    ) throws(SystemCallError) -> CloneResult {
        var pidfd: CInt = -1
        var arguments = clone_args()
        arguments.flags = namespaces.rawValue | UInt64(CLONE_PIDFD)
        // A sibling takes over the signal that our parent gets for us.
        arguments.exit_signal = asSibling ? 0 : UInt64(SIGCHLD)
        if asSibling { arguments.flags |= UInt64(CLONE_PARENT) }
        if let cgroup {
            arguments.flags |= 0x2_0000_0000  // CLONE_INTO_CGROUP, which does not fit an int.
            arguments.cgroup = UInt64(cgroup)
        }
        let pid = try check("clone3") {
            unsafe withUnsafeMutablePointer(to: &pidfd) { pointer in
                arguments.pidfd = UInt64(UInt(bitPattern: pointer))
                return unsafe clinux_clone3(&arguments, MemoryLayout<clone_args>.size)
            }
        }
        if pid == 0 { return .child }
        return .parent(
            pid: Int32(truncatingIfNeeded: pid), pidfd: FileDescriptor(owning: pidfd))
    }

    /// Which kernel runs: its release, its build and its machine. The system call is `uname(2)`.
    package static func kernelIdentity() throws(SystemCallError) -> [UInt8] {
        var name = utsname()
        _ = try check("uname") { unsafe uname(&name) }
        // sysname and nodename come before them, the domain's name after.
        let field = MemoryLayout.size(ofValue: name.release)
        return unsafe withUnsafeBytes(of: &name) { bytes in
            let fields = unsafe bytes[(2 * field)..<(5 * field)]
            return unsafe Array(fields)
        }
    }

    /// Ends this process now: no buffers are written, no handlers run. The system call is
    /// `_exit(2)`.
    package static func exitNow(_ code: Int32) -> Never { _exit(code) }

    /// A descriptor of a process (ESRCH when there is none). The system call is `pidfd_open(2)`.
    package static func descriptor(of pid: Int32) throws(SystemCallError) -> FileDescriptor {
        FileDescriptor(owning: try check("pidfd_open", "\(pid)") { clinux_pidfd_open(pid, 0) })
    }

    /// Sends a signal to exactly the process that a descriptor holds. The system call is
    /// `pidfd_send_signal(2)`.
    package static func send(_ signal: Int32, to process: borrowing FileDescriptor)
        throws(SystemCallError)
    {
        let number = process.number
        _ = try check("pidfd_send_signal", Signal.name(of: signal)) {
            clinux_pidfd_send_signal(number, signal)
        }
    }

    /// Waits for a child of ours to end, and reaps it. The system call is `waitid(2)`, P_PIDFD.
    package static func wait(for process: borrowing FileDescriptor) throws(SystemCallError)
        -> ExitStatus
    {
        var information = unsafe siginfo_t()
        let number = process.number
        _ = try check("waitid") {
            unsafe waitid(P_PIDFD, id_t(number), &information, WEXITED)
        }
        let status = unsafe information._sifields._sigchld.si_status
        return unsafe information.si_code == CInt(CLD_EXITED) ? .exited(status) : .signaled(status)
    }

    /// Reaps one ended child of any kind, if there is one. The system call is `waitpid(2)`.
    package static func reapAny() throws(SystemCallError) -> (pid: Int32, status: ExitStatus)? {
        var status: CInt = 0
        let pid: pid_t
        do throws(SystemCallError) {
            pid = try check("waitpid") { unsafe waitpid(-1, &status, WNOHANG) }
        } catch where error.errno == .noChild {
            return nil
        }
        if pid == 0 { return nil }
        if clinux_wifexited(status) != 0 { return (pid, .exited(clinux_wexitstatus(status))) }
        return (pid, .signaled(clinux_wtermsig(status)))
    }

    /// Becomes another program. Returns only to say why it could not. The system call is
    /// `execve(2)`.
    package static func execute(_ path: String, arguments: [String], environment: [String])
        -> Errno
    {
        unsafe withCStrings(arguments) { argv in
            unsafe withCStrings(environment) { envp in
                _ = unsafe execve(path, argv, envp)
                return Errno.current
            }
        }
    }

    /// Becomes the program that a descriptor holds, with this process's own arguments and
    /// environment. The system call is `execveat(2)`, AT_EMPTY_PATH.
    package static func executeAgain(from program: borrowing FileDescriptor) -> Errno {
        _ = unsafe clinux_execveat(
            program.number, "", CommandLine.unsafeArgv, clinux_environ(), AT_EMPTY_PATH)
        return Errno.current
    }

    /// The value of a variable in this process's own environment. The library call is `getenv(3)`.
    package static func environmentVariable(_ name: String) -> String? {
        guard let value = unsafe getenv(name) else { return nil }
        return unsafe String(cString: value)
    }

    /// When a process started, in clock ticks after boot: with its pid this names it for good.
    /// Read from `/proc/PID/stat` (proc_pid_stat(5)); nil when there is no such process or it is a
    /// zombie.
    package static func startTime(of pid: Int32) throws(SystemCallError) -> UInt64? {
        let text: String
        do throws(SystemCallError) {
            text = try File.readText("/proc/\(pid)/stat", limit: 4096)
        } catch where error.errno == .noEntry || error.errno == .noProcess {
            return nil
        }
        // The name, field 2, is in parentheses and may hold anything.
        guard let end = text.utf8.lastIndex(of: UInt8(ascii: ")")) else { return nil }
        let fields = text[text.utf8.index(after: end)...].utf8.split(separator: 0x20)
        guard fields.count > 19, let state = fields[0].first else { return nil }
        if state == UInt8(ascii: "Z") || state == UInt8(ascii: "X") { return nil }
        return UInt64(Substring(fields[19]))
    }

    /// Whether our user ids are those of a user namespace, where even root cannot do all that the
    /// host's root can. The first namespace maps every id there is to itself
    /// (user_namespaces(7)).
    package static func isInUserNamespace() throws(SystemCallError) -> Bool {
        let map = try File.readText("/proc/self/uid_map", limit: 1 << 16)
        let fields = map.split { $0 == " " || $0 == "\n" }
        return fields != ["0", "0", "4294967295"]
    }

    /// Texts as execve(2) takes them: pointers, and a last one that is nil.
    static func withCStrings<R>(
        _ strings: [String],
        _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> R
    ) -> R {
        let pointers = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>.allocate(
            capacity: strings.count + 1)
        for (index, string) in strings.enumerated() {
            unsafe (pointers + index).initialize(to: strdup(string))
        }
        unsafe (pointers + strings.count).initialize(to: nil)
        defer {
            for index in strings.indices { unsafe free(pointers[index]) }
            unsafe pointers.deallocate()
        }
        return unsafe body(pointers)
    }
}

/// Settings of the calling process.
extension Process {
    /// Whether others may look into this process (ptrace(2), core dumps). The system call is
    /// `prctl(2)`, PR_SET_DUMPABLE.
    package static func setDumpable(_ dumpable: Bool) throws(SystemCallError) {
        try control("prctl PR_SET_DUMPABLE", PR_SET_DUMPABLE, dumpable ? 1 : 0)
    }

    /// Gets this signal when the parent ends; 0 for none. The system call is `prctl(2)`,
    /// PR_SET_PDEATHSIG. A change of ids clears it.
    package static func setParentDeathSignal(_ signal: Int32) throws(SystemCallError) {
        try control("prctl PR_SET_PDEATHSIG", PR_SET_PDEATHSIG, UInt(signal))
    }

    /// Forbids this process and its children to gain privileges by execve(2). The system call is
    /// `prctl(2)`, PR_SET_NO_NEW_PRIVS.
    package static func setNoNewPrivileges() throws(SystemCallError) {
        try control("prctl PR_SET_NO_NEW_PRIVS", PR_SET_NO_NEW_PRIVS, 1)
    }

    /// Lets this process's group share a processor core's threads with nobody else: a cookie of
    /// its own, which children have too. The system call is `prctl(2)`, PR_SCHED_CORE, Linux 5.14.
    package static func separateCoreSchedulingOfGroup() throws(SystemCallError) {
        _ = try check("prctl PR_SCHED_CORE") {
            // The scope 2 is the process group (PIDTYPE_PGID).
            clinux_prctl(PR_SCHED_CORE, UInt(PR_SCHED_CORE_CREATE), 0, 2, 0)
        }
    }

    /// Makes orphans below this process its children. The system call is `prctl(2)`,
    /// PR_SET_CHILD_SUBREAPER.
    package static func becomeSubreaper() throws(SystemCallError) {
        try control("prctl PR_SET_CHILD_SUBREAPER", PR_SET_CHILD_SUBREAPER, 1)
    }

    /// The name that ps(1) shows, at most 15 bytes. The system call is `prctl(2)`, PR_SET_NAME.
    package static func setName(_ name: String) {
        unsafe name.withCString {
            // A name is a help for people; the kernel cuts one that is too long, and refuses none.
            _ = clinux_prctl(PR_SET_NAME, UInt(bitPattern: $0), 0, 0, 0)
        }
    }

    /// Starts a session of its own, without a controlling terminal. The system call is
    /// `setsid(2)`.
    package static func startSession() throws(SystemCallError) {
        _ = try check("setsid") { setsid() }
    }

    /// Sets the mode bits that new files do not get, and answers the old ones. The system call
    /// is `umask(2)`.
    @discardableResult
    package static func setUmask(_ mask: UInt32) -> UInt32 { umask(mask) }

    /// The system call is `chdir(2)`.
    package static func changeDirectory(to path: String) throws(SystemCallError) {
        _ = try check("chdir", path) { unsafe chdir(path) }
    }

    /// The system call is `fchdir(2)`.
    package static func changeDirectory(to directory: borrowing FileDescriptor)
        throws(SystemCallError)
    {
        let number = directory.number
        _ = try check("fchdir") { fchdir(number) }
    }

    /// The system call is `chroot(2)`.
    package static func changeRoot(to path: String) throws(SystemCallError) {
        _ = try check("chroot", path) { unsafe chroot(path) }
    }

    /// The current directory as the kernel names it: it starts with "(unreachable)" when it lies
    /// outside the root. The system call is `getcwd(2)`.
    package static func currentDirectory() throws(SystemCallError) -> String {
        var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX))
        let count = try check("getcwd") {
            unsafe buffer.withUnsafeMutableBytes {
                unsafe clinux_getcwd(
                    $0.baseAddress?.assumingMemoryBound(to: CChar.self), $0.count)
            }
        }
        return String(decoding: buffer[..<max(0, count - 1)], as: UTF8.self)
    }

    /// Makes this process a member of a namespace, whose file must be of this kind (EINVAL when it
    /// is of another). The system call is `setns(2)`.
    package static func join(
        _ namespace: borrowing FileDescriptor, kind: NamespaceFlags, subject: String
    ) throws(SystemCallError) {
        let number = namespace.number
        _ = try check("setns", subject) {
            setns(number, CInt(truncatingIfNeeded: kind.rawValue))
        }
    }

    /// Gives this process namespaces of its own. The system call is `unshare(2)`.
    package static func separate(_ kinds: NamespaceFlags) throws(SystemCallError) {
        _ = try check("unshare") { unshare(CInt(truncatingIfNeeded: kinds.rawValue)) }
    }

    /// Which kind of namespace a file of nsfs stands for. The request is `ioctl_ns(2)`,
    /// NS_GET_NSTYPE.
    package static func kind(ofNamespace namespace: borrowing FileDescriptor)
        throws(SystemCallError) -> NamespaceFlags
    {
        let number = namespace.number
        let value = try check("ioctl NS_GET_NSTYPE") { clinux_ioctl_value(number, 0xb703, 0) }
        return NamespaceFlags(rawValue: UInt64(value))
    }

    /// The system call is `sethostname(2)`.
    package static func setHostname(_ name: String) throws(SystemCallError) {
        _ = try check("sethostname", name) { unsafe sethostname(name, name.utf8.count) }
    }

    /// The system call is `setdomainname(2)`.
    package static func setDomainname(_ name: String) throws(SystemCallError) {
        _ = try check("setdomainname", name) { unsafe setdomainname(name, name.utf8.count) }
    }

    /// Chooses what kind of machine uname(2) tells of. The system call is `personality(2)`.
    package static func setPersonality(is32Bit: Bool) throws(SystemCallError) {
        _ = try check("personality") {
            personality(is32Bit ? CUnsignedLong(PER_LINUX32) : 0)
        }
    }

    /// Raises the hard limit of another process to at least this, and leaves the rest. The system
    /// call is `prlimit(2)`.
    package static func raiseHardLimit(_ resource: ResourceNumber, to hard: UInt64, of pid: Int32)
        throws(SystemCallError)
    {
        var limit = rlimit()
        _ = try check("prlimit", resource.rawValue) {
            unsafe prlimit(pid, resource.number, nil, &limit)
        }
        if limit.rlim_max >= rlim_t(hard) { return }
        limit.rlim_max = rlim_t(hard)
        _ = try check("prlimit", resource.rawValue) {
            unsafe prlimit(pid, resource.number, &limit, nil)
        }
    }

    /// Sets both limits of a resource by the kernel's number for it. The system call is
    /// `setrlimit(2)`.
    package static func setLimit(_ resource: ResourceNumber, soft: UInt64, hard: UInt64)
        throws(SystemCallError)
    {
        var limit = rlimit(rlim_cur: rlim_t(soft), rlim_max: rlim_t(hard))
        _ = try check("setrlimit", resource.rawValue) {
            unsafe setrlimit(resource.number, &limit)
        }
    }

    private static func control(_ call: StaticString, _ option: CInt, _ value: UInt)
        throws(SystemCallError)
    {
        _ = try check(call) { clinux_prctl(option, value, 0, 0, 0) }
    }
}

/// A resource of getrlimit(2), by the name of its macro, which C gives no common type.
package struct ResourceNumber: Sendable {
    package let rawValue: String
    let number: __rlimit_resource_t

    /// nil for a name that this system does not have.
    package init?(name: String) {
        let resource: __rlimit_resource
        switch name {
        case "RLIMIT_AS": resource = RLIMIT_AS
        case "RLIMIT_CORE": resource = RLIMIT_CORE
        case "RLIMIT_CPU": resource = RLIMIT_CPU
        case "RLIMIT_DATA": resource = RLIMIT_DATA
        case "RLIMIT_FSIZE": resource = RLIMIT_FSIZE
        case "RLIMIT_LOCKS": resource = __RLIMIT_LOCKS
        case "RLIMIT_MEMLOCK": resource = __RLIMIT_MEMLOCK
        case "RLIMIT_MSGQUEUE": resource = __RLIMIT_MSGQUEUE
        case "RLIMIT_NICE": resource = __RLIMIT_NICE
        case "RLIMIT_NOFILE": resource = RLIMIT_NOFILE
        case "RLIMIT_NPROC": resource = __RLIMIT_NPROC
        case "RLIMIT_RSS": resource = __RLIMIT_RSS
        case "RLIMIT_RTPRIO": resource = __RLIMIT_RTPRIO
        case "RLIMIT_RTTIME": resource = __RLIMIT_RTTIME
        case "RLIMIT_SIGPENDING": resource = __RLIMIT_SIGPENDING
        case "RLIMIT_STACK": resource = RLIMIT_STACK
        default: return nil
        }
        rawValue = name
        number = resource
    }
}
