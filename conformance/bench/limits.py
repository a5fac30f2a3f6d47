#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Finds the smallest memory limit under which each runtime runs a static `true`: see README.md."""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile

import bench

INSIDE = "CONFORMANCE_LIMITS_INSIDE"
PAGE = 4096
HIGHEST = 64 << 20


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--runtimes",
        default="",
        metavar="NAME=COMMAND,…",
        help="what to measure, e.g. 'martlet=/path/martlet,crun=/usr/bin/crun'; the words after the program "
        "are its global flags. Default: martlet, crun, runc, as far as they are there",
    )
    parser.add_argument("--tries", type=int, default=5, help="times that a limit must do (5)")
    parser.add_argument(
        "--at-most", type=int, metavar="KIB", help="exit with 1 if the first runtime needs more than this"
    )
    parser.add_argument("--json", metavar="FILE", help="write the figures there, too")
    return parser.parse_args()


def enter_private_namespace():
    """Runs this program again in a mount namespace of its own. On a machine with both versions of
    cgroups, cgroup2 is not seen there: crun refuses to see both."""
    if os.environ.get(INSIDE):
        return
    os.environ[INSIDE] = "1"
    script = '! mountpoint -q /sys/fs/cgroup/unified || umount /sys/fs/cgroup/unified || exit 1; exec "$@"'
    words = ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh"]
    os.execvp("unshare", words + [sys.executable, os.path.abspath(__file__)] + sys.argv[1:])


def controls_memory():
    if os.path.exists("/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        return "v1"
    try:
        with open("/sys/fs/cgroup/cgroup.controllers") as file:
            return "v2" if "memory" in file.read().split() else None
    except FileNotFoundError:
        return None


class Floor:
    """The search for one runtime's limit."""

    def __init__(self, name, command, bundle, state, tries):
        self.base = command + ["--root", os.path.join(state, name)]
        self.container = f"limits-{os.getpid()}-{name}"
        self.bundle, self.tries = bundle, tries

    def runs(self, limit):
        path = os.path.join(self.bundle, "config.json")
        with open(path) as file:
            configuration = json.load(file)
        configuration["linux"]["resources"] = {"memory": {"limit": limit}}
        with open(path, "w") as file:
            json.dump(configuration, file)
        return all(self.runs_once() for _ in range(self.tries))

    def runs_once(self):
        words = self.base + ["run", "--bundle", self.bundle, self.container]
        try:
            done = subprocess.run(
                words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=20
            ).returncode == 0
        except subprocess.TimeoutExpired:
            done = False
        if not done:
            subprocess.run(self.base + ["delete", "--force", self.container], capture_output=True, timeout=20)
        return done

    def find(self):
        """Bytes: this much does, a page less does not. None if nothing does."""
        low, high = 0, HIGHEST
        if not self.runs(high):
            return None
        while high - low > PAGE:
            middle = (low + high) // 2 // PAGE * PAGE
            if self.runs(middle):
                high = middle
            else:
                low = middle
        return high


def main():
    arguments = parse_arguments()
    if os.geteuid() != 0:
        sys.exit("limits: run it as root")
    enter_private_namespace()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    version = controls_memory()
    if not version:
        print("limits: not on this machine: no cgroup controls memory", file=sys.stderr)
        return
    runtimes = bench.named_runtimes(arguments.runtimes) if arguments.runtimes else {
        "martlet": [bench.installed(os.path.join(bench.REPOSITORY, ".build/release/martlet"))],
        "crun": ["crun"],
        "runc": ["runc"],
    }
    found = {}
    work = tempfile.mkdtemp(prefix="limits")
    try:
        bundle = bench.make_bundle(os.path.join(work, "true"), ["/bin/true"])
        state = os.path.join(work, "state")
        os.mkdir(state, 0o700)
        for name, words in bench.installed_ones(runtimes).items():
            found[name] = Floor(name, words, bundle, state, arguments.tries).find()
    finally:
        shutil.rmtree(work, ignore_errors=True)
    row = [f"smallest memory limit ({version}), KiB"]
    row += ["none" if value is None else str(value // 1024) for value in found.values()]
    print(bench.markdown([[""] + list(found), row]))
    if arguments.json:
        with open(arguments.json, "w") as file:
            json.dump({"version": version, "tries": arguments.tries, "bytes": found}, file)
    first = next(iter(found.values()))
    if arguments.at_most and (first is None or first > arguments.at_most << 10):
        sys.exit(f"limits: more than {arguments.at_most} KiB")


main()
