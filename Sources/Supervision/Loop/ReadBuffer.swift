// SPDX-License-Identifier: Apache-2.0

internal import Linux

/// Memory that all reads of one loop share: what is read is handed on before the next read. It is
/// given back when the loop rests.
final class ReadBuffer {
    /// As much as is worth a write of its own, and stays in a processor's cache.
    private static let size = 256 << 10

    private var bytes: [UInt8] = []

    /// Reads once, and hands on what came.
    ///
    /// - Returns: how much it was; 0 at the end of the file.
    func read(_ number: CInt, _ body: (ArraySlice<UInt8>) -> Void) throws(SystemCallError) -> Int {
        if bytes.isEmpty { bytes = [UInt8](repeating: 0, count: Self.size) }
        let count = try File.read(number, into: &bytes)
        if count > 0 { body(bytes[..<count]) }
        return count
    }

    /// Gives the memory back.
    func release() { bytes = [] }
}
