// SPDX-License-Identifier: Apache-2.0

package import Protobuf

/// A call: `ttrpc.Request`.
package struct TtrpcRequest: Message {
    package var service = ""
    package var method = ""
    package var payload: [UInt8] = []
    /// In nanoseconds; 0 for none.
    package var timeout: Int64 = 0

    package init() {}

    package init(service: String, method: String, payload: [UInt8], timeout: Int64 = 0) {
        self.service = service
        self.method = method
        self.payload = payload
        self.timeout = timeout
    }

    package mutating func visit(_ fields: inout Fields) {
        fields.visit(1, &service)
        fields.visit(2, &method)
        fields.visit(3, &payload)
        fields.visit(4, &timeout)
    }
}

/// The answer to a call: `ttrpc.Response`.
package struct TtrpcResponse: Message {
    package var status: CallStatus?
    package var payload: [UInt8] = []

    package init() {}

    package init(status: CallStatus?, payload: [UInt8]) {
        self.status = status
        self.payload = payload
    }

    package mutating func visit(_ fields: inout Fields) {
        fields.visit(1, &status)
        fields.visit(2, &payload)
    }
}

/// Why a call failed, with the code that tells the caller what it may do about it.
package struct CallError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The codes of gRPC that are used here.
    package enum Code: Int32, Sendable {
        case cancelled = 1
        case unknown = 2
        case invalidArgument = 3
        case deadlineExceeded = 4
        case notFound = 5
        case alreadyExists = 6
        case resourceExhausted = 8
        case failedPrecondition = 9
        case unimplemented = 12
        case `internal` = 13
        case unavailable = 14
    }

    package let code: Code
    package let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { message }

    /// As it stands in an answer.
    package var status: CallStatus { CallStatus(code: code.rawValue, message: message) }
}

extension String {
    /// Whether some words are in it. The library's own `contains` brings regular expressions with
    /// it, which are larger than the rest of the program.
    func mentions(_ words: String) -> Bool {
        let wanted = Array(words.utf8)
        var rest = utf8[...]
        while rest.count >= wanted.count {
            if rest.starts(with: wanted) { return true }
            rest = rest.dropFirst()
        }
        return false
    }
}
