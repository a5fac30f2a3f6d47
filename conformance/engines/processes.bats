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

# with_strace COMMAND [STRACE-OPTION…]: a container with four processes, and COMMAND on it under strace.
with_strace() {
    launched
    within 5 alive 4
    : >"$T/strace"
    local command=$1
    shift
    # shellcheck disable=SC2086 # words of a command
    background strace -qq -o "$T/strace" -e "trace=$CALLS,pidfd_send_signal" "$@" \
        "$RUNTIME" "${GLOBAL[@]}" --root "$ROOT" ${command/ID/"$ID"}
}

count_calls() { grep -cE "^(${CALLS//,/|})\(" "${1:-$T/strace}"; }

# deleted_during COMMAND START JUDGE: COMMAND is held before each of its CALLS, from the first call that
# matches START on, and another deletes the container meanwhile; JUDGE says what is right.
deleted_during() {
    only_martlet
    with_cgroups
    command -v strace >/dev/null || skip 'strace is not installed'
    edit '.linux.namespaces |= map(select(.type != "pid"))'
    script 'sleep 1000 & sleep 1000 & setsid sleep 1000 & sleep 1000'
    with_strace "$1"
    wait "${KNOWN[-1]}"
    local before all at code
    before=$(sed -E "/$2/,\$d" "$T/strace" | count_calls -) || true
    all=$(count_calls)
    [ "$((all - before))" -ge 3 ]
    for ((at = before + 1; at <= all; at++)); do
        rt delete --force "$ID"
        ok
        with_strace "$1" -e "inject=$CALLS:delay_enter=400ms:when=$at"
        within 5 is_held_or_ended "$((at - 1))"
        rt delete --force "$ID"
        ok
        code=0
        wait "${KNOWN[-1]}" || code=$?
        "$3" "$code" || say "at call $at of $all: exit code $code" "$(cat "$T/strace" "$T"/background.*)"
    done
    nothing_left
}

# Sometimes it needs fewer files.
is_held_or_ended() { [ "$(count_calls)" -ge "$1" ] || gone "${KNOWN[-1]}"; }

is_done() { [ "$1" -eq 0 ] && [ ! -s "$T/background.out" ] && [ ! -s "$T/background.err" ]; }

# Whoever waits for a container deletes it as soon as its first process has ended, and kills what it
# left behind; the one who killed it may not be through by then.
@test "kill: another may delete the container meanwhile" {
    CALLS=openat,openat2 deleted_during 'kill ID KILL' pidfd_send_signal is_done
}

@test "kill: another may delete a container with limits meanwhile" {
    edit '.linux.resources.pids.limit = 400'
    CALLS=openat,openat2 deleted_during 'kill ID KILL' pidfd_send_signal is_done
}

@test "kill --all: another may delete the container meanwhile" {
    CALLS=openat,openat2 deleted_during 'kill --all ID KILL' cgroup is_done
}

@test "delete --force: another may delete the container meanwhile" {
    CALLS=openat,openat2 deleted_during 'delete --force ID' pidfd_send_signal is_done
}

# What is half removed is not shown as a container.
is_whole_or_gone() {
    if [ "$1" -eq 0 ]; then
        equal "$(jq -r .bundle "$T/background.out")" "$BUNDLE"
    else
        equal "$(cat "$T/background.err")" "martlet: state \"$ID\": container does not exist"
    fi
}

@test "state: another may delete the container meanwhile" {
    CALLS=openat,newfstatat deleted_during 'state ID' . is_whole_or_gone
}

has_run_or_says_why() {
    local said
    said=$(cat "$T/background.err")
    case $1 in
        0 | 137) equal "$said" '' ;;
        255)
            matches "$said" "^martlet: exec \"$ID\": (container does not exist|cannot exec in a stopped\
 container|the process was killed before it ran its program; has the container been stopped\\?)$"
            ;;
        *) return 1 ;;
    esac
}

@test "exec: another may delete the container meanwhile" {
    CALLS=openat,openat2,clone3,sendmsg,recvmsg deleted_during 'exec ID true' . has_run_or_says_why
}
