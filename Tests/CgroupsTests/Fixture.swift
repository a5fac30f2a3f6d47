// SPDX-License-Identifier: Apache-2.0

import Cgroups
import Foundation
import Linux
import OCI
import Testing

extension Trait where Self == ConditionTrait {
    /// Changes cgroups of the machine, below one of its own. With REQUIRE_ALL=1 it is not skipped.
    static var requiresRoot: Self {
        .enabled("needs root") {
            geteuid() == 0 || ProcessInfo.processInfo.environment["REQUIRE_ALL"] == "1"
        }
    }

    /// Needs cgroup v1 with these controllers mounted: never required, as cgroup2 alone will do.
    static func requires(v1 controllers: String...) -> Self {
        .enabled(
            "not on this machine: v1 hierarchies for \(controllers.joined(separator: ", "))"
        ) {
            let support = try CgroupLayout.current().support
            return controllers.allSatisfy { support.legacy.contains($0) }
        }
    }

    /// Needs a cgroup2 tree.
    static var requiresCgroup2: Self {
        .enabled("not on this machine: a cgroup2 tree") {
            try CgroupLayout.current().unified != nil
        }
    }
}

/// Cgroups for one test, with nothing left of them and of their processes afterwards.
final class Fixture {
    enum Form { case v1, v2, both }

    /// Those that this machine has.
    static let forms: [Form] = {
        guard let layout = try? CgroupLayout.current() else { return [] }
        if layout.isUnified { return [.v2] }
        return layout.unified == nil ? [.v1] : [.v1, .v2, .both]
    }()

    let layout: CgroupLayout
    let path: String
    private var cgroups: [Cgroup] = []
    private var children: [Child] = []

    private init(_ form: Form, _ path: String) throws {
        var layout = try CgroupLayout.current()
        switch form {
        case .v1: layout.hierarchies.removeAll { $0.isCgroup2 }
        case .v2: layout.hierarchies.removeAll { !$0.isCgroup2 }
        case .both: break
        }
        self.layout = layout
        self.path = path
    }

    static func with(_ form: Form, _ body: (Fixture) throws -> Void) throws {
        let fixture = try Fixture(form, "/martlet-test-\(UUID().uuidString.prefix(8))")
        let result = Result { try body(fixture) }
        for cgroup in fixture.cgroups.reversed() {
            try cgroup.kill()
            try cgroup.delete()
        }
        for child in fixture.children { child.end() }
        for hierarchy in fixture.layout.hierarchies {
            let path = hierarchy.mountPoint + fixture.path
            #expect(!FileManager.default.fileExists(atPath: path), "left behind")
        }
        try result.get()
    }

    /// Never enables what the machine has not enabled itself.
    func needs(_ plan: ResourcePlan = ResourcePlan()) -> CgroupCreation.Needs {
        var needs = CgroupCreation.Needs(plan)
        needs.enablesAll = false
        return needs
    }

    func create(_ name: String = "", _ resources: Resources = Resources()) throws -> Cgroup {
        let plan = try ResourcePlan(resources, support: layout.support)
        let creation = try CgroupCreation(
            CgroupPath(path + name, id: "x"), in: layout, needs: needs(plan))
        let cgroup = try creation.carryOut()
        cgroups.append(cgroup)
        #expect(cgroup.record == creation.record)
        try cgroup.apply(plan.steps)
        try cgroup.apply(plan.lateSteps)
        return cgroup
    }

    /// Starts a shell's command in a cgroup.
    func start(_ command: String, in cgroup: Cgroup) throws -> Child {
        let child = try Child(command)
        children.append(child)
        try cgroup.add(child.pid, wasBornInside: false)
        child.go()
        return child
    }
}

/// A shell that waits for a word before it runs its command.
final class Child {
    private let process = Foundation.Process()
    private let input = Pipe()
    private let output = Pipe()

    var pid: Int32 { process.processIdentifier }

    init(_ command: String) throws {
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = ["-c", "read word; \(command)"]
        process.standardInput = input
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
    }

    func go() { try? input.fileHandleForWriting.write(contentsOf: Data("go\n".utf8)) }

    /// The exit code, or 128 and a signal's number, and what it printed.
    func wait() -> (code: Int32, output: String) {
        let data = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        let code =
            process.terminationReason == .exit
            ? process.terminationStatus : 128 + process.terminationStatus
        return (code, String(decoding: data, as: UTF8.self))
    }

    /// Only once whatever it started has ended: Foundation waits for all that hold a socket of its
    /// own, and children of the shell do.
    func end() {
        try? input.fileHandleForWriting.close()
        if process.isRunning { kill(pid, SIGKILL) }
        process.waitUntilExit()
    }
}

/// Tries again for up to some seconds.
func eventually(_ seconds: Double = 5, _ condition: () throws -> Bool) rethrows -> Bool {
    let end = Date(timeIntervalSinceNow: seconds)
    while Date() < end {
        if try condition() { return true }
        usleep(20_000)
    }
    return try condition()
}
