#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""listen-datagrams.py SOCKET FILE: appends what comes to a datagram socket to FILE."""
import socket
import sys

listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
listener.bind(sys.argv[1])
while True:
    data = listener.recv(65536)
    with open(sys.argv[2], "ab") as output:
        output.write(data + b"\n")
