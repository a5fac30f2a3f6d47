// SPDX-License-Identifier: Apache-2.0

internal import Linux

/// Where a caller wants the standard streams of a process.
struct StreamNames: Equatable {
    var input = ""
    var output = ""
    var errors = ""
    var terminal = false

    /// Whether there are none.
    var isEmpty: Bool { input.isEmpty && output.isEmpty && errors.isEmpty }
}

/// The standard streams of one process: pipes or a terminal, and what moves their bytes from and
/// to where the caller wants them.
///
/// ```
/// create ──▶ whenReady ──▶ the runtime is given `theirs` ──▶ connect ──▶ … ──▶ processHasEnded
/// ```
final class ProcessStreams {
    private let names: StreamNames
    private let loop: EventLoop
    private let log: ShimLog
    private let owner: (uid: UInt32, gid: UInt32)
    private var program: LoggingProgram?

    /// What the runtime gets as its own standard streams; nil for /dev/null, or for a terminal.
    private(set) var theirInput: OpenFile?
    private(set) var theirOutput: OpenFile?
    private(set) var theirErrors: OpenFile?

    private var inputPipe: OpenFile?
    private var outputPipe: OpenFile?
    private var errorPipe: OpenFile?
    /// A writer of the input's fifo, so that it does not end when a client goes.
    private var inputKeeper: OpenFile?
    private var inputCopy: StreamCopy?
    private var outputCopies: [StreamCopy] = []
    private var copiesLeft = 0
    private var master: OpenFile?
    /// The other side of the terminal: with it the master reports no hang-up when a program closes
    /// the terminal and opens it again later.
    private var peer: OpenFile?
    /// The fifos that output goes to. What nobody has read is gone with the last who has one open:
    /// a reader may come late.
    private var fifos: [OpenFile] = []
    private var onDrained: [() -> Void] = []
    private var hasToldLoss = false

    /// Makes what the runtime will be given.
    ///
    /// - Parameters:
    ///   - names: where the streams go.
    ///   - owner: of the pipes.
    ///   - loop: where this happens.
    ///   - log: where what goes wrong is told.
    init(
        _ names: StreamNames, owner: (uid: UInt32, gid: UInt32), in loop: EventLoop, log: ShimLog
    ) {
        self.names = names
        self.owner = owner
        self.loop = loop
        self.log = log
    }

    /// Prepares, and calls back when the runtime may be started.
    ///
    /// - Parameters:
    ///   - id: the container's or the exec's.
    ///   - namespace: of containerd's.
    ///   - reaper: of that loop.
    ///   - whenReady: called once.
    func prepare(
        id: String, namespace: String, _ reaper: Reaper, whenReady: @escaping (CallError?) -> Void
    ) {
        do throws(CallError) {
            let uri = try StreamURI(names.output)
            if let command = try LoggingProgram.Command(uri) {
                if !names.terminal && !names.input.isEmpty {
                    try doing("standard input") { () throws(SystemCallError) in
                        try makeInputPipe()
                    }
                    if let inputPipe { try copyInput(to: inputPipe) }
                    inputPipe = nil
                }
                return try doing("logging program \"\(command.path)\"") {
                    () throws(SystemCallError) in
                    try start(command, id: id, namespace, reaper, whenReady)
                }
            }
            guard ["", "file", "fifo"].contains(uri.scheme) else {
                throw CallError(.invalidArgument, "unknown stream \"\(names.output)\"")
            }
            if !names.terminal {
                try doing("standard streams") { () throws(SystemCallError) in try makePipes() }
                // From now on: a runtime may have much to say itself.
                try connectPipes()
            }
            whenReady(nil)
        } catch {
            whenReady(error)
        }
    }

    private func start(
        _ command: LoggingProgram.Command, id: String, _ namespace: String, _ reaper: Reaper,
        _ whenReady: @escaping (CallError?) -> Void
    ) throws(SystemCallError) {
        let program = try LoggingProgram(
            command, id: id, namespace: namespace, in: loop, reaper, onReady: whenReady)
        self.program = program
        if names.terminal { return }
        theirOutput = program.output
        theirErrors = program.errors
        program.releaseEnds()
        for file in [theirOutput, theirErrors] { if let file { try own(file) } }
    }

    private func makePipes() throws(SystemCallError) {
        if !names.input.isEmpty { try makeInputPipe() }
        if !names.output.isEmpty { (outputPipe, theirOutput) = try makeOutputPipe() }
        if !names.errors.isEmpty { (errorPipe, theirErrors) = try makeOutputPipe() }
    }

    private func makeInputPipe() throws(SystemCallError) {
        let pipe = try PipePair()
        try Readiness.makeNonBlocking(pipe.writing)
        let ends = Self.ends(of: pipe)
        (theirInput, inputPipe) = (ends.reading, ends.writing)
        try own(ends.reading)
    }

