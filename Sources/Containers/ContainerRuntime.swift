// SPDX-License-Identifier: Apache-2.0

package import Linux
package import OCI

/// Where terminals of a container go.
package enum ConsoleDestination: Sendable {
    /// Nowhere: the configuration must not ask for a terminal.
    case none
    /// A listening Unix stream socket at this path of the host.
    case socket(path: String)
    /// An already connected socket of the caller.
    case descriptor(CInt)
}

/// What `create` and `run` are asked to do.
package struct CreateRequest: Sendable {
    package var id: String
    /// Directory with `config.json`; relative to the current directory or absolute.
    package var bundle = "."
    package var console = ConsoleDestination.none
    /// A listening Unix stream socket that gets a pidfd of the container's process.
    package var pidfdSocket: String?
    package var pidFile: String?
    /// Enter the root filesystem by moving it over "/" instead of by pivot_root(2).
    package var noPivot = false
    /// Keep the caller's session keyring.
    package var noNewKeyring = false
    /// How many descriptors from 3 on the process keeps.
    package var preservedDescriptors = 0
    /// How many of them are sockets passed by LISTEN_FDS (sd_listen_fds(3)).
    package var listenDescriptors = 0
    /// The socket that NOTIFY_SOCKET names on the host (sd_notify(3)).
    package var notifySocket: String?

    package init(id: String) { self.id = id }
}

/// A container that `create` has just made, still held by the process that made it.
@frozen
package struct CreatedContainer: ~Copyable {
    /// The container's process, as the caller sees it.
    package let pid: Int32
    /// The same, immune to the reuse of pids.
    package let pidfd: FileDescriptor
}
