// SPDX-License-Identifier: Apache-2.0

/// A value with the wire format of Protocol Buffers, version 3.
///
/// A type lists its fields once, in ``visit(_:)``; reading and writing both go by that list and so
/// cannot disagree. What a message has besides is passed over, as the format demands.
package protocol Message: Equatable, Sendable {
    /// The message with nothing set.
    init()

    /// Names every field to `fields`, in the order of their numbers: `fields.visit(1, &name)`.
    mutating func visit(_ fields: inout Fields)
}

extension Message {
    /// Reads a message.
    package init(decoding bytes: ArraySlice<UInt8>) throws(WireError) {
        self.init()
        try merge(bytes)
    }

    /// Reads a message.
    package init(decoding bytes: [UInt8]) throws(WireError) { try self.init(decoding: bytes[...]) }

    /// Reads what `bytes` say over what is there: a part of a message that comes in two pieces is
    /// the same as in one.
    package mutating func merge(_ bytes: ArraySlice<UInt8>) throws(WireError) {
        var reader = WireReader(bytes)
        while let field = try reader.next() {
            var fields = Fields(reading: field)
            visit(&fields)
            if let failure = fields.failure { throw failure }
        }
    }

    /// The message as bytes.
    package var encoded: [UInt8] {
        var fields = Fields()
        var copy = self
        copy.visit(&fields)
        return fields.written
    }
}

/// A message without any field.
package struct Empty: Message {
    package init() {}
    package mutating func visit(_ fields: inout Fields) {}
}
