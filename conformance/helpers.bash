# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What every suite here shares: a bundle, a runtime under a time limit, and an end that proves that
# nothing is left. A test file loads it with `load ../helpers`.

CONFORMANCE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# The runtime under test, and its global flags. The copy in RUNTIME is always an absolute path.
: "${RUNTIME:=$(dirname "$CONFORMANCE")/.build/release/martlet}"
RUNTIME=$(command -v "$RUNTIME") || { echo "no runtime at ${RUNTIME:-\$RUNTIME}" >&2; exit 1; }
RUNTIME=$(readlink -f "$RUNTIME")
read -ra GLOBAL <<<"${RUNTIME_ARGS:-}"

# Seconds that any one call of the runtime may take.
: "${LIMIT:=20}"

# ---------------------------------------------------------------------------------------------
# Which runtime is it

version_line() { timeout "$LIMIT" "$RUNTIME" --version 2>/dev/null </dev/null | head -n 1; }

is_martlet() { [[ ${RUNTIME##*/} == martlet* || $(version_line) == *martlet* ]]; }

only_martlet() { is_martlet || skip "only martlet promises this"; }

# Things that a machine may be unable to do. The prefix is what REQUIRE_ALL=1 lets through.
not_here() { skip "not on this machine: $*"; }

# A peer may have to be told so to run at all on a machine with both versions.
with_cgroups() {
    [[ ${GLOBAL[*]} != *--cgroup-manager=disabled* ]] || not_here 'this runtime cannot use its cgroups'
}

# ---------------------------------------------------------------------------------------------
# The bundle

# One root filesystem per run of bats, copied for each test: busybox with all its names.
rootfs_template() {
    local template=$BATS_RUN_TMPDIR/rootfs
    if [ ! -d "$template" ]; then
        local made=$template.$$
        mkdir -p "$made"/{bin,dev,etc,home,mnt,proc,root,run,sys,tmp,var}
        chmod 1777 "$made/tmp"
        cp /bin/busybox "$made/bin/busybox"
        # In one process: hundreds of them take their time under emulation.
        /bin/busybox --list | (cd "$made/bin" && python3 -c '
import os, sys
for name in sys.stdin.read().split():
    if name != "busybox": os.symlink("busybox", name)')
        printf 'root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000:user:/home:/bin/sh\n' >"$made/etc/passwd"
        printf 'root:x:0:\nuser:x:1000:\n' >"$made/etc/group"
        mv "$made" "$template"
    fi
    printf '%s' "$template"
}

base_config() {
    cat <<'JSON'
{
  "ociVersion": "1.0.2",
  "process": {
    "terminal": false,
    "user": { "uid": 0, "gid": 0 },
    "args": ["sleep", "1000"],
    "env": ["PATH=/bin", "TERM=xterm"],
    "cwd": "/",
    "capabilities": {
      "bounding": ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"],
      "effective": ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"],
      "permitted": ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"]
    },
    "noNewPrivileges": true
  },
  "root": { "path": "rootfs" },
  "hostname": "conformance",
  "mounts": [
    { "destination": "/proc", "type": "proc", "source": "proc" },
    { "destination": "/dev", "type": "tmpfs", "source": "tmpfs",
      "options": ["nosuid", "strictatime", "mode=755", "size=65536k"] },
    { "destination": "/dev/pts", "type": "devpts", "source": "devpts",
      "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"] },
    { "destination": "/dev/shm", "type": "tmpfs", "source": "shm",
      "options": ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"] },
    { "destination": "/dev/mqueue", "type": "mqueue", "source": "mqueue",
      "options": ["nosuid", "noexec", "nodev"] },
    { "destination": "/sys", "type": "sysfs", "source": "sysfs",
      "options": ["nosuid", "noexec", "nodev", "ro"] }
  ],
  "linux": {
    "namespaces": [
      { "type": "pid" }, { "type": "network" }, { "type": "ipc" },
      { "type": "uts" }, { "type": "mount" }
    ]
  }
}
JSON
}

# Makes one more bundle directory.
make_bundle() {
    mkdir -p "$1"
    cp -a "$(rootfs_template)" "$1/rootfs"
    base_config >"$1/config.json"
}

# edit FILTER [JQ-ARGUMENT…]: changes config.json of $BUNDLE.
edit() {
    local filter=$1
    shift
    jq "$@" "$filter" "$BUNDLE/config.json" >"$BUNDLE/.new" && mv "$BUNDLE/.new" "$BUNDLE/config.json"
}

# args WORD…: what the container runs.
args() {
    local json
    json=$(jq -nc '$ARGS.positional' --args -- "$@")
    edit '.process.args = $a' --argjson a "$json"
}

# script TEXT: the container runs it with its own shell.
script() { edit '.process.args = ["sh", "-c", $s]' --arg s "$1"; }

# add_mount DESTINATION TYPE SOURCE [OPTION…]
add_mount() {
    local destination=$1 type=$2 source=$3
    shift 3
    local options
    options=$(printf '%s\n' "$@" | jq -Rn '[inputs | select(. != "")]')
    edit '.mounts += [{destination: $d, type: $t, source: $s, options: $o}]' \
        --arg d "$destination" --arg t "$type" --arg s "$source" --argjson o "$options"
}

# namespaces WORD…: exactly these, each TYPE or TYPE=PATH.
namespaces() {
    edit '.linux.namespaces = ($a | map(split("=") | if length > 1 then {type: .[0], path: .[1]} else {type: .[0]} end))' \
        --argjson a "$(printf '%s\n' "$@" | jq -Rn '[inputs]')"
}

# user_namespace: adds one, mapped to host ids from 100000 on, over a rootfs that belongs to them.
user_namespace() {
    edit '.linux.namespaces += [{type: "user"}]
        | .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}]
        | .linux.gidMappings = [{containerID: 0, hostID: 100000, size: 65536}]'
    chown -R 100000:100000 "$BUNDLE/rootfs"
}

# ---------------------------------------------------------------------------------------------
# Calling the runtime

# call OUT ERR WORD…: runs any command under the time limit, without bats' own descriptors.
# Never a pipe: what a container inherits, bats must not wait for.
call() {
    local out=$1 err=$2
    shift 2
    status=0
    (
        exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-
        exec timeout -k 2 "$LIMIT" "$@"
    ) <"${INPUT:-/dev/null}" >"$out" 2>"$err" || status=$?
    output=$(tr -d '\0' <"$out")
    errors=$(tr -d '\0' <"$err")
    LAST="${*: -4} -> $status"
}

# rt WORD…: the runtime, with this test's state directory. Sets status, output and errors.
rt() { call "$T/out" "$T/err" "$RUNTIME" "${GLOBAL[@]}" --root "$ROOT" "$@"; }

# with WORD… -- WORD…: the same below another command (env, setpriv, …).
with() {
    local before=()
    while [ "$1" != -- ]; do before+=("$1"); shift; done
    shift
    call "$T/out" "$T/err" "${before[@]}" "$RUNTIME" "${GLOBAL[@]}" --root "$ROOT" "$@"
}

# create [FLAG…]: $ID from $BUNDLE. The container's own streams are $T/container.out and .err.
create() {
    call "$T/container.out" "$T/container.err" \
        "$RUNTIME" "${GLOBAL[@]}" --root "$ROOT" create --bundle "$BUNDLE" "$@" "$ID"
}

start() { rt start "$ID"; }

# run_container [FLAG…]: in the foreground, to the end.
run_container() { rt run --bundle "$BUNDLE" "$@" "$ID"; }

# inside SCRIPT: runs it in a container, to the end.
inside() { script "$1"; run_container; }

# launched [FLAG…]: creates and starts, and the container goes on.
# shellcheck disable=SC2120
launched() { create "$@"; ok; start; ok; }

# ready SCRIPT: a container that has run SCRIPT and now sleeps.
ready() {
    script "$1
echo ready
exec sleep 1000"
    launched
    within 5 grep -q ready "$T/container.out"
}

# shellcheck disable=SC2120
status_of() { rt state "${1:-$ID}"; [ "$status" -eq 0 ] && jq -r .status <<<"$output"; }
pid_of() { rt state "${1:-$ID}"; [ "$status" -eq 0 ] && jq -r .pid <<<"$output"; }

# within SECONDS COMMAND…: true as soon as COMMAND is.
within() {
    local end=$((SECONDS + $1))
    shift
    until "$@"; do
        [ "$SECONDS" -le "$end" ] || { echo "not within the time: $*"; return 1; }
        sleep 0.05
    done
}

is_status() { [ "$(status_of)" = "$1" ]; }
stopped() { within 5 is_status stopped; }
end_container() { rt kill "$ID" KILL; stopped; }

# uproot DIRECTORY: kills who has it in the command line, and removes it with what is mounted there.
uproot() {
    local pid at
    for pid in $(grep -lsa -- "$1/" /proc/[0-9]*/cmdline | cut -d/ -f3); do
        [ "$pid" = "$$" ] || kill -KILL "$pid" 2>/dev/null || true
    done
    awk -v at="$1/" 'index($5, at) == 1 { print $5 }' /proc/self/mountinfo | sort -r \
        | while read -r at; do umount -l "$at" || true; done
    rm -rf --one-file-system "$1"
}

# gone PID: no such process, or only its zombie.
gone() {
    local stat
    # To be read to know: files of procfs have no size.
    stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 0
    [[ -z $stat || ${stat##*) } == [ZX]* ]]
}

is_alive() { ! gone "$1"; }

# ---------------------------------------------------------------------------------------------
# What must hold

say() { printf '%s\n' "$@"; return 1; }

ok() { [ "$status" -eq 0 ] || say "expected success, got $status" "$LAST" "stdout: $output" "stderr: $errors"; }

# An error, told: neither a success, nor a time-out (124, 137), nor a crash (128 and more).
refused() {
    [ "$status" -ne 124 ] && [ "$status" -ne 137 ] || { say "timed out" "$LAST"; return 1; }
    [ "$status" -lt 128 ] || [ "$status" -eq 255 ] || { say "crashed: $status" "$LAST" "$errors"; return 1; }
    [ "$status" -ne 0 ] || { say "expected an error" "$LAST" "stdout: $output" "stderr: $errors"; return 1; }
    [ -n "$errors" ] || say "an error without a message" "$LAST"
}

not_hung() {
    [ "$status" -ne 124 ] && [ "$status" -ne 137 ] || say "timed out" "$LAST"
}

equal() { [ "$1" = "$2" ] || say "expected: $2" "but got:  $1" "${LAST:-}" "stderr: ${errors:-}"; }
differ() { [ "$1" != "$2" ] || say "expected something else than: $1"; }
has() { [[ $1 == *"$2"* ]] || say "no \"$2\" in: $1" "stderr: ${errors:-}"; }
lacks() { [[ $1 != *"$2"* ]] || say "\"$2\" in: $1"; }
matches() { [[ $1 =~ $2 ]] || say "no match of $2 in: $1" "stderr: ${errors:-}"; }

# create_refused: create fails and leaves no trace.
create_refused() {
    create "$@"
    refused
    nothing_left
}

# never_runs: create or, where the runtime can only know later, start fails; the program never ran.
# The program must print "ran".
never_runs() {
    run_container "$@"
    refused
    lacks "$output" ran
}

nothing_left() {
    local left
    # Names beginning with a dot, and a lock, may be the runtime's own.
    left=$(find "$ROOT" -mindepth 1 -maxdepth 1 ! -name '.*' ! -name lock -printf '%f ' 2>/dev/null || true)
    [ -z "$left" ] || { say "state left: $left"; return 1; }
    left=$(processes_left)
    [ -z "$left" ] || { say "processes left: $left"; return 1; }
    left=$(mounts_left)
    [ -z "$left" ] || { say "mounts left: $left"; return 1; }
    left=$(cgroups_left)
    [ -z "$left" ] || say "cgroups left: $left"
}

# Processes of this test: whoever names its directory, or has a mount table that does.
processes_left() {
    local own other pid
    own=$(readlink /proc/self/ns/mnt)
    for pid in $(grep -lsa -- "$TAG" /proc/[0-9]*/cmdline /proc/[0-9]*/mountinfo 2>/dev/null | cut -d/ -f3 | sort -u); do
        other=$(readlink "/proc/$pid/ns/mnt" 2>/dev/null) || continue
        [[ " ${KNOWN[*]:-} " != *" $pid "* ]] || continue
        if [ "$other" = "$own" ]; then
            grep -qsa -- "$TAG" "/proc/$pid/cmdline" || continue
        fi
        ! gone "$pid" || continue
        printf '%s(%s) ' "$pid" "$(tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null)"
    done
}

mounts_left() {
    awk -v tag="/$TAG" 'index($5, tag) { print $5 }' /proc/self/mountinfo | while read -r path; do
        [[ " ${HOST_MOUNTS[*]:-} " == *" $path "* ]] || printf '%s ' "$path"
    done
}

cgroups_left() { find /sys/fs/cgroup -type d -name "*$ID*" 2>/dev/null | tr '\n' ' '; }

# ---------------------------------------------------------------------------------------------
# Mounts

# mountinfo PATH: of the table in $output, the last line about PATH, as "options|optional|type|super".
mountinfo() {
    awk -v at="$1" '$5 == at {
        optional = ""
        for (i = 7; $i != "-"; i++) optional = optional " " $i
        line = $6 "|" optional "|" $(i + 1) "|" $(i + 3)
    } END { print line }' <<<"$output"
}

# flags PATH: all its flags, mount's and filesystem's, between commas.
flags() {
    local options super
    IFS='|' read -r options _ _ super <<<"$(mountinfo "$1")"
    [ -n "$options" ] || { echo "nothing is mounted at $1" >&2; return 1; }
    printf ',%s,%s,' "$options" "$super"
}

# host_mount DIRECTORY WORD…: mount(8) with WORD… on DIRECTORY, private to this namespace, ended by teardown.
host_mount() {
    local at=$1
    shift
    mkdir -p "$at"
    mount "$@" "$at"
    mount --make-private "$at"
    HOST_MOUNTS=("$at" "${HOST_MOUNTS[@]}")
}

# background WORD…: a helper of the test; its pid is $!, ended by teardown.
background() {
    (
        exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-
        exec "$@"
    ) </dev/null >"$T/background.out" 2>"$T/background.err" &
    KNOWN+=("$!")
}

# python3: helpers/NAME.
helper() { printf '%s/helpers/%s' "$CONFORMANCE" "$1"; }

# compiled SOURCE: builds a static helper once per run and prints its path.
compiled() {
    local name=${1##*/} program
    program=$BATS_RUN_TMPDIR/${name%.c}
    if [ ! -x "$program" ]; then
        "${CC:-cc}" -O1 -static -Wall "${@:2}" -o "$program.$$" "$1" >&2 && mv "$program.$$" "$program"
    fi
    printf '%s' "$program"
}

# ---------------------------------------------------------------------------------------------
# Before and after each test

setup() {
    # Short (socket paths have 107 bytes), and open to ids of user namespaces.
    T=$(mktemp -d /tmp/ocXXXXXXXX)
    chmod 755 "$T"
    TAG=${T##*/}
    ROOT=$T/state
    BUNDLE=$T/bundle
    ID=$TAG
    HOST_MOUNTS=()
    KNOWN=()
    status=0 output='' errors='' LAST=''
    make_bundle "$BUNDLE"
    if declare -F also_setup >/dev/null; then also_setup; fi
}

teardown() {
    if [ -z "${BATS_TEST_COMPLETED:-}" ] && [ -z "${BATS_TEST_SKIPPED:-}" ]; then
        echo "last: ${LAST:-}"
        echo "stdout: ${output:0:2000}"
        echo "stderr: ${errors:0:2000}"
        [ ! -s "$T/container.err" ] || head -c 2000 "$T/container.err"
    fi
    local pid id at failed=0
    for pid in "${KNOWN[@]}"; do kill -KILL "$pid" 2>/dev/null || true; done
    for id in "$ROOT"/*; do
        id=${id##*/}
        [ "$id" != '*' ] || continue
        rt delete --force "$id"
        # A link planted by a test is the test's own.
        [ ! -L "$ROOT/$id" ] || rm -f "$ROOT/$id"
    done
    for at in "${HOST_MOUNTS[@]}"; do umount -l "$at" 2>/dev/null || true; done
    HOST_MOUNTS=()
    KNOWN=()
    within 4 nothing_left_quietly || { nothing_left || true; failed=1; }
    # Whatever stayed must not disturb the next test.
    if [ "$failed" -ne 0 ]; then
        for pid in $(processes_left | grep -o '[0-9]*(' | tr -d '('); do kill -KILL "$pid" 2>/dev/null || true; done
        mounts_left | tr ' ' '\n' | sort -r | while read -r at; do [ -z "$at" ] || umount -l "$at"; done
    fi
    [ -n "$(mounts_left)" ] || rm -rf --one-file-system "$T"
    return "$failed"
}

# it_runs: for setup_file, where most tests are content with a refusal: a runtime that refuses
# everything must not pass them.
it_runs() {
    setup
    inside 'echo ran'
    ok
    equal "$output" ran
    BATS_TEST_COMPLETED=1 teardown
}

nothing_left_quietly() { nothing_left >/dev/null 2>&1; }
