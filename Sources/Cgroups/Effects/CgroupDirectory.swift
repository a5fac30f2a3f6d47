// SPDX-License-Identifier: Apache-2.0

internal import Linux

/// One open cgroup, and how its files are read. Every way into a hierarchy starts at its mount
/// point, with a walk that no symbolic link and no other mount can lead astray.
struct CgroupDirectory: ~Copyable {
    let descriptor: FileDescriptor
    /// For messages.
    let path: String

    static let walk: Resolution = [.beneath, .noSymbolicLinks, .noMountCrossing]
    static let flags: OpenFlags = [.readOnly, .directory, .noFollow]

    init(_ descriptor: consuming FileDescriptor, path: String) {
        self.descriptor = descriptor
        self.path = path
    }

    /// The top of a hierarchy, which must be one.
    init(topOf place: CgroupPlace) throws(CgroupError) {
        let path = place.mountPoint
        let opened = try during("cgroups") { () throws(SystemCallError) in
            try File.open(path, [.readOnly, .directory])
        }
        let status = try during("cgroups at \"\(path)\"") { () throws(SystemCallError) in
            try File.fileSystem(of: opened)
        }
        // CGROUP_SUPER_MAGIC of v1.
        guard place.isCgroup2 ? status.isCgroup2 : status.magic == 0x27e0eb else {
            throw CgroupError(.failed, "\"\(path)\" is no longer a hierarchy of \(place.version)")
        }
        self.init(opened, path: path)
    }

    /// A cgroup below this one; nil when there is none.
    borrowing func open(_ relative: String) throws(CgroupError) -> CgroupDirectory? {
        let name = relative.isEmpty ? "." : relative
        do throws(SystemCallError) {
            let opened = try File.open(
                name, at: descriptor.number, Self.flags, resolving: Self.walk)
            return CgroupDirectory(opened, path: relative.isEmpty ? path : "\(path)/\(relative)")
        } catch where error.errno == .noEntry || error.errno == .noDevice {
            return nil
        } catch where error.errno == .symbolicLinkLoop || error.errno == .crossDevice {
            throw CgroupError(
                .invalid,
                "cgroup \"\(path)/\(relative)\": a symbolic link or a mount is on the way")
        } catch {
            throw CgroupError("cgroup \"\(path)/\(relative)\"", error)
        }
    }

    /// The contents of a file; nil when there is no such file.
    borrowing func read(_ file: String) throws(CgroupError) -> String? {
        do throws(SystemCallError) {
            return try File.readText(file, at: descriptor.number, limit: 16 << 20)
        } catch where error.errno == .noEntry || error.errno == .noDevice {
            return nil
        } catch {
            throw CgroupError("cgroup \"\(path)\"", error)
        }
    }

    /// The number behind a word in a file of such pairs.
    borrowing func count(_ key: String, in file: String) throws(CgroupError) -> UInt64? {
        guard let text = try read(file) else { return nil }
        for line in text.split(separator: "\n") {
            let fields = line.split(separator: " ")
            if fields.count == 2, fields[0] == key { return UInt64(fields[1]) }
        }
        return nil
    }

    borrowing func write(_ text: String, to file: String) throws(SystemCallError) {
        try File.write(text, toExisting: file, at: descriptor.number)
    }

    /// Whether processes in here stand still, by its own order or by that of a cgroup above.
    borrowing func isFrozen(_ version: CgroupVersion) throws(CgroupError) -> Bool {
        switch version {
        case .v2: return try count("frozen", in: "cgroup.events") == 1
        case .v1:
            guard let state = try read("freezer.state") else { return false }
            return words(of: state).first != "THAWED"
        }
    }
}

/// A mark on the directories that were made on the way to a container's cgroup. Other containers
/// may come to live there; the last of them to go takes them away, whoever made them.
extension CgroupDirectory {
    /// Only the host's root can set the first; users without privileges have the second.
    private static let marks = ["trusted.martlet", "user.martlet"]

    /// Where no mark can be set, the directory stays until its maker's own delete.
    borrowing func mark() throws(SystemCallError) {
        for name in Self.marks {
            do throws(SystemCallError) {
                try File.setAttribute(name, of: descriptor, to: "1")
                return
            } catch
                where error.errno == .notPermitted || error.errno == .accessDenied
                || error.errno == .unsupported
            {
                continue
            }
        }
    }

    borrowing func isMarked() throws(SystemCallError) -> Bool {
        for name in Self.marks {
            if try File.hasAttribute(name, of: descriptor) { return true }
        }
        return false
    }
}

extension CgroupPlace {
    /// Opens the cgroup; nil when it is gone.
    func open() throws(CgroupError) -> CgroupDirectory? {
        try CgroupDirectory(topOf: self).open(path)
    }
}

/// Walks through a cgroup and all below it with one descriptor, however deep a container made it.
struct CgroupWalk: ~Copyable {
    private var current: FileDescriptor
    private var names: [String] = []
    /// Children that were seen in each directory on the way and not visited yet.
    private var waiting: [[String]] = []

    /// A directory that is open now, or one that is closed and can be removed from its parent.
    enum Event {
        case entered
        case left(name: String)
    }

    init(_ top: borrowing CgroupDirectory) throws(SystemCallError) {
        let opened = try top.descriptor.duplicate()
        waiting = [try Self.children(of: opened)]
        current = opened
    }

    /// The directory of the event: the one that was entered, or the parent of the one left.
    var number: CInt { current.number }

    /// How far below the top.
    var depth: Int { names.count }

    /// Goes on; nil at the end. The top itself is neither entered nor left here.
    mutating func next() throws(SystemCallError) -> Event? {
        while true {
            let level = waiting.count - 1
            if let name = waiting[level].popLast() {
                do throws(SystemCallError) {
                    current = try File.open(
                        name, at: current.number, CgroupDirectory.flags,
                        resolving: CgroupDirectory.walk)
                } catch where error.errno == .noEntry || error.errno == .noDevice {
                    continue
                }
                names.append(name)
                waiting.append(try Self.children(of: current))
                return .entered
            }
            guard let name = names.popLast() else { return nil }
            waiting.removeLast()
            // Directories of cgroups are never moved to another parent.
            current = try File.open("..", at: current.number, CgroupDirectory.flags)
            return .left(name: name)
        }
    }

    private static func children(of directory: borrowing FileDescriptor) throws(SystemCallError)
        -> [String]
    {
        // The kernel counts a link for each directory, and two for itself.
        if try File.status(of: directory).links <= 2 { return [] }
        var children: [String] = []
        do throws(SystemCallError) {
            for name in try File.names(in: directory) {
                let status = try? File.status(of: name, at: directory.number, followingLink: false)
                if status?.type == .directory { children.append(name) }
            }
        } catch where error.errno == .noEntry || error.errno == .noDevice {
            return []
        }
        return children
    }
}
