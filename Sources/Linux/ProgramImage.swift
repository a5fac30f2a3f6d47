// SPDX-License-Identifier: Apache-2.0

internal import CLinux

/// The file behind this process's own memory, exchanged while the process runs.
///
/// `/proc/self/exe` of this process, and of every process that it makes, then is the new file.
/// It does what execve(2) of the new file would, for a tenth of its time.
package enum ProgramImage {
    /// Whether this kernel knows how (it is built with CONFIG_CHECKPOINT_RESTORE), and this program
    /// is static. The system call is `prctl(2)`, PR_SET_MM_MAP_SIZE.
    package static var canExchange: Bool {
        guard (try? Layout()) != nil else { return false }
        var size: UInt32 = 0
        let result = unsafe withUnsafeMutablePointer(to: &size) { pointer in
            let address = UInt(bitPattern: pointer)
            return clinux_prctl(PR_SET_MM, UInt(PR_SET_MM_MAP_SIZE), address, 0, 0)
        }
        return unsafe result == 0 && Int(size) == MemoryLayout<prctl_mm_map>.size
    }

    /// Maps `file`, which must hold the very program that runs, wherever that is mapped now, and
    /// makes it this process's program. Changed data stays as it is. The system call is `prctl(2)`,
    /// PR_SET_MM_MAP: it needs CAP_CHECKPOINT_RESTORE or CAP_SYS_ADMIN, and refuses while any of
    /// the old file is mapped (EBUSY).
    ///
    /// If it fails the process can go on as before: both files hold the same.
    package static func exchange(for file: borrowing FileDescriptor) throws(SystemCallError) {
        let layout = try Layout()
        for segment in layout.segments {
            if segment.isWritable {
                try replaceData(segment, from: file)
            } else {
                try map(file, segment, at: segment.start, fixed: true)
            }
        }
        if let constant = layout.constantAfterStart {
            try protect(constant, PROT_READ)
        }
        try tellKernel(layout, program: file)
    }

    /// Lets go of the memory that holds the program itself, which is read again where it is needed:
    /// for a process that has to wait for long. The system call is `madvise(2)`, MADV_DONTNEED; that
    /// it fails changes nothing but how much is held.
    package static func releaseMemory() {
        for part in parts() where part.is_data == 0 {
            unsafe madvise(
                UnsafeMutableRawPointer(bitPattern: part.start), Int(part.length), MADV_DONTNEED)
        }
    }

    /// Where the program lies in memory, in whole pages; empty when it is not a static one.
    static func parts() -> [clinux_range] {
        guard getpagesize() == 4096, let layout = try? Layout() else { return [] }
        var parts: [clinux_range] = []
        for segment in layout.segments {
            parts.append(
                clinux_range(
                    start: segment.start, length: segment.length,
                    is_data: segment.isWritable ? 1 : 0))
        }
        return parts
    }

    /// A part of the file that lies in memory, in whole pages.
    private struct Segment {
        var start: UInt
        var length: UInt
        var fileOffset: Int
        var protection: CInt
        var isWritable: Bool { protection & PROT_WRITE != 0 }
    }

    /// Where the kernel has put this program (elf(5), program headers).
    private struct Layout {
        var segments: [Segment] = []
        /// What the start of the program made read-only, once it was filled in (PT_GNU_RELRO).
        var constantAfterStart: Range<UInt>?
        var code: Range<UInt> = 0..<0
        var data: Range<UInt> = 0..<0

        init() throws(SystemCallError) {
            let address = getauxval(UInt(AT_PHDR))
            let count = getauxval(UInt(AT_PHNUM))
            guard getauxval(UInt(AT_PHENT)) == UInt(MemoryLayout<Elf64_Phdr>.size),
                let headers = unsafe UnsafePointer<Elf64_Phdr>(bitPattern: address)
            else { throw SystemCallError("program headers", "", .unsupportedCall) }
            let page = UInt(getpagesize())
            for index in 0..<Int(count) {
                let header = unsafe headers[index]
                let start = UInt(header.p_vaddr)
                switch header.p_type {
                case UInt32(PT_LOAD): add(header, page)
                case UInt32(PT_GNU_RELRO):
                    // Outwards at the start and inwards at the end, as the C library does.
                    constantAfterStart =
                        start / page * page..<(start + UInt(header.p_memsz)) / page * page
                case UInt32(PT_DYNAMIC), UInt32(PT_INTERP):
                    // Not a static program at fixed addresses: other files are mapped too.
                    throw SystemCallError("program headers", "", .unsupportedCall)
                default: break
                }
            }
        }

        private mutating func add(_ header: Elf64_Phdr, _ page: UInt) {
            let start = UInt(header.p_vaddr)
            let fileEnd = start + UInt(header.p_filesz)
            let first = start / page * page
            var protection: CInt = 0
            if header.p_flags & UInt32(PF_R) != 0 { protection |= PROT_READ }
            if header.p_flags & UInt32(PF_W) != 0 { protection |= PROT_WRITE }
            if header.p_flags & UInt32(PF_X) != 0 {
                protection |= PROT_EXEC
                code = start..<fileEnd
            }
            if protection & PROT_WRITE != 0 { data = start..<fileEnd }
            segments.append(
                Segment(
                    start: first, length: (fileEnd - first + page - 1) / page * page,
                    fileOffset: Int(UInt(header.p_offset) / page * page), protection: protection))
        }
    }

    @discardableResult
    private static func map(
        _ file: borrowing FileDescriptor, _ segment: Segment, at address: UInt, fixed: Bool
    ) throws(SystemCallError) -> UInt {
        let flags = fixed ? MAP_PRIVATE | MAP_FIXED : MAP_PRIVATE
        let number = file.number
        let result = try check("mmap") {
            unsafe Int(
                bitPattern: mmap(
                    UnsafeMutableRawPointer(bitPattern: address), Int(segment.length),
                    segment.protection, flags, number, segment.fileOffset))
        }
        return UInt(bitPattern: result)
    }

    /// The new mapping is filled beside the old one, and takes its place in one call: the code that
    /// does it depends on data, too.
    private static func replaceData(_ segment: Segment, from file: borrowing FileDescriptor)
        throws(SystemCallError)
    {
        let beside = try map(file, segment, at: 0, fixed: false)
        let entries = unsafe try pageEntries(segment)
        defer { unsafe entries.deallocate() }
        let size = Int(segment.length)
        // From here to the exchange nothing may change global data, or the change is lost: no
        // allocation, nothing generic, nothing that is set up at its first use.
        unsafe copyChanged(entries, from: segment.start, to: beside, size: size)
        let result = clinux_mremap_onto(beside, UInt(size), segment.start)
        if result == -1 { throw SystemCallError("mremap", "", Errno.current) }
    }

    private static func copyChanged(
        _ entries: UnsafeMutableRawBufferPointer, from: UInt, to: UInt, size: Int
    ) {
        let page = size / (entries.count / 8)
        var offset = 0
        while offset < size {
            let entry = unsafe entries.load(fromByteOffset: offset / page * 8, as: UInt64.self)
            if PageEntry.isOwn(entry) {
                clinux_copy_page(to &+ UInt(offset), from &+ UInt(offset), UInt(page))
            }
            offset += page
        }
    }

    private static func protect(_ range: Range<UInt>, _ protection: CInt) throws(SystemCallError) {
        if range.isEmpty { return }
        _ = try check("mprotect") {
            unsafe mprotect(
                UnsafeMutableRawPointer(bitPattern: range.lowerBound), Int(range.count), protection)
        }
    }

    /// What `/proc/PID/pagemap` says of a page (the kernel's documentation, admin-guide/mm/pagemap).
    private enum PageEntry {
        /// Whether the page is this process's own, changed copy: in memory or swapped out, and not
        /// the file's.
        static func isOwn(_ entry: UInt64) -> Bool {
            let (present, swapped, ofFile) = (
                1 << 63 as UInt64, 1 << 62 as UInt64, 1 << 61 as UInt64
            )
            return entry & (present | swapped) != 0 && entry & ofFile == 0
        }
    }

    private static func pageEntries(_ segment: Segment) throws(SystemCallError)
        -> UnsafeMutableRawBufferPointer
    {
        let page = UInt(getpagesize())
        let size = Int(segment.length / page) * 8
        let map = try File.open("/proc/self/pagemap", .readOnly)
        let number = map.number
        let entries = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 8)
        let got = unsafe pread(number, entries.baseAddress, size, off_t(segment.start / page * 8))
        if got == size { return unsafe entries }
        let errno = got == -1 ? Errno.current : .inputOutput
        unsafe entries.deallocate()
        throw SystemCallError("pread", "/proc/self/pagemap", errno)
    }

    /// Everything else stays what it is; the calls take all or nothing.
    private static func tellKernel(_ layout: Layout, program: borrowing FileDescriptor)
        throws(SystemCallError)
    {
        let arguments = unsafe textRange(CommandLine.unsafeArgv)
        let environment = unsafe textRange(clinux_environ())
        var map = unsafe prctl_mm_map()
        unsafe map.start_code = UInt64(layout.code.lowerBound)
        unsafe map.end_code = UInt64(layout.code.upperBound)
        unsafe map.start_data = UInt64(layout.data.lowerBound)
        unsafe map.end_data = UInt64(layout.data.upperBound)
        let heapEnd = unsafe UInt64(UInt(bitPattern: sbrk(0)))
        unsafe map.start_brk = heapEnd
        unsafe map.brk = heapEnd
        unsafe map.start_stack = UInt64(UInt(bitPattern: CommandLine.unsafeArgv))
        unsafe map.arg_start = UInt64(arguments.lowerBound)
        unsafe map.arg_end = UInt64(arguments.upperBound)
        let hasEnvironment = !environment.isEmpty
        unsafe map.env_start = UInt64(
            hasEnvironment ? environment.lowerBound : arguments.upperBound)
        unsafe map.env_end = UInt64(hasEnvironment ? environment.upperBound : arguments.upperBound)
        unsafe map.exe_fd = UInt32(bitPattern: program.number)
        _ = try check("prctl PR_SET_MM_MAP") {
            unsafe withUnsafeMutablePointer(to: &map) {
                unsafe clinux_prctl(
                    PR_SET_MM, UInt(PR_SET_MM_MAP), UInt(bitPattern: $0),
                    UInt(MemoryLayout<prctl_mm_map>.size), 0)
            }
        }
    }

    /// From the first to the last byte of texts that lie one after another, as execve(2) puts them.
    private static func textRange(
        _ texts: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
    ) -> Range<UInt> {
        guard let texts = unsafe texts, let first = unsafe texts[0] else { return 0..<0 }
        var last = unsafe first
        var index = 1
        while let next = unsafe texts[index] {
            unsafe last = next
            index += 1
        }
        let start = UInt(bitPattern: first)
        let end = unsafe UInt(bitPattern: last) + UInt(strlen(last)) + 1
        return start <= end ? start..<end : 0..<0
    }
}
