#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What may happen to a shim and what it writes to; and what comes of it. The exit code is never lost and
# never made up.

load ../helpers
load monitor
load hand

setup_file() {
    hand_only
    it_runs
}

@test "never loses: a client that stops reading holds nobody up for long" {
    script 'i=0; while [ $i -lt 400 ]; do i=$((i+1)); head -c 10000 /dev/zero | tr "\0" x; echo; done; exit 3'
    # The container begins when the client is there.
    monitor --exit-dir "$T/exits"
    background "$(helper attach.py)" "$BUNDLE/attach" --stop --seconds 30
    within 5 grep -q connected "$T/background.err"
    begin
    ended
    equal "$(cat "$T/exits/$ID")" 3
    # All of it is in the log.
    equal "$(grep -o x "$T/log" | wc -l)" 4000000
}

@test "never loses: a client that reads slowly gets everything" {
    script 'seq 1 300000'
    monitor --exit-dir "$T/exits"
    background python3 -c '
import os, socket, sys, time
client = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
client.connect(sys.argv[1])
print("connected", file=sys.stderr, flush=True)
while packet := client.recv(65536):
    os.write(1, packet[1:])
    time.sleep(0.002)' "$BUNDLE/attach"
    local client=$!
    within 5 grep -q connected "$T/background.err"
    begin
    ended
    within 5 gone "$client"
    equal "$(md5sum <"$T/background.out")" "$(seq 1 300000 | md5sum)"
}

@test "never loses: a full disk: output is lost, in whole lines, the exit code is not" {
    host_mount "$T/small" -t tmpfs -o size=300k tmpfs
    S=$T/small/records
    script 'seq 1 200000; touch /tmp/said; while [ ! -e /tmp/go ]; do sleep 0.1; done; echo after; exit 11'
    hand_run
    ok
    within 20 test -e "$BUNDLE/rootfs/tmp/said"
    # Nothing at all fits any more.
    dd if=/dev/zero of="$T/small/rest" bs=4k 2>/dev/null || true
    touch "$BUNDLE/rootfs/tmp/go"
    hand wait "$ID"
    equal "$output" 11
    # No record is cut. A line's end can be a record of its own, when it was read alone.
    grep -avE '^20[0-9T:.+-]+ stdout [FP] [0-9a-z]*$' "$S/$ID/log" && return 1
    rm "$T/small/rest"
}

@test "never loses: a full disk that has room again: the log goes on" {
    host_mount "$T/small" -t tmpfs -o size=300k tmpfs
    dd if=/dev/zero of="$T/small/rest" bs=4k 2>/dev/null || true
    script 'seq 1 20000; touch /tmp/said; while [ ! -e /tmp/go ]; do sleep 0.1; done; echo after; exit 12'
    hand_run --log "k8s-file:$T/small/log"
    ok
    within 20 test -e "$BUNDLE/rootfs/tmp/said"
    # There was no room for the first line.
    equal "$(grep -c ' stdout F 1$' "$T/small/log")" 0
    rm "$T/small/rest"
    touch "$BUNDLE/rootfs/tmp/go"
    hand wait "$ID"
    equal "$output" 12
    has "$(tail -n 1 "$T/small/log")" 'stdout F after'
}

@test "never loses: a log directory that goes away: the container goes on" {
    mkdir "$T/logs"
    script 'echo one; while [ ! -e /tmp/go ]; do sleep 0.1; done; seq 1 5000; exit 13'
    hand_run --log "k8s-file:$T/logs/log" --log-size-max 4k
    ok
    within 5 grep -q one "$T/logs/log"
    rm -r "$T/logs"
    touch "$BUNDLE/rootfs/tmp/go"
    hand wait "$ID"
    equal "$output" 13
}

@test "never loses: the record's directory that goes away: no exit is made up" {
    args sleep 1000
    hand_run
    ok
    mv "$S/$ID" "$S/moved"
    rt kill "$ID" KILL
    sleep 0.5
    hand wait "$ID"
    refused
    # It is back before the shim gives up.
    mv "$S/moved" "$S/$ID"
    hand wait "$ID"
    equal "$output" 137
}

@test "never loses: 1 GB of output in one line" {
    host_mount "$T/large" -t tmpfs tmpfs
    script 'head -c 1000000000 /dev/zero | tr "\0" x; exit 14'
    LIMIT=120
    hand_run --log "k8s-file:$T/large/log"
    ok
    local largest=0 now
    while [ ! -e "$S/$ID/exit.json" ]; do
        now=$(awk '/^Private/ { s += $2 } END { print s + 0 }' "/proc/$(shim_pid)/smaps_rollup" 2>/dev/null || echo 0)
        [ "$now" -le "$largest" ] || largest=$now
        sleep 0.2
    done
    hand wait "$ID"
    equal "$output" 14
    [ "$(stat -c %s "$T/large/log")" -gt 1000000000 ]
    # It does not keep the line: a few buffers are all.
    [ "$largest" -lt 8000 ] || say "the shim grew to $largest KiB"
    equal "$(cut -d ' ' -f 3 "$T/large/log" | sort -u)" P
}

