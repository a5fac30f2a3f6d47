// SPDX-License-Identifier: Apache-2.0

internal import Linux

/// Keeps the runtime's own file out of reach of containers (CVE-2019-5736).
///
/// Until its exec, the container's first process is a copy of this one, and `/proc/self/exe` in
/// the container is this program's file. So the commands that enter a container run from a mount
/// of the file that is read-only and attached nowhere: what a container gets hold of there can not
/// be opened for writing, by any name it has.
package enum ProtectedBinary {
    /// Returns at once when this program runs from a file that nobody can write to through it;
    /// else runs it again from one, with the same arguments, environment and descriptors.
    package static func ensure() throws(ContainerError) {
        let own = try openOwnFile()
        if try isProtected(own) { return }
        let copy = try protectedCopy(of: own)
        // The descriptor is close-on-exec; the new program has no use for it.
        let errno = Process.executeAgain(from: copy)
        throw failure("run the protected copy: \(errno)")
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
