// SPDX-License-Identifier: Apache-2.0

internal import Linux
internal import OCI
internal import Seccomp

/// Who answers for system calls that the filter asks about (config-linux.md#seccomp,
/// `listenerPath`).
///
/// The agent is connected to when there is a listener to send, and by whoever holds the container's
/// process then: `start`, because the filter is loaded last. Not by `create`, to be held until
/// `start`: agents take one connection after another, and an idle one would keep them from all other
/// containers. `create` makes sure that there is a socket.
package struct SeccompAgent: Equatable, Sendable {
    /// Absolute.
    package var path: String
    package var metadata: String?

    package init(path: String, metadata: String? = nil) {
        self.path = path
        self.metadata = metadata
    }

    /// The agent of a profile that asks one; the path may be relative to the bundle.
    init?(_ profile: SeccompProfile, bundle: String) {
        guard profile.notifies, let path = profile.listenerPath else { return nil }
        self.init(
            path: path.hasPrefix("/") ? path : "\(bundle)/\(path)",
            metadata: profile.listenerMetadata)
    }

    /// How long an agent may take to accept a connection and what is sent, in seconds.
    private static let patience = 10
    /// What is sent in one call, in bytes: less than a socket's buffer holds.
    private static let chunk = 32768

    /// Whether there is a socket to connect to.
    func check() throws(ContainerError) {
        let step = "linux.seccomp.listenerPath: \"\(path)\""
        do throws(SystemCallError) {
            guard try File.status(of: path).type == .socket else {
                throw SystemCallError("stat", path, .notSocket)
            }
        } catch {
            throw ContainerError(
                .invalidConfiguration, "\(step): \(error.errno); a seccomp agent must listen there")
        }
    }

    /// Sends the listener and whose it is, on a connection of its own.
    func send(_ listener: SharedDescriptor, of pid: Int32, in record: ContainerRecord)
        throws(ContainerError)
    {
        var state = State(
            id: record.id, status: pid == record.pid ? .created : .running, pid: record.pid,
            bundle: record.bundle)
        state.annotations = record.annotations
        let message = ContainerProcessState(
            listenerOf: pid, metadata: metadata, state: state
        ).encode()
        do throws(SystemCallError) {
            let agent = try Socket.connect(
                .stream, to: path, at: Directory.current, patience: Self.patience)
            // Descriptors only with the first part.
            var passed: CInt? = listener.number
            var sent = 0
            while sent < message.count {
                let end = min(message.count, sent + Self.chunk)
                try Socket.send(Array(message[sent..<end]), passing: passed, to: agent.number)
                passed = nil
                sent = end
            }
        } catch {
            throw ContainerError(.failed, "linux.seccomp.listenerPath: \(error)")
        }
    }
}
