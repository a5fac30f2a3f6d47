// SPDX-License-Identifier: Apache-2.0

package import Linux
internal import OCI

/// The option words of one mount, sorted by what they act on (config.md#linux-mount-options).
package struct MountOptions: Equatable, Sendable {
    /// How the words make a mount.
    package enum Source: Equatable, Sendable {
        /// A filesystem of the mount's type.
        case fileSystem
        /// A copy of an existing mount: `bind`, or `rbind` with all below it.
        case bind(recursively: Bool)
    }

    package var source = Source.fileSystem
    package var isRemount = false
    /// Properties of this mount alone.
    package var set: MountAttributes = []
    package var clear: MountAttributes = []
    /// Properties of this mount and all below it: the words that begin with an extra `r`.
    package var recursiveSet: MountAttributes = []
    package var recursiveClear: MountAttributes = []
    /// Applied in the listed order.
    package var propagation: [PropagationChange] = []
    /// Words for the filesystem as a whole, by the names that fsconfig(2) knows them by.
    package var superblockFlags: [String] = []
    /// The same, to be switched off, which means something to a filesystem that is mounted.
    package var clearedSuperblockFlags: [String] = []
    /// What the filesystem itself is to understand, as `key` or `key=value`.
    package var data: [String] = []
    /// `tmpcopyup`: a tmpfs begins with what the image has at its place.
    package var copiesUp = false
    /// `iversion`, which only mount(2) can ask for; nil when it is not mentioned.
    package var inodeVersion: Bool?
    /// `silent`: the kernel logs nothing of a failed attempt, which only mount(2) can ask for.
    package var isSilent = false
    /// `idmap` and `ridmap`: the files get other owners, on this mount or also on all below.
    package var idMapping: IDMapping?

    package enum IDMapping: Equatable, Sendable {
        case single, recursive
    }

    package struct PropagationChange: Equatable, Sendable {
        package var kind: Propagation
        package var recursively: Bool
    }

    package enum Propagation: String, Equatable, Sendable {
        case shared, slave, `private`, unbindable

        var mountPropagation: MountPropagation {
            switch self {
            case .shared: .shared
            case .slave: .slave
            case .private: .private
            case .unbindable: .unbindable
            }
        }
    }

    package init() {}

    /// Sorts the words. Later ones win over earlier ones; unknown ones are the filesystem's.
    package init(words: [String]) {
        for word in words { add(word) }
    }

    private mutating func add(_ word: String) {
        if let action = Self.words[word] {
            apply(action)
        } else if word.first == "r", let action = Self.words[String(word.dropFirst())],
            Self.canBeRecursive(action)
        {
            applyRecursively(action)
        } else if !word.isEmpty {
            data.append(word)
        }
    }

    private mutating func apply(_ action: Action) {
        switch action {
        case .nothing: break
        case .bind(let recursively): source = .bind(recursively: recursively)
        case .remount: isRemount = true
        case .set(let attribute): Self.change(&set, &clear, adding: attribute)
        case .clear(let attribute): Self.change(&clear, &set, adding: attribute)
        case .propagation(let kind, let recursively):
            propagation.append(PropagationChange(kind: kind, recursively: recursively))
        case .superblock(let flag, let isOn):
            superblockFlags.removeAll { $0 == flag }
            clearedSuperblockFlags.removeAll { $0 == flag }
            if isOn { superblockFlags.append(flag) } else { clearedSuperblockFlags.append(flag) }
        case .inodeVersion(let isOn): inodeVersion = isOn
        case .silent(let isOn): isSilent = isOn
        case .idMapping(let kind): idMapping = kind
        case .copyUp: copiesUp = true
        }
    }

    private mutating func applyRecursively(_ action: Action) {
        switch action {
        case .set(let attribute): Self.change(&recursiveSet, &recursiveClear, adding: attribute)
        case .clear(let attribute): Self.change(&recursiveClear, &recursiveSet, adding: attribute)
        default: break
        }
    }

    /// Adds an attribute to one side and takes it from the other. The access time is one choice
    /// out of several: a new one replaces the old.
    private static func change(
        _ side: inout MountAttributes, _ other: inout MountAttributes,
        adding attribute: MountAttributes
    ) {
        if !attribute.isDisjoint(with: .accessTimeMask) || attribute.isEmpty {
            side.subtract(.accessTimeMask)
            other.subtract(.accessTimeMask)
        }
        side.formUnion(attribute)
        other.subtract(attribute)
    }

    // MARK: The table

    private enum Action {
        case nothing
        case bind(recursively: Bool)
        case remount
        case set(MountAttributes)
        case clear(MountAttributes)
        case propagation(Propagation, recursively: Bool)
        case superblock(String, Bool)
        case inodeVersion(Bool)
        case silent(Bool)
        case idMapping(IDMapping)
        case copyUp
    }

    private static func canBeRecursive(_ action: Action) -> Bool {
        switch action {
        case .set, .clear: true
        default: false
        }
    }

    /// Every word that is not the filesystem's. The ones with an `r` in front are made from the
    /// attributes among these.
    private static let words: [String: Action] = [
        "defaults": .nothing,
        "bind": .bind(recursively: false), "rbind": .bind(recursively: true),
        "remount": .remount,

        "ro": .set(.readOnly), "rw": .clear(.readOnly),
        "nosuid": .set(.noSetID), "suid": .clear(.noSetID),
        "nodev": .set(.noDevices), "dev": .clear(.noDevices),
        "noexec": .set(.noExecution), "exec": .clear(.noExecution),
        "nosymfollow": .set(.noSymbolicLinks), "symfollow": .clear(.noSymbolicLinks),
        "nodiratime": .set(.noDirectoryAccessTime), "diratime": .clear(.noDirectoryAccessTime),
        "noatime": .set(.noAccessTime), "strictatime": .set(.strictAccessTime),
        // relatime is what is left when neither of the two above is set (mount_setattr(2)).
        "relatime": .clear(.accessTimeMask), "atime": .clear(.accessTimeMask),
        "norelatime": .set(.strictAccessTime), "nostrictatime": .clear(.accessTimeMask),

        "shared": .propagation(.shared, recursively: false),
        "rshared": .propagation(.shared, recursively: true),
        "slave": .propagation(.slave, recursively: false),
        "rslave": .propagation(.slave, recursively: true),
        "private": .propagation(.private, recursively: false),
        "rprivate": .propagation(.private, recursively: true),
        "unbindable": .propagation(.unbindable, recursively: false),
        "runbindable": .propagation(.unbindable, recursively: true),

        "sync": .superblock("sync", true), "async": .superblock("sync", false),
        "dirsync": .superblock("dirsync", true),
        "lazytime": .superblock("lazytime", true), "nolazytime": .superblock("lazytime", false),
        "mand": .superblock("mand", true), "nomand": .superblock("mand", false),
        "tmpcopyup": .copyUp,
        "iversion": .inodeVersion(true), "noiversion": .inodeVersion(false),
        "silent": .silent(true), "loud": .silent(false),
        "idmap": .idMapping(.single), "ridmap": .idMapping(.recursive),
    ]

    /// Every word that is understood here and not handed to the filesystem, sorted: for `features`.
    package static var recognizedNames: [String] {
        var names = Array(words.keys)
        for (word, action) in words where canBeRecursive(action) { names.append("r" + word) }
        return names.sorted()
    }
}
