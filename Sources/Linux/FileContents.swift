// SPDX-License-Identifier: Apache-2.0

internal import CLinux

/// What is in files and directories.
extension File {
    /// One read. The system call is `read(2)`; 0 means end of file.
    package static func read(
        _ number: CInt, into buffer: inout [UInt8]
    ) throws(SystemCallError) -> Int {
        try check("read") {
            unsafe buffer.withUnsafeMutableBytes { bytes in
                unsafe CLinux.read(number, bytes.baseAddress, bytes.count)
            }
        }
    }

    /// Makes the next read or write of this open file begin at its start. The system call is
    /// `lseek(2)`.
    package static func rewind(_ descriptor: borrowing FileDescriptor) throws(SystemCallError) {
        let number = descriptor.number
        _ = try check("lseek") { lseek(number, 0, SEEK_SET) }
    }

    /// Everything up to the end of the file, or an error (EFBIG) when that is over `limit` bytes.
    package static func readAll(
        _ descriptor: borrowing FileDescriptor, limit: Int, subject: String = ""
    ) throws(SystemCallError) -> [UInt8] {
        var contents: [UInt8] = []
        var buffer = try buffer(for: status(of: descriptor))
        while true {
            let count = try read(descriptor.number, into: &buffer)
            if count == 0 { return contents }
            if contents.count + count > limit {
                throw SystemCallError("read", subject, Errno(rawValue: EFBIG))
            }
            contents.append(contentsOf: buffer[..<count])
        }
    }

    /// The beginning of a file, `limit` bytes and up to one buffer more.
    package static func readStart(_ descriptor: borrowing FileDescriptor, limit: Int)
        throws(SystemCallError) -> [UInt8]
    {
        var contents: [UInt8] = []
        var buffer = try buffer(for: status(of: descriptor))
        while contents.count < limit {
            let count = try read(descriptor.number, into: &buffer)
            if count == 0 { break }
            contents.append(contentsOf: buffer[..<count])
        }
        return contents
    }

    /// Room for a small file in one read; files can be as large as numbers go.
    private static func buffer(for status: FileStatus) -> [UInt8] {
        [UInt8](repeating: 0, count: max(512, Int(clamping: min(status.size, 65535)) + 1))
    }

    /// Everything in a small file of the kernel's or of our own.
    package static func readAll(
        _ path: String, at directory: CInt = Directory.current, limit: Int = 1 << 20
    ) throws(SystemCallError) -> [UInt8] {
        try readAll(open(path, at: directory, .readOnly), limit: limit, subject: path)
    }

    /// The same as text; bytes that are no UTF-8 are replaced.
    package static func readText(
        _ path: String, at directory: CInt = Directory.current, limit: Int = 1 << 20
    ) throws(SystemCallError) -> String {
        String(decoding: try readAll(path, at: directory, limit: limit), as: UTF8.self)
    }

    /// Writes all bytes, in as many calls as it takes. The system call is `write(2)`.
    package static func write(_ bytes: [UInt8], to number: CInt) throws(SystemCallError) {
        try write(bytes[...], to: number)
    }

    /// The same of a part.
    package static func write(_ bytes: ArraySlice<UInt8>, to number: CInt) throws(SystemCallError) {
        var written = 0
        while written < bytes.count {
            let count = try check("write") {
                unsafe bytes.withUnsafeBytes { buffer in
                    unsafe CLinux.write(
                        number, buffer.baseAddress?.advanced(by: written), buffer.count - written)
                }
            }
            if count == 0 { throw SystemCallError("write", "", .inputOutput) }
            written += count
        }
    }

    /// Writes a value to an existing file of the kernel's in a single call, as such files need.
    package static func write(
        _ text: String, toExisting path: String, at directory: CInt = Directory.current
    ) throws(SystemCallError) {
        let file = try open(path, at: directory, [.writeOnly, .noFollow])
        try writeOnce(text, to: file, subject: path)
    }

    /// The same to a file that is already open.
    package static func writeOnce(
        _ text: String, to descriptor: borrowing FileDescriptor, subject: String
    ) throws(SystemCallError) {
        let number = descriptor.number
        var text = text
        let count = text.utf8.count
        let written = try check("write", subject) {
            text.withUTF8 { unsafe CLinux.write(number, $0.baseAddress, $0.count) }
        }
        if written != count { throw SystemCallError("write", subject, .inputOutput) }
    }

    /// Puts a whole file in place of what was there, or leaves that as it was: a reader sees the
    /// old bytes or the new ones. Links at `name` are replaced, never followed.
    package static func replace(
        _ name: String, at directory: CInt, with bytes: [UInt8], permissions: UInt32
    ) throws(SystemCallError) {
        try prepare(name, at: directory, with: bytes, permissions: permissions)
        try putInPlace(name, at: directory)
    }

    /// The first half of ``replace(_:at:with:permissions:)``, all but what a reader sees.
    package static func prepare(
        _ name: String, at directory: CInt, with bytes: [UInt8], permissions: UInt32
    ) throws(SystemCallError) {
        let temporary = temporaryName(of: name)
        do throws(SystemCallError) {
            do throws(SystemCallError) {
                try make(temporary, at: directory, with: bytes, permissions: permissions)
            } catch where error.errno == .exists {
                // Of a process with our pid that was killed.
                try remove(temporary, at: directory)
                try make(temporary, at: directory, with: bytes, permissions: permissions)
            }
        } catch {
            try? remove(temporary, at: directory)
            throw SystemCallError(error.call, name, error.errno)
        }
    }

    /// The second half: what this process has prepared takes the place of what was there.
    package static func putInPlace(_ name: String, at directory: CInt) throws(SystemCallError) {
        let temporary = temporaryName(of: name)
        do throws(SystemCallError) {
            try rename(temporary, to: name, at: directory)
        } catch {
            try? remove(temporary, at: directory)
            throw SystemCallError(error.call, name, error.errno)
        }
    }

    private static func temporaryName(of name: String) -> String {
        let slash = name.lastIndex(of: "/").map { name.index(after: $0) } ?? name.startIndex
        return "\(name[..<slash]).\(name[slash...]).\(getpid())"
    }

    /// Makes a new file (EEXIST when there is one) that nobody reads before it is whole.
    package static func make(
        _ name: String, at directory: CInt, with bytes: [UInt8], permissions: UInt32
    ) throws(SystemCallError) {
        let file = try open(name, at: directory, .newFile, permissions: permissions)
        try write(bytes, to: file.number)
        try file.close()
    }

    /// The names in a directory, without "." and "..", in the kernel's order. The library call is
    /// `readdir(3)`.
    package static func names(in directory: borrowing FileDescriptor) throws(SystemCallError)
        -> [String]
    {
        let copy = try open(".", at: directory.number, .realDirectory)
        let number = copy.release()
        guard let stream = unsafe fdopendir(number) else {
            let errno = Errno.current
            FileDescriptor.closeOwned(number)
            throw SystemCallError("fdopendir", "", errno)
        }
        defer { unsafe closedir(stream) }
        var names: [String] = []
        while true {
            clinux_clear_errno()
            guard let entry = unsafe readdir(stream) else {
                let errno = Errno.current
                if errno.rawValue == 0 { return names }
                throw SystemCallError("readdir", "", errno)
            }
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                unsafe pointer.withMemoryRebound(to: CChar.self, capacity: 256) {
                    unsafe String(cString: $0)
                }
            }
            if name != "." && name != ".." { names.append(name) }
        }
    }
}
