// SPDX-License-Identifier: Apache-2.0

internal import Linux
internal import OCI

/// A process that exists only to join namespaces, and to make the container's first process there.
///
/// Joining costs what the parent must keep: a user namespace takes its rights, a mount namespace
/// its files; and a pid or time namespace takes in only processes made afterwards.
enum Stage {
    /// Joins, makes the first process as a sibling, tells the parent, and ends.
    static func run(_ plan: LaunchPlan, _ resources: LaunchResources, report: CInt) -> Never {
        do throws(ContainerError) {
            try during("prepare") { () throws(SystemCallError) in
                if !resources.isOpenUntilMapped { try Process.setDumpable(false) }
                try Process.setParentDeathSignal(Signal.kill)
            }
            try resources.ownFile?.changeOverInCopy()
            var resources = resources
            resources.ownFile = nil
            try join(plan.namespaces.joined)
            if plan.namespaces.isEnteredByStage, let target = resources.target {
                try InitProcess.enter(plan.namespaces.enteredAtBirth, of: target)
            }
            try during("make the container's process") { () throws(SystemCallError) in
                switch try Process.clone(plan.namespaces.madeAtBirth, asSibling: true) {
                case .child:
                    FileDescriptor.closeOwned(report)
                    InitProcess.run(plan, resources)
                case .parent(let pid, let pidfd):
                    try Socket.send(
                        Message.made(pid: pid).bytes, passing: pidfd.number, to: report)
                }
            }
            Process.exitNow(0)
        } catch {
            // If the parent is gone too there is nobody to tell.
            try? Conversation.send(.failed(kind: .failed, reason: error.reason), to: report)
            Process.exitNow(1)
        }
    }

    /// Enters all of them. The user namespace comes after those that the caller's own rights
    /// open, and before those that only its members may enter; the mount namespace last, because
    /// paths mean something else from then on.
    private static func join(_ namespaces: [JoinedNamespace]) throws(ContainerError) {
        var pending: [(namespace: JoinedNamespace, file: SharedDescriptor)] = []
        for namespace in namespaces {
            let file = SharedDescriptor(try Preflight.open(namespace.kind, namespace.path))
            pending.append((namespace, file))
        }
        let order = pending.filter { $0.namespace.kind != .user && $0.namespace.kind != .mount }
        var deferred = pending.filter { $0.namespace.kind == .mount }
        let user = pending.filter { $0.namespace.kind == .user }
        for entry in order.reversed() {
            do throws(SystemCallError) {
                try enter(entry.namespace, entry.file)
            } catch where error.errno == .notPermitted && !user.isEmpty {
                deferred.insert(entry, at: 0)
            } catch {
                throw failure(entry.namespace, error)
            }
        }
        for entry in user + deferred {
            do throws(SystemCallError) {
                try enter(entry.namespace, entry.file)
            } catch {
                throw failure(entry.namespace, error)
            }
        }
    }

    private static func enter(_ namespace: JoinedNamespace, _ file: SharedDescriptor)
        throws(SystemCallError)
    {
        try Process.join(file.descriptor, kind: namespace.kind.flag, subject: namespace.path)
    }

    private static func failure(_ namespace: JoinedNamespace, _ error: SystemCallError)
        -> ContainerError
    {
        ContainerError(
            .failed,
            "join \(namespace.kind.rawValue) namespace \"\(namespace.path)\": \(error.errno)")
    }
}
