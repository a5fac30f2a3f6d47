// SPDX-License-Identifier: Apache-2.0

import Containers
import Foundation
import Linux
import OCI
import Testing

@Suite struct `Subordinate ids` {
    static let text = """
        alice:100000:65536
        # a comment
        1000:300000:10
        1000:300010:10
        bob:200000:65536
        1000:x:1
        1000:400000:0
        """

    private func mapping(_ host: UInt32, _ size: UInt32) -> IDMapping {
        IDMapping(containerID: 1, hostID: host, size: size)
    }

    @Test func `are those of the name and of the number`() {
        let ids = SubordinateIDs(Self.text, user: 1000, name: "alice")
        #expect(ids.text == "100000-165535, 300000-300009, 300010-300019")
        #expect(SubordinateIDs(Self.text, user: 1, name: "carol").text == "none")
    }

    @Test(
        arguments: [
            (100_000, 65536, true), (100_000, 65537, false), (99_999, 2, false),
            (300_005, 15, true), (300_005, 16, false), (200_000, 1, false),
            (UInt32.max - 1, 1, false),
        ] as [(UInt32, UInt32, Bool)])
    func `cover a mapping, also in several ranges`(first: UInt32, size: UInt32, isCovered: Bool) {
        let ids = SubordinateIDs(Self.text, user: 1000, name: "alice")
        #expect(ids.cover(mapping(first, size)) == isCovered)
    }
}

@Suite struct `Report of a check` {
    private let violation = Violation(
        path: "process.cwd", expected: "an absolute path", found: "nothing",
        section: "config.md#process")

    @Test func `has what fails first, and a closing line`() {
        var report = CheckReport(bundle: "/b")
        #expect(report.text == "/b: nothing was found that would fail\n")
        report.findings = [Finding(.warning, "process", "none")]
        #expect(
            report.text
                == "note:  process: none\n/b: nothing was found that would fail; see the note\n")
        report.findings += [Finding(violation), Finding(.warning, "", "x")]
        #expect(!report.isGood)
        #expect(
            report.text == """
                fails: process.cwd: expected an absolute path, found nothing (config.md#process)
                note:  process: none
                note:  x
                /b: 1 thing would fail; see the notes

                """)
    }

    @Test(arguments: [
        ("root.path: \"/x\" is not a directory", "root.path", "\"/x\" is not a directory"),
        ("linux.namespaces (pid): \"x\"", "", "linux.namespaces (pid): \"x\""),
        ("mounts: \"/a\": needs a source", "mounts", "\"/a\": needs a source"),
        ("map ids: no", "", "map ids: no"), ("nothing", "", "nothing"),
    ])
    func `takes the JSON path off the front of an error`(
        reason: String, path: String, message: String
    ) {
        let finding = Finding(ContainerError(.invalidConfiguration, reason))
        #expect(finding.path == path)
        #expect(finding.message == message)
        #expect(finding.kind == .specification)
    }

    @Test func `is one object for programs`() throws {
        var report = CheckReport(bundle: "/b\"")
        report.findings = [
            Finding(violation), Finding(.failure, "hooks", "no", kind: .unsupported),
        ]
        let object = try #require(
            JSONSerialization.jsonObject(with: Data(report.encode(pretty: false)))
                as? [String: Any])
        #expect(object["bundle"] as? String == "/b\"")
        #expect(object["good"] as? Bool == false)
        let findings = try #require(object["findings"] as? [[String: String]])
        #expect(
            findings == [
                [
                    "severity": "failure", "kind": "specification", "path": "process.cwd",
                    "message": "expected an absolute path, found nothing",
                    "expected": "an absolute path", "found": "nothing",
                    "section": "config.md#process",
                ],
                [
                    "severity": "failure", "kind": "unsupported", "path": "hooks", "message": "no",
                ],
            ])
    }
}

