// SPDX-License-Identifier: Apache-2.0

internal import Linux

/// Becoming the container's program, and saying why that failed.
enum Program {
    /// Looks the program up as execvp(3) does, with the container's own PATH, and becomes it.
    /// Returns only the reason why that could not be.
    static func execute(_ plan: ProgramPlan) -> ContainerError {
        guard let name = plan.arguments.first, !name.isEmpty else {
            return nothingToRun
        }
        if name.utf8.contains(UInt8(ascii: "/")) {
            let errno = attempt(name, plan)
            return ExecFailure(path: name, errno: errno).error
        }
        let path = searchPath(plan.environment)
        var refused: (path: String, errno: Errno)?
        for directory in path.split(separator: ":", omittingEmptySubsequences: false) {
            // An empty entry is the current directory.
            let candidate = directory.isEmpty ? "./\(name)" : "\(directory)/\(name)"
            let errno = attempt(candidate, plan)
            if errno == .accessDenied {
                if refused == nil { refused = (candidate, errno) }
            } else if (try? File.status(of: candidate)) != nil {
                // A file that is there ends the search, also when it is its interpreter that is not.
                return ExecFailure(path: candidate, errno: errno).error
            }
        }
        if let refused { return ExecFailure(path: refused.path, errno: refused.errno).error }
        return notFound(name, path)
    }

    /// Where ``execute(_:)`` would find the program, without executing it: under a filter there may
    /// be no second attempt.
    static func locate(_ plan: ProgramPlan) throws(ContainerError) -> String {
        guard let name = plan.arguments.first, !name.isEmpty else { throw nothingToRun }
        if name.utf8.contains(UInt8(ascii: "/")) { return name }
        let path = searchPath(plan.environment)
        var refused: String?
        for directory in path.split(separator: ":", omittingEmptySubsequences: false) {
            let candidate = directory.isEmpty ? "./\(name)" : "\(directory)/\(name)"
            guard let status = try? File.status(of: candidate) else { continue }
            if status.type == .regular, File.permits(.execute, candidate) { return candidate }
            if refused == nil { refused = candidate }
        }
        guard let refused else { throw notFound(name, path) }
        throw ExecFailure(path: refused, errno: .accessDenied).error
    }

    /// Whether the program is there and may be executed, as far as its name and mode tell.
    static func look(for plan: ProgramPlan) throws(ContainerError) {
        let path = try locate(plan)
        let status: FileStatus
        do throws(SystemCallError) {
            status = try File.status(of: path)
        } catch {
            throw ExecFailure(path: path, errno: error.errno).error
        }
        guard status.type == .regular, File.permits(.execute, path) else {
            throw ExecFailure(path: path, errno: .accessDenied).error
        }
    }

    private static var nothingToRun: ContainerError {
        ContainerError(.notExecutable, "process.args: there is no program to run")
    }

    private static func notFound(_ name: String, _ path: String) -> ContainerError {
        ContainerError(
            .notExecutable,
            "exec \"\(name)\": executable file not found in $PATH; the container's PATH is "
                + "\"\(path)\"")
    }

    private static func attempt(_ path: String, _ plan: ProgramPlan) -> Errno {
        let errno = Process.execute(
            path, arguments: plan.arguments, environment: plan.environment)
        guard errno == .notExecutable, ExecFailure.isScriptWithoutInterpreter(path) else {
            return errno
        }
        return attemptByShell(path, plan)
    }

    /// execvp(3): a text file without `#!` is a script of the shell's.
    static func attemptByShell(_ path: String, _ plan: ProgramPlan) -> Errno {
        let shell = "/bin/sh"
        return Process.execute(
            shell, arguments: [shell, path] + plan.arguments.dropFirst(),
            environment: plan.environment)
    }

    static func searchPath(_ environment: [String]) -> String {
        // The last entry of a name wins for getenv's users in most shells, the first for glibc;
        // execvp(3) is glibc's.
        for entry in environment where entry.hasPrefix("PATH=") {
            return String(entry.dropFirst(5))
        }
        return "/bin:/usr/bin"
    }
}

/// Why execve(2) refused a file, in words that name the remedy.
struct ExecFailure {
    /// As the container knows it.
    let path: String
    let errno: Errno
    /// Where it can be opened from here; nil when that is the same.
    var location: String?

    private var openable: String { location ?? path }

    var error: ContainerError { ContainerError(.notExecutable, "exec \"\(path)\": \(reason)") }

    private var reason: String {
        guard let status = try? File.status(of: openable) else { return errno.description }
        switch errno {
        case .noEntry, .notDirectory, .symbolicLinkLoop: return missingInterpreter ?? "\(errno)"
        case .accessDenied: return refusal(status)
        case .notExecutable: return wrongFormat
        case .badLibrary:
            return "its ELF interpreter \(interpreterOfELF ?? "") is damaged: \(errno)"
        case .textBusy: return "\(errno); it is open for writing"
        default: return errno.description
        }
    }

    // MARK: What the file says

    var header: [UInt8] {
        guard let file = try? File.open(openable, .readOnlyAtOnce) else { return [] }
        var buffer = [UInt8](repeating: 0, count: 4096)
        guard let count = try? File.read(file.number, into: &buffer) else { return [] }
        return Array(buffer[..<count])
    }

    private var missingInterpreter: String? {
        let header = header
        if header.starts(with: "#!".utf8) {
            let line = header.dropFirst(2).prefix { $0 != UInt8(ascii: "\n") }
            let name = Self.interpreterOfScript(header) ?? ""
            if line.last == 0x0d {
                return "its first line, \"#!\(printable(name))\", ends in a carriage return, so no "
                    + "such file or directory (ENOENT); save the script with Unix line ends"
            }
            return "its interpreter \"\(name)\" (from the #! line) is not in the container: "
                + "no such file or directory (ENOENT)"
        }
        if let name = interpreterOfELF {
            return "its ELF interpreter \"\(name)\" is not in the container: no such file or "
                + "directory (ENOENT); the program is dynamically linked for another system"
        }
        return nil
    }