@test "never loses: NUL bytes, and all others" {
    script 'i=0; while [ $i -lt 256 ]; do printf "\\$(printf %o $i)"; i=$((i+1)); done; exit 15'
    hand_run
    ok
    hand wait "$ID"
    equal "$output" 15
    hand logs "$ID"
    python3 -c 'import sys; assert open(sys.argv[1], "rb").read() == bytes(range(256))' "$T/out"
}

@test "never loses: thousands of short-lived children that become the shim's" {
    # Without a pid namespace of its own, the container's orphans come to the shim.
    edit '.linux.namespaces |= map(select(.type != "pid"))'
    script 'i=0; while [ $i -lt 3000 ]; do (: &) ; i=$((i+1)); done; exit 16'
    hand_run
    ok
    hand wait "$ID"
    equal "$output" 16
    within 5 no_shim
}

@test "never loses: while it runs, no orphan stays a zombie" {
    edit '.linux.namespaces |= map(select(.type != "pid"))'
    script 'i=0; while [ $i -lt 500 ]; do (: &) ; i=$((i+1)); done; echo done; exec sleep 1000'
    hand_run
    ok
    within 20 in_log done
    within 5 no_zombies
    rt kill "$ID" KILL
    hand wait "$ID"
    equal "$output" 137
}
in_log() { hand logs "$ID"; [[ $output == *"$1"* ]]; }
no_zombies() { ! ps -o stat= --ppid "$(shim_pid)" | grep -q Z; }

@test "never loses: TERM to the shim is the container's, and told as what it does" {
    script 'trap "exit 17" TERM; echo up; while :; do sleep 0.1; done'
    hand_run
    ok
    within 5 in_log up
    kill -TERM "$(shim_pid)"
    hand wait "$ID"
    equal "$output" 17
}

@test "never loses: kill -9 of the shim: the container goes on, and wait tells the truth" {
    script 'while [ ! -e /tmp/go ]; do sleep 0.1; echo still here; done; exit 18'
    hand_run
    ok
    background "$SHIM" wait --root "$S" "$ID"
    local waiter=$! pid
    pid=$(jq .pid "$S/$ID/shim.json")
    sleep 0.3
    kill -KILL "$(shim_pid)"
    sleep 1
    # It writes, and does not die of that.
    gone "$pid" && say 'the container has ended'
    hand list
    has "$output" unwatched
    touch "$BUNDLE/rootfs/tmp/go"
    within 15 gone "$waiter"
    # From Linux 6.15 on the kernel tells whoever held a descriptor; before, nobody knows.
    if [ -s "$T/background.out" ]; then
        equal "$(cat "$T/background.out")" 18
        equal "$(jq .code "$S/$ID/exit.json")" 18
        has "$(jq -r .witness "$S/$ID/exit.json")" 'shim was gone'
    else
        has "$(cat "$T/background.err")" 'nobody has seen how'
    fi
}

@test "never loses: kill -9 of the shim, and the end seen by nobody: unknown, not made up" {
    script 'while [ ! -e /tmp/go ]; do sleep 0.1; done; exit 19'
    hand_run
    ok
    local pid
    pid=$(jq .pid "$S/$ID/shim.json")
    kill -KILL "$(shim_pid)"
    touch "$BUNDLE/rootfs/tmp/go"
    within 10 gone "$pid"
    within 10 test ! -e "/proc/$pid"
    hand wait "$ID"
    refused
    has "$errors" 'nobody has seen how'
    hand list
    has "$output" lost
    hand remove "$ID"
    ok
}

@test "never loses: kill -9 of a monitor: no exit file is made up" {
    args sleep 1000
    monitor --exit-dir "$T/exits"
    begin
    kill -KILL "$(cat "$T/monitor.pid")"
    within 5 gone "$(cat "$T/monitor.pid")"
    equal "$(status_of)" running
    rt kill "$ID" KILL
    stopped
    [ ! -e "$T/exits/$ID" ]
}

@test "never loses: output and exit at the same moment, a hundred times" {
    script 'seq 1 500; exit 20'
    local round
    for round in {1..100}; do
        hand_run --delete --log "k8s-file:$T/log.$round"
        ok
        hand wait "$ID"
        equal "$output" 20
        equal "$(tail -n 1 "$T/log.$round" | cut -d ' ' -f 4)" 500
        equal "$(wc -l <"$T/log.$round")" 500
        within 5 no_shim
        hand remove "$ID"
        ok
    done
}
