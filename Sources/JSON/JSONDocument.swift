// SPDX-License-Identifier: Apache-2.0

/// How large and how deep a JSON text may be.
package struct JSONLimits: Equatable, Sendable {
    /// Bytes of text.
    package var size: Int
    /// Arrays and objects inside one another.
    package var depth: Int

    /// 16 MiB and 128 levels: far beyond any engine's config.json, and far below what hurts.
    package static let standard = JSONLimits(size: 16 << 20, depth: 128)

    /// Limits of the caller's own.
    package init(size: Int, depth: Int) {
        self.size = size
        self.depth = depth
    }
}

/// A parsed JSON text.
///
/// The text must be exactly one value of RFC 8259 in UTF-8: comments, trailing commas, byte order
/// marks, `NaN`, lone surrogates and control characters in strings are refused, and so is NUL in
/// a property's name. Where an object has the same name twice, the last one wins.
///
/// ```swift
/// let root = try JSONDocument(parsing: bytes).root
/// let pid = try root.required("pid").integer(as: Int32.self)
/// ```
package struct JSONDocument: Sendable {
    /// The outermost value.
    package let root: JSONNode

    /// Parses `text`.
    package init(
        parsing text: [UInt8], limits: JSONLimits = .standard
    ) throws(JSONError) {
        let parser = try JSONParser(text, limits: limits)
        root = JSONNode(JSONValues(text, parser.entries), 0)
    }
}
