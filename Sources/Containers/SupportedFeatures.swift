// SPDX-License-Identifier: Apache-2.0

internal import Cgroups
internal import Linux
package import OCI
internal import Seccomp

extension Features {
    /// What this build does (features.md, features-linux.md), whatever the host has.
    ///
    /// What ``Support`` refuses is not in it, so that the two cannot say different things: who
    /// takes a refusal away there has it here.
    package static var ofThisBuild: Features {
        var features = Features()
        features.hooks = supportedHooks
        features.mountOptions = supportedMountOptions
        features.linux = supportedLinux
        features.potentiallyUnsafeConfigAnnotations = Support.unsafeAnnotations
        return features
    }

    private static var supportedHooks: [String] {
        let hook = [Hook(path: "/hook")]
        let kinds: [(String, (inout Hooks) -> Void)] = [
            ("prestart", { $0.prestart = hook }), ("createRuntime", { $0.createRuntime = hook }),
            ("createContainer", { $0.createContainer = hook }),
            ("startContainer", { $0.startContainer = hook }),
            ("poststart", { $0.poststart = hook }), ("poststop", { $0.poststop = hook }),
        ]
        var names: [String] = []
        for (name, add) in kinds where Support.has({ add(&$0.hooks) }) { names.append(name) }
        return names
    }

    private static var supportedMountOptions: [String] {
        var names = Set(MountOptions.recognizedNames)
        for name in ["idmap", "ridmap"] {
            if hasMountOption(name) { names.insert(name) } else { names.remove(name) }
        }
        return names.sorted()
    }

    private static func hasMountOption(_ name: String) -> Bool {
        Support.has { configuration in
            var mount = Mount(destination: "/data")
            mount.source = "/data"
            mount.options = ["bind", name]
            mount.uidMappings = [IDMapping(containerID: 0, hostID: 1, size: 1)]
            mount.gidMappings = mount.uidMappings
            configuration.mounts = [mount]
        }
    }

    private static var supportedLinux: Linux {
        var linux = Linux()
        linux.capabilities = Capabilities.allNames
        var cgroup = Cgroup()
        cgroup.v1 = true
        cgroup.v2 = true
        cgroup.systemd = Support.hasSystemdCgroups
        cgroup.systemdUser = Support.hasSystemdCgroups
        cgroup.rdma = true
        linux.cgroup = cgroup
        linux.seccomp = supportedSeccomp
        linux.apparmor = Support.has { $0.process?.apparmorProfile = "profile" }
        linux.selinux =
            Support.has { $0.process?.selinuxLabel = "label" }
            && Support.has { $0.linux.mountLabel = "label" }
        var rdt = IntelRdt()
        rdt.enabled = Support.has { $0.linux.intelRdt = OCI.IntelRdt() }
        rdt.schemata = rdt.enabled
        rdt.monitoring = rdt.enabled
        linux.intelRdt = rdt
        if Support.has({ $0.linux.memoryPolicy = OCI.MemoryPolicy(mode: .local) }) {
            linux.memoryPolicy = MemoryPolicy()
        }
        linux.idmap = hasMountOption("idmap")
        linux.netDevices = Support.has { $0.linux.netDevices = ["eth0": NetDevice()] }
        return linux
    }

    private static var supportedSeccomp: Seccomp {
        var seccomp = Seccomp(enabled: true)
        // Those of the specification that the libseccomp in this build knows as well.
        seccomp.archs = Compiler.knownArchitectures().map(\.rawValue).sorted()
        // features-linux.md: of the known ones those that the kernel takes.
        seccomp.supportedFlags = Filter.supportedFlags().map(\.rawValue).sorted()
        return seccomp
    }
}

extension Support {
    /// Whether systemd can be asked to make cgroups.
    static let hasSystemdCgroups = true

    /// Annotations of a config.json that change what this build does; with a dot behind it, a
    /// prefix of such annotations (features.md#unsafe-annotations-in-configjson).
    static let unsafeAnnotations = [UnitAnnotations.prefix]

    /// Whether a configuration with this in it is not refused.
    static func has(_ change: (inout Configuration) -> Void) -> Bool {
        var configuration = Configuration(ociVersion: Specification.version)
        configuration.process = ProcessSpec(cwd: "/")
        change(&configuration)
        return unsupported(in: configuration).isEmpty
    }
}
