// SPDX-License-Identifier: Apache-2.0

internal import Linux

/// What the shim tells whoever runs containerd: lines in the fifo `log` of the bundle, which
/// containerd copies to its own standard error.
///
/// Nobody is waited for: a line that does not fit, because nobody reads, is lost.
package final class ShimLog {
    package enum Level: String, Sendable {
        case debug, info, warning, error
    }

    private let file: OpenFile?
    private let tellsDebug: Bool
    private let id: String

    /// - Parameters:
    ///   - path: a fifo; when it cannot be opened nothing is told.
    ///   - id: of whom all of it is.
    ///   - debug: whether lines of the level debug are told.
    package init(fifo path: String, id: String, debug: Bool) {
        self.id = id
        tellsDebug = debug
        // Open for reading too, it never has no reader, and neither blocks nor fails (fifo(7)).
        guard let opened = try? File.open(path, [.readWrite, .nonBlocking]) else {
            file = nil
            return
        }
        file = (try? File.status(of: opened).type) == .fifo ? OpenFile(opened) : nil
    }

    /// For messages of commands that end soon: they go to a descriptor as they are.
    package init(standardError number: CInt, id: String) {
        self.id = id
        tellsDebug = false
        if let descriptor = try? Descriptors.duplicate(number) {
            file = OpenFile(descriptor)
        } else {
            file = nil
        }
    }

    /// Tells one thing.
    package func write(_ level: Level, _ message: @autoclosure () -> String) {
        guard let file, tellsDebug || level != .debug else { return }
        let line =
            "time=\"\(Clock.timestamp)\" level=\(level.rawValue) msg=\(Self.quoted(message()))"
            + " id=\(Self.quoted(id)) runtime=io.containerd.martlet.v1\n"
        // At most what a pipe takes in one piece.
        let bytes = Array(line.utf8.prefix(4096))
        _ = try? Readiness.writeSome(bytes[...], to: file.number, isSocket: false)
    }

    /// A text in quotation marks, with no control character in it.
    private static func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\": quoted += "\\\(scalar)"
            case "\n": quoted += "\\n"
            case "\t": quoted += "\\t"
            default:
                if scalar.value < 0x20 || scalar.value == 0x7f {
                    quoted += "?"
                } else {
                    quoted.unicodeScalars.append(scalar)
                }
            }
        }
        return quoted + "\""
    }
}
