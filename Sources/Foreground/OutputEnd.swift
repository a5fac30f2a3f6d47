// SPDX-License-Identifier: Apache-2.0

internal import Linux

/// Where output goes, and what of it has not been taken yet. No write waits: a reader that is slow
/// must not keep signals, or the news of an exit, from us.
struct OutputEnd: ~Copyable {
    /// -1 once nobody reads any more.
    private(set) var number: CInt
    private let isSocket: Bool
    /// Ours alone, and therefore free to be non-blocking; the caller shares `number` with others.
    private let reopened: FileDescriptor?
    private var pending: ArraySlice<UInt8> = []

    /// A descriptor of the caller's, which stays the caller's and as it is.
    init(sharing shared: CInt) {
        let type = try? File.status(ofNumber: shared).type
        isSocket = type == .socket
        // Pipes and terminals can be opened once more. Where that is refused (a terminal of
        // another user), poll(2) still says when there is room, and a write then waits only if
        // there is less than it needs.
        if type == .fifo || type == .characterDevice,
            let again = try? File.open(
                "/proc/self/fd/\(shared)", [.writeOnly, .nonBlocking, .noControllingTerminal])
        {
            number = again.number
            reopened = consume again
        } else {
            number = shared
            reopened = nil
        }
    }

    /// A descriptor that is non-blocking already.
    init(nonBlocking number: CInt) {
        self.number = number
        isSocket = false
        reopened = nil
    }

    var hasPending: Bool { !pending.isEmpty }

    var interest: Readiness.Interest {
        Readiness.Interest(number: number, toWrite: hasPending)
    }

    /// Adds bytes behind what is pending.
    mutating func append(_ bytes: ArraySlice<UInt8>) {
        if number == -1 { return }
        if pending.isEmpty { pending = bytes } else { pending += bytes }
    }

    /// Writes as much as is taken now. When nobody reads any more, what is pending and all that
    /// comes later is dropped, so that the program behind is not held up.
    mutating func flush() {
        while hasPending {
            do throws(SystemCallError) {
                // A page at most: what a pipe with any room takes at once.
                let count = try Readiness.writeSome(
                    pending.prefix(4096), to: number, isSocket: isSocket)
                if count == 0 { return }
                pending = pending.dropFirst(count)
                if count < 4096 { return }
            } catch {
                number = -1
                pending = []
            }
        }
    }
}
