// SPDX-License-Identifier: Apache-2.0

internal import CLinux

/// Programs that decide on a cgroup's access to devices (bpf(2), BPF_PROG_TYPE_CGROUP_DEVICE).
package enum BPF {
    /// One instruction, as the kernel's documentation names its parts (instruction-set.rst).
    package struct Instruction: Equatable, Sendable {
        package var code: UInt8
        package var destination: UInt8
        package var source: UInt8
        package var offset: Int16
        package var immediate: Int32

        package init(
            _ code: UInt8, destination: UInt8 = 0, source: UInt8 = 0, offset: Int16 = 0,
            immediate: Int32 = 0
        ) {
            self.code = code
            self.destination = destination
            self.source = source
            self.offset = offset
            self.immediate = immediate
        }
    }

    /// Loads a device program, under a name of at most 15 letters, digits, `_` and `.`. The system
    /// call is `bpf(2)`, BPF_PROG_LOAD.
    package static func load(device instructions: [Instruction], name: String)
        throws(SystemCallError) -> FileDescriptor
    {
        let program = instructions.map {
            clinux_bpf_instruction(
                $0.code, $0.destination, $0.source, $0.offset, $0.immediate)
        }
        return FileDescriptor(
            owning: try check("bpf BPF_PROG_LOAD", name) {
                unsafe program.withUnsafeBufferPointer {
                    unsafe clinux_bpf_load_device(
                        $0.baseAddress, UInt32(clamping: $0.count), name, nil, 0)
                }
            })
    }

    /// Attaches a device program to a cgroup2 directory, beside those of others, or in the place
    /// of one in a single step. The system call is `bpf(2)`, BPF_PROG_ATTACH with
    /// BPF_F_ALLOW_MULTI, and BPF_F_REPLACE (Linux 5.6).
    package static func attach(
        device program: borrowing FileDescriptor, to cgroup: borrowing FileDescriptor
    ) throws(SystemCallError) {
        let numbers = (cgroup.number, program.number)
        _ = try check("bpf BPF_PROG_ATTACH") {
            clinux_bpf_attach_device(numbers.0, numbers.1, UInt32(BPF_F_ALLOW_MULTI), 0)
        }
    }

    /// The same, in the place of another program.
    package static func attach(
        device program: borrowing FileDescriptor, to cgroup: borrowing FileDescriptor,
        replacing old: borrowing FileDescriptor
    ) throws(SystemCallError) {
        let numbers = (cgroup.number, program.number, old.number)
        _ = try check("bpf BPF_PROG_ATTACH") {
            clinux_bpf_attach_device(
                numbers.0, numbers.1, UInt32(BPF_F_ALLOW_MULTI) | (1 << 2), numbers.2)
        }
    }

    /// Takes a device program off a cgroup. The system call is `bpf(2)`, BPF_PROG_DETACH.
    package static func detach(
        device program: borrowing FileDescriptor, from cgroup: borrowing FileDescriptor
    ) throws(SystemCallError) {
        let numbers = (cgroup.number, program.number)
        _ = try check("bpf BPF_PROG_DETACH") {
            clinux_bpf_detach_device(numbers.0, numbers.1)
        }
    }

    /// The ids of the device programs that are attached to exactly this cgroup. The system call
    /// is `bpf(2)`, BPF_PROG_QUERY.
    package static func devicePrograms(of cgroup: borrowing FileDescriptor)
        throws(SystemCallError) -> [UInt32]
    {
        // The kernel attaches at most 64 of one kind (BPF_CGROUP_MAX_PROGS).
        var ids = [UInt32](repeating: 0, count: 64)
        var count = UInt32(ids.count)
        let number = cgroup.number
        _ = try check("bpf BPF_PROG_QUERY") {
            unsafe ids.withUnsafeMutableBufferPointer {
                unsafe clinux_bpf_query_device(number, $0.baseAddress, &count)
            }
        }
        return Array(ids[..<min(ids.count, Int(count))])
    }

    /// A descriptor of a loaded program. The system call is `bpf(2)`, BPF_PROG_GET_FD_BY_ID,
    /// which takes CAP_SYS_ADMIN.
    package static func open(program id: UInt32) throws(SystemCallError) -> FileDescriptor {
        FileDescriptor(
            owning: try check("bpf BPF_PROG_GET_FD_BY_ID", "\(id)") { clinux_bpf_open(id) })
    }

    /// The name that a program was loaded with. The system call is `bpf(2)`,
    /// BPF_OBJ_GET_INFO_BY_FD.
    package static func name(of program: borrowing FileDescriptor) throws(SystemCallError)
        -> String
    {
        var bytes = [CChar](repeating: 0, count: 16)
        let number = program.number
        _ = try check("bpf BPF_OBJ_GET_INFO_BY_FD") {
            unsafe bytes.withUnsafeMutableBufferPointer {
                unsafe clinux_bpf_name(number, $0.baseAddress)
            }
        }
        return String(
            decoding: bytes.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