    /// The program that a `#!` line names; nil when there is no such line.
    static func interpreterOfScript(_ header: [UInt8]) -> String? {
        guard header.starts(with: "#!".utf8) else { return nil }
        let line = header.dropFirst(2).prefix { $0 != UInt8(ascii: "\n") }
        let words = line.split { $0 == 0x20 || $0 == 0x09 }
        return words.first.map { String(decoding: $0, as: UTF8.self) } ?? ""
    }

    private func refusal(_ status: FileStatus) -> String {
        if status.type == .directory { return "is a directory: \(errno)" }
        if let file = try? File.open(openable, .pathOnly),
            let system = try? File.fileSystem(of: file), system.forbidsExecution
        {
            return "lies on a filesystem that is mounted noexec: \(errno)"
        }
        if status.type != .regular { return "is no regular file: \(errno)" }
        if status.permissions & 0o111 == 0 {
            return "has no execute permission (mode 0\(String(status.permissions, radix: 8))): "
                + "\(errno); chmod +x"
        }
        return errno.description
    }

    private var wrongFormat: String {
        guard let elf = ELFHeader(header) else {
            return "is neither an ELF program nor a script with a #! line: \(errno)"
        }
        if let ours = ELFHeader.ofThisProgram, ours.machine != elf.machine {
            return "is built for \(elf.machineName), and this machine is "
                + "\(ours.machineName): \(errno)"
        }
        return "is built for \(elf.machineName), and cannot be run here: \(errno)"
    }

    private var interpreterOfELF: String? { ELFHeader(header)?.interpreter }

    private func printable(_ text: String) -> String {
        text.last == "\r" || text.utf8.last == 0x0d ? String(text.dropLast()) + "\\r" : text
    }

    /// Whether execvp(3) would hand the file to a shell: text, without `#!` and not ELF.
    static func isScriptWithoutInterpreter(_ path: String) -> Bool {
        isScriptWithoutInterpreter(ExecFailure(path: path, errno: .notExecutable).header)
    }

    /// The same by what the file begins with.
    static func isScriptWithoutInterpreter(_ header: [UInt8]) -> Bool {
        if header.isEmpty || header.starts(with: "#!".utf8) || ELFHeader(header) != nil {
            return false
        }
        let firstLine = header.prefix { $0 != UInt8(ascii: "\n") }
        return !firstLine.contains(0)
    }
}

/// The few fields of an ELF file that explain why it does not run (elf(5)).
package struct ELFHeader {
    let machine: UInt16
    /// The PT_INTERP segment's text, when it lies in the part that was read.
    let interpreter: String?

    package init?(_ bytes: [UInt8]) {
        guard bytes.count >= 20, bytes.starts(with: [0x7f, 0x45, 0x4c, 0x46]) else { return nil }
        let is64Bit = bytes[4] == 2
        let isBigEndian = bytes[5] == 2
        func number(at offset: Int, _ size: Int) -> Int? {
            guard offset >= 0, offset <= bytes.count - size else { return nil }
            let field = bytes[offset..<(offset + size)]
            let ordered = isBigEndian ? Array(field) : field.reversed()
            var value: UInt64 = 0
            for byte in ordered { value = value << 8 | UInt64(byte) }
            return Int(exactly: value)
        }
        machine = UInt16(truncatingIfNeeded: number(at: 18, 2) ?? 0)
        let table = is64Bit ? number(at: 32, 8) : number(at: 28, 4)
        let entrySize = number(at: is64Bit ? 54 : 42, 2)
        let count = number(at: is64Bit ? 56 : 44, 2)
        var found: String?
        if let table, let entrySize, let count, entrySize > 0, table < bytes.count {
            for index in 0..<min(count, 64) {
                let entry = table + index * entrySize
                guard number(at: entry, 4) == 3,  // PT_INTERP
                    let offset = number(at: entry + (is64Bit ? 8 : 4), is64Bit ? 8 : 4),
                    let size = number(at: entry + (is64Bit ? 32 : 16), is64Bit ? 8 : 4),
                    offset < bytes.count, size < 4096
                else { continue }
                let text = bytes[offset..<min(bytes.count, offset + size)].prefix { $0 != 0 }
                found = String(decoding: text, as: UTF8.self)
            }
        }
        interpreter = found
    }

    /// That of the program that runs.
    static var ofThisProgram: ELFHeader? {
        guard let own = try? File.open("/proc/self/exe", .readOnly) else { return nil }
        var buffer = [UInt8](repeating: 0, count: 64)
        guard (try? File.read(own.number, into: &buffer)) != nil else { return nil }
        return ELFHeader(buffer)
    }

    /// Whether a kernel for `other` runs this program as well: 32-bit programs of x86 and Arm.
    func mayRun(on other: ELFHeader) -> Bool {
        machine == other.machine || (machine == 3 && other.machine == 62)
            || (machine == 40 && other.machine == 183)
    }

    /// The machine's usual name, from the EM_ numbers of elf.h.
    var machineName: String {
        switch machine {
        case 3: "i386"
        case 8: "mips"
        case 20: "ppc"
        case 21: "ppc64"
        case 22: "s390x"
        case 40: "arm"
        case 62: "x86_64"
        case 183: "aarch64"
        case 243: "riscv64"
        case 258: "loongarch64"
        default: "machine type \(machine)"
        }
    }
}
