#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# ps, and that no process survives: kill --all, delete --force.

load ../helpers

setup_file() { it_runs; }

alive() { within 5 test "$(count)" -ge "$1"; }

count() { rt ps --format json "$ID"; jq length <<<"$output"; }

# A container's pids and pids of the host are never the same here: the first is 1 inside.
@test "ps --format json: the pids of all processes, as the host sees them" {
    ready 'sleep 1000 & sleep 1000 &'
    rt ps --format json "$ID"
    ok
    equal "$(jq length <<<"$output")" 3
    local pid
    pid=$(pid_of)
    rt ps -f json "$ID"
    has "$(jq -c 'sort' <<<"$output")" "$pid"
    for pid in $(jq '.[]' <<<"$output"); do
        has "$(tr '\0' ' ' <"/proc/$pid/cmdline")" sleep
    done
}

@test "ps: a table with the heading and one row for each process" {
    ready 'sleep 1000 &'
    local pid
    pid=$(pid_of)
    rt ps "$ID"
    ok
    matches "${output%%$'\n'*}" 'UID +PID +PPID'
    equal "$(wc -l <<<"$output")" 3
    matches "$output" " $pid "
}

@test "ps: arguments after the id are those of ps" {
    ready ''
    local pid
    pid=$(pid_of)
    rt ps "$ID" -o pid,comm
    ok
    equal "$(tail -n 1 <<<"$output" | tr -s ' ' | sed 's/^ //')" "$pid sleep"
    rt ps "$ID" -o comm
    refused
    has "$errors" "couldn't find PID field in ps output"
}

@test "ps: of a created container is its one process" {
    create
    ok
    equal "$(count)" 1
}

@test "ps: of a container that is not there is an error" {
    rt ps nobody
    refused
    has "$errors" 'does not exist'
    rt ps --format yaml nobody
    refused
}

@test "ps: of a container that has stopped has no row" {
    launched
    end_container
    rt ps "$ID"
    ok
    equal "$(wc -l <<<"$output")" 1
}

many() { [ "$(count)" -ge 30 ]; }

# forks: a container that makes processes faster than anyone can kill them one by one; the limit
# keeps the machine usable.
forks() {
    [ -d /sys/fs/cgroup/pids ] || grep -qw pids /sys/fs/cgroup/cgroup.controllers || not_here 'no pids controller'
    edit '.linux.resources.pids.limit = 400'
    script 'trap "" TERM INT HUP
forking() { while :; do (sleep 1000 & exec sleep 0.01); done; }
i=0; while [ $i -lt 10 ]; do forking 2>/dev/null & setsid sleep 1000 & i=$((i + 1)); done
while :; do sleep 1000; done'
    launched
    within 15 many
}

@test "kill --all: of a fork bomb nothing survives KILL" {
    forks
    rt kill --all "$ID" KILL
    ok
    stopped
    rt delete "$ID"
    ok
    nothing_left
}

@test "delete --force: of a fork bomb nothing survives" {
    forks
    rt delete --force "$ID"
    ok
    nothing_left
}

@test "kill: without a pid namespace of its own, nothing survives the first process" {
    edit '.linux.namespaces |= map(select(.type != "pid"))'
    ready 'sleep 1000 & sleep 1000 & setsid sleep 1000 &'
    equal "$(count)" 4
    local pids pid
    pids=$(jq '.[]' <<<"$output")
    rt kill "$ID" KILL
    ok
    for pid in $pids; do within 5 gone "$pid"; done
}
