// SPDX-License-Identifier: Apache-2.0

package import Linux

/// One container's directory in the store.
///
/// | name | what it is |
/// |---|---|
/// | `state.json` | the record; replaced in one step |
/// | `config.json` | the configuration as it was at create |
/// | `resources.json` | what the container may use, once `update` has changed it |
/// | `gate` | the socket that the container's process waits on; gone once `start` has used it |
/// | `notify/` | where the container's NOTIFY_SOCKET is bound |
package struct ContainerDirectory: ~Copyable {
    package let id: ContainerID
    /// For messages; the files are reached through the descriptor.
    package let path: String
    private let parent: FileDescriptor
    package let descriptor: FileDescriptor

    static let recordName = "state.json"
    static let configurationName = "config.json"
    static let gateName = "gate"

    /// Longest wait for another command on the same container.
    private static let lockPatience = 60_000

    init(
        id: ContainerID, path: String, parent: consuming FileDescriptor,
        descriptor: consuming FileDescriptor
    ) {
        self.id = id
        self.path = path
        self.parent = parent
        self.descriptor = descriptor
    }

    /// The store's own descriptor, which a container's process must not inherit.
    var parentNumber: CInt { parent.number }

    /// Takes the lock, which lives as long as the descriptor.
    func lock() throws(ContainerError) {
        let end = Clock.milliseconds + Self.lockPatience
        while true {
            if try tryLock() { return }
            if Clock.milliseconds > end {
                throw ContainerError(
                    .failed,
                    "another command on this container has not ended for "
                        + "\(Self.lockPatience / 1000) seconds")
            }
            Clock.sleep(milliseconds: 1)
        }
    }

    /// Takes the lock if nobody holds it.
    func tryLock() throws(ContainerError) -> Bool {
        try during("lock \"\(path)\"") { () throws(SystemCallError) in
            try File.lock(descriptor, waiting: false)
        }
    }

    /// The processes that hold the lock.
    func lockHolders() throws(SystemCallError) -> [Int32] { try File.lockHolders(descriptor) }

    /// Gives the lock back before the descriptor is closed.
    func unlock() throws(ContainerError) {
        try during("unlock \"\(path)\"") { () throws(SystemCallError) in
            try File.unlock(descriptor)
        }
    }

    /// Whether the directory is still there under its name: false once it has been removed.
    func isLinked() throws(ContainerError) -> Bool {
        do throws(SystemCallError) {
            let named = try File.status(of: id.text, at: parent.number, followingLink: false)
            return try named.isSameFile(as: File.status(of: descriptor))
        } catch where error.errno == .noEntry {
            return false
        } catch {
            throw ContainerError(.failed, "state directory: \(error)")
        }
    }

    /// The record; nil when there is none yet, or no more.
    package func record() throws(ContainerError) -> ContainerRecord? {
        let bytes: [UInt8]
        do throws(SystemCallError) {
            let file = try File.open(
                Self.recordName, at: descriptor.number, .realFile)
            bytes = try File.readAll(file, limit: 16 << 20, subject: "\(path)/\(Self.recordName)")
        } catch where error.errno == .noEntry {
            return nil
        } catch {
            // Something else in the file's place is damage; that it cannot be read now is none.
            let isDamage = [.symbolicLinkLoop, .isDirectory, .fileTooBig].contains(error.errno)
            throw ContainerError(isDamage ? .damaged : .failed, "state: \(error)")
        }
        do {
            return try ContainerRecord(bytes: bytes)
        } catch {
            throw ContainerError(
                .damaged,
                "\(path)/\(Self.recordName) is damaged (\(error)); martlet delete --force removes "
                    + "the container")
        }
    }

    /// Puts a record in place of the old one. Nothing is synced to disk: no container outlives a
    /// restart of the machine, and a crash of ours loses no written file.
    func write(_ record: ContainerRecord) throws(ContainerError) {
        try during("state") { () throws(SystemCallError) in
            try File.replace(
                Self.recordName, at: descriptor.number, with: record.bytes, permissions: 0o600)
        }
    }

    /// Does what can be done of ``write(_:)`` before it is due.
    func prepare(_ record: ContainerRecord) throws(ContainerError) {
        try during("state") { () throws(SystemCallError) in
            try File.prepare(
                Self.recordName, at: descriptor.number, with: record.bytes, permissions: 0o600)
        }
    }

    /// Does the rest of it.
    func putPreparedInPlace() throws(ContainerError) {
        try during("state") { () throws(SystemCallError) in
            try File.putInPlace(Self.recordName, at: descriptor.number)
        }
    }

    /// Keeps the configuration as it is now: later changes of the bundle have no effect
    /// (runtime.md#lifecycle).
    func write(configuration: [UInt8]) throws(ContainerError) {
        try during("state") { () throws(SystemCallError) in
            try File.make(
                Self.configurationName, at: descriptor.number, with: configuration,
                permissions: 0o600)
        }
    }

    /// Whether nobody has opened the gate yet.
    func hasGate() -> Bool {
        (try? File.status(of: Self.gateName, at: descriptor.number, followingLink: false)) != nil
    }

    /// Removes the directory and all in it, through its descriptor: no path can lead elsewhere. The
    /// record goes last: until then it says what else there was to remove.
    func remove() throws(ContainerError) {
        try during("remove \"\(path)\"") { () throws(SystemCallError) in
            try Self.empty(descriptor, depth: 0, last: Self.recordName)
            do throws(SystemCallError) {
                try File.remove(id.text, at: parent.number, isDirectory: true)
            } catch where error.errno == .noEntry {}
        }
    }

    private static func empty(
        _ directory: borrowing FileDescriptor, depth: Int, last: String? = nil
    ) throws(SystemCallError) {
        var names = try File.names(in: directory)
        if let last, let index = names.firstIndex(of: last) {
            names.swapAt(index, names.endIndex - 1)
        }
        for name in names {
            do throws(SystemCallError) {
                try File.remove(name, at: directory.number)
            } catch where error.errno == .noEntry {
                continue
            } catch where error.errno == .isDirectory && depth < 8 {
                let inner = try File.open(
                    name, at: directory.number, .realDirectory)
                try empty(inner, depth: depth + 1)
                try File.remove(name, at: directory.number, isDirectory: true)
            }
        }
    }
}
