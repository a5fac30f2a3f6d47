// SPDX-License-Identifier: Apache-2.0

/// What a hook wrote on its standard output and error: its last words, because those tell why it
/// failed.
package struct HookOutput: Equatable, Sendable {
    /// How much is kept, in bytes.
    package static let limit = 1024

    private var kept: [UInt8] = []
    private var isCut = false

    package init() {}

    /// Takes more of it.
    package mutating func append(_ bytes: ArraySlice<UInt8>) {
        kept += bytes.suffix(Self.limit)
        if kept.count > Self.limit || bytes.count > Self.limit {
            isCut = true
            kept.removeFirst(max(0, kept.count - Self.limit))
        }
    }

    /// All that was kept on one line, with escapes for what would end it or move a terminal's
    /// cursor; nil when there is nothing to see.
    package var line: String? {
        var text = ""
        let end = kept.lastIndex { $0 != UInt8(ascii: "\n") && $0 != UInt8(ascii: " ") } ?? -1
        for scalar in String(decoding: kept[...end], as: UTF8.self).unicodeScalars {
            switch scalar {
            case "\n": text += "\\n"
            case "\t": text += "\\t"
            case "\r": text += "\\r"
            case "\"", "\\": text += "\\\(scalar)"
            case _ where scalar.value < 0x20 || scalar.value == 0x7f:
                text += scalar.escaped(asASCII: true)
            default: text.unicodeScalars.append(scalar)
            }
        }
        if text.isEmpty { return nil }
        return isCut ? "…\(text)" : text
    }
}
