// SPDX-License-Identifier: Apache-2.0
// holder KIND WORD…: holds something that is hard to write into an image, and counts into /tmp/n.
//
//   holder tcp            a connection to itself, over which each number goes
//   holder unix SOCKET    each number is sent to a datagram socket, which may be somebody else's
//   holder lock FILE      has locked the file
//   holder removed NAME OTHER   writes to a file by a name that is gone; it has another
//   holder memory         16 MiB, a page of which changes with each number
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static void check(int result, const char *what) {
    if (result >= 0) return;
    perror(what);
    exit(1);
}

static int tcp[2];

static void connect_to_itself(void) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(99)};
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    check(bind(listener, (void *)&at, sizeof at), "bind");
    check(listen(listener, 1), "listen");
    tcp[0] = socket(AF_INET, SOCK_STREAM, 0);
    check(connect(tcp[0], (void *)&at, sizeof at), "connect");
    tcp[1] = accept(listener, NULL, NULL);
    check(tcp[1], "accept");
    close(listener);
}

int main(int argc, char **argv) {
    if (argc < 2) return 2;
    const char *kind = argv[1];
    char *memory = NULL;
    int file = -1;
    if (!strcmp(kind, "tcp")) {
        connect_to_itself();
    } else if (!strcmp(kind, "unix")) {
        struct sockaddr_un at = {.sun_family = AF_UNIX};
        strncpy(at.sun_path, argv[2], sizeof at.sun_path - 1);
        file = socket(AF_UNIX, SOCK_DGRAM, 0);
        check(connect(file, (void *)&at, sizeof at), "connect");
    } else if (!strcmp(kind, "lock")) {
        check(flock(open(argv[2], O_RDWR | O_CREAT, 0600), LOCK_EX), "flock");
    } else if (!strcmp(kind, "removed")) {
        file = open(argv[2], O_RDWR | O_CREAT, 0600);
        check(link(argv[2], argv[3]), "link");
        check(unlink(argv[2]), "unlink");
    } else if (!strcmp(kind, "memory")) {
        memory = malloc(16 << 20);
        memset(memory, 1, 16 << 20);
    } else {
        return 2;
    }
    for (long n = 1;; n++) {
        char text[32], back[32];
        int length = snprintf(text, sizeof text, "%ld\n", n);
        if (tcp[0]) {
            check(send(tcp[0], text, length, 0), "send");
            check(recv(tcp[1], back, length, MSG_WAITALL), "recv");
        }
        if (file >= 0) check(write(file, text, length), "write");
        if (memory) memory[n * 4096 % (16 << 20)] = (char)n;
        int count = open("/tmp/n", O_WRONLY | O_CREAT | O_TRUNC, 0644);
        check(write(count, text, length), "count");
        close(count);
        usleep(50000);
    }
}
