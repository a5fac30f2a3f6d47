#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures the memory of containerd's shims beside sleeping containers: see README.md."""

import argparse
import json
import os
import runpy
import shutil
import signal
import socket
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
INSIDE = "CONFORMANCE_CONTAINERD_INSIDE"
TYPES = {
    "containerd-shim-martlet-v1": "io.containerd.martlet.v1",
    "containerd-shim-runc-v2": "io.containerd.runc.v2",
}
client = runpy.run_path(os.path.join(HERE, "..", "helpers", "shim-client.py"))
field, frame = client["field"], client["frame"]


def parse_arguments():
    build = os.path.join(HERE, "..", "..", ".build", "release")
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shim", default=os.path.join(build, "martlet-shim"), help="martlet-shim's path")
    parser.add_argument("--runtime", default=os.path.join(build, "martlet"), help="the runtime behind it")
    parser.add_argument("--only", default="", metavar="WORD", help="only the shims with WORD in their names")
    parser.add_argument("--execs", type=int, default=300, help="execs after which it is measured again (300)")
    parser.add_argument(
        "--at-most", type=float, metavar="SHARE",
        help="exit with 1 if martlet's private memory is more than this share of runc's, or grows by execs",
    )
    parser.add_argument("--json", metavar="FILE", help="write the figures there, too")
    return parser.parse_args()


def enter_private_namespace():
    if os.environ.get(INSIDE):
        return
    os.environ[INSIDE] = "1"
    words = ["unshare", "--mount", "--propagation", "private", sys.executable, os.path.abspath(__file__)]
    os.execvp("unshare", words + sys.argv[1:])


class Containerd:
    """One of our own, in a directory of its own."""

    def __init__(self, arguments):
        # Its name is one of a namespace, too, and short: paths of sockets have 107 bytes.
        self.directory = f"/tmp/cb{os.getpid()}"
        os.mkdir(self.directory, 0o755)
        self.arguments = arguments
        bin_directory = self.path("bin")
        os.mkdir(bin_directory)
        os.symlink(os.path.realpath(arguments.shim), os.path.join(bin_directory, "containerd-shim-martlet-v1"))
        self.rootfs = self.path("rootfs")
        os.makedirs(os.path.join(self.rootfs, "bin"))
        for name in ("busybox", "sleep", "true"):
            shutil.copy("/bin/busybox", os.path.join(self.rootfs, "bin", name))
        for name in ("proc", "sys", "dev", "etc"):
            os.mkdir(os.path.join(self.rootfs, name))
        with open(self.path("options.json"), "w") as file:
            json.dump({"binary_name": os.path.realpath(arguments.runtime), "root": self.path("runtime")}, file)
        with open(self.path("config.toml"), "w") as file:
            file.write(
                f'version = 2\nroot = "{self.path("root")}"\nstate = "{self.path("state")}"\n'
                'disabled_plugins = ["io.containerd.grpc.v1.cri"]\n'
                f'[grpc]\n  address = "{self.path("sock")}"\n')
        with open(self.path("log"), "w") as log:
            self.process = subprocess.Popen(
                ["containerd", "--config", self.path("config.toml")], stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, env=dict(os.environ, PATH=f"{bin_directory}:{os.environ['PATH']}"))
        for _ in range(100):
            if self.ctr("version", check=False).returncode == 0:
                return
            time.sleep(0.1)
        raise SystemExit("containerd does not start: " + open(self.path("log")).read()[-2000:])

    def path(self, name):
        return os.path.join(self.directory, name)

    def ctr(self, *words, check=True):
        result = subprocess.run(
            ["ctr", "-a", self.path("sock"), "-n", os.path.basename(self.directory), *words],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30)
        if check and result.returncode != 0:
            raise SystemExit(f"ctr {' '.join(words)}: {result.stderr}")
        return result

    def run(self, shim, container):
        """Starts a sleeping container, and returns its shim's pid."""
        words = ["--runtime", TYPES[shim]]
        if "martlet" in shim:
            words += ["--runtime-config-path", self.path("options.json")]
        else:
            words += ["--runc-root", self.path("runtime-runc")]
        self.ctr("run", "-d", *words, "--env", "PATH=/bin", "--rootfs", self.rootfs, container, "sleep", "100000")
        for entry in os.listdir("/proc"):
            try:
                words = open(f"/proc/{entry}/cmdline").read().split("\0")
            except (OSError, UnicodeDecodeError):
                continue
            if words[0].endswith(shim) and container in words and "start" not in words:
                return int(entry)
        raise SystemExit(f"no {shim}")

    def end(self, container):
        self.ctr("task", "rm", "-f", container, check=False)
        self.ctr("container", "rm", container, check=False)

    def exec_times(self, container, times):
        """As many execs, each from beginning to end, by the shim's own socket."""
        namespace = os.path.basename(self.directory)
        bundle = self.path(f"state/io.containerd.runtime.v2.task/{namespace}/{container}")
        address = open(f"{bundle}/address").read().strip()
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(60)
        connection.connect(address.removeprefix("unix://"))
        process = json.dumps(
            {"args": ["true"], "env": ["PATH=/bin"], "cwd": "/", "user": {"uid": 0, "gid": 0}}).encode()
        spec = field(1, b"types.containerd.io/opencontainers/runtime-spec/1/Process") + field(2, process)
        stream = -1
        for number in range(times):
            which = field(1, container.encode()) + field(2, f"x{number}".encode())
            for method, payload in (("Exec", which + field(7, spec)), ("Start", which), ("Wait", which), ("Delete", which)):
                stream += 2
                connection.sendall(frame(stream, client["request"](method, payload)))
                _, code, message, _ = client["answer"](connection)
                if code:
                    raise SystemExit(f"{method}: {message}")

    def close(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)


