// SPDX-License-Identifier: Apache-2.0

internal import Linux

/// Keeps the runtime's own file out of reach of containers (CVE-2019-5736).
///
/// Until its exec, the container's first process is a copy of this one, and `/proc/self/exe` in
/// the container is this program's file. So the commands that enter a container go on from a mount
/// of the file that is read-only and attached nowhere: what a container gets hold of there can not
/// be opened for writing, by any name it has.
package enum ProtectedBinary {
    /// Returns when this program is one that nobody can write to through it: it was already, or
    /// it has changed over to a protected file; else runs again from one, with the same arguments,
    /// environment and descriptors.
    package static func ensure() throws(ContainerError) {
        let own = try openOwnFile()
        if try isProtected(own) { return }
        let copy = try protectedCopy(of: own)
        if exchanges(to: copy) { return }
        // The descriptor is close-on-exec; the new program has no use for it.
        let errno = Process.executeAgain(from: copy)
        throw failure("run the protected copy: \(errno)")
    }

    /// Whether this process could go on with the copy behind it, which costs a tenth of a new
    /// start. Kernels built without CONFIG_CHECKPOINT_RESTORE cannot.
    private static func exchanges(to copy: borrowing FileDescriptor) -> Bool {
        do throws(SystemCallError) {
            let file = try File.open(copy.procPath, .readOnly)
            try ProgramImage.exchange(for: file)
            return true
        } catch {
            return false
        }
    }

    private static func openOwnFile() throws(ContainerError) -> FileDescriptor {
        do throws(SystemCallError) {
            return try File.open("/proc/self/exe", .pathOnly)
        } catch {
            throw failure("\(error); is /proc mounted?")
        }
    }

    private static func isProtected(_ own: borrowing FileDescriptor) throws(ContainerError) -> Bool
    {
        do throws(SystemCallError) {
            // The detached clone below, or a system whose programs lie on a read-only mount.
            if try File.fileSystem(of: own).isReadOnly { return true }
            return try SealedFile.isSealed("/proc/self/exe")
        } catch {
            throw failure("\(error)")
        }
    }

    private static func protectedCopy(of own: borrowing FileDescriptor) throws(ContainerError)
        -> FileDescriptor
    {
        do throws(SystemCallError) {
            let clone = try Mounting.clone("", at: own.number)
            try Mounting.change(clone, set: .readOnly, subject: "/proc/self/exe")
            return clone
        } catch {
            // Without CAP_SYS_ADMIN there are no mounts; a sealed copy in memory does as well, at
            // the cost of copying.
        }
        do throws(SystemCallError) {
            return try SealedFile.copy(of: "/proc/self/exe", name: "martlet")
        } catch {
            throw failure("\(error)")
        }
    }

    private static func failure(_ reason: String) -> ContainerError {
        ContainerError(.failed, "protect this program's own file from the container: \(reason)")
    }
}
