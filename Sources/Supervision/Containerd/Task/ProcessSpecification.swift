// SPDX-License-Identifier: Apache-2.0

internal import JSON

/// The process that `Exec` is given: JSON, in which the request has the last word on the terminal.
package enum ProcessSpecification {
    /// The text for the runtime.
    ///
    /// - Parameters:
    ///   - text: the JSON of the request.
    ///   - terminal: whether the request wants one.
    /// - Returns: what came of it.
    /// - Throws: when something of that fails.
    package static func text(_ text: [UInt8], terminal: Bool) throws(CallError) -> [UInt8] {
        do throws(JSONError) {
            let root = try JSONDocument(parsing: text).root
            let members = try root.members()
            if (try root["terminal"]?.boolean() ?? false) == terminal { return text }
            var json = JSONWriter()
            json.beginObject()
            json.member("terminal", terminal)
            for member in members where member.key != "terminal" {
                json.key(member.key)
                try copy(member.value, to: &json)
            }
            json.endObject()
            return json.bytes
        } catch {
            throw CallError(.invalidArgument, "the process to run: \(error)")
        }
    }

    private static func copy(_ value: JSONNode, to json: inout JSONWriter) throws(JSONError) {
        switch value.kind {
        case .null: json.null()
        case .boolean: json.bool(try value.boolean())
        case .string: json.string(try value.string())
        case .integer:
            if let number = value.exactInteger?.exactly(Int64.self) {
                json.int(number)
            } else {
                json.uint(try value.integer())
            }
        // A process has none.
        case .number: throw value.unexpected("an integer")
        case .array:
            json.beginArray()
            for element in try value.elements() { try copy(element, to: &json) }
            json.endArray()
        case .object:
            json.beginObject()
            for member in try value.members() {
                json.key(member.key)
                try copy(member.value, to: &json)
            }
            json.endObject()
        }
    }
}
