// SPDX-License-Identifier: Apache-2.0

internal import Linux

/// Taking cgroups away.
extension Cgroup {
    /// Removes every directory that was made, the container's own with all that the container
    /// made below it, and none that was there before. Done twice it is right as well.
    ///
    /// The kernel is busy for a moment after the last process has ended; it is asked again for up
    /// to two seconds. A directory on the way that others use by now stays, until the last of
    /// them is deleted.
    package func delete(patience: Int = 2000) throws(CgroupError) {
        var first: CgroupError?
        for place in record.places {
            do throws(CgroupError) {
                try Self.delete(place, patience: patience)
            } catch {
                // The other hierarchies are not to suffer from it.
                first = first ?? error
            }
        }
        if let first { throw first }
    }

    private static func delete(_ place: CgroupPlace, patience: Int) throws(CgroupError) {
        guard let outermost = place.made.first else { return }
        let top = try CgroupDirectory(topOf: place)
        for path in place.made.reversed() {
            let isTarget = path == place.path
            let end = Clock.milliseconds + (isTarget ? patience : 0)
            var pause = 1
            var isMarked = false
            while true {
                do throws(SystemCallError) {
                    if isTarget { try removeBelow(path, top) }
                    try remove(path, top)
                    break
                } catch where error.errno == .busy || error.errno == .notEmpty {
                    if !isTarget {
                        if isMarked { return }
                        // Its maker may have been killed before it was marked, and the last that
                        // lives in it may have gone by now.
                        try leaveToOthers(path, top)
                        isMarked = true
                        continue
                    }
                    if Clock.milliseconds > end { throw stillBusy(place, error) }
                    Clock.sleep(milliseconds: pause)
                    pause = min(pause * 2, 50)
                } catch {
                    throw CgroupError("cgroup \"\(place.mountPoint)/\(path)\"", error)
                }
            }
        }
        try deleteMarked(above: outermost, top)
    }

    /// Has the last of those who live in a directory remove it.
    private static func leaveToOthers(_ path: String, _ top: borrowing CgroupDirectory)
        throws(CgroupError)
    {
        guard let directory = try top.open(path) else { return }
        try during("cgroup \"\(directory.path)\"") { () throws(SystemCallError) in
            try directory.mark()
        }
    }

    /// Removes what was made for a container that is gone, and that this one lived in.
    ///
    /// What fails is an error: this container's record is the last that leads to it.
    private static func deleteMarked(above path: String, _ top: borrowing CgroupDirectory)
        throws(CgroupError)
    {
        var names = path.split(separator: "/").dropLast()
        while !names.isEmpty {
            let path = names.joined(separator: "/")
            guard let directory = try top.open(path) else { return }
            do throws(SystemCallError) {
                guard try directory.isMarked() else { return }
                try remove(path, top)
            } catch {
                switch error.errno {
                case .busy, .notEmpty: return  // In use: the last of them removes it.
                case .accessDenied, .readOnly: return  // It was made for us by somebody else.
                default: throw CgroupError("cgroup \"\(directory.path)\"", error)
                }
            }
            names.removeLast()
        }
    }

    private static func stillBusy(_ place: CgroupPlace, _ cause: SystemCallError) -> CgroupError {
        let processes = (try? place.open()?.processes()) ?? []
        if processes.isEmpty { return CgroupError("cgroup \"\(place)\"", cause) }
        let list = processes.sorted().map(String.init).joined(separator: ", ")
        return CgroupError(.inUse, "cgroup \"\(place)\" still has processes in it: \(list)")
    }

    /// Removes one directory through its parent; one that is gone is well.
    private static func remove(_ path: String, _ top: borrowing CgroupDirectory)
        throws(SystemCallError)
    {
        let names = path.split(separator: "/")
        guard let name = names.last else { return }
        let parent = names.dropLast().joined(separator: "/")
        do throws(SystemCallError) {
            let directory = try File.open(
                parent.isEmpty ? "." : parent, at: top.descriptor.number, CgroupDirectory.flags,
                resolving: CgroupDirectory.walk)
            try File.remove(String(name), at: directory.number, isDirectory: true)
        } catch where error.errno == .noEntry || error.errno == .noDevice {
            return
        }
    }

    /// Removes what a container made in its cgroup.
    private static func removeBelow(_ path: String, _ top: borrowing CgroupDirectory)
        throws(SystemCallError)
    {
        let directory: CgroupDirectory
        do throws(SystemCallError) {
            directory = CgroupDirectory(
                try File.open(
                    path, at: top.descriptor.number, CgroupDirectory.flags,
                    resolving: CgroupDirectory.walk), path: path)
        } catch where error.errno == .noEntry || error.errno == .noDevice {
            return
        }
        var walk = try CgroupWalk(directory)
        while let event = try walk.next() {
            guard case .left(let name) = event else { continue }
            do throws(SystemCallError) {
                try File.remove(name, at: walk.number, isDirectory: true)
            } catch where error.errno == .noEntry {
                continue
            }
        }
    }
}
