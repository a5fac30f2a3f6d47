// SPDX-License-Identifier: Apache-2.0

import Foundation
import Linux

/// Gives a new directory to `body`, and removes it with all in it.
func withTemporaryDirectory(_ body: (String) async throws -> Void) async throws {
    let path = NSTemporaryDirectory() + "martlet-linux-\(UUID().uuidString)"
    try FileManager.default.createDirectory(
        atPath: path, withIntermediateDirectories: false,
        attributes: [.posixPermissions: 0o755])
    defer { try? FileManager.default.removeItem(atPath: path) }
    try await body(path)
}

/// The text of a file; empty when there is none.
func contents(_ path: String) -> String { (try? File.readText(path)) ?? "" }

/// Writes a file as a shell's `>` would.
func writeFile(_ path: String, _ text: String) throws {
    try text.write(toFile: path, atomically: false, encoding: .utf8)
}

/// What a directory holds, sorted.
func names(in path: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: path).sorted()
}

/// The numbers of this process's open descriptors, but for those of Dispatch, whose threads open
/// them when they like.
func openDescriptors() throws -> Set<CInt> {
    let directory = try File.open("/proc/self/fd", .realDirectory)
    let listed = Set(try File.names(in: directory).compactMap { CInt($0) })
    return listed.subtracting([directory.number]).filter {
        guard let link = try? File.readSymbolicLink("/proc/self/fd/\($0)") else { return false }
        let isDispatchs = ["[eventpoll]", "[eventfd]", "[timerfd]"].contains { link.hasSuffix($0) }
        return !isDispatchs && !link.hasPrefix("/proc")
    }
}

/// Whether a descriptor is open on this file. That its number is free cannot be told: other threads
/// take numbers when they like.
func stands(_ number: CInt, for path: String) -> Bool {
    (try? File.readSymbolicLink("/proc/self/fd/\(number)")) == path
}

/// Descriptors that are there to stay and were not before: what another thread has open for a
/// moment does not count.
func leaked(since before: Set<CInt>) throws -> Set<CInt> {
    var left = try openDescriptors().subtracting(before)
    for _ in 0..<20 where !left.isEmpty {
        Clock.sleep(milliseconds: 10)
        left.formIntersection(try openDescriptors())
    }
    return left
}

/// A new process, which does something and ends with what that answers.
struct Child: ~Copyable {
    let pid: Int32
    let pidfd: FileDescriptor

    init(_ body: () -> Int32) throws {
        switch try Process.clone([]) {
        case .child:
            Process.exitNow(body())
        case .parent(let pid, let pidfd):
            self.pid = pid
            self.pidfd = pidfd
        }
    }
}

/// Whether execve(2) closes a descriptor.
func isCloseOnExec(_ number: CInt) -> Bool {
    let flags = fcntl(number, F_GETFD)
    return flags != -1 && flags & FD_CLOEXEC != 0
}

/// The error of a call that should fail with one; nil when it does not.
func failure<R: ~Copyable>(_ body: () throws(SystemCallError) -> R) -> SystemCallError? {
    do throws(SystemCallError) {
        _ = try body()
        return nil
    } catch {
        return error
    }
}
