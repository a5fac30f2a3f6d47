// SPDX-License-Identifier: Apache-2.0
// Prints the real and effective user id: `1000 0` if a set-user-ID bit was honoured.
#include <stdio.h>
#include <unistd.h>

int main(void) {
    printf("%u %u\n", getuid(), geteuid());
    return 0;
}
