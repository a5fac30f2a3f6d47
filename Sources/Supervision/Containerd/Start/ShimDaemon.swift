// SPDX-License-Identifier: Apache-2.0

internal import Linux

/// The shim itself: it stays beside its containers until containerd lets it go.
enum ShimDaemon {
    /// Where `start` puts the listening socket.
    private static let listenerNumber: CInt = 3
    /// How long events may still take when all is over.
    private static let farewellTime = 5000

    /// Serves until the end.
    static func run(_ arguments: ShimArguments) throws(CallError) {
        guard Descriptors.isOpen(listenerNumber) else {
            throw CallError(
                .invalidArgument, "there is no socket: containerd starts a shim with \"start\"")
        }
        let log = ShimLog(fifo: "log", id: arguments.id, debug: arguments.isDebug)
        do throws(SystemCallError) {
            try serve(arguments, log)
        } catch {
            log.write(.error, "the shim ends: \(error)")
            throw CallError(.unknown, "\(error)")
        }
    }

    private static func serve(_ arguments: ShimArguments, _ log: ShimLog) throws(SystemCallError) {
        // What containerd was started with is not ours to keep open.
        try Descriptors.closeAll(from: listenerNumber + 1)
        // Close-on-exec, as all that we open ourselves.
        let listener = try Descriptors.duplicate(listenerNumber)
        try FileDescriptor(owning: listenerNumber).close()
        try Process.becomeSubreaper()
        Process.setName("containerd-shim")
        let loop = try EventLoop()
        let signals = try SignalSource(
            [Signal.child, Signal.terminate, Signal.interrupt], in: loop)
        let reaper = Reaper(loop: loop, signals: signals)
        let publisher = EventPublisher(
            address: Process.environmentVariable("TTRPC_ADDRESS") ?? "",
            namespace: arguments.namespace, in: loop, log: log)
        var farewell: () -> Void = {}
        let service = TaskService(
            namespace: arguments.namespace, publisher: publisher, in: loop, reaper, log: log,
            onShutdown: { farewell() })
        let server = try TtrpcServer(listener, in: loop, log: log) { request, reply in
            service.handle(request, reply)
        }
        var isLeaving = false
        farewell = {
            if isLeaving { return }
            isLeaving = true
            // Whoever comes now finds no shim, and starts another.
            if !arguments.socket.isEmpty {
                try? File.remove(arguments.socket, at: Directory.current)
            }
            server.stopListening()
            publisher.whenEmpty(milliseconds: farewellTime) {
                stop(loop, whenDrained: server, rounds: 50)
            }
        }
        for signal in [Signal.terminate, Signal.interrupt] {
            signals.handle(signal) {
                // Containers would lose whoever knows how they end.
                guard service.isIdle else {
                    return log.write(
                        .warning, "\(Signal.name(of: signal)) is passed over: there are containers")
                }
                farewell()
            }
        }
        log.write(.debug, "the shim serves")
        try loop.run()
        farewell = {}
    }

    /// Ends once the last answer has been taken, or soon.
    private static func stop(_ loop: EventLoop, whenDrained server: TtrpcServer, rounds: Int) {
        if server.isDrained || rounds == 0 { return loop.stop() }
        loop.after(milliseconds: 20) { stop(loop, whenDrained: server, rounds: rounds - 1) }
    }
}
