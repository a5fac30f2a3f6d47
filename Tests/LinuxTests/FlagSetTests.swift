// SPDX-License-Identifier: Apache-2.0

import Linux
import Testing

@Suite struct `A set of flags` {
    private struct Bits: OptionSet { let rawValue: UInt32 }

    @Test func `answers as the standard library's does, for each two of some`() {
        for first in UInt32(0)..<16 {
            for second in UInt32(0)..<16 {
                let (mine, other) = (
                    NamespaceFlags(rawValue: .init(first)), NamespaceFlags(rawValue: .init(second))
                )
                let (theirs, their) = (Bits(rawValue: first), Bits(rawValue: second))
                #expect(mine.contains(other) == theirs.contains(their))
                #expect(mine.isSuperset(of: other) == theirs.isSuperset(of: their))
                #expect(mine.isSubset(of: other) == theirs.isSubset(of: their))
                #expect(mine.isDisjoint(with: other) == theirs.isDisjoint(with: their))
                #expect(mine.isEmpty == theirs.isEmpty)
                var sets = [mine, mine, mine, mine, mine]
                sets[0].formUnion(other)
                sets[1].formIntersection(other)
                sets[2].subtract(other)
                sets[3].insert(other)
                sets[4].remove(other)
                let expected = [
                    theirs.union(their), theirs.intersection(their), theirs.subtracting(their),
                    theirs.union(their), theirs.subtracting(their),
                ].map { UInt64($0.rawValue) }
                #expect(sets.map { UInt64($0.rawValue) } == expected)
                #expect(
                    [mine.union(other), mine.intersection(other), mine.subtracting(other)].map {
                        UInt64($0.rawValue)
                    } == Array(expected[..<3]))
                let listed: NamespaceFlags = [mine, other]
                #expect(listed == mine.union(other))
            }
        }
        let none: NamespaceFlags = []
        #expect(none.isEmpty)
    }
}
