# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154 # helpers.bash has set them
# A containerd of the tests' own, with the shim of this repository, and the runtime under test behind
# that. All of it is in $CD, which is short: paths of sockets have 107 bytes.

: "${SHIM:=$(dirname "$CONFORMANCE")/.build/release/martlet-shim}"
TYPE=io.containerd.martlet.v1

# For setup_file: makes $CD, starts containerd, and imports the image. Without a containerd it does
# nothing, and each test says so.
containerd_up() {
    local name
    for name in containerd ctr; do
        command -v "$name" >/dev/null || return 0
    done
    [ -x "$SHIM" ] || { echo "no shim at $SHIM" >&2; return 1; }
    CD=$(mktemp -d /tmp/cdXXXXXX)
    export CD
    : "${NAMESPACE:=${CD##*/}}"
    export NAMESPACE
    mkdir -p "$CD"/bin
    ln -s "$(readlink -f "$SHIM")" "$CD/bin/containerd-shim-martlet-v1"
    # How one says in containerd's configuration, and with ctr, which runtime it is.
    printf '{"binary_name": "%s", "root": "%s"}' "$RUNTIME" "$CD/runtime" >"$CD/options.json"
    containerd_config >"$CD/config.toml"
    containerd_start || return 1
    "$CONFORMANCE/helpers/docker-archive.py" "$(rootfs_template)" docker.io/library/busybox:1 \
        "$CD/image.tar" sleep 1000
    ctr_ image import "$CD/image.tar" >"$CD/import" 2>&1 || { cat "$CD/import"; return 1; }
}

# For the setup of each test.
containerd_is_up() { [ -n "${CD:-}" ] || not_here 'no containerd, or nothing to speak to it with'; }

# A test file may have another one.
containerd_config() {
    cat <<TOML
version = 2
root = "$CD/root"
state = "$CD/state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
  address = "$CD/sock"
TOML
}

containerd_start() {
    (
        exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-
        PATH=$CD/bin:$PATH exec setsid containerd --log-level debug --config "$CD/config.toml"
    ) </dev/null >>"$CD/log" 2>&1 &
    echo "$!" >"$CD/pid"
    within 10 containerd_answers || { tail -n 20 "$CD/log"; return 1; }
}

containerd_answers() { timeout 5 ctr -a "$CD/sock" version >/dev/null 2>&1; }

# containerd_kill [SIGNAL]: ends containerd alone.
containerd_kill() {
    local pid
    pid=$(cat "$CD/pid")
    kill "-${1:-KILL}" "$pid"
    within 10 gone "$pid"
}

# For teardown_file. Shims that are still there have the directory in their command line.
containerd_down() {
    [ -n "${CD:-}" ] || return 0
    containerd_kill TERM || containerd_kill KILL || true
    uproot "$CD"
}

# ctr_ WORD…: ctr in our namespace.
ctr_() { timeout -k 2 "$LIMIT" ctr -a "$CD/sock" -n "$NAMESPACE" "$@"; }

# ct WORD…: the same, and sets status, output and errors.
ct() { call "$T/out" "$T/err" ctr -a "$CD/sock" -n "$NAMESPACE" "$@"; }

# crun_ FLAG… -- ID WORD…: a container from the image, with the runtime under test behind our shim.
ct_run() {
    local flags=()
    while [ "$1" != -- ]; do flags+=("$1"); shift; done
    shift
    ct run --runtime "$TYPE" --runtime-config-path "$CD/options.json" --fifo-dir "$CD/fifo" "${flags[@]}" \
        docker.io/library/busybox:1 "$@"
}

# task_state ID: RUNNING, STOPPED, …
task_state() { ctr_ task ls 2>/dev/null | awk -v id="$1" '$1 == id { print $3 }'; }

is_task() { [ "$(task_state "$1")" = "$2" ]; }

# shim_of ID: the pid of its shim.
shim_of() {
    local file
    for file in /proc/[0-9]*/cmdline; do
        [[ $(cat "$file" 2>/dev/null | tr '\0' ' ') == "$CD"*/containerd-shim-martlet-v1\ *\ -id\ $1\ * ]] || continue
        file=${file#/proc/}
        gone "${file%/cmdline}" || echo "${file%/cmdline}"
    done
}

bundle_of() { echo "$CD/state/io.containerd.runtime.v2.task/$NAMESPACE/$1"; }

# shim_call ID METHOD FIELD…: one call of the shim itself; sets status, output and errors.
shim_call() {
    local id=$1 address
    shift
    address=$(cat "$(bundle_of "$id")/address")
    call "$T/out" "$T/err" "$CONFORMANCE/helpers/shim-client.py" call "${address#unix://}" "$@"
}

# task_gone ID: ends what is left of a container, however it is.
task_gone() {
    ctr_ task kill --all -s KILL "$1" >/dev/null 2>&1 || true
    ctr_ task rm -f "$1" >/dev/null 2>&1 || true
    ctr_ container rm "$1" >/dev/null 2>&1 || true
}
