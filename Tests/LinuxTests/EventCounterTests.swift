// SPDX-License-Identifier: Apache-2.0

import Linux
import Testing

@Suite struct `A counter of events` {
    @Test func `starts at none, and is taken down to none`() throws {
        let counter = try EventCounter.make()
        #expect(try EventCounter.take(from: counter) == 0)
        #expect(
            try Poll.wait(readable: [counter.number], changed: [], milliseconds: 0).readable == [
                false
            ])
        // Eight bytes in the machine's order.
        let three: [UInt8] = [3, 0, 0, 0, 0, 0, 0, 0]
        let swapped: [UInt8] = three.reversed()
        try File.write(UInt64(1).bigEndian == 1 ? swapped : three, to: counter.number)
        #expect(
            try Poll.wait(readable: [-1, counter.number], changed: [-1], milliseconds: 0).readable
                == [false, true])
        #expect(try EventCounter.take(from: counter) == 3)
        #expect(try EventCounter.take(from: counter) == 0)
    }
}
