#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# config.md#linux-process: scheduler, ioPriority, execCPUAffinity. Judged from the host, by chrt(1),
# ionice(1) and /proc.
#
# runc 1.1.5 and crun 1.8.1 precede scheduler and ioPriority (runtime-spec 1.1), and ignore them.

load ../helpers

# policy_of PID: policy and priority, as chrt tells them, the flag for children with it.
policy_of() { chrt -p "$1" | sed 's/.*: //' | paste -sd' '; }

# scheduled JSON: a container with this scheduler; sets PID.
scheduled() {
    edit '.process.scheduler = $s' --argjson s "$1"
    launched
    PID=$(pid_of)
}

nice_of() { awk '{ sub(/.*\) /, ""); print $17 }' "/proc/$1/stat"; }

never_scheduled() {
    edit '.process.scheduler = $s' --argjson s "$1"
    create_refused
}

# realtime: a cgroup of the host's v1 may have no real-time running time for anybody.
realtime_here() { chrt -f 1 true 2>/dev/null || not_here "no real-time policies for this process"; }

@test "config.md#linux-process: scheduler SCHED_OTHER, with nice" {
    scheduled '{"policy": "SCHED_OTHER", "nice": 7}'
    equal "$(policy_of "$PID")" 'SCHED_OTHER 0'
    equal "$(nice_of "$PID")" 7
}

@test "config.md#linux-process: scheduler nice unset is 0, whatever the caller's is" {
    edit '.process.scheduler = {"policy": "SCHED_OTHER"}'
    call "$T/container.out" "$T/container.err" nice -n 5 "$RUNTIME" "${GLOBAL[@]}" --root "$ROOT" create --bundle "$BUNDLE" "$ID"
    ok
    equal "$(nice_of "$(pid_of)")" 0
}

@test "config.md#linux-process: scheduler SCHED_BATCH" {
    scheduled '{"policy": "SCHED_BATCH", "nice": -3}'
    equal "$(policy_of "$PID")" 'SCHED_BATCH 0'
    equal "$(nice_of "$PID")" -3
}

@test "config.md#linux-process: scheduler SCHED_IDLE" {
    scheduled '{"policy": "SCHED_IDLE"}'
    equal "$(policy_of "$PID")" 'SCHED_IDLE 0'
}

@test "config.md#linux-process: scheduler SCHED_FIFO, with priority" {
    realtime_here
    scheduled '{"policy": "SCHED_FIFO", "priority": 42}'
    equal "$(policy_of "$PID")" 'SCHED_FIFO 42'
}

@test "config.md#linux-process: scheduler SCHED_RR, with priority" {
    realtime_here
    scheduled '{"policy": "SCHED_RR", "priority": 1}'
    equal "$(policy_of "$PID")" 'SCHED_RR 1'
}

@test "config.md#linux-process: scheduler SCHED_DEADLINE, with its three times" {
    chrt -d -T 1000000 -D 10000000 -P 20000000 0 true 2>/dev/null || not_here "no SCHED_DEADLINE for this process"
    scheduled '{"policy": "SCHED_DEADLINE", "runtime": 1000000, "deadline": 10000000, "period": 20000000}'
    has "$(policy_of "$PID")" SCHED_DEADLINE
    has "$(policy_of "$PID")" 1000000/10000000/20000000
}

@test "config.md#linux-process: scheduler SCHED_ISO, which no Linux has, is an error" {
    never_scheduled '{"policy": "SCHED_ISO"}'
    has "$errors" SCHED_ISO
}

@test "config.md#linux-process: scheduler holds for the program's children" {
    edit '.process.scheduler = {"policy": "SCHED_BATCH", "nice": 4}'
    ready 'sleep 1000 & '
    local child
    child=$(pgrep -P "$(pid_of)" | head -n 1)
    equal "$(policy_of "$child")" 'SCHED_BATCH 0'
    equal "$(nice_of "$child")" 4
}

@test "config.md#linux-process: scheduler SCHED_FLAG_RESET_ON_FORK spares the children" {
    realtime_here
    edit '.process.scheduler = {"policy": "SCHED_FIFO", "priority": 3, "flags": ["SCHED_FLAG_RESET_ON_FORK"]}'
    ready 'sleep 1000 & '
    local child
    child=$(pgrep -P "$(pid_of)" | head -n 1)
    equal "$(policy_of "$(pid_of)")" 'SCHED_FIFO|SCHED_RESET_ON_FORK 3'
    equal "$(policy_of "$child")" 'SCHED_OTHER 0'
}

