#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures martlet-shim and conmon side by side, called as an engine calls them.

    sudo conformance/bench/shim.py [--runtime PATH] [--monitors NAME=PATH,…] [--megabytes N] [--only memory|output]

Prints what each has of memory while it watches a sleeping container, alone and with another of its kind beside it, and how much output
it writes into a log in a second: long lines and short ones, beside `cat` from a pipe into a file.
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


FORMS = ("k8s-file", "json-file")
LENGTHS = (4000, 80)


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
        self.configure(arguments)
        self.log = f"{tmpfs or self.directory}/{name}.log"

    def configure(self, arguments):
        config = {
            "ociVersion": "1.0.2",
            "process": {"user": {"uid": 0, "gid": 0}, "cwd": "/", "args": arguments, "env": ["PATH=/bin"]},
            "root": {"path": "rootfs"},
            "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}],
            "linux": {"namespaces": [{"type": "pid"}, {"type": "mount"}]},
        }
        with open(f"{self.directory}/config.json", "w", encoding="utf-8") as file:
            json.dump(config, file)

    def call(self, *words):
        subprocess.run([self.runtime, "--root", self.state, *words], check=True, stdin=subprocess.DEVNULL)

    def by_hand(self, form="k8s-file"):
        """Runs it by martlet-shim's own command, which starts it, too."""
        records = f"{os.path.dirname(self.directory)}/records"
        words = [self.monitor, "run", "--root", records, "--runtime", self.runtime, "--bundle", self.directory]
        words += ["--log", f"{form}:{self.log}", "--runtime-arg", "--root", "--runtime-arg", self.state, self.name]
        subprocess.run(words, check=True, stdin=subprocess.DEVNULL)
        with open(f"{records}/{self.name}/shim.json", encoding="utf-8") as file:
            self.pid = json.load(file)["shimPid"]

    def execute(self):
        """One more program in the container, with a monitor of its own, as an engine has it; waits for its end."""
        place = f"{self.directory}/exec"
        if not os.path.exists(place):
            os.mkdir(place)
            process = {"user": {"uid": 0, "gid": 0}, "cwd": "/", "args": ["/bin/busybox", "true"], "env": ["PATH=/bin"]}
            with open(f"{place}/process.json", "w", encoding="utf-8") as file:
                json.dump(process, file)
        words = ["--bundle", place, "-e", "--exec-process-spec", f"{place}/process.json", "-p", f"{place}/pid"]
        answers = self.call_monitor(words + ["-P", f"{place}/monitor", "-l", "off"])
        if answers[-1]["data"] != 0:
            sys.exit(f"shim.py: {self.monitor}: exec: {answers}")

    def watch(self, form="k8s-file"):
        """Starts the monitor, and waits until the container is made."""
        words = ["-b", self.directory, "-p", f"{self.directory}/pid", "-P", f"{self.directory}/monitor"]
        words += ["--exit-dir", self.directory, "--no-sync-log", "-l", f"{form}:{self.log}"]
        self.call_monitor(words, first_only=True)
        with open(f"{self.directory}/monitor", encoding="ascii") as file:
            self.pid = int(file.read())

    def call_monitor(self, more, first_only=False):
        """Calls it as an engine does; returns its answers: the first one, or all until it ends."""
        sync_read, sync_write = os.pipe()
        start_read, start_write = os.pipe()
        environment = dict(os.environ, _OCI_SYNCPIPE=str(sync_write), _OCI_STARTPIPE=str(start_read))
        words = [self.monitor, "--api-version", "1", "-c", self.name, "-u", self.name, "--full-attach"]
        words += ["-r", self.runtime, "--runtime-arg", "--root", "--runtime-arg", self.state] + more
        process = subprocess.Popen(words, env=environment, pass_fds=[sync_write, start_read], stdin=subprocess.DEVNULL)
        os.close(sync_write)
        os.close(start_read)
        os.write(start_write, b"\0")
        os.close(start_write)
        with os.fdopen(sync_read) as sync:
            answers = [json.loads(sync.readline())]
            if not first_only:
                answers += [json.loads(line) for line in sync]
        process.wait()
        if answers[0]["data"] < 0:
            sys.exit(f"shim.py: {self.monitor}: {answers}")
        return answers

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


