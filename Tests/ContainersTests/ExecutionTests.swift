// SPDX-License-Identifier: Apache-2.0

import Linux
import Testing

@testable import Containers

/// Tries to become a program, and gives the reason why that could not be. A success would end the
/// process: these tests run in one of their own, or with programs that cannot be run.
private func refusal(
    _ name: String, path: String? = "PATH=/nowhere"
) -> String {
    let plan = ProgramPlan(
        arguments: [name, "argument"], environment: path.map { [$0] } ?? [], limits: [],
        preservedDescriptors: 0)
    var error = Program.execute(plan)
    // Another test's fork may still hold the file that was just written open for writing.
    for _ in 0..<100 where error.reason.contains("ETXTBSY") {
        Clock.sleep(milliseconds: 10)
        error = Program.execute(plan)
    }
    #expect(error.kind == .notExecutable)
    #expect(!error.reason.contains("\n"))
    return error.reason
}

@Suite struct `A program that cannot be executed` {
    @Test(arguments: [
        ("#!/no/such/shell\n", "its interpreter \"/no/such/shell\" (from the #! line) is not in"),
        ("#! /no/such/shell -x y\n", "its interpreter \"/no/such/shell\" (from the #! line)"),
        ("#!/bin/sh\r\necho\r\n", "its first line, \"#!/bin/sh\\r\", ends in a carriage return"),
        ("#!/bin/sh -e\r\necho\r\n", ""),
    ])
    func `is a script whose first line is wrong`(text: String, reason: String) async throws {
        // The kernel runs /bin/sh with the odd argument: its own affair.
        if reason.isEmpty { return }
        try await withTemporaryDirectory { path in
            try writeFile("\(path)/script", text, permissions: 0o755)
            let refused = refusal("\(path)/script")
            #expect(refused.hasPrefix("exec \"\(path)/script\": \(reason)"))
            #expect(refused.contains("(ENOENT)"))
        }
    }

    @Test func `lacks its ELF interpreter`() async throws {
        var program = try File.readAll("/bin/true", limit: 1 << 24)
        let interpreter = try #require(ELFHeader(program)?.interpreter)
        let place = try #require(program.firstRange(of: Array(interpreter.utf8)))
        program[place.lowerBound + 1] = UInt8(ascii: "X")
        let missing = String(decoding: program[place], as: UTF8.self)
        try await withTemporaryDirectory { path in
            try writeFile("\(path)/program", program, permissions: 0o755)
            let refused = refusal("\(path)/program")
            #expect(
                refused.hasPrefix(
                    "exec \"\(path)/program\": its ELF interpreter \"\(missing)\" is not in the "
                        + "container"))
        }
    }

    @Test(arguments: [
        (UInt16(183), "aarch64"), (40, "arm"), (243, "riscv64"), (22, "s390x"), (21, "ppc64"),
        (999, "machine type 999"),
    ])
    func `is built for another machine`(machine: UInt16, name: String) async throws {
        var program = try File.readAll("/bin/true", limit: 1 << 24)
        program[18] = UInt8(truncatingIfNeeded: machine)
        program[19] = UInt8(machine >> 8)
        try await withTemporaryDirectory { path in
            try writeFile("\(path)/program", program, permissions: 0o755)
            let own = try #require(ELFHeader(try File.readAll("/proc/self/exe", limit: 1 << 28)))
            #expect(
                refusal("\(path)/program")
                    == "exec \"\(path)/program\": is built for \(name), and this machine is "
                    + "\(own.machineName): exec format error (ENOEXEC)")
        }
    }

    @Test func `is a directory, no regular file, or has no execute permission`() async throws {
        try await withTemporaryDirectory { path in
            try makeDirectory("\(path)/directory")
            try writeFile("\(path)/plain", "#!/bin/sh\n", permissions: 0o640)
            let directory = try File.open(path, .realDirectory)
            try File.makeNode("fifo", at: directory.number, type: .fifo, permissions: 0o777)
            let denied = "permission denied (EACCES)"
            #expect(
                refusal("\(path)/directory")
                    == "exec \"\(path)/directory\": is a directory: \(denied)")
            #expect(
                refusal("\(path)/plain")
                    == "exec \"\(path)/plain\": has no execute permission (mode 0640): \(denied); "
                    + "chmod +x")
            #expect(
                refusal("\(path)/fifo") == "exec \"\(path)/fifo\": is no regular file: \(denied)")
        }
    }

    @Test(arguments: [[0, 1, 2, 3], [], Array("\u{7f}ELF".utf8)] as [[UInt8]])
    func `is neither ELF nor a script`(bytes: [UInt8]) async throws {
        try await withTemporaryDirectory { path in
            try writeFile("\(path)/data", bytes, permissions: 0o755)
            // Too short for an ELF header, and text for a shell: run in a process of its own.
            await #expect(processExitsWith: bytes.first == 0x7f ? .failure : .success) {
                [path = path as String] in
                let reason = refusal("\(path)/data")
                #expect(reason.contains("is neither ELF") || reason.contains("is neither an ELF"))
                #expect(reason.contains("(ENOEXEC)"))
            }
        }
    }

    @Test func `is not there, or is in the way`() async throws {
        try await withTemporaryDirectory { path in
            try writeFile("\(path)/file", "x")
            try makeLink("\(path)/loop", to: "loop")
            #expect(
                refusal("\(path)/missing")
                    == "exec \"\(path)/missing\": no such file or directory (ENOENT)")
            #expect(refusal("\(path)/file/x").hasSuffix("not a directory (ENOTDIR)"))
            #expect(refusal("\(path)/loop").hasSuffix("(ELOOP)"))
        }
    }

    @Test func `is looked for in the container's own PATH`() async throws {
        try await withTemporaryDirectory { path in
            #expect(
                refusal("no-such", path: "PATH=\(path):/nowhere")
                    == "exec \"no-such\": executable file not found in $PATH; the container's PATH "
                    + "is \"\(path):/nowhere\"")
            #expect(refusal("no-such", path: nil).hasSuffix("\"/bin:/usr/bin\""))
            // What may not be executed is named when there is nothing better.
            try writeFile("\(path)/tool", "x", permissions: 0o644)
            #expect(
                refusal("tool", path: "PATH=/nowhere:\(path)")
                    .hasPrefix("exec \"\(path)/tool\": has no execute permission"))
            try writeFile("\(path)/script", "#!/no/such\n", permissions: 0o755)
            #expect(
                refusal("script", path: "PATH=/nowhere:\(path)")
                    .hasPrefix("exec \"\(path)/script\": its interpreter \"/no/such\""))
        }
    }

    @Test func `has no name`() {
        #expect(refusal("") == "process.args: there is no program to run")
    }
}

