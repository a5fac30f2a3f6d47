// SPDX-License-Identifier: Apache-2.0
// notify TEXT: sends TEXT as one datagram to $NOTIFY_SOCKET, as a service does.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int main(int argc, char **argv) {
    const char *path = getenv("NOTIFY_SOCKET");
    if (argc != 2 || path == NULL) {
        fprintf(stderr, "usage: NOTIFY_SOCKET=PATH notify TEXT\n");
        return 2;
    }
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strncpy(address.sun_path, path, sizeof address.sun_path - 1);
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    if (fd < 0 || sendto(fd, argv[1], strlen(argv[1]), 0, (void *)&address, sizeof address) < 0) {
        perror(path);
        return 1;
    }
    puts("sent");
    return 0;
}
