// SPDX-License-Identifier: Apache-2.0
//
// floor ROOT PROGRAM: what the kernel alone takes for the container of bench.py's `run`: the same namespaces,
// mounts and devices, pivot_root, exec, and the wait for its end. No configuration is read, nothing is
// recorded, checked or limited, and nothing keeps PROGRAM from anything: it is no runtime.

#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

static void must(long result, const char *what) {
    if (result != -1) return;
    fprintf(stderr, "floor: %s: %s\n", what, strerror(errno));
    _exit(1);
}

static void filesystem(const char *type, const char *target, unsigned long flags, const char *data) {
    if (mkdir(target, 0755) == -1 && errno != EEXIST) must(-1, target);
    must(mount(type, target, type, flags, data), target);
}

static void device(const char *path, unsigned major_number, unsigned minor_number) {
    must(mknod(path, S_IFCHR | 0666, makedev(major_number, minor_number)), path);
}

static void cover(const char *path, const char *source) {
    if (mount(source, path, NULL, MS_BIND, NULL) == -1 && errno != ENOENT && errno != ENOTDIR) must(-1, path);
}

static int container(const char *root, char **program) {
    must(setsid(), "setsid");
    must(sethostname("bench", 5), "sethostname");
    must(mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL), "/");
    must(mount(root, root, NULL, MS_BIND | MS_REC, NULL), root);
    must(chdir(root), root);
    filesystem("proc", "proc", 0, NULL);
    filesystem("tmpfs", "dev", MS_NOSUID | MS_STRICTATIME, "mode=755,size=65536k");
    filesystem("devpts", "dev/pts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620");
    filesystem("tmpfs", "dev/shm", MS_NOSUID | MS_NOEXEC | MS_NODEV, "mode=1777,size=65536k");
    filesystem("mqueue", "dev/mqueue", MS_NOSUID | MS_NOEXEC | MS_NODEV, NULL);
    filesystem("sysfs", "sys", MS_NOSUID | MS_NOEXEC | MS_NODEV | MS_RDONLY, NULL);
    umask(0);
    device("dev/null", 1, 3);
    device("dev/zero", 1, 5);
    device("dev/full", 1, 7);
    device("dev/random", 1, 8);
    device("dev/urandom", 1, 9);
    device("dev/tty", 5, 0);
    const char *links[][2] = {{"/proc/self/fd", "dev/fd"},       {"/proc/self/fd/0", "dev/stdin"},
                              {"/proc/self/fd/1", "dev/stdout"}, {"/proc/self/fd/2", "dev/stderr"},
                              {"pts/ptmx", "dev/ptmx"}};
    for (size_t i = 0; i < sizeof links / sizeof *links; i++) must(symlink(links[i][0], links[i][1]), links[i][1]);
    const char *shut[] = {"proc/bus", "proc/fs", "proc/irq", "proc/sys"};
    for (size_t i = 0; i < sizeof shut / sizeof *shut; i++) {
        cover(shut[i], shut[i]);
        mount(NULL, shut[i], NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL);
    }
    const char *hidden[] = {"proc/kcore", "proc/keys", "proc/timer_list", "proc/sched_debug"};
    for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++) cover(hidden[i], "/dev/null");
    must(mount(NULL, ".", NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL), "read-only root");
    must(syscall(SYS_pivot_root, ".", "."), "pivot_root");
    must(umount2(".", MNT_DETACH), "umount");
    must(chdir("/"), "/");
    execve(program[0], program, (char *[]){"PATH=/bin", NULL});
    must(-1, program[0]);
    return 1;
}

int main(int argc, char **argv) {
    if (argc < 3) return 2;
    struct {
        uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
    } arguments = {.flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS,
                   .exit_signal = SIGCHLD};
    long pid = syscall(SYS_clone3, &arguments, sizeof arguments);
    must(pid, "clone3");
    if (pid == 0) return container(argv[1], argv + 2);
    int status = 0;
    must(waitpid((pid_t)pid, &status, 0), "waitpid");
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
