// SPDX-License-Identifier: Apache-2.0

internal import Linux

/// Packets on their way to a socket whose reader may be slow: those that find no room wait here, up
/// to a limit that whoever sends respects.
final class PacketQueue {
    /// From this many bytes on it asks for a pause. More may come still.
    static let limit = 256 << 10

    private let number: CInt
    private var waiting: [[UInt8]] = []
    private var first = 0
    /// Bytes that wait.
    private(set) var count = 0

    /// - Parameter number: a connected socket of packets, owned by whoever owns this.
    init(to number: CInt) { self.number = number }

    var isEmpty: Bool { count == 0 }

    /// Sends a packet, or lets it wait behind the others.
    ///
    /// - Throws: when nobody reads any more.
    func send(_ packet: [UInt8]) throws(SystemCallError) {
        if isEmpty, try Socket.sendAtOnce(packet[...], to: number) { return }
        waiting.append(packet)
        count += packet.count
    }

    /// Sends what there is room for now.
    ///
    /// - Returns: whether anything was sent.
    /// - Throws: when nobody reads any more.
    func flush() throws(SystemCallError) -> Bool {
        var hasSent = false
        while first < waiting.count {
            if try !Socket.sendAtOnce(waiting[first][...], to: number) { return hasSent }
            hasSent = true
            count -= waiting[first].count
            waiting[first] = []
            first += 1
        }
        waiting = []
        first = 0
        return hasSent
    }
}
