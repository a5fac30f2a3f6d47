// SPDX-License-Identifier: Apache-2.0

package import Linux

/// Takes calls on a socket, and hands them to a service.
package final class TtrpcServer {
    /// To be called once with the answer, now or later.
    package typealias Reply = (Result<[UInt8], CallError>) -> Void
    /// Does what a request asks.
    package typealias Service = (TtrpcRequest, @escaping Reply) -> Void

    /// containerd has one connection to a shim for each container.
    private static let connectionLimit = 1024

    private let loop: EventLoop
    private let log: ShimLog
    private let service: Service
    private var watch: Watch?
    private var connections: [TtrpcConnection] = []

    /// - Parameters:
    ///   - listener: a listening socket, which becomes non-blocking.
    ///   - loop: where it is served.
    ///   - log: where what goes wrong is told.
    ///   - service: answers requests.
    /// - Throws: when something of that fails.
    package init(
        _ listener: consuming FileDescriptor, in loop: EventLoop, log: ShimLog,
        service: @escaping Service
    ) throws(SystemCallError) {
        self.loop = loop
        self.log = log
        self.service = service
        try Readiness.makeNonBlocking(listener)
        watch = try Watch(listener, of: loop, for: .readable) { [unowned self] _ in accept() }
    }

    /// Takes no new connections from now on.
    package func stopListening() { watch = nil }

    /// Whether every answer has been taken.
    package var isDrained: Bool {
        for connection in connections where !connection.isDrained { return false }
        return true
    }

    private func accept() {
        guard let watch else { return }
        do throws(SystemCallError) {
            let socket = try Socket.accept(watch.file.descriptor)
            let peer = try Socket.peer(of: socket)
            // The directory and the socket are closed to others already. Whoever gets in can do
            // all that we can, so it is asked twice.
            guard peer.uid == Process.effectiveUserID else {
                return log.write(
                    .warning, "process \(peer.pid) of user \(peer.uid) was turned away")
            }
            guard connections.count < Self.connectionLimit else {
                return log.write(.warning, "there are too many connections")
            }
            connections.append(
                try TtrpcConnection(socket, in: loop, log: log, service: service) {
                    [unowned self] ended in connections.removeAll { $0 === ended }
                })
        } catch where [.again, .connectionAborted].contains(error.errno) {
            return
        } catch {
            log.write(.error, "no connection could be taken: \(error)")
        }
    }
}
