// SPDX-License-Identifier: Apache-2.0

package import Linux
package import OCI

/// Security modules of the kernel that label processes and files.
package struct SecurityModules: FlagSet, Hashable, Sendable {
    package let rawValue: UInt8
    package init(rawValue: UInt8) { self.rawValue = rawValue }

    package static var appArmor: SecurityModules { .init(rawValue: 1) }
    package static var selinux: SecurityModules { .init(rawValue: 2) }

    /// Those that are switched on.
    package static func current() throws(SystemCallError) -> SecurityModules {
        var modules: SecurityModules = []
        let isOn = try? File.readText("/sys/module/apparmor/parameters/enabled", limit: 16)
        if isOn?.hasPrefix("Y") == true { modules.insert(.appArmor) }
        // Its filesystem is known to the kernel only when it was not switched off at boot, and a
        // process has another context than "kernel" only when a policy was loaded.
        let types = try File.readText("/proc/filesystems").split(separator: "\n")
        if types.contains(where: { $0.hasSuffix("\tselinuxfs") }),
            let context = try? File.readText("/proc/self/attr/current", limit: 4096),
            !context.hasPrefix("kernel")
        {
            modules.insert(.selinux)
        }
        return modules
    }
}

/// The labels that a configuration asks for (config.md#linux-process, config-linux.md#mount-label).
package struct RequestedLabels: Equatable, Sendable {
    package var appArmorProfile: String?
    package var selinuxLabel: String?
    package var mountLabel: String?

    /// An empty string is what engines write for none.
    package init(appArmorProfile: String?, selinuxLabel: String?, mountLabel: String?) {
        func unlessEmpty(_ text: String?) -> String? { text?.isEmpty == false ? text : nil }
        self.appArmorProfile = unlessEmpty(appArmorProfile)
        self.selinuxLabel = unlessEmpty(selinuxLabel)
        self.mountLabel = unlessEmpty(mountLabel)
    }

    package init(_ configuration: Configuration) {
        self.init(
            appArmorProfile: configuration.process?.apparmorProfile,
            selinuxLabel: configuration.process?.selinuxLabel,
            mountLabel: configuration.linux.mountLabel)
    }

    /// Whether the host's modules matter.
    package var areAny: Bool {
        appArmorProfile != nil || selinuxLabel != nil || mountLabel != nil
    }

    /// Refuses what no module would enforce: a container without the confinement that was asked for
    /// would be worse than none.
    package func check(_ modules: SecurityModules) throws(ContainerError) {
        if let appArmorProfile, !modules.contains(.appArmor) {
            throw Self.refusal("process.apparmorProfile", appArmorProfile, "AppArmor", "apparmor")
        }
        if modules.contains(.selinux) { return }
        if let selinuxLabel {
            throw Self.refusal("process.selinuxLabel", selinuxLabel, "SELinux", "selinux")
        }
        if let mountLabel {
            throw Self.refusal("linux.mountLabel", mountLabel, "SELinux", "selinux")
        }
    }

    private static func refusal(_ path: String, _ value: String, _ name: String, _ word: String)
        -> ContainerError
    {
        ContainerError(
            .failed,
            "\(path) \"\(value)\": \(name) is not enabled on this machine; remove it from the "
                + "configuration, or boot with \(word) in the kernel's lsm= list")
    }
}

/// One label, as it is written below /proc/thread-self/attr.
package struct LabelWrite: Equatable, Sendable, CustomStringConvertible {
    /// What it is in the configuration.
    package var property: String
    package var label: String
    /// Where it goes: the first of these that is there.
    package var files: [String]
    package var text: String
    /// What a label that is refused probably lacks.
    package var remedy: String

    package var description: String { "\(property) \"\(label)\"" }

    /// The profile that the program will be confined by (apparmor(7)).
    package static func appArmorProfile(_ name: String) -> LabelWrite {
        LabelWrite(
            property: "process.apparmorProfile", label: name,
            // Before Linux 5.8 there is only the file that all modules share.
            files: ["apparmor/exec", "exec"], text: "exec \(name)",
            remedy: "is the profile loaded (apparmor_parser)?")
    }

    /// The context that the program will have (selinux(8)).
    package static func selinuxLabel(_ label: String) -> LabelWrite {
        LabelWrite(
            property: "process.selinuxLabel", label: label, files: ["exec"], text: label,
            remedy: "does the loaded policy have this context?")
    }

    /// The context that new keyrings of this process get.
    package static func keyringLabel(_ label: String) -> LabelWrite {
        LabelWrite(
            property: "process.selinuxLabel", label: label, files: ["keycreate"], text: label,
            remedy: "does the loaded policy have this context?")
    }

    /// Whether the label names several profiles of AppArmor, as `one//&other`.
    private var isStack: Bool {
        let parts = label.split(separator: "/", omittingEmptySubsequences: false)
        return zip(parts, parts.dropFirst()).contains { $0.isEmpty && $1.hasPrefix("&") }
    }

    /// Whether what the kernel answers is what was written: it may add AppArmor's mode, an end of
    /// line or an end mark, and names profiles of other namespaces in its own way.
    package func isConfirmed(by answer: String) -> Bool {
        let end = answer.firstIndex { $0 == "\n" || $0 == "\0" } ?? answer.endIndex
        var text = answer[..<end]
        if property == "process.apparmorProfile" {
            if text.hasSuffix(")"), let mode = text.lastIndex(of: "(") {
                text = text[..<mode]
                if text.hasSuffix(" ") { text.removeLast() }
            }
            if label.hasPrefix(":") || isStack { return !text.isEmpty }
        }
        return text == label
    }
}

/// How a mount gets linux.mountLabel.
package enum MountLabel: Equatable, Sendable {
    /// As data of the filesystem: all its files have this context.
    case context(String)
    /// As an attribute of the root of a filesystem that takes no such data.
    case attribute(String)

    /// nil for filesystems that belong to the kernel or to others, whose labels are not ours to set.
    package init?(_ label: String?, type: String, data: [String]) {
        guard let label else { return nil }
        switch type {
        case "proc", "sysfs", "cgroup", "cgroup2": return nil
        case "mqueue": self = .attribute(label)
        default:
            // The configuration's own words go first.
            let own = ["context=", "fscontext=", "defcontext=", "rootcontext="]
            if data.contains(where: { word in own.contains { word.hasPrefix($0) } }) { return nil }
            self = .context(label)
        }
    }
}
