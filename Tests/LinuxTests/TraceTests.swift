// SPDX-License-Identifier: Apache-2.0

import Linux
import Testing

@Suite struct `A trace` {
    @Test func `keeps what was done, by when it began`() throws {
        let trace = try Trace()
        let first = Trace.now
        let second = Trace.now
        trace.add("inner", since: second)
        trace.add("outer \u{e9}", since: first)
        let events = trace.events
        #expect(events.map(\.name) == ["outer \u{e9}", "inner"])
        #expect(events.allSatisfy { $0.begin <= $0.end && $0.track == 1 })
        #expect(trace.dropped == 0)
    }

    @Test func `is one for a process and the copies that it makes of itself`() throws {
        let trace = try Trace()
        switch try Process.clone([]) {
        case .child:
            trace.track = 2
            trace.add("the copy's", since: Trace.now)
            Process.exitNow(0)
        case .parent(_, let pidfd):
            #expect(try Process.wait(for: pidfd) == .exited(0))
        }
        trace.add("ours", since: Trace.now)
        #expect(trace.events.map(\.name) == ["the copy's", "ours"])
        #expect(trace.events.map(\.track) == [2, 1])
    }

    @Test func `cuts names, and counts what it has no place for`() throws {
        let trace = try Trace()
        trace.add(String(repeating: "x", count: 1000), since: Trace.now)
        #expect(trace.events.first?.name == String(repeating: "x", count: 104))
        for _ in 0..<Trace.capacity + 5 { trace.add("more", since: Trace.now) }
        #expect(trace.events.count == Trace.capacity)
        #expect(trace.dropped == 6)
    }

    @Test func `has laps that lie end to end, and none without a trace`() throws {
        let trace = try Trace()
        var laps = Laps(trace)
        laps.lap("one")
        laps.lap("two")
        let events = trace.events
        #expect(events.map(\.name) == ["one", "two"])
        #expect(events[0].end <= events[1].begin)
        var none = Laps(nil)
        none.lap("\(Int.random(in: 0...9))")
    }
}
