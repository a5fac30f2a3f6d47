#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures OCI runtimes side by side: see README.md beside this file, or --help."""

import argparse
import atexit
import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
INSIDE = "CONFORMANCE_BENCH_INSIDE"
OPERATIONS = ["--version", "run", "create", "start", "state", "exec", "kill", "delete"]
# The same steps of a container as an engine would have it.
LIFE = ["create", "start", "delete"]
LARGE = "engine's: "
# And all of them without its filter of system calls; and the difference, which is what that costs.
UNFILTERED = LARGE + "no filter"
FILTER = LARGE + "its filter"
OPERATIONS += [LARGE + step for step in LIFE] + [LARGE + "+".join(LIFE), UNFILTERED, FILTER]


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=60, help="measured rounds (60)")
    parser.add_argument("--warmup", type=int, default=3, help="rounds before that, not counted (3)")
    parser.add_argument(
        "--runtimes",
        default="",
        metavar="NAME=COMMAND,…",
        help="what to measure, e.g. 'martlet=/path/martlet,crun=/usr/bin/crun --cgroup-manager=disabled'; "
        "the words after the program are its global flags. Default: martlet, crun, runc, and martlet with a cgroup for each container, as far as they are there",
    )
    parser.add_argument("--baseline", default="crun", help="whose figures are 1.00 (crun)")
    parser.add_argument("--json", metavar="FILE", help="write every sample there")
    parser.add_argument("--markdown", action="store_true", help="print the markdown tables alone")
    parser.add_argument(
        "--read-only",
        metavar="NAME",
        help="measure this runtime once more from a read-only mount, where martlet has no need to protect "
        "its own file: the difference is what the protection costs",
    )
    parser.add_argument(
        "--host-cgroups",
        action="store_true",
        help="leave /sys/fs/cgroup as it is instead of a plain cgroup2 in the private mount namespace",
    )
    return parser.parse_args()


def enter_private_namespace(arguments):
    """Runs this program again in a mount namespace of its own; there, and only there, mounts cgroup2."""
    if os.environ.get(INSIDE):
        return
    script = 'exec "$@"'
    if not arguments.host_cgroups:
        script = (
            "umount -R /sys/fs/cgroup 2>/dev/null; mount -t cgroup2 cgroup2 /sys/fs/cgroup || exit 1; "
            + script
        )
    os.environ[INSIDE] = "1"
    words = ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh"]
    os.execvp("unshare", words + [sys.executable, os.path.abspath(__file__)] + sys.argv[1:])


def find_runtimes(arguments):
    if arguments.runtimes:
        runtimes = named_runtimes(arguments.runtimes)
    else:
        martlet = installed(os.path.join(REPOSITORY, ".build/release/martlet"))
        runtimes = {
            # What crun is kept from here, a cgroup for each container, nobody else has to do either;
            # the last row tells what it costs.
            "martlet": [martlet, "--cgroup-manager=disabled"],
            "crun": ["crun", "--cgroup-manager=disabled"],
            "runc": ["runc"],
            "martlet-cgroup": [martlet],
        }
    found = installed_ones(runtimes)
    if arguments.read_only:
        if arguments.read_only not in found:
            sys.exit(f"--read-only: no runtime {arguments.read_only} is measured")
        found[arguments.read_only + "-ro"] = from_read_only_mount(found[arguments.read_only])
    return found


def named_runtimes(text):
    """What --runtimes says: NAME=COMMAND,…"""
    runtimes = {}
    for part in text.split(","):
        name, _, command = part.partition("=")
        runtimes[name] = command.split() or [name]
    return runtimes


def installed_ones(runtimes):
    """Those whose program is there, by its path."""
    found = {}
    for name, words in runtimes.items():
        program = shutil.which(words[0])
        if program:
            found[name] = [program] + words[1:]
        else:
            print(f"{name}: no program {words[0]}, left out", file=sys.stderr)
    if not found:
        sys.exit("nothing to measure")
    return found


def installed(program):
    """A copy, as `make install` makes one: written as a linker does, a file lies in the page cache in smaller
    pieces, and has more page faults than one that was copied, as the peers' were."""
    if not os.path.exists(program):
        return program
    place = tempfile.mkdtemp(prefix="bench-installed")
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    return shutil.copy(program, place)


