// SPDX-License-Identifier: Apache-2.0
// For linux.uml of Debian 12, by LD_PRELOAD, on processors with AMX. That kernel keeps at most 2696
// bytes of a process's extended registers (x86's XSAVE area), and the host takes nothing but the
// whole area back: PTRACE_SETREGSET is EINVAL, and no process of the guest starts. Here the host's
// area is read first, and what the guest knows is laid over its beginning.
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
    header_offset = 512,       // where the XSAVE header, a bitmap of present parts, begins
    tile_parts = 3u << 17,     // AMX's two bits in it
};

static unsigned char area[1 << 16];

static size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

static long extended_registers(long request, long process, void *kind, struct iovec *asked) {
    struct iovec whole = {area, sizeof area};
    if (syscall(SYS_ptrace, PTRACE_GETREGSET, process, kind, &whole) < 0) {
        return -1;
    }
    size_t known = smaller(asked->iov_len, whole.iov_len);
    if (request == PTRACE_GETREGSET) {
        memcpy(asked->iov_base, area, known);
        asked->iov_len = known;
        return 0;
    }
    memcpy(area, asked->iov_base, known);
    if (known >= header_offset + sizeof(uint64_t)) {
        uint64_t present;
        memcpy(&present, area + header_offset, sizeof present);
        present &= ~(uint64_t)tile_parts;
        memcpy(area + header_offset, &present, sizeof present);
    }
    return syscall(SYS_ptrace, PTRACE_SETREGSET, process, kind, &whole);
}

long ptrace(enum __ptrace_request request, ...) {
    va_list rest;
    va_start(rest, request);
    long process = va_arg(rest, int);
    void *address = va_arg(rest, void *);
    void *data = va_arg(rest, void *);
    va_end(rest);
    switch ((int)request) {
    case PTRACE_GETREGSET:
    case PTRACE_SETREGSET:
        if ((uintptr_t)address == NT_X86_XSTATE) {
            return extended_registers(request, process, address, data);
        }
        break;
    case PTRACE_PEEKTEXT:
    case PTRACE_PEEKDATA:
    case PTRACE_PEEKUSER: {
        // The system call stores what libc's function returns.
        long word;
        if (syscall(SYS_ptrace, (long)request, process, address, &word) < 0) {
            return -1;
        }
        errno = 0;
        return word;
    }
    default:
        break;
    }
    return syscall(SYS_ptrace, (long)request, process, address, data);
}
