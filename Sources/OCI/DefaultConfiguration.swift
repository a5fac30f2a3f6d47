// SPDX-License-Identifier: Apache-2.0

internal import JSON

extension Specification {
    /// The config.json that `spec` writes, indented by tabs, as runc's is: a shell with a
    /// terminal in a read-only root filesystem.
    ///
    /// A rootless one has a user namespace that maps `uid` and `gid` to root, shares the
    /// network, and asks for no cgroup.
    package static func defaultConfiguration(
        rootless: Bool, uid: UInt32 = 0, gid: UInt32 = 0
    ) -> [UInt8] {
        var json = JSONWriter(.tabs)
        json.object { json in
            json.member("ociVersion", version)
            json.key("process")
            json.object { json in process(&json) }
            json.key("root")
            json.object { json in
                json.member("path", "rootfs")
                json.member("readonly", true)
            }
            json.member("hostname", "martlet")
            json.key("mounts")
            json.array { json in mounts(&json, rootless: rootless) }
            json.key("linux")
            json.object { json in linux(&json, mapping: rootless ? (uid, gid) : nil) }
        }
        return json.bytes
    }

    private static func process(_ json: inout JSONWriter) {
        json.member("terminal", true)
        json.key("user")
        json.object { json in
            json.member("uid", 0)
            json.member("gid", 0)
        }
        json.member("args", ["sh"])
        json.member(
            "env",
            [
                "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm",
            ])
        json.member("cwd", "/")
        json.key("capabilities")
        json.object { json in
            let names = ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"]
            json.member("bounding", names)
            json.member("effective", names)
            json.member("permitted", names)
        }
        json.key("rlimits")
        json.array { json in
            json.object { json in
                json.member("type", ResourceLimitType.openFiles.rawValue)
                json.member("hard", 1024)
                json.member("soft", 1024)
            }
        }
        json.member("noNewPrivileges", true)
    }

    private static func mounts(_ json: inout JSONWriter, rootless: Bool) {
        mount(&json, "/proc", "proc", "proc")
        mount(
            &json, "/dev", "tmpfs", "tmpfs", ["nosuid", "strictatime", "mode=755", "size=65536k"])
        // Group 5 is not mapped without privileges.
        mount(
            &json, "/dev/pts", "devpts", "devpts",
            ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"]
                + (rootless ? [] : ["gid=5"]))
        mount(
            &json, "/dev/shm", "tmpfs", "shm",
            ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"])
        mount(&json, "/dev/mqueue", "mqueue", "mqueue", ["nosuid", "noexec", "nodev"])
        if rootless {
            // sysfs belongs to the network namespace, which is the host's.
            mount(&json, "/sys", "none", "/sys", ["rbind", "nosuid", "noexec", "nodev", "ro"])
        } else {
            mount(&json, "/sys", "sysfs", "sysfs", ["nosuid", "noexec", "nodev", "ro"])
        }
        mount(
            &json, "/sys/fs/cgroup", "cgroup", "cgroup",
            ["nosuid", "noexec", "nodev", "relatime", "ro"])
    }

    private static func mount(
        _ json: inout JSONWriter, _ destination: String, _ type: String, _ source: String,
        _ options: [String] = []
    ) {
        json.object { json in
            json.member("destination", destination)
            json.member("type", type)
            json.member("source", source)
            if !options.isEmpty { json.member("options", options) }
        }
    }

    private static func linux(
        _ json: inout JSONWriter, mapping: (uid: UInt32, gid: UInt32)?
    ) {
        var namespaces: [Namespace.Kind] = [.pid, .network, .ipc, .uts, .mount]
        if let mapping {
            namespaces = [.pid, .ipc, .uts, .mount, .user]
            idMapping(&json, "uidMappings", mapping.uid)
            idMapping(&json, "gidMappings", mapping.gid)
        } else {
            json.key("resources")
            json.object { json in
                json.key("devices")
                json.array { json in
                    json.object { json in
                        json.member("allow", false)
                        json.member("access", "rwm")
                    }
                }
            }
        }
        json.key("namespaces")
        json.array { json in
            for kind in namespaces {
                json.object { json in json.member("type", kind.rawValue) }
            }
        }
        json.member(
            "maskedPaths",
            [
                "/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
                "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/sys/firmware",
                "/proc/scsi",
            ])
        json.member(
            "readonlyPaths",
            ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"])
    }

    private static func idMapping(_ json: inout JSONWriter, _ name: StaticString, _ host: UInt32) {
        json.key(name)
        json.array { json in
            json.object { json in
                json.member("containerID", 0)
                json.member("hostID", host)
                json.member("size", 1)
            }
        }
    }
}
