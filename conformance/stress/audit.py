# SPDX-License-Identifier: Apache-2.0
"""What a machine has, before and after: nothing of a container may be left."""

import ctypes
import os
import signal
import subprocess
import time

# Seconds that any one command may take.
LIMIT = 20


def become_subreaper():
    """Makes orphans of the runtime ours, so that none is overlooked."""
    if ctypes.CDLL(None, use_errno=True).prctl(36, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "PR_SET_CHILD_SUBREAPER")


def children():
    """Pids of our living children, after reaping the dead ones."""
    while True:
        try:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                break
        except ChildProcessError:
            break
    found = []
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as file:
                fields = file.read().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if fields[0] not in "ZX" and int(fields[1]) == os.getpid():
            found.append(int(name))
    return found


def mounts():
    with open("/proc/self/mountinfo", encoding="utf-8") as file:
        return sorted(line.split(" ", 2)[2] for line in file)


def cgroups(tag):
    """Directories of every hierarchy with `tag` in their path."""
    return {at for at, _, _ in os.walk("/sys/fs/cgroup") if tag in at}


def run(command, output, limit=LIMIT, **options):
    """Exit status of a command, or None when it had to be stopped."""
    process = subprocess.Popen(command, stdin=options.pop("stdin", subprocess.DEVNULL), stdout=output,
                               stderr=output, start_new_session=True, **options)
    try:
        return process.wait(limit)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return None


def keyrings(tag):
    try:
        with open("/proc/keys", encoding="utf-8", errors="replace") as file:
            return sorted(line.split()[-2].rstrip(":") for line in file if tag in line)
    except OSError:
        return []


def listing(tag):
    """Names below /run and /tmp that are about us: other programs make theirs meanwhile."""
    found = set()
    for top in ("/run", "/tmp", "/dev/shm"):
        for at, directories, files in os.walk(top):
            if at.count("/") > 3:
                directories.clear()
            found.update(f"{at}/{name}" for name in directories + files
                         if tag in name)
    return found


class Audit:
    """Compares with what there was when it was made."""

    def __init__(self, tag, root, work):
        self.tag, self.root, self.work = tag, root, work
        self.before = self.snapshot()

    def snapshot(self):
        return {
            "mounts": mounts(),
            "cgroups": sorted(cgroups(self.tag)),
            "keyrings": keyrings(self.tag),
            "state": sorted(os.listdir(self.root)) if os.path.isdir(self.root) else [],
            "files": sorted(listing(self.tag)),
            "temporary files": sorted(os.listdir(self.work)),
            "descriptors": len(os.listdir("/proc/self/fd")),
            "processes": children(),
        }

    def check(self, what, problems, patience=20):
        """Adds a line for each difference. The kernel frees processes and keys a moment later."""
        end = time.monotonic() + patience
        while True:
            now = self.snapshot()
            different = [name for name in now if now[name] != self.before[name]]
            if not different or time.monotonic() > end:
                break
            time.sleep(0.05)
        for name in different:
            old, new = self.before[name], now[name]
            if isinstance(new, list):
                left = [item for item in new if item not in old]
                gone = [item for item in old if item not in new]
                problems.append(f"{what}: {name}: left {left[:5]}, gone {gone[:5]}")
            else:
                problems.append(f"{what}: {name}: {old} before, {new} after")
        for pid in now["processes"]:
            if pid not in self.before["processes"]:
                os.kill(pid, signal.SIGKILL)
