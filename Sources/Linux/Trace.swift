// SPDX-License-Identifier: Apache-2.0

internal import CLinux

/// What several processes did and when, in memory that they share: a process adds to it what it has
/// done, and so do the copies that it makes of itself.
///
/// It is bounded: what comes after ``capacity`` events is counted and not kept.
@safe package final class Trace: @unchecked Sendable {
    /// One thing that a process did.
    package struct Event: Equatable, Sendable {
        package var name: String
        /// Which of the processes: see ``Trace/track``.
        package var track: Int32
        /// Nanoseconds on a clock that never goes back (CLOCK_MONOTONIC).
        package var begin: UInt64
        package var end: UInt64

        package init(name: String, track: Int32, begin: UInt64, end: UInt64) {
            self.name = name
            self.track = track
            self.begin = begin
            self.end = end
        }
    }

    /// How many events are kept.
    package static let capacity = 1023

    /// One event in memory: begin, end, track, length of the name, the name. The first place has how
    /// many there are.
    private static let slotSize = 128
    private static let nameOffset = 24
    private static let nameLimit = slotSize - nameOffset

    /// Which process adds to it: 1, until a copy of the process gives itself another number.
    package var track: Int32 = 1

    /// Never unmapped: it is needed until the process ends.
    private let start: UnsafeMutableRawPointer

    /// Makes an empty one. The system call is `mmap(2)`, shared and anonymous.
    package init() throws(SystemCallError) {
        guard let start = unsafe clinux_map_shared_anonymous((Self.capacity + 1) * Self.slotSize)
        else {
            throw SystemCallError("mmap", "", .current)
        }
        unsafe self.start = start
    }

    /// Now, on the clock of events.
    package static var now: UInt64 { Clock.nanoseconds }

    /// Adds an event of this process that ends now. A long name is cut.
    package func add(_ name: String, since begin: UInt64) {
        let end = Self.now
        let index = unsafe Int(clinux_next_number(start))
        guard index < Self.capacity else { return }
        let slot = unsafe start + (index + 1) * Self.slotSize
        let bytes = Array(name.utf8.prefix(Self.nameLimit))
        unsafe slot.storeBytes(of: begin, as: UInt64.self)
        unsafe slot.storeBytes(of: end, toByteOffset: 8, as: UInt64.self)
        unsafe slot.storeBytes(of: track, toByteOffset: 16, as: Int32.self)
        unsafe (slot + Self.nameOffset).copyMemory(from: bytes, byteCount: bytes.count)
        // Last: a length of 0 is an event that is not whole.
        unsafe slot.storeBytes(of: Int32(bytes.count), toByteOffset: 20, as: Int32.self)
    }

    /// All that is whole so far, by when it began.
    package var events: [Event] {
        let count = unsafe Int(clinux_number(start))
        var events: [Event] = []
        for index in 0..<min(count, Self.capacity) {
            let slot = unsafe start + (index + 1) * Self.slotSize
            let length = unsafe Int(slot.load(fromByteOffset: 20, as: Int32.self))
            guard length > 0, length <= Self.nameLimit else { continue }
            let name = unsafe UnsafeRawBufferPointer(start: slot + Self.nameOffset, count: length)
            events.append(
                Event(
                    name: unsafe String(decoding: name, as: UTF8.self),
                    track: unsafe slot.load(fromByteOffset: 16, as: Int32.self),
                    begin: unsafe slot.load(as: UInt64.self),
                    end: unsafe slot.load(fromByteOffset: 8, as: UInt64.self)))
        }
        events.sort { $0.begin < $1.begin }
        return events
    }

    /// How many came too late to be kept.
    package var dropped: Int { unsafe max(0, Int(clinux_number(start)) - Self.capacity) }
}

/// What a process does one thing after another, in a trace if there is one: each ends where the next
/// begins.
package struct Laps {
    private let trace: Trace?
    private var begin: UInt64

    package init(_ trace: Trace?) {
        self.trace = trace
        begin = trace == nil ? 0 : Trace.now
    }

    /// Ends one of them, and says what it was.
    package mutating func lap(_ name: @autoclosure () -> String) {
        guard let trace else { return }
        trace.add(name(), since: begin)
        begin = Trace.now
    }
}
