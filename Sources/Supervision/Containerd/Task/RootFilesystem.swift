// SPDX-License-Identifier: Apache-2.0

package import Linux

/// The mounts of a request, which make a container's root filesystem at `rootfs` in its bundle.
struct RootFilesystem {
    let path: String

    init(ofBundle bundle: String) { path = "\(bundle)/rootfs" }

    /// Makes the mounts, in order; all of them or none.
    func mount(_ mounts: [TaskAPI.Mount]) throws(CallError) {
        if mounts.isEmpty { return }
        do throws(SystemCallError) {
            do throws(SystemCallError) {
                try File.makeDirectory(path, permissions: 0o711)
            } catch where error.errno == .exists {}
            for mount in mounts { try RootMount(mount).attach(below: path) }
        } catch {
            unmount()
            throw CallError(.unknown, "mount the root filesystem at \"\(path)\": \(error)")
        }
    }

    /// Unmounts all that is there, whoever mounted it.
    ///
    /// - Returns: what went wrong.
    @discardableResult
    func unmount() -> SystemCallError? {
        // Each call takes one mount away with all below it; there may be several, one upon the
        // other.
        for _ in 0..<1024 {
            do throws(SystemCallError) {
                try Mounting.detachWithoutLink(path)
            } catch where error.errno == .invalid || error.errno == .noEntry {
                // Nothing is mounted there (any more).
                return nil
            } catch {
                return error
            }
        }
        return nil
    }
}

