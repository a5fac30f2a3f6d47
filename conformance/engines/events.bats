#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# events: the statistics that engines read, and the word of memory that ran out.

load ../helpers
load ../helpers/cgroups

setup_file() { it_runs; }

stats() { rt events --stats "$ID"; ok; }

value() { jq -r "$1" <<<"$output"; }

burning() { stats; [ "$(value .data.cpu.usage.total)" -gt 100000000 ]; }

@test "events --stats: one line of JSON with every section, of this container" {
    placed
    launched
    stats
    equal "$(wc -l <<<"$output")" 1
    equal "$(value .type)" stats
    equal "$(value .id)" "$ID"
    equal "$(value '.data | keys_unsorted | join(" ")')" \
        'cpu cpuset memory pids blkio hugetlb intel_rdt network_interfaces'
    equal "$(value '.data.cpu.usage | has("kernel") and has("user")')" true
    equal "$(value '.data.memory.usage | has("limit") and has("failcnt")')" true
    equal "$(value '[.. | numbers | select(. < -1)] | length')" 0
}

@test "events --stats: processor time grows" {
    placed
    script 'while :; do :; done'
    launched
    within 10 burning
}

@test "events --stats: the number of processes and their limit" {
    [ -d /sys/fs/cgroup/pids ] || grep -qw pids /sys/fs/cgroup/cgroup.controllers || not_here 'no pids controller'
    placed
    edit '.linux.resources.pids.limit = 50'
    ready 'sleep 1000 & sleep 1000 &'
    stats
    equal "$(value .data.pids.current)" 3
    equal "$(value .data.pids.limit)" 50
}

@test "events --stats: the limit of memory, and what is used" {
    [ -d /sys/fs/cgroup/memory ] || grep -qw memory /sys/fs/cgroup/cgroup.controllers || not_here 'no memory controller'
    placed
    edit '.linux.resources.memory.limit = 67108864'
    ready 'head -c 8000000 /dev/zero >/dev/shm/x'
    stats
    equal "$(value .data.memory.usage.limit)" 67108864
    [ "$(value .data.memory.usage.usage)" -gt 8000000 ] || say "$output"
    equal "$(value '.data.memory.raw | length > 10')" true
}

@test "events --stats: a quota throttles, and is counted" {
    [ -e /sys/fs/cgroup/cpu/cpu.cfs_quota_us ] || [ -d /sys/fs/cgroup/cpu ] || not_here 'no cpu controller'
    placed
    edit '.linux.resources.cpu = {quota: 2000, period: 20000}'
    script 'while :; do :; done'
    launched
    throttled() { stats; [ "$(value '.data.cpu.throttling.throttledPeriods // 0')" -gt 2 ]; }
    within 10 throttled
    [ "$(value .data.cpu.throttling.throttledTime)" -gt 0 ]
}

@test "events: statistics at every interval, until the container has stopped" {
    launched
    background "$RUNTIME" "${GLOBAL[@]}" --root "$ROOT" events --interval 50ms "$ID"
    local events=$!
    three() { [ "$(wc -l <"$T/background.out")" -ge 3 ]; }
    within 10 three
    equal "$(jq -s -r 'map(.type) | unique | join(" ")' "$T/background.out")" stats
    end_container
    within 10 gone "$events"
}

@test "events: memory that ran out is told" {
    [ -d /sys/fs/cgroup/memory ] || grep -qw memory /sys/fs/cgroup/cgroup.controllers || not_here 'no memory controller'
    placed
    edit '.linux.resources.memory = {limit: 33554432, swap: 33554432}'
    script 'while [ ! -e /tmp/go ]; do sleep 0.05; done; head -c 200000000 /dev/zero | tail >/dev/null; sleep 1000'
    launched
    background "$RUNTIME" "${GLOBAL[@]}" --root "$ROOT" events --interval 60s "$ID"
    # Only once it watches; nothing on its output tells when.
    watches() { [ "$(find "/proc/$!/fd" -lname '*event*' 2>/dev/null | wc -l)" -gt 0 ]; }
    within 5 watches
    : >"$BUNDLE/rootfs/tmp/go"
    told() { grep -q '"oom"' "$T/background.out"; }
    within 15 told
    equal "$(head -n 1 "$T/background.out")" '{"type":"oom","id":"'"$ID"'"}'
}

@test "events: of a container that has stopped, or is not there, is an error" {
    launched
    end_container
    rt events --stats "$ID"
    refused
    has "$errors" 'is not running'
    rt events --stats nobody
    refused
    has "$errors" 'does not exist'
}

@test "events: an interval must be above nothing" {
    launched
    for text in 0 0s -1s soon; do
        rt events --interval "$text" "$ID"
        refused
    done
}
