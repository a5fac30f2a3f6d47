// SPDX-License-Identifier: Apache-2.0

internal import Linux

// What the caller of a launch gets of the new process.

/// The socket that the terminal's master goes to.
func connectConsole(_ destination: ConsoleDestination) throws(ContainerError) -> SharedDescriptor? {
    switch destination {
    case .none:
        return nil
    case .socket(let path):
        return SharedDescriptor(
            try during("--console-socket") { () throws(SystemCallError) in
                try Socket.connect(.stream, to: path, at: Directory.current)
            })
    case .descriptor(let number):
        return SharedDescriptor(
            try during("terminal") { () throws(SystemCallError) in
                try Descriptors.duplicate(number)
            })
    }
}

/// The socket that a pidfd goes to.
func connectPidfdSocket(_ path: String?) throws(ContainerError) -> SharedDescriptor? {
    guard let path else { return nil }
    return SharedDescriptor(
        try during("--pidfd-socket") { () throws(SystemCallError) in
            try Socket.connect(.stream, to: path, at: Directory.current)
        })
}

/// Sends it there; the text tells a container's first process from others, as runc does.
func send(_ pidfd: borrowing FileDescriptor, as text: String, to receiver: SharedDescriptor?)
    throws(ContainerError)
{
    guard let receiver else { return }
    try during("--pidfd-socket") { () throws(SystemCallError) in
        try Socket.send(Array(text.utf8), passing: pidfd.number, to: receiver.number)
    }
}

/// Writes a pid, if it is asked for.
func writePidFile(_ pid: Int32, to path: String?) throws(ContainerError) {
    guard let path else { return }
    try during("--pid-file") { () throws(SystemCallError) in
        try File.replace(
            path, at: Directory.current, with: Array("\(pid)".utf8), permissions: 0o644)
    }
}
