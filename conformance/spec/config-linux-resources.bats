#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# config-linux.md: control groups. Limits are proved by their effect, on whatever form of cgroups
# the machine has the controller in.

load ../helpers
load ../helpers/cgroups

setup_file() { it_runs; }

@test "config-linux.md#memory: limit is enforced" {
    with_controller memory
    limits '{memory: {limit: 33554432, swap: 33554432}}'
    inside 'head -c 100000000 /dev/zero | tail >/dev/null; echo "ended with $?"'
    ok
    has "$output" 'ended with 137'
    no_cgroups
}

@test "config-linux.md#pids: limit is enforced" {
    with_controller pids
    limits '{pids: {limit: 4}}'
    inside 'for i in 1 2 3 4 5 6; do sleep 1 & done; wait; echo never'
    lacks "$output" never
    matches "$errors" "can't fork"
    no_cgroups
}

# setting V1-FILE [V2-FILE]: what the container's cgroup has there, under whichever version it has it.
setting() {
    local file
    for file in /sys/fs/cgroup/*/martlet-conformance/"$ID/$1" /sys/fs/cgroup/martlet-conformance/"$ID/${2:-none}"; do
        [ ! -e "$file" ] || { cat "$file"; return; }
    done
    return 1
}

# has_setting CONTROLLER V1-FILE [V2-FILE]: skips where the kernel has neither.
has_setting() {
    with_controller "$1"
    [ -e /sys/fs/cgroup/"$1" ] || { [ -n "${3:-}" ] && return; not_here "no $2 on cgroup2"; }
    mkdir -p "/sys/fs/cgroup/$1/martlet-conformance-probe"
    local there=''
    [ ! -e "/sys/fs/cgroup/$1/martlet-conformance-probe/$2" ] || there=1
    rmdir "/sys/fs/cgroup/$1/martlet-conformance-probe"
    [ -n "$there" ] || not_here "no $2"
}

@test "config-linux.md#memory: reservation is set" {
    has_setting memory memory.soft_limit_in_bytes memory.low
    limits '{memory: {reservation: 33554432}}'
    launched
    equal "$(setting memory.soft_limit_in_bytes memory.low)" 33554432
}

@test "config-linux.md#memory: swap is set" {
    has_setting memory memory.memsw.limit_in_bytes memory.swap.max
    limits '{memory: {limit: 33554432, swap: 67108864}}'
    launched
    local expected=67108864
    # Version 2 counts swap alone.
    [ -d /sys/fs/cgroup/memory ] || expected=33554432
    equal "$(setting memory.memsw.limit_in_bytes memory.swap.max)" "$expected"
}

@test "config-linux.md#memory: swappiness is set" {
    has_setting memory memory.swappiness
    limits '{memory: {limit: 33554432, swappiness: 17}}'
    launched
    equal "$(setting memory.swappiness)" 17
}

@test "config-linux.md#memory: disableOOMKiller is set" {
    has_setting memory memory.oom_control
    limits '{memory: {limit: 33554432, disableOOMKiller: true}}'
    launched
    has "$(setting memory.oom_control)" 'oom_kill_disable 1'
}

@test "config-linux.md#cpu: shares is set" {
    has_setting cpu cpu.shares cpu.weight
    limits '{cpu: {shares: 512}}'
    launched
    if [ -d /sys/fs/cgroup/cpu ]; then
        equal "$(setting cpu.shares)" 512
    else
        # Less than the default of 100; two conversions are in use, by runc before and since 1.4.
        matches "$(setting none cpu.weight)" '^(20|59)$'
    fi
}

@test "config-linux.md#cpu: quota and period are set" {
    has_setting cpu cpu.cfs_quota_us cpu.max
    limits '{cpu: {quota: 25000, period: 50000}}'
    launched
    if [ -d /sys/fs/cgroup/cpu ]; then
        equal "$(setting cpu.cfs_quota_us) $(setting cpu.cfs_period_us)" '25000 50000'
    else
        equal "$(setting none cpu.max)" '25000 50000'
    fi
}

# A program that would run all the time is stopped again and again.
@test "config-linux.md#cpu: quota is enforced" {
    has_setting cpu cpu.cfs_quota_us cpu.max
    limits '{cpu: {quota: 10000, period: 100000}}'
    script 'while :; do :; done'
    launched
    throttled() { [ "$(setting cpu.stat cpu.stat | awk '$1 == "nr_throttled" { print $2 }')" -gt 0 ]; }
    within 10 throttled
}

# runc before 1.2 knows neither burst nor idle.
@test "config-linux.md#cpu: burst is set" {
    has_setting cpu cpu.cfs_burst_us cpu.max.burst
    limits '{cpu: {quota: 50000, period: 100000, burst: 20000}}'
    launched
    equal "$(setting cpu.cfs_burst_us cpu.max.burst)" 20000
}

@test "config-linux.md#cpu: burst above quota is an error" {
    has_setting cpu cpu.cfs_burst_us cpu.max.burst
    limits '{cpu: {quota: 50000, period: 100000, burst: 60000}}'
    create_refused
}

@test "config-linux.md#cpu: cpus and mems are set" {
    has_setting cpuset cpuset.cpus cpuset.cpus
    limits '{cpu: {cpus: "0", mems: "0"}}'
    inside 'grep -E "^(Cpus|Mems)_allowed_list" /proc/self/status'
    ok
    equal "$(tr -s '\t ' ' ' <<<"$output")" $'Cpus_allowed_list: 0\nMems_allowed_list: 0'
}

@test "config-linux.md#cpu: idle is set" {
    has_setting cpu cpu.idle cpu.idle
    limits '{cpu: {idle: 1}}'
    launched
    equal "$(setting cpu.idle cpu.idle)" 1
}

# A disk that throttling can be set for, with something to read.
disk() {
    lsblk --nodeps --noheadings --bytes --output MAJ:MIN,TYPE,SIZE 2>/dev/null \
        | awk '$2 == "disk" && $3 >= 4194304 { print $1; exit }'
}

@test "config-linux.md#block-io: weight is set" {
    has_setting blkio blkio.bfq.weight io.bfq.weight
    limits '{blockIO: {weight: 300}}'
    launched
    has "$(setting blkio.bfq.weight io.bfq.weight)" 300
}

@test "config-linux.md#block-io: throttling of a device is set" {
    if [ -d /sys/fs/cgroup/blkio ]; then has_setting blkio blkio.throttle.read_bps_device; else with_controller io; fi
    local disk
    disk=$(disk)
    [ -n "$disk" ] || not_here 'no disk'
    limits "{blockIO: {throttleReadBpsDevice: [{major: ${disk%:*}, minor: ${disk#*:}, rate: 1048576}],
        throttleWriteIOPSDevice: [{major: ${disk%:*}, minor: ${disk#*:}, rate: 77}]}}"
    launched
    has "$(setting blkio.throttle.read_bps_device io.max)" 1048576
    has "$(setting blkio.throttle.write_iops_device io.max)" 77
}

# 3 MiB at 1 MiB a second; unhindered it takes no time.
@test "config-linux.md#block-io: throttling of a device slows who reads from it" {
    if [ -d /sys/fs/cgroup/blkio ]; then has_setting blkio blkio.throttle.read_bps_device; else with_controller io; fi
    local disk
    disk=$(disk)
    [ -n "$disk" ] || not_here 'no disk'
    mknod "$T/disk" b "${disk%:*}" "${disk#*:}"
    head -c 1 "$T/disk" >/dev/null 2>&1 || not_here 'the disk may not be read'
    reader() {
        limits "{blockIO: {throttleReadBpsDevice: [{major: ${disk%:*}, minor: ${disk#*:}, rate: $1}]}}"
        edit ".linux.devices = [{path: \"/dev/d\", type: \"b\", major: ${disk%:*}, minor: ${disk#*:}}]"
        script 'dd if=/dev/d of=/dev/null bs=65536 count=48 iflag=direct 2>/tmp/e || cat /tmp/e'
        local begin=${EPOCHREALTIME/[.,]/}
        run_container
        ok
        equal "$output" ''
        took=$(((${EPOCHREALTIME/[.,]/} - begin) / 1000))
    }
    local took
    reader 1048576
    [ "$took" -ge 1900 ] || say "3 MiB at 1 MiB a second took $took ms"
    reader 1073741824
    [ "$took" -le 1900 ] || say "3 MiB at 1 GiB a second took $took ms"
}

page_size() {
    local size
    size=$(ls /sys/kernel/mm/hugepages 2>/dev/null | sed -n 's/hugepages-\([0-9]*\)kB/\1/p' | head -n 1)
    [ -n "$size" ] || not_here 'no huge pages'
    printf '%sMB' "$((size / 1024))"
}

@test "config-linux.md#huge-page-limits: limit is set, on reservations where there are any" {
    with_controller hugetlb
    local size
    size=$(page_size)
    limits "{hugepageLimits: [{pageSize: \"$size\", limit: 4194304}]}"
    launched
    equal "$(setting "hugetlb.$size.limit_in_bytes" "hugetlb.$size.max")" 4194304
    equal "$(setting "hugetlb.$size.rsvd.limit_in_bytes" "hugetlb.$size.rsvd.max" || echo 4194304)" 4194304
}

@test "config-linux.md#huge-page-limits: a pageSize that the kernel does not have is an error" {
    limits '{hugepageLimits: [{pageSize: "3MB", limit: 4194304}]}'
    create_refused
}

# crun passes it over. A limit that cannot be set must not be: few machines have the controller, or a device.
@test "config-linux.md#rdma: is set, or an error" {
    edit '.linux.resources = {rdma: {mlx5_1: {hcaHandles: 3}}}'
    create
    if [ "$status" -eq 0 ]; then
        has "$(find /sys/fs/cgroup -path "*$ID*/rdma.max" -exec cat {} +)" 'mlx5_1 hca_handle=3'
    else
        refused
        ! is_martlet || has "$errors" rdma
        nothing_left
    fi
}

