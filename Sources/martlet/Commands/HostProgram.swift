// SPDX-License-Identifier: Apache-2.0

internal import Linux

/// Programs of the host that the caller's PATH leads to.
enum HostProgram {
    /// What a program prints. It has our standard error; an exit code other than 0 is its own
    /// business, as it says on standard error what was wrong.
    static func output(of name: String, _ arguments: [String]) throws(SystemCallError) -> String {
        let path = try find(name)
        let pair = try Socket.pair(.stream)
        switch try Process.clone([]) {
        case .child:
            run(path, [name] + arguments, output: pair.theirs.number)
        case .parent(_, let child):
            // With the far end closed here, the program's end is the end of what there is to read.
            let near = nearEnd(of: pair)
            let bytes = try File.readAll(near, limit: 64 << 20, subject: path)
            _ = try Process.wait(for: child)
            return String(decoding: bytes, as: UTF8.self)
        }
    }

    private static func nearEnd(of pair: consuming SocketPair) -> FileDescriptor { pair.ours }

    /// What decides on the look of a table, and where programs are.
    private static var environment: [String] {
        let names = ["PATH", "HOME", "TERM", "COLUMNS", "LANG", "LC_ALL", "TZ", "PS_FORMAT"]
        return names.compactMap { name in
            Process.environmentVariable(name).map { "\(name)=\($0)" }
        }
    }

    private static func run(_ path: String, _ arguments: [String], output: CInt) -> Never {
        do throws(SystemCallError) {
            let copy = try Descriptors.duplicate(output)
            try copy.duplicate(onto: 1)
            try Signal.resetAll()
            let errno = Process.execute(path, arguments: arguments, environment: environment)
            throw SystemCallError("execute", path, errno)
        } catch {
            try? File.write(Array("martlet: \(error)\n".utf8), to: 2)
            Process.exitNow(127)
        }
    }

    private static func find(_ name: String) throws(SystemCallError) -> String {
        let directories = Process.environmentVariable("PATH") ?? "/usr/sbin:/usr/bin:/sbin:/bin"
        for directory in directories.split(separator: ":") where directory.hasPrefix("/") {
            let path = "\(directory)/\(name)"
            if let status = try? File.status(of: path), status.type == .regular,
                status.permissions & 0o111 != 0
            {
                return path
            }
        }
        throw SystemCallError("find in $PATH", name, .noEntry)
    }
}
