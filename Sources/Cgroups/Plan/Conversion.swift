// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// Values of v1 in the words of v2.
package enum Conversion {
    /// The kernel's range of `cpu.shares`.
    package static let shares: ClosedRange<UInt64> = 2...262_144

    /// `cpu.shares` as `cpu.weight`, 1 to 10000.
    ///
    /// The smallest, the default and the largest of each are the same: 2 is 1, 1024 is 100 and
    /// 262144 is 10000. Between them the logarithm of the weight is a parabola of that of the
    /// shares. All runtimes have used this since 2025 (Kubernetes issue 131216): the straight line
    /// of before made the default 39.
    package static func weight(shares value: UInt64) -> UInt64 {
        if value <= shares.lowerBound { return 1 }
        if value >= shares.upperBound { return 10_000 }
        let logarithm = log2(Double(value))
        // One division alone, so that 1024 is exactly 100.
        let exponent = (logarithm * logarithm + 125 * logarithm - 126) / 612
        return UInt64(pow(10, exponent).rounded(.up))
    }

    /// `blkio.weight`, 10 to 1000, as `io.weight`, 1 to 10000.
    package static func ioWeight(blkioWeight weight: UInt16) -> UInt64 {
        if weight <= 10 { return 1 }
        return 1 + (UInt64(weight) - 10) * 9999 / 990
    }

    /// The limit of swap alone, from that of memory and swap together; -1 is none, and nil leaves
    /// it as it is.
    package static func swap(limitWithMemory both: Int64?, memory: Int64?) throws(CgroupError)
        -> Int64?
    {
        guard let both else {
            // As v1 has it: no limit of memory is also none with swap.
            return memory == -1 ? -1 : nil
        }
        if both == -1 { return -1 }
        guard let memory, memory != -1 else {
            throw CgroupError(
                .invalid,
                "memory.swap: cgroup v2 limits swap alone, which is memory.swap less "
                    + "memory.limit; give memory.limit too")
        }
        guard both >= memory else {
            throw CgroupError(
                .invalid,
                "memory.swap: expected at least memory.limit \(memory), as it includes it, found "
                    + "\(both)")
        }
        return both - memory
    }
}
