// SPDX-License-Identifier: Apache-2.0

import Foundation
import JSON
import OCI
import Testing

/// States, features and the default configuration, as they are printed.
@Suite struct EncodeTests {
    static func state() -> State {
        var state = State(id: "web", status: .running, pid: 42, bundle: "/b")
        state.rootfs = "/b/rootfs"
        state.created = "2026-08-01T10:00:00.123456789Z"
        state.annotations = ["b": "2", "a": "<1>"]
        state.owner = ""
        return state
    }

    @Test func `a state is printed in runc's order, indented by two spaces`() {
        #expect(
            String(decoding: Self.state().encode(pretty: true), as: UTF8.self) == """
                {
                  "ociVersion": "1.3.0",
                  "id": "web",
                  "pid": 42,
                  "status": "running",
                  "bundle": "/b",
                  "rootfs": "/b/rootfs",
                  "created": "2026-08-01T10:00:00.123456789Z",
                  "annotations": {
                    "a": "<1>",
                    "b": "2"
                  },
                  "owner": ""
                }
                """)
    }

    @Test func `a state for hooks has the specification's properties only`() {
        let state = State(id: "web", status: .creating, pid: 0, bundle: "/b")
        #expect(
            String(decoding: state.encode(pretty: false), as: UTF8.self)
                == #"{"ociVersion":"1.3.0","id":"web","pid":0,"status":"creating","bundle":"/b"}"#)
    }

    @Test func `a list of states is one line, and null if it is empty`() {
        #expect(String(decoding: State.encode(list: []), as: UTF8.self) == "null")
        let state = State(id: "a", status: .paused, pid: 7, bundle: "/b")
        let one = #"{"ociVersion":"1.3.0","id":"a","pid":7,"status":"paused","bundle":"/b"}"#
        #expect(
            String(decoding: State.encode(list: [state, state]), as: UTF8.self)
                == "[\(one),\(one)]")
    }

    @Test func `a state that was written reads back the same`() throws {
        #expect(try State.decode(from: Self.state().encode(pretty: false)) == Self.state())
    }

    @Test(arguments: ["{}", "[]", #"{"id":"a","status":"lost","bundle":"/","ociVersion":"1"}"#, ""])
    func `a state that is none is refused`(text: String) {
        #expect(throws: JSONError.self) { _ = try State.decode(from: Array(text.utf8)) }
    }

    @Test(arguments: [false, true])
    func `the default configuration is valid`(rootless: Bool) throws {
        let text = Specification.defaultConfiguration(rootless: rootless, uid: 1000, gid: 100)
        let configuration = try Configuration.decode(from: text)
        #expect(configuration.hostname == "martlet")
        #expect(configuration.linux.namespaces.contains { $0.kind == .network } != rootless)
        #expect(configuration.linux.uidMappings.first?.hostID == (rootless ? 1000 : nil))
        #expect((configuration.linux.resources == nil) == rootless)
        #expect(text.starts(with: Array("{\n\t\"ociVersion\": \"1.3.0\",\n\t\"process\"".utf8)))
    }

    @Test func `features hold what is known and leave out what is not`() throws {
        var features = Features()
        features.mountOptions = ["bind", "ro"]
        features.annotations = ["org.example.version": "1"]
        features.potentiallyUnsafeConfigAnnotations = ["org.systemd.property."]
        features.linux?.capabilities = ["CAP_CHOWN"]
        features.linux?.cgroup = Features.Cgroup()
        features.linux?.cgroup?.v2 = true
        features.linux?.cgroup?.rdma = false
        features.linux?.seccomp = Features.Seccomp(enabled: true)
        features.linux?.apparmor = true
        features.linux?.idmap = true
        features.linux?.memoryPolicy = Features.MemoryPolicy()
        features.linux?.intelRdt = Features.IntelRdt()
        features.linux?.netDevices = false
        let root = try JSONDocument(parsing: features.encode(pretty: true)).root
        #expect(try root.required("ociVersionMin").string() == "1.0.0")
        #expect(try root.required("ociVersionMax").string() == "1.3.0")
        #expect(try root.required("hooks").elements().count == 6)
        let linux = try root.required("linux")
        #expect(try linux.required("namespaces").elements().count == 8)
        let cgroup = try linux.required("cgroup")
        #expect(cgroup["v1"] == nil)
        #expect(try cgroup.required("v2").boolean())
        #expect(try cgroup.required("rdma").boolean() == false)
        let seccomp = try linux.required("seccomp")
        #expect(try seccomp.required("actions").elements().count == 9)
        #expect(try seccomp.required("operators").elements().count == 7)
        #expect(try seccomp.required("archs").elements().count == 23)
        #expect(try seccomp.required("knownFlags").elements().count == 4)
        #expect(seccomp["supportedFlags"] == nil)
        #expect(linux["selinux"] == nil)
        #expect(try linux.required("apparmor").required("enabled").boolean())
        #expect(
            try linux.required("mountExtensions").required("idmap").required("enabled").boolean())
        #expect(try linux.required("memoryPolicy").required("modes").elements().count == 7)
        #expect(try linux.required("netDevices").required("enabled").boolean() == false)
    }

    @Test(arguments: [
        ("1.0.0", true), ("0.0.0", true), ("1.2.3-a.b.1+c.01", true), ("1.2.3--", true),
        ("1", false),
        ("1.2", false), ("1.2.3.4", false), ("01.2.3", false), ("1.2.3-01", false),
        ("1.2.3-a..b", false), ("1.2.3+", false), ("1.2.3-é", false), ("-1.2.3", false),
        ("", false),
        ("1.2.x", false), ("18446744073709551616.0.0", false),
    ])
    func `a version follows the grammar of SemVer`(text: String, isVersion: Bool) {
        #expect((SemanticVersion(text) != nil) == isVersion)
    }
}

@Suite struct `A container process state` {
    @Test(arguments: ["MKNOD=/dev/null", nil])
    func `names the descriptor, and has the state in it`(metadata: String?) {
        let state = State(id: "web", status: .created, pid: 42, bundle: "/b")
        let told = ContainerProcessState(listenerOf: 42, metadata: metadata, state: state)
        let inner = String(decoding: state.encode(pretty: false), as: UTF8.self)
        let word = metadata.map { "\"metadata\":\"\($0)\"," } ?? ""
        #expect(
            String(decoding: told.encode(), as: UTF8.self)
                == "{\"ociVersion\":\"1.3.0\",\"fds\":[\"seccompFd\"],\"pid\":42,\(word)"
                + "\"state\":\(inner)}")
    }
}
