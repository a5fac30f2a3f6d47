// SPDX-License-Identifier: Apache-2.0

internal import Containers
internal import OCI

extension Invocation {
    /// `list`.
    func list() throws(ContainerError) {
        let states = try runtime.list(warn: log.warning)
        if options.isSet(.quiet) {
            for state in states { try Output.write("\(state.id)\n") }
        } else if options[.format] == "json" {
            try Output.write(State.encode(list: states) + [UInt8(ascii: "\n")])
        } else {
            try Output.write(ListTable.text(states))
        }
    }
}

/// Containers as a table, laid out as runc's is: columns of 12 characters or more, 3 of them
/// space.
enum ListTable {
    static func text(_ states: [State]) -> String {
        var rows = [["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"]]
        for state in states {
            let cells = [
                state.id, "\(state.pid)", state.status.rawValue, state.bundle,
                state.created ?? "", state.owner ?? "",
            ]
            rows.append(cells.map(printable))
        }
        var text = ""
        for row in rows {
            for column in row.indices.dropLast() {
                let width = rows.map { $0[column].unicodeScalars.count }.reduce(0, max)
                let gap = max(12, width + 3) - row[column].unicodeScalars.count
                text += row[column] + String(repeating: " ", count: gap)
            }
            text += "\(row.last ?? "")\n"
        }
        return text
    }

    /// A path may have any byte in it; a table has one line a container.
    private static func printable(_ cell: String) -> String {
        var result = ""
        for scalar in cell.unicodeScalars {
            let isControl = scalar.value < 0x20 || (0x7f..<0xa0).contains(scalar.value)
            result.unicodeScalars.append(isControl ? "?" : scalar)
        }
        return result
    }
}
