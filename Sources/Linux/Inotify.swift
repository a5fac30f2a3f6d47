// SPDX-License-Identifier: Apache-2.0

internal import CLinux

/// Changes of files, as the kernel tells them (inotify(7)).
package enum Inotify {
    /// The system call is `inotify_init1(2)`. It does not wait.
    package static func make() throws(SystemCallError) -> FileDescriptor {
        FileDescriptor(
            owning: try check("inotify_init1") {
                inotify_init1(CInt(IN_CLOEXEC | IN_NONBLOCK))
            })
    }

    /// Tells of every write to a file from now on. The system call is `inotify_add_watch(2)`,
    /// IN_MODIFY.
    package static func watchWrites(_ path: String, by inotify: borrowing FileDescriptor)
        throws(SystemCallError)
    {
        let number = inotify.number
        _ = try check("inotify_add_watch", path) {
            unsafe inotify_add_watch(number, path, UInt32(IN_MODIFY))
        }
    }

    /// Reads what has been told, and forgets it.
    package static func drain(_ inotify: borrowing FileDescriptor) {
        var buffer = [UInt8](repeating: 0, count: 4096)
        // EAGAIN is the end.
        while let count = try? File.read(inotify.number, into: &buffer), count > 0 {}
    }
}