def memory(pid):
    size = {}
    for line in open(f"/proc/{pid}/smaps_rollup"):
        words = line.split()
        if words[-1] == "kB":
            size[words[0].rstrip(":")] = int(words[1])
    threads = [line.split()[1] for line in open(f"/proc/{pid}/status") if line.startswith("Threads")]
    return {
        "private": size["Private_Clean"] + size["Private_Dirty"], "anonymous": size["Anonymous"],
        "proportional": size["Pss"], "threads": int(threads[0]),
    }


def main():
    arguments = parse_arguments()
    enter_private_namespace()
    shims = [name for name in TYPES if "martlet" in name or shutil.which(name)]
    shims = [name for name in shims if arguments.only in name]
    for name in ("containerd", "ctr"):
        if not shutil.which(name):
            print(f"containerd.py: no {name} here")
            return 0
    containerd = Containerd(arguments)
    figures = {}
    containers = []
    try:
        for number, shim in enumerate(shims):
            # Two of each: what files they have in common is then not private.
            pids = []
            for which in "ab":
                container = f"{os.path.basename(containerd.directory)}-{number}{which}"
                containers.append(container)
                pids.append(containerd.run(shim, container))
            time.sleep(3)
            figures[shim] = memory(pids[0])
            containerd.exec_times(containers[-2], arguments.execs)
            time.sleep(3)
            after = memory(pids[0])
            figures[shim]["private after execs"] = after["private"]
            # What is private for now and clean is of the program's file: code that the other has not
            # needed.
            figures[shim]["anonymous after"] = after["anonymous"]
    finally:
        for container in containers:
            containerd.end(container)
        containerd.close()
    columns = ["private", "anonymous", "proportional", "threads", "private after execs", "anonymous after"]
    print(f"KiB, two containers; {arguments.execs} execs")
    print(f"{'':30}" + "".join(f"{column:>20}" for column in columns))
    for shim, figure in figures.items():
        print(f"{shim:30}" + "".join(f"{figure[column]:>20}" for column in columns))
    if arguments.json:
        with open(arguments.json, "w") as file:
            json.dump(figures, file, indent=2)
    if arguments.at_most is not None and len(figures) == 2:
        ours, theirs = (figures[shim]["private"] for shim in TYPES)
        print(f"martlet's is {ours / theirs:.3f} of runc's")
        if ours > theirs * arguments.at_most:
            print(f"containerd.py: more than {arguments.at_most}", file=sys.stderr)
            return 1
    ours = figures.get("containerd-shim-martlet-v1")
    # A page or some may be touched for the first time.
    if arguments.at_most is not None and ours and ours["anonymous after"] > ours["anonymous"] + 64:
        print(f"containerd.py: {arguments.execs} execs have made it grow", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
