#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Docker with the shim of this repository by the name of runc's, as docs/shim.md tells for a Docker that knows
# no other, and the runtime under test behind it.

load ../helpers

: "${SHIM:=$(dirname "$CONFORMANCE")/.build/release/martlet-shim}"

missing() {
    local name
    for name in dockerd docker containerd; do
        command -v "$name" >/dev/null || { echo "no $name"; return; }
    done
    [ -x "$SHIM" ] || echo "no $SHIM: run make release"
    mountpoint -q /sys/fs/cgroup || echo 'no cgroups'
}

setup_file() {
    [ -z "$(missing)" ] || return 0
    # Short: paths of sockets have 107 bytes.
    D=$(mktemp -d /tmp/dkXXXXXX)
    export D
    mkdir "$D/bin"
    ln -s "$(readlink -f "$SHIM")" "$D/bin/containerd-shim-runc-v2"
    docker_up
    tar -C "$(rootfs_template)" -cf "$D/image.tar" .
    docker_ import -c 'CMD ["/bin/sh"]' "$D/image.tar" box:1 >/dev/null
}

docker_up() {
    (
        exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-
        PATH=$D/bin:$PATH exec setsid dockerd --data-root "$D/root" --exec-root "$D/exec" --pidfile "$D/pid" \
            --host "unix://$D/sock" --storage-driver vfs --bridge none --iptables=false --ip-masq=false \
            --userland-proxy=false --live-restore --add-runtime "tested=$RUNTIME" --default-runtime tested
    ) </dev/null >>"$D/log" 2>&1 &
    within 30 docker_answers || { tail -n 20 "$D/log"; return 1; }
}

docker_answers() { docker_ version >/dev/null 2>&1; }
docker_() { timeout -k 2 60 docker --host "unix://$D/sock" "$@"; }

# docker_down SIGNAL: ends dockerd, and the containerd that it has started.
docker_down() {
    local file pid
    for file in "$D/pid" "$D/exec/containerd/containerd.pid"; do
        pid=$(cat "$file" 2>/dev/null) || continue
        kill "-$1" "$pid" || true
        within 30 gone "$pid"
    done
    rm -f "$D/pid" "$D/exec/containerd/containerd.pid"
}

teardown_file() {
    [ -n "${D:-}" ] || return 0
    docker_ ps -aq 2>/dev/null | xargs -r timeout 60 docker --host "unix://$D/sock" rm -f >/dev/null 2>&1 || true
    docker_down TERM || true
    # Its containerd, and shims, should there still be some.
    uproot "$D"
}

setup() {
    [ -z "$(missing)" ] || not_here "$(missing)"
    T=$(mktemp -d "$D/tXXXXXX")
    status=0 output='' errors='' LAST=''
}

teardown() {
    [ -n "${T:-}" ] || return 0
    if [ -z "${BATS_TEST_COMPLETED:-}" ] && [ -z "${BATS_TEST_SKIPPED:-}" ]; then
        printf '%s\n' "last: $LAST" "stdout: ${output:0:2000}" "stderr: ${errors:0:2000}"
        tail -n 20 "$D/log"
    fi
    docker_ rm -f box >/dev/null 2>&1 || true
    within 10 no_shims
}

# dk WORD…: docker. Sets status, output and errors.
dk() { LIMIT=60 call "$T/out" "$T/err" docker --host "unix://$D/sock" "$@"; }
run_box() {
    local flags=()
    while [ "$1" != -- ]; do flags+=("$1"); shift; done
    shift
    dk run --network none --name box "${flags[@]}" box:1 "$@"
}
inspect() { docker_ inspect --format "{{$1}}" box; }

shims() {
    local file
    for file in $(grep -lsa -- "$D/exec" /proc/[0-9]*/cmdline); do
        file=${file#/proc/}
        [[ $(readlink "/proc/${file%/cmdline}/exe") != "$(readlink -f "$SHIM")" ]] || gone "${file%/cmdline}" \
            || echo "${file%/cmdline}"
    done
}
no_shims() { [ -z "$(shims)" ]; }

@test "docker: run: output, errors and exit code" {
    run_box -- sh -c 'echo out; echo err >&2; exit 7'
    equal "$status" 7
    equal "$output" out
    has "$errors" err
    equal "$(inspect .HostConfig.Runtime)" tested
}

@test "docker: run with input, and with much output: not a byte is lost" {
    seq 200000 >"$T/numbers"
    INPUT=$T/numbers run_box -i -- cat
    ok
    cmp "$T/numbers" "$T/out"
}

@test "docker: run -t: a terminal" {
    run_box -t -- sh -c 'test -t 0 && test -t 1 && echo yes'
    ok
    has "$output" yes
}

@test "docker: run -d: our shim is beside it; logs, exec, top, stats, stop, the exit code" {
    run_box -d -- sh -c 'trap "echo ended; exit 5" TERM; echo begun; while :; do sleep 0.1; done'
    ok
    equal "$(shims | wc -l)" 1
    within 5 sh -c "timeout 20 docker --host unix://$D/sock logs box | grep -q begun"
    dk exec box sh -c 'echo inside; exit 3'
    equal "$status" 3
    equal "$output" inside
    dk exec box no-such-program
    [ "$status" -ge 126 ]
    dk top box
    has "$output" 'while :'
    dk stats --no-stream --format '{{.Name}} {{.PIDs}}' box
    matches "$output" '^box [1-9]'
    dk stop box
    ok
    equal "$(inspect .State.ExitCode)" 5
    dk logs box
    has "$output" ended
    no_shims
}

@test "docker: pause, update, kill, restart" {
    run_box -d -- sleep 1000
    ok
    dk pause box
    ok
    equal "$(inspect .State.Status)" paused
    dk unpause box
    ok
    dk update --memory 64m --memory-swap 64m box
    ok
    dk kill box
    ok
    dk wait box
    equal "$output" 137
    dk restart -t 1 box
    ok
    equal "$(inspect .State.Status)" running
}

@test "docker: a container that is killed for want of memory is told as such" {
    run_box -m 16m --memory-swap 16m -- sh -c 'exec head -c 100m /dev/zero | tail'
    [ "$status" -ne 0 ]
    equal "$(inspect .State.OOMKilled)" true
}

@test "docker: dockerd and its containerd killed, and started again: the container runs on, and its exit code is told" {
    run_box -d -- sh -c 'while [ ! -e /end ]; do sleep 0.1; done; exit 9'
    ok
    local pid
    pid=$(inspect .State.Pid)
    docker_down KILL
    docker_up
    [ -e "/proc/$pid" ]
    equal "$(inspect .State.Status)" running
    dk exec box touch /end
    ok
    dk wait box
    equal "$output" 9
}
