// SPDX-License-Identifier: Apache-2.0

import Cgroups
import Containers
import JSON
import Linux
import OCI

/// What an input is put through, and what must hold of the outcome. A trap or an endless loop is
/// for ``Harness`` to notice.
struct Trial {
    /// What came of an input.
    struct Outcome {
        var isAccepted = false
        /// Plans that were made.
        var plans = 0
        /// What does not hold, in words; nil when all is well.
        var complaint: String?
    }

    private var outcome = Outcome()

    /// Puts an input through everything.
    static func run(_ text: [UInt8]) -> Outcome {
        var trial = Trial()
        trial.decode(text)
        trial.decodeParts(text)
        trial.readOtherTexts(text)
        return trial.outcome
    }

    private mutating func complain(_ complaint: @autoclosure () -> String) {
        if outcome.complaint == nil { outcome.complaint = complaint() }
    }

    // MARK: A configuration

    private mutating func decode(_ text: [UInt8]) {
        do throws(InvalidConfiguration) {
            let configuration = try Configuration.decode(from: text)
            outcome.isAccepted = true
            if (try? Configuration.decode(from: text)) != configuration {
                complain("the same text is decoded to two values")
            }
            ignoreUnknown(text, configuration)
            plan(configuration)
        } catch {
            check(error, isObject: Self.isObject(text))
        }
    }

    private static func isObject(_ text: [UInt8]) -> Bool {
        (try? JSONDocument(parsing: text).root.kind) == .object
    }

    /// Every refusal has a reason, at a place.
    private mutating func check(_ error: InvalidConfiguration, isObject: Bool) {
        if error.violations.isEmpty { complain("refused without a violation") }
        if error.violations.count > InvalidConfiguration.limit + 1 {
            complain("\(error.violations.count) violations are told")
        }
        for (index, violation) in error.violations.enumerated() {
            // The text as a whole, and the mark behind the last one that is told, have no path.
            if violation.path.isEmpty, isObject, index < InvalidConfiguration.limit {
                complain("a violation without a path: \(violation)")
            }
            if violation.expected.isEmpty || violation.found.isEmpty || violation.section.isEmpty {
                complain("a violation without words: \(violation)")
            }
            if violation.description.utf8.contains(where: { $0 < 0x20 }) {
                complain("a violation of more than one line: \(violation)")
            }
            if violation.description.utf8.count > 4096 {
                complain("a violation of \(violation.description.utf8.count) bytes")
            }
        }
    }

    /// config.md#extensibility: unknown properties change nothing.
    private mutating func ignoreUnknown(_ text: [UInt8], _ configuration: Configuration) {
        guard let end = text.lastIndex(of: UInt8(ascii: "}")) else { return }
        let unknown = ",\"x-unknown\":[{\"type\":1},null]"
        let more = Array(text[..<end]) + Array(unknown.utf8) + text[end...]
        if (try? Configuration.decode(from: more)) != configuration {
            complain("an unknown property changes the configuration")
        }
    }

    // MARK: Plans

    private static let legacy: Set<String> = [
        "cpu", "cpuacct", "cpuset", "memory", "pids", "blkio", "devices", "freezer", "hugetlb",
        "net_cls", "net_prio", "rdma", "name=systemd",
    ]
    private static let unified: Set<String> = [
        "cpu", "cpuset", "memory", "pids", "io", "hugetlb", "rdma",
    ]
    private static let hosts = [
        ControllerSupport(legacy: legacy), ControllerSupport(unified: unified),
        ControllerSupport(legacy: legacy, unified: []), ControllerSupport(unified: []),
        ControllerSupport(),
    ]