    private func makeOutputPipe() throws(SystemCallError) -> (OpenFile, OpenFile) {
        let pipe = try PipePair()
        try Readiness.makeNonBlocking(pipe.reading)
        let ends = Self.ends(of: pipe)
        try own(ends.writing)
        return (ends.reading, ends.writing)
    }

    private func own(_ file: OpenFile) throws(SystemCallError) {
        if owner.uid == 0 && owner.gid == 0 { return }
        try File.changeOwner(ofNumber: file.number, uid: owner.uid, gid: owner.gid)
    }

    private static func ends(of pipe: consuming PipePair) -> (
        reading: OpenFile, writing: OpenFile
    ) {
        let reading = pipe.reading
        let writing = pipe.writing
        return (OpenFile(reading), OpenFile(writing))
    }

    // MARK: - While the process runs

    /// Starts to move bytes: the process is there.
    ///
    /// - Parameter terminal: the master of its terminal, if it has one.
    /// - Throws: when something of that fails.
    func connect(terminal: consuming FileDescriptor?) throws(CallError) {
        theirInput = nil
        theirOutput = nil
        theirErrors = nil
        if let terminal { try connectTerminal(terminal) }
    }

    private func connectPipes() throws(CallError) {
        let sink = outputPipe == nil ? nil : try openSink(names.output)
        if let outputPipe, let sink { try copy(outputPipe, to: sink) }
        if let errorPipe {
            // One open file for both keeps their order.
            if let sink, names.errors == names.output || isFile {
                try copy(errorPipe, to: sink)
            } else {
                try copy(errorPipe, to: openSink(names.errors))
            }
        }
        outputPipe = nil
        errorPipe = nil
        if let inputPipe { try copyInput(to: inputPipe) }
        inputPipe = nil
    }

    /// Whether all output goes to a file: then the errors go there too, whatever their name.
    private var isFile: Bool { names.output.hasPrefix("file://") }

    private func connectTerminal(_ terminal: consuming FileDescriptor) throws(CallError) {
        let main = OpenFile(terminal)
        let (other, peer) = try doing("the terminal") {
            () throws(SystemCallError) -> (OpenFile, OpenFile?) in
            try Readiness.makeNonBlocking(main.descriptor)
            let other = OpenFile(try main.descriptor.duplicate())
            // Without it a terminal is at its end when all have closed it.
            guard let peer = try? Terminal.openPeer(of: main.descriptor) else {
                return (other, nil)
            }
            return (other, OpenFile(peer))
        }
        master = main
        self.peer = peer
        if let output = program?.output {
            program?.releaseEnds()
            try doing("the terminal") { () throws(SystemCallError) in
                try Readiness.makeNonBlocking(output.descriptor)
            }
            try copy(main, to: output)
        } else if !names.output.isEmpty {
            try copy(main, to: try openSink(names.output))
        } else {
            // Somebody has to read, or the process waits.
            try copy(main, to: try openSink("/dev/null"))
        }
        // A descriptor of its own: in an epoll a number is waited for once.
        if !names.input.isEmpty { try copyInput(to: other) }
    }

    private func copy(_ source: OpenFile, to sink: OpenFile) throws(CallError) {
        copiesLeft += 1
        let copy = try doing("standard streams") { () throws(SystemCallError) in
            try StreamCopy(
                from: source, to: sink, in: loop,
                onLoss: { [weak self] error in self?.tellLoss(error) },
                onEnd: { [weak self] in self?.copyHasEnded() })
        }
        outputCopies.append(copy)
    }

    private func copyInput(to destination: OpenFile) throws(CallError) {
        let name = names.input
        let (source, keeper) = try doing("standard input \"\(name)\"") {
            () throws(SystemCallError) -> (OpenFile, OpenFile) in
            let source = try File.open(name, [.readOnly, .nonBlocking])
            let keeper = try File.open(name, [.writeOnly, .nonBlocking])
            return (OpenFile(source), OpenFile(keeper))
        }
        inputKeeper = keeper
        inputCopy = try doing("standard input") { () throws(SystemCallError) in
            try StreamCopy(from: source, to: destination, in: loop)
        }
    }

    private func openSink(_ name: String) throws(CallError) -> OpenFile {
        let uri = try StreamURI(name)
        return try doing("standard stream \"\(name)\"") { () throws(SystemCallError) in
            if uri.scheme == "file" {
                try Self.makeParents(of: uri.path)
                return OpenFile(
                    try File.open(
                        uri.path, [.writeOnly, .append, .create, .nonBlocking],
                        permissions: 0o644))
            }
            if try File.status(of: uri.path, followingLink: true).type == .fifo {
                // For reading too: then it never has no reader, and a client that goes away does
                // not break it (fifo(7)).
                let fifo = OpenFile(try File.open(uri.path, [.readWrite, .nonBlocking]))
                fifos.append(fifo)
                return fifo
            }
            return OpenFile(try File.open(uri.path, [.writeOnly, .append, .nonBlocking]))
        }
    }

