// SPDX-License-Identifier: Apache-2.0

package import Linux
package import OCI

/// A container's files as its program will see them, told from the root filesystem and the bind
/// mounts before anything is mounted. What a filesystem made at `create` has in it is not known.
///
/// Every step of a walk is one name below a descriptor and follows no link by itself, so that no
/// image can lead it out.
package struct ContainerView: Sendable {
    /// What a walk comes to.
    package enum Found: Sendable {
        case file(Place)
        /// Nothing is there, or something on the way is no directory.
        case missing(Errno)
        /// It lies on a filesystem of this type, which is mounted at `create`.
        case unknown(String)
    }

    /// A file or directory in the container.
    package struct Place: Sendable {
        /// Names it; opened with O_PATH.
        package let holder: SharedDescriptor
        package let status: FileStatus
        /// Where it is once every link is followed.
        package let path: String
        /// Whether the mount that it is on forbids execution.
        package let forbidsExecution: Bool
    }

    /// One mount that covers what is below it.
    private struct Area: Sendable {
        var names: [String]
        var content: Layer
    }

    /// What a directory of a walk is.
    private struct Layer: Sendable {
        /// nil when it is not known what is there.
        var holder: SharedDescriptor?
        /// The type of filesystem that hides it.
        var type = ""
        var forbidsExecution = false
        /// Why nothing is there, or not yet.
        var errno: Errno?
    }

    private static let linkLimit = 40

    private let bottom: Layer
    private var areas: [Area] = []

    /// The view of a root filesystem without any mounts.
    package init(root: consuming FileDescriptor) {
        let holder = SharedDescriptor(root)
        bottom = Layer(
            holder: holder,
            forbidsExecution: (try? File.fileSystem(of: holder.descriptor).forbidsExecution)
                ?? false)
    }

    /// The root filesystem alone, as it is below the mounts.
    package var root: ContainerView {
        var view = self
        view.areas = []
        return view
    }

    /// Adds a mount to those before it; `source` is that of a bind mount, absolute.
    package mutating func add(_ mount: Mount, source: String) {
        let options = MountOptions(words: mount.options)
        if options.isRemount || options.copiesUp { return }
        var layer = Layer(type: mount.type ?? "none")
        if options.source != .fileSystem || mount.type == "bind" {
            do throws(SystemCallError) {
                let opened = try File.open(source, .pathOnly)
                let inherited = try File.fileSystem(of: opened).forbidsExecution
                layer.holder = SharedDescriptor(opened)
                layer.forbidsExecution =
                    options.set.contains(.noExecution)
                    || (inherited && !options.clear.contains(.noExecution))
            } catch {
                layer.errno = error.errno
            }
        } else {
            layer.forbidsExecution = options.set.contains(.noExecution)
        }
        let names = walk(RootDirectory.steps(of: mount.destination)).names
        // It covers what was mounted there or below before.
        areas.removeAll { $0.names.starts(with: names) }
        areas.append(Area(names: names, content: layer))
    }

    /// Looks for a path; a relative one starts at `directory`.
    package func find(_ path: String, from directory: String = "/") -> Found {
        let start = path.hasPrefix("/") ? [] : RootDirectory.steps(of: directory)
        return walk(start + RootDirectory.steps(of: path)).found
    }

    /// Walks, and says also where that leads when nothing is there.
    private func walk(_ steps: [String]) -> (names: [String], found: Found) {
        var pending = steps[...]
        var names: [String] = []
        var layers = [areas.first { $0.names.isEmpty }?.content ?? bottom]
        var links = 0
        while let name = pending.popFirst() {
            if name == "." { continue }
            if name == ".." {
                if !names.isEmpty {
                    names.removeLast()
                    layers.removeLast()
                }
                continue
            }
            let current = layers[layers.count - 1]
            if let area = areas.last(where: { $0.names == names + [name] }) {
                if let errno = area.content.errno {
                    return (names + [name] + pending, .missing(errno))
                }
                names.append(name)
                layers.append(area.content)
                continue
            }
            guard let holder = current.holder else {
                if let errno = current.errno, !isMade(names + [name]) {
                    return (names + [name] + pending, .missing(errno))
                }
                // Known again only where something is bound below.
                names.append(name)
                layers.append(current)
                continue
            }
            do throws(SystemCallError) {
                let next = try File.open(name, at: holder.number, .realPath)
                if try File.status(of: next).type == .symbolicLink {
                    links += 1
                    if links > Self.linkLimit {
                        return (names + [name] + pending, .missing(.symbolicLinkLoop))
                    }
                    let target = try File.readSymbolicLink("", at: next.number)
                    if target.hasPrefix("/") {
                        names = []
                        layers.removeLast(layers.count - 1)
                    }
                    pending = (RootDirectory.steps(of: target) + pending)[...]
                    continue
                }
                names.append(name)
                layers.append(
                    Layer(
                        holder: SharedDescriptor(next), type: current.type,
                        forbidsExecution: current.forbidsExecution))
            } catch {
                names.append(name)
                guard error.errno == .noEntry, isMade(names) else {
                    return (names + pending, .missing(error.errno))
                }
                layers.append(Layer(errno: .noEntry))
            }
        }
        return (names, arrival(at: names, layers[layers.count - 1]))
    }

    /// Whether a directory will be made, as one on the way to a mount point.
    private func isMade(_ names: [String]) -> Bool {
        areas.contains { $0.names.count > names.count && $0.names.starts(with: names) }
    }

    private func arrival(at names: [String], _ layer: Layer) -> Found {
        if let errno = layer.errno { return .missing(errno) }
        guard let holder = layer.holder else { return .unknown(layer.type) }
        do throws(SystemCallError) {
            return .file(
                Place(
                    holder: holder, status: try File.status(of: holder.descriptor),
                    path: "/" + names.joined(separator: "/"),
                    forbidsExecution: layer.forbidsExecution))
        } catch {
            return .missing(error.errno)
        }
    }
}
