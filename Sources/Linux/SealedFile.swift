// SPDX-License-Identifier: Apache-2.0

internal import CLinux

/// A file in memory that can never be changed again (memfd_create(2), file sealing in fcntl(2)).
package enum SealedFile {
    private static var seals: Int { Int(F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) }

    /// Copies a file into memory and seals it.
    package static func copy(of path: String, name: String) throws(SystemCallError)
        -> FileDescriptor
    {
        let source = try File.open(path, .readOnly)
        let size = Int(try File.status(of: source).size)
        let memory = try make(name)
        let number = memory.number
        var left = size
        while left > 0 {
            let copied = try check("sendfile", path) {
                sendfile(number, source.number, nil, left)
            }
            if copied == 0 { throw SystemCallError("sendfile", path, .inputOutput) }
            left -= copied
        }
        try File.changePermissions(of: memory, to: 0o555)
        _ = try check("seal", name) { clinux_fcntl(number, F_ADD_SEALS, seals) }
        // Run through a descriptor that cannot write: execve(2) refuses a file open for writing.
        return try File.open(memory.procPath, .readOnly)
    }

    /// Data to be read and nothing else, from its beginning on.
    package static func holding(_ bytes: [UInt8], name: String) throws(SystemCallError)
        -> FileDescriptor
    {
        let memory = try makeData(name)
        try File.write(bytes, to: memory.number)
        try File.rewind(memory)
        let number = memory.number
        _ = try check("seal", name) { clinux_fcntl(number, F_ADD_SEALS, seals) }
        return memory
    }

    /// Whether the file at a path is such a copy.
    package static func isSealed(_ path: String) throws(SystemCallError) -> Bool {
        let file: FileDescriptor
        do throws(SystemCallError) {
            file = try File.open(path, .readOnly)
        } catch where error.errno == .accessDenied {
            return false  // A file that may be run and not read.
        }
        let present = clinux_fcntl(file.number, F_GET_SEALS, 0)
        return present != -1 && Int(present) & seals == seals
    }

    /// Where `vm.memfd_noexec` is 2 only files that say so are made; kernels before 6.3 do not know
    /// the word.
    private static func makeData(_ name: String) throws(SystemCallError) -> FileDescriptor {
        let flags = MFD_CLOEXEC | MFD_ALLOW_SEALING
        do throws(SystemCallError) {
            return FileDescriptor(
                owning: try check("memfd_create", name) {
                    unsafe clinux_memfd_create(name, flags | MFD_NOEXEC_SEAL)
                })
        } catch where error.errno == .invalid {
            return FileDescriptor(
                owning: try check("memfd_create", name) {
                    unsafe clinux_memfd_create(name, flags)
                })
        }
    }

    /// Kernels before 6.3 do not know MFD_EXEC, and make every such file executable.
    private static func make(_ name: String) throws(SystemCallError) -> FileDescriptor {
        let flags = MFD_CLOEXEC | MFD_ALLOW_SEALING
        do throws(SystemCallError) {
            return FileDescriptor(
                owning: try check("memfd_create", name) {
                    unsafe clinux_memfd_create(name, flags | MFD_EXEC)
                })
        } catch where error.errno == .invalid {
            return FileDescriptor(
                owning: try check("memfd_create", name) {
                    unsafe clinux_memfd_create(name, flags)
                })
        }
    }
}
