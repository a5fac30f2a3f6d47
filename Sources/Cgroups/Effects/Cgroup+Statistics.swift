// SPDX-License-Identifier: Apache-2.0

internal import Linux

/// Reading back what the kernel has counted.
extension Cgroup {
    /// The counts of every controller that the container has a cgroup of, by whichever form of
    /// cgroups has it.
    package func statistics() throws(CgroupError) -> Statistics {
        var statistics = Statistics()
        // Below, whatever a v1 hierarchy counts takes the place of cgroup2's.
        if let place = unified {
            try read(place) { (read, files) throws(CgroupError) in
                try statistics.readUnifiedCPU(read)
                try statistics.readUnifiedCPUSet(read)
                try statistics.readUnifiedMemory(read)
                try statistics.readUnifiedBlockIO(read)
                try statistics.readPids(read)
                try statistics.readUnifiedHugetlb(Self.pageSizes(files, "current"), read)
            }
        }
        for place in legacy {
            try read(place) { (read, files) throws(CgroupError) in
                for controller in place.controllers {
                    switch controller {
                    case "cpuacct": try statistics.readLegacyAccounting(read)
                    case "cpu": try statistics.readLegacyBandwidth(read)
                    case "cpuset": try statistics.readLegacyCPUSet(read)
                    case "memory": try statistics.readLegacyMemory(read)
                    case "pids": try statistics.readPids(read)
                    case "blkio": try statistics.readLegacyBlockIO(read)
                    case "hugetlb":
                        try statistics.readLegacyHugetlb(
                            Self.pageSizes(files, "usage_in_bytes"), read)
                    default: continue
                    }
                }
            }
        }
        // Without that controller nothing keeps count.
        if place(of: "pids", .v1) == nil, statistics.pids.current == 0 {
            statistics.pids.current = UInt64(try processes().count)
        }
        return statistics
    }

    private func read(
        _ place: CgroupPlace, _ body: (ReadFile, [String]) throws(CgroupError) -> Void
    ) throws(CgroupError) {
        guard let directory = try place.open() else { return }
        let files = try during("cgroup \"\(place)\"") { () throws(SystemCallError) in
            try File.names(in: directory.descriptor)
        }
        // Most of what can be asked for is not there in any one kernel.
        let present = Set(files)
        try body(
            { (file) throws(CgroupError) in
                guard present.contains(file) else { return nil }
                return try Self.readSupported(file, in: directory)
            }, files)
    }

    /// nil, too, for what the kernel was told not to count, such as pressure.
    private static func readSupported(_ file: String, in directory: borrowing CgroupDirectory)
        throws(CgroupError) -> String?
    {
        do throws(CgroupError) {
            return try directory.read(file)
        } catch where error.errno == .unsupported || error.errno == .invalid {
            return nil
        }
    }

    /// `2MB` of `hugetlb.2MB.current`.
    private static func pageSizes(_ files: [String], _ end: String) -> [String] {
        var sizes: [String] = []
        for file in files {
            let parts = file.split(separator: ".")
            if parts.count == 3, parts[0] == "hugetlb", parts[2] == end {
                sizes.append(String(parts[1]))
            }
        }
        return sizes.sorted()
    }
}
