// SPDX-License-Identifier: Apache-2.0

internal import Linux

/// Passes a container's messages to systemd (sd_notify(3)) on to where ours would go: those about
/// its state. Which process is the main one, and what descriptors are to be kept, is not for a
/// container to say.
final class NotifyProxy {
    private static let whole = [
        "READY=1", "RELOADING=1", "STOPPING=1", "WATCHDOG=1", "WATCHDOG=trigger",
    ]
    private static let prefixes = ["STATUS=", "ERRNO=", "BUSERROR=", "MONOTONIC_USEC="]

    private let target: OpenFile
    private var watch: Watch?

    /// Listens at `notify/notify.sock`.
    ///
    /// - Parameters:
    ///   - directory: the bundle.
    ///   - path: the socket of whoever is told.
    ///   - loop: where messages are passed on.
    /// - Throws: when either cannot be had.
    init(in directory: borrowing FileDescriptor, to path: String, of loop: EventLoop)
        throws(SystemCallError)
    {
        do throws(SystemCallError) {
            try File.makeDirectory("notify", at: directory.number, permissions: 0o755)
        } catch where error.errno == .exists {
            // Of the same container's last run.
        }
        let place = try File.open("notify", at: directory.number, .realDirectory)
        try? File.remove("notify.sock", at: place.number)
        let socket = try Socket.listen(.datagram, at: "notify.sock", in: place.number)
        // The container's user may be any.
        try File.changePermissions("notify.sock", at: place.number, to: 0o777)
        try Readiness.makeNonBlocking(socket)
        target = OpenFile(
            try path.hasPrefix("@")
                ? Socket.connect(.datagram, toAbstract: String(path.dropFirst()))
                : Socket.connect(.datagram, to: path, at: Directory.current))
        watch = try Watch(socket, of: loop, for: .readable) { [weak self] _ in self?.pass() }
    }

    private func pass() {
        guard let number = watch?.number else { return }
        // A message with descriptors, or one that is too long, is none for us.
        while let message = try? Socket.receive(from: number, limit: 8192),
            !message.bytes.isEmpty
        {
            let allowed = Self.allowed(message.bytes)
            // systemd may be slow or gone: then it is not told.
            if !allowed.isEmpty { _ = try? Socket.sendAtOnce(allowed[...], to: target.number) }
        }
    }

    /// The lines of a message that may pass.
    static func allowed(_ message: [UInt8]) -> [UInt8] {
        var lines: [UInt8] = []
        for bytes in message.split(separator: UInt8(ascii: "\n")) {
            let line = String(decoding: bytes, as: UTF8.self)
            if whole.contains(line) || prefixes.contains(where: { line.hasPrefix($0) }) {
                lines += bytes + [UInt8(ascii: "\n")]
            }
        }
        return lines
    }
}
