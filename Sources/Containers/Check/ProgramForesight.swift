// SPDX-License-Identifier: Apache-2.0

internal import Linux
internal import OCI

/// Tells before a container is made whether its program can be executed: the same search and the
/// same words as ``Program``, on a root filesystem that is not entered.
struct ProgramForesight {
    let view: ContainerView
    let process: ProcessSpec
    /// Who the process is on the host, where the owners of files are told.
    let user: HostUser

    /// A process's ids, as the host sees them.
    struct HostUser {
        var uid: UInt32
        var groups: [UInt32]
    }

    /// Interpreters of interpreters, as the kernel follows them (execve(2)).
    private static let depthLimit = 5

    /// What would be said instead of running the program.
    func findings() -> [Finding] {
        guard let name = process.args.first, !name.isEmpty else { return [] }
        if name.utf8.contains(UInt8(ascii: "/")) {
            return [finding(for: name)].compactMap { $0 }
        }
        return search(for: name)
    }

    /// As execvp(3), in the container's PATH.
    private func search(for name: String) -> [Finding] {
        let path = Program.searchPath(process.env)
        var refused: Finding?
        for directory in path.split(separator: ":", omittingEmptySubsequences: false) {
            let candidate = directory.isEmpty ? "./\(name)" : "\(directory)/\(name)"
            switch view.find(candidate, from: process.cwd) {
            case .missing: continue
            case .unknown(let type): return [unknown(candidate, type)]
            case .file(let place):
                guard let found = refusal(of: place, as: candidate) else { return [] }
                // A program of this name that may not be executed does not end the search.
                guard found.errno == .accessDenied else { return [found.finding] }
                if refused == nil { refused = found.finding }
            }
        }
        if let refused { return [refused] }
        return [
            Finding(
                .failure, "process.args",
                "exec \"\(name)\": executable file not found in $PATH; the container's PATH is "
                    + "\"\(path)\"")
        ]
    }

    private func finding(for path: String) -> Finding? {
        switch view.find(path, from: process.cwd) {
        case .missing(let errno):
            Finding(
                .failure, "process.args",
                ExecFailure(path: path, errno: errno, location: "").error.reason)
        case .unknown(let type): unknown(path, type)
        case .file(let place): refusal(of: place, as: path)?.finding
        }
    }

    private func unknown(_ path: String, _ type: String) -> Finding {
        Finding(
            .warning, "process.args",
            "exec \"\(path)\": would lie on the \(type) that is mounted there, so nothing can be "
                + "told of it")
    }

    // MARK: One file

    private struct Refusal {
        /// nil when it is not known whether it would fail.
        let errno: Errno?
        let finding: Finding
    }

    private func refusal(of place: ContainerView.Place, as path: String, depth: Int = 0)
        -> Refusal?
    {
        func refuse(_ errno: Errno) -> Refusal {
            let failure = ExecFailure(
                path: path, errno: errno, location: place.holder.descriptor.procPath)
            return Refusal(
                errno: errno, finding: Finding(.failure, "process.args", failure.error.reason))
        }
        func refuse(_ errno: Errno, _ reason: String) -> Refusal {
            Refusal(
                errno: errno,
                finding: Finding(.failure, "process.args", "exec \"\(path)\": \(reason): \(errno)"))
        }
        // Only a regular file is ever opened: others may do things when they are.
        guard place.status.type == .regular, place.status.permissions & 0o111 != 0 else {
            return refuse(.accessDenied)
        }
        if place.forbidsExecution {
            return refuse(.accessDenied, "lies on a filesystem that is mounted noexec")
        }
        if !mayExecute(place.status) {
            return refuse(
                .accessDenied,
                "has mode 0\(String(place.status.permissions, radix: 8)) and belongs to "
                    + "\(place.status.uid):\(place.status.gid) on the host, so user "
                    + "\(process.user.uid) may not execute it")
        }
        let failure = ExecFailure(
            path: path, errno: .notExecutable, location: place.holder.descriptor.procPath)
        let header = failure.header
        if header.isEmpty {
            if place.status.size == 0 { return refuse(.notExecutable) }
            return Refusal(
                errno: nil,
                finding: Finding(
                    .warning, "process.args",
                    "exec \"\(path)\": cannot be read by this user, so only its permissions were "
                        + "looked at"))
        }
        if let interpreter = ExecFailure.interpreterOfScript(header) {
            return follow(interpreter, depth) { refuse(.noEntry) }
        }
        if let elf = ELFHeader(header) {
            if let ours = ELFHeader.ofThisProgram, !elf.mayRun(on: ours) {
                return Self.hasForeignFormats ? nil : refuse(.notExecutable)
            }
            guard let interpreter = elf.interpreter else { return nil }
            return follow(interpreter, depth) { refuse(.noEntry) }
        }
        guard ExecFailure.isScriptWithoutInterpreter(header) else {
            return Self.hasForeignFormats ? nil : refuse(.notExecutable)
        }
        // execvp(3) gives it to the shell.
        return follow("/bin/sh", depth) {
            refuse(.notExecutable, "has no #! line, and there is no /bin/sh to read it")
        }
    }

    /// Looks at the program that runs a program.
    private func follow(_ interpreter: String, _ depth: Int, ifMissing: () -> Refusal) -> Refusal? {
        guard depth < Self.depthLimit else { return nil }
        switch view.find(interpreter, from: process.cwd) {
        case .missing: return ifMissing()
        case .unknown: return nil
        case .file(let place): return refusal(of: place, as: interpreter, depth: depth + 1)
        }
    }

    /// Whether the permission bits let the process's user execute a file.
    private func mayExecute(_ status: FileStatus) -> Bool {
        let capabilities = process.capabilities
        if capabilities?.effective.contains("CAP_DAC_OVERRIDE") == true { return true }
        if status.uid == user.uid { return status.permissions & 0o100 != 0 }
        if user.groups.contains(status.gid) { return status.permissions & 0o010 != 0 }
        return status.permissions & 0o001 != 0
    }

    /// Whether other formats are registered with the kernel (binfmt_misc), such as those of other
    /// machines.
    private static var hasForeignFormats: Bool {
        guard let directory = try? File.open("/proc/sys/fs/binfmt_misc", .realDirectory),
            let names = try? File.names(in: directory)
        else { return false }
        return names.contains { $0 != "register" && $0 != "status" }
    }
}
