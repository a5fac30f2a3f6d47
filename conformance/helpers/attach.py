#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A client of a monitor's attach socket.

attach.py SOCKET [--input TEXT] [--close] [--stop] [--seconds N]

Prints what comes, each packet with the number of its output: `2:text`. --input sends TEXT first,
--close then ends writing, --stop reads nothing at all until the time is over.
"""
import os
import select
import socket
import sys
import time


def main():
    path, words = sys.argv[1], sys.argv[2:]
    text, close, stop, seconds = b"", False, False, 15.0
    while words:
        if words[0] == "--input":
            text = words[1].encode().decode("unicode_escape").encode()
            words = words[1:]
        elif words[0] == "--seconds":
            seconds = float(words[1])
            words = words[1:]
        elif words[0] == "--close":
            close = True
        elif words[0] == "--stop":
            stop = True
        words = words[1:]
    directory = os.open(os.path.dirname(path), os.O_PATH)
    client = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    client.connect(f"/proc/self/fd/{directory}/{os.path.basename(path)}")
    print("connected", file=sys.stderr, flush=True)
    if text:
        client.send(text)
    if close:
        client.shutdown(socket.SHUT_WR)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if stop:
            time.sleep(0.1)
            continue
        if not select.select([client], [], [], 0.1)[0]:
            continue
        packet = client.recv(65536)
        if not packet:
            print("end", file=sys.stderr, flush=True)
            return
        os.write(1, f"{packet[0]}:".encode() + packet[1:])


main()
