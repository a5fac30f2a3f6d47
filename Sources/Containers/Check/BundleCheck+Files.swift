// SPDX-License-Identifier: Apache-2.0

internal import Cgroups
internal import JSON
internal import Linux
internal import OCI

/// What has to be there on the host and in the root filesystem.
extension BundleCheck {
    // MARK: Mounts

    /// Looks at each mount, in order, on what the ones before it leave, and adds it.
    mutating func checkMounts(_ view: inout ContainerView) {
        let known = Self.read("/proc/filesystems")
        let isReadOnly = isOnReadOnlyFileSystem(bundle.rootfs)
        for (index, mount) in configuration.mounts.enumerated() {
            let path = "mounts[\(index)]"
            let options = MountOptions(words: mount.options)
            if options.isRemount { continue }
            let isBind = options.source != .fileSystem || mount.type == "bind"
            if isBind {
                checkBind(mount, path, view)
            } else {
                checkType(mount, path, known)
            }
            if case .missing(let errno) = view.find(mount.destination) {
                if errno != .noEntry {
                    fail("\(path).destination", "\(mount.destination.quoted): \(errno)")
                } else if isReadOnly, case .missing = view.root.find(mount.destination) {
                    fail(
                        "\(path).destination",
                        "\(mount.destination.quoted) is not in the root filesystem, and cannot be "
                            + "made there, because that is read-only")
                }
            }
            view.add(mount, source: absolute(mount.source ?? ""))
        }
    }

    /// config.md#mounts: relative to the bundle.
    private func absolute(_ source: String) -> String {
        source.hasPrefix("/") ? source : "\(bundle.path)/\(source)"
    }

    private func isOnReadOnlyFileSystem(_ path: String) -> Bool {
        guard let directory = try? File.open(path, .directoryPath) else { return false }
        return (try? File.fileSystem(of: directory))?.isReadOnly == true
    }

    private mutating func checkBind(_ mount: Mount, _ path: String, _ view: ContainerView) {
        guard let source = mount.source, !source.isEmpty else { return }
        let place = absolute(source)
        let status: FileStatus
        do throws(SystemCallError) {
            status = try File.status(of: place)
        } catch {
            fail("\(path).source", "\(place.quoted): \(error.errno)")
            return
        }
        guard case .file(let target) = view.find(mount.destination) else { return }
        let isDirectory = status.type == .directory
        if isDirectory != (target.status.type == .directory) {
            fail(
                "\(path).destination",
                "\(mount.destination.quoted) is \(isDirectory ? "no directory" : "a directory") in "
                    + "the container, and \(place.quoted) is "
                    + "\(isDirectory ? "one" : "none"): not a directory (ENOTDIR)")
        }
    }

    /// Filesystems that are mounted new: the kernel has to have them, and a user namespace has to
    /// be allowed them.
    private mutating func checkType(_ mount: Mount, _ path: String, _ known: String?) {
        let type = mount.type ?? "none"
        let isCgroup = type == "cgroup" || type == "cgroup2"
        if isCgroup {
            if host.cgroups?.hierarchies.isEmpty != false {
                fail("\(path).type", "no cgroup hierarchy is mounted on this host")
            }
            return
        }
        let lines = (known ?? "").split(separator: "\n")
        if known != nil, !lines.contains(where: { $0.split(separator: "\t").last == type[...] }) {
            note(
                "\(path).type",
                "the kernel does not list the filesystem \(type.quoted); it has to be a module that "
                    + "is loaded when it is asked for")
        }
        if isNew(.user), type == "sysfs", !isNew(.network) {
            fail(
                path,
                "sysfs can be mounted in a user namespace only with a network namespace of its "
                    + "own; bind /sys instead, or add {\"type\": \"network\"}")
        }
        if type == "overlay" { checkLayers(mount, path) }
    }

    private mutating func checkLayers(_ mount: Mount, _ path: String) {
        for (index, option) in mount.options.enumerated() {
            guard let equals = option.firstIndex(of: "=") else { continue }
            let key = option[..<equals]
            guard key == "lowerdir" || key == "upperdir" || key == "workdir" else { continue }
            let places = option[equals...].dropFirst().split(separator: ":")
            for place in places
            where place.hasPrefix("/") && !place.utf8.contains(UInt8(ascii: "\\"))
                && !Self.exists(String(place))
            {
                fail(
                    "\(path).options[\(index)]",
                    "\(String(place).quoted): \(Errno.noEntry)")
            }
        }
    }

    // MARK: Devices

