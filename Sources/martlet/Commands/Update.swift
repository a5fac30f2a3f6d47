// SPDX-License-Identifier: Apache-2.0

internal import Containers
internal import Linux
internal import OCI

extension Invocation {
    /// `update`.
    func update() throws(ContainerError) {
        for name in [OptionName.l3CacheSchema, .memoryBandwidthSchema] {
            guard let schema = options[name], !schema.isEmpty else { continue }
            throw ContainerError(
                .unsupported, doing: "update \"\(id)\"",
                "--\(name.rawValue): not supported by this version of martlet")
        }
        let resources: Resources
        if let path = options[.resources] {
            resources = try readResources(path)
        } else {
            resources = try givenResources()
        }
        try runtime.update(
            id, to: resources, isStrict: globals.isStrict, warn: log.warning)
    }

    /// The largest file of resources that is read, in bytes.
    private static let sizeLimit = 1 << 20

    private func readResources(_ path: String) throws(ContainerError) -> Resources {
        let text: [UInt8]
        do throws(SystemCallError) {
            if path == "-" {
                let input = try Descriptors.duplicate(0)
                text = try File.readAll(input, limit: Self.sizeLimit, subject: "standard input")
            } else {
                // Not blocking: a fifo with this name must not stop us.
                let file = try File.open(path, .readOnlyAtOnce)
                guard try File.status(of: file).type == .regular else {
                    throw SystemCallError("read", path, .invalid)
                }
                text = try File.readAll(file, limit: Self.sizeLimit, subject: path)
            }
        } catch {
            throw wrong("--resources: \(error)")
        }
        do throws(InvalidConfiguration) {
            return try Resources.decode(from: text)
        } catch {
            let more = error.violations.count - 1
            throw ContainerError(
                .invalidConfiguration, doing: "update \"\(id)\"",
                "--resources: \(error.violations.first?.description ?? "invalid")"
                    + (more > 0 ? " (and \(more) more; --debug lists all)" : ""),
                details: error.violations.map { "--resources: \($0) (\($0.section))" })
        }
    }

    // MARK: Flags

    private func givenResources() throws(ContainerError) -> Resources {
        var resources = Resources()
        if let weight = try number(.blkioWeight, as: UInt16.self, in: 0...1000) {
            resources.blockIO = .init()
            resources.blockIO?.weight = weight
        }
        let cpu = try givenCPU()
        if cpu != Resources.CPU() { resources.cpu = cpu }
        let memory = givenMemory()
        if memory != Resources.Memory() { resources.memory = memory }
        if let limit = try number(.pidsLimit, as: Int64.self, in: -1...Int64.max) {
            resources.pids = .init()
            resources.pids?.limit = limit
        }
        return resources
    }

    private func givenCPU() throws(ContainerError) -> Resources.CPU {
        let all = UInt64(0)...UInt64(Int64.max)
        var cpu = Resources.CPU()
        cpu.period = try number(.cpuPeriod, as: UInt64.self, in: all)
        cpu.quota = try number(.cpuQuota, as: Int64.self, in: Int64.min...Int64.max)
        cpu.burst = try number(.cpuBurst, as: UInt64.self, in: all)
        cpu.shares = try number(.cpuShare, as: UInt64.self, in: all)
        cpu.realtimePeriod = try number(.cpuRealtimePeriod, as: UInt64.self, in: all)
        cpu.realtimeRuntime = try number(
            .cpuRealtimeRuntime, as: Int64.self, in: Int64.min...Int64.max)
        cpu.idle = try number(.cpuIdle, as: Int64.self, in: 0...1)
        cpu.cpus = options[.cpusetCpus]
        cpu.mems = options[.cpusetMems]
        return cpu
    }

    private func givenMemory() -> Resources.Memory {
        func size(_ name: OptionName) -> Int64? { options[name].flatMap { Quantity.bytes($0) } }
        var memory = Resources.Memory()
        memory.limit = size(.memory)
        memory.reservation = size(.memoryReservation)
        memory.swap = size(.memorySwap)
        memory.kernel = size(.kernelMemory)
        memory.kernelTCP = size(.kernelMemoryTCP)
        return memory
    }

    private func number<Value: FixedWidthInteger>(
        _ name: OptionName, as type: Value.Type, in range: ClosedRange<Value>
    ) throws(ContainerError) -> Value? {
        guard let text = options[name] else { return nil }
        guard let value = Value(text), range.contains(value) else {
            throw wrong(
                "--\(name.rawValue): expected \(range.lowerBound) to \(range.upperBound), found "
                    + text)
        }
        return value
    }

    private func wrong(_ reason: String) -> ContainerError {
        ContainerError(.invalidConfiguration, doing: "update \"\(id)\"", reason)
    }
}