@test "config-linux.md#network: is set, or an error" {
    limits '{network: {classID: 1048577, priorities: [{name: "lo", priority: 7}]}}'
    create
    if [ "$status" -eq 0 ]; then
        equal "$(setting net_cls.classid)" 1048577
        has "$(setting net_prio.ifpriomap)" 'lo 7'
    else
        refused
        nothing_left
    fi
}

# runc before 1.4 takes it for none, crun for no limit.
@test "config-linux.md#pids: limit 0 SHOULD be a limit" {
    with_controller pids
    limits '{pids: {limit: 0}}'
    inside 'echo one; sleep 0 & wait; echo never'
    equal "$output" one
    matches "$errors" "can't fork"
}

@test "config-linux.md#memory: a negative limit is refused" {
    limits '{memory: {limit: -5}}'
    create_refused
}

@test "config-linux.md#control-groups: unified is refused where there is only v1, by name" {
    only_martlet
    [ -d /sys/fs/cgroup/memory ] || not_here "this machine's memory controller is not on v1"
    limits '{unified: {"memory.high": "1000000"}}'
    create_refused
    has "$errors" memory.high
}

@test "config-linux.md#cpu: processors that there are not are refused" {
    with_controller cpuset
    limits '{cpu: {cpus: "4000"}}'
    create_refused
    no_cgroups
}

