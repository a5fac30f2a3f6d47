#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""seccomp-agent.py SOCKET STATE [--fail NR ERRNO] [--refuse]

Listens at SOCKET for one container. Writes what came to STATE as JSON: the text, how many descriptors
came with its first part and with the rest, and whether the connection ended. Then answers for the
filter: system call NR fails with ERRNO, all others go on. With --refuse it closes the connection
unread, and ends.
"""
import array
import fcntl
import json
import os
import select
import socket
import struct
import sys

RECEIVE, SEND = 0xC0502100, 0xC0182101  # SECCOMP_IOCTL_NOTIF_RECV, _SEND
GO_ON = 1  # SECCOMP_USER_NOTIF_FLAG_CONTINUE

path, output = sys.argv[1], sys.argv[2]
fail = {}
if "--fail" in sys.argv:
    at = sys.argv.index("--fail")
    fail[int(sys.argv[at + 1])] = int(sys.argv[at + 2])

listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
listener.bind(path)
listener.listen(4)
listener.settimeout(30)
connection, _ = listener.accept()
if "--refuse" in sys.argv:
    connection.close()
    sys.exit(0)


def part():
    data, control, _, _ = connection.recvmsg(65536, socket.CMSG_SPACE(64))
    numbers = array.array("i")
    for level, kind, bytes_ in control:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            numbers.frombytes(bytes_)
    return data, list(numbers)


connection.settimeout(10)
text, descriptors = part()
later = 0
closed = False
while not closed:
    try:
        json.loads(text)
        connection.settimeout(1)  # It is whole; some runtimes stay connected.
    except ValueError:
        pass
    try:
        data, more = part()
    except TimeoutError:
        break
    later += len(more)
    text += data
    closed = not data
result = {"text": text.decode(), "first": len(descriptors), "later": later, "closed": closed}
with open(output + ".new", "w", encoding="utf-8") as file:
    json.dump(result, file)
os.rename(output + ".new", output)

if not descriptors:
    sys.exit(1)
notify = descriptors[0]
waiter = select.poll()
waiter.register(notify, select.POLLIN)
while True:
    if any(event & select.POLLHUP for _, event in waiter.poll()):
        break  # Nobody is left to be asked about.
    request = bytearray(80)
    try:
        fcntl.ioctl(notify, RECEIVE, request)
    except OSError:
        continue  # It was interrupted meanwhile, and asks again.
    identity, _, _, number = struct.unpack_from("=QIIi", request)
    if number in fail:
        answer = struct.pack("=QqiI", identity, 0, -fail[number], 0)
    else:
        answer = struct.pack("=QqiI", identity, 0, 0, GO_ON)
    try:
        fcntl.ioctl(notify, SEND, answer)
    except OSError:
        pass  # It was killed meanwhile.
