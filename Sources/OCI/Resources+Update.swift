// SPDX-License-Identifier: Apache-2.0

/// What `update` makes of the resources that a container has.
extension Resources {
    /// These, with what others set in its place. A list of device rules or page sizes, which has
    /// an order or is a whole, is replaced; devices with a rate or weight are replaced one by one.
    package func updated(with new: Resources) -> Resources {
        var result = self
        if !new.devices.isEmpty { result.devices = new.devices }
        if let memory = new.memory { result.memory = (result.memory ?? Memory()).updated(memory) }
        if let cpu = new.cpu { result.cpu = (result.cpu ?? CPU()).updated(cpu) }
        if let limit = new.pids?.limit {
            result.pids = Pids()
            result.pids?.limit = limit
        }
        if let blockIO = new.blockIO {
            result.blockIO = (result.blockIO ?? BlockIO()).updated(blockIO)
        }
        for limit in new.hugepageLimits {
            result.hugepageLimits.removeAll { $0.pageSize == limit.pageSize }
            result.hugepageLimits.append(limit)
        }
        if let network = new.network {
            var merged = result.network ?? Network()
            merged.classID = network.classID ?? merged.classID
            for priority in network.priorities {
                merged.priorities.removeAll { $0.name == priority.name }
                merged.priorities.append(priority)
            }
            result.network = merged
        }
        result.rdma.merge(new.rdma) { $1 }
        result.unified.merge(new.unified) { $1 }
        return result
    }
}

extension Resources.Memory {
    fileprivate func updated(_ new: Self) -> Self {
        var result = self
        result.limit = new.limit ?? limit
        result.reservation = new.reservation ?? reservation
        result.swap = new.swap ?? swap
        result.kernel = new.kernel ?? kernel
        result.kernelTCP = new.kernelTCP ?? kernelTCP
        result.swappiness = new.swappiness ?? swappiness
        result.disableOOMKiller = new.disableOOMKiller ?? disableOOMKiller
        result.useHierarchy = new.useHierarchy ?? useHierarchy
        result.checkBeforeUpdate = new.checkBeforeUpdate ?? checkBeforeUpdate
        return result
    }
}

extension Resources.CPU {
    fileprivate func updated(_ new: Self) -> Self {
        var result = self
        result.shares = new.shares ?? shares
        result.quota = new.quota ?? quota
        result.burst = new.burst ?? burst
        result.period = new.period ?? period
        result.realtimeRuntime = new.realtimeRuntime ?? realtimeRuntime
        result.realtimePeriod = new.realtimePeriod ?? realtimePeriod
        result.cpus = new.cpus ?? cpus
        result.mems = new.mems ?? mems
        result.idle = new.idle ?? idle
        return result
    }
}

extension Resources.BlockIO {
    fileprivate func updated(_ new: Self) -> Self {
        var result = self
        result.weight = new.weight ?? weight
        result.leafWeight = new.leafWeight ?? leafWeight
        for device in new.weightDevice {
            result.weightDevice.removeAll {
                $0.major == device.major && $0.minor == device.minor
            }
            result.weightDevice.append(device)
        }
        func merged(_ old: [ThrottleDevice], _ new: [ThrottleDevice]) -> [ThrottleDevice] {
            old.filter { device in
                !new.contains { $0.major == device.major && $0.minor == device.minor }
            } + new
        }
        result.throttleReadBpsDevice = merged(throttleReadBpsDevice, new.throttleReadBpsDevice)
        result.throttleWriteBpsDevice = merged(throttleWriteBpsDevice, new.throttleWriteBpsDevice)
        result.throttleReadIOPSDevice = merged(throttleReadIOPSDevice, new.throttleReadIOPSDevice)
        result.throttleWriteIOPSDevice = merged(
            throttleWriteIOPSDevice, new.throttleWriteIOPSDevice)
        return result
    }
}
