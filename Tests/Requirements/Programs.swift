// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Copies a program to where it will be executed.
package func copyProgram(_ source: String, to path: String) throws {
    try FileManager.default.copyItem(atPath: source, toPath: path)
    try awaitWriters(of: path)
}

/// Waits until nobody has a file open to write to, before which it cannot be executed: what another
/// thread forks while the file is written holds it, too, until its own exec (ETXTBSY, execve(2)).
package func awaitWriters(of path: String) throws {
    let number = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard number >= 0 else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
    defer { close(number) }
    // A lease for reading is given only then (fcntl(2)).
    for _ in 0..<1000 {
        if fcntl(number, F_SETLEASE, F_RDLCK) == 0 {
            _ = fcntl(number, F_SETLEASE, F_UNLCK)
            return
        }
        guard errno == EAGAIN else { break }
        usleep(10_000)
    }
    throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO)
}
