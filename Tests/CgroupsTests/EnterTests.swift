// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Cgroups

@Suite struct `Cgroups below a container's` {
    private static let legacy = Cgroup(
        CgroupRecord(places: [
            CgroupPlace(mountPoint: "/c/cpu", controllers: ["cpu", "cpuacct"], path: "a/x"),
            CgroupPlace(
                mountPoint: "/c/systemd", controllers: ["name=systemd"], path: "x", made: ["x"]),
            CgroupPlace(mountPoint: "/c/unified", controllers: [], path: "x"),
        ]))

    private func paths(_ texts: String...) throws(CgroupError) -> [String] {
        var subs: [SubCgroup] = []
        for text in texts { subs.append(try SubCgroup(text)) }
        return try Self.legacy.below(subs).record.places.map(\.path)
    }

    @Test func `are those of every hierarchy, for a path alone`() throws {
        #expect(try paths("sub/./er/") == ["a/x/sub/er", "x/sub/er", "x/sub/er"])
        #expect(try paths("/") == ["a/x", "x", "x"])
        #expect(try Self.legacy.below([]) == Self.legacy)
    }

    @Test func `are those of the named controllers`() throws {
        #expect(try paths("cpu:one", "systemd:/two") == ["a/x/one", "x/two", "x"])
        #expect(try paths("cpu,cpuacct,systemd:s") == ["a/x/s", "x/s", "x"])
    }

    @Test(arguments: [
        ["../y"], ["a/../../y"], ["cpu:.."], ["a:b:c"], [""], ["cpu:"], [":x"], ["cpu,:x"],
        ["memory:x"], ["x", "y"], ["cpu:x", "y"], ["x\ny"],
    ])
    func `are nothing else`(texts: [String]) {
        #expect(throws: CgroupError.self) {
            var subs: [SubCgroup] = []
            for text in texts { subs.append(try SubCgroup(text)) }
            _ = try Self.legacy.below(subs)
        }
    }

    @Test func `are not ours to remove`() throws {
        let places = try Self.legacy.below([SubCgroup("s")]).record.places
        #expect(places.allSatisfy { $0.made.isEmpty })
    }
}
