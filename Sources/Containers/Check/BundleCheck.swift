// SPDX-License-Identifier: Apache-2.0

internal import Cgroups
internal import JSON
internal import Linux
internal import OCI

/// Looks at a bundle as `create` and `start` would, and goes on after the first thing that is
/// wrong. Nothing is made or changed.
package struct BundleCheck {
    let bundle: Bundle
    let configuration: Configuration
    let host: Host
    let cgroupManager: CgroupManager
    let isStrict: Bool
    var findings: [Finding] = []

    /// Who would make the container's cgroups.
    package enum CgroupManager: Sendable {
        /// martlet.
        case cgroupfs
        /// Nobody: the container stays in the caller's.
        case disabled
        /// systemd, which is asked where the container would be, and for nothing else.
        case systemd
    }

    /// Looks at the bundle in a directory, and at this host.
    package static func report(
        on path: String, cgroups: CgroupManager, isStrict: Bool = false
    ) -> CheckReport {
        var report = CheckReport(bundle: path)
        do throws(ContainerError) {
            let bundle = try Bundle(path: path)
            report.bundle = bundle.path
            var check = try BundleCheck(bundle, cgroups, isStrict)
            check.run()
            report.findings = check.findings
        } catch {
            report.findings = error.violations.map { Finding($0) }
            if report.findings.isEmpty { report.findings = [Finding(error)] }
        }
        return report
    }

    private init(_ bundle: Bundle, _ cgroups: CgroupManager, _ isStrict: Bool)
        throws(ContainerError)
    {
        self.isStrict = isStrict
        self.bundle = bundle
        configuration = bundle.configuration
        cgroupManager = cgroups
        do throws(SystemCallError) {
            host = try Host.current(
                readingCgroups: true,
                readingSecurityModules: RequestedLabels(bundle.configuration).areAny)
        } catch {
            throw ContainerError(step: "look at the host", error)
        }
    }

    private mutating func run() {
        checkSupport()
        checkPlan()
        checkKernel()
        checkNamespaces()
        checkSysctls()
        checkSecurityModules()
        checkHardware()
        checkCgroups()
        checkIdentity()
        checkHooks()
        // What is in the container can be told only where there is a root filesystem.
        guard let root = openRoot() else { return }
        var view = ContainerView(root: root)
        checkMounts(&view)
        checkDevices(view)
        checkProcess(view)
    }

    // MARK: Telling

    mutating func fail(_ path: String, _ message: String, _ kind: Finding.Kind = .host) {
        add(Finding(.failure, path, message, kind: kind))
    }

    mutating func note(_ path: String, _ message: String) {
        add(Finding(.warning, path, message))
    }

    /// Tells of an error that `body` ends with.
    mutating func attempt(_ body: () throws(ContainerError) -> Void) {
        do throws(ContainerError) {
            try body()
        } catch {
            add(Finding(error))
        }
    }

    mutating func add(_ finding: Finding) {
        if !findings.contains(finding) { findings.append(finding) }
    }

    /// A small file of the kernel's, without the end of its last line.
    static func read(_ path: String) -> String? {
        guard var text = try? File.readText(path) else { return nil }
        while text.last == "\n" { text.removeLast() }
        return text
    }

    static func exists(_ path: String) -> Bool { (try? File.status(of: path)) != nil }

    func has(_ kind: Namespace.Kind) -> Bool {
        configuration.linux.namespaces.contains { $0.kind == kind }
    }

    func isNew(_ kind: Namespace.Kind) -> Bool {
        configuration.linux.namespaces.contains { $0.kind == kind && $0.path == nil }
    }

    // MARK: What needs no file of the container's

    private mutating func checkSupport() {
        for path in Support.unsupported(in: configuration) {
            fail(path, "not supported by this version of martlet", .unsupported)
        }
    }

    private mutating func checkPlan() {
        let view = host.cgroups.map { CgroupView($0, []) }
        var request = CreateRequest(id: "check")
        request.isStrict = isStrict
        var planner = Planner(
            configuration, request: request, bundle: bundle.path, host: host,
            cgroups: view)
        do throws(ContainerError) {
            _ = try planner.planSupported()
        } catch {
            add(Finding(error))
        }
        for warning in planner.warnings { note("", warning) }
        if configuration.process == nil {
            note("process", "there is none, so the container can be created and never started")
        }
    }

    private mutating func checkSysctls() {
        for (key, _) in configuration.linux.sysctl.sorted(by: { $0.key < $1.key }) {
            let namespaces = configuration.linux.namespaces
            let path = "linux.sysctl[\(key.quoted)]"
            do throws(ContainerError) {
                try Sysctl.check(key, namespaces: namespaces)
                try Preflight.checkIsNotHosts(key, namespaces)
            } catch {
                let prefix = "linux.sysctl \"\(key)\": "
                let reason =
                    error.reason.hasPrefix(prefix)
                    ? String(error.reason.dropFirst(prefix.count)) : error.reason
                fail(path, reason)
            }
            if Sysctl.namespace(of: key) != nil, !Self.exists("/proc/sys/\(Sysctl.path(of: key))") {
                // Interfaces and some protocols are there only inside.
                note(
                    path,
                    "this host has no such kernel parameter; a module may have to be loaded")
            }
        }
    }

    private mutating func openRoot() -> FileDescriptor? {
        let path = bundle.rootfs
        do throws(ContainerError) {
            try Preflight.checkRoot(path)
        } catch {
            add(Finding(error))
            return nil
        }
        do throws(SystemCallError) {
            return try File.open(path, .realDirectoryPath)
        } catch {
            fail("root.path", "\(path.quoted): \(error.errno)")
            return nil
        }
    }
}
