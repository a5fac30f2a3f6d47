#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Loads and breaks a runtime in bounded rounds, and looks at what is left: see README.md.

usage: stress.py PART BUNDLE WORK TAG [--whole]

PART is sequence, parallel, races, surroundings or hostile. RUNTIME and RUNTIME_ARGS in the environment
name the runtime. Prints each problem and a closing line; exits 1 if there was any.
"""

import concurrent.futures
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import audit
from audit import LIMIT

# A process that ended by one of these, or by the code that stands for it, has crashed.
CRASHES = {signal.SIGILL, signal.SIGTRAP, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGSEGV,
           signal.SIGSYS}


def crashed(status):
    return status is not None and (-status in CRASHES or status - 128 in CRASHES)


class Part:
    def __init__(self, bundle, work, tag, is_whole):
        self.bundle, self.work, self.tag, self.is_whole = bundle, work, tag, is_whole
        self.runtime = os.environ["RUNTIME"]
        self.flags = os.environ.get("RUNTIME_ARGS", "").split()
        self.root = os.path.join(work, "state")
        os.makedirs(self.root, 0o700, exist_ok=True)
        self.temporary = os.path.join(work, "tmp")
        os.makedirs(self.temporary, exist_ok=True)
        self.problems = []
        self.count = 0
        self.notes = []
        self.bundles = 0

    def command(self, *words):
        return [self.runtime, *self.flags, "--root", self.root, *words]

    def call(self, *words, limit=LIMIT, **options):
        """Status and output of a command of the runtime."""
        with tempfile.TemporaryFile() as output:
            status = audit.run(self.command(*words), output, limit, **options)
            output.seek(0)
            text = output.read().decode(errors="replace").strip()
        if status is None:
            self.problems.append(f"{' '.join(words)}: hangs")
        elif crashed(status):
            self.problems.append(f"{' '.join(words)}: crashed ({status}): {text[-300:]}")
        return status, text

    def must(self, *words, **options):
        status, text = self.call(*words, **options)
        if status not in (0, None) and not crashed(status):
            self.problems.append(f"{' '.join(words)}: failed ({status}): {text[-300:]}")
        return status == 0

    def made(self, args, change=None):
        """A bundle that runs something else, on the same root filesystem."""
        with open(os.path.join(self.bundle, "config.json"), encoding="utf-8") as file:
            configuration = json.load(file)
        configuration["process"]["args"] = args
        configuration["root"]["path"] = os.path.join(self.bundle, "rootfs")
        if change:
            change(configuration)
        self.bundles += 1
        place = os.path.join(self.work, f"bundle-{self.bundles}")
        os.mkdir(place)
        with open(os.path.join(place, "config.json"), "w", encoding="utf-8") as file:
            json.dump(configuration, file)
        return place

    def choose(self, short, whole):
        return whole if self.is_whole else short

    def status(self, name):
        status, text = self.call("state", name)
        try:
            return json.loads(text)["status"] if status == 0 else None
        except (ValueError, KeyError):
            return None

    def within(self, seconds, condition):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if condition():
                return True
            time.sleep(0.02)
        return False

    def carry_out(self):
        audit.become_subreaper()
        self.prepare()
        before = audit.Audit(self.tag, self.root, self.temporary)
        os.environ["TMPDIR"] = self.temporary
        started = time.monotonic()
        self.go(before)
        seconds = time.monotonic() - started
        before.check("at the end", self.problems)
        for problem in self.problems[:40]:
            print(problem)
        for note in self.notes:
            print(note)
        print(f"{self.count} rounds in {seconds:.1f} s, {len(self.problems)} problems")
        return 1 if self.problems else 0


def limited(configuration):
    configuration["linux"]["resources"] = {"pids": {"limit": 50}}


class Sequence(Part):
    """Containers one after another."""

    def prepare(self):
        self.true = self.made(["true"])

    def go(self, before):
        for number in range(self.choose(60, 10_000)):
            name = f"{self.tag}-{number}"
            self.must("create", "--bundle", self.true, name)
            self.must("start", name)
            self.must("delete", "--force", name)
            self.count += 1
            if number % 100 == 99:
                before.check(f"after {number + 1}", self.problems)
            else:
                audit.children()
            if len(self.problems) > 20:
                return


class Parallel(Part):
    """Many at once, every other one with limits."""

    def prepare(self):
        self.places = [self.made(["sleep", "1000"]), self.made(["sleep", "1000"], limited)]

    def one(self, name, bundle):
        return (self.must("create", "--bundle", bundle, name, limit=120)
                and self.must("start", name, limit=120)
                and self.must("state", name, limit=120) and self.must("kill", name, "KILL", limit=120)
                and self.must("delete", "--force", name, limit=120)) or self.call(
                    "delete", "--force", name, limit=120)

    def lanes(self, lanes, total):
        started = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(lanes) as pool:
            jobs = [pool.submit(self.one, f"{self.tag}-{lanes}-{i}", self.places[i % 2])
                    for i in range(total)]
            for job in jobs:
                job.result()
        self.count += total
        self.notes.append(f"{total} in {lanes} lanes: {total / (time.monotonic() - started):.1f} a second")

    def go(self, before):
        self.lanes(16, self.choose(32, 2000))
        before.check("16 lanes", self.problems)
        self.lanes(64, self.choose(64, 200))


class Races(Part):
    """Several commands on one id at the same moment."""

    def prepare(self):
        self.sleep = self.made(["sleep", "1000"])

    def together(self, commands, pause=0.0):
        """Starts all, waits for all; their statuses and outputs."""
        outputs = [tempfile.TemporaryFile() for _ in commands]
        running = []
        for words, output in zip(commands, outputs):
            running.append(subprocess.Popen(self.command(*words), stdin=subprocess.DEVNULL, stdout=output,
                                            stderr=output, start_new_session=True))
            if pause:
                time.sleep(pause)
        results = []
        for words, process, output in zip(commands, running, outputs):
            try:
                status = process.wait(LIMIT)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                status = None
                self.problems.append(f"{' '.join(words)}: hangs in a race")
            output.seek(0)
            text = output.read().decode(errors="replace").strip()
            output.close()
            if crashed(status):
                self.problems.append(f"{' '.join(words)}: crashed in a race ({status}): {text[-300:]}")
            elif status not in (0, None) and not text:
                self.problems.append(f"{' '.join(words)}: failed in a race without a word ({status})")
            results.append((status, text))
        return results

    def winners(self, what, results):
        won = sum(1 for status, _ in results if status == 0)
        if won != 1:
            self.problems.append(f"{what}: {won} have won: {results}")

    def go(self, before):
        for number in range(self.choose(12, 200)):
            name = f"{self.tag}-{number}"
            create = ("create", "--bundle", self.sleep, name)
            delete = ("delete", "--force", name)
            self.winners("create", self.together([create] * 4))
            self.winners("start", self.together([("start", name)] * 4))
            results = self.together([("kill", name, "KILL"), delete, ("kill", name, "KILL"), delete, delete])
            if not any(status == 0 for status, _ in (results[1], *results[3:])):
                self.problems.append(f"delete: none has won: {results}")
            self.must(*delete)
            for pause in (0.0, 0.005, 0.02):
                self.together([create, delete], pause)
                self.must(*delete)
            # Whatever was left, the id can be had again.
            self.must(*create)
            self.must(*delete)
            before.check(f"round {number}", self.problems)
            self.count += 1


class Surroundings(Part):
    """What a caller may have left to a command."""

    def prepare(self):
        self.true = self.made(["sh", "-c", "echo ran"])
        self.cases = []
        self.made_cgroups = []

    def limit(self, name, *values):
        kind = getattr(resource, f"RLIMIT_{name}")
        for value in values:
            def lower(value=value):
                resource.setrlimit(kind, (value, value))
            self.cases.append((f"RLIMIT_{name} {value}", {"preexec_fn": lower}, []))

    def before_exec(self, what, body, **options):
        self.cases.append((what, {"preexec_fn": body, **options}, []))

    def in_namespace(self, what, script):
        """In a mount namespace of its own, where $1 is the state directory."""
        words = ["unshare", "--mount", "--propagation", "private", "sh", "-c",
                 script + '\nshift\nexec "$@"', "sh", self.root]
        self.cases.append((what, {}, words))

    def short_of_memory(self, *sizes):
        """In a cgroup of v1 with so many MiB."""
        if not os.path.exists("/sys/fs/cgroup/memory/memory.limit_in_bytes"):
            return
        for size in sizes:
            place = f"/sys/fs/cgroup/memory/stress-{os.getpid()}-{size}"
            os.mkdir(place)
            self.made_cgroups.append(place)
            with open(f"{place}/memory.limit_in_bytes", "w", encoding="ascii") as file:
                file.write(str(size << 20))

            def enter(place=place):
                with open(f"{place}/cgroup.procs", "w", encoding="ascii") as file:
                    file.write(str(os.getpid()))
            self.before_exec(f"{size} MiB of memory for the runtime", enter)

    def collect(self):
        self.limit("NOFILE", 3, 4, 5, 6, 7, 8, 10, 12, 16, 20, 24, 32, 48)
        self.limit("AS", 16 << 20, 24 << 20, 32 << 20, 64 << 20, 128 << 20)
        self.limit("FSIZE", 0, 100, 4096)
        self.limit("STACK", 128 << 10)
        self.limit("CORE", 0)
        for closed in ((0,), (1,), (2,), (0, 1, 2)):
            def close(closed=closed):
                for number in closed:
                    os.close(number)
            self.before_exec(f"descriptors {closed} closed", close)
        self.before_exec("umask 777", lambda: os.umask(0o777))
        self.before_exec("SIGCHLD ignored", lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN))
        self.before_exec("all signals blocked", lambda: signal.pthread_sigmask(
            signal.SIG_BLOCK, signal.valid_signals()))

        def ignore_all():
            for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
                try:
                    signal.signal(number, signal.SIG_IGN)
                except (OSError, ValueError):
                    pass
        self.before_exec("all signals ignored", ignore_all)

        def open_many():
            for _ in range(200):
                os.set_inheritable(os.open("/", os.O_RDONLY), True)
        self.before_exec("200 inherited descriptors", open_many, close_fds=False)

        def gone():
            place = os.path.join(self.temporary, "gone")
            os.mkdir(place)
            os.chdir(place)
            os.rmdir(place)
        self.before_exec("a working directory that is gone", gone)
        self.cases.append(("no environment", {"env": {}}, []))
        self.cases.append(("a large environment",
                           {"env": {f"V{i}": "x" * 1000 for i in range(1000)}}, []))
        self.in_namespace("a state directory that is full",
                          'mount -t tmpfs -o size=8k tmpfs "$1"; head -c 100000 /dev/zero >"$1/fill" 2>/dev/null')
        self.in_namespace("a state directory without inodes", 'mount -t tmpfs -o nr_inodes=1 tmpfs "$1"')
        self.in_namespace("a state directory with three inodes", 'mount -t tmpfs -o nr_inodes=3 tmpfs "$1"')
        self.in_namespace("a read-only state directory", 'mount -t tmpfs -o ro tmpfs "$1"')
        self.in_namespace("a noexec state directory", 'mount -t tmpfs -o noexec,mode=700 tmpfs "$1"')
        self.in_namespace("no /proc", "umount -l /proc")
        self.in_namespace("an empty /proc", "mount -t tmpfs tmpfs /proc")
        self.in_namespace("no /sys", "umount -l /sys")
        self.in_namespace("no /dev/null", "mount -t tmpfs tmpfs /dev")
        self.in_namespace("a file for /dev/null", 'mount -t tmpfs tmpfs /dev; echo wrong >/dev/null')
        self.in_namespace("a read-only /run and /var", "for d in /run /var; do mount -t tmpfs -o ro tmpfs $d; done")
        self.short_of_memory(1, 2, 4, 8, 16, 32)

    def go(self, before):
        self.collect()
        for what, options, words in self.cases:
            self.count += 1
            name = f"{self.tag}-{self.count}"
            with tempfile.TemporaryFile() as output:
                try:
                    status = audit.run([*words, *self.command("run", "--bundle", self.true, name)], output,
                                       **options)
                except subprocess.SubprocessError as error:
                    # The limit is too low for exec(2) itself.
                    status, text = 1, f"{error}"
                else:
                    output.seek(0)
                    text = output.read().decode(errors="replace").strip()
            # Where what it says cannot be seen.
            hidden = "closed" in what or what == "RLIMIT_FSIZE 0"
            if status is None:
                self.problems.append(f"{what}: hangs")
            elif crashed(status) or (status < 0 and status != -signal.SIGKILL):
                self.problems.append(f"{what}: crashed ({status}): {text[-300:]}")
            elif status == 0 and "ran" not in text and not hidden:
                self.problems.append(f"{what}: success, and the program did not run: {text[-300:]}")
            elif status != 0 and not text and not hidden:
                self.problems.append(f"{what}: failed ({status}) without a word")
            self.notes.append(f"# {what}: {status} {text.splitlines()[-1][:150] if text else ''}")
            self.call("delete", "--force", name)
            before.check(what, self.problems)
        for place in self.made_cgroups:
            if not self.within(5, lambda place=place: removed(place)):
                self.problems.append(f"{place} cannot be removed")


def removed(place):
    try:
        os.rmdir(place)
    except OSError:
        return False
    return True


class Hostile(Part):
    """Containers that do not want to end."""

    def prepare(self):
        def free(configuration):
            # Without a pid namespace it sees, and may signal, whoever started it.
            spaces = configuration["linux"]["namespaces"]
            configuration["linux"]["namespaces"] = [s for s in spaces if s["type"] != "pid"]
            limited(configuration)

        def script(text, change=None):
            return self.made(["sh", "-c", text], change)

        self.cases = [
            ("forks without end", script("while :; do sleep 1000 & done", limited)),
            ("forks without end, each the parent of the next",
             script('echo "sh /bomb &" >/bomb; echo "sleep 1000" >>/bomb; sh /bomb & sleep 1000', limited)),
            ("ignores all signals", script('trap "" HUP INT TERM QUIT USR1 USR2; while :; do sleep 1; done')),
            ("leaves daemons behind", script("(setsid sleep 1000 &) ; (setsid sleep 1000 &); exit 0", free)),
            ("stops itself", script("kill -STOP $$; sleep 1000", free)),
            ("runs all the time", script("while :; do :; done", limited)),
        ]
        self.flood = script("yes")
        self.stopper = script('kill -STOP $PPID; sleep 1000', free)
        self.short = script("exit 0")

    def go(self, before):
        for what, bundle in self.cases * self.choose(1, 20):
            name = f"{self.tag}-{self.count}"
            self.count += 1
            self.must("run", "--detach", "--bundle", bundle, name)
            time.sleep(0.3)
            self.call("kill", name, "TERM")
            time.sleep(0.1)
            self.must("delete", "--force", name)
            before.check(what, self.problems)
        for _ in range(self.choose(1, 20)):
            self.fill_pipe(before)
            self.stop_parent(before)
        for _ in range(self.choose(10, 200)):
            name = f"{self.tag}-{self.count}"
            self.count += 1
            self.must("run", "--detach", "--bundle", self.short, name)
            self.must("delete", "--force", name)
        before.check("ends at once", self.problems)

    def foreground(self, bundle, name, stdout):
        return subprocess.Popen(self.command("run", "--bundle", bundle, name), stdin=subprocess.DEVNULL,
                                stdout=stdout, stderr=subprocess.DEVNULL, start_new_session=True)

    def end(self, process, what):
        try:
            return process.wait(LIMIT)
        except subprocess.TimeoutExpired:
            self.problems.append(f"{what}: run hangs")
            process.kill()
            process.wait()
            return None

    def fill_pipe(self, before):
        """Nobody reads what it says."""
        name = f"{self.tag}-{self.count}"
        self.count += 1
        reading, writing = os.pipe()
        process = self.foreground(self.flood, name, writing)
        os.close(writing)
        if not self.within(5, lambda: self.status(name) == "running"):
            self.problems.append("fills its pipe: it does not run")
        time.sleep(0.2)
        self.must("kill", name, "KILL")
        status = self.end(process, "fills its pipe")
        if status not in (137, None):
            self.problems.append(f"fills its pipe: run returns {status}")
        os.close(reading)
        self.call("delete", "--force", name)
        before.check("fills its pipe", self.problems)

    def stop_parent(self, before):
        """The runtime that waits for it is stopped: another one must be able to remove it."""
        name = f"{self.tag}-{self.count}"
        self.count += 1
        process = self.foreground(self.stopper, name, subprocess.DEVNULL)
        if not self.within(5, lambda: self.status(name) == "running"):
            self.problems.append("stops its parent: it does not run")
        time.sleep(0.2)
        self.must("delete", "--force", name)
        process.send_signal(signal.SIGCONT)
        self.end(process, "stops its parent")
        before.check("stops its parent", self.problems)


PARTS = {"sequence": Sequence, "parallel": Parallel, "races": Races, "surroundings": Surroundings,
         "hostile": Hostile}


def main():
    arguments = [word for word in sys.argv[1:] if word != "--whole"]
    if len(arguments) != 4 or arguments[0] not in PARTS:
        sys.exit(__doc__)
    part, bundle, work, tag = arguments
    work = os.path.join(work, part)
    os.mkdir(work)
    try:
        sys.exit(PARTS[part](bundle, work, tag, "--whole" in sys.argv).carry_out())
    finally:
        shutil.rmtree(work, ignore_errors=True)


main()
