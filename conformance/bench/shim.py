#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures martlet-shim and conmon side by side, called as an engine calls them.

    sudo conformance/bench/shim.py [--runtime PATH] [--monitors NAME=PATH,…] [--megabytes N]

Prints what each has of memory while it watches a sleeping container, with another of its kind beside it, and how much output it writes
into a log in a second.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class Container:
    """A bundle, and a monitor that watches it."""

    def __init__(self, monitor, runtime, place, name, arguments, tmpfs=None):
        self.monitor, self.runtime, self.name = monitor, runtime, name
        self.state = f"{place}/state"
        self.directory = f"{place}/{name}"
        rootfs = f"{self.directory}/rootfs"
        os.makedirs(f"{rootfs}/bin")
        os.makedirs(f"{rootfs}/proc")
        shutil.copy("/bin/busybox", f"{rootfs}/bin/busybox")
        config = {
            "ociVersion": "1.0.2",
            "process": {"user": {"uid": 0, "gid": 0}, "cwd": "/", "args": arguments, "env": ["PATH=/bin"]},
            "root": {"path": "rootfs"},
            "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}],
            "linux": {"namespaces": [{"type": "pid"}, {"type": "mount"}]},
        }
        with open(f"{self.directory}/config.json", "w", encoding="utf-8") as file:
            json.dump(config, file)
        self.log = f"{tmpfs or self.directory}/{name}.log"

    def call(self, *words):
        subprocess.run([self.runtime, "--root", self.state, *words], check=True, stdin=subprocess.DEVNULL)

    def watch(self):
        """Starts the monitor, and waits until the container is made."""
        sync_read, sync_write = os.pipe()
        start_read, start_write = os.pipe()
        environment = dict(os.environ, _OCI_SYNCPIPE=str(sync_write), _OCI_STARTPIPE=str(start_read))
        words = [self.monitor, "--api-version", "1", "-c", self.name, "-u", self.name, "--full-attach"]
        words += ["-r", self.runtime, "-b", self.directory, "-p", f"{self.directory}/pid"]
        words += ["-P", f"{self.directory}/monitor", "--exit-dir", self.directory, "--no-sync-log"]
        words += ["-l", f"k8s-file:{self.log}", "--runtime-arg", "--root", "--runtime-arg", self.state]
        process = subprocess.Popen(words, env=environment, pass_fds=[sync_write, start_read], stdin=subprocess.DEVNULL)
        os.close(sync_write)
        os.close(start_read)
        os.write(start_write, b"\0")
        os.close(start_write)
        with os.fdopen(sync_read) as sync:
            answer = json.loads(sync.readline())
        process.wait()
        if answer["data"] < 0:
            sys.exit(f"shim.py: {self.monitor}: {answer}")
        with open(f"{self.directory}/monitor", encoding="ascii") as file:
            self.pid = int(file.read())

    def ended(self, seconds=120):
        """Waits for the monitor's end."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                with open(f"/proc/{self.pid}/stat", encoding="utf-8") as file:
                    if file.read().rsplit(")", 1)[1].split()[0] in "ZX":
                        return
            except FileNotFoundError:
                return
            time.sleep(0.005)
        sys.exit(f"shim.py: {self.monitor} does not end")


def memory(pid):
    """KiB: private, not of any file, proportional."""
    rollup = {}
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        for line in file:
            words = line.split()
            if len(words) == 3 and words[2] == "kB":
                rollup[words[0]] = int(words[1])
    return rollup["Private_Clean:"] + rollup["Private_Dirty:"], rollup["Anonymous:"], rollup["Pss:"]


def sleeping(monitor, runtime, place, name):
    # Two: what they have in common, the program's file, is not counted as private.
    words = ["/bin/busybox", "sleep", "1000"]
    containers = [Container(monitor, runtime, place, f"{name}-{number}", words) for number in (1, 2)]
    for container in containers:
        container.watch()
        container.call("start", container.name)
    time.sleep(2)
    result = memory(containers[0].pid)
    for container in containers:
        container.call("kill", container.name, "KILL")
        container.ended()
        container.call("delete", "--force", container.name)
    return result


def throughput(monitor, runtime, place, name, megabytes):
    """MB in a second, from the start of the container to the monitor's end."""
    script = f"yes {'x' * 99} | head -c {megabytes}000000"
    container = Container(monitor, runtime, place, name, ["/bin/busybox", "sh", "-c", script], tmpfs=place)
    for applet in "yes", "head":
        os.symlink("busybox", f"{container.directory}/rootfs/bin/{applet}")
    container.watch()
    begin = time.monotonic()
    container.call("start", name)
    container.ended()
    seconds = time.monotonic() - begin
    size = os.path.getsize(container.log)
    os.unlink(container.log)
    container.call("delete", "--force", name)
    if size < megabytes * 1e6:
        sys.exit(f"shim.py: {monitor} has lost output: {size} bytes in the log")
    return megabytes / seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--runtime", default=f"{ROOT}/.build/release/martlet")
    parser.add_argument("--monitors", default=None)
    parser.add_argument("--megabytes", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("shim.py: run it as root")
    monitors = [("martlet-shim", f"{ROOT}/.build/release/martlet-shim")]
    if arguments.monitors:
        monitors = [tuple(word.split("=", 1)) for word in arguments.monitors.split(",")]
    elif shutil.which("conmon"):
        monitors.append(("conmon", shutil.which("conmon")))

    place = tempfile.mkdtemp(prefix="martlet-bench-")
    # On a disk, as programs are; the bundles and logs are in memory, so that no disk is measured.
    programs = tempfile.mkdtemp(prefix="shim-bench-", dir=f"{ROOT}/.build")
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", place], check=True)
    figures = {}
    try:
        for round_number in range(arguments.rounds):
            for name, path in monitors:
                # A copy, as `make install` would make it.
                copy = f"{programs}/{name}"
                shutil.copy(path, copy)
                unique = f"bench-{os.getpid()}-{round_number}-{name}"
                kept = figures.setdefault(name, ([], []))
                kept[0].append(sleeping(copy, arguments.runtime, place, unique))
                kept[1].append(throughput(copy, arguments.runtime, place, unique + "-out", arguments.megabytes))
    finally:
        subprocess.run(["umount", "-l", place], check=False)
        os.rmdir(place)
        shutil.rmtree(programs)

    print(f"{'of two that watch':<24} {'private KiB':>12} {'of no file':>12} {'proportional':>12} {'MB/s into a log':>16}")
    for name, (memories, speeds) in figures.items():
        private, written, proportional = (sorted(column)[len(memories) // 2] for column in zip(*memories))
        print(f"{name:<24} {private:>12} {written:>12} {proportional:>12} {max(speeds):>16.0f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
