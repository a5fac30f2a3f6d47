// SPDX-License-Identifier: Apache-2.0
// syscalls --number NAME: prints a call's number.
// syscalls WORD…: makes system calls, and prints what came of each: "getppid=ok mkdir=EPERM".
//
// A word is NAME or a number, and then any arguments, between commas: "getpriority,1,0". Nothing is
// printed before all calls have been made.
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static const struct {
    const char *name;
    long number;
} calls[] = {
    {"getppid", SYS_getppid},     {"getpid", SYS_getpid},     {"getpriority", SYS_getpriority},
    {"getpgid", SYS_getpgid},     {"getsid", SYS_getsid},     {"getuid", SYS_getuid},
    {"personality", SYS_personality}, {"write", SYS_write},   {"sendmsg", SYS_sendmsg},
    {"acct", SYS_acct},           {"swapoff", SYS_swapoff},
};

static long number_of(const char *word) {
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
        if (!strcmp(word, calls[i].name)) return calls[i].number;
    char *end;
    long number = strtol(word, &end, 0);
    if (*end || !*word) {
        fprintf(stderr, "no call %s\n", word);
        exit(2);
    }
    return number;
}

int main(int count, char **words) {
    if (count == 3 && !strcmp(words[1], "--number")) return printf("%ld\n", number_of(words[2])) < 0;
    char answer[8192] = "";
    for (int i = 1; i < count; i++) {
        long part[7] = {0};
        int parts = 0;
        char *name = words[i], *rest = strchr(name, ',');
        if (rest) *rest++ = 0;
        part[parts++] = number_of(name);
        while (rest && parts < 7) {
            part[parts++] = (long)strtoull(rest, &rest, 0);
            rest = *rest == ',' ? rest + 1 : NULL;
        }
        errno = 0;
        long result = syscall(part[0], part[1], part[2], part[3], part[4], part[5], part[6]);
        const char *word = result == -1 ? strerrorname_np(errno) : "ok";
        snprintf(answer + strlen(answer), sizeof(answer) - strlen(answer), "%s%s=%s",
                 i > 1 ? " " : "", name, word ? word : "?");
    }
    puts(answer);
    return 0;
}
