// SPDX-License-Identifier: Apache-2.0

/// A set of flags, one bit each.
///
/// Everything here is what `OptionSet` gives, too. But in another module than the type's own that is a call
/// through the type's conformance, which the compiler cannot see through; and the first list of flags in
/// brackets has the Swift runtime look through all conformances of the program, for as long as a dozen
/// system calls take. These are compiled where they are used, to an instruction or two; that takes `public`.
public protocol FlagSet: OptionSet where RawValue: FixedWidthInteger {}

extension FlagSet {
    /// The flags of a list.
    @inlinable public init(arrayLiteral flags: Self...) {
        var bits: RawValue = 0
        for flag in flags { bits |= flag.rawValue }
        self.init(rawValue: bits)
    }

    /// Whether there are none.
    @inlinable public var isEmpty: Bool { rawValue == 0 }

    /// Whether all of these are in it.
    @inlinable public func contains(_ flags: Self) -> Bool {
        rawValue & flags.rawValue == flags.rawValue
    }

    /// The same by another name.
    @inlinable public func isSuperset(of flags: Self) -> Bool { contains(flags) }

    /// Whether all of it is in these.
    @inlinable public func isSubset(of flags: Self) -> Bool { flags.contains(self) }

    /// Whether none of these is in it.
    @inlinable public func isDisjoint(with flags: Self) -> Bool {
        rawValue & flags.rawValue == 0
    }

    /// What is in it, in these, or in both.
    @inlinable public func union(_ flags: Self) -> Self {
        Self(rawValue: rawValue | flags.rawValue)
    }

    /// What is in it and in these.
    @inlinable public func intersection(_ flags: Self) -> Self {
        Self(rawValue: rawValue & flags.rawValue)
    }

    /// What is in it and not in these.
    @inlinable public func subtracting(_ flags: Self) -> Self {
        Self(rawValue: rawValue & ~flags.rawValue)
    }

    /// Adds these.
    @inlinable public mutating func formUnion(_ flags: Self) { self = union(flags) }

    /// Keeps only these.
    @inlinable public mutating func formIntersection(_ flags: Self) { self = intersection(flags) }

    /// Takes these away.
    @inlinable public mutating func subtract(_ flags: Self) { self = subtracting(flags) }

    /// Adds these.
    @inlinable public mutating func insert(_ flags: Self) { self = union(flags) }

    /// Takes these away.
    @inlinable public mutating func remove(_ flags: Self) { self = subtracting(flags) }
}
