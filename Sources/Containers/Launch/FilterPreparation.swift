// SPDX-License-Identifier: Apache-2.0

internal import Linux
internal import OCI
internal import Seccomp

/// `linux.seccomp` on its way to a program.
struct FilterPreparation {
    private let filter: Filter
    private let store: Store

    /// nil when the container has no process to filter, or no profile.
    init?(_ configuration: Configuration, store: Store, warn: (String) -> Void)
        throws(ContainerError)
    {
        guard let profile = configuration.linux.seccomp, configuration.process != nil else {
            return nil
        }
        do throws(SeccompError) {
            filter = try Filter(profile)
        } catch {
            throw ContainerError(error)
        }
        self.store = store
        for warning in filter.warnings { warn(warning) }
    }

    /// Whether a profile can become a filter, and what would be warned of.
    static func foresee(_ profile: SeccompProfile) throws(ContainerError) -> [String] {
        do throws(SeccompError) {
            let filter = try Filter(profile)
            _ = try filter.program(from: ProgramCache())
            return filter.warnings
        } catch {
            throw ContainerError(error)
        }
    }

    /// For a plan that does not wait for the program.
    var plan: FilterPlan { .awaited(filter.flags) }

    /// Finds the program.
    func complete(warn: (String) -> Void) throws(ContainerError) -> PreparedFilter {
        let cache = ProgramCache(in: store.root)
        if let warning = cache.warning { warn(warning) }
        do throws(SeccompError) {
            return PreparedFilter(
                program: try filter.program(from: cache), flags: filter.flags, store: store)
        } catch {
            throw ContainerError(error)
        }
    }
}

/// A program that is ready to be loaded.
struct PreparedFilter {
    fileprivate let program: FilterProgram
    fileprivate let flags: SystemCallFilter.Flags
    fileprivate let store: Store

    /// What is loaded.
    var loadable: SystemCallFilter { SystemCallFilter(program: program.bytes, flags: flags) }

    /// Where `exec` finds it again.
    var record: FilterRecord { FilterRecord(key: program.key.name, flags: flags) }

    /// The filter that a container was made with. Compiled once more, from the configuration that
    /// the container was made from, when the cache has lost it.
    static func restored(
        _ record: FilterRecord?, _ configuration: () throws(ContainerError) -> Configuration,
        store: Store, warn: (String) -> Void
    ) throws(ContainerError) -> SystemCallFilter? {
        guard let record else { return nil }
        let cache = ProgramCache(in: store.root)
        if let program = Filter.program(named: record.key, in: cache) {
            return SystemCallFilter(program: program, flags: record.flags)
        }
        guard
            let preparation = try FilterPreparation(try configuration(), store: store, warn: warn)
        else {
            throw ContainerError(
                .failed, "linux.seccomp: the configuration on record has no profile any more")
        }
        let filter = try preparation.complete(warn: warn)
        filter.keep(warn: warn)
        return filter.loadable
    }

    /// Keeps a newly compiled program for the next container. Not before the container stands: a
    /// `create` that fails leaves nothing behind.
    func keep(warn: (String) -> Void) {
        if program.isCached { return }
        do throws(SystemCallError) {
            try ProgramCache.store(program.bytes, for: program.key, in: store.root)
        } catch {
            // The container has its filter; the next one takes longer to get it.
            warn("seccomp: the compiled profile is not kept for the next container: \(error)")
        }
    }
}

extension ContainerError {
    init(_ error: SeccompError) {
        self.init(
            error.isConfiguration ? .invalidConfiguration : .unsupported, error.description)
    }
}
