// SPDX-License-Identifier: Apache-2.0
//
// steps FILE CODE-FROM CODE-TO DATA-FROM DATA-TO PROGRAM [WORD…]: runs PROGRAM, and what it makes of itself, one
// instruction at a time. Addresses are hexadecimal; FILE gets a line for each
//   c ADDRESS    instruction, when it is come to the first time
//   d ADDRESS    word of data that is another at the end of a process than at the start of PROGRAM
// What another program is executed for is let go; what is still there when PROGRAM has ended is killed.

#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

/// What is looked at, and what has been seen of it.
struct watch {
    FILE *file;
    unsigned long code, code_end, data, data_end;
    unsigned char *come_to, *written;
    unsigned long *at_start;
};

static unsigned long in_register(pid_t pid, size_t offset) {
    return (unsigned long)ptrace(PTRACE_PEEKUSER, pid, offset, NULL);
}

/// The data of the process; a null pointer when it cannot be read.
static unsigned long *data_of(pid_t pid, const struct watch *watch) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/mem", pid);
    size_t size = watch->data_end - watch->data;
    unsigned long *data = malloc(size);
    int memory = open(path, O_RDONLY | O_CLOEXEC);
    if (data && (memory < 0 || pread(memory, data, size, (off_t)watch->data) != (ssize_t)size)) {
        free(data);
        data = NULL;
    }
    if (memory >= 0) close(memory);
    return data;
}

static void note_written(pid_t pid, struct watch *watch) {
    unsigned long *now = data_of(pid, watch);
    if (!now || !watch->at_start) return;
    for (size_t word = 0; word < (watch->data_end - watch->data) / sizeof *now; word++)
        if (now[word] != watch->at_start[word] && !watch->written[word]) {
            watch->written[word] = 1;
            fprintf(watch->file, "d %lx\n", watch->data + word * sizeof *now);
        }
    free(now);
}

static void note_step(pid_t pid, struct watch *watch) {
    unsigned long address = in_register(pid, offsetof(struct user_regs_struct, rip));
    if (address < watch->code || address >= watch->code_end) return;
    if (!watch->come_to[address - watch->code]) {
        watch->come_to[address - watch->code] = 1;
        fprintf(watch->file, "c %lx\n", address);
    }
    // The end of what this program knows of itself: another one takes its memory.
    const unsigned short instruction = 0x050f;  // syscall
    if ((ptrace(PTRACE_PEEKTEXT, pid, address, NULL) & 0xffff) != instruction) return;
    unsigned long call = in_register(pid, offsetof(struct user_regs_struct, rax));
    if (call == SYS_execve || call == SYS_execveat) note_written(pid, watch);
}

int main(int argc, char **argv) {
    if (argc < 7) return 2;
    unsigned long bounds[4];
    for (int index = 0; index < 4; index++) bounds[index] = strtoul(argv[2 + index], NULL, 16);
    struct watch watch = {
        .file = fopen(argv[1], "we"),
        .code = bounds[0], .code_end = bounds[1], .data = bounds[2], .data_end = bounds[3],
        .come_to = calloc(1, bounds[1] - bounds[0]),
        .written = calloc(1, bounds[3] - bounds[2]),
    };
    if (!watch.file || !watch.come_to || !watch.written) return 1;
    pid_t first = fork();
    if (first == 0) {
        ptrace(PTRACE_TRACEME, 0, NULL, NULL);
        raise(SIGSTOP);
        execv(argv[6], argv + 6);
        _exit(127);
    }
    int status = 0, code = 1;
    waitpid(first, &status, 0);
    long options = PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC
        | PTRACE_O_TRACEEXIT | PTRACE_O_EXITKILL;
    ptrace(PTRACE_SETOPTIONS, first, NULL, options);
    ptrace(PTRACE_SINGLESTEP, first, NULL, NULL);
    int programs = 0;
    for (pid_t pid; (pid = waitpid(-1, &status, __WALL)) > 0;) {
        if (WIFEXITED(status) || WIFSIGNALED(status)) {
            if (pid != first) continue;
            code = WIFEXITED(status) ? WEXITSTATUS(status) : 1;
            break;
        }
        int event = status >> 16, number = WSTOPSIG(status);
        if (event == PTRACE_EVENT_EXEC) {
            if (++programs > 1) {
                ptrace(PTRACE_DETACH, pid, NULL, NULL);
                continue;
            }
            watch.at_start = data_of(pid, &watch);
        } else if (event == PTRACE_EVENT_EXIT) {
            note_written(pid, &watch);
        } else if (number == SIGTRAP) {
            note_step(pid, &watch);
        }
        ptrace(PTRACE_SINGLESTEP, pid, NULL, number == SIGTRAP || number == SIGSTOP || event ? 0 : number);
    }
    fclose(watch.file);
    return code;
}
