// SPDX-License-Identifier: Apache-2.0

import Foundation
import Linux
import Requirements

@testable import Containers

/// Gives a new directory to `body`, and removes it with all in it.
func withTemporaryDirectory(_ body: (String) async throws -> Void) async throws {
    let path = NSTemporaryDirectory() + "martlet-containers-\(UUID().uuidString)"
    try FileManager.default.createDirectory(
        atPath: path, withIntermediateDirectories: false,
        attributes: [.posixPermissions: 0o755])
    defer { try? FileManager.default.removeItem(atPath: path) }
    try await body(path)
}

/// Makes a file, and the directories that it lies in.
func writeFile(_ path: String, _ text: String, permissions: Int = 0o644) throws {
    try writeFile(path, Array(text.utf8), permissions: permissions)
}

func writeFile(_ path: String, _ bytes: [UInt8], permissions: Int = 0o644) throws {
    let parent = (path as NSString).deletingLastPathComponent
    try FileManager.default.createDirectory(atPath: parent, withIntermediateDirectories: true)
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    try FileManager.default.setAttributes([.posixPermissions: permissions], ofItemAtPath: path)
    if permissions & 0o111 != 0 { try awaitWriters(of: path) }
}

func makeDirectory(_ path: String, permissions: Int = 0o755) throws {
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    try FileManager.default.setAttributes([.posixPermissions: permissions], ofItemAtPath: path)
}

func makeLink(_ path: String, to target: String) throws {
    try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: target)
}

/// Every path below a directory, sorted.
func tree(_ path: String) throws -> [String] {
    try FileManager.default.subpathsOfDirectory(atPath: path).sorted()
}

/// The error of something that should fail with one; nil when it does not.
func failure<R: ~Copyable>(_ body: () throws(ContainerError) -> R) -> ContainerError? {
    do throws(ContainerError) {
        _ = try body()
        return nil
    } catch {
        return error
    }
}

func callFailure<R: ~Copyable>(_ body: () throws(SystemCallError) -> R) -> SystemCallError? {
    do throws(SystemCallError) {
        _ = try body()
        return nil
    } catch {
        return error
    }
}
