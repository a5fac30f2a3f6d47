// SPDX-License-Identifier: Apache-2.0

package import Linux

/// A named pipe that others write short lines into.
package final class ControlFifo {
    /// The longest line, which is far more than any order has.
    private static let lineLimit = 256

    private var watch: Watch?
    private var line: [UInt8] = []
    private let handler: (String) -> Void

    /// Makes it and reads it.
    ///
    /// - Parameters:
    ///   - name: its file; what is there is replaced.
    ///   - directory: where it is.
    ///   - loop: where it is read.
    ///   - handler: called with each line, without its line feed.
    /// - Throws: when it cannot be made.
    package init(
        at name: String, in directory: borrowing FileDescriptor, of loop: EventLoop,
        handler: @escaping (String) -> Void
    ) throws(SystemCallError) {
        self.handler = handler
        try? File.remove(name, at: directory.number)
        try File.makeNode(name, at: directory.number, type: .fifo, permissions: 0o660)
        // Also to write: so that its end never comes when a writer goes.
        let fifo = try File.open(
            name, at: directory.number, [.readWrite, .nonBlocking, .noFollow])
        watch = try Watch(fifo, of: loop, for: .readable) { [weak self] _ in self?.read() }
    }

    private func read() {
        guard let number = watch?.number else { return }
        var buffer = [UInt8](repeating: 0, count: 1024)
        while let count = try? File.read(number, into: &buffer), count > 0 {
            for byte in buffer[..<count] {
                if byte != UInt8(ascii: "\n") {
                    // What is too long is no order; it is dropped up to its end.
                    if line.count <= Self.lineLimit { line.append(byte) }
                    continue
                }
                if line.count <= Self.lineLimit { handler(String(decoding: line, as: UTF8.self)) }
                line = []
            }
        }
    }

    /// A size as `HEIGHT WIDTH`; nil for anything else, and for more than 1000 of either, as conmon
    /// has it.
    package static func windowSize(_ words: ArraySlice<Substring>) -> WindowSize? {
        guard words.count == 2, let first = words.first, let last = words.last,
            let rows = UInt16(first), let columns = UInt16(last), rows <= 1000, columns <= 1000
        else { return nil }
        return WindowSize(rows: rows, columns: columns)
    }
}
