// SPDX-License-Identifier: Apache-2.0

internal import CLinux

/// Memory that this process has allocated.
package enum Heap {
    /// Gives the kernel back what has been freed, between what is in use as well. The library call
    /// is `malloc_trim(3)`.
    package static func trim() { _ = malloc_trim(0) }
}
