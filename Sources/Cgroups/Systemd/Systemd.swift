// SPDX-License-Identifier: Apache-2.0

internal import Linux

/// One of systemd's managers, asked over D-Bus to make, change and take away the scopes that
/// containers live in (org.freedesktop.systemd1(5)).
package final class Systemd {
    package let owner: SystemdOwner
    /// systemd's own, such as 252.
    package let version: Int
    /// The cgroup below which this manager makes all others.
    package let root: [String]
    private let bus: BusConnection
    /// The manager's own name on the bus: nobody else's signals count.
    private let managerName: String?

    private static let destination = "org.freedesktop.systemd1"
    private static let object = "/org/freedesktop/systemd1"
    private static let manager = "org.freedesktop.systemd1.Manager"
    private static let properties = "org.freedesktop.DBus.Properties"

    /// The manager that makes cgroups for this process: process 1 for the host's root, else the
    /// user's own.
    package static var ownerForCaller: SystemdOwner {
        CgroupCreation.lacksHostRights ? .user : .system
    }

    /// Connects, and asks what all else depends on.
    package init(_ owner: SystemdOwner) throws(CgroupError) {
        self.owner = owner
        do throws(BusError) {
            bus = try Self.connect(owner)
            let version = try Self.property("Version", of: Self.manager, at: Self.object, bus)
            managerName = version.sender
            let root = try Self.property("ControlGroup", of: Self.manager, at: Self.object, bus)
            guard case .variant(.string(let number)) = version.body.first,
                case .variant(.string(let path)) = root.body.first
            else { throw BusError("systemd tells neither its version nor its cgroup") }
            self.version = Self.version(number)
            self.root = path.split(separator: "/").map(String.init)
        } catch {
            throw Self.unreachable(owner, error)
        }
    }

    /// The connection's descriptor, which a container's process must not keep.
    package var descriptorNumber: CInt { bus.number }

    private static func connect(_ owner: SystemdOwner) throws(BusError) -> BusConnection {
        let paths = try BusAddress.paths(
            owner, userID: Process.effectiveUserID,
            environment: { Process.environmentVariable($0) })
        var first: BusError?
        for path in paths {
            do throws(BusError) {
                return try BusConnection(path: path)
            } catch {
                first = first ?? error
            }
        }
        throw first ?? BusError("no bus is known")
    }

    private static func unreachable(_ owner: SystemdOwner, _ error: BusError) -> CgroupError {
        let (whose, remedy) =
            switch owner {
            case .system:
                ("systemd", "it takes a machine with systemd as process 1, and D-Bus")
            case .user:
                (
                    "the user's systemd",
                    "it takes a login session, or one that lingers (loginctl enable-linger), with "
                        + "D-Bus for users"
                )
            }
        return CgroupError(
            .unsupported,
            "\(whose) cannot be asked for a cgroup: \(error); \(remedy); else use "
                + "--cgroup-manager cgroupfs")
    }

    /// The first number in texts such as `252.39-1~deb12u1` and `v255`.
    static func version(_ text: String) -> Int {
        let digits = text.drop { !("0"..."9").contains($0) }.prefix { ("0"..."9").contains($0) }
        return Int(digits) ?? 0
    }

    // MARK: Calls

    private static func property(
        _ name: String, of interface: String, at object: String, _ bus: BusConnection
    ) throws(BusError) -> BusMessage {
        try bus.call(
            "Get", of: properties, at: object, to: destination,
            [.string(interface), .string(name)])
    }

    private func call(_ method: String, _ arguments: [BusValue]) throws(BusError) -> [BusValue] {
        try bus.call(
            method, of: Self.manager, at: Self.object, to: Self.destination, arguments
        ).body
    }

    private static let noSuchUnit = "org.freedesktop.systemd1.NoSuchUnit"
    private static let unitExists = "org.freedesktop.systemd1.UnitExists"

    /// The unit's object; nil when systemd does not have it loaded.
    private func object(of unit: String) throws(BusError) -> String? {
        do throws(BusError) {
            return try call("GetUnit", [.string(unit)]).first?.text
        } catch where error.name == Self.noSuchUnit {
            return nil
        }
    }

    private func text(_ name: String, of interface: String, at object: String) throws(BusError)
        -> String?
    {
        let answer = try Self.property(
            name, of: "org.freedesktop.systemd1.\(interface)", at: object, bus)
        guard case .variant(let value) = answer.body.first else { return nil }
        return value.text
    }

    // MARK: Scopes

    /// Whether a unit of this name lives, so that it cannot be made.
    package func isActive(_ unit: String) throws(CgroupError) -> Bool {
        try during("unit \"\(unit)\"") { () throws(BusError) in
            guard let object = try object(of: unit) else { return false }
            let state = try text("ActiveState", of: "Unit", at: object)
            return state != "inactive" && state != "failed"
        }
    }

    /// Makes a scope with a process in it, and waits until it is there.
    ///
    /// - Returns: what tells this run of the unit from another of the same name.
    package func start(
        _ name: ScopeName, process pid: Int32, for id: String, _ properties: [UnitProperty]
    ) throws(CgroupError) -> String {
        let all = Self.basics(name, process: pid, for: id, systemd: version) + properties
        return try during("scope \"\(name.unit)\"") { () throws(BusError) in
            try listen()
            let arguments: [BusValue] = [
                .string(name.unit), .string("replace"),
                .array(of: "(sv)", all.map(\.busValue)), .array(of: "(sa(sv))", []),
            ]
            let result: String
            do throws(BusError) {
                result = try job("StartTransientUnit", name.unit, arguments)
            } catch where error.name == Self.unitExists {
                // One that failed and was kept is in the way, and of no use.
                _ = try call("ResetFailedUnit", [.string(name.unit)])
                result = try job("StartTransientUnit", name.unit, arguments)
            }
            guard result == "done" else { throw BusError("systemd did not make it: \(result)") }
            guard let object = try object(of: name.unit) else {
                throw BusError("it has ended again; its process was killed")
            }
            let path = try text("ControlGroup", of: "Scope", at: object) ?? ""
            let names = path.split(separator: "/").map(String.init)
            let expected = root + ((try? name.path()) ?? [])
            guard names == expected else {
                throw BusError(
                    "systemd has put it into cgroup \"\(path)\" and not into "
                        + "\"/\(expected.joined(separator: "/"))\"")
            }
            return try invocation(of: object)
        }
    }

    /// What every container's scope has.
    static func basics(
        _ name: ScopeName, process pid: Int32, for id: String, systemd version: Int
    ) -> [UnitProperty] {
        var properties = [
            UnitProperty("Description", .string("container \(id)")),
            UnitProperty("Slice", .string(name.slice)),
            UnitProperty("PIDs", .array(of: "u", [.uint32(UInt32(clamping: pid))])),
            // What is in it is ours and the container's to divide.
            UnitProperty("Delegate", .boolean(true)),
            // A container does not end with the machine's targets before its engine has ended it.
            UnitProperty("DefaultDependencies", .boolean(false)),
            UnitProperty("CPUAccounting", .boolean(true)),
            UnitProperty("MemoryAccounting", .boolean(true)),
            UnitProperty("IOAccounting", .boolean(true)),
            UnitProperty("TasksAccounting", .boolean(true)),
        ]
        if version >= 236 {
            // Failed or not, it goes with its last process.
            properties.append(UnitProperty("CollectMode", .string("inactive-or-failed")))
        }
        return properties
    }

    /// Changes a unit until it ends.
    package func set(_ unit: String, _ properties: [UnitProperty]) throws(CgroupError) {
        if properties.isEmpty { return }
        try during("scope \"\(unit)\"") { () throws(BusError) in
            _ = try call(
                "SetUnitProperties",
                [
                    .string(unit), .boolean(true), .array(of: "(sv)", properties.map(\.busValue)),
                ])
            // systemd writes the cgroup before it takes the next message, and so before this one:
            // what we write there afterwards holds.
            _ = try Self.property("Version", of: Self.manager, at: Self.object, bus)
        }
    }

    /// Whether a unit of this name is there that is not the one that was started: it has another
    /// invocation.
    package func isAnother(_ unit: String, than invocation: String) throws(CgroupError) -> Bool {
        if invocation.isEmpty { return false }
        return try during("unit \"\(unit)\"") { () throws(BusError) in
            guard let object = try object(of: unit) else { return false }
            // A unit that has ended since it was found is loaded once more by the question, and has
            // never been started then.
            let found = try self.invocation(of: object)
            return !found.isEmpty && found != invocation
        }
    }

    /// Takes a unit away, and waits until it is gone. Done twice it is right as well.
    package func stop(_ unit: String) throws(CgroupError) {
        try during("scope \"\(unit)\"") { () throws(BusError) in
            try listen()
            do throws(BusError) {
                _ = try job("StopUnit", unit, [.string(unit), .string("replace")])
            } catch where error.name == Self.noSuchUnit {
                return
            }
            do throws(BusError) {
                _ = try call("ResetFailedUnit", [.string(unit)])
            } catch where error.name == Self.noSuchUnit {
                return
            }
        }
    }

    /// A run of a unit: 16 bytes that systemd makes up, as text.
    private func invocation(of object: String) throws(BusError) -> String {
        let answer = try Self.property(
            "InvocationID", of: "org.freedesktop.systemd1.Unit", at: object, bus)
        guard case .variant(.array(_, let values)) = answer.body.first else { return "" }
        var text = ""
        for case .byte(let byte) in values {
            text += (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }
        return text
    }

    // MARK: Jobs

    private var isListening = false

    /// Has the bus send us what becomes of jobs, before there is one.
    private func listen() throws(BusError) {
        if isListening { return }
        _ = try bus.call(
            "AddMatch", of: "org.freedesktop.DBus", at: "/org/freedesktop/DBus",
            to: "org.freedesktop.DBus",
            [
                .string(
                    "type='signal',sender='\(Self.destination)',path='\(Self.object)',"
                        + "interface='\(Self.manager)',member='JobRemoved'")
            ])
        isListening = true
    }

    /// Calls a method that answers with a job, and returns what became of it.
    private func job(_ method: String, _ unit: String, _ arguments: [BusValue]) throws(BusError)
        -> String
    {
        guard let job = try call(method, arguments).first?.text else {
            throw BusError("\(method) answers with no job")
        }
        let sender = managerName
        // JobRemoved: a number, the job, the unit's name, the result.
        let signal = try bus.signal(
            "JobRemoved", until: Clock.milliseconds + BusConnection.patience,
            for: "the end of \(method)"
        ) {
            $0.sender == sender && $0.path == Self.object && $0.body.count == 4
                && $0.body[1].text == job
        }
        return signal.body[3].text ?? ""
    }

    private func during<R>(_ doing: String, _ body: () throws(BusError) -> R) throws(CgroupError)
        -> R
    {
        do throws(BusError) {
            return try body()
        } catch {
            let kind: CgroupError.Kind = error.name == Self.unitExists ? .inUse : .failed
            throw CgroupError(kind, "\(doing): \(error)")
        }
    }
}
