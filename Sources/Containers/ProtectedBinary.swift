// SPDX-License-Identifier: Apache-2.0

internal import Linux

/// Keeps the runtime's own file out of reach of containers (CVE-2019-5736).
///
/// Until its exec, the container's first process is a copy of this one, and `/proc/self/exe` in
/// the container is this program's file. So a process that enters a container goes on from a mount
/// of the file that is read-only and attached nowhere: what a container gets hold of there can not
/// be opened for writing, by any name it has.
package enum ProtectedBinary {
    /// What processes that enter a container must change over to first; nil when nobody can write to
    /// this program's file through this process.
    ///
    /// Does not return where the kernel cannot exchange the file of a process that runs: then this
    /// program runs again from a protected one, with the same arguments, environment and
    /// descriptors.
    package static func prepare() throws(ContainerError) -> ProtectedFile? {
        let own = try openOwnFile()
        if try isProtected(own) { return nil }
        let copy: FileDescriptor
        if let clone = try readOnlyClone(of: own) {
            if ProgramImage.canExchange { return try ProtectedFile(clone) }
            copy = clone
        } else {
            copy = try sealedCopy()
        }
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

    /// nil without CAP_SYS_ADMIN, as there are no mounts then.
    private static func readOnlyClone(of own: borrowing FileDescriptor) throws(ContainerError)
        -> FileDescriptor?
    {
        do throws(SystemCallError) {
            let clone = try Mounting.clone("", at: own.number)
            try Mounting.change(clone, set: .readOnly, subject: "/proc/self/exe")
            return clone
        } catch {
            return nil
        }
    }

    /// Does as well, at the cost of copying.
    private static func sealedCopy() throws(ContainerError) -> FileDescriptor {
        do throws(SystemCallError) {
            return try SealedFile.copy(of: "/proc/self/exe", name: "martlet")
        } catch {
            throw failure("\(error)")
        }
    }

    static func failure(_ reason: String) -> ContainerError {
        ContainerError(.failed, "protect this program's own file from the container: \(reason)")
    }
}

/// This program's file, by way of a mount that is read-only and attached nowhere.
package final class ProtectedFile {
    private var mount: FileDescriptor?
    private let file: FileDescriptor

    fileprivate init(_ clone: consuming FileDescriptor) throws(ContainerError) {
        do throws(SystemCallError) {
            file = try File.open(clone.procPath, .readOnly)
        } catch {
            throw ProtectedBinary.failure("\(error)")
        }
        mount = consume clone
    }

    /// Makes it the program of this process and of all copies that it makes of itself.
    package func changeOver() throws(ContainerError) {
        do throws(SystemCallError) {
            try ProgramImage.exchange(for: file)
        } catch {
            throw ProtectedBinary.failure("\(error)")
        }
    }

    /// The same in a process that has a copy of its opener's descriptors: those are closed.
    func changeOverInCopy() throws(ContainerError) {
        try changeOver()
        for number in descriptors { FileDescriptor.closeOwned(number) }
    }

    /// What a copy of the process that has opened it must not have. A copy is never the last to
    /// close the mount, which the kernel would wait for.
    var descriptors: [CInt] {
        if let number = mount?.number { [file.number, number] } else { [file.number] }
    }

    /// Lets the mount go, which stays as long as a process has its file. That waits for all
    /// processors, so it is done while another process is busy anyway.
    func releaseMount() { mount = nil }
}
