// SPDX-License-Identifier: Apache-2.0
// type TEXT: tries to type TEXT into the terminal it was given (TIOCSTI), by every way it has.
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static int type(int fd, const char *text) {
    for (; *text != '\0'; text++)
        if (ioctl(fd, TIOCSTI, text) < 0) return -1;
    return 0;
}

int main(int argc, char **argv) {
    if (argc != 2) return 2;
    int typed = 0;
    for (int fd = 0; fd < 3; fd++) typed += type(fd, argv[1]) == 0;
    int tty = open("/dev/tty", O_RDWR | O_NOCTTY);
    if (tty >= 0) typed += type(tty, argv[1]) == 0;
    // A session leader without a terminal could take one.
    typed += ioctl(0, TIOCSCTTY, 0) == 0 && type(0, argv[1]) == 0;
    printf("session %d, process %d, /dev/tty %s, typed %d times\n", getsid(0), getpid(),
           tty >= 0 ? "open" : "closed", typed);
    return 0;
}