def from_read_only_mount(words):
    """The same command, its program on a read-only mount: we are in a mount namespace of our own."""
    program = os.path.realpath(words[0])
    place = tempfile.mkdtemp(prefix="bench-ro")
    for command in (
        ["mount", "--bind", os.path.dirname(program), place],
        ["mount", "-o", "remount,ro,bind", place],
    ):
        subprocess.run(command, check=True)
    return [os.path.join(place, os.path.basename(program))] + words[1:]


def make_bundle(directory, arguments):
    root = os.path.join(directory, "rootfs")
    for name in ["bin", "dev", "etc", "proc", "sys", "tmp"]:
        os.makedirs(os.path.join(root, name))
    shutil.copy("/bin/busybox", os.path.join(root, "bin/busybox"))
    names = subprocess.run(["/bin/busybox", "--list"], capture_output=True, text=True, check=True)
    for name in names.stdout.split():
        if name != "busybox":
            os.symlink("busybox", os.path.join(root, "bin", name))
    capabilities = ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"]
    configuration = {
        "ociVersion": "1.0.2",
        "process": {
            "terminal": False,
            "user": {"uid": 0, "gid": 0},
            "args": arguments,
            "env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"],
            "cwd": "/",
            "capabilities": {
                "bounding": capabilities, "effective": capabilities, "permitted": capabilities,
            },
            "rlimits": [{"type": "RLIMIT_NOFILE", "hard": 1024, "soft": 1024}],
            "noNewPrivileges": True,
        },
        "root": {"path": "rootfs", "readonly": True},
        "hostname": "bench",
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc"},
            {"destination": "/dev", "type": "tmpfs", "source": "tmpfs",
             "options": ["nosuid", "strictatime", "mode=755", "size=65536k"]},
            {"destination": "/dev/pts", "type": "devpts", "source": "devpts",
             "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"]},
            {"destination": "/dev/shm", "type": "tmpfs", "source": "shm",
             "options": ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"]},
            {"destination": "/dev/mqueue", "type": "mqueue", "source": "mqueue",
             "options": ["nosuid", "noexec", "nodev"]},
            {"destination": "/sys", "type": "sysfs", "source": "sysfs",
             "options": ["nosuid", "noexec", "nodev", "ro"]},
        ],
        "linux": {
            "namespaces": [{"type": kind} for kind in ["pid", "network", "ipc", "uts", "mount"]],
            "maskedPaths": ["/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
                            "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug",
                            "/sys/firmware", "/proc/scsi"],
            "readonlyPaths": ["/proc/asound", "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys",
                              "/proc/sysrq-trigger"],
        },
    }
    with open(os.path.join(directory, "config.json"), "w") as file:
        json.dump(configuration, file, indent=2)
    return directory


