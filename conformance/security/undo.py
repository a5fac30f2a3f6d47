#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Interrupts `create` at every system call that makes, asks or waits for something, and looks at
what is left after `delete --force`.

usage: undo.py kill|fail RUNTIME BUNDLE ROOT

kill: the process that makes the call, runtime or container, dies by SIGKILL at it.
fail: the call answers an errno instead of being made.

Prints a line for each case that left something behind, hung, or died by a signal of its own, and
a closing count; exits 1 if there was any.
"""

import ctypes
import glob
import os
import re
import signal
import subprocess
import sys
import tempfile
import time

CALLS = [
    "clone3", "openat", "openat2", "mkdirat", "mknodat", "symlinkat", "renameat", "unlinkat",
    "fsopen", "fsconfig", "fsmount", "move_mount", "open_tree", "mount_setattr", "mount",
    "pivot_root", "umount2", "chdir", "fchdir", "setsid", "keyctl", "sethostname", "socket",
    "socketpair", "bind", "listen", "sendmsg", "recvmsg", "flock", "prlimit64", "prctl",
    "setgroups", "setresgid", "setresuid", "capset", "fchownat", "execveat", "write",
]
ERRNOS = ["EPERM", "ENOMEM", "EIO"]
LIMIT = 20


def subreaper():
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


def cgroups():
    """Directories of every hierarchy, two levels down."""
    found = set()
    for level in ("*", "*/*", "*/*/*"):
        found.update(glob.glob("/sys/fs/cgroup/" + level + "/"))
    return found


def run(command, output):
    """Exit status of a command, or None when it had to be stopped."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                               start_new_session=True)
    try:
        return process.wait(LIMIT)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return None


class Trial:
    def __init__(self, runtime, bundle, root):
        self.runtime, self.bundle, self.root = runtime, bundle, root
        self.before = mounts()
        self.cgroups = cgroups()
        self.problems = []
        self.count = 0
        self.failures = 0

    def create(self, strace, log):
        # -D: the command is our child, and strace goes on with the container's process.
        return ["strace", "-D", "-f", "-qq", "-o", log, *strace, self.runtime, "--root", self.root,
                "create", "--bundle", self.bundle, "undo"]

    def delete(self, output):
        return run([self.runtime, "--root", self.root, "delete", "--force", "undo"], output)

    def calls(self):
        """How often each call is made by the process that makes it most."""
        counts = {}
        with tempfile.NamedTemporaryFile("r") as log, tempfile.TemporaryFile() as output:
            if run(self.create(["-e", "trace=" + ",".join(CALLS)], log.name), output) != 0:
                output.seek(0)
                sys.exit("create under strace fails: " + output.read().decode(errors="replace"))
            for line in log:
                found = re.match(r"(\d+) +(\w+)\(", line)
                if found:
                    counts[found.groups()] = counts.get(found.groups(), 0) + 1
            self.delete(output)
        most = {}
        for (_, call), count in counts.items():
            most[call] = max(most.get(call, 0), count)
        return most

    def attempt(self, what, call, injection):
        self.count += 1
        with tempfile.NamedTemporaryFile() as log, tempfile.TemporaryFile() as output:
            status = run(self.create(["-e", f"trace={call}", "-e", injection], log.name), output)
            if status is None:
                self.problems.append(f"{what}: create hangs")
            output.seek(0)
            text = output.read().decode(errors="replace").strip()
            if status in (-4, -5, -11, 132, 133, 139):
                self.problems.append(f"{what}: create trapped ({status}) {text}")
            failed = status not in (0, None)
            self.failures += failed
            if failed and "signal=" not in injection and not text:
                self.problems.append(f"{what}: create failed ({status}) without a word")
            if self.delete(output) != 0:
                output.seek(0)
                message = output.read().decode(errors="replace").strip()
                self.problems.append(f"{what}: delete --force fails: {message}")
        self.audit(what)

    def audit(self, what):
        # A killed process is gone a moment after its descriptor says so.
        for _ in range(100):
            if not children():
                break
            time.sleep(0.02)
        for pid in children():
            self.problems.append(f"{what}: process {pid} is left")
            os.kill(pid, signal.SIGKILL)
        left = os.listdir(self.root) if os.path.isdir(self.root) else []
        if left:
            self.problems.append(f"{what}: state is left: {left}")
        if mounts() != self.before:
            self.problems.append(f"{what}: mounts are left")
        extra = cgroups() - self.cgroups
        if any("martlet-undo" in path for path in extra):
            self.problems.append(f"{what}: cgroups are left: {sorted(extra)}")


def main():
    mode, runtime, bundle, root = sys.argv[1:]
    subreaper()
    trial = Trial(runtime, bundle, root)
    for call, count in sorted(trial.calls().items()):
        for when in range(1, count + 1):
            if mode == "kill":
                trial.attempt(f"SIGKILL at {call} {when}", call,
                              f"inject={call}:signal=SIGKILL:when={when}")
            else:
                errno = ERRNOS[when % len(ERRNOS)]
                trial.attempt(f"{errno} at {call} {when}", call,
                              f"inject={call}:error={errno}:when={when}")
    for problem in trial.problems:
        print(problem)
    print(f"{trial.count} cases, create failed in {trial.failures}, "
          f"{len(trial.problems)} problems")
    # Were hardly any to fail, the injection would not have worked.
    sys.exit(1 if trial.problems or trial.failures < trial.count / 4 else 0)


main()
