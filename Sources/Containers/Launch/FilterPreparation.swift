// SPDX-License-Identifier: Apache-2.0

internal import Linux
internal import OCI
internal import Seccomp

/// `linux.seccomp` on its way from a profile to a program, and into the cache.
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
        let cache = ProgramCache(in: store.root)
        if let warning = cache.warning { warn(warning) }
        do throws(SeccompError) {
            filter = try Filter(profile, cache: cache)
        } catch {
            throw ContainerError(error)
        }
        self.store = store
        for warning in filter.warnings { warn(warning) }
    }

    /// Whether a profile can become a filter, and what would be warned of.
    static func foresee(_ profile: SeccompProfile) throws(ContainerError) -> [String] {
        do throws(SeccompError) {
            return try Filter(profile, cache: ProgramCache()).warnings
        } catch {
            throw ContainerError(error)
        }
    }

    /// What is loaded.
    var loadable: SystemCallFilter {
        SystemCallFilter(program: filter.program, flags: filter.flags)
    }

    /// Where `exec` finds it again.
    var record: FilterRecord { FilterRecord(key: filter.key.name, flags: filter.flags) }

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
        preparation.keep(warn: warn)
        return preparation.loadable
    }

    /// Keeps a newly compiled program for the next container. Not before the container stands: a
    /// `create` that fails leaves nothing behind.
    func keep(warn: (String) -> Void) {
        guard let key = filter.uncachedKey else { return }
        do throws(SystemCallError) {
            try ProgramCache.store(filter.program, for: key, in: store.root)
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
