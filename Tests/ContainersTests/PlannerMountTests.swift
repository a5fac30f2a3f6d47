// SPDX-License-Identifier: Apache-2.0

import Containers
import OCI
import Testing

@Suite struct `A plan without a mount namespace of its own` {
    private var input: PlanInput {
        var input = PlanInput.full
        input.configuration.linux.namespaces.removeAll { $0.kind == .mount }
        return input
    }

    @Test func `leaves the mounts of the namespace as they are`() throws {
        for plan in [try input.plan(), try joining("/proc/1/ns/mnt").plan()] {
            for word in ["isolateMounts", "attachRoot", "enterRoot"] {
                #expect(!plan.words.contains(word), "\(word)")
            }
            #expect(plan.namespaces.parentOpensSources)
        }
    }

    @Test func `has each step before what needs it`() throws {
        let words = try input.plan().words
        for (first, second) in [
            ("openRoot", "mount"), ("mask", "changeRoot"), ("makeRootReadOnly", "changeRoot"),
            ("changeRoot", "setRootPropagation"), ("changeRoot", "enterWorkingDirectory"),
        ] {
            let last = try #require(words.lastIndex(of: first))
            let next = try #require(words.firstIndex(of: second))
            #expect(last < next, "\(first) after \(second)")
        }
    }

    @Test func `joins one of another, and stays in its own`() throws {
        var input = joining("/proc/1/ns/mnt")
        #expect(try input.plan().namespaces.joined.map(\.kind) == [.mount])
        input.host.isInMountNamespace = true
        #expect(try input.plan().namespaces.joined.isEmpty)
        #expect(try input.plan().words.contains("changeRoot"))
    }

    private func joining(_ path: String) -> PlanInput {
        var input = input
        input.configuration.linux.namespaces.append(Namespace(kind: .mount, path: path))
        return input
    }
}

@Suite struct `Mapped ids of a mount` {
    private static let mapping = [IDMapping(containerID: 0, hostID: 1000, size: 10)]
    private static let other = [IDMapping(containerID: 0, hostID: 5000, size: 10)]

    private func input(_ options: [String], mapped: Bool = true) -> PlanInput {
        var input = PlanInput()
        var mount = PlanInput.mount("/m", "none", options)
        if mapped {
            mount.uidMappings = Self.mapping
            mount.gidMappings = Self.other
        }
        input.configuration.mounts = [mount]
        return input
    }

    private func inUserNamespace(_ input: PlanInput) -> PlanInput {
        var input = input
        input.configuration.linux.namespaces.append(Namespace(kind: .user))
        input.configuration.linux.uidMappings = Self.other
        input.configuration.linux.gidMappings = Self.mapping
        return input
    }

    @Test(arguments: [
        (["bind", "idmap"], false), (["rbind", "ridmap"], true), (["bind"], false),
        (["idmap", "ridmap"], true),
    ])
    func `are the mount's own where it has some`(options: [String], recursively: Bool) throws {
        let expected = MountIDMapping(
            source: .mappings(uids: Self.mapping, gids: Self.other), recursively: recursively)
        #expect(try input(options).plan().mounts[0].idMapping == expected)
        #expect(try inUserNamespace(input(options)).plan().mounts[0].idMapping == expected)
    }

    @Test func `are the user namespace's where it has none`() throws {
        let new = inUserNamespace(input(["bind", "ridmap"], mapped: false))
        #expect(
            try new.plan().mounts[0].idMapping
                == MountIDMapping(
                    source: .mappings(uids: Self.other, gids: Self.mapping), recursively: true))
        var joined = input(["bind", "idmap"], mapped: false)
        joined.configuration.linux.namespaces.append(
            Namespace(kind: .user, path: "/proc/9/ns/user"))
        #expect(
            try joined.plan().mounts[0].idMapping
                == MountIDMapping(source: .namespace("/proc/9/ns/user"), recursively: false))
    }

    @Test func `are not there when nobody asks`() throws {
        #expect(
            try inUserNamespace(input(["bind"], mapped: false)).plan().mounts[0].idMapping == nil)
    }

    @Test(arguments: ["idmap", "ridmap"]) func `must come from somewhere`(word: String) {
        let error = failure { () throws(ContainerError) in
            try input(["bind", word], mapped: false).plan()
        }
        #expect(error?.kind == .invalidConfiguration)
        #expect(
            error?.reason.hasPrefix("mounts: \"/m\": \"\(word)\" needs uidMappings") == true)
    }

    @Test(arguments: [
        ["remount"], ["iversion"], ["silent"], ["a=" + String(repeating: "x", count: 300)],
    ])
    func `are refused where they cannot be applied`(options: [String]) {
        let error = failure { () throws(ContainerError) in try input(options).plan() }
        #expect(error?.kind == .invalidConfiguration)
    }

    @Test func `are refused of cgroups, and to an ordinary user`() {
        var cgroups = input([])
        cgroups.configuration.mounts[0].type = "cgroup"
        #expect(failure { () throws(ContainerError) in try cgroups.plan() } != nil)
        var ordinary = inUserNamespace(input(["bind", "idmap"]))
        ordinary.host = Host(effectiveUserID: 1000, effectiveGroupID: 1000)
        let error = failure { () throws(ContainerError) in try ordinary.plan() }
        #expect(error?.kind == .unsupported)
        #expect(error?.reason.contains("only root") == true)
    }
}

@Suite struct `A bind mount` {
    private func input(_ options: [String]) -> PlanInput {
        var input = PlanInput()
        input.configuration.mounts = [PlanInput.mount("/m", "none", options)]
        return input
    }

    @Test(arguments: ["size=1k", "unknown", "sync", "lazytime", "iversion", "tmpcopyup"])
    func `takes words that mean nothing to it, and tells`(word: String) throws {
        let (plan, warnings) = try input(["bind", "ro", word]).planWithWarnings()
        #expect(plan.mounts[0].isBind)
        #expect(
            warnings
                == ["mounts: \"/m\": the option \"\(word)\" has no effect on a bind mount"])
    }

    @Test(arguments: [
        (Propagation.rshared, ["rbind", "rshared"], true),
        (.shared, ["bind", "shared"], true),
        (.rshared, ["rbind", "rshared", "rslave"], false),
        (.rshared, ["rbind"], false), (.rslave, ["rbind", "rshared"], false),
    ])
    func `shares with the host only where both it and the root should`(
        root: Propagation, options: [String], shares: Bool
    ) throws {
        var input = input(options)
        input.configuration.linux.rootfsPropagation = root
        #expect(try input.plan().mounts[0].sharesWithHost == shares)
        input.configuration.linux.namespaces.append(Namespace(kind: .user))
        input.configuration.linux.uidMappings = [IDMapping(containerID: 0, hostID: 1, size: 1)]
        input.configuration.linux.gidMappings = [IDMapping(containerID: 0, hostID: 1, size: 1)]
        #expect(try !input.plan().mounts[0].sharesWithHost)
    }
}
