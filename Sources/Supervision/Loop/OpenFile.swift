// SPDX-License-Identifier: Apache-2.0

package import Linux

/// A descriptor that several parts share: closed when the last of them is gone.
package final class OpenFile {
    /// The file.
    package let descriptor: FileDescriptor

    /// Takes over a descriptor.
    package init(_ descriptor: consuming FileDescriptor) { self.descriptor = descriptor }

    /// The kernel's number of the file.
    package var number: CInt { descriptor.number }
}
