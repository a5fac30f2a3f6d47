// SPDX-License-Identifier: Apache-2.0
// keys own WORD…: puts a key into a new session keyring and runs WORD….
// keys look:      says whether that key can be found in the session keyring.
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { JOIN_SESSION_KEYRING = 1, SEARCH = 10, SETPERM = 5, SESSION_KEYRING = -3 };

int main(int argc, char **argv) {
    if (argc >= 3 && strcmp(argv[1], "own") == 0) {
        if (syscall(SYS_keyctl, JOIN_SESSION_KEYRING, "conformance-caller") < 0 ||
            syscall(SYS_add_key, "user", "conformance-secret", "secret", 6, SESSION_KEYRING) < 0) {
            perror("keys");
            return 77;
        }
        execvp(argv[2], argv + 2);
        perror(argv[2]);
        return 1;
    }
    long key = syscall(SYS_keyctl, SEARCH, SESSION_KEYRING, "user", "conformance-secret", 0);
    if (key >= 0) puts("found");
    else printf("not found: %s\n", strerror(errno));
    return 0;
}
