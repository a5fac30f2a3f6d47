// SPDX-License-Identifier: Apache-2.0

/// Why bytes are not the message that they should be.
package enum WireError: Error, Equatable, Sendable, CustomStringConvertible {
    /// They end within a field.
    case truncated
    /// A number of more than 64 bits.
    case numberTooLong
    /// A field with the number 0, or one above 2^29 - 1.
    case badFieldNumber
    /// A field of a kind that no message has: a group, or one that does not exist.
    case badKind(UInt8)
    /// A field is of another kind than its number says.
    case wrongKind(field: Int)
    /// Text that is not UTF-8.
    case badText(field: Int)
    /// More elements in one list than ``Fields/elementLimit``.
    case tooManyElements(field: Int)

    package var description: String {
        switch self {
        case .truncated: "the message ends within a field"
        case .numberTooLong: "a number has more than 64 bits"
        case .badFieldNumber: "a field has an impossible number"
        case .badKind(let kind): "a field has the unknown kind \(kind)"
        case .wrongKind(let field): "field \(field) has the wrong kind"
        case .badText(let field): "field \(field) is not UTF-8"
        case .tooManyElements(let field):
            "field \(field) has more than \(Fields.elementLimit) elements"
        }
    }
}
