// SPDX-License-Identifier: Apache-2.0

internal import CLinux

/// A page of memory in which a process leaves why it could not become a program, for another
/// process to read: under a filter it may not be allowed to send anything. Its descriptor goes to
/// the reader beforehand.
@safe package struct ReportPage: ~Copyable {
    /// What failed.
    package enum Step: Int32, Sendable {
        case filter = 1
        case listener = 2
        case capabilities = 3
        case program = 4
    }

    /// A failure, as the reader finds it.
    package struct Failure: Equatable, Sendable {
        package var step: Step
        /// nil when the process did not come back from the step: its filter killed it.
        package var errno: Errno?
        /// In words; empty when the process did not live to find them.
        package var text: String

        /// nil for what is no failure: not begun, or the program was begun and no error came.
        init?(step: Int32, error: Int32, text: String) {
            guard let step = Step(rawValue: step), error != 0 || step != .program else {
                return nil
            }
            self.step = step
            errno = error == 0 ? nil : Errno(rawValue: error)
            self.text = text
        }
    }

    private static let size = 4096
    private static var textOffset: Int { MemoryLayout<clinux_filtered_outcome>.size + 4 }

    package let descriptor: FileDescriptor
    private let start: UnsafeMutableRawPointer

    /// Makes one, whose descriptor's number is over `last`. The system calls are `memfd_create(2)`
    /// and `mmap(2)`.
    package init(above last: CInt) throws(SystemCallError) {
        var memory = try MemoryFile.make("report")
        if memory.number <= last {
            memory = try Descriptors.duplicate(memory.number, from: last + 1)
        }
        let number = memory.number
        _ = try check("ftruncate") { ftruncate(number, off_t(Self.size)) }
        unsafe start = unsafe try Self.map(number)
        descriptor = memory
        // So that the page is there when the time comes.
        unsafe start.storeBytes(of: 0, as: Int32.self)
    }

    private static func map(_ number: CInt) throws(SystemCallError) -> UnsafeMutableRawPointer {
        guard let start = unsafe clinux_map_shared(number, size) else {
            throw SystemCallError("mmap", "", .current)
        }
        return unsafe start
    }

    deinit { unsafe munmap(start, Self.size) }

    var outcome: UnsafeMutablePointer<clinux_filtered_outcome> {
        unsafe start.assumingMemoryBound(to: clinux_filtered_outcome.self)
    }

    /// What failed last, as the process itself sees it.
    package var failure: Failure? {
        let outcome = unsafe outcome.pointee
        return Failure(step: outcome.step, error: outcome.error, text: "")
    }

    /// Takes the error away before another attempt at the last step, or puts the new one there.
    package func setErrno(_ errno: Errno?) {
        unsafe outcome.pointee.error = errno?.rawValue ?? 0
    }

    /// Adds words to a failure; what is too long is cut.
    package func write(_ text: String) {
        let bytes = Array(text.utf8.prefix(Self.size - Self.textOffset))
        unsafe (start + Self.textOffset).copyMemory(from: bytes, byteCount: bytes.count)
        // The length last: a reader that comes before it finds no text.
        unsafe start.storeBytes(
            of: UInt32(bytes.count), toByteOffset: Self.textOffset - 4, as: UInt32.self)
    }

    /// What a process that has ended left in its page; nil when there was no failure.
    package static func failure(in descriptor: borrowing FileDescriptor) throws(SystemCallError)
        -> Failure?
    {
        var bytes = [UInt8](repeating: 0, count: size)
        let number = descriptor.number
        let count = try check("pread") {
            unsafe bytes.withUnsafeMutableBytes { unsafe pread(number, $0.baseAddress, size, 0) }
        }
        guard count == size else { throw SystemCallError("pread", "", .inputOutput) }
        func word(_ offset: Int) -> UInt32 {
            var value: UInt32 = 0
            unsafe withUnsafeMutableBytes(of: &value) {
                unsafe $0.copyBytes(from: bytes[offset..<(offset + 4)])
            }
            return value
        }
        let length = min(Int(word(textOffset - 4)), size - textOffset)
        return Failure(
            step: Int32(bitPattern: word(0)), error: Int32(bitPattern: word(4)),
            text: String(decoding: bytes[textOffset..<(textOffset + length)], as: UTF8.self))
    }
}
