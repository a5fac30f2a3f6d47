// SPDX-License-Identifier: Apache-2.0
// swap A B [TIMES]: exchanges two names as fast as it can, for ever or this often.
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <signal.h>

int main(int argc, char **argv) {
    if (argc != 3 && argc != 4) return 2;
    long times = argc == 4 ? atol(argv[3]) : -1;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (; times != 0; times -= times > 0) {
        if (renameat2(AT_FDCWD, argv[1], AT_FDCWD, argv[2], RENAME_EXCHANGE) < 0) {
            perror("renameat2");
            return 1;
        }
    }
}
