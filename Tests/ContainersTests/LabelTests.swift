// SPDX-License-Identifier: Apache-2.0

import Containers
import Linux
import OCI
import Testing

/// A property that asks for a label, and the module that it needs.
struct LabelProperty: Sendable, CustomTestStringConvertible {
    let path: String
    let module: SecurityModules
    let name: String
    let set: @Sendable (inout Configuration, String) -> Void

    var testDescription: String { path }

    static let all = [
        LabelProperty(path: "process.apparmorProfile", module: .appArmor, name: "AppArmor") {
            $0.process?.apparmorProfile = $1
        },
        LabelProperty(path: "process.selinuxLabel", module: .selinux, name: "SELinux") {
            $0.process?.selinuxLabel = $1
        },
        LabelProperty(path: "linux.mountLabel", module: .selinux, name: "SELinux") {
            $0.linux.mountLabel = $1
        },
    ]
}

@Suite struct `A label` {
    @Test(arguments: LabelProperty.all) func `is refused while its module is off`(
        property: LabelProperty
    ) {
        var input = PlanInput()
        property.set(&input.configuration, "some:label")
        // The other module is no help.
        input.host.securityModules = SecurityModules([.appArmor, .selinux])
            .subtracting(property.module)
        let error = failure { () throws(ContainerError) in try input.plan() }
        #expect(
            error?.reason.hasPrefix(
                "\(property.path) \"some:label\": \(property.name) is not enabled on this machine; "
            )
                == true)
    }

    @Test(arguments: LabelProperty.all) func `is planned while its module is on`(
        property: LabelProperty
    ) throws {
        var input = PlanInput()
        property.set(&input.configuration, "some:label")
        input.host.securityModules = property.module
        let words = try input.plan().words
        #expect(words.contains(property.path.hasPrefix("process") ? "writeLabel" : "labelMounts"))
    }

    @Test(arguments: LabelProperty.all) func `that is empty is none`(property: LabelProperty) throws
    {
        var input = PlanInput()
        let plan = try input.plan()
        property.set(&input.configuration, "")
        #expect(try input.plan() == plan)
    }

    private static func full() throws -> [InitStep] {
        var input = PlanInput.full
        for property in LabelProperty.all { property.set(&input.configuration, "l") }
        input.host.securityModules = [.appArmor, .selinux]
        input.configuration.hooks.createContainer = [Hook(path: "/x")]
        return try input.plan().initSteps
    }

    @Test func `is written where it has its effect`() throws {
        let steps = try Self.full()
        func place(_ step: InitStep) throws -> Int { try #require(steps.firstIndex(of: step)) }
        let program = try [
            place(.writeLabel(.appArmorProfile("l"))), place(.writeLabel(.selinuxLabel("l"))),
        ]
        let words = steps.map(\.word)
        for index in program {
            #expect(try index > #require(words.firstIndex(of: "runHooks")), "hooks are not it")
            #expect(try index < #require(words.firstIndex(of: "enterRoot")), "procfs is here")
        }
        #expect(
            try place(.writeLabel(.keyringLabel("l")))
                < #require(words.firstIndex(of: "joinSessionKeyring")))
        #expect(try place(.labelMounts("l")) < #require(words.firstIndex(of: "mount")))
    }

    @Test func `of a keyring is not written when there is no new one`() throws {
        var input = PlanInput()
        input.request.keyring = nil
        input.configuration.process?.selinuxLabel = "l"
        input.host.securityModules = .selinux
        let steps = try input.plan().initSteps
        #expect(!steps.contains(.writeLabel(.keyringLabel("l"))))
        #expect(steps.contains(.writeLabel(.selinuxLabel("l"))))
    }

    @Test func `goes to the file of its module`() {
        let profile = LabelWrite.appArmorProfile("web")
        #expect(profile.files == ["apparmor/exec", "exec"] && profile.text == "exec web")
        #expect(profile.description == "process.apparmorProfile \"web\"")
        let label = LabelWrite.selinuxLabel("u:r:t:s0")
        #expect(label.files == ["exec"] && label.text == "u:r:t:s0")
        #expect(LabelWrite.keyringLabel("u:r:t:s0").files == ["keycreate"])
    }

    @Test(arguments: [
        ("web", "web (enforce)\n", true), ("web", "web", true), ("web", "web (complain)", true),
        ("unconfined", "unconfined\n", true), ("web", "webs (enforce)\n", false),
        ("web", "unconfined\n", false), ("web", "", false), ("web", "(enforce)", false),
        (":ns:web", "ns//web (enforce)\n", true), (":ns:web", "", false),
    ])
    func `of AppArmor is confirmed by the kernel's answer`(
        name: String, answer: String, isConfirmed: Bool
    ) {
        #expect(LabelWrite.appArmorProfile(name).isConfirmed(by: answer) == isConfirmed)
    }

    @Test(arguments: [
        ("u:r:t:s0", true), ("u:r:t:s0\0", true), ("u:r:t:s0\n", true), ("u:r:t:s0:c1", false),
        ("", false), ("u:r:t:s0 (x)", false),
    ])
    func `of SELinux is confirmed by the same`(answer: String, isConfirmed: Bool) {
        #expect(LabelWrite.selinuxLabel("u:r:t:s0").isConfirmed(by: answer) == isConfirmed)
    }

    @Test(
        arguments: [
            ("tmpfs", [], MountLabel.context("l")), ("devpts", ["mode=620"], .context("l")),
            ("overlay", [], .context("l")), ("ext4", [], .context("l")),
            ("mqueue", [], .attribute("l")), ("proc", [], nil), ("sysfs", [], nil),
            ("cgroup", [], nil), ("cgroup2", [], nil), ("tmpfs", ["context=other"], nil),
            ("tmpfs", ["rootcontext=other"], nil),
        ] as [(String, [String], MountLabel?)])
    func `of mounts goes to those that take it`(type: String, data: [String], label: MountLabel?) {
        #expect(MountLabel("l", type: type, data: data) == label)
        #expect(MountLabel(nil, type: type, data: data) == nil)
    }
}
