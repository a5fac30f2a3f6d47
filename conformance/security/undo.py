#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Interrupts a command at every system call that makes, asks or waits for something, and looks at
what is left after `delete --force`; or `exec`, and looks whether the container is as it was.

usage: undo.py [--all] [--at-most N] kill|fail RUNTIME BUNDLE ROOT [create|exec|start|kill|delete|run]

kill: the process that makes the call, runtime or container, dies by SIGKILL at it.
fail: the call answers an errno instead of being made.
--all: every system call that there is, and, of those that can fail, six errnos at the first eight.
--at-most N: no more cases than this, spread over all.

Prints a line for each case that left something behind, hung, or died by a signal of its own, and
a closing count; exits 1 if there was any.
"""

import argparse
import os
import re
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "stress"))

import audit  # noqa: E402 # it lies beside stress.py
from audit import children, mounts, run  # noqa: E402

CALLS = [
    "clone3", "openat", "openat2", "mkdirat", "mknodat", "symlinkat", "renameat", "unlinkat",
    "fsopen", "fsconfig", "fsmount", "move_mount", "open_tree", "mount_setattr", "mount",
    "pivot_root", "umount2", "chdir", "fchdir", "setsid", "keyctl", "sethostname", "socket",
    "socketpair", "bind", "listen", "sendmsg", "recvmsg", "flock", "prlimit64", "prctl",
    "setgroups", "setresgid", "setresuid", "capset", "fchownat", "execveat", "write", "setns",
    "pidfd_open", "execve", "dup3", "close_range", "umask", "readlink", "sched_setaffinity",
]
ERRNOS = ["EPERM", "ENOMEM", "EIO"]
ALL_ERRNOS = ["EPERM", "ENOMEM", "EIO", "EINVAL", "ENOSPC", "EAGAIN"]
POSITIONS = 8
# Ends, and what a process asks of itself before there is anything to lose; strace itself needs some.
NEVER = {"exit", "exit_group", "execve", "brk", "mmap", "munmap", "mprotect", "rt_sigreturn", "restart_syscall"}


class Trial:
    # What is interrupted.
    name = "create"
    traced = ",".join(CALLS)

    def __init__(self, runtime, bundle, root):
        self.runtime, self.bundle, self.root = runtime, bundle, root
        self.command = ["create", "--bundle", self.bundle, "undo"]
        self.before = mounts()
        self.cgroups = self.own_cgroups()
        self.problems = []
        self.count = 0
        self.failures = 0

    def own_cgroups(self):
        """Those that are named after the test's directory."""
        return audit.cgroups(os.path.basename(os.path.dirname(self.root)))

    def prepare(self):
        """Makes what the command is about."""

    def create(self, strace, log):
        # -D: the command is our child, and strace goes on with the container's process.
        return ["strace", "-D", "-f", "-qq", "-o", log, *strace, self.runtime, "--root", self.root,
                *self.command]

    def delete(self, output):
        return run([self.runtime, "--root", self.root, "delete", "--force", "undo"], output)

    def calls(self):
        """How often each call is made by the process that makes it most."""
        counts = {}
        self.prepare()
        with tempfile.NamedTemporaryFile("r") as log, tempfile.TemporaryFile() as output:
            command = self.create(["-e", "trace=" + self.traced], log.name)
            status = run(command, output)
            for _ in range(2):
                if status == -signal.SIGALRM:
                    status = run(command, output)
            if status != 0:
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
        # On a busy machine strace may take longer than it gives itself, two seconds, to attach.
        for _ in range(3):
            if self.attempt_once(what, call, injection) != -signal.SIGALRM:
                return
        self.problems.append(f"{what}: strace was never ready in time")

    def attempt_once(self, what, call, injection):
        self.prepare()
        with tempfile.NamedTemporaryFile() as log, tempfile.TemporaryFile() as output:
            status = run(self.create(["-e", f"trace={call}", "-e", injection], log.name), output)
            if status is None:
                self.problems.append(f"{what}: {self.name} hangs")
            output.seek(0)
            text = output.read().decode(errors="replace").strip()
            if status in (-4, -5, -11, 132, 133, 139):
                self.problems.append(f"{what}: {self.name} trapped ({status}) {text}")
            failed = status not in (0, None, -signal.SIGALRM)
            self.failures += failed
            if failed and "signal=" not in injection and not text:
                self.problems.append(f"{what}: {self.name} failed ({status}) without a word")
            if self.clean(output) != 0:
                output.seek(0)
                message = output.read().decode(errors="replace").strip()
                self.problems.append(f"{what}: delete --force fails: {message}")
        self.audit(what)
        return status

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
        extra = self.own_cgroups() - self.cgroups
        if extra:
            self.problems.append(f"{what}: cgroups are left: {sorted(extra)}")
            # Once is enough.
            self.cgroups |= extra