def make_large_bundle(directory, arguments, is_filtered=True):
    """The same root as an engine would configure it: a filter of most system calls, 20 mounts, every path
    masked or read-only that engines name, and all namespaces that every runtime here has."""
    make_bundle(directory, arguments)
    path = os.path.join(directory, "config.json")
    with open(path) as file:
        configuration = json.load(file)
    volumes = []
    for name in ["etc/resolv.conf", "etc/hostname", "etc/hosts"]:
        source = os.path.join(directory, os.path.basename(name))
        open(source, "w").close()
        volumes.append({"destination": "/" + name, "type": "bind", "source": source,
                        "options": ["rbind", "rprivate"]})
    for number in range(9):
        source = os.path.join(directory, f"volume{number}")
        os.mkdir(source)
        volumes.append({"destination": f"/volumes/{number}", "type": "bind", "source": source,
                        "options": ["rbind", "rprivate", "ro" if number % 3 == 0 else "rw"]})
    configuration["root"]["readonly"] = False
    configuration["mounts"] += [
        {"destination": "/run", "type": "tmpfs", "source": "tmpfs",
         "options": ["nosuid", "nodev", "mode=755"]},
        {"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "nodev"]},
    ] + volumes
    linux = configuration["linux"]
    linux["namespaces"].append({"type": "cgroup"})
    linux["maskedPaths"] += ["/proc/asound", "/proc/interrupts", "/sys/devices/virtual/powercap"]
    linux["sysctl"] = {"net.ipv4.ip_unprivileged_port_start": "0"}
    if is_filtered:
        linux["seccomp"] = filter_of_most_calls()
    process = configuration["process"]
    for limit, value in [("RLIMIT_CORE", 0), ("RLIMIT_NPROC", 1000)]:
        process["rlimits"].append({"type": limit, "hard": value, "soft": value})
    process["env"] += [f"VARIABLE_{number}=value of variable {number}" for number in range(20)]
    configuration["annotations"] = {f"org.example.label.{n}": f"value {n}" for n in range(10)}
    with open(path, "w") as file:
        json.dump(configuration, file)
    return directory


def filter_of_most_calls():
    """Every call of this machine's kernel headers but those that concern the whole machine, as engines'
    profiles have it, with some that depend on arguments."""
    headers = subprocess.run(["cc", "-E", "-dM", "-include", "sys/syscall.h", "-xc", "/dev/null"],
                             capture_output=True, text=True, check=True).stdout
    refused = set(
        "acct add_key bpf clock_adjtime clock_settime create_module delete_module finit_module fsconfig "
        "fsmount fsopen fspick get_mempolicy init_module ioperm iopl kcmp kexec_file_load kexec_load keyctl "
        "lookup_dcookie mbind mount mount_setattr move_mount move_pages nfsservctl open_by_handle_at "
        "open_tree perf_event_open personality pivot_root process_madvise quotactl quotactl_fd reboot "
        "request_key set_mempolicy setns settimeofday socket swapoff swapon sysfs umount2 unshare "
        "userfaultfd ustat vhangup vmsplice".split())
    names = sorted(set(re.findall(r"#define SYS_(\w+) ", headers)) - refused)
    machine = {"x86_64": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
               "aarch64": ["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"]}.get(os.uname().machine, [])
    rules = [{"names": names, "action": "SCMP_ACT_ALLOW"},
             {"names": ["socket"], "action": "SCMP_ACT_ALLOW",
              "args": [{"index": 0, "value": 40, "op": "SCMP_CMP_NE"}]}]
    for value in [0, 8, 131072, 131080, 4294967295]:
        rules.append({"names": ["personality"], "action": "SCMP_ACT_ALLOW",
                      "args": [{"index": 0, "value": value, "op": "SCMP_CMP_EQ"}]})
    return {"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 1, "architectures": machine,
            "syscalls": rules}


class Failed(Exception):
    pass


FLOOR = "floor"


def compiled_floor(work):
    """What the kernel takes for `run` with nothing around it (floor.c); None without a C compiler."""
    program = os.path.join(work, "floor")
    source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "floor.c")
    words = [shutil.which(os.environ.get("CC", "cc")), "-O2", "-static", "-o", program, source]
    if not words[0] or subprocess.run(words, capture_output=True).returncode != 0:
        return None
    return program


