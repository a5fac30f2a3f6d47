// SPDX-License-Identifier: Apache-2.0

internal import Linux

/// Stopping and letting go: `pause` and `resume`.
extension Cgroup {
    /// The place that can stop the processes: v1's freezer, or cgroup2 itself.
    private var freezer: CgroupPlace? { place(of: "freezer", .v1) ?? unified }

    /// The directory of that place, for others who freeze.
    package var freezerPath: String? { freezer?.absolutePath }

    /// Stops every process, those that join later too, and waits until all stand still. When
    /// that takes too long everything is let go again.
    package func freeze(patience: Int = Self.patience) throws(CgroupError) {
        let place = try requireFreezer()
        do throws(CgroupError) {
            guard try set(place, frozen: true, patience: patience) else { throw Self.gone(place) }
        } catch {
            // The first error is the one to tell.
            _ = try? set(place, frozen: false, patience: patience)
            throw error
        }
    }

    /// Lets every process run again.
    package func thaw(patience: Int = Self.patience) throws(CgroupError) {
        let place = try requireFreezer()
        guard try set(place, frozen: false, patience: patience) else { throw Self.gone(place) }
    }

    /// Has every process stand still while something is done, and leaves those alone that do so
    /// already.
    package func whileFrozen<R>(_ body: () throws(CgroupError) -> R) throws(CgroupError) -> R {
        if try isFrozen() { return try body() }
        try freeze()
        let result = Result { () throws(CgroupError) in try body() }
        try thaw()
        return try result.get()
    }

    /// Lets what was killed die: a process that v1's freezer holds does so only once it runs
    /// again. cgroup2's does not hold it. Who waits for the last of them may have removed the
    /// cgroup by then, which is well.
    package func letKilledDie() throws(CgroupError) {
        guard let place = freezer, !place.isCgroup2, try isFrozen() else { return }
        try thawIfThere()
    }

    /// Lets every process run again, if the cgroup is still there.
    func thawIfThere(patience: Int = Self.patience) throws(CgroupError) {
        _ = try set(try requireFreezer(), frozen: false, patience: patience)
    }

    /// Whether the processes stand still.
    package func isFrozen() throws(CgroupError) -> Bool {
        guard let place = freezer, let directory = try place.open() else { return false }
        return try directory.isFrozen(place.version)
    }

    private func requireFreezer() throws(CgroupError) -> CgroupPlace {
        if let place = freezer { return place }
        throw CgroupError(
            .unsupported,
            "the freezer controller is not available: no cgroup v1 hierarchy has it, and there is "
                + "no cgroup v2")
    }

    /// - Returns: false when the cgroup is gone, or goes meanwhile.
    private func set(
        _ place: CgroupPlace, frozen: Bool, patience: Int
    ) throws(CgroupError) -> Bool {
        guard let directory = try place.open() else { return false }
        let end = Clock.milliseconds + patience
        let file = place.isCgroup2 ? "cgroup.freeze" : "freezer.state"
        let value = place.isCgroup2 ? (frozen ? "1" : "0") : (frozen ? "FROZEN" : "THAWED")
        var pause = 1
        var isFirst = true
        while true {
            // v1 stops the processes that it finds at the time; those forked since take another.
            if isFirst || !place.isCgroup2 {
                do throws(SystemCallError) {
                    try directory.write(value, to: file)
                } catch where error.errno == .noDevice {
                    return false
                } catch where error.errno == .noEntry {
                    if try place.open() == nil { return false }
                    throw CgroupError(
                        .unsupported,
                        "cgroup \"\(place)\" has no \"\(file)\"; freezing takes Linux 5.2")
                } catch {
                    throw CgroupError("cgroup \"\(place)\"", error)
                }
            }
            isFirst = false
            guard let isSettled = try isSettled(directory, place.version, frozen: frozen) else {
                return false
            }
            if isSettled { return true }
            if Clock.milliseconds > end {
                throw CgroupError(
                    .failed,
                    "cgroup \"\(place)\" is not \(frozen ? "frozen" : "thawed") after "
                        + "\(patience) milliseconds"
                        + (frozen ? "" : "; a cgroup above it may be frozen"))
            }
            Clock.sleep(milliseconds: pause)
            pause = min(pause * 2, 20)
        }
    }

    /// - Returns: nil when the cgroup is gone.
    private func isSettled(
        _ directory: borrowing CgroupDirectory, _ version: CgroupVersion, frozen: Bool
    ) throws(CgroupError) -> Bool? {
        switch version {
        case .v2:
            guard let count = try directory.count("frozen", in: "cgroup.events") else { return nil }
            return (count == 1) == frozen
        case .v1:
            // FREEZING is on the way.
            guard let state = try directory.read("freezer.state") else { return nil }
            return words(of: state).first == (frozen ? "FROZEN" : "THAWED")
        }
    }
}
