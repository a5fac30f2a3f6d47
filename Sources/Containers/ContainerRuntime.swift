// SPDX-License-Identifier: Apache-2.0

package import Linux
internal import OCI

/// The runtime's commands on the containers of one state directory.
///
/// Every command takes an id as a caller wrote it, and names it in its error.
package struct ContainerRuntime: Sendable {
    let store: Store
    /// What is done, and when, for whoever wants to see it.
    let trace: Trace?

    /// - Parameters:
    ///   - root: absolute path of the state directory; made when it is missing.
    ///   - trace: gets what is done.
    package init(root: String, trace: Trace? = nil) {
        store = Store(root: root)
        self.trace = trace
    }

    /// Does a command on an id, and puts both into its error.
    func performing<R: ~Copyable>(
        _ command: String, _ text: String,
        _ body: (ContainerID) throws(ContainerError) -> R
    ) throws(ContainerError) -> R {
        do throws(ContainerError) {
            return try body(try ContainerID.checked(text))
        } catch {
            var error = error
            error.doing = "\(command) \"\(Self.printable(text))\""
            throw error
        }
    }

    /// An id that is none may be long, or hold control characters.
    private static func printable(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars.prefix(64) {
            if scalar.value < 0x20 || scalar.value == 0x7f || scalar == "\"" || scalar == "\\" {
                result += scalar.escaped(asASCII: false)
            } else {
                result.unicodeScalars.append(scalar)
            }
        }
        return text.unicodeScalars.count > 64 ? result + "…" : result
    }
}

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
    /// Give the container cgroups of its own where its configuration asks for them.
    package var managesCgroups = true
    /// The caller goes on to `start` with what it gets: nobody else is to, so no gate is made.
    package var startsAtOnce = false
    /// Have systemd make them.
    package var usesSystemd = false
    /// Follow the letter of the specification where engines rely on something else.
    package var isStrict = false
    /// The name of the container's session keyring; nil keeps the caller's.
    package var keyring: String?
    /// How many descriptors from 3 on the process keeps.
    package var preservedDescriptors = 0
    /// How many of them are sockets passed by LISTEN_FDS (sd_listen_fds(3)).
    package var listenDescriptors = 0
    /// The socket that NOTIFY_SOCKET names on the host (sd_notify(3)).
    package var notifySocket: String?

    package init(id: String) {
        self.id = id
        // Nobody can join it who does not know its name: containers of two state directories may
        // have the same id.
        let number = UInt64.random(in: 0...UInt64.max)
        keyring = "_ses.\(id).\(String(number, radix: 16))"
    }
}

/// A container that `create` has just made, still held and locked by the process that made it:
/// `run` goes on with it without looking anything up again.
package struct CreatedContainer: ~Copyable {
    /// The container's process, as the caller sees it.
    package let pid: Int32
    /// The same, immune to the reuse of pids.
    package let pidfd: FileDescriptor
    let directory: ContainerDirectory
    let record: ContainerRecord
    /// Whose conversation starts it, when it has no gate. Without it the process ends.
    let launcher: Launcher?
}
