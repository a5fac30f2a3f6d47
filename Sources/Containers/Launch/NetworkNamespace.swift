// SPDX-License-Identifier: Apache-2.0

internal import Linux

/// A network namespace made by one process for another, which has other things to do meanwhile.
enum NetworkNamespace {
    private static let ownPath = "/proc/self/ns/net"

    /// Whether this process could come back to its network namespace: not when that belongs to a
    /// user namespace around its own.
    static func canReturn() throws(SystemCallError) -> Bool {
        do throws(SystemCallError) {
            let own = try File.open(ownPath, .readOnlyAtOnce)
            try Process.join(own, kind: .network, subject: ownPath)
            return true
        } catch where error.errno == .notPermitted {
            return false
        }
    }

    /// Makes one, and leaves this process in its own.
    static func make() throws(ContainerError) -> SharedDescriptor {
        do throws(SystemCallError) {
            let own = try File.open(ownPath, .readOnlyAtOnce)
            try Process.separate(.network)
            // Whatever comes of it, the way back is taken.
            let made = Result { () throws(SystemCallError) in
                SharedDescriptor(try File.open(ownPath, .readOnlyAtOnce))
            }
            try Process.join(own, kind: .network, subject: ownPath)
            return try made.get()
        } catch {
            throw Launcher.refusal(error)
        }
    }
}
