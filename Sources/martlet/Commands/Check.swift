// SPDX-License-Identifier: Apache-2.0

internal import Containers

extension Invocation {
    /// `check`: says what would fail.
    ///
    /// - Returns: the exit code, 1 when something would.
    func check() throws(ContainerError) -> Int32 {
        let cgroups: BundleCheck.CgroupManager =
            globals.usesSystemd ? .systemd : globals.managesCgroups ? .cgroupfs : .disabled
        let report = BundleCheck.report(
            on: options[.bundle] ?? ".", cgroups: cgroups, isStrict: globals.isStrict)
        if options.isSet(.json) {
            try Output.write(report.encode(pretty: true) + [newline])
        } else {
            try Output.write(report.text)
        }
        return report.isGood ? Program.ExitCode.success : Program.ExitCode.failure
    }
}