@Suite struct `View of a container` {
    /// Makes a root filesystem, and tells what a path comes to.
    private func look(
        _ links: [String: String], mounts: [(String, String?)] = [],
        _ body: (ContainerView, String) throws -> Void
    ) throws {
        let top = NSTemporaryDirectory() + "martlet-view-\(UUID().uuidString)"
        let manager = FileManager.default
        defer { try? manager.removeItem(atPath: top) }
        for name in ["root/bin", "root/usr/bin", "host/sub"] {
            try manager.createDirectory(
                atPath: "\(top)/\(name)", withIntermediateDirectories: true)
        }
        for name in ["root/bin/a", "root/usr/bin/b", "host/c", "host/sub/d"] {
            try Data().write(to: URL(fileURLWithPath: "\(top)/\(name)"))
        }
        for (name, target) in links {
            try manager.createSymbolicLink(
                atPath: "\(top)/root/\(name)", withDestinationPath: target)
        }
        var view = ContainerView(root: try File.open("\(top)/root", [.pathOnly, .directory]))
        for (destination, source) in mounts {
            var mount = Mount(destination: destination)
            if source == nil { mount.type = "tmpfs" } else { mount.options = ["bind"] }
            view.add(mount, source: "\(top)/\(source ?? "")")
        }
        try body(view, top)
    }

    private func describe(_ found: ContainerView.Found) -> String {
        switch found {
        case .file(let place): place.path
        case .missing(let errno): errno.name
        case .unknown(let type): type
        }
    }

    @Test(arguments: [
        ("/bin/a", "/bin/a"), ("//bin/./a", "/bin/a"), ("/x", "ENOENT"), ("/bin/a/x", "ENOTDIR"),
        ("/../../bin/a", "/bin/a"), ("/relative", "/bin/a"), ("/absolute", "/usr/bin/b"),
        ("/out", "/bin/a"), ("/loop", "ELOOP"), ("/dangling", "ENOENT"), ("/", "/"),
        ("/usr/../bin/../usr/bin/b", "/usr/bin/b"), ("/dir/b", "/usr/bin/b"),
    ])
    func `follows links inside the root, and never out of it`(path: String, place: String) throws {
        let links = [
            "relative": "bin/a", "absolute": "/usr/bin/b", "out": "../../../../bin/a",
            "loop": "loop", "dangling": "/x", "dir": "usr/bin",
        ]
        try look(links) { view, _ in #expect(describe(view.find(path)) == place) }
    }

    @Test(arguments: [
        ("/data/c", "/data/c"), ("/data/sub/d", "/data/sub/d"), ("/tmpfs/x", "tmpfs"),
        ("/tmpfs/deep/c", "/tmpfs/deep/c"), ("/link/c", "/data/c"), ("/gone/x", "ENOENT"),
        ("/new/way/c", "/new/way/c"), ("/new/other", "ENOENT"), ("/new", "ENOENT"),
        ("/covered/sub", "tmpfs"), ("/through/c", "/data/c"), ("/bin/a", "/bin/a"),
    ])
    func `sees bind mounts, and does not know what is on others`(
        path: String, place: String
    ) throws {
        let mounts: [(String, String?)] = [
            ("/data", "host"), ("/tmpfs", nil), ("/tmpfs/deep", "host"), ("/gone", "nothing"),
            ("/new/way", "host"), ("/covered/sub/below", "host"), ("/covered", nil),
        ]
        let links = ["link": "/data", "through": "tmpfs/../data"]
        try look(links, mounts: mounts) { view, _ in
            #expect(describe(view.find(path)) == place)
        }
    }

    @Test func `starts a relative path at the directory that is named`() throws {
        try look([:]) { view, _ in
            #expect(describe(view.find("bin/b", from: "/usr")) == "/usr/bin/b")
            #expect(describe(view.find("/bin/a", from: "/usr")) == "/bin/a")
        }
    }
}

@Suite struct `Kernel` {
    @Test(arguments: KernelSupport.Call.allCases)
    func `offers the calls that every container here is made with`(call: KernelSupport.Call) {
        #expect(KernelSupport.has(call))
    }

    @Test func `is asked without making a process`() async {
        await #expect(processExitsWith: .success) {
            let can = KernelSupport.canCloneIntoCgroup
            // A child would be there to be reaped, and would print or test a second time.
            let child = try Process.reapAny()
            Process.exitNow(can && child == nil ? 0 : 1)
        }
    }
}
