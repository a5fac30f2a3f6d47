// SPDX-License-Identifier: Apache-2.0

internal import Linux

/// Which of a container's two outputs something came from. A terminal is one output: the standard
/// one.
package enum OutputStream: UInt8, Sendable {
    // The numbers of conmon's attach protocol.
    case output = 2
    case errors = 3

    /// As logs name it.
    var word: StaticString {
        switch self {
        case .output: "stdout"
        case .errors: "stderr"
        }
    }
}

/// Somewhere that a container's output is kept.
///
/// What cannot be kept is counted and told by ``warning``; it never stops the container.
protocol LogSink: AnyObject {
    /// Keeps what was read at once from one of the outputs.
    func write(_ bytes: ArraySlice<UInt8>, from stream: OutputStream)

    /// Begins the file anew, as someone has moved it away.
    func reopen()

    /// Ends it: everything is where it can be read.
    func close()

    /// Whether it cannot take more now. It calls back when it can.
    var isCongested: Bool { get }
}

/// The time of a log's lines: made anew only when it is another second.
struct LogClock {
    private var second: Int64 = -1
    private var local: (time: String, offset: String) = ("", "")

    /// Now, as the local clocks show it: `2026-01-02T03:04:05.123456789+00:00`.
    mutating func localTime() -> [UInt8] {
        let now = Clock.now
        if now.seconds != second {
            second = now.seconds
            local = Clock.localTime(at: now.seconds)
        }
        var text = Array(local.time.utf8)
        text.append(UInt8(ascii: "."))
        var digits = InlineArray<9, UInt8>(repeating: 0)
        var rest = now.nanoseconds
        for index in (0..<9).reversed() {
            digits[index] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        }
        for index in 0..<9 { text.append(digits[index]) }
        text += Array(local.offset.utf8)
        return text
    }
}
