// SPDX-License-Identifier: Apache-2.0

internal import Linux
internal import Protobuf

/// A process of a container that a caller knows by an id: the first one, or one that `Exec` made.
final class TaskProcess {
    enum State {
        /// There is no program yet: `Start` is waited for.
        case created
        case running
        case stopped
    }

    /// How it ended.
    struct Exit: Equatable {
        var status: UInt32
        var time: Timestamp
    }

    /// The exec's; empty for the first process.
    let execID: String
    let names: StreamNames
    /// What to run, as JSON; empty for the first process.
    let specification: [UInt8]
    let streams: ProcessStreams
    /// One change after the other.
    let queue = OperationQueue()
    var state = State.created
    var pid: Int32 = 0
    /// Held since before it could be reaped.
    var handle: OpenFile?
    /// Set once it has ended and that has been told.
    private(set) var exit: Exit?
    /// While it is being started its end is only kept, because the start is told first.
    var isStarting = false
    var earlyEnd: ProcessEnd?
    private var waiters: [(Exit) -> Void] = []

    init(
        execID: String = "", names: StreamNames, specification: [UInt8] = [],
        streams: ProcessStreams
    ) {
        self.execID = execID
        self.names = names
        self.specification = specification
        self.streams = streams
    }

    var isFirst: Bool { execID.isEmpty }

    /// Calls something when it has ended; at once when it has.
    func whenExited(_ body: @escaping (Exit) -> Void) {
        if let exit { body(exit) } else { waiters.append(body) }
    }

    /// Notes the end.
    func setExit(_ exit: Exit) {
        self.exit = exit
        state = .stopped
        handle = nil
        streams.processHasEnded()
    }

    /// Tells those who wait.
    func tellWaiters() {
        guard let exit else { return }
        let bodies = waiters
        waiters = []
        for body in bodies { body(exit) }
    }
}
