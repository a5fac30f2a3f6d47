// SPDX-License-Identifier: Apache-2.0

package import Linux

/// One thread's whole work: waits for descriptors, signals and points in time, and calls whoever
/// asked for them, one after the other.
///
/// ```swift
/// let loop = try EventLoop()
/// let input = try Watch(descriptor, of: loop, for: .readable) { _ in … }
/// loop.after(milliseconds: 500) { loop.stop() }
/// try loop.run()
/// ```
///
/// A handler may do anything: start and end watches, its own included, and stop the loop. An event
/// that came for a descriptor before it was closed is never given to the next file of its number.
package final class EventLoop {
    /// What has come for a descriptor.
    package typealias Events = Epoll.Events

    /// Called with what has come.
    package typealias Handler = (Events) -> Void

    /// Names a timer, to cancel it.
    package struct Timer: Equatable, Sendable {
        fileprivate let number: UInt64
    }

    private struct Registration {
        /// Tells the files apart that have had one number, one after the other.
        let generation: UInt32
        let handler: Handler
    }

    private struct Deadline {
        let time: Int
        let timer: Timer
        let body: () -> Void
    }

    private let epoll: Epoll
    /// Where what is moved is read to.
    let buffer = ReadBuffer()
    /// By the descriptor's number.
    private var registrations: [Registration?] = []
    private var generation: UInt32 = 0
    /// The earliest first. There are never many.
    private var deadlines: [Deadline] = []
    private var timersMade: UInt64 = 0
    private var isStopped = false
    private var restHandlers: [() -> Void] = []
    private var isResting = false
    /// How long nothing must have happened before it rests.
    private static let restlessMilliseconds = 500

    /// Makes one that waits for nothing yet.
    package init() throws(SystemCallError) { epoll = try Epoll() }

    // MARK: Descriptors

    /// Calls a handler whenever something comes for a descriptor. ``Watch`` does this for a
    /// descriptor that it owns.
    ///
    /// - Parameters:
    ///   - number: the descriptor; ``forget(_:)`` must be called before it is closed.
    ///   - events: what to wait for; a hang-up and a failure come unasked.
    ///   - handler: called from ``run()``.
    /// - Throws: EPERM for a regular file, which is always ready.
    package func watch(_ number: CInt, for events: Events, _ handler: @escaping Handler)
        throws(SystemCallError)
    {
        precondition(number >= 0, "a descriptor that was never open")
        let index = Int(number)
        generation &+= 1
        try epoll.add(number, events, token: Self.token(number, generation))
        while registrations.count <= index { registrations.append(nil) }
        registrations[index] = Registration(generation: generation, handler: handler)
    }

    /// Waits for something else on a descriptor that is watched.
    package func change(_ number: CInt, to events: Events) throws(SystemCallError) {
        guard let registration = registration(of: number) else { return }
        try epoll.change(number, to: events, token: Self.token(number, registration.generation))
    }

    /// Ends a watch; nothing happens when there is none.
    package func forget(_ number: CInt) {
        guard registration(of: number) != nil else { return }
        registrations[Int(number)] = nil
        // It fails only for a descriptor that was closed too early, which nothing watches then.
        try? epoll.remove(number)
    }

    private func registration(of number: CInt) -> Registration? {
        let index = Int(number)
        return registrations.indices.contains(index) ? registrations[index] : nil
    }

    private static func token(_ number: CInt, _ generation: UInt32) -> UInt64 {
        UInt64(generation) << 32 | UInt64(UInt32(bitPattern: number))
    }

    // MARK: Time

    /// Calls something once, from ``run()``, when a time has passed; with 0, as soon as the handler
    /// that asks has returned.
    @discardableResult
    package func after(milliseconds: Int, _ body: @escaping () -> Void) -> Timer {
        timersMade &+= 1
        let timer = Timer(number: timersMade)
        let (sum, isOver) = Clock.milliseconds.addingReportingOverflow(max(0, milliseconds))
        let time = isOver ? Int.max : sum
        // Behind those of the same time.
        let index = deadlines.firstIndex { $0.time > time } ?? deadlines.endIndex
        deadlines.insert(Deadline(time: time, timer: timer, body: body), at: index)
        return timer
    }

    /// Takes a timer back; nothing happens when its time has come already.
    package func cancel(_ timer: Timer?) {
        guard let timer else { return }
        deadlines.removeAll { $0.timer == timer }
    }

    // MARK: Running

    /// Works until ``stop()`` is called.
    package func run() throws(SystemCallError) {
        isStopped = false
        while !isStopped { try runOnce() }
    }

    /// Makes ``run()`` return as soon as the handler that calls this has returned.
    package func stop() { isStopped = true }

    /// Calls something each time that nothing has happened for a while, before memory is given
    /// back: whoever keeps some for speed's sake lets it go then.
    package func whenResting(_ body: @escaping () -> Void) { restHandlers.append(body) }

    /// A process that waits for long should not be felt: it keeps what waiting needs, and no more.
    private func rest() {
        buffer.release()
        for body in restHandlers { body() }
        Memory.trim()
        isResting = true
    }

    private func runOnce() throws(SystemCallError) {
        let due = deadlines.first.map { max(0, $0.time - Clock.milliseconds) }
        let mayRest = !isResting && due ?? .max > Self.restlessMilliseconds
        var hasCome = false
        try epoll.wait(
            milliseconds: mayRest ? Self.restlessMilliseconds : due, isLong: isResting
        ) { token, events in
            hasCome = true
            if isStopped { return }
            let number = CInt(bitPattern: UInt32(truncatingIfNeeded: token))
            guard let registration = registration(of: number),
                registration.generation == UInt32(truncatingIfNeeded: token >> 32)
            else { return }
            registration.handler(events)
        }
        if mayRest && !hasCome { return rest() }
        isResting = false
        // Those alone that are due now: one that asks for the next round at once must let
        // descriptors have their turn.
        let now = Clock.milliseconds
        let last = timersMade
        while !isStopped, let first = deadlines.first, first.time <= now,
            first.timer.number <= last
        {
            deadlines.removeFirst()
            first.body()
        }
    }
}

/// An open file and what happens when something comes for it. Both end with this value.
package final class Watch {
    /// The file.
    package let file: OpenFile
    private let loop: EventLoop

    /// Watches a file that others may have, too.
    ///
    /// - Parameters:
    ///   - file: open for as long as this value lives.
    ///   - loop: what watches.
    ///   - events: what to wait for.
    ///   - handler: called with what has come. Whoever owns this value must not be held by it.
    /// - Throws: EPERM for a regular file, which is always ready.
    package init(
        _ file: OpenFile, of loop: EventLoop, for events: EventLoop.Events,
        _ handler: @escaping EventLoop.Handler
    ) throws(SystemCallError) {
        try loop.watch(file.number, for: events, handler)
        self.file = file
        self.loop = loop
    }

    /// Takes over a descriptor and watches it; it is closed when this value goes.
    package convenience init(
        _ descriptor: consuming FileDescriptor, of loop: EventLoop,
        for events: EventLoop.Events, _ handler: @escaping EventLoop.Handler
    ) throws(SystemCallError) {
        try self.init(OpenFile(descriptor), of: loop, for: events, handler)
    }

    deinit { loop.forget(file.number) }

    /// The kernel's number of the file.
    package var number: CInt { file.number }

    /// Waits for something else.
    package func change(to events: EventLoop.Events) {
        do throws(SystemCallError) {
            try loop.change(number, to: events)
        } catch {
            // The kernel refuses a change only for want of memory, and this needs none.
            preconditionFailure("\(error)")
        }
    }
}
