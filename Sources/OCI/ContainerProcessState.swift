// SPDX-License-Identifier: Apache-2.0

internal import JSON

/// What a seccomp agent is told with the listener (config-linux.md#containerprocessstate).
package struct ContainerProcessState: Equatable, Sendable {
    package var ociVersion = Specification.version
    /// Names of the descriptors that come along, in their order.
    package var fds: [String]
    /// As the runtime sees it.
    package var pid: Int32
    /// The configuration's own words to the agent.
    package var metadata: String?
    package var state: State

    /// The name of a seccomp listener among `fds`.
    package static let listenerName = "seccompFd"

    /// What is told of the process whose filter has a listener.
    package init(listenerOf pid: Int32, metadata: String?, state: State) {
        fds = [Self.listenerName]
        self.pid = pid
        self.metadata = metadata
        self.state = state
    }

    /// One line of JSON.
    package func encode() -> [UInt8] {
        var json = JSONWriter()
        json.object { json in
            json.member("ociVersion", ociVersion)
            json.member("fds", fds)
            json.member("pid", pid)
            if let metadata { json.member("metadata", metadata) }
            json.key("state")
            state.encode(into: &json)
        }
        return json.bytes
    }
}
