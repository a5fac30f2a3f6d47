// SPDX-License-Identifier: Apache-2.0

internal import CLinux

/// Looking through many bytes.
package enum Bytes {
    /// Where a byte is for the first time; nil when it is not there. The library call is
    /// `memchr(3)`, which looks at many at a time.
    package static func firstIndex(of byte: UInt8, in bytes: ArraySlice<UInt8>) -> Int? {
        unsafe bytes.withUnsafeBytes { buffer in
            guard let start = buffer.baseAddress,
                let found = unsafe memchr(start, CInt(byte), buffer.count)
            else { return nil }
            return unsafe bytes.startIndex + (UnsafeRawPointer(found) - start)
        }
    }
}