@test "config.md#linux-process: scheduler SCHED_FLAG_KEEP_POLICY and SCHED_FLAG_KEEP_PARAMS keep the caller's" {
    edit '.process.scheduler = {"policy": "SCHED_IDLE", "nice": 2, "flags": ["SCHED_FLAG_KEEP_POLICY", "SCHED_FLAG_KEEP_PARAMS"]}'
    launched
    equal "$(policy_of "$(pid_of)")" 'SCHED_OTHER 0'
    equal "$(nice_of "$(pid_of)")" 0
}

@test "config.md#linux-process: scheduler SCHED_FLAG_RECLAIM and SCHED_FLAG_DL_OVERRUN with SCHED_DEADLINE" {
    chrt -d -T 1000000 -D 10000000 -P 10000000 0 true 2>/dev/null || not_here "no SCHED_DEADLINE for this process"
    scheduled '{"policy": "SCHED_DEADLINE", "runtime": 1000000, "deadline": 10000000, "period": 10000000,
        "flags": ["SCHED_FLAG_RECLAIM", "SCHED_FLAG_DL_OVERRUN", "SCHED_FLAG_RESET_ON_FORK"]}'
    has "$(policy_of "$PID")" SCHED_DEADLINE
}

# A kernel with CONFIG_UCLAMP_TASK takes them, with the clamps at 0; any other must be heard.
@test "config.md#linux-process: scheduler SCHED_FLAG_UTIL_CLAMP_MIN is applied or an error" {
    edit '.process.scheduler = {"policy": "SCHED_OTHER", "flags": ["SCHED_FLAG_UTIL_CLAMP_MIN", "SCHED_FLAG_UTIL_CLAMP_MAX"]}'
    create
    if [ -e /proc/sys/kernel/sched_util_clamp_min ]; then
        ok
    else
        refused
        nothing_left
    fi
}

@test "config.md#linux-process: scheduler of a user below root, who is none in the end" {
    realtime_here
    edit '.process.user = {uid: 1000, gid: 1000} | .process.capabilities = {}'
    scheduled '{"policy": "SCHED_RR", "priority": 9}'
    equal "$(policy_of "$PID")" 'SCHED_RR 9'
}

@test "config.md#linux-process: scheduler in a user namespace, by root" {
    realtime_here
    user_namespace
    scheduled '{"policy": "SCHED_FIFO", "priority": 5}'
    equal "$(policy_of "$PID")" 'SCHED_FIFO 5'
}

@test "config.md#linux-process: scheduler policy is REQUIRED" { never_scheduled '{"nice": 3}'; }
@test "config.md#linux-process: scheduler with an unknown policy is an error" { never_scheduled '{"policy": "SCHED_BANANA"}'; }
@test "config.md#linux-process: scheduler with an unknown flag is an error" { never_scheduled '{"policy": "SCHED_OTHER", "flags": ["SCHED_FLAG_BANANA"]}'; }
@test "config.md#linux-process: scheduler SCHED_FIFO without a priority is an error" { never_scheduled '{"policy": "SCHED_FIFO"}'; }
@test "config.md#linux-process: scheduler SCHED_RR with priority 100 is an error" { never_scheduled '{"policy": "SCHED_RR", "priority": 100}'; }
@test "config.md#linux-process: scheduler SCHED_OTHER with a priority is an error" { never_scheduled '{"policy": "SCHED_OTHER", "priority": 1}'; }
@test "config.md#linux-process: scheduler with nice 20 is an error" { never_scheduled '{"policy": "SCHED_OTHER", "nice": 20}'; }
@test "config.md#linux-process: scheduler SCHED_DEADLINE without times is an error" { never_scheduled '{"policy": "SCHED_DEADLINE"}'; }
@test "config.md#linux-process: scheduler SCHED_DEADLINE with less time than it runs is an error" {
    never_scheduled '{"policy": "SCHED_DEADLINE", "runtime": 20000, "deadline": 10000, "period": 30000}'
}
@test "config.md#linux-process: scheduler SCHED_DEADLINE with times that the kernel refuses is an error" {
    never_scheduled '{"policy": "SCHED_DEADLINE", "runtime": 1, "deadline": 2, "period": 3}'
}

# ---------------------------------------------------------------------------------------------
# ioPriority

prioritised() {
    edit '.process.ioPriority = $p' --argjson p "$1"
    launched
    PID=$(pid_of)
}

@test "config.md#linux-process: ioPriority IOPRIO_CLASS_BE" {
    prioritised '{"class": "IOPRIO_CLASS_BE", "priority": 6}'
    equal "$(ionice -p "$PID")" 'best-effort: prio 6'
}

