// SPDX-License-Identifier: Apache-2.0

package import Linux

/// A descriptor with more than one holder in this process; the last one closes it.
package final class SharedDescriptor: Sendable {
    package let descriptor: FileDescriptor

    package init(_ descriptor: consuming FileDescriptor) { self.descriptor = descriptor }

    package var number: CInt { descriptor.number }
}

/// What the parent opens before the container's first process exists, and that process inherits.
package struct LaunchResources {
    /// The first process's end of the conversation with the parent.
    package var channel: SharedDescriptor
    /// The listening socket that `start` connects to; nil when the parent itself goes on to start.
    package var gate: SharedDescriptor?
    /// A connected socket that gets the terminal's master.
    package var console: SharedDescriptor?
    /// Copies of the mount sources, by the number of their step, when the parent must open them.
    package var sources: [Int: SharedDescriptor] = [:]
    /// User namespaces for the mapped ids of filesystems, by the number of their step.
    package var userNamespaces: [Int: SharedDescriptor] = [:]
    /// Descriptors of the parent's that mean nothing to the first process, the lock among them.
    package var parentOnly: [CInt] = []
    /// The mode mask that the caller came with.
    package var callerUmask: UInt32
    /// The container's process, whose namespaces are entered.
    package var target: SharedDescriptor?
    /// The root filesystem of that process, where no namespace leads to it.
    package var targetRoot: SharedDescriptor?
    /// This program's file, which a process changes over to before it enters anything.
    package var ownFile: ProtectedFile?
    /// What is done, and when.
    package var trace: Trace?
    /// Whether the parent, an ordinary user, can only map the ids of a process that others of the
    /// same user may look into.
    package var isOpenUntilMapped: Bool
    /// Whether id 0 is mapped, so that files can be made as root of the container.
    package var mappedUser: UInt32?
    package var mappedGroup: UInt32?
}
