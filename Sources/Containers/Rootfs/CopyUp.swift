// SPDX-License-Identifier: Apache-2.0

internal import Linux

/// `tmpcopyup`: a new tmpfs begins with what the image has at its place (config.md#mounts).
///
/// Everything goes from one directory descriptor to another. Links are copied, never followed;
/// devices and sockets are left out, as an image has no use for them there.
struct CopyUp {
    /// Deeper trees are refused: nobody means them.
    private static let depthLimit = 64

    /// Copies what is in `source` into `target`, which is not attached anywhere yet, and gives it
    /// the same owner and, unless that was configured, the same mode.
    static func copy(
        from source: borrowing FileDescriptor, to target: borrowing FileDescriptor,
        keepingMode: Bool
    ) throws(SystemCallError) {
        // Both name their directories without having them open.
        let original = try File.open(".", at: source.number, .realDirectory)
        let copy = try File.open(".", at: target.number, .realDirectory)
        try copyContents(of: original, to: copy, depth: 0)
        let status = try File.status(of: original)
        try File.changeOwner(ofNumber: copy.number, uid: status.uid, gid: status.gid)
        if keepingMode { try File.changePermissions(of: copy, to: status.permissions) }
    }

    private static func copyContents(
        of source: borrowing FileDescriptor, to target: borrowing FileDescriptor, depth: Int
    ) throws(SystemCallError) {
        if depth > depthLimit { throw SystemCallError("copy up", "", .symbolicLinkLoop) }
        for name in try File.names(in: source) {
            let status = try File.status(of: name, at: source.number, followingLink: false)
            switch status.type {
            case .directory:
                try File.makeDirectory(name, at: target.number, permissions: 0o700)
                let inner = try File.open(name, at: source.number, .realDirectory)
                let copy = try File.open(name, at: target.number, .realDirectory)
                try copyContents(of: inner, to: copy, depth: depth + 1)
                try keep(status, of: copy)
            case .regular:
                try copyFile(name, status, from: source, to: target)
            case .symbolicLink:
                try File.makeSymbolicLink(
                    name, at: target.number,
                    to: File.readSymbolicLink(name, at: source.number))
                try File.changeOwner(name, at: target.number, uid: status.uid, gid: status.gid)
            case .fifo:
                try File.makeNode(
                    name, at: target.number, type: .fifo, permissions: status.permissions)
                try File.changeOwner(name, at: target.number, uid: status.uid, gid: status.gid)
            case .characterDevice, .blockDevice, .socket, .unknown:
                continue
            }
        }
    }

    private static func copyFile(
        _ name: String, _ status: FileStatus, from source: borrowing FileDescriptor,
        to target: borrowing FileDescriptor
    ) throws(SystemCallError) {
        let original = try File.open(name, at: source.number, .realFile)
        let copy = try File.open(name, at: target.number, .newFile, permissions: 0o600)
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = try File.read(original.number, into: &buffer)
            if count == 0 { break }
            try File.write(Array(buffer[..<count]), to: copy.number)
        }
        try keep(status, of: copy)
    }

    /// Owner first: a change of owner takes the set-id bits away.
    private static func keep(_ status: FileStatus, of copy: borrowing FileDescriptor)
        throws(SystemCallError)
    {
        try File.changeOwner(ofNumber: copy.number, uid: status.uid, gid: status.gid)
        try File.changePermissions(of: copy, to: status.permissions)
    }
}
