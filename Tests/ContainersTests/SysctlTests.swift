// SPDX-License-Identifier: Apache-2.0

import Containers
import OCI
import Testing

@Suite struct `A kernel parameter` {
    @Test(arguments: [
        ("net.ipv4.ip_forward", "net/ipv4/ip_forward"),
        ("net/ipv4/ip_forward", "net/ipv4/ip_forward"),
        ("net.ipv4.conf.eth0/1.forwarding", "net/ipv4/conf/eth0.1/forwarding"),
        ("net/ipv4/conf/eth0.1/forwarding", "net/ipv4/conf/eth0.1/forwarding"),
        ("kernel.shmmax", "kernel/shmmax"), ("word", "word"), ("", ""),
    ])
    func `is written with dots or with slashes`(key: String, path: String) {
        #expect(Sysctl.path(of: key) == path)
    }

    @Test(arguments: [
        ("net.core.somaxconn", Namespace.Kind.network), ("net/core/somaxconn", .network),
        ("kernel.shmmax", .ipc), ("kernel.msgmni", .ipc), ("kernel.sem", .ipc),
        ("kernel.shm_rmid_forced", .ipc), ("fs.mqueue.msg_max", .ipc),
        ("kernel.hostname", .uts), ("kernel.domainname", .uts),
        ("user.max_user_namespaces", .user),
    ])
    func `belongs to a namespace`(key: String, kind: Namespace.Kind) throws {
        #expect(Sysctl.namespace(of: key) == kind)
        try Sysctl.check(key, namespaces: [Namespace(kind: .mount), Namespace(kind: kind)])
        let error = failure { () throws(ContainerError) in
            try Sysctl.check(key, namespaces: [Namespace(kind: .mount)])
        }
        #expect(error?.kind == .invalidConfiguration)
        #expect(error?.reason.contains("linux.sysctl \"\(key)\"") == true)
        #expect(error?.reason.contains("{\"type\": \"\(kind.rawValue)\"}") == true)
    }

    @Test(arguments: [
        "kernel.core_pattern", "kernel.panic", "vm.overcommit_memory", "fs.file-max", "", "net",
        "net.", ".net.ipv4", "net..ipv4", "net/../kernel/core_pattern", "net/./ipv4",
        "net.//.kernel.core_pattern", "kernel/shmmax/../core_pattern",
        "/net/ipv4/ip_forward", "kernel.hostname.x", "KERNEL.SHMMAX", "fs.mqueue",
        "fs/mqueue/../../kernel/core_pattern", "debug.exception-trace", "user",
    ])
    func `of the whole machine is refused`(key: String) {
        #expect(Sysctl.namespace(of: key) == nil)
        let all = Namespace.Kind.allCases.map { Namespace(kind: $0) }
        let error = failure { () throws(ContainerError) in try Sysctl.check(key, namespaces: all) }
        #expect(error?.kind == .invalidConfiguration)
        #expect(error?.reason.contains("would change the host") == true)
    }
}
