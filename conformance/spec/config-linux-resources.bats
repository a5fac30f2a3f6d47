#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# config-linux.md: control groups. Limits are proved by their effect, on whatever form of cgroups
# the machine has the controller in.

load ../helpers

setup_file() { it_runs; }

# A place of this test's own.
placed() { edit '.linux.cgroupsPath = $p' --arg p "/martlet-conformance/$ID"; }

limits() { placed; edit ".linux.resources = $1"; }

# with_controller NAME: skips where neither v1 nor v2 has it.
with_controller() {
    [ -d "/sys/fs/cgroup/$1" ] || grep -qw "$1" /sys/fs/cgroup/cgroup.controllers 2>/dev/null \
        || not_here "no $1 controller"
}

cgroups_of() { find /sys/fs/cgroup -type d -path "*martlet-conformance/$ID*" 2>/dev/null; }

no_cgroups() { equal "$(cgroups_of)" ''; }

@test "config-linux.md#cgroups-path: the process is where cgroupsPath says, and delete removes it" {
    placed
    launched
    local pid
    pid=$(pid_of)
    has "$(cat "/proc/$pid/cgroup")" "/martlet-conformance/$ID"
    end_container
    rt delete "$ID"
    ok
    no_cgroups
}

@test "config-linux.md#cgroups-path: a path with .. in it is refused" {
    only_martlet  # runc and crun clean it instead.
    edit '.linux.cgroupsPath = "/a/../../b"'
    create_refused
}

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

@test "config-linux.md#allowed-device-list: what is not allowed cannot be opened" {
    limits '{devices: [{allow: false, access: "rwm"}]}'
    edit '.process.capabilities |= map_values(. + ["CAP_MKNOD"])'
    inside 'mknod /dev/kmsg2 c 1 11 && cat </dev/kmsg2 || echo refused; echo x >/dev/null && echo null'
    ok
    has "$output" refused
    has "$output" null
}

@test "config-linux.md#allowed-device-list: entries apply in the listed order" {
    limits '{devices: [{allow: false, access: "rwm"}, {allow: true, type: "c", major: 10, minor: 229, access: "rwm"}, {allow: false, type: "c", major: 10, minor: 229, access: "w"}]}'
    edit '.process.capabilities |= map_values(. + ["CAP_MKNOD"])'
    # /dev/fuse answers EPERM to a read that nobody serves, and to an open that is not allowed.
    inside 'mknod /dev/f c 10 229; (: </dev/f) && echo read; (: >/dev/f) || echo "no write"'
    ok
    has "$output" read
    has "$output" 'no write'
}

@test "config-linux.md#namespaces: a new cgroup namespace begins at the container's cgroup" {
    placed
    edit '.linux.namespaces += [{type: "cgroup"}]'
    inside 'cat /proc/self/cgroup'
    ok
    lacks "$output" martlet-conformance
}

@test "config-linux.md#control-groups: a cgroup that is in use is refused" {
    only_martlet  # A MAY of the specification.
    placed
    launched
    local first=$ID
    ID=$first-second
    create
    refused
    has "$errors" 'has processes in it'
    ID=$first
    rt list -q
    equal "$output" "$first"
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