class Stopwatch:
    """Runs a command and tells seconds, peak KiB and page faults.

    By spawn.c where a C compiler is at hand; else from here, and then the peak cannot be told apart
    from this interpreter's own, so it is nothing.
    """

    def __init__(self, work):
        self.output = os.path.join(work, "output")
        self.result = os.path.join(work, "result")
        self.program = os.path.join(work, "spawn")
        source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "spawn.c")
        compiler = shutil.which(os.environ.get("CC", "cc"))
        words = [compiler, "-O2", "-static", "-o", self.program, source]
        if not compiler or subprocess.run(words, capture_output=True).returncode != 0:
            self.program = None
            print("no C compiler: peak memory is left out", file=sys.stderr)

    def run(self, words):
        if self.program:
            front = [self.program, self.result, self.output]
            pid = os.posix_spawn(self.program, front + words, os.environ)
            _, status, _ = os.wait4(pid, 0)
            if status != 0:
                raise Failed(f"spawn: status {status}")
            with open(self.result) as file:
                nanoseconds, peak, faults, status = map(int, file.read().split())
            seconds = nanoseconds / 1e9
        else:
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
            actions = [
                (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
                (os.POSIX_SPAWN_OPEN, 1, self.output, flags, 0o600),
                (os.POSIX_SPAWN_DUP2, 1, 2),
            ]
            start = time.perf_counter()
            pid = os.posix_spawn(words[0], words, os.environ, file_actions=actions)
            _, status, usage = os.wait4(pid, 0)
            seconds = time.perf_counter() - start
            peak, faults = 0, usage.ru_minflt
        if status != 0:
            with open(self.output, errors="replace") as file:
                raise Failed(f"{' '.join(words)}: status {status}: {file.read().strip()}")
        return seconds, peak, faults


def memory_of(pid):
    """KiB of proportional and private memory."""
    text = open(f"/proc/{pid}/smaps_rollup").read()
    size = {key: int(value) for key, value in re.findall(r"^(\w+):\s+(\d+) kB", text, re.M)}
    return size["Pss"], size["Private_Clean"] + size["Private_Dirty"]


def wait_until_stopped(pid):
    end = time.monotonic() + 5
    while time.monotonic() < end:
        try:
            with open(f"/proc/{pid}/stat") as file:
                if file.read().rsplit(")", 1)[1].split()[0] in "ZX":
                    return
        except (FileNotFoundError, ProcessLookupError):
            return
        time.sleep(0.0005)


def one_round(name, command, number, bundles, state, stopwatch, samples):
    true, sleep, large, unfiltered = bundles
    base = command + ["--root", os.path.join(state, name)]
    container = f"bench-{os.getpid()}-{name}-{number}"

    def take(operation, words):
        seconds, peak, faults = stopwatch.run(words)
        samples[name].setdefault(operation, []).append((seconds * 1000, peak, faults))

    take("--version", command[:1] + ["--version"])
    take("run", base + ["run", "--bundle", true, container])
    pid_file = os.path.join(state, name + ".pid")
    try:
        take("create", base + ["create", "--bundle", sleep, "--pid-file", pid_file, container])
        pid = int(open(pid_file).read())
        # One more beside it, to see what each costs: they share what they run from.
        subprocess.run(base + ["create", "--bundle", sleep, "--pid-file", pid_file, container + "-2"],
                       check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            samples[name].setdefault("init", []).append(memory_of(int(open(pid_file).read())))
        finally:
            subprocess.run(base + ["delete", "--force", container + "-2"], check=True)
        take("start", base + ["start", container])
        take("state", base + ["state", container])
        take("exec", base + ["exec", container, "/bin/true"])
        take("kill", base + ["kill", container, "KILL"])
        wait_until_stopped(pid)
        take("delete", base + ["delete", container])
    except Exception:
        subprocess.run(base + ["delete", "--force", container], capture_output=True, timeout=20)
        raise
    # Each is first in every other round: the second one finds the caches warm.
    lives = {}
    for bundle in [large, unfiltered] if number % 2 else [unfiltered, large]:
        lives[bundle] = life(base, bundle, container, pid_file, stopwatch)
    for step, sample in lives[large].items():
        samples[name].setdefault(LARGE + step, []).append(sample)
    with_it, without = (lives[bundle]["+".join(LIFE)] for bundle in (large, unfiltered))
    samples[name].setdefault(UNFILTERED, []).append(without)
    difference = tuple(one - other for one, other in zip(with_it, without))
    samples[name].setdefault(FILTER, []).append(difference)


def life(base, bundle, container, pid_file, stopwatch):
    """A container's whole life as an engine calls it: a sample of each step, and of the sum."""
    samples = {}
    try:
        for step in LIFE:
            words = ["--bundle", bundle, "--pid-file", pid_file] if step == "create" else []
            seconds, peak, faults = stopwatch.run(base + [step] + words + [container])
            samples[step] = (seconds * 1000, peak, faults)
            if step == "start":
                wait_until_stopped(int(open(pid_file).read()))
    except Exception:
        subprocess.run(base + ["delete", "--force", container], capture_output=True, timeout=20)
        raise
    times, peaks, faults = zip(*samples.values())
    return samples | {"+".join(LIFE): (sum(times), max(peaks), sum(faults))}


def median(values):
    return statistics.median(values) if values else float("nan")


def tables(samples, baseline):
    """Rows as lists of text: one table for time, one for memory and page faults."""
    names = list(samples)
    reference = baseline if baseline in samples else names[0]

    def ratio(value, other):
        return f"{value / other:.2f}" if other else "-"

    times = [["ms, median (ratio)"] + names]
    faults = [["page faults, median"] + names]
    peaks = [["peak KiB, median (ratio)"] + names]
    lows = [["ms, minimum"] + names]
    for operation in OPERATIONS:
        column = {n: list(zip(*samples[n].get(operation, []))) for n in names}
        if not column[reference]:
            continue
        of = {n: [median(c) for c in column[n]] for n in names}

        def row(cell):
            return [operation] + [cell(n) if column[n] else "" for n in names]

        times.append(row(lambda n: f"{of[n][0]:.2f} ({ratio(of[n][0], of[reference][0])})"))
        if operation != FILTER:
            lows.append(row(lambda n: f"{min(column[n][0]):.2f}"))
            peaks.append(row(lambda n: f"{of[n][1]:.0f} ({ratio(of[n][1], of[reference][1])})"))
        faults.append(row(lambda n: f"{of[n][2]:.0f}"))
    init = [["waiting init beside another, KiB, median (ratio)"] + names]
    for index, title in enumerate(["proportional", "private"]):
        of = {n: median([s[index] for s in samples[n].get("init", [])]) for n in names}
        init.append(
            [title]
            + [f"{of[n]:.0f} ({ratio(of[n], of[reference])})" if samples[n].get("init") else "" for n in names])
    return [times, lows, peaks, faults, init]


def aligned(table):
    widths = [max(len(row[i]) for row in table) for i in range(len(table[0]))]
    return "\n".join(
        "  ".join(cell.ljust(w) if i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths)))
        for row in table
    )


