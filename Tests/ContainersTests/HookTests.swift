// SPDX-License-Identifier: Apache-2.0

import JSON
import OCI
import Testing

@testable import Containers

@Suite struct `Planned hooks` {
    private static func hooks() -> Hooks {
        var hooks = Hooks()
        hooks.prestart = [Hook(path: "/p0"), Hook(path: "/p1")]
        hooks.createRuntime = [Hook(path: "/r0")]
        hooks.createContainer = [Hook(path: "/c0")]
        hooks.startContainer = [Hook(path: "/s0")]
        hooks.poststart = [Hook(path: "/after")]
        hooks.poststop = [Hook(path: "/end")]
        return hooks
    }

    @Test func `keep their order, prestart before createRuntime`() throws {
        var input = PlanInput()
        input.configuration.hooks = Self.hooks()
        let hooks = try input.plan().hooks
        #expect(hooks.runtime.map(\.path) == ["/p0", "/p1", "/r0"])
        #expect(hooks.createContainer.map(\.path) == ["/c0"])
        #expect(hooks.startContainer.map(\.path) == ["/s0"])
    }

    @Test func `have no step when there are none`() throws {
        let plan = try PlanInput.full.plan()
        #expect(!plan.words.contains("runHooks"))
        #expect(!plan.hooks.areDueAtCreate)
    }

    @Test(arguments: [\Hooks.startContainer, \.poststart, \.poststop])
    func `of later steps leave create as it is`(
        list: any WritableKeyPath<Hooks, [Hook]> & Sendable
    ) throws {
        var input = PlanInput.full
        let steps = try input.plan().initSteps
        input.configuration.hooks[keyPath: list] = [Hook(path: "/x")]
        #expect(try input.plan().initSteps == steps)
    }

    @Test(arguments: [
        ("mount", "runHooks", "hooks may expect the mounts"),
        ("makeDevice", "runHooks", "hooks may expect /dev"),
        ("runHooks", "writeSysctl", "it may be about a network device that a hook makes"),
        ("runHooks", "makeReadOnly", "hooks may mount there"),
        ("runHooks", "mask", "hooks may mount there"),
        ("runHooks", "finishReadOnlyMounts", "hooks may write there"),
        ("runHooks", "makeRootReadOnly", "hooks may make what they mount on"),
        ("runHooks", "enterRoot", "paths on the host are out of reach"),
    ])
    func `run where what they need is there`(first: String, second: String, why: String) throws {
        var input = PlanInput.full
        input.configuration.hooks = Self.hooks()
        let words = try input.plan().words
        let last = try #require(words.lastIndex(of: first))
        let next = try #require(words.firstIndex(of: second))
        #expect(last < next, "\(first) after \(second): \(why)")
        #expect(words.filter { $0 == "runHooks" }.count == 1)
    }

    @Test(arguments: [true, false]) func `find the root filesystem at its path`(noPivot: Bool)
        throws
    {
        var input = PlanInput()
        input.request.noPivot = noPivot
        input.configuration.hooks.createContainer = [Hook(path: "/x")]
        let plan = try input.plan()
        #expect(
            plan.initSteps.contains(.attachRoot(path: "/bundle/rootfs", atItsPath: true)))
        // Without pivot_root it must lie over the host's when it is entered.
        #expect(plan.words.contains("hideRootPath") == noPivot)
    }

    @Test func `have a name, exactly their own environment, and milliseconds`() {
        var hook = Hook(path: "/bin/x")
        hook.env = ["A=1"]
        hook.timeout = 2
        var plans = HookPlan.plans(.poststop, [Hook(path: "/y"), hook])
        #expect(plans[0].arguments == ["/y"] && plans[0].environment == [])
        #expect(plans[0].timeout == nil)
        #expect(plans[1].arguments == ["/bin/x"] && plans[1].environment == ["A=1"])
        #expect(plans[1].timeout == 2000)
        #expect(plans[1].description == "hooks.poststop[1] \"/bin/x\"")
        hook.args = ["other", "-v"]
        hook.timeout = .max
        plans = HookPlan.plans(.prestart, [hook])
        #expect(plans[0].arguments == ["other", "-v"])
        #expect(plans[0].timeout == .max)
    }

    @Test(arguments: [
        (HookKind.prestart, State.Status.created), (.createRuntime, .created),
        (.createContainer, .created), (.startContainer, .created), (.poststart, .running),
        (.poststop, .stopped),
    ])
    func `are told the status of their step`(kind: HookKind, status: State.Status) throws {
        let subject = HookSubject(id: "c1", bundle: "/b", annotations: ["k": "v"])
        let text = subject.state(for: kind, pid: 7).encode(pretty: false)
        let state = try State.decode(from: text)
        #expect(state.status == status)
        #expect(state.id == "c1" && state.bundle == "/b" && state.annotations == ["k": "v"])
        #expect(state.pid == 7 && state.ociVersion == Specification.version)
    }
}

@Suite struct `The output of a hook` {
    private static func line(_ parts: String...) -> String? {
        var output = HookOutput()
        for part in parts { output.append(Array(part.utf8)[...]) }
        return output.line
    }

    @Test(arguments: [
        ("", nil), ("\n \n", nil), ("one\n", "one"), ("one\ntwo\n", #"one\ntwo"#),
        ("a\tb\r\n", #"a\tb\r"#), ("\"x\\", #"\"x\\"#), ("\u{1b}[31mred", #"\u{1B}[31mred"#),
        ("é\n", "é"),
    ])
    func `is one line, and moves no cursor`(text: String, line: String?) {
        #expect(Self.line(text) == line)
    }

    @Test func `comes in parts`() { #expect(Self.line("a", "b\n", "c\n") == #"ab\nc"#) }

    @Test func `is cut to its last words`() throws {
        let full = String(repeating: "x", count: HookOutput.limit)
        #expect(Self.line(full) == full)
        #expect(Self.line(full, "y") == "…" + full.dropFirst() + "y")
        #expect(Self.line("y" + full) == "…" + full)
        #expect(Self.line("y", full, full) == "…" + full)
    }

    @Test func `need not be text`() {
        var output = HookOutput()
        output.append([0x41, 0xff, 0x00, 0x42][...])
        #expect(output.line == #"A\#u{fffd}\0B"#)
    }
}

@Suite struct `Hooks on record` {
    @Test func `are those that run after create`() throws {
        var configured = Hooks()
        configured.prestart = [Hook(path: "/never")]
        configured.startContainer = [Hook(path: "/never")]
        var hook = Hook(path: "/after")
        hook.args = ["a", ""]
        hook.env = ["E=1"]
        hook.timeout = 3
        configured.poststart = [hook, Hook(path: "/second")]
        configured.poststop = [Hook(path: "/end")]
        var record = Samples.record
        record.hooks = .onRecord(configured)
        #expect(record.hooks.prestart == [] && record.hooks.startContainer == [])
        let read = try ContainerRecord(bytes: record.bytes)
        #expect(read == record)
        #expect(read.hooks.poststart == configured.poststart)
    }

    @Test func `cost nothing when there are none`() {
        #expect(!String(decoding: Samples.record.bytes, as: UTF8.self).contains("hooks"))
    }
}
