// SPDX-License-Identifier: Apache-2.0

import Protobuf

/// A message with a field of every kind.
struct Sample: Message {
    var unsigned: UInt64 = 0
    var signed: Int64 = 0
    var short: UInt32 = 0
    var signedShort: Int32 = 0
    var flag = false
    var real = 0.0
    var numbers: [UInt64] = []
    var text = ""
    var texts: [String] = []
    var bytes: [UInt8] = []
    var part: Part?
    var parts: [Part] = []
    var map: [String: String] = [:]
    var maybe: String?

    struct Part: Message {
        var name = ""
        var moment: Timestamp?

        init() {}

        init(name: String, moment: Timestamp? = nil) {
            self.name = name
            self.moment = moment
        }

        mutating func visit(_ fields: inout Fields) {
            fields.visit(1, &name)
            fields.visit(2, &moment)
        }
    }

    init() {}

    mutating func visit(_ fields: inout Fields) {
        fields.visit(1, &unsigned)
        fields.visit(2, &signed)
        fields.visit(3, &short)
        fields.visit(4, &signedShort)
        fields.visit(5, &flag)
        fields.visit(6, &real)
        fields.visit(7, &numbers)
        fields.visit(8, &text)
        fields.visit(9, &texts)
        fields.visit(10, &bytes)
        fields.visit(11, &part)
        fields.visit(12, &parts)
        fields.visit(13, &map)
        fields.visit(2000, &maybe)
    }

    static let full = {
        var sample = Sample()
        sample.unsigned = .max
        sample.signed = -2
        sample.short = 300
        sample.signedShort = -1
        sample.flag = true
        sample.real = 0.5
        sample.numbers = [0, 1, 300, .max]
        sample.text = "grüße"
        sample.texts = ["", "b"]
        sample.bytes = [0, 255, 7]
        sample.part = Part(name: "p", moment: Timestamp(seconds: 5, nanoseconds: 6))
        sample.parts = [Part(name: ""), Part(name: "q")]
        sample.map = ["b": "2", "a": ""]
        sample.maybe = ""
        return sample
    }()
}
