// SPDX-License-Identifier: Apache-2.0

/// Sizes and times as they are written on a command line.
enum Quantity {
    /// Bytes, from a number and perhaps one of b, k, m, g, t, p, in either case, each 1024 times
    /// the one before, perhaps with `b` or `ib` after it; -1 stands for no limit. nil for anything
    /// else, and for what is over 64 bits.
    static func bytes(_ text: String) -> Int64? {
        if text == "-1" { return -1 }
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        guard let number = Int64(digits) else { return nil }
        var unit = text[digits.endIndex...].lowercased()
        if unit.hasPrefix(" ") { unit.removeFirst() }
        let power: Int64? =
            switch unit {
            case "", "b": 0
            case "k", "kb", "kib": 10
            case "m", "mb", "mib": 20
            case "g", "gb", "gib": 30
            case "t", "tb", "tib": 40
            case "p", "pb", "pib": 50
            default: nil
            }
        guard let power else { return nil }
        let (bytes, isOver) = number.multipliedReportingOverflow(by: 1 << power)
        return isOver ? nil : bytes
    }

    /// Milliseconds, 1 or more, from numbers with h, m, s, ms, us or ns, one after the other; nil
    /// for anything else.
    static func milliseconds(_ text: String) -> Int? {
        var rest = text[...]
        var nanoseconds = 0
        if rest.isEmpty { return nil }
        while !rest.isEmpty {
            let digits = rest.prefix { $0.isASCII && $0.isNumber }
            guard let number = Int(digits) else { return nil }
            rest = rest.dropFirst(digits.count)
            let unit = rest.prefix { $0.isLetter }
            rest = rest.dropFirst(unit.count)
            guard let factor = Self.length(of: unit) else { return nil }
            let (part, isOver) = number.multipliedReportingOverflow(by: factor)
            let (sum, isOverToo) = nanoseconds.addingReportingOverflow(part)
            if isOver || isOverToo { return nil }
            nanoseconds = sum
        }
        return nanoseconds > 0 ? max(1, nanoseconds / 1_000_000) : nil
    }

    /// In nanoseconds.
    private static func length(of unit: Substring) -> Int? {
        switch unit {
        case "h": 3_600_000_000_000
        case "m": 60_000_000_000
        case "s": 1_000_000_000
        case "ms": 1_000_000
        case "us", "µs": 1000
        case "ns": 1
        default: nil
        }
    }
}
