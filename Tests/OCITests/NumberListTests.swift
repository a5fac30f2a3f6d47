// SPDX-License-Identifier: Apache-2.0

import OCI
import Testing

@Suite struct `A list of numbers` {
    @Test(
        arguments: [
            ("0", [0...0]), ("0-3,7", [0...3, 7...7]), ("5-5", [5...5]),
            (" 1 , 2 - 3 ", [1...1, 2...3]),
            ("4294967295", [.max ... .max]), ("7,0-3,7", [7...7, 0...3, 7...7]),
        ] as [(String, [ClosedRange<UInt32>])])
    func `has numbers and ranges`(text: String, ranges: [ClosedRange<UInt32>]) {
        #expect(NumberList(text)?.ranges == ranges)
    }

    @Test(arguments: [
        "", ",", "0,", ",0", "-", "0-", "-1", "3-0", "0-1-2", "a", "+1", "0x1", "4294967296", "1 2",
        "０", "99999999999999999999999",
    ])
    func `is nothing else`(text: String) {
        #expect(NumberList(text) == nil)
    }
}