@test "config-linux.md#pids: a fork bomb is held" {
    only_v1 pids
    limits '{pids: {limit: 30}}'
    # The shell that forks ends when it cannot; the first one waits without forking.
    script 'mkfifo /tmp/f; exec 9<>/tmp/f; (while :; do sleep 1000 & done) 2>/dev/null & while :; do read x <&9; done'
    launched
    local at
    at=$(in_v1 pids)
    full() { [ "$(cat "$at/pids.current")" -ge 29 ]; }
    within 10 full
    [ "$(cat "$at/pids.current")" -le 30 ]
    rt delete --force "$ID"
    ok
    nothing_left
}

@test "config-linux.md#control-groups: numbers that cannot be are refused" {
    local limit
    for limit in '{memory: {limit: -2}}' '{memory: {swap: -9}}' '{pids: {limit: -2}}' '{cpu: {shares: -1}}' \
        '{cpu: {period: -1}}' '{cpu: {quota: "many"}}' '{memory: {limit: 1.5}}' \
        '{blockIO: {weight: 65536}}' '{hugepageLimits: [{pageSize: "2MB", limit: -1}]}' \
        '{network: {classID: 4294967296}}' '{cpu: {idle: 2}}'; do
        # Peers take or leave these, one way or another.
        case $limit in *': -2}'* | *-9* | *idle*) is_martlet || continue ;; esac
        limits "$limit"
        create_refused || say "$limit"
    done
    # Larger than jq can write.
    placed
    sed -i 's/"linux": {/"linux": {"resources": {"memory": {"limit": 9223372036854775808}},/' "$BUNDLE/config.json"
    create_refused
}

@test "config-linux.md#unified: a file that no controller has is refused, by name" {
    only_martlet
    limits '{unified: {"nothing.max": "1"}}'
    create_refused
    has "$errors" nothing.max
    limits '{unified: {"../x": "1"}}'
    create_refused
    limits '{unified: {"cgroup.nothing": "1"}}'
    create_refused
    has "$errors" cgroup.nothing
    no_cgroups
}

@test "config-linux.md#memory: a container that the kernel killed is told to be" {
    with_controller memory
    only_martlet  # No other runtime tells.
    limits '{memory: {limit: 33554432, swap: 33554432}}'
    script 'exec tail /dev/zero'
    launched
    stopped
    rt state "$ID"
    equal "$(jq .oomKilled <<<"$output")" true
    ID=$ID-2
    run_container
    equal "$status" 137
    has "$errors" 'no memory left'
    ID=$ID-3
    inside 'exit 3'
    equal "$status" 3
    equal "$errors" ''
}

@test "config-linux.md#memory: too little to begin with is an error that says so" {
    with_controller memory
    only_martlet
    limits '{memory: {limit: 4096, swap: 4096}}'
    run_container
    refused
    matches "$errors" 'memory'
    no_cgroups
}

# runc 1.1.5 needs more than 2 MiB: its own process is in the cgroup until the program begins.
@test "config-linux.md#memory: a limit of 1 MiB is enough for a static program" {
    with_controller memory
    limits '{memory: {limit: 1048576}}'
    args true
    local i
    for i in 1 2 3 4 5; do
        run_container
        ok
    done
    no_cgroups
}
