// SPDX-License-Identifier: Apache-2.0

internal import CLinux

/// Named values beside a file's contents (xattr(7)).
extension File {
    /// Sets a value. The system call is `fsetxattr(2)`.
    package static func setAttribute(
        _ name: String, of file: borrowing FileDescriptor, to value: String
    ) throws(SystemCallError) {
        let number = file.number
        var value = value
        _ = try check("fsetxattr", name) {
            value.withUTF8 { unsafe fsetxattr(number, name, $0.baseAddress, $0.count, 0) }
        }
    }

    /// Whether there is such a value. The system call is `fgetxattr(2)`.
    package static func hasAttribute(_ name: String, of file: borrowing FileDescriptor)
        throws(SystemCallError) -> Bool
    {
        let number = file.number
        do throws(SystemCallError) {
            _ = try check("fgetxattr", name) { unsafe fgetxattr(number, name, nil, 0) }
            return true
        } catch where error.errno.rawValue == ENODATA || error.errno == .unsupported {
            return false
        }
    }
}
