// SPDX-License-Identifier: Apache-2.0

internal import Linux
internal import OCI

/// The hooks that run once a container has been created, from its record.
extension ContainerRecord {
    private var subject: HookSubject {
        HookSubject(id: id, bundle: bundle, annotations: annotations)
    }

    /// The program runs; up to the first hook that fails.
    func runPoststart() throws(ContainerError) {
        if hooks.poststart.isEmpty { return }
        var runner = try HookRunner(telling: subject.state(for: .poststart, pid: pid))
        runner.directory = bundle
        try runner.run(HookPlan.plans(.poststart, hooks.poststart))
    }

    /// Nothing of the container is left; each of them, whatever becomes of the others. They get our
    /// mode mask, if no other is named.
    func runPoststop(umask: UInt32? = nil, warn: (String) -> Void) {
        if hooks.poststop.isEmpty { return }
        do throws(ContainerError) {
            var runner = try HookRunner(telling: subject.state(for: .poststop, pid: 0))
            runner.directory = bundle
            runner.umask = umask
            // They clean up, and should not be stopped half-way with us.
            runner.diesWithUs = false
            runner.runAll(HookPlan.plans(.poststop, hooks.poststop), warn: warn)
        } catch {
            warn("hooks.poststop: none was run: \(error.reason)")
        }
    }
}