@test "config.md#linux-process: ioPriority IOPRIO_CLASS_RT, 0" {
    prioritised '{"class": "IOPRIO_CLASS_RT", "priority": 0}'
    equal "$(ionice -p "$PID")" 'realtime: prio 0'
}

@test "config.md#linux-process: ioPriority IOPRIO_CLASS_IDLE" {
    prioritised '{"class": "IOPRIO_CLASS_IDLE", "priority": 0}'
    equal "$(ionice -p "$PID")" idle
}

@test "config.md#linux-process: ioPriority holds for the program's children" {
    edit '.process.ioPriority = {"class": "IOPRIO_CLASS_BE", "priority": 2}'
    ready 'sleep 1000 & '
    equal "$(ionice -p "$(pgrep -P "$(pid_of)" | head -n 1)")" 'best-effort: prio 2'
}

# IOPRIO_WHO_PGRP. The group has one member as yet, so that the effect cannot tell: the call can.
# runc 1.5, crun 1.29 and youki 0.7 set it for the process.
@test "config.md#linux-process: ioPriority is set for the process group" {
    command -v strace >/dev/null || not_here "no strace"
    edit '.process.ioPriority = {"class": "IOPRIO_CLASS_BE", "priority": 2}'
    args true
    with strace -f -e trace=ioprio_set,setsid -o "$T/calls" -- run --bundle "$BUNDLE" "$ID"
    ok
    has "$(grep -o 'ioprio_set([A-Z_]*' "$T/calls")" IOPRIO_WHO_PGRP
    # Of its own: never of the group that the caller is in.
    matches "$(tr '\n' ' ' <"$T/calls")" 'setsid\(\).*ioprio_set'
}

@test "config.md#linux-process: ioPriority in a user namespace, by root" {
    user_namespace
    prioritised '{"class": "IOPRIO_CLASS_RT", "priority": 3}'
    equal "$(ionice -p "$PID")" 'realtime: prio 3'
}

@test "config.md#linux-process: ioPriority class is REQUIRED" {
    edit '.process.ioPriority = {"priority": 1}'
    create_refused
}
@test "config.md#linux-process: ioPriority priority is REQUIRED" {
    edit '.process.ioPriority = {"class": "IOPRIO_CLASS_BE"}'
    create_refused
}
@test "config.md#linux-process: ioPriority above 7 is an error" {
    edit '.process.ioPriority = {"class": "IOPRIO_CLASS_BE", "priority": 8}'
    create_refused
}
@test "config.md#linux-process: ioPriority of an unknown class is an error" {
    edit '.process.ioPriority = {"class": "IOPRIO_CLASS_NONE", "priority": 0}'
    create_refused
}

# ---------------------------------------------------------------------------------------------
# execCPUAffinity

@test "config.md#linux-process: execCPUAffinity is not applicable to the first process" {
    edit '.process.execCPUAffinity = {"initial": "0", "final": "0"}'
    launched
    equal "$(grep Cpus_allowed_list "/proc/$(pid_of)/status")" "$(grep Cpus_allowed_list /proc/self/status)"
}

# runc 1.1.5 and crun 1.8.1 ignore it.
affine() {
    [ "$(nproc)" -ge 2 ] && grep -q $'Cpus_allowed_list:\t0-' /proc/self/status || not_here 'fewer than two CPUs'
    edit '.process.execCPUAffinity = $a' --argjson a "$1"
    launched
}

@test "config.md#linux-process: execCPUAffinity.final is where a process of exec runs" {
    affine '{"initial": "0", "final": "1"}'
    rt exec "$ID" grep Cpus_allowed_list /proc/self/status
    ok
    equal "$output" $'Cpus_allowed_list:\t1'
}

# The cgroup has no cpuset of its own here, so that the kernel leaves what it finds.
@test "config.md#linux-process: execCPUAffinity.initial is where exec starts" {
    affine '{"initial": "1"}'
    rt exec "$ID" grep Cpus_allowed_list /proc/self/status
    ok
    equal "$output" $'Cpus_allowed_list:\t1'
    lacks "$(grep Cpus_allowed_list "/proc/$(pid_of)/status")" $'\t1'
}

@test "config.md#linux-process: execCPUAffinity of CPUs that are not there is an error" {
    affine '{"initial": "4000"}'
    rt exec "$ID" echo ran
    refused
    lacks "$output" ran
    rt delete --force "$ID"
    edit '.process.execCPUAffinity = {final: "99999"}'
    launched
    rt exec "$ID" echo ran
    refused
    lacks "$output" ran
}

@test "config.md#linux-process: execCPUAffinity that is no list of CPUs is an error" {
    edit '.process.execCPUAffinity = {"initial": "0-"}'
    create_refused
}
