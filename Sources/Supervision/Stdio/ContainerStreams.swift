// SPDX-License-Identifier: Apache-2.0

package import Linux

/// A container's standard streams: its ends of them for the runtime to hand over, and ours, between
/// which and logs and clients everything is moved.
package final class ContainerStreams {
    /// What the container has for them.
    package enum Kind: Equatable, Sendable {
        /// A pipe for each; one to read from only if there is input.
        case pipes(input: Bool)
        /// A terminal, which the runtime makes and sends us.
        case terminal
        /// Our own ones.
        case inherited
    }

    private let kind: Kind
    private let loop: EventLoop
    private let leavesInputOpen: Bool
    /// What we have for the runtime; closed once it has them.
    private var theirInput: OpenFile?
    private var theirOutput: OpenFile?
    private var theirErrors: OpenFile?
    private var input: WriteQueue?
    private var pumps: [OutputPump] = []
    private var master: OpenFile?
    /// Kept open, so that a program that closes its terminal may open it again.
    private var peer: OpenFile?
    private var size: WindowSize?
    /// What the runtime itself has written to standard error before the container ran.
    private var early: [UInt8]? = []
    /// Where output is kept.
    package let logs = LogSet()
    private var server: AttachServer?

    /// Makes the pipes.
    ///
    /// - Parameters:
    ///   - kind: what the container gets.
    ///   - leavesInputOpen: whether a client's end of input is not the program's.
    ///   - loop: where all is moved.
    /// - Throws: when there are no descriptors left.
    package init(_ kind: Kind, leavesInputOpen: Bool, in loop: EventLoop) throws(SystemCallError) {
        self.kind = kind
        self.leavesInputOpen = leavesInputOpen
        self.loop = loop
        logs.onRoom = { [weak self] in self?.resume() }
        switch kind {
        case .pipes(let hasInput):
            if hasInput { try openInput() }
            theirOutput = try openOutput(.output)
            theirErrors = try openOutput(.errors)
        case .terminal:
            // The runtime's own words; the container's come by the terminal.
            theirErrors = try openOutput(.errors)
        case .inherited:
            break
        }
    }

    private func openInput() throws(SystemCallError) {
        let pipe = try PipePair()
        theirInput = OpenFile(pipe.reading)
        let writing = pipe.writing
        try Readiness.makeNonBlocking(writing)
        try takeInput(into: writing)
    }

    private func takeInput(into writing: consuming FileDescriptor) throws(SystemCallError) {
        let queue = try WriteQueue(to: OpenFile(writing), limit: 64 << 10, in: loop)
        queue.onRoom = { [weak self] in self?.server?.setTakesInput(true) }
        input = queue
    }

    private func openOutput(_ stream: OutputStream) throws(SystemCallError) -> OpenFile {
        let pipe = try PipePair()
        File.setPipeSize(1 << 20, of: pipe.reading)
        let capacity = File.pipeSize(of: pipe.reading)
        // Open to be read as well: were we killed, the container would otherwise be ended by the
        // next thing it writes (SIGPIPE).
        let both = try File.open(pipe.writing.procPath, [.readWrite])
        try pump(pipe.reading, stream, capacity: capacity)
        return OpenFile(both)
    }

    private func pump(
        _ reading: consuming FileDescriptor, _ stream: OutputStream, capacity: Int
    ) throws(SystemCallError) {
        pumps.append(
            try OutputPump(
                OpenFile(reading), capacity: capacity, in: loop,
                isHeldUp: { [weak self] in self?.isHeldUp ?? false },
                deliver: { [weak self] in self?.deliver($0, from: stream) }))
    }

    // MARK: For the runtime

    /// Has a command of the runtime's get the container's ends.
    package func hand(to command: RuntimeCommand) {
        if kind == .inherited {
            command.input = .descriptor(0)
            command.output = .descriptor(1)
            command.errors = .descriptor(2)
            return
        }
        command.input = theirInput.map { .descriptor($0.number) } ?? .nothing
        command.output = theirOutput.map { .descriptor($0.number) } ?? .dropped
        command.errors = theirErrors.map { .descriptor($0.number) } ?? .dropped
    }

    /// Closes the container's ends here: to be called when the runtime's process has been started.
    package func closeTheirs() {
        theirInput = nil
        theirOutput = nil
        theirErrors = nil
    }

    /// What was written to standard error before ``begin()``: a runtime that fails says why there,
    /// where the container's program would write.
    package func earlyErrors() -> [UInt8] {
        for pump in pumps { pump.drain() }
        return early ?? []
    }

    /// Tells that the container is made: what comes on standard error is the program's. A program
    /// that runs at once may have written already.
    package func begin() {
        let words = early ?? []
        early = nil
        if !words.isEmpty { deliver(words[...], from: .errors) }
    }

    /// Takes the terminal that the runtime has made.
    package func take(_ terminal: consuming FileDescriptor) throws(SystemCallError) {
        try Readiness.makeNonBlocking(terminal)
        let peer = try Terminal.openPeer(of: terminal)
        let reading = try terminal.duplicate()
        let writing = try terminal.duplicate()
        try takeInput(into: writing)
        self.peer = OpenFile(peer)
        master = OpenFile(terminal)
        // More than the kernel keeps of what was written to a terminal.
        try pump(reading, .output, capacity: 128 << 10)
        if let size { resize(to: size) }
    }

    // MARK: Clients

    /// Offers the streams to clients.
    ///
    /// - Parameters:
    ///   - name: the socket's file.
    ///   - directory: where it is.
    /// - Throws: when there can be no such socket.
    package func serve(at name: String, in directory: borrowing FileDescriptor)
        throws(SystemCallError)
    {
        server = try AttachServer(
            at: name, in: directory, of: loop,
            events: AttachServer.Events(
                input: { [weak self] in self?.takeInput($0) },
                inputEnd: { [weak self] in self?.endInput() },
                room: { [weak self] in self?.resume() }))
    }

    private func takeInput(_ bytes: ArraySlice<UInt8>) {
        guard let input else { return }
        input.append(bytes)
        if input.isFull { server?.setTakesInput(false) }
    }

    private func endInput() {
        // A terminal has no end: a program may read it again.
        if leavesInputOpen || kind == .terminal { return }
        input?.endWhenEmpty()
    }

    /// Gives the terminal a size; one that is not there yet gets it later.
    package func resize(to size: WindowSize) {
        self.size = size
        // The terminal may be gone with its program.
        if let master { try? Terminal.setSize(size, of: master.number) }
    }

    // MARK: Output

    private var isHeldUp: Bool { server?.isCongested == true || logs.isCongested }

    private func resume() {
        if isHeldUp { return }
        for pump in pumps { pump.resume() }
    }

    private func deliver(_ bytes: ArraySlice<UInt8>, from stream: OutputStream) {
        if stream == .errors, let words = early {
            let room = RuntimeCommand.keptLimit - words.count
            if room > 0 { early = words + bytes.prefix(room) }
            return
        }
        logs.write(bytes, from: stream)
        server?.send(bytes, from: stream)
    }

    /// Whether the container has closed all its outputs.
    package var haveEnded: Bool {
        for pump in pumps where !pump.hasEnded { return false }
        return true
    }

    /// Moves all output that was written before this call into the logs, and closes them. Of what
    /// other processes write later nothing is read: nobody can know when they will end.
    package func drain() {
        for pump in pumps { pump.drain() }
        pumps = []
        logs.close()
    }

    /// Lets clients read what they have not read yet, and ends.
    package func finish(_ done: @escaping () -> Void) {
        input = nil
        master = nil
        peer = nil
        guard let server else {
            done()
            return
        }
        self.server = nil
        server.finish(done)
    }
}
