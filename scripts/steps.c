// SPDX-License-Identifier: Apache-2.0
//
// steps FROM TO FILE PROGRAM [WORD…]: runs PROGRAM, and what it makes of itself, one instruction at a time, and
// writes each address of code between FROM and TO (hexadecimal) into FILE, as it comes to it the first time.
// What another program is executed for is let go.

#define _GNU_SOURCE
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv) {
    if (argc < 5) return 2;
    unsigned long from = strtoul(argv[1], NULL, 16), to = strtoul(argv[2], NULL, 16);
    FILE *file = fopen(argv[3], "we");
    unsigned char *seen = calloc(1, to - from);
    if (!file || !seen) return 1;
    pid_t first = fork();
    if (first == 0) {
        ptrace(PTRACE_TRACEME, 0, NULL, NULL);
        raise(SIGSTOP);
        execv(argv[4], argv + 4);
        _exit(127);
    }
    int status = 0, code = 1;
    waitpid(first, &status, 0);
    long options = PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC;
    ptrace(PTRACE_SETOPTIONS, first, NULL, options);
    ptrace(PTRACE_SINGLESTEP, first, NULL, NULL);
    int programs = 0;
    for (pid_t pid; (pid = waitpid(-1, &status, __WALL)) > 0;) {
        if (WIFEXITED(status) || WIFSIGNALED(status)) {
            if (pid != first) continue;
            code = WIFEXITED(status) ? WEXITSTATUS(status) : 1;
            // What goes on without it is a container, which this is the end of being traced for.
            break;
        }
        int event = status >> 16, number = WSTOPSIG(status);
        if (event == PTRACE_EVENT_EXEC && ++programs > 1) {
            ptrace(PTRACE_DETACH, pid, NULL, NULL);
            continue;
        }
        if (number == SIGTRAP) {
            unsigned long address =
                (unsigned long)ptrace(PTRACE_PEEKUSER, pid, offsetof(struct user_regs_struct, rip), NULL);
            if (address >= from && address < to && !seen[address - from]) {
                seen[address - from] = 1;
                fprintf(file, "%lx\n", address);
            }
        }
        ptrace(PTRACE_SINGLESTEP, pid, NULL, number == SIGTRAP || number == SIGSTOP || event ? 0 : number);
    }
    fclose(file);
    return code;
}
