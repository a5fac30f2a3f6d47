// SPDX-License-Identifier: Apache-2.0

package import OCI

/// Which kernel parameters belong to a container's namespaces (sysctl(8), namespaces(7)).
package enum Sysctl {
    /// The path below /proc/sys. In a key with dots a slash stands for a dot in a name, as in
    /// sysctl.d(5): `net.ipv4.conf.eth0/1.forwarding`; a key whose first separator is a slash is a
    /// path already.
    package static func path(of key: String) -> String {
        let firstSeparator = key.utf8.first { $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "/") }
        if firstSeparator == UInt8(ascii: "/") { return key }
        var bytes = Array(key.utf8)
        for index in bytes.indices {
            switch bytes[index] {
            case UInt8(ascii: "."): bytes[index] = UInt8(ascii: "/")
            case UInt8(ascii: "/"): bytes[index] = UInt8(ascii: ".")
            default: break
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static let interProcess: Set<String> = [
        "kernel/msgmax", "kernel/msgmnb", "kernel/msgmni", "kernel/sem", "kernel/shmall",
        "kernel/shmmax", "kernel/shmmni", "kernel/shm_rmid_forced", "kernel/shm_next_id",
        "kernel/sem_next_id", "kernel/msg_next_id",
    ]

    /// The namespace that a parameter belongs to; nil for one that is the whole machine's.
    package static func namespace(of key: String) -> Namespace.Kind? {
        let path = path(of: key)
        let names = path.utf8.split(
            separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        // ".." could lead anywhere once dots and slashes have changed places.
        for name in names
        where name.isEmpty || name.elementsEqual("..".utf8)
            || name.elementsEqual(".".utf8)
        {
            return nil
        }
        if path.hasPrefix("net/") { return .network }
        if path.hasPrefix("fs/mqueue/") || interProcess.contains(path) { return .ipc }
        if path == "kernel/hostname" || path == "kernel/domainname" { return .uts }
        if path.hasPrefix("user/") { return .user }
        return nil
    }

    /// Refuses a parameter that would change the host.
    package static func check(_ key: String, namespaces: [Namespace]) throws(ContainerError) {
        guard let kind = namespace(of: key) else {
            throw ContainerError(
                .invalidConfiguration,
                "linux.sysctl \"\(key)\": not a parameter of a namespace; it would change the host")
        }
        guard namespaces.contains(where: { $0.kind == kind }) else {
            throw ContainerError(
                .invalidConfiguration,
                "linux.sysctl \"\(key)\": belongs to the \(kind.rawValue) namespace, which the "
                    + "container shares with the host; add {\"type\": \"\(kind.rawValue)\"}")
        }
    }
}
