#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Stands for journald: listen-journal.py SOCKET FILE appends each entry to FILE as a line of JSON."""
import json
import os
import socket
import sys


def entry(data):
    fields = {}
    while data:
        line, _, rest = data.partition(b"\n")
        if b"=" in line:
            name, _, value = line.partition(b"=")
            data = rest
        else:
            name = line
            length = int.from_bytes(rest[:8], "little")
            value, data = rest[8 : 8 + length], rest[9 + length :]
        fields[name.decode()] = value.decode("utf-8", "replace")
    return fields


listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
listener.bind(sys.argv[1])
while True:
    with open(sys.argv[2], "a", encoding="utf-8") as output:
        output.write(json.dumps(entry(listener.recv(1 << 20))) + "\n")
