// SPDX-License-Identifier: Apache-2.0

/// Guesses what a mistyped word was meant to be.
package enum Suggestion {
    /// The nearest of some words, if it is near enough to have been meant: one slip, or one for
    /// every three letters.
    package static func nearest(to word: String, in candidates: [String]) -> String? {
        // Nobody types so much by mistake; and the work grows with the square.
        if word.utf8.count > 64 { return nil }
        var best: String?
        var bestDistance = max(1, word.unicodeScalars.count / 3) + 1
        for candidate in candidates {
            let distance = distance(word, candidate)
            if distance < bestDistance {
                best = candidate
                bestDistance = distance
            }
        }
        return best
    }

    /// `; did you mean "create"?`, or nothing.
    package static func phrase(_ suggestion: String?) -> String {
        guard let suggestion else { return "" }
        return "; did you mean \"\(suggestion)\"?"
    }

    /// Letters that were left out, added, exchanged or swapped with their neighbour.
    package static func distance(_ one: String, _ other: String) -> Int {
        let first = Array(one.lowercased().unicodeScalars)
        let second = Array(other.lowercased().unicodeScalars)
        var beforeLast: [Int] = []
        var last = Array(0...second.count)
        for row in 0..<first.count {
            var current = [row + 1]
            for column in 0..<second.count {
                let isSame = first[row] == second[column]
                var least = min(
                    last[column] + (isSame ? 0 : 1), last[column + 1] + 1, current[column] + 1)
                if row > 0, column > 0, first[row] == second[column - 1],
                    first[row - 1] == second[column]
                {
                    least = min(least, beforeLast[column - 1] + 1)
                }
                current.append(least)
            }
            beforeLast = last
            last = current
        }
        return last[second.count]
    }
}
