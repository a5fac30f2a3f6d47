// SPDX-License-Identifier: Apache-2.0

internal import Linux

/// The directory that holds the state of all containers of one caller: `--root`.
package struct Store: Sendable {
    /// Absolute.
    package let root: String

    package init(root: String) { self.root = root }

    /// Claims an id: makes its directory, and locks it. Making it is the claim, so that of two
    /// callers at once exactly one wins.
    package func claim(_ id: ContainerID) throws(ContainerError) -> ContainerDirectory {
        let parent = try openRoot(making: true)
        // A `delete --force` can take the new directory away before it is locked.
        for _ in 0..<16 {
            do throws(SystemCallError) {
                try File.makeDirectory(id.text, at: parent.number, permissions: 0o700)
            } catch where error.errno == .exists {
                throw Self.taken
            } catch {
                throw ContainerError(.failed, "state directory: \(error)")
            }
            let directory = try lockedDirectory(id, in: parent)
            if case .some(let directory) = consume directory {
                // It may not be the one that was made here: that one can have been removed, and
                // another made by someone who locked it first and has left a container in it.
                let isUnused = try during("state directory") { () throws(SystemCallError) in
                    try File.names(in: directory.descriptor).isEmpty
                }
                if isUnused { return directory }
                throw Self.taken
            }
        }
        throw ContainerError(.failed, "state directory: removed again and again by someone else")
    }

    /// Opens a container's directory and waits for its lock: commands that change a container run
    /// one after another.
    package func openLocked(_ id: ContainerID) throws(ContainerError) -> ContainerDirectory {
        let parent = try openRoot(making: false)
        guard let directory = try lockedDirectory(id, in: parent) else { throw Self.notFound }
        return directory
    }

    /// Opens a container's directory to read it. Its files are replaced in one step, so that a
    /// reader needs no lock.
    package func open(_ id: ContainerID) throws(ContainerError) -> ContainerDirectory {
        let parent = try openRoot(making: false)
        return try open(id, in: parent)
    }

    /// The ids of all containers, sorted.
    package func ids() throws(ContainerError) -> [ContainerID] {
        var names: [String] = []
        do throws(ContainerError) {
            let parent = try openRoot(making: false)
            names = try during("state directory \"\(root)\"") { () throws(SystemCallError) in
                try File.names(in: parent)
            }
        } catch where error.kind == .notFound {
            return []
        }
        return names.sorted().compactMap { ContainerID($0) }
    }

    /// Whether there is a container with this id at the moment.
    func has(_ id: ContainerID) -> Bool {
        (try? File.status(of: "\(root)/\(id)", followingLink: false)) != nil
    }

    /// What every command says of an id that somebody has.
    static var taken: ContainerError {
        ContainerError(
            .exists,
            "container with given ID already exists; see martlet list, or choose another id")
    }

    /// What every command says of an id that nobody has.
    package static var notFound: ContainerError {
        ContainerError(.notFound, "container does not exist")
    }

    // MARK: Opening

    private func open(_ id: ContainerID, in parent: borrowing FileDescriptor)
        throws(ContainerError) -> ContainerDirectory
    {
        do throws(SystemCallError) {
            let directory = try File.open(
                id.text, at: parent.number, .realDirectory)
            let status = try File.status(of: directory)
            guard status.uid == Process.effectiveUserID, status.permissions & 0o022 == 0 else {
                throw SystemCallError("open", "\(root)/\(id)", .notPermitted)
            }
            return ContainerDirectory(
                id: id, path: "\(root)/\(id)", parent: try parent.duplicate(),
                descriptor: directory)
        } catch where error.errno == .noEntry || error.errno == .notDirectory {
            throw Self.notFound  // A file is no container, whoever put it there.
        } catch {
            throw ContainerError(.failed, "state directory: \(error)")
        }
    }

    /// nil when the directory was removed while its lock was waited for.
    private func lockedDirectory(_ id: ContainerID, in parent: borrowing FileDescriptor)
        throws(ContainerError) -> ContainerDirectory?
    {
        let directory: ContainerDirectory
        do throws(ContainerError) {
            directory = try open(id, in: parent)
        } catch where error.kind == .notFound {
            return nil
        }
        try directory.lock()
        guard try directory.isLinked() else { return nil }
        return directory
    }

    /// Opens the root, which must be ours and nobody else's to write to: who can write there can
    /// name any process as a container's.
    private func openRoot(making: Bool) throws(ContainerError) -> FileDescriptor {
        do throws(SystemCallError) {
            return try openVerifiedRoot()
        } catch where error.errno == .noEntry {
            guard making else { throw Self.notFound }
        } catch {
            throw ContainerError(.failed, "state directory \"\(root)\": \(error)")
        }
        return try during("state directory \"\(root)\"") { () throws(SystemCallError) in
            var path = ""
            for name in root.split(separator: "/") {
                path += "/\(name)"
                do throws(SystemCallError) {
                    try File.makeDirectory(path, permissions: path == root ? 0o700 : 0o755)
                } catch where error.errno == .exists {
                    continue
                }
            }
            return try openVerifiedRoot()
        }
    }

    private func openVerifiedRoot() throws(SystemCallError) -> FileDescriptor {
        let directory = try File.open(root, .realDirectory)
        let status = try File.status(of: directory)
        let isOurs = status.uid == Process.effectiveUserID || status.uid == 0
        let isShared = status.permissions & 0o022 != 0 && status.permissions & 0o1000 == 0
        guard isOurs, !isShared else {
            throw SystemCallError(
                "trust (it must belong to user \(Process.effectiveUserID), and be writable by no "
                    + "other)", root, .notPermitted)
        }
        return directory
    }
}

/// A container's id, checked: letters, digits, `_ + - .`, at most 255 bytes, and no name that
/// means a directory.
package struct ContainerID: Equatable, Sendable, CustomStringConvertible {
    package let text: String

    package var description: String { text }

    package init?(_ text: String) {
        guard !text.isEmpty, text.utf8.count <= 255, text != ".", text != ".." else { return nil }
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "+"),
                UInt8(ascii: "-"), UInt8(ascii: "."):
                continue
            default: return nil
            }
        }
        self.text = text
    }

    /// The id, or an error that says what one may be.
    package static func checked(_ text: String) throws(ContainerError) -> ContainerID {
        guard let id = ContainerID(text) else {
            throw ContainerError(
                .invalidConfiguration,
                "invalid container ID format: letters, digits and _ + - . only, 1 to 255 of them, "
                    + "and not \".\" or \"..\"")
        }
        return id
    }
}