def sleeping(monitor, runtime, place, name, count, by_hand=False):
    """What one of so many monitors has, while their containers sleep. What several have in common, the program's file, is not counted as
    private; of one alone it is, as far as it has been read."""
    words = ["/bin/busybox", "sleep", "1000"]
    containers = [Container(monitor, runtime, place, f"{name}-{count}-{number}", words) for number in range(count)]
    for container in containers:
        if by_hand:
            container.by_hand()
        else:
            container.watch()
            container.call("start", container.name)
    time.sleep(2)
    result = memory(containers[0].pid)
    for container in containers:
        container.call("kill", container.name, "KILL")
        container.ended()
        container.call("delete", "--force", container.name)
    return result


def growth(monitor, runtime, place, name, execs):
    """What it has before and after so many execs in its container."""
    container = Container(monitor, runtime, place, name, ["/bin/busybox", "sleep", "100000"])
    container.watch()
    container.call("start", name)
    time.sleep(2)
    before = memory(container.pid)
    for _ in range(execs):
        container.execute()
    time.sleep(2)
    after = memory(container.pid)
    container.call("kill", name, "KILL")
    container.ended()
    container.call("delete", "--force", name)
    return before, after


def lines_of(length):
    """About 16 MB of lines, each of so many bytes."""
    words = b"The quick brown fox jumps over the lazy dog, 0123456789 times; "
    line = (words * (length // len(words) + 1))[: length - 1] + b"\n"
    return line * (16_000_000 // length)


def producer(directory, length, megabytes):
    """Puts what a container is to write where it finds it; returns the command, and how many bytes it writes."""
    with open(f"{directory}/lines", "wb") as file:
        size = file.write(lines_of(length))
    rounds = -(-megabytes * 1_000_000 // size)
    return f"i=0; while [ $i -lt {rounds} ]; do busybox dd if=lines bs=64k 2>/dev/null; i=$((i+1)); done", size * rounds


def floor(place, length, megabytes):
    """MB in a second from a pipe into a file, by cat."""
    directory = f"{place}/floor"
    os.makedirs(directory, exist_ok=True)
    script, size = producer(directory, length, megabytes)
    begin = time.monotonic()
    subprocess.run(["/bin/busybox", "sh", "-c", f"{{ {script}; }} | /bin/cat >log"], cwd=directory, check=True)
    seconds = time.monotonic() - begin
    shutil.rmtree(directory)
    return size / 1e6 / seconds


def throughput(monitor, runtime, place, name, form, length, megabytes):
    """MB of output in a second, from the start of the container to the monitor's end."""
    container = Container(monitor, runtime, place, name, ["/bin/busybox", "sh"], tmpfs=place)
    script, size = producer(f"{container.directory}/rootfs", length, megabytes)
    container.configure(["/bin/busybox", "sh", "-c", script])
    # conmon has no JSON: for engines that means its own format.
    if form == "json-file":
        begin = time.monotonic()
        container.by_hand(form)
    else:
        container.watch(form)
        begin = time.monotonic()
        container.call("start", name)
    container.ended()
    seconds = time.monotonic() - begin
    written = os.path.getsize(container.log)
    os.unlink(container.log)
    container.call("delete", "--force", name)
    shutil.rmtree(container.directory)
    shutil.rmtree(f"{place}/records", ignore_errors=True)
    if written < size:
        sys.exit(f"shim.py: {monitor} has lost output: {written} bytes in the log of {size}")
    return size / 1e6 / seconds


def median(values):
    return sorted(values)[len(values) // 2]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--runtime", default=f"{ROOT}/.build/release/martlet")
    parser.add_argument("--monitors", default=None)
    parser.add_argument("--megabytes", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", choices=["memory", "output"])
    parser.add_argument("--execs", type=int, default=300, help="after which memory is measured again (300)")
    parser.add_argument("--check", action="store_true", help="exit with 1 if martlet-shim has more memory than conmon, or grows")
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
    memories, speeds, grown = {}, {}, {}
    try:
        for round_number in range(arguments.rounds):
            for name, path in monitors:
                # A copy, as `make install` would make it.
                copy = f"{programs}/{name}"
                shutil.copy(path, copy)
                unique = f"bench-{os.getpid()}-{round_number}-{name}"
                if arguments.only != "output":
                    for count in 1, 2:
                        found = sleeping(copy, arguments.runtime, place, unique, count)
                        memories.setdefault(f"{name}, {'alone' if count == 1 else 'one of 2'}", []).append(found)
                    if "conmon" not in os.path.basename(path):
                        found = sleeping(copy, arguments.runtime, place, unique + "-hand", 1, by_hand=True)
                        memories.setdefault(f"{name}, alone, by hand", []).append(found)
                    if round_number == 0 and arguments.execs:
                        before, after = growth(copy, arguments.runtime, place, unique + "-execs", arguments.execs)
                        grown[name] = before[1], after[1]
                        memories[f"{name}, alone, before execs"] = [before]
                        memories[f"{name}, after {arguments.execs}"] = [after]
                if arguments.only == "memory":
                    continue
                for form in FORMS:
                    if form == "json-file" and "conmon" in os.path.basename(path):
                        continue
                    for length in LENGTHS:
                        speed = throughput(
                            copy, arguments.runtime, place, unique + "-out", form, length, arguments.megabytes)
                        speeds.setdefault((f"{name}, {form}", length), []).append(speed)
            if arguments.only != "memory":
                for length in LENGTHS:
                    speeds.setdefault(("cat, as it is", length), []).append(floor(place, length, arguments.megabytes))
    finally:
        subprocess.run(["umount", "-l", place], check=False)
        os.rmdir(place)
        shutil.rmtree(programs)

    if memories:
        print(f"{'KiB, medians':<34} {'private':>10} {'of no file':>12} {'proportional':>14}")
        for label, found in memories.items():
            columns = [median(column) for column in zip(*found)]
            print(f"{label:<34} {columns[0]:>10} {columns[1]:>12} {columns[2]:>14}")
    if speeds:
        print(f"{'MB/s into a log':<26} " + " ".join(f"{f'lines of {length}':>16}" for length in LENGTHS) + "   (median, best)")
        for label in dict.fromkeys(label for label, _ in speeds):
            cells = (speeds[label, length] for length in LENGTHS)
            print(f"{label:<26} " + " ".join(f"{median(found):>9.0f} {max(found):>6.0f}" for found in cells))
    if arguments.check:
        return check(memories, grown, speeds)
    return 0


def check(memories, grown, speeds):
    """Whether what docs/shim.md promises holds."""
    private = {label: median([found[0] for found in values]) for label, values in memories.items()}
    bad = []
    for label in ("alone", "one of 2") if memories else ():
        ours, theirs = private[f"martlet-shim, {label}"], private.get(f"conmon, {label}")
        if theirs is not None and ours > theirs:
            bad.append(f"{label}: {ours} KiB private, conmon {theirs}")
    if "conmon, alone" in private and private["martlet-shim, alone, by hand"] > private["conmon, alone"]:
        bad.append(f"by hand: {private['martlet-shim, alone, by hand']} KiB private, conmon {private['conmon, alone']}")
    # A page or two may be touched for the first time.
    for name, (before, after) in grown.items():
        if "martlet" in name and after > before + 16:
            bad.append(f"{name} has grown from {before} to {after} KiB")
    for (label, length), found in speeds.items():
        if label.startswith("martlet-shim") and max(found) < 200:
            bad.append(f"{label}: {max(found):.0f} MB/s of lines of {length} bytes")
    for line in bad:
        print(f"shim.py: {line}", file=sys.stderr)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
