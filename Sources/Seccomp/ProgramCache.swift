// SPDX-License-Identifier: Apache-2.0

package import Linux

/// Compiled programs on disk, in a directory that only its owner can reach: compiling takes a
/// hundred times as long as reading.
///
/// Who could put a file here would choose the filter of later containers. So the directory and each
/// file must be the caller's own and nobody else's to touch, and what is not is passed over, with a
/// word about it: then the profile is compiled, which needs nobody's trust.
package struct ProgramCache: ~Copyable {
    /// No container's id can be this.
    package static let directoryName = ".seccomp@cache"
    /// Entries that stay. A machine has a handful of profiles.
    package static let entryLimit = 64

    private static let magic: [UInt8] = Array("martlet seccomp\n".utf8)
    /// What an entry has besides its program: the magic, the key, and a checksum of both.
    private static let overhead = 16 + 32 + 8

    /// nil where there is no cache to read.
    private let directory: FileDescriptor?
    /// Why there is none, when a person should know.
    package let warning: String?

    /// The cache below a state directory, if there is one.
    package init(in root: String) {
        do throws(SystemCallError) {
            directory = try Self.open(root)
            warning = nil
        } catch where error.errno == .noEntry {
            directory = nil
            warning = nil
        } catch {
            directory = nil
            warning = "seccomp: the cache of compiled profiles is not used: \(error)"
        }
    }

    /// No cache.
    package init() {
        directory = nil
        warning = nil
    }

    private static func open(_ root: String) throws(SystemCallError) -> FileDescriptor {
        let path = "\(root)/\(directoryName)"
        let directory = try File.open(path, .realDirectory)
        let status = try File.status(of: directory)
        guard status.uid == Process.effectiveUserID, status.permissions & 0o077 == 0 else {
            throw SystemCallError(
                "trust (it must belong to user \(Process.effectiveUserID), with mode 0700)", path,
                .notPermitted)
        }
        return directory
    }

    // MARK: Reading

    /// The program of this key; nil when there is none, or none that can be trusted.
    package func program(for key: ProgramKey) -> [UInt8]? {
        switch directory {
        case .some(let directory):
            guard let bytes = try? Self.read(key.name, in: directory) else { return nil }
            return Self.program(in: bytes, for: key)
        case .none: return nil
        }
    }

    private static func read(_ name: String, in directory: borrowing FileDescriptor)
        throws(SystemCallError) -> [UInt8]?
    {
        // Not blocking: a fifo with this name must not stop us.
        let file = try File.open(name, at: directory.number, .realFileAtOnce)
        let status = try File.status(of: file)
        guard status.type == .regular, status.uid == Process.effectiveUserID,
            status.permissions & 0o077 == 0, status.links == 1,
            status.size <= Compiler.limit + overhead
        else { return nil }
        return try File.readAll(file, limit: Compiler.limit + overhead)
    }

    /// The program of a whole and undamaged entry of this key.
    static func program(in entry: [UInt8], for key: ProgramKey) -> [UInt8]? {
        let count = entry.count - overhead
        guard count > 0, count % SystemCallFilter.instructionSize == 0,
            entry[count...].starts(with: magic),
            entry[(count + 16)...].starts(with: key.digest),
            entry[(count + 48)...].elementsEqual(checksum(of: entry[..<(count + 48)]))
        else { return nil }
        return Array(entry[..<count])
    }

    /// An entry as it is on disk. The program comes first, so that it is aligned.
    static func entry(_ program: [UInt8], for key: ProgramKey) -> [UInt8] {
        var entry = program
        entry.append(contentsOf: magic)
        entry.append(contentsOf: key.digest)
        entry.append(contentsOf: checksum(of: entry[...]))
        return entry
    }

    /// FNV-1a, on words of eight bytes instead of bytes: it tells of damage, not of intent, and
    /// costs a hundredth of a cryptographic one. Against intent there is the directory.
    private static func checksum(of bytes: ArraySlice<UInt8>) -> [UInt8] {
        var sum: UInt64 = 0xcbf2_9ce4_8422_2325
        func add(_ word: UInt64) {
            sum = (sum ^ word) &* 0x0000_0100_0000_01b3
            sum ^= sum >> 29
        }
        var word: UInt64 = 0
        var filled: UInt64 = 0
        for byte in bytes {
            word |= UInt64(byte) &<< filled
            filled &+= 8
            if filled == 64 {
                add(word)
                (word, filled) = (0, 0)
            }
        }
        add(word)
        return (0..<8).map { UInt8(truncatingIfNeeded: sum >> UInt64(8 * $0)) }
    }

    // MARK: Writing

    /// Keeps a program for next time. The state directory is there; the cache is made if it is
    /// missing. Readers see an entry whole or not at all.
    package static func store(_ program: [UInt8], for key: ProgramKey, in root: String)
        throws(SystemCallError)
    {
        do throws(SystemCallError) {
            try File.makeDirectory("\(root)/\(directoryName)", permissions: 0o700)
        } catch where error.errno == .exists {}
        let directory = try open(root)
        try File.replace(
            key.name, at: directory.number, with: entry(program, for: key), permissions: 0o600)
        try trim(directory)
    }

    /// Removes the oldest entries over the limit, and what was left by processes that were killed.
    private static func trim(_ directory: borrowing FileDescriptor) throws(SystemCallError) {
        let names = try File.names(in: directory)
        if names.count <= entryLimit { return }
        var dated: [(name: String, modified: Int64)] = []
        for name in names {
            // Someone else may be trimming, too.
            guard
                let status = try? File.status(
                    of: name, at: directory.number, followingLink: false)
            else { continue }
            dated.append((name, status.modified))
        }
        dated.sort { $0.modified < $1.modified }
        for entry in dated.prefix(max(0, dated.count - entryLimit)) {
            do throws(SystemCallError) {
                try File.remove(entry.name, at: directory.number)
            } catch where error.errno == .noEntry || error.errno == .isDirectory {}
        }
    }
}
