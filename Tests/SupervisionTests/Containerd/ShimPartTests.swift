// SPDX-License-Identifier: Apache-2.0

import Linux
import Supervision
import Testing

/// Parts of the shim that need no containerd.
@Suite struct ShimPartTests {
    @Test("flags are read in every form that Go's have")
    func arguments() throws {
        let read = try ShimArguments([
            "-namespace", "n", "--id=i", "-address", "/a", "-publish-binary", "/p", "-bundle=/b",
            "-debug", "start", "more",
        ])
        #expect(read.namespace == "n")
        #expect(read.id == "i")
        #expect(read.address == "/a")
        #expect(read.bundle == "/b")
        #expect(read.isDebug)
        #expect(read.action == "start")
        #expect(try ShimArguments(["-debug=false", "-v"]).isDebug == false)
        #expect(try ShimArguments(["-v"]).tellsVersion)
        for wrong in [["-id"], ["-nothing"], ["-debug=x"], ["-"], ["--"], ["-="]] {
            #expect(throws: CallError.self) { try ShimArguments(wrong) }
        }
    }

    @Test("a stream is a path, or a URI with its percent signs resolved")
    func uris() throws {
        #expect(try StreamURI("/run/x%20y?z").path == "/run/x%20y?z")
        #expect(try StreamURI("").path == "")
        #expect(try StreamURI("file:///a%20b").path == "/a b")
        let uri = try StreamURI("binary:///p?one=1&two=a%26b+c&three")
        #expect(uri.scheme == "binary")
        #expect(uri.path == "/p")
        #expect(
            uri.query == [
                .init(name: "one", value: "1"), .init(name: "two", value: "a&b c"),
                .init(name: "three", value: nil),
            ])
        for wrong in ["file:///%", "file:///%2", "file:///%zz", "file:///a%00b"] {
            #expect(throws: CallError.self) { try StreamURI(wrong) }
        }
    }

    @Test("mount options become flags, attributes and data, and what cannot be done is refused")
    func mounts() throws {
        var mount = TaskAPI.Mount()
        mount.type = "bind"
        mount.options = ["rbind", "ro", "nosuid", "noatime"]
        let bind = try RootMount(mount)
        #expect(bind.isBind && bind.isRecursive)
        #expect(bind.attributes == [.readOnly, .noSetID, .noAccessTime])
        mount.type = "overlay"
        mount.options = ["index=off", "ro", "rw", "lowerdir=/l"]
        let overlay = try RootMount(mount)
        #expect(!overlay.isBind)
        #expect(overlay.flags == [])
        #expect(overlay.data == ["index=off", "lowerdir=/l"])
        mount.type = "ext4"
        mount.options = ["loop", "ro"]
        let file = try RootMount(mount)
        #expect(file.isLoop && file.flags == [.readOnly])
        for option in ["remount", "uidmap=0:1:2", "X-containerd.mkfs=1"] {
            mount.options = [option]
            #expect(throws: SystemCallError.self) { try RootMount(mount) }
        }
    }

    @Test("many lower directories are named from the one that has all of them")
    func shortened() {
        let (common, options) = RootMount.shortened([
            "workdir=/s/9/work", "lowerdir=/s/12/fs:/s/1/fs:/s/100/fs",
        ])
        #expect(common == "/s/")
        #expect(options == ["workdir=/s/9/work", "lowerdir=12/fs:1/fs:100/fs"])
        for option in ["lowerdir=/a:/b", "lowerdir=", "x", "lowerdir=/s/:/s/a", "lowerdir=a:b"] {
            #expect(RootMount.shortened([option]) == ("", [option]))
        }
    }

    @Test("cgroups are found by hierarchy, below what a mount shows")
    func cgroups() {
        let memberships = "4:memory:/a/b\n3:cpu,cpuacct:/a\n1:name=x:/q\n0::/u\nnonsense\n"
        let mounts = """
            30 20 0:26 / /sys/fs/cgroup rw - tmpfs tmpfs rw
            31 30 0:27 / /sys/fs/cgroup/memory rw shared:9 - cgroup cgroup rw,memory
            32 30 0:28 /a /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpuacct,cpu
            33 30 0:29 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
            short line -
            """
        let hybrid = ControlGroups(memberships: memberships, mounts: mounts)
        #expect(
            hybrid.legacy == [
                "memory": "/sys/fs/cgroup/memory/a/b", "cpu": "/sys/fs/cgroup/cpu",
                "cpuacct": "/sys/fs/cgroup/cpu",
            ])
        // Controllers are not there, so nor are its statistics.
        #expect(hybrid.unified == nil)
        let unified = ControlGroups(
            memberships: "0::/x.slice/y", mounts: "30 20 0:26 / /sys/fs/cgroup rw - cgroup2 c rw")
        #expect(unified.unified == "/sys/fs/cgroup/x.slice/y")
        #expect(unified.legacy.isEmpty)
    }

    @Test("the request has the last word on an exec's terminal")
    func process() throws {
        func text(_ json: String, _ terminal: Bool) throws -> String {
            let text = try ProcessSpecification.text(Array(json.utf8), terminal: terminal)
            return String(decoding: text, as: UTF8.self)
        }
        #expect(try text(#"{"args": ["a"]}"#, false) == #"{"args": ["a"]}"#)
        #expect(
            try text(#"{"args":["a",null],"user":{"uid":-1},"x":18446744073709551615}"#, true)
                == #"{"terminal":true,"args":["a",null],"user":{"uid":-1},"x":18446744073709551615}"#
        )
        #expect(
            try text(#"{"terminal":true,"cwd":"/"}"#, false) == #"{"terminal":false,"cwd":"/"}"#)
        for wrong in ["", "{", "[]", #"{"terminal":1}"#, "null"] {
            #expect(throws: CallError.self) { try text(wrong, true) }
        }
    }

    @Test("a copy holds up the writer while nobody reads, and loses nothing")
    func copy() throws {
        let loop = try EventLoop()
        let input = try PipePair()
        let output = try PipePair()
        try Readiness.makeNonBlocking(input.reading)
        try Readiness.makeNonBlocking(input.writing)
        try Readiness.makeNonBlocking(output.reading)
        try Readiness.makeNonBlocking(output.writing)
        let source = OpenFile(try input.reading.duplicate())
        let destination = OpenFile(try output.writing.duplicate())
        var writer: OpenFile? = OpenFile(try input.writing.duplicate())
        let reader = OpenFile(try output.reading.duplicate())
        Self.close(input)
        Self.close(output)
        let bytes = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        var isOver = false
        let copy = try StreamCopy(
            from: source, to: destination, in: loop, onEnd: { isOver = true })
        var written = 0
        var read: [UInt8] = []
        func step() {
            if let number = writer?.number, written < bytes.count {
                let count = try? Readiness.writeSome(
                    bytes[written...], to: number, isSocket: false)
                written += count ?? 0
            }
            if written == bytes.count { writer = nil }
            // A slow reader.
            var buffer = [UInt8](repeating: 0, count: 5000)
            if let count = try? File.read(reader.number, into: &buffer) { read += buffer[..<count] }
            if isOver && read.count == bytes.count { return loop.stop() }
            loop.after(milliseconds: 0, step)
        }
        step()
        loop.after(milliseconds: 20_000) { loop.stop() }
        try loop.run()
        #expect(read == bytes)
        #expect(isOver)
        copy.end()
    }

    private static func close(_ pipe: consuming PipePair) {}
}