    private mutating func plan(_ configuration: Configuration) {
        for user: UInt32 in [0, 1000] {
            for isStrict in [false, true] {
                var request = CreateRequest(id: "fuzz")
                request.isStrict = isStrict
                var planner = Planner(
                    configuration, request: request, bundle: "/bundle",
                    host: Host(effectiveUserID: user, effectiveGroupID: user))
                plan { () throws(ContainerError) in
                    let plan = try planner.planSupported()
                    return (plan.parentSteps.map(\.description) + plan.initSteps.map(\.description))
                        .reduce(0) { $0 + $1.utf8.count }
                }
            }
        }
        plan { () throws(ContainerError) in
            try Support.check(configuration)
            return 1
        }
        for name in configuration.linux.sysctl.keys {
            plan { () throws(ContainerError) in
                try Sysctl.check(name, namespaces: configuration.linux.namespaces)
                return Sysctl.path(of: name).utf8.count
            }
        }
        planCgroups(configuration.linux)
    }

    private mutating func planCgroups(_ linux: LinuxSection) {
        do throws(CgroupError) {
            for place in try CgroupPath(linux.cgroupsPath, id: "fuzz").places(in: Self.layout)
            where place.absolutePath.split(separator: "/").contains("..") {
                complain("a cgroup leads out of its hierarchy: \(place)")
            }
            outcome.plans += 1
        } catch {
            if error.reason.isEmpty { complain("a cgroupsPath is refused without a reason") }
        }
        guard let resources = linux.resources else { return }
        for support in Self.hosts {
            do throws(CgroupError) {
                let plan = try ResourcePlan(resources, support: support)
                for step in plan.steps + plan.lateSteps {
                    if step.description.isEmpty { complain("a step without a description") }
                    for write in step.writes {
                        for choice in write.choices where choice.file.utf8.contains(0x2f) {
                            complain("a write outside of the cgroup: \(choice.file)")
                        }
                    }
                }
                outcome.plans += 1
            } catch {
                if error.reason.isEmpty { complain("resources are refused without a reason") }
            }
        }
        let rules = DeviceRules(resources.devices, defaults: .standard)
        if DeviceProgram.assemble(rules).isEmpty { complain("no program for devices") }
        _ = try? rules.accessList()
    }

    private static let layout = CgroupLayout(
        membership: "2:memory:/a\n0::/a/b\n",
        mountInformation: """
            30 1 0:1 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
            31 1 0:2 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw

            """)

    private mutating func plan(_ body: () throws(ContainerError) -> Int) {
        do throws(ContainerError) {
            if try body() >= 0 { outcome.plans += 1 }
        } catch {
            if error.reason.isEmpty { complain("refused without a reason") }
        }
    }

    // MARK: Other texts

    /// The files of `exec --process` and `update --resources` are read by the same rules.
    private mutating func decodeParts(_ text: [UInt8]) {
        guard let root = try? JSONDocument(parsing: text).root else { return }
        let whole = Value(root)
        if let process = whole["process"]?.bytes {
            do throws(InvalidConfiguration) {
                _ = try ProcessSpec.decode(from: process)
            } catch {
                check(error, isObject: Self.isObject(process))
            }
        }
        if let resources = whole["linux"]?["resources"]?.bytes {
            do throws(InvalidConfiguration) {
                _ = try Resources.decode(from: resources)
            } catch {
                check(error, isObject: Self.isObject(resources))
            }
        }
    }

    /// Readers of what images, hosts and callers write, which take any bytes.
    private func readOtherTexts(_ bytes: [UInt8]) {
        let text = String(decoding: bytes.prefix(4096), as: UTF8.self)
        _ = SemanticVersion(text)
        _ = MountOptions(words: text.split(separator: ",").map(String.init))
        _ = SubordinateIDs(text, user: 0, name: "root").text
        _ = CgroupLayout(membership: text, mountInformation: text)
        // A program of an image, its head made to look like one.
        var header: [UInt8] = [0x7f, 0x45, 0x4c, 0x46] + bytes.prefix(4092)
        if header.count > 5 { header[4] = 1 + header[4] % 2 }
        _ = ELFHeader(header)
    }
}
