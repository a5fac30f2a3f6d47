// SPDX-License-Identifier: Apache-2.0

internal import JSON

/// `martlet-shim list`.
package enum ContainerList {
    /// One container.
    package struct Row {
        package let id: String
        package let record: ContainerRecord?
        let status: String
        let code: Int32?

        package init(id: String, condition: HandWait.Condition, record: ContainerRecord?) {
            self.id = id
            self.record = record
            // Taken apart here, not later: Swift 6.3.1 fails to optimize that in a loop.
            switch condition {
            case .creating: (status, code) = ("creating", nil)
            case .running: (status, code) = ("running", nil)
            case .unwatched: (status, code) = ("unwatched", nil)
            case .ended(let record): (status, code) = ("ended", record.code)
            case .lost: (status, code) = ("lost", nil)
            }
        }
    }

    /// For people.
    package static func table(_ rows: [Row]) -> String {
        var lines = [["ID", "PID", "STATUS", "CODE", "CREATED", "BUNDLE"]]
        for row in rows {
            lines.append([
                row.id, row.record.map { "\($0.process.pid)" } ?? "-", row.status,
                row.code.map { "\($0)" } ?? "-", row.record?.created ?? "-",
                row.record?.bundle ?? "-",
            ])
        }
        var widths = [0, 0, 0, 0, 0, 0]
        for line in lines {
            for (index, word) in line.enumerated() {
                widths[index] = max(widths[index], word.utf8.count)
            }
        }
        var text = ""
        for line in lines {
            for (index, word) in line.enumerated() {
                text += word
                if index < 5 {
                    text += String(repeating: " ", count: widths[index] + 3 - word.utf8.count)
                }
            }
            text += "\n"
        }
        return text
    }

    /// For programs.
    package static func json(_ rows: [Row]) -> String {
        var json = JSONWriter()
        json.array { json in
            for row in rows {
                json.object { json in
                    json.member("id", row.id)
                    json.member("status", row.status)
                    if let code = row.code { json.member("code", code) }
                    guard let record = row.record else { return }
                    json.member("pid", record.process.pid)
                    json.member("shimPid", record.shim.pid)
                    json.member("created", record.created)
                    json.member("bundle", record.bundle)
                    json.member("log", record.logPath)
                }
            }
        }
        return json.text + "\n"
    }
}