/// One mount as containerd's snapshotters describe it.
package struct RootMount: Equatable {
    package var type: String
    package var source: String
    /// Below the root filesystem.
    package var target: String
    package var isBind = false
    package var isRecursive = false
    /// Whether the source is a file that has to become a block device first.
    package var isLoop = false
    package var flags: ClassicMountFlags = []
    /// What bind mounts have of the flags.
    package var attributes: MountAttributes = []
    /// For the filesystem itself.
    package var data: [String] = []

    package init(_ mount: TaskAPI.Mount) throws(SystemCallError) {
        type = mount.type
        source = mount.source
        target = mount.target
        isBind = type == "bind" || type == "rbind"
        isRecursive = type == "rbind"
        for option in mount.options { try read(option) }
    }

    private mutating func read(_ option: String) throws(SystemCallError) {
        func set(_ flag: ClassicMountFlags, _ attribute: MountAttributes) {
            flags.insert(flag)
            attributes.insert(attribute)
        }
        func clear(_ flag: ClassicMountFlags, _ attribute: MountAttributes) {
            flags.remove(flag)
            attributes.remove(attribute)
        }
        switch option {
        case "", "defaults", "async", "mand", "nomand": break
        case "bind": isBind = true
        case "rbind": (isBind, isRecursive) = (true, true)
        case "ro": set(.readOnly, .readOnly)
        case "rw": clear(.readOnly, .readOnly)
        case "nosuid": set(.noSetID, .noSetID)
        case "suid": clear(.noSetID, .noSetID)
        case "nodev": set(.noDevices, .noDevices)
        case "dev": clear(.noDevices, .noDevices)
        case "noexec": set(.noExecution, .noExecution)
        case "exec": clear(.noExecution, .noExecution)
        case "noatime": set(.noAccessTime, .noAccessTime)
        case "atime": clear(.noAccessTime, .noAccessTime)
        case "nodiratime": set(.noDirectoryAccessTime, .noDirectoryAccessTime)
        case "diratime": clear(.noDirectoryAccessTime, .noDirectoryAccessTime)
        case "strictatime": set(.strictAccessTime, .strictAccessTime)
        case "relatime": flags.insert(.relativeAccessTime)
        case "sync": flags.insert(.synchronous)
        case "dirsync": flags.insert(.directorySync)
        case "loop": isLoop = true
        // What others have to do before a mount can be made is not passed over.
        case "remount":
            throw SystemCallError("mount option", option, .unsupported)
        default:
            if option.hasPrefix("uidmap=") || option.hasPrefix("gidmap=")
                || option.hasPrefix("X-containerd.")
            {
                throw SystemCallError("mount option", option, .unsupported)
            }
            data.append(option)
        }
    }

    /// Makes the mount.
    ///
    /// - Parameter root: the root filesystem's directory.
    /// - Throws: when something of that fails.
    package func attach(below root: String) throws(SystemCallError) {
        // A link in an image must not lead out of it.
        let directory = try File.open(root, .directoryPath)
        let place =
            target.isEmpty
            ? directory
            : try File.open(target, at: directory.number, .pathOnly, resolving: .insideRoot)
        if isBind { return try bind(to: place) }
        if isLoop { return try mountFile(on: place) }
        let text = data.joined(separator: ",")
        // The kernel takes a page of options, its end mark included.
        if text.utf8.count < 4096 || type != "overlay" {
            return try Mounting.mount(
                type: type, source: source, on: place, data: text, superblockFlags: flags)
        }
        try mountFromCommonDirectory(on: place)
    }

    private func mountFile(on place: borrowing FileDescriptor) throws(SystemCallError) {
        let device = try LoopDevice(for: source, isReadOnly: flags.contains(.readOnly))
        try Mounting.mount(
            type: type, source: device.path, on: place, data: data.joined(separator: ","),
            superblockFlags: flags)
        // Until here it would have ended without a use.
        _ = consume device
    }

    private func bind(to place: borrowing FileDescriptor) throws(SystemCallError) {
        let tree = try Mounting.clone(source, recursively: isRecursive)
        if !attributes.isEmpty {
            try Mounting.change(
                tree, set: attributes,
                clear: attributes.isDisjoint(with: .accessTimeMask) ? [] : .accessTimeMask,
                recursively: false, subject: source)
        }
        try Mounting.attach(tree, to: place, subject: place.procPath)
    }

    /// An image of very many layers: their names, from the directory that all of them are in, are
    /// short enough.
    private func mountFromCommonDirectory(on place: borrowing FileDescriptor)
        throws(SystemCallError)
    {
        let (common, shortened) = Self.shortened(data)
        let text = shortened.joined(separator: ",")
        guard !common.isEmpty, text.utf8.count < 4096 else {
            throw SystemCallError("mount", type, .tooBig)
        }
        let before = try File.open(".", .directoryPath)
        try Process.changeDirectory(to: common)
        let result: SystemCallError?
        do throws(SystemCallError) {
            try Mounting.mount(
                type: type, source: source, on: place, data: text, superblockFlags: flags)
            result = nil
        } catch {
            result = error
        }
        try Process.changeDirectory(to: before)
        if let result { throw result }
    }

    /// Options of overlay with lower directories that are relative to one that has all of them.
    package static func shortened(_ options: [String]) -> (common: String, options: [String]) {
        let key = "lowerdir="
        guard let index = options.firstIndex(where: { $0.hasPrefix(key) }) else {
            return ("", options)
        }
        let directories = options[index].dropFirst(key.count).split(separator: ":")
        guard var common = directories.first.map({ Array($0.utf8) }) else { return ("", options) }
        for directory in directories {
            let bytes = Array(directory.utf8)
            var length = 0
            while length < common.count, length < bytes.count, common[length] == bytes[length] {
                length += 1
            }
            common.removeLast(common.count - length)
        }
        // Up to a whole name, and with something left of each.
        while let last = common.last, last != UInt8(ascii: "/") { common.removeLast() }
        guard common.count > 1 else { return ("", options) }
        for directory in directories where directory.utf8.count <= common.count {
            return ("", options)
        }
        var result = options
        let names = directories.map {
            String(decoding: Array($0.utf8.dropFirst(common.count)), as: UTF8.self)
        }
        result[index] = key + names.joined(separator: ":")
        return (String(decoding: common, as: UTF8.self), result)
    }
}
