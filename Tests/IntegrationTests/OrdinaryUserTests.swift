// SPDX-License-Identifier: Apache-2.0

import Foundation
import Requirements
import Testing

/// Whether an ordinary user may make a user namespace.
private let canBeOrdinary: Bool = {
    let command = try? Command(
        OrdinaryUser.drop + ["unshare", "--user", "--map-root-user", "true"],
        in: NSTemporaryDirectory())
    return (try? command?.wait())?.code == 0
}()

private enum OrdinaryUser {
    /// Becomes nobody, with no group and no right of root's.
    static let drop = [
        "/usr/bin/setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups",
        "--bounding-set=-all", "--inh-caps=-all", "--",
    ]
}

extension ContainerFixture {
    /// A copy of the runtime, because the built one may lie where nobody else can come to.
    fileprivate var reachableRuntime: String { "\(directory)/martlet" }

    /// Gives everything to nobody, with a configuration that `spec --rootless` writes.
    fileprivate func makeRootless(_ words: [String]) throws {
        let manager = FileManager.default
        try manager.createDirectory(atPath: state, withIntermediateDirectories: false)
        try manager.removeItem(atPath: configurationPath)
        let owner = try Command(["/bin/chown", "-R", "65534:65534", directory], in: directory)
        #expect(try owner.wait().code == 0)
        try copyProgram(Command.runtime, to: reachableRuntime)
        let spec = try ordinary("spec", "--rootless", "--bundle", bundle)
        #expect(spec.code == 0, "\(spec.errors)")
        try edit("process", ["args": words, "terminal": false])
        // The namespace's root is nobody outside, and has only one group.
        try edit("root", ["path": "rootfs"])
    }

    fileprivate func ordinary(_ words: String...) throws -> Command.Outcome {
        try Command(
            OrdinaryUser.drop + [reachableRuntime, "--root", state] + words, in: directory
        ).wait()
    }
}

@Suite(
    .requiresRoot, .present("a user namespace for an ordinary user") { canBeOrdinary },
    .serialized)
struct `An ordinary user` {
    @Test func `runs a container as the only user that there is`() async throws {
        try await ContainerFixture.with { fixture in
            try fixture.makeRootless(["sh", "-c", "id -u; cat /proc/self/uid_map; exit 6"])
            let outcome = try fixture.ordinary("run", "--bundle", fixture.bundle, fixture.id)
            #expect(outcome.code == 6, "\(outcome.errors)")
            let fields = outcome.output.split(whereSeparator: \.isWhitespace)
            #expect(fields == ["0", "0", "65534", "1"])
            #expect(try fixture.lastingLeftovers() == [])
        }
    }

    @Test func `leads a container through its life`() async throws {
        try await ContainerFixture.with { fixture in
            try fixture.makeRootless(["sleep", "1000"])
            let created = try fixture.ordinary("create", "--bundle", fixture.bundle, fixture.id)
            #expect(created.code == 0, "\(created.errors)")
            #expect(try fixture.ordinary("start", fixture.id).code == 0)
            #expect(try fixture.ordinary("state", fixture.id).output.contains("running"))
            #expect(try fixture.ordinary("kill", fixture.id, "KILL").code == 0)
            #expect(try fixture.ordinary("delete", "--force", fixture.id).code == 0)
            #expect(try fixture.lastingLeftovers() == [])
        }
    }

    @Test func `is told that a user namespace is needed`() async throws {
        try await ContainerFixture.with { fixture in
            try fixture.makeRootless(["true"])
            try fixture.edit("linux", ["namespaces": [["type": "mount"]]])
            let outcome = try fixture.ordinary("create", "--bundle", fixture.bundle, fixture.id)
            #expect(outcome.code == 1 && outcome.errorLines.count == 1)
            #expect(outcome.errors.contains("martlet"))
        }
    }

    @Test func `maps no ids that belong to others`() async throws {
        try await ContainerFixture.with { fixture in
            try fixture.makeRootless(["true"])
            let mapping = [["containerID": 0, "hostID": 0, "size": 1]]
            try fixture.edit("linux", ["uidMappings": mapping])
            let outcome = try fixture.ordinary("run", "--bundle", fixture.bundle, fixture.id)
            #expect(outcome.code == 1)
            #expect(outcome.errors.contains("map ids") || outcome.errors.contains("map user"))
            #expect(try fixture.lastingLeftovers() == [])
        }
    }

    /// In a mount namespace with its own copies of the files that give users their ids.
    @Test(
        .present("newuidmap, /etc/subuid and /etc/subgid") {
            ["/usr/bin/newuidmap", "/etc/subuid", "/etc/subgid"].allSatisfy {
                FileManager.default.fileExists(atPath: $0)
            }
        })
    func `maps a range that is given to it`() async throws {
        try await ContainerFixture.with { fixture in
            try fixture.makeRootless(["sh", "-c", "cat /proc/self/uid_map /proc/self/gid_map"])
            let mappings = [
                ["containerID": 0, "hostID": 65534, "size": 1],
                ["containerID": 1, "hostID": 700_000, "size": 1000],
            ]
            try fixture.edit("linux", ["uidMappings": mappings, "gidMappings": mappings])
            let subordinate = "\(fixture.directory)/subordinate"
            try Data("nobody:700000:1000\n".utf8).write(to: URL(fileURLWithPath: subordinate))
            let line =
                "mount --bind \"$0\" /etc/subuid"
                + " && mount --bind \"$0\" /etc/subgid && exec \"$@\""
            let run = [
                fixture.reachableRuntime, "--root", fixture.state, "run", "--bundle",
                fixture.bundle, fixture.id,
            ]
            // newuidmap needs the rights of its set-id bit, so the bounding set stays.
            let drop = OrdinaryUser.drop.filter { !$0.hasSuffix("=-all") }
            let command = try Command(
                [
                    "/usr/bin/unshare", "--mount", "--propagation", "private", "/bin/sh", "-c",
                    line, subordinate,
                ] + drop + run, in: fixture.directory)
            let outcome = try command.wait()
            #expect(outcome.code == 0, "\(outcome.errors)")
            let fields = outcome.output.split(whereSeparator: \.isWhitespace).map(String.init)
            let map = ["0", "65534", "1", "1", "700000", "1000"]
            #expect(fields == map + map)
        }
    }
}
