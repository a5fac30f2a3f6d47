#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs a command on a new pseudo-terminal of which it is the session leader, and copies what it says.

in-terminal.py [--size ROWSxCOLUMNS] [--input TEXT] COMMAND…

Exits with the command's code, or 128 + signal. INPUT is typed once anything has been said.
"""
import fcntl
import os
import pty
import select
import struct
import sys
import termios
import time


def main():
    words = sys.argv[1:]
    size, text = None, b""
    while words and words[0].startswith("--"):
        if words[0] == "--size":
            size = [int(part) for part in words[1].split("x")]
        elif words[0] == "--input":
            text = words[1].encode()
        words = words[2:]
    pid, master = pty.fork()
    if pid == 0:
        if size:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", size[0], size[1], 0, 0))
        os.execvp(words[0], words)
    end = time.monotonic() + 18
    while time.monotonic() < end:
        if not select.select([master], [], [], 0.2)[0]:
            continue
        try:
            data = os.read(master, 4096)
        except OSError:
            break
        if not data:
            break
        os.write(1, data)
        if text:
            os.write(master, text)
            text = b""
    _, status = os.waitpid(pid, 0)
    sys.exit(os.waitstatus_to_exitcode(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status))


main()
