// SPDX-License-Identifier: Apache-2.0

internal import OCI

/// `resources.blockIO` (config-linux.md#block-io).
extension Planner {
    mutating func blockIO(_ blockIO: Resources.BlockIO?) throws(CgroupError) {
        guard var blockIO else { return }
        // Zeros that engines write for "not set".
        if blockIO.weight == 0 { blockIO.weight = nil }
        if blockIO.leafWeight == 0 { blockIO.leafWeight = nil }
        if let weight = blockIO.weight { try check(weight, "blockIO.weight") }
        if let weight = blockIO.leafWeight { try check(weight, "blockIO.leafWeight") }
        for device in blockIO.weightDevice {
            if let weight = device.weight { try check(weight, "blockIO.weightDevice") }
            if let weight = device.leafWeight { try check(weight, "blockIO.weightDevice") }
        }
        let settings: [(name: String, isSet: Bool)] = [
            ("blockIO.weight", blockIO.weight != nil),
            ("blockIO.leafWeight", blockIO.leafWeight != nil),
            ("blockIO.weightDevice", !blockIO.weightDevice.isEmpty),
            ("blockIO.throttleReadBpsDevice", !blockIO.throttleReadBpsDevice.isEmpty),
            ("blockIO.throttleWriteBpsDevice", !blockIO.throttleWriteBpsDevice.isEmpty),
            ("blockIO.throttleReadIOPSDevice", !blockIO.throttleReadIOPSDevice.isEmpty),
            ("blockIO.throttleWriteIOPSDevice", !blockIO.throttleWriteIOPSDevice.isEmpty),
        ]
        guard let name = settings.first(where: { $0.isSet })?.name else { return }
        switch try version(of: "blkio", for: name) {
        case .v1: legacyBlockIO(blockIO)
        case .v2: try unifiedBlockIO(blockIO)
        }
    }

    /// 0 lets a device have the cgroup's weight.
    private func check(_ weight: UInt16, _ setting: String) throws(CgroupError) {
        if weight > 1000 {
            throw CgroupError(.invalid, "\(setting): expected 10 to 1000, found \(weight)")
        }
    }

    private mutating func legacyBlockIO(_ blockIO: Resources.BlockIO) {
        func write(_ setting: String, _ choices: [Write.Choice]) -> Write {
            Write("blockIO.\(setting)", "blkio", .v1, choices)
        }
        // The scheduler decides which file there is: CFQ's up to Linux 5.0, BFQ's since.
        if let weight = blockIO.weight {
            add(
                write(
                    "weight",
                    [.init("blkio.weight", "\(weight)"), .init("blkio.bfq.weight", "\(weight)")]))
        }
        if let weight = blockIO.leafWeight {
            add(write("leafWeight", [.init("blkio.leaf_weight", "\(weight)")]))
        }
        for device in blockIO.weightDevice {
            let number = "\(device.major):\(device.minor)"
            if let weight = device.weight {
                let value = "\(number) \(weight)"
                add(
                    write(
                        "weightDevice",
                        [
                            .init("blkio.weight_device", value, removal: "\(number) 0"),
                            .init("blkio.bfq.weight_device", value, removal: "\(number) 0"),
                        ]))
            }
            if let weight = device.leafWeight {
                add(
                    write(
                        "weightDevice.leafWeight",
                        [
                            .init(
                                "blkio.leaf_weight_device", "\(number) \(weight)",
                                removal: "\(number) 0")
                        ]))
            }
        }
        for throttle in Self.throttles(blockIO) {
            for device in throttle.devices {
                let number = "\(device.major):\(device.minor)"
                add(
                    write(
                        throttle.setting,
                        [
                            .init(
                                "blkio.throttle.\(throttle.file)", "\(number) \(device.rate)",
                                removal: "\(number) 0")
                        ]))
            }
        }
    }

    private mutating func unifiedBlockIO(_ blockIO: Resources.BlockIO) throws(CgroupError) {
        if blockIO.leafWeight != nil { throw onlyV1("blockIO.leafWeight", "io") }
        for device in blockIO.weightDevice where device.leafWeight ?? 0 != 0 {
            throw onlyV1("blockIO.weightDevice.leafWeight", "io")
        }
        func write(_ setting: String, _ choices: [Write.Choice]) -> Write {
            Write("blockIO.\(setting)", "io", .v2, choices)
        }
        // BFQ's own weight has v1's range; the other one, of io.cost, has 1 to 10000.
        if let weight = blockIO.weight {
            add(
                write(
                    "weight",
                    [
                        .init("io.bfq.weight", "\(weight)"),
                        .init("io.weight", "default \(Conversion.ioWeight(blkioWeight: weight))"),
                    ]))
        }
        for device in blockIO.weightDevice {
            guard let weight = device.weight else { continue }
            let number = "\(device.major):\(device.minor)"
            let plain = weight == 0 ? "default" : "\(weight)"
            let converted = weight == 0 ? "default" : "\(Conversion.ioWeight(blkioWeight: weight))"
            add(
                write(
                    "weightDevice",
                    [
                        .init(
                            "io.bfq.weight", "\(number) \(plain)", removal: "\(number) default"),
                        .init(
                            "io.weight", "\(number) \(converted)", removal: "\(number) default"),
                    ]))
        }
        for throttle in Self.throttles(blockIO) {
            for device in throttle.devices {
                let number = "\(device.major):\(device.minor)"
                let rate = device.rate == 0 ? "max" : "\(device.rate)"
                add(
                    write(
                        throttle.setting,
                        [
                            .init(
                                "io.max", "\(number) \(throttle.key)=\(rate)",
                                removal: "\(number) \(throttle.key)=max")
                        ]))
            }
        }
    }

    private struct Throttle {
        var setting: String
        var file: String
        var key: String
        var devices: [Resources.BlockIO.ThrottleDevice]
    }

    private static func throttles(_ blockIO: Resources.BlockIO) -> [Throttle] {
        [
            Throttle(
                setting: "throttleReadBpsDevice", file: "read_bps_device", key: "rbps",
                devices: blockIO.throttleReadBpsDevice),
            Throttle(
                setting: "throttleWriteBpsDevice", file: "write_bps_device", key: "wbps",
                devices: blockIO.throttleWriteBpsDevice),
            Throttle(
                setting: "throttleReadIOPSDevice", file: "read_iops_device", key: "riops",
                devices: blockIO.throttleReadIOPSDevice),
            Throttle(
                setting: "throttleWriteIOPSDevice", file: "write_iops_device", key: "wiops",
                devices: blockIO.throttleWriteIOPSDevice),
        ]
    }
}
