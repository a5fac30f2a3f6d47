// SPDX-License-Identifier: Apache-2.0

package import OCI

/// When hooks run (config.md#posix-platform-hooks), in the order of a container's life.
package enum HookKind: String, CaseIterable, Sendable {
    case prestart, createRuntime, createContainer, startContainer, poststart, poststop

    /// What the container is while they run: `creating` is step 2 of runtime.md#lifecycle, and
    /// these are the steps after it, up to the program's.
    package var status: State.Status {
        switch self {
        case .prestart, .createRuntime, .createContainer, .startContainer: .created
        case .poststart: .running
        case .poststop: .stopped
        }
    }
}

/// One hook, as it is run.
package struct HookPlan: Equatable, Sendable, CustomStringConvertible {
    package var kind: HookKind
    /// Its place in the list of its kind.
    package var index: Int
    /// Absolute.
    package var path: String
    /// With the name that it is called by; never empty.
    package var arguments: [String]
    /// The whole environment: nothing of ours comes with it.
    package var environment: [String]
    /// Milliseconds; nil waits as long as it takes.
    package var timeout: Int?

    /// Its JSON path, and what it runs.
    package var description: String { "hooks.\(kind.rawValue)[\(index)] \"\(path)\"" }

    /// The hooks of one list, in its order.
    package static func plans(_ kind: HookKind, _ hooks: [Hook]) -> [HookPlan] {
        hooks.enumerated().map { index, hook in
            HookPlan(
                kind: kind, index: index, path: hook.path,
                // execv's argv; without any, a program expects its own name at least.
                arguments: hook.args.isEmpty ? [hook.path] : hook.args, environment: hook.env,
                timeout: hook.timeout.map { seconds in
                    let (product, isTooLong) = seconds.multipliedReportingOverflow(by: 1000)
                    return isTooLong ? .max : product
                })
        }
    }
}

/// Whom hooks are told of: what is the same in all states of one container.
package struct HookSubject: Equatable, Sendable {
    package var id: String
    /// Absolute.
    package var bundle: String
    package var annotations: [String: String]

    package init(id: String, bundle: String, annotations: [String: String]) {
        self.id = id
        self.bundle = bundle
        self.annotations = annotations
    }

    /// What hooks of a kind read (runtime.md#state). The pid is the container's process's in the
    /// pid namespace that the hooks run in; 0 when there is none.
    package func state(for kind: HookKind, pid: Int32) -> State {
        var state = State(id: id, status: kind.status, pid: pid, bundle: bundle)
        state.annotations = annotations
        return state
    }
}

/// The hooks that run while a container is launched, by who runs them.
package struct LaunchHooks: Equatable, Sendable {
    /// By the parent, on the host: `prestart`, then `createRuntime`.
    package var runtime: [HookPlan]
    /// By the container's first process, before it enters the root filesystem.
    package var createContainer: [HookPlan]
    /// By the same, before it becomes the program.
    package var startContainer: [HookPlan]
    package var subject: HookSubject

    package init(_ hooks: Hooks, of subject: HookSubject) {
        runtime =
            HookPlan.plans(.prestart, hooks.prestart)
            + HookPlan.plans(.createRuntime, hooks.createRuntime)
        createContainer = HookPlan.plans(.createContainer, hooks.createContainer)
        startContainer = HookPlan.plans(.startContainer, hooks.startContainer)
        self.subject = subject
    }

    /// Whether there are any before the root filesystem is entered.
    package var areDueAtCreate: Bool { !runtime.isEmpty || !createContainer.isEmpty }
}
