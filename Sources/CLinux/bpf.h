// SPDX-License-Identifier: Apache-2.0
//
// bpf(2) for cgroup device programs. glibc has no wrapper, and union bpf_attr has unnamed members
// that Swift does not import: each command is one inline call.

#ifndef CLINUX_BPF_H
#define CLINUX_BPF_H

#include <linux/bpf.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CLINUX_BPF_F_REPLACE (1U << 2)  // Linux 5.6
_Static_assert(BPF_F_ALLOW_MULTI == 1U << 1, "BPF_F_ALLOW_MULTI has a fixed place");
_Static_assert(sizeof(struct bpf_insn) == 8, "an instruction is eight bytes");

// The registers are bit fields, whose order depends on the machine.
static inline struct bpf_insn clinux_bpf_instruction(uint8_t code, uint8_t destination,
                                                     uint8_t source, int16_t offset,
                                                     int32_t immediate) {
    struct bpf_insn instruction = {.code = code,
                                   .dst_reg = (uint8_t)(destination & 0xf),
                                   .src_reg = (uint8_t)(source & 0xf),
                                   .off = offset,
                                   .imm = immediate};
    return instruction;
}

// BPF_PROG_LOAD of a cgroup device program, Linux 4.15. The kernel writes its verifier's words
// into `log` when that has a size.
static inline int clinux_bpf_load_device(const struct bpf_insn *instructions, uint32_t count,
                                         const char *name, char *log, uint32_t log_size) {
    union bpf_attr attributes;
    memset(&attributes, 0, sizeof(attributes));
    attributes.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
    attributes.expected_attach_type = BPF_CGROUP_DEVICE;
    attributes.insns = (uint64_t)(uintptr_t)instructions;
    attributes.insn_cnt = count;
    attributes.license = (uint64_t)(uintptr_t) "Apache-2.0";
    attributes.log_buf = (uint64_t)(uintptr_t)(log_size ? log : 0);
    attributes.log_size = log_size;
    attributes.log_level = log_size ? 1 : 0;
    strncpy(attributes.prog_name, name, sizeof(attributes.prog_name) - 1);
    return (int)syscall(SYS_bpf, BPF_PROG_LOAD, &attributes, sizeof(attributes));
}

// BPF_PROG_ATTACH. `replaced` is read with CLINUX_BPF_F_REPLACE alone.
static inline int clinux_bpf_attach_device(int cgroup, int program, uint32_t flags,
                                           int replaced) {
    union bpf_attr attributes;
    memset(&attributes, 0, sizeof(attributes));
    attributes.target_fd = (uint32_t)cgroup;
    attributes.attach_bpf_fd = (uint32_t)program;
    attributes.attach_type = BPF_CGROUP_DEVICE;
    attributes.attach_flags = flags;
    attributes.replace_bpf_fd = (uint32_t)replaced;
    return (int)syscall(SYS_bpf, BPF_PROG_ATTACH, &attributes, sizeof(attributes));
}

// BPF_PROG_DETACH.
static inline int clinux_bpf_detach_device(int cgroup, int program) {
    union bpf_attr attributes;
    memset(&attributes, 0, sizeof(attributes));
    attributes.target_fd = (uint32_t)cgroup;
    attributes.attach_bpf_fd = (uint32_t)program;
    attributes.attach_type = BPF_CGROUP_DEVICE;
    return (int)syscall(SYS_bpf, BPF_PROG_DETACH, &attributes, sizeof(attributes));
}

// BPF_PROG_QUERY, Linux 4.15: `count` is the room in `ids`, and then how many there are.
static inline int clinux_bpf_query_device(int cgroup, uint32_t *ids, uint32_t *count) {
    union bpf_attr attributes;
    memset(&attributes, 0, sizeof(attributes));
    attributes.query.target_fd = (uint32_t)cgroup;
    attributes.query.attach_type = BPF_CGROUP_DEVICE;
    attributes.query.prog_ids = (uint64_t)(uintptr_t)ids;
    attributes.query.prog_cnt = *count;
    int result = (int)syscall(SYS_bpf, BPF_PROG_QUERY, &attributes, sizeof(attributes));
    *count = attributes.query.prog_cnt;
    return result;
}

// BPF_PROG_GET_FD_BY_ID. The descriptor is close-on-exec.
static inline int clinux_bpf_open(uint32_t id) {
    union bpf_attr attributes;
    memset(&attributes, 0, sizeof(attributes));
    attributes.prog_id = id;
    return (int)syscall(SYS_bpf, BPF_PROG_GET_FD_BY_ID, &attributes, sizeof(attributes));
}

// BPF_OBJ_GET_INFO_BY_FD: the name that a program was loaded with, 16 bytes with its end mark.
static inline int clinux_bpf_name(int program, char *name) {
    struct bpf_prog_info information;
    union bpf_attr attributes;
    memset(&information, 0, sizeof(information));
    memset(&attributes, 0, sizeof(attributes));
    attributes.info.bpf_fd = (uint32_t)program;
    attributes.info.info_len = sizeof(information);
    attributes.info.info = (uint64_t)(uintptr_t)&information;
    int result = (int)syscall(SYS_bpf, BPF_OBJ_GET_INFO_BY_FD, &attributes, sizeof(attributes));
    memcpy(name, information.name, BPF_OBJ_NAME_LEN);
    return result;
}

#endif
