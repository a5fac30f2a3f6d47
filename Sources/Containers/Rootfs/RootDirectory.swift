// SPDX-License-Identifier: Apache-2.0

package import Linux

/// The container's root filesystem, held by a descriptor. Whatever a configuration or an image
/// says, every path is walked inside it: links and ".." cannot lead out (CVE-2021-30465 and kin).
package struct RootDirectory: Sendable {
    /// Holds the root.
    package let holder: SharedDescriptor

    package init(_ holder: SharedDescriptor) { self.holder = holder }

    /// What a path should be when it has to be made.
    package enum Kind: Sendable {
        case directory, file
    }

    /// Links followed before a path counts as a loop, as in the kernel (path_resolution(7)).
    private static let linkLimit = 40

    /// Opens what is at a path, without making anything.
    package func open(
        _ path: String, _ flags: OpenFlags = .pathOnly, followingLinks: Bool = true
    ) throws(SystemCallError) -> FileDescriptor {
        // The kernel takes a leading slash for the root as well; an empty path names nothing.
        try File.open(
            path.isEmpty ? "." : path, at: holder.number, flags,
            resolving: followingLinks ? .insideRoot : .insideRootWithoutLinks)
    }

    /// Opens a path to mount on, making what is missing: directories on the way, then `kind`.
    package func openMaking(_ path: String, _ kind: Kind, followingLinks: Bool = true)
        throws(SystemCallError) -> FileDescriptor
    {
        do throws(SystemCallError) {
            return try open(path, followingLinks: followingLinks)
        } catch where error.errno == .noEntry {
            try make(path, kind)
            return try open(path, followingLinks: followingLinks)
        }
    }

    /// Opens the directory that a path lies in, making it if need be, and gives the last name.
    package func openParent(of path: String) throws(SystemCallError) -> ParentDirectory {
        var components = Self.components(of: path)
        guard let name = components.popLast() else {
            throw SystemCallError("open", path, .exists)
        }
        let parent = components.isEmpty ? "." : joinedPath(components)
        return ParentDirectory(
            directory: try openMaking(parent, .directory), name: name)
    }

    /// Makes a path step by step, each below a descriptor of the step before. A link that points
    /// to nothing is followed, inside the root, and what it points to is made.
    private func make(_ path: String, _ kind: Kind) throws(SystemCallError) {
        // ".." stays in: behind a link it means the parent of what that leads to.
        var pending = Self.steps(of: path)
        var done: [String] = []
        var links = 0
        while !pending.isEmpty {
            let name = pending.removeFirst()
            let isLast = pending.isEmpty
            let step = joinedPath(done + [name])
            do throws(SystemCallError) {
                _ = try open(step)
                done.append(name)
                continue
            } catch where error.errno != .noEntry {
                throw error
            } catch {}

            let parent = try open(done.isEmpty ? "." : joinedPath(done))
            do throws(SystemCallError) {
                if isLast && kind == .file {
                    try File.makeNode(
                        name, at: parent.number, type: .regular, permissions: 0o755)
                } else {
                    try File.makeDirectory(name, at: parent.number, permissions: 0o755)
                }
                done.append(name)
            } catch where error.errno == .exists {
                // Either a link to nothing, or someone else was faster.
                links += 1
                if links > Self.linkLimit {
                    throw SystemCallError("open", path, .symbolicLinkLoop)
                }
                if let target = try? File.readSymbolicLink(name, at: parent.number) {
                    if target.hasPrefix("/") { done = [] }
                    pending = Self.steps(of: target) + pending
                } else {
                    pending.insert(name, at: 0)
                }
            }
        }
    }

    /// What a path is made of, as it is written.
    static func steps(of path: String) -> [String] {
        path.utf8.split(separator: UInt8(ascii: "/")).map { String(decoding: $0, as: UTF8.self) }
    }

    /// The names that a path goes through; ".." takes one back, and stops at the root.
    static func components(of path: String) -> [String] {
        var names: [String] = []
        for part in path.utf8.split(separator: UInt8(ascii: "/")) {
            let name = String(decoding: part, as: UTF8.self)
            switch name {
            case ".": break
            case "..": _ = names.popLast()
            default: names.append(name)
            }
        }
        return names
    }
}

/// A directory inside the root filesystem, and a name in it.
@frozen
package struct ParentDirectory: ~Copyable {
    package let directory: FileDescriptor
    package let name: String

    /// Gives the directory away.
    consuming func releaseDirectory() -> FileDescriptor { directory }
}
