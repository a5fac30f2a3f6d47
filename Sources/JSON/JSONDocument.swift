// SPDX-License-Identifier: Apache-2.0

internal import CJSON

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

/// A parsed JSON text, which owns its values.
///
/// The text must be exactly one value of RFC 8259 in UTF-8: comments, trailing commas, byte order
/// marks, `NaN`, lone surrogates and control characters in strings are refused, and so is NUL in
/// a property's name. Where an object has the same name twice, the last one wins.
///
/// Values are read through ``JSONNode``, which is valid only while the document is:
///
/// ```swift
/// let document = try JSONDocument(parsing: bytes)
/// let pid = try document.withRoot { (root) throws(JSONError) in
///     try root.required("pid").integer(as: Int32.self)
/// }
/// ```
@safe
package struct JSONDocument: ~Copyable {
    /// nil is JSON's `null`, as everywhere in json-c.
    private let root: OpaquePointer?

    /// Parses `text`.
    package init(
        parsing text: [UInt8], limits: JSONLimits = .standard
    ) throws(JSONError) {
        guard text.count <= limits.size else {
            throw .malformed(
                "a text of more than \(limits.size) bytes",
                at: JSONPosition(offset: limits.size, in: text))
        }
        let check = try LexicalCheck(of: text)
        if check.hugeIntegers.isEmpty {
            unsafe root = try Self.parse(text, limits: limits)
            return
        }
        // json-c would clamp them; with an exponent they are kept as text and are no integers.
        let marked = check.markingHugeIntegers(in: text)
        do {
            unsafe root = try Self.parse(marked, limits: limits)
        } catch .malformed(let problem, let position) {
            let offset = check.originalOffset(of: position.offset)
            throw .malformed(problem, at: JSONPosition(offset: offset, in: text))
        }
    }

    deinit {
        unsafe _ = json_object_put(root)
    }

    /// Calls `body` with the outermost value. No node may leave `body`.
    package borrowing func withRoot<Result: ~Copyable, Failure: Error>(
        _ body: (JSONNode) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try body(unsafe JSONNode(root: root))
    }

    private static func parse(
        _ text: [UInt8], limits: JSONLimits
    ) throws(JSONError) -> OpaquePointer? {
        guard let depth = CInt(exactly: limits.depth), depth > 0,
            let length = CInt(exactly: text.count),
            let tokener = unsafe json_tokener_new_ex(depth)
        else { throw malformed("cannot be parsed", at: 0, in: text) }
        defer { unsafe json_tokener_free(tokener) }
        // UTF-8 has been checked, more strictly than JSON_TOKENER_VALIDATE_UTF8 does.
        unsafe json_tokener_set_flags(tokener, CInt(JSON_TOKENER_STRICT))

        var value = unsafe text.withUnsafeBytes { buffer in
            unsafe json_tokener_parse_ex(
                tokener, buffer.baseAddress?.assumingMemoryBound(to: CChar.self), length)
        }
        var status = unsafe json_tokener_get_error(tokener)
        var end = unsafe Int(clamping: json_tokener_get_parse_end(tokener))
        if status == json_tokener_continue {
            // Only a NUL tells json-c that the text is over.
            var terminator: CChar = 0
            unsafe value = json_tokener_parse_ex(tokener, &terminator, 1)
            unsafe status = json_tokener_get_error(tokener)
            end = text.count
        }
        guard status == json_tokener_success else {
            throw failure(status, at: end, in: text, limits: limits)
        }
        if let extra = text[end...].firstIndex(where: { !LexicalCheck.isWhitespace($0) }) {
            unsafe _ = json_object_put(value)
            throw malformed("unexpected text after the value", at: extra, in: text)
        }
        return unsafe value
    }

    private static func failure(
        _ status: json_tokener_error, at offset: Int, in text: [UInt8], limits: JSONLimits
    ) -> JSONError {
        switch status {
        case json_tokener_error_depth:
            malformed("more than \(limits.depth) levels of nesting", at: offset, in: text)
        case json_tokener_error_parse_eof, json_tokener_continue:
            malformed("unexpected end of input", at: text.count, in: text)
        case json_tokener_error_parse_array:
            malformed("neither ',' nor ']' in an array", at: offset, in: text)
        case json_tokener_error_parse_object_key_name:
            malformed("no property name in quotes", at: offset, in: text)
        case json_tokener_error_parse_object_key_sep:
            malformed("no ':' after a property name", at: offset, in: text)
        case json_tokener_error_parse_object_value_sep:
            malformed("neither ',' nor '}' in an object", at: offset, in: text)
        default:
            malformed(
                LexicalCheck.unexpected(text, at: offset), at: offset, in: text)
        }
    }

    private static func malformed(
        _ problem: String, at offset: Int, in text: [UInt8]
    ) -> JSONError {
        .malformed(problem, at: JSONPosition(offset: offset, in: text))
    }
}
