// SPDX-License-Identifier: Apache-2.0

package import Cgroups
package import Linux

/// What the plan needs to know about the machine and the caller.
package struct Host: Equatable, Sendable {
    package var effectiveUserID: UInt32
    package var effectiveGroupID: UInt32
    /// The caller's place in the cgroup hierarchies; read only for a configuration that has to do
    /// with them.
    package var cgroups: CgroupLayout?
    /// Whether the mount namespace that the configuration names is the caller's own; to join it is
    /// to leave things as they are.
    package var isInMountNamespace = false

    /// Whether the caller can make a network namespace for another process and come back to its own;
    /// looked at only for a configuration with a new one.
    package var canReturnToNetwork = false

    /// The security modules that are on; looked at only for a configuration with labels.
    package var securityModules: SecurityModules = []

    package init(effectiveUserID: UInt32, effectiveGroupID: UInt32, cgroups: CgroupLayout? = nil) {
        self.effectiveUserID = effectiveUserID
        self.effectiveGroupID = effectiveGroupID
        self.cgroups = cgroups
    }

    /// The machine and the caller as they are.
    package static func current(readingCgroups: Bool, readingSecurityModules: Bool)
        throws(SystemCallError) -> Host
    {
        var host = Host(
            effectiveUserID: Process.effectiveUserID, effectiveGroupID: Process.effectiveGroupID,
            cgroups: readingCgroups ? try CgroupLayout.current() : nil)
        if readingSecurityModules { host.securityModules = try SecurityModules.current() }
        return host
    }
}
