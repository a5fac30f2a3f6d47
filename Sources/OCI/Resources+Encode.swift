// SPDX-License-Identifier: Apache-2.0

internal import JSON

/// Resources as `Resources.decode(from:)` reads them.
extension Resources {
    /// One line of JSON, with what is set alone.
    package func encode() -> [UInt8] {
        var json = JSONWriter()
        json.object { json in
            if !devices.isEmpty { encodeDevices(into: &json) }
            if let memory { memory.encode(into: &json) }
            if let cpu { cpu.encode(into: &json) }
            if let pids {
                json.key("pids")
                json.object { json in json.member("limit", ifSet: pids.limit) }
            }
            if let blockIO { blockIO.encode(into: &json) }
            encodePages(into: &json)
            if let network { network.encode(into: &json) }
            encodeRdma(into: &json)
            if !unified.isEmpty { json.member("unified", unified) }
        }
        return json.bytes
    }

    private func encodeDevices(into json: inout JSONWriter) {
        json.key("devices")
        json.array { json in
            for rule in devices {
                json.object { json in
                    json.member("allow", rule.allow)
                    json.member("type", rule.kind.rawValue)
                    json.member("major", ifSet: rule.major)
                    json.member("minor", ifSet: rule.minor)
                    if !rule.access.isEmpty { json.member("access", rule.access) }
                }
            }
        }
    }

    private func encodePages(into json: inout JSONWriter) {
        if hugepageLimits.isEmpty { return }
        json.key("hugepageLimits")
        json.array { json in
            for limit in hugepageLimits {
                json.object { json in
                    json.member("pageSize", limit.pageSize)
                    json.member("limit", limit.limit)
                }
            }
        }
    }

    private func encodeRdma(into json: inout JSONWriter) {
        if rdma.isEmpty { return }
        json.key("rdma")
        json.object { json in
            for (name, limits) in rdma.sorted(by: { $0.key < $1.key }) {
                json.key(name)
                json.object { json in
                    json.member("hcaHandles", ifSet: limits.hcaHandles)
                    json.member("hcaObjects", ifSet: limits.hcaObjects)
                }
            }
        }
    }
}

extension Resources.Memory {
    fileprivate func encode(into json: inout JSONWriter) {
        json.key("memory")
        json.object { json in
            json.member("limit", ifSet: limit)
            json.member("reservation", ifSet: reservation)
            json.member("swap", ifSet: swap)
            json.member("kernel", ifSet: kernel)
            json.member("kernelTCP", ifSet: kernelTCP)
            json.member("swappiness", ifSet: swappiness)
            json.member("disableOOMKiller", ifSet: disableOOMKiller)
            json.member("useHierarchy", ifSet: useHierarchy)
            json.member("checkBeforeUpdate", ifSet: checkBeforeUpdate)
        }
    }
}

extension Resources.CPU {
    fileprivate func encode(into json: inout JSONWriter) {
        json.key("cpu")
        json.object { json in
            json.member("shares", ifSet: shares)
            json.member("quota", ifSet: quota)
            json.member("burst", ifSet: burst)
            json.member("period", ifSet: period)
            json.member("realtimeRuntime", ifSet: realtimeRuntime)
            json.member("realtimePeriod", ifSet: realtimePeriod)
            if let cpus { json.member("cpus", cpus) }
            if let mems { json.member("mems", mems) }
            json.member("idle", ifSet: idle)
        }
    }
}

extension Resources.BlockIO {
    fileprivate func encode(into json: inout JSONWriter) {
        json.key("blockIO")
        json.object { json in
            json.member("weight", ifSet: weight)
            json.member("leafWeight", ifSet: leafWeight)
            if !weightDevice.isEmpty {
                json.key("weightDevice")
                json.array { json in
                    for device in weightDevice {
                        json.object { json in
                            json.member("major", device.major)
                            json.member("minor", device.minor)
                            json.member("weight", ifSet: device.weight)
                            json.member("leafWeight", ifSet: device.leafWeight)
                        }
                    }
                }
            }
            Self.encode("throttleReadBpsDevice", throttleReadBpsDevice, into: &json)
            Self.encode("throttleWriteBpsDevice", throttleWriteBpsDevice, into: &json)
            Self.encode("throttleReadIOPSDevice", throttleReadIOPSDevice, into: &json)
            Self.encode("throttleWriteIOPSDevice", throttleWriteIOPSDevice, into: &json)
        }
    }

    private static func encode(
        _ name: StaticString, _ devices: [ThrottleDevice], into json: inout JSONWriter
    ) {
        if devices.isEmpty { return }
        json.key(name)
        json.array { json in
            for device in devices {
                json.object { json in
                    json.member("major", device.major)
                    json.member("minor", device.minor)
                    json.member("rate", device.rate)
                }
            }
        }
    }
}

extension Resources.Network {
    fileprivate func encode(into json: inout JSONWriter) {
        json.key("network")
        json.object { json in
            json.member("classID", ifSet: classID)
            if priorities.isEmpty { return }
            json.key("priorities")
            json.array { json in
                for priority in priorities {
                    json.object { json in
                        json.member("name", priority.name)
                        json.member("priority", priority.priority)
                    }
                }
            }
        }
    }
}

extension JSONWriter {
    fileprivate mutating func member(
        _ name: StaticString, ifSet value: (some FixedWidthInteger)?
    ) {
        if let value { member(name, value) }
    }

    fileprivate mutating func member(_ name: StaticString, ifSet value: Bool?) {
        if let value { member(name, value) }
    }
}
