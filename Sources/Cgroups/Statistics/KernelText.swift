// SPDX-License-Identifier: Apache-2.0

/// The few forms in which the kernel writes what it counts.
enum KernelText {
    /// One number; `max` is the largest there is, and what is no number is 0.
    static func number(_ text: String?) -> UInt64 {
        guard let word = text.flatMap({ words(of: $0).first }) else { return 0 }
        return word == "max" ? .max : UInt64(word) ?? 0
    }

    /// Several numbers on one line.
    static func numbers(_ text: String?) -> [UInt64] {
        words(of: text ?? "").map { UInt64($0) ?? 0 }
    }

    /// A line for each: a word and a number.
    static func pairs(_ text: String?) -> [String: UInt64] {
        var pairs: [String: UInt64] = [:]
        for line in (text ?? "").split(separator: "\n") {
            let fields = line.split(separator: " ")
            if fields.count == 2, let value = UInt64(fields[1]) { pairs[String(fields[0])] = value }
        }
        return pairs
    }

    /// Processors or memory nodes: `0-3,7`. What is no such list is empty.
    static func list(_ text: String?) -> [UInt16] {
        var members: [UInt16] = []
        guard let line = text.flatMap({ words(of: $0).first }) else { return [] }
        for part in line.split(separator: ",") {
            let ends = part.split(separator: "-", omittingEmptySubsequences: false)
                .map { UInt16($0) }
            guard ends.count <= 2, let first = ends[0], let last = ends[ends.count - 1],
                first <= last
            else { return [] }
            members += Array(first...last)
        }
        return members
    }

    /// A line for each device: `8:0 Read 4096`, or without the word. The sum below is left out.
    static func devices(_ text: String?) -> [Statistics.BlockIO.Entry] {
        var entries: [Statistics.BlockIO.Entry] = []
        for line in (text ?? "").split(separator: "\n") {
            let fields = line.split(separator: " ")
            guard fields.count == 2 || fields.count == 3, let device = device(fields[0]),
                let value = UInt64(fields[fields.count - 1])
            else { continue }
            entries.append(
                .init(
                    device.major, device.minor, fields.count == 3 ? String(fields[1]) : "", value))
        }
        return entries
    }

    /// `8:16`
    static func device(_ text: Substring) -> (major: UInt64, minor: UInt64)? {
        let numbers = text.split(separator: ":").map { UInt64($0) }
        guard numbers.count == 2, let major = numbers[0], let minor = numbers[1] else { return nil }
        return (major, minor)
    }

    /// `some avg10=0.25 avg60=0.00 avg300=0.00 total=1234`, and the same for `full`.
    static func pressure(_ text: String?) -> Statistics.Pressure? {
        guard let text else { return nil }
        var pressure = Statistics.Pressure()
        for row in text.split(separator: "\n") {
            let fields = row.split(separator: " ")
            var line = Statistics.Pressure.Line()
            for field in fields.dropFirst() {
                let parts = field.split(separator: "=")
                guard parts.count == 2 else { continue }
                switch parts[0] {
                case "avg10": line.average10 = hundredths(parts[1])
                case "avg60": line.average60 = hundredths(parts[1])
                case "avg300": line.average300 = hundredths(parts[1])
                case "total": line.total = UInt64(parts[1]) ?? 0
                default: continue
                }
            }
            switch fields.first {
            case "some": pressure.some = line
            case "full": pressure.full = line
            default: continue
            }
        }
        return pressure
    }

    /// `1.05` is 105; the kernel writes two digits after the point.
    private static func hundredths(_ text: Substring) -> UInt64 {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, parts[1].utf8.count == 2, let whole = UInt64(parts[0]),
            let rest = UInt64(parts[1]), whole < UInt64.max / 100 - 1
        else { return 0 }
        return whole * 100 + rest
    }
}
