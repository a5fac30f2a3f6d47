// SPDX-License-Identifier: Apache-2.0

/// A list of CPUs or memory nodes: comma-separated numbers and ranges, such as `0-3,7`.
package struct NumberList: Equatable, Sendable {
    package let ranges: [ClosedRange<UInt32>]

    /// nil for a text that is no such list; the empty text is none.
    package init?(_ text: String) {
        var ranges: [ClosedRange<UInt32>] = []
        for item in text.split(separator: ",", omittingEmptySubsequences: false) {
            let bounds = item.split(separator: "-", omittingEmptySubsequences: false)
            guard 1...2 ~= bounds.count, let first = Self.number(bounds[0]),
                let last = Self.number(bounds[bounds.count - 1]), first <= last
            else { return nil }
            ranges.append(first...last)
        }
        self.ranges = ranges
    }

    /// Digits between spaces.
    private static func number(_ text: Substring) -> UInt32? {
        var digits = text
        while digits.first == " " { digits.removeFirst() }
        while digits.last == " " { digits.removeLast() }
        let isNumber = digits.utf8.allSatisfy { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }
        return isNumber ? UInt32(digits) : nil
    }
}