    private static func makeParents(of path: String) throws(SystemCallError) {
        guard path.hasPrefix("/") else { throw SystemCallError("open", path, .invalid) }
        var end = path.utf8.startIndex
        while let slash = path.utf8[path.utf8.index(after: end)...].firstIndex(
            of: UInt8(ascii: "/"))
        {
            do throws(SystemCallError) {
                try File.makeDirectory(String(path[..<slash]), permissions: 0o755)
            } catch where error.errno == .exists {}
            end = slash
        }
    }

    private func tellLoss(_ error: SystemCallError) {
        if hasToldLoss { return }
        hasToldLoss = true
        log.write(.error, "output to \"\(names.output)\" is lost: \(error)")
    }

    /// Closes the process's standard input, once clients have closed it too.
    func closeInput() { inputKeeper = nil }

    /// Changes the size of the terminal, if there is one.
    func resize(_ size: WindowSize) throws(SystemCallError) {
        if let master { try Terminal.setSize(size, of: master.number) }
    }

    // MARK: - The end

    /// Tells that the process has ended: no more input; of output what it had written, and what
    /// others that have its pipes still write.
    func processHasEnded() {
        inputCopy?.end()
        inputCopy = nil
        inputKeeper = nil
        if master != nil { for copy in outputCopies { copy.endWithTerminal() } }
        peer = nil
        master = nil
    }

    /// Calls something when readers have taken what the process had written, or when a time is
    /// over: some stop to read when they are told of the end.
    func whenTaken(milliseconds: Int, _ body: @escaping () -> Void) {
        processHasEnded()
        let copies = outputCopies
        wait(until: Clock.milliseconds + milliseconds, body) { [self] in
            var isMoved = true
            for copy in copies where !copy.catchUp() { isMoved = false }
            return isMoved && areFifosEmpty
        }
    }

    private var areFifosEmpty: Bool {
        // We have them open for reading, too.
        let unread = try? Poll.readable(fifos.map(\.number), milliseconds: 0)
        return !(unread ?? []).contains(true)
    }

    /// Looks again and again, less and less often: nobody tells when a fifo is read.
    private func wait(
        until end: Int, pause: Int = 1, _ body: @escaping () -> Void,
        isOver: @escaping () -> Bool
    ) {
        if isOver() || Clock.milliseconds >= end { return body() }
        loop.after(milliseconds: pause) { [self] in
            wait(until: end, pause: min(2 * pause, 1000), body, isOver: isOver)
        }
    }

    /// Calls something when all output has been moved, or when a time is over.
    func whenDrained(milliseconds: Int, _ body: @escaping () -> Void) {
        if copiesLeft == 0 { return whenProgramHasEnded(body) }
        var isCalled = false
        let once = { [self] in
            if isCalled { return }
            isCalled = true
            if copiesLeft > 0 { log.write(.warning, "output is cut off: it does not end") }
            close()
            whenProgramHasEnded(body)
        }
        onDrained.append(once)
        loop.after(milliseconds: milliseconds, once)
    }

    private func whenProgramHasEnded(_ body: @escaping () -> Void) {
        guard let program else { return body() }
        self.program = nil
        program.whenEnded(body)
    }

    private func copyHasEnded() {
        copiesLeft -= 1
        if copiesLeft > 0 { return }
        wait(until: .max, { [self] in fifos = [] }) { [self] in
            areFifosEmpty
        }
        let bodies = onDrained
        onDrained = []
        for body in bodies { body() }
    }

    /// Lets everything go; what was not moved is lost.
    func close() {
        inputCopy?.end()
        inputCopy = nil
        inputKeeper = nil
        for copy in outputCopies { copy.end() }
        outputCopies = []
        (theirInput, theirOutput, theirErrors) = (nil, nil, nil)
        (inputPipe, outputPipe, errorPipe) = (nil, nil, nil)
        (master, peer) = (nil, nil)
        fifos = []
    }

    /// Undoes what was prepared for a process that did not come to be.
    func abandon() {
        close()
        program?.kill()
        program = nil
    }
}

/// Tells early of a program that could only be told of in the streams of a container later.
func executablePath(_ path: String, _ what: String) throws(CallError) -> String {
    let type = try doing("\(what) \"\(path)\"") { () throws(SystemCallError) in
        try File.status(of: path).type
    }
    guard type == .regular, File.permits(.execute, path) else {
        throw CallError(.unknown, "\(what) \"\(path)\" cannot be executed")
    }
    return path
}

/// Does something of the kernel's, and says what for when it fails.
func doing<Value: ~Copyable>(
    _ name: String, _ body: () throws(SystemCallError) -> Value
) throws(CallError) -> Value {
    do throws(SystemCallError) {
        return try body()
    } catch {
        throw CallError(error.errno == .noEntry ? .notFound : .unknown, "\(name): \(error)")
    }
}
