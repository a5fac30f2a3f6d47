// SPDX-License-Identifier: Apache-2.0

/// `linux.resources`: what the container's cgroup allows (config-linux.md#control-groups).
///
/// A nil value was not configured, and leaves the kernel's as it is.
package struct Resources: Equatable, Sendable {
    package var devices: [DeviceRule] = []
    package var memory: Memory?
    package var cpu: CPU?
    package var pids: Pids?
    package var blockIO: BlockIO?
    package var hugepageLimits: [HugepageLimit] = []
    package var network: Network?
    package var rdma: [String: Rdma] = [:]
    package var unified: [String: String] = [:]

    package init() {}

    /// One rule on device access, applied in the listed order.
    package struct DeviceRule: Equatable, Sendable {
        package enum Kind: String, CaseIterable, Sendable {
            case all = "a"
            case character = "c"
            case block = "b"
        }
        package var allow: Bool
        package var kind: Kind = .all
        /// nil means every major number.
        package var major: Int64?
        /// nil means every minor number.
        package var minor: Int64?
        /// Some of the letters r, w and m; empty means all three.
        package var access = ""

        package init(allow: Bool) { self.allow = allow }
    }

    /// Limits in bytes, -1 for none.
    package struct Memory: Equatable, Sendable {
        package var limit: Int64?
        package var reservation: Int64?
        package var swap: Int64?
        package var kernel: Int64?
        package var kernelTCP: Int64?
        package var swappiness: UInt64?
        package var disableOOMKiller: Bool?
        package var useHierarchy: Bool?
        package var checkBeforeUpdate: Bool?

        package init() {}
    }

    /// Times in microseconds.
    package struct CPU: Equatable, Sendable {
        package var shares: UInt64?
        package var quota: Int64?
        package var burst: UInt64?
        package var period: UInt64?
        package var realtimeRuntime: Int64?
        package var realtimePeriod: UInt64?
        package var cpus: String?
        package var mems: String?
        package var idle: Int64?

        package init() {}
    }

    package struct Pids: Equatable, Sendable {
        /// -1 for no limit.
        package var limit: Int64?

        package init() {}
    }

    package struct BlockIO: Equatable, Sendable {
        package struct WeightDevice: Equatable, Sendable {
            package var major: Int64
            package var minor: Int64
            package var weight: UInt16?
            package var leafWeight: UInt16?

            package init(major: Int64, minor: Int64) {
                self.major = major
                self.minor = minor
            }
        }
        package struct ThrottleDevice: Equatable, Sendable {
            package var major: Int64
            package var minor: Int64
            /// Bytes or operations a second.
            package var rate: UInt64

            package init(major: Int64, minor: Int64, rate: UInt64) {
                self.major = major
                self.minor = minor
                self.rate = rate
            }
        }
        package var weight: UInt16?
        package var leafWeight: UInt16?
        package var weightDevice: [WeightDevice] = []
        package var throttleReadBpsDevice: [ThrottleDevice] = []
        package var throttleWriteBpsDevice: [ThrottleDevice] = []
        package var throttleReadIOPSDevice: [ThrottleDevice] = []
        package var throttleWriteIOPSDevice: [ThrottleDevice] = []

        package init() {}
    }

    package struct HugepageLimit: Equatable, Sendable {
        package var pageSize: String
        /// Bytes.
        package var limit: UInt64

        package init(pageSize: String, limit: UInt64) {
            self.pageSize = pageSize
            self.limit = limit
        }
    }

    package struct Network: Equatable, Sendable {
        package struct Priority: Equatable, Sendable {
            package var name: String
            package var priority: UInt32

            package init(name: String, priority: UInt32) {
                self.name = name
                self.priority = priority
            }
        }
        package var classID: UInt32?
        package var priorities: [Priority] = []

        package init() {}
    }

    package struct Rdma: Equatable, Sendable {
        package var hcaHandles: UInt32?
        package var hcaObjects: UInt32?

        package init() {}
    }
}
