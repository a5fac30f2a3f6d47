// SPDX-License-Identifier: Apache-2.0

import Containers
import Linux
import OCI
import Testing

@Suite struct `A plan is refused` {
    @Test(arguments: [nil, "/proc/1/ns/mnt"])
    func `with a new user namespace but no mount namespace that belongs to it`(path: String?) {
        var input = PlanInput()
        input.configuration.linux.namespaces.removeAll { $0.kind == .mount }
        if let path {
            input.configuration.linux.namespaces.append(Namespace(kind: .mount, path: path))
        }
        input.configuration.linux.namespaces.append(Namespace(kind: .user))
        input.configuration.linux.uidMappings = [IDMapping(containerID: 0, hostID: 1, size: 9)]
        input.configuration.linux.gidMappings = [IDMapping(containerID: 0, hostID: 1, size: 9)]
        let error = failure { () throws(ContainerError) in try input.plan() }
        #expect(error?.kind == .unsupported)
        #expect(error?.reason.hasSuffix("add {\"type\": \"mount\"} without a path") == true)
    }

    @Test func `without a root filesystem`() {
        var input = PlanInput()
        input.configuration.root = nil
        let error = failure { () throws(ContainerError) in try input.plan() }
        #expect(error?.kind == .invalidConfiguration)
        #expect(error?.reason == "root: required, but missing")
    }

    @Test func `to an ordinary user without a user namespace`() {
        var input = PlanInput()
        input.host = Host(effectiveUserID: 1000, effectiveGroupID: 1000)
        let error = failure { () throws(ContainerError) in try input.plan() }
        #expect(error?.kind == .invalidConfiguration)
        #expect(error?.reason.contains("user 1000") == true)
        #expect(error?.reason.contains("martlet spec --rootless") == true)
    }

    @Test func `with a new user namespace and no mappings`() {
        var input = PlanInput()
        input.configuration.linux.namespaces.append(Namespace(kind: .user))
        let error = failure { () throws(ContainerError) in try input.plan() }
        #expect(error?.reason.hasPrefix("linux.uidMappings and linux.gidMappings") == true)
    }

    @Test func `with groups where they cannot be set`() throws {
        var input = PlanInput()
        input.host = Host(effectiveUserID: 1000, effectiveGroupID: 100)
        input.configuration.linux.namespaces.append(Namespace(kind: .user))
        input.configuration.linux.uidMappings = [.init(containerID: 0, hostID: 1000, size: 1)]
        input.configuration.linux.gidMappings = [.init(containerID: 0, hostID: 100, size: 1)]
        #expect(try #require(try input.plan().identity).groups == nil)
        input.configuration.process?.user.additionalGids = [5]
        let error = failure { () throws(ContainerError) in try input.plan() }
        #expect(error?.reason.hasPrefix("process.user.additionalGids: ") == true)
    }

    @Test func `with a bind mount that has no source`() {
        for source in [nil, ""] {
            var input = PlanInput()
            input.configuration.mounts[0].options = ["bind"]
            input.configuration.mounts[0].source = source
            let error = failure { () throws(ContainerError) in try input.plan() }
            #expect(error?.reason == "mounts: \"/proc\": a bind mount needs a source")
        }
    }

    @Test(arguments: ["iversion", "noiversion"])
    func `with a remount that cannot do what it should`(word: String) {
        var input = PlanInput()
        input.configuration.mounts[0].options = ["remount", word]
        let error = failure { () throws(ContainerError) in try input.plan() }
        #expect(error?.kind == .unsupported)
        #expect(error?.reason.hasPrefix("mounts: \"/proc\": iversion and noiversion") == true)
    }
}

@Suite struct `Mappings of ids` {
    private func plan(_ uids: [IDMapping], _ gids: [IDMapping]) throws -> NamespacePlan {
        var input = PlanInput()
        input.configuration.linux.namespaces.append(Namespace(kind: .user))
        input.configuration.linux.uidMappings = uids
        input.configuration.linux.gidMappings = gids
        return try input.plan().namespaces
    }

    @Test(arguments: [
        (UInt32(1000), UInt32(100), UInt32(1000), UInt32(100), UInt32(1), true),
        (1000, 100, 1000, 100, 2, false), (1000, 100, 1001, 100, 1, false),
        (1000, 100, 1000, 101, 1, false), (0, 0, 0, 0, 1, false), (0, 0, 1000, 100, 1, false),
    ])
    func `deny setgroups exactly where an ordinary user maps itself alone`(
        uid: UInt32, gid: UInt32, hostUser: UInt32, hostGroup: UInt32, size: UInt32, denied: Bool
    ) throws {
        let plan = try plan(
            [IDMapping(containerID: 0, hostID: hostUser, size: size)],
            [IDMapping(containerID: 0, hostID: hostGroup, size: size)])
        let host = Host(effectiveUserID: uid, effectiveGroupID: gid)
        #expect(IDMapping.mustDenySetgroups(plan, host: host) == denied)
    }

    @Test func `in several parts are not the caller's own alone`() throws {
        let own = IDMapping(containerID: 0, hostID: 1000, size: 1)
        let host = Host(effectiveUserID: 1000, effectiveGroupID: 1000)
        let more = IDMapping(containerID: 1, hostID: 100_000, size: 65536)
        #expect(try !IDMapping.mustDenySetgroups(plan([own, more], [own, more]), host: host))
        #expect(try IDMapping.mustDenySetgroups(plan([own], [own]), host: host))
    }
}