@Suite struct `A program` {
    @Test func `that is text without #! is a script of the shell's`() async throws {
        try await withTemporaryDirectory { path in
            try writeFile("\(path)/script", "exit 7\n", permissions: 0o755)
            await #expect(processExitsWith: .exitCode(7)) { [path = path as String] in
                _ = refusal("\(path)/script")
            }
        }
    }

    @Test func `after one that may not be executed is still found`() async throws {
        try await withTemporaryDirectory { path in
            try writeFile("\(path)/first/tool", "x", permissions: 0o644)
            try writeFile("\(path)/second/tool", "#!/bin/sh\nexit 8\n", permissions: 0o755)
            await #expect(processExitsWith: .exitCode(8)) { [path = path as String] in
                _ = refusal("tool", path: "PATH=\(path)/first:\(path)/second")
            }
        }
    }

    @Test func `in an empty entry of PATH is the current directory's`() async throws {
        try await withTemporaryDirectory { path in
            try writeFile("\(path)/tool", "#!/bin/sh\nexit 9\n", permissions: 0o755)
            await #expect(processExitsWith: .exitCode(9)) { [path = path as String] in
                try Process.changeDirectory(to: path)
                _ = refusal("tool", path: "PATH=/nowhere::/else")
            }
        }
    }
}

@Suite struct `An ELF header` {
    @Test func `tells the machine and the interpreter`() throws {
        let header = try #require(ELFHeader(try File.readAll("/bin/sh", limit: 1 << 24)))
        #expect(header.interpreter?.hasPrefix("/lib") == true)
        #expect(!header.machineName.hasPrefix("machine type"))
    }

    @Test func `of a static program names no interpreter`() throws {
        let program = try File.readAll("/bin/busybox", limit: 1 << 24)
        #expect(ELFHeader(program)?.interpreter == nil)
    }

    @Test(arguments: [0, 1, 4, 19]) func `is not in so few bytes`(count: Int) throws {
        let program = try File.readAll("/bin/sh", limit: 1 << 24)
        #expect(ELFHeader(Array(program.prefix(count))) == nil)
    }

    /// Offsets that lead anywhere must not end the process.
    @Test func `of garbage is read without a trap`() throws {
        var generator = SystemRandomNumberGenerator()
        let original = Array(try File.readAll("/bin/sh", limit: 1 << 24).prefix(4096))
        for _ in 0..<500 {
            var program = original
            for _ in 0..<8 {
                let place = Int.random(in: 4..<200, using: &generator)
                program[place] = [0, 0x7f, 0x80, 0xff].randomElement(using: &generator) ?? 0
            }
            _ = ELFHeader(program)?.interpreter
            _ = ELFHeader(Array(program.prefix(Int.random(in: 0..<256, using: &generator))))
        }
        var extreme = original
        for place in 24..<64 { extreme[place] = 0xff }
        _ = ELFHeader(extreme)
        extreme[4] = 1
        _ = ELFHeader(extreme)
        extreme[5] = 2
        _ = ELFHeader(extreme)
    }
}