    mutating func checkDevices(_ view: ContainerView) {
        for (index, device) in configuration.linux.devices.enumerated() {
            let path = "linux.devices[\(index)]"
            let plan = DevicePlan(
                path: device.path, kind: device.kind, major: UInt32(clamping: device.major),
                minor: UInt32(clamping: device.minor), permissions: 0, uid: 0, gid: 0)
            if case .file(let place) = view.find(device.path), !plan.matches(place.status) {
                fail(
                    "\(path).path",
                    "the root filesystem has something else at \(device.path.quoted) already")
            }
            // A user namespace may not make nodes, and shows the host's.
            if isNew(.user), device.kind != .fifo {
                let status = try? File.status(of: device.path, followingLink: false)
                if status.map({ plan.matches($0) }) != true {
                    fail(
                        path,
                        "a user namespace can only show the host's own devices, and the host's "
                            + "\(device.path.quoted) is not this one")
                }
            }
        }
    }

    // MARK: Hooks

    mutating func checkHooks() {
        let hooks = configuration.hooks
        // startContainer's programs are the container's own; all others are the host's
        // (config.md#posix-platform-hooks).
        for (name, list) in [
            ("prestart", hooks.prestart), ("createRuntime", hooks.createRuntime),
            ("createContainer", hooks.createContainer), ("poststart", hooks.poststart),
            ("poststop", hooks.poststop),
        ] {
            for (index, hook) in list.enumerated() {
                if let reason = Self.refusal(ofProgram: hook.path) {
                    fail("hooks.\(name)[\(index)].path", "\(hook.path.quoted): \(reason)")
                }
            }
        }
    }

    /// Why a program of the host's cannot be executed; nil when it can.
    private static func refusal(ofProgram path: String) -> String? {
        do throws(SystemCallError) {
            let status = try File.status(of: path)
            if status.type != .regular { return "is no regular file" }
        } catch {
            return error.errno.description
        }
        return File.permits(.execute, path)
            ? nil : "has no permission to be executed by this user; chmod +x"
    }

    private mutating func checkStartHooks(_ view: ContainerView) {
        for (index, hook) in configuration.hooks.startContainer.enumerated() {
            let path = "hooks.startContainer[\(index)].path"
            switch view.find(hook.path) {
            case .unknown: continue
            case .missing(let errno):
                fail(path, "\(hook.path.quoted) in the container: \(errno)")
            case .file(let place):
                if place.status.type != .regular || place.status.permissions & 0o111 == 0 {
                    fail(path, "\(hook.path.quoted) in the container is no executable file")
                }
            }
        }
    }

    // MARK: The process

    mutating func checkProcess(_ view: ContainerView) {
        checkStartHooks(view)
        guard let process = configuration.process else { return }
        if process.terminal {
            note(
                "process.terminal",
                "create and a detached run will need --console-socket; run without --detach needs a "
                    + "terminal")
            if !configuration.mounts.contains(where: { $0.type == "devpts" }) {
                note("process.terminal", "there is no mount of type devpts to have a terminal on")
            }
        }
        checkWorkingDirectory(process, view)
        checkUserName(process, view)
        let linux = configuration.linux
        let groups = [process.user.gid] + process.user.additionalGids
        let foresight = ProgramForesight(
            view: view, process: process,
            user: .init(
                uid: configuration.hostUser ?? .max,
                groups: groups.compactMap { IDMapping.hostID(of: $0, in: linux.gidMappings) }))
        for finding in foresight.findings() { add(finding) }
    }

    private mutating func checkWorkingDirectory(_ process: ProcessSpec, _ view: ContainerView) {
        switch view.find(process.cwd) {
        case .file(let place):
            if place.status.type != .directory {
                fail("process.cwd", "\(process.cwd.quoted): \(Errno.notDirectory)")
            }
        case .missing(let errno):
            if errno == .noEntry {
                note("process.cwd", "\(process.cwd.quoted) is not there, and will be made")
            } else {
                fail("process.cwd", "\(process.cwd.quoted): \(errno)")
            }
        case .unknown: break
        }
    }

    /// Programs that ask who they are find no answer without an entry.
    private mutating func checkUserName(_ process: ProcessSpec, _ view: ContainerView) {
        let limit = 1 << 20
        guard process.user.uid != 0, case .file(let place) = view.find("/etc/passwd"),
            place.status.type == .regular,
            let file = try? File.open(place.holder.descriptor.procPath, .readOnlyAtOnce),
            let bytes = try? File.readAll(file, limit: limit)
        else { return }
        if UserDatabase.name(of: process.user.uid, in: bytes) == nil {
            note(
                "process.user.uid",
                "user \(process.user.uid) has no entry in the container's /etc/passwd")
        }
    }
}
