#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Does for a monitor what an engine does: makes the pipes, starts it, and shows what it answers.

conmon-parent.py [--attach] [--seconds N] [--until TEXT] MONITOR FLAG…

Prints one line for each line of JSON that comes on the sync pipe, `sync: …`, and on the attach pipe,
`attach: …`, then `exited: CODE` for the process that was started. With --attach it reads the attach
socket's announcement first and then lets the runtime begin, as podman does for exec. It ends when
the sync pipe does.
"""
import os
import select
import subprocess
import sys
import time


def main():
    words = sys.argv[1:]
    seconds, attach = 20, False
    while words and words[0].startswith("--"):
        if words[0] == "--attach":
            attach = True
            words = words[1:]
        elif words[0] == "--seconds":
            seconds = float(words[1])
            words = words[2:]
    sync_read, sync_write = os.pipe()
    start_read, start_write = os.pipe()
    attach_read, attach_write = os.pipe()
    environment = dict(os.environ, _OCI_SYNCPIPE=str(sync_write), _OCI_STARTPIPE=str(start_read))
    passed = [sync_write, start_read]
    if attach:
        environment["_OCI_ATTACHPIPE"] = str(attach_write)
        passed.append(attach_write)
    monitor = subprocess.Popen(words, env=environment, pass_fds=passed, stdin=subprocess.DEVNULL)
    for number in sync_write, start_read, attach_write:
        os.close(number)
    os.write(start_write, b"\0")
    end = time.monotonic() + seconds
    if attach:
        answer = os.read(attach_read, 4096).decode()
        print("attach:", answer.strip(), flush=True)
        os.write(start_write, b"\0")
    rest = b""
    while time.monotonic() < end:
        if not select.select([sync_read], [], [], 0.1)[0]:
            continue
        data = os.read(sync_read, 65536)
        if not data:
            break
        rest += data
        while b"\n" in rest:
            line, rest = rest.split(b"\n", 1)
            print("sync:", line.decode(), flush=True)
    else:
        print("sync: (nothing more)", flush=True)
    print("exited:", monitor.wait(), flush=True)


main()
