#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Interrupts `create` at every system call that makes, asks or waits for something, and looks at
what is left after `delete --force`; or `exec`, and looks whether the container is as it was.

usage: undo.py kill|fail RUNTIME BUNDLE ROOT [create|exec]

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
    "setgroups", "setresgid", "setresuid", "capset", "fchownat", "execveat", "write", "setns",
    "pidfd_open", "execve", "dup3", "close_range", "umask", "readlink", "sched_setaffinity",
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
    # What is interrupted.
    name = "create"

    def __init__(self, runtime, bundle, root):
        self.runtime, self.bundle, self.root = runtime, bundle, root
        self.command = ["create", "--bundle", self.bundle, "undo"]
        self.before = mounts()
        self.cgroups = cgroups()
        self.problems = []
        self.count = 0
        self.failures = 0

    def create(self, strace, log):
        # -D: the command is our child, and strace goes on with the container's process.
        return ["strace", "-D", "-f", "-qq", "-o", log, *strace, self.runtime, "--root", self.root,
                *self.command]

    def delete(self, output):
        return run([self.runtime, "--root", self.root, "delete", "--force", "undo"], output)

    def calls(self):
        """How often each call is made by the process that makes it most."""
        counts = {}
        with tempfile.NamedTemporaryFile("r") as log, tempfile.TemporaryFile() as output:
            if run(self.create(["-e", "trace=" + ",".join(CALLS)], log.name), output) != 0:
                output.seek(0)
                sys.exit(f"{self.name} under strace fails: " + output.read().decode(errors="replace"))
            for line in log:
                found = re.match(r"(\d+) +(\w+)\(", line)
                if found:
                    counts[found.groups()] = counts.get(found.groups(), 0) + 1
            self.clean(output)
        most = {}
        for (_, call), count in counts.items():
            most[call] = max(most.get(call, 0), count)
        return most

    def attempt(self, what, call, injection):
        self.count += 1
        with tempfile.NamedTemporaryFile() as log, tempfile.TemporaryFile() as output:
            status = run(self.create(["-e", f"trace={call}", "-e", injection], log.name), output)
            if status is None:
                self.problems.append(f"{what}: {self.name} hangs")
            output.seek(0)
            text = output.read().decode(errors="replace").strip()
            if status in (-4, -5, -11, 132, 133, 139):
                self.problems.append(f"{what}: {self.name} trapped ({status}) {text}")
            failed = status not in (0, None)
            self.failures += failed
            if failed and "signal=" not in injection and not text:
                self.problems.append(f"{what}: {self.name} failed ({status}) without a word")
            if self.clean(output) != 0:
                output.seek(0)
                message = output.read().decode(errors="replace").strip()
                self.problems.append(f"{what}: delete --force fails: {message}")
        self.audit(what)

    def clean(self, output):
        return self.delete(output)

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


class ExecTrial(Trial):
    """The container stays: it must be what it was, with nobody in it but its own process."""

    name = "exec"

    def __init__(self, runtime, bundle, root):
        # What is looked at later begins when the container is there.
        container = [runtime, "--root", root]
        with open(os.devnull, "wb") as nowhere:
            subprocess.run([*container, "run", "--detach", "--bundle", bundle, "undo"],
                           stdin=subprocess.DEVNULL, stdout=nowhere, check=True)
        super().__init__(runtime, bundle, root)
        self.cgroups = self.own_cgroups()
        self.pid_file = root + ".pid"
        self.command = ["exec", "--pid-file", self.pid_file, "undo", "true"]
        self.state = self.ask("state")
        self.own = self.ask("ps", "--format", "json")

    def ask(self, command, *flags):
        return subprocess.run([self.runtime, "--root", self.root, command, *flags, "undo"],
                              stdin=subprocess.DEVNULL, capture_output=True, check=True).stdout

    def clean(self, output):
        if os.path.exists(self.pid_file):
            os.remove(self.pid_file)
        return 0

    def audit(self, what):
        for _ in range(100):
            if self.ask("ps", "--format", "json") == self.own:
                break
            time.sleep(0.02)
        else:
            self.problems.append(f"{what}: a process is left in the container")
        if self.ask("state") != self.state:
            self.problems.append(f"{what}: the container's state has changed")
        if mounts() != self.before:
            self.problems.append(f"{what}: mounts are left")
        if self.own_cgroups() != self.cgroups:
            self.problems.append(f"{what}: cgroups are left")
        children()

    def own_cgroups(self):
        """Those that are named after the test's directory."""
        tag = os.path.basename(os.path.dirname(self.root))
        return {path for path in cgroups() if tag in path}

    def end(self):
        with tempfile.TemporaryFile() as output:
            if self.delete(output) != 0:
                self.problems.append("delete --force fails")
        super().audit("at the end")


def main():
    mode, runtime, bundle, root = sys.argv[1:5]
    subreaper()
    trial = (ExecTrial if "exec" in sys.argv[5:] else Trial)(runtime, bundle, root)
    for call, count in sorted(trial.calls().items()):
        for when in range(1, count + 1):
            if mode == "kill":
                trial.attempt(f"SIGKILL at {call} {when}", call,
                              f"inject={call}:signal=SIGKILL:when={when}")
            else:
                errno = ERRNOS[when % len(ERRNOS)]
                trial.attempt(f"{errno} at {call} {when}", call,
                              f"inject={call}:error={errno}:when={when}")
    if isinstance(trial, ExecTrial):
        trial.end()
    for problem in trial.problems:
        print(problem)
    print(f"{trial.count} cases, {trial.name} failed in {trial.failures}, "
          f"{len(trial.problems)} problems")
    # Were hardly any to fail, the injection would not have worked.
    sys.exit(1 if trial.problems or trial.failures < trial.count / 4 else 0)


main()