def markdown(table):
    lines = ["| " + " | ".join(row) + " |" for row in table]
    lines.insert(1, "|---|" + "---:|" * (len(table[0]) - 1))
    return "\n".join(lines)


def main():
    arguments = parse_arguments()
    if os.geteuid() != 0:
        sys.exit("bench: run it as root")
    enter_private_namespace(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    runtimes = find_runtimes(arguments)
    samples = {name: {} for name in runtimes}
    work = tempfile.mkdtemp(prefix="bench")
    try:
        bundles = (
            make_bundle(os.path.join(work, "true"), ["/bin/true"]),
            make_bundle(os.path.join(work, "sleep"), ["sleep", "1000"]),
            make_large_bundle(os.path.join(work, "large"), ["/bin/true"]),
            make_large_bundle(os.path.join(work, "unfiltered"), ["/bin/true"], is_filtered=False),
        )
        state = os.path.join(work, "state")
        os.mkdir(state, 0o700)
        # As /run is, where runtimes keep their records.
        subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=700", "tmpfs", state], check=True)
        stopwatch = Stopwatch(work)
        names = list(runtimes)
        floor = compiled_floor(work)
        for number in range(-arguments.warmup, arguments.rounds):
            if number == 0:
                samples = {name: {} for name in runtimes}
            # Each round begins with another one, so that none always follows the same neighbour.
            shift = number % len(names)
            for name in names[shift:] + names[:shift]:
                one_round(name, runtimes[name], number + arguments.warmup, bundles, state, stopwatch, samples)
            if floor:
                root = os.path.join(bundles[0], "rootfs")
                seconds, peak, faults = stopwatch.run([floor, root, "/bin/true"])
                samples.setdefault(FLOOR, {}).setdefault("run", []).append((seconds * 1000, peak, faults))
    except Failed as error:
        sys.exit(f"bench: {error}")
    finally:
        subprocess.run(["umount", os.path.join(work, "state")], capture_output=True)
        shutil.rmtree(work, ignore_errors=True)
        if arguments.read_only:
            place = os.path.dirname(runtimes[arguments.read_only + "-ro"][0])
            subprocess.run(["umount", place], check=False)
            os.rmdir(place)
    result = tables(samples, arguments.baseline)
    if not arguments.markdown:
        print("\n\n".join(aligned(table) for table in result), end="\n\n")
    print("\n\n".join(markdown(table) for table in result))
    if arguments.json:
        with open(arguments.json, "w") as file:
            json.dump(
                {
                    "rounds": arguments.rounds,
                    "runtimes": runtimes,
                    "columns": ["ms", "peak KiB", "page faults"],
                    "init_columns": ["proportional KiB", "private KiB"],
                    "samples": samples,
                },
                file,
            )


if __name__ == "__main__":
    main()
