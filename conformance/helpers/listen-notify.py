#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A service manager's notify socket: writes each datagram's lines to a file, answers barriers.

listen-notify.py SOCKET FILE [SECONDS]
"""
import array
import os
import socket
import sys
import time


def main():
    path, file = sys.argv[1:3]
    end = time.monotonic() + float(sys.argv[3] if len(sys.argv) > 3 else 15)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listener.bind(path)
    with open(file, "wb", buffering=0) as out:
        while time.monotonic() < end:
            listener.settimeout(max(0.01, end - time.monotonic()))
            try:
                data, control, _, _ = listener.recvmsg(8192, 256)
            except socket.timeout:
                return
            out.write(data.rstrip(b"\n") + b"\n")
            # A barrier is a descriptor that its sender waits for us to close.
            for _, _, rights in control:
                received = array.array("i")
                received.frombytes(rights)
                for descriptor in received:
                    os.close(descriptor)


main()