class StartTrial(Trial):
    """The container waits to be started."""

    name = "start"

    def __init__(self, runtime, bundle, root):
        super().__init__(runtime, bundle, root)
        self.command = ["start", "undo"]

    def prepare(self):
        self.plain("create", "--bundle", self.bundle, "undo")

    def plain(self, *words):
        with tempfile.TemporaryFile() as output:
            if run([self.runtime, "--root", self.root, *words], output) != 0:
                output.seek(0)
                self.problems.append(f"{words[0]} fails: " + output.read().decode(errors="replace").strip())


class KillTrial(StartTrial):
    """The container runs."""

    name = "kill"

    def __init__(self, runtime, bundle, root):
        super().__init__(runtime, bundle, root)
        self.command = ["kill", "undo", "KILL"]

    def prepare(self):
        self.plain("run", "--detach", "--bundle", self.bundle, "undo")


class DeleteTrial(KillTrial):
    name = "delete"

    def __init__(self, runtime, bundle, root):
        super().__init__(runtime, bundle, root)
        self.command = ["delete", "--force", "undo"]


class RunTrial(Trial):
    name = "run"

    def __init__(self, runtime, bundle, root):
        super().__init__(runtime, bundle, root)
        self.command = ["run", "--bundle", self.bundle, "undo"]


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

    def end(self):
        with tempfile.TemporaryFile() as output:
            if self.delete(output) != 0:
                self.problems.append("delete --force fails")
        super().audit("at the end")


TRIALS = {trial.name: trial for trial in (Trial, ExecTrial, StartTrial, KillTrial, DeleteTrial, RunTrial)}


def cases(mode, counts, everything):
    """Each case: what it is called, its call, its injection."""
    for call, count in sorted(counts.items()):
        if everything and call in NEVER and mode == "fail":
            continue
        for when in range(1, count + 1):
            if mode == "kill":
                yield (f"SIGKILL at {call} {when}", call, f"inject={call}:signal=SIGKILL:when={when}")
            elif not everything:
                errno = ERRNOS[when % len(ERRNOS)]
                yield f"{errno} at {call} {when}", call, f"inject={call}:error={errno}:when={when}"
            elif when <= POSITIONS:
                for errno in ALL_ERRNOS:
                    yield f"{errno} at {call} {when}", call, f"inject={call}:error={errno}:when={when}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--at-most", type=int)
    parser.add_argument("mode", choices=["kill", "fail"])
    parser.add_argument("runtime")
    parser.add_argument("bundle")
    parser.add_argument("root")
    parser.add_argument("command", nargs="?", default="create", choices=list(TRIALS))
    arguments = parser.parse_args()
    audit.become_subreaper()
    trial = TRIALS[arguments.command](arguments.runtime, arguments.bundle, arguments.root)
    if arguments.all:
        trial.traced = "all"
    chosen = list(cases(arguments.mode, trial.calls(), arguments.all))
    if arguments.at_most and len(chosen) > arguments.at_most:
        # From another place each day, so that in time each has its turn.
        step = len(chosen) / arguments.at_most
        offset = int(time.time() // 86400) % max(1, int(step))
        chosen = [chosen[min(len(chosen) - 1, int(i * step) + offset)] for i in range(arguments.at_most)]
    for what, call, injection in chosen:
        trial.attempt(what, call, injection)
    if isinstance(trial, ExecTrial):
        trial.end()
    for problem in trial.problems:
        print(problem)
    print(f"{trial.count} cases, {trial.name} failed in {trial.failures}, "
          f"{len(trial.problems)} problems")
    # Were hardly any to fail, the injection would not have worked.
    least = 1 if arguments.all or arguments.at_most else trial.count / 4
    sys.exit(1 if trial.problems or trial.failures < least else 0)


main()
