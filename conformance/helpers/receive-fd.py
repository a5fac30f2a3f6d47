#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Listens on a Unix stream socket for one message with one descriptor, as an engine's console or
pidfd socket does.

receive-fd.py SOCKET REPORT [SECONDS]

REPORT gets one JSON object: payload, how many descriptors came, what the first is (terminal, pid).
Of a terminal, whatever it says until it is closed goes to REPORT.text.
"""
import array
import json
import os
import select
import socket
import sys
import time


def main():
    path, report = sys.argv[1:3]
    end = time.monotonic() + float(sys.argv[3] if len(sys.argv) > 3 else 20)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(path)
    listener.listen(1)
    listener.settimeout(end - time.monotonic())
    peer, _ = listener.accept()
    size = array.array("i").itemsize
    payload, control, _, _ = peer.recvmsg(4096, socket.CMSG_SPACE(16 * size))
    received = array.array("i")
    for level, kind, data in control:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            received.frombytes(data[: len(data) - len(data) % size])
    seen = {"payload": payload.decode(errors="replace"), "count": len(received)}
    if received:
        first = received[0]
        seen["terminal"] = os.isatty(first)
        if seen["terminal"]:
            seen["size"] = list(os.get_terminal_size(first))
        with open(f"/proc/self/fdinfo/{first}") as info:
            for line in info:
                if line.startswith("Pid:"):
                    seen["pid"] = int(line.split()[1])
    with open(report + ".new", "w") as file:
        json.dump(seen, file)
    os.rename(report + ".new", report)
    if not seen.get("terminal"):
        return
    with open(report + ".text", "wb", buffering=0) as text:
        while time.monotonic() < end:
            if not select.select([received[0]], [], [], 0.2)[0]:
                continue
            try:
                data = os.read(received[0], 4096)
            except OSError:
                break
            if not data:
                break
            text.write(data)


main()
