// SPDX-License-Identifier: Apache-2.0

/// A message of a kind that is told by name: `google.protobuf.Any`.
package struct AnyMessage: Message {
    package var typeURL = ""
    package var value: [UInt8] = []

    package init() {}

    package init(typeURL: String, value: [UInt8]) {
        self.typeURL = typeURL
        self.value = value
    }

    /// The kind without what stands before it: both `type.googleapis.com/a.B` and `a.B` are `a.B`.
    package var typeName: Substring {
        guard let slash = typeURL.lastIndex(of: "/") else { return typeURL[...] }
        return typeURL[typeURL.index(after: slash)...]
    }

    package mutating func visit(_ fields: inout Fields) {
        fields.visit(1, &typeURL)
        fields.visit(2, &value)
    }
}

/// A moment, counted from 1970 in UTC: `google.protobuf.Timestamp`.
package struct Timestamp: Message {
    package var seconds: Int64 = 0
    package var nanoseconds: Int32 = 0

    package init() {}

    package init(seconds: Int64, nanoseconds: Int32) {
        self.seconds = seconds
        self.nanoseconds = nanoseconds
    }

    package mutating func visit(_ fields: inout Fields) {
        fields.visit(1, &seconds)
        fields.visit(2, &nanoseconds)
    }
}

/// How a call went: `google.rpc.Status`.
package struct CallStatus: Message {
    package var code: Int32 = 0
    package var message = ""
    package var details: [AnyMessage] = []

    package init() {}

    package init(code: Int32, message: String) {
        self.code = code
        self.message = message
    }

    package mutating func visit(_ fields: inout Fields) {
        fields.visit(1, &code)
        fields.visit(2, &message)
        fields.visit(3, &details)
    }
}
