// SPDX-License-Identifier: Apache-2.0

internal import Containers
internal import JSON
internal import Linux

extension Invocation {
    /// `ps`.
    func ps() throws(ContainerError) {
        let pids = try runtime.processes(id)
        if options[.format] == "json" {
            var json = JSONWriter()
            json.array { json in for pid in pids { json.int(Int64(pid)) } }
            return try Output.write(json.bytes + [UInt8(ascii: "\n")])
        }
        let words = operands.dropFirst()
        let table: String
        do throws(SystemCallError) {
            table = try HostProgram.output(of: "ps", words.isEmpty ? ["-ef"] : Array(words))
        } catch {
            throw ContainerError(
                .failed, doing: "ps \"\(id)\"",
                "run the program ps, which makes the table: \(error); --format json needs none")
        }
        guard let rows = ProcessTable.rows(of: table, with: Set(pids)) else {
            throw ContainerError(
                .failed, doing: "ps \"\(id)\"",
                "couldn't find PID field in ps output; its arguments must ask for that column")
        }
        try Output.write(rows)
    }
}

/// What ps(1) prints, cut down to some processes.
enum ProcessTable {
    /// The heading and the rows of these pids; nil when there is no column for pids.
    static func rows(of table: String, with pids: Set<Int32>) -> String? {
        var lines = table.split(separator: "\n", omittingEmptySubsequences: false)[...]
        guard let heading = lines.popFirst(),
            let column = words(of: heading).firstIndex(of: "PID")
        else { return nil }
        var result = "\(heading)\n"
        for line in lines {
            let words = words(of: line)
            // Columns before it have no spaces in any form that ps has.
            if column < words.count, let pid = Int32(words[column]), pids.contains(pid) {
                result += "\(line)\n"
            }
        }
        return result
    }

    private static func words(of line: Substring) -> [Substring] {
        line.split { $0 == " " || $0 == "\t" }
    }
}
