// SPDX-License-Identifier: Apache-2.0

internal import CLinux

/// Files without a name, in memory (memfd_create(2)).
package enum MemoryFile {
    /// Makes one for data: it cannot be executed. Kernels before 6.3 do not know MFD_NOEXEC_SEAL,
    /// which later ones may insist on.
    package static func make(_ name: String) throws(SystemCallError) -> FileDescriptor {
        do throws(SystemCallError) {
            return FileDescriptor(
                owning: try check("memfd_create", name) {
                    unsafe clinux_memfd_create(name, MFD_CLOEXEC | MFD_NOEXEC_SEAL)
                })
        } catch where error.errno == .invalid {
            return FileDescriptor(
                owning: try check("memfd_create", name) {
                    unsafe clinux_memfd_create(name, MFD_CLOEXEC)
                })
        }
    }
}
