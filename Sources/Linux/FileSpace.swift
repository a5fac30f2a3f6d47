// SPDX-License-Identifier: Apache-2.0

internal import CLinux

/// Room that open files take, and what is done with it.
extension File {
    /// Cuts an open file, or makes it longer with zeros. The system call is `ftruncate(2)`.
    package static func truncate(_ number: CInt, to size: Int64) throws(SystemCallError) {
        _ = try check("ftruncate") { ftruncate(number, off_t(size)) }
    }

    /// Has the file system keep this much room for a file, without making it longer: later writes
    /// within it do not fail for want of room. The system call is `fallocate(2)`,
    /// FALLOC_FL_KEEP_SIZE.
    package static func reserve(_ size: Int64, of descriptor: borrowing FileDescriptor)
        throws(SystemCallError)
    {
        let number = descriptor.number
        // FALLOC_FL_KEEP_SIZE.
        _ = try check("fallocate") { fallocate(number, 1, 0, off_t(size)) }
    }

    /// Waits until what was written is on the disk. The system call is `fdatasync(2)`.
    package static func synchronize(_ descriptor: borrowing FileDescriptor)
        throws(SystemCallError)
    {
        let number = descriptor.number
        _ = try check("fdatasync") { fdatasync(number) }
    }

    /// Makes the next read or write of an open file begin there; -1 for its end. The system call is
    /// `lseek(2)`.
    @discardableResult
    package static func seek(_ descriptor: borrowing FileDescriptor, to offset: Int64)
        throws(SystemCallError) -> Int64
    {
        let number = descriptor.number
        return Int64(
            try check("lseek") {
                offset < 0 ? lseek(number, 0, SEEK_END) : lseek(number, off_t(offset), SEEK_SET)
            })
    }

    /// Reads at an offset, and leaves the open file's own position. The system call is `pread(2)`;
    /// 0 means end of file.
    package static func read(
        _ descriptor: borrowing FileDescriptor, at offset: Int64, into buffer: inout [UInt8]
    ) throws(SystemCallError) -> Int {
        let number = descriptor.number
        return try check("pread") {
            unsafe buffer.withUnsafeMutableBytes { bytes in
                unsafe pread(number, bytes.baseAddress, bytes.count, off_t(offset))
            }
        }
    }

    /// How much a pipe holds that nobody reads. The request is F_GETPIPE_SZ of `fcntl(2)`.
    package static func pipeSize(of descriptor: borrowing FileDescriptor) -> Int {
        max(65536, Int(clinux_fcntl(descriptor.number, F_GETPIPE_SZ, 0)))
    }

    /// Lets a pipe hold more, if we may. The request is F_SETPIPE_SZ of `fcntl(2)`.
    package static func setPipeSize(_ size: Int, of descriptor: borrowing FileDescriptor) {
        // It is faster with more, and right with less.
        _ = clinux_fcntl(descriptor.number, F_SETPIPE_SZ, size)
    }
}

extension Descriptors {
    /// Lets no descriptor from `first` on live on in a program that execve(2) starts. The system
    /// call is `close_range(2)`, CLOSE_RANGE_CLOEXEC, Linux 5.11.
    package static func closeOnExec(from first: CInt) throws(SystemCallError) {
        // CLOSE_RANGE_CLOEXEC.
        _ = try check("close_range") { clinux_close_range(CUnsignedInt(first), .max, 4) }
    }
}

/// Memory of this process.
package enum Memory {
    /// Gives back to the kernel what the C library keeps of memory that was freed. The library call
    /// is `malloc_trim(3)`.
    package static func trim() { _ = malloc_trim(0) }
}
