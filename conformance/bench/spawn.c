// SPDX-License-Identifier: Apache-2.0
// spawn RESULT OUTPUT PROGRAM WORD…: runs PROGRAM once and writes to RESULT, on one line,
// nanoseconds, peak KiB, page faults and the status of wait(2).
//
// The kernel counts the memory of whoever calls execve(2) into the peak of what comes after, so that
// a large parent (an interpreter) would hide every smaller program. This one is small.
#define _GNU_SOURCE
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

extern char **environ;

int main(int argc, char **argv) {
    if (argc < 4) return 2;
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 1, argv[2], O_WRONLY | O_CREAT | O_TRUNC, 0600);
    posix_spawn_file_actions_adddup2(&actions, 1, 2);
    struct timespec start, end;
    pid_t pid;
    clock_gettime(CLOCK_MONOTONIC, &start);
    if (posix_spawn(&pid, argv[3], &actions, NULL, argv + 3, environ) != 0) return 3;
    int status;
    struct rusage usage;
    if (wait4(pid, &status, 0, &usage) != pid) return 4;
    clock_gettime(CLOCK_MONOTONIC, &end);
    FILE *result = fopen(argv[1], "w");
    if (result == NULL) return 5;
    fprintf(result, "%lld %ld %ld %d\n",
            (end.tv_sec - start.tv_sec) * 1000000000LL + (end.tv_nsec - start.tv_nsec),
            usage.ru_maxrss, usage.ru_minflt, status);
    return fclose(result) == 0 ? 0 : 6;
}
