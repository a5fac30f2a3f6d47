#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Containers of an ordinary user to whom a cgroup2 subtree is delegated: for guests, see README.md.

load ../helpers

setup_file() {
    [ "$(id -u)" -ne 0 ] || skip 'not on this machine: an ordinary user with a delegated cgroup (conformance/vm/run --user)'
    it_runs
}

# The user's own cgroup, or rather the one above it: its own has processes, and gives no controllers.
delegated() {
    local own
    own=$(cut -d: -f3 /proc/self/cgroup)
    printf '%s' "${own%/*}"
}

also_setup() {
    edit '.linux.namespaces += [{type: "user"}]
        | .linux.uidMappings = [{containerID: 0, hostID: $u, size: 1}]
        | .linux.gidMappings = [{containerID: 0, hostID: $g, size: 1}]
        | .linux.cgroupsPath = $path' \
        --argjson u "$(id -u)" --argjson g "$(id -g)" --arg path "$(delegated)/$ID"
}

# cgroup_file NAME: what the host's view of the container's cgroup has in a file.
cgroup_file() { cat "/sys/fs/cgroup$(delegated)/$ID/$1"; }

limits() { edit ".linux.resources = $1"; }

@test "config-linux.md#cgroups-path: an ordinary user's container is where cgroupsPath says, until deleted" {
    launched
    has "$(cat "/proc/$(pid_of)/cgroup")" "$(delegated)/$ID"
    end_container
    rt delete "$ID"
    ok
    equal "$(cgroups_left)" ''
}

@test "config-linux.md#control-groups: limits of an ordinary user's container are written" {
    limits '{memory: {limit: 33554432}, pids: {limit: 7}, cpu: {quota: 20000, period: 100000, shares: 512}}'
    launched
    equal "$(cgroup_file memory.max)" 33554432
    equal "$(cgroup_file pids.max)" 7
    equal "$(cgroup_file cpu.max)" '20000 100000'
    differ "$(cgroup_file cpu.weight)" 100
}

@test "config-linux.md#memory: an ordinary user's limit is enforced" {
    limits '{memory: {limit: 33554432, swap: 33554432}}'
    inside 'head -c 100000000 /dev/zero | tail >/dev/null; echo "ended with $?"'
    ok
    has "$output" 'ended with 137'
}

@test "config-linux.md#pids: an ordinary user's limit is enforced" {
    limits '{pids: {limit: 4}}'
    inside 'for i in 1 2 3 4 5 6; do sleep 1 & done; wait; echo never'
    lacks "$output" never
    matches "$errors" "can't fork"
}

@test "config-linux.md#control-groups: a place that is not the user's is refused, and left as it was" {
    edit '.linux.cgroupsPath = "/not-delegated/x" | .linux.resources = {pids: {limit: 4}}'
    create_refused
    [ ! -e /sys/fs/cgroup/not-delegated ] || say 'a directory was made'
}

@test "config-linux.md#cgroup-ownership: a container may divide its own cgroup when it is mounted writable" {
    edit '.linux.namespaces += [{type: "cgroup"}]'
    add_mount /sys/fs/cgroup cgroup cgroup nosuid noexec nodev
    limits '{pids: {limit: 20}}'
    inside 'mkdir /sys/fs/cgroup/part && echo $$ >/sys/fs/cgroup/part/cgroup.procs && cat /proc/self/cgroup'
    ok
    equal "$output" '0::/part'
}

@test "config-linux.md#user-namespace-mappings: subordinate ids are mapped with newuidmap" {
    local first
    first=$(sed -n "s/^$(id -un):\([0-9]*\):.*/\1/p" /etc/subuid)
    [ -n "$first" ] || not_here 'no subordinate ids for this user'
    edit '.linux.uidMappings += [{containerID: 1, hostID: $f, size: 1000}]
        | .linux.gidMappings += [{containerID: 1, hostID: $f, size: 1000}]
        | .process.capabilities |= map_values(. + ["CAP_CHOWN"])' --argjson f "$first"
    inside 'touch /tmp/x && chown 5:5 /tmp/x && stat -c %u:%g /tmp/x && rm /tmp/x'
    ok
    equal "$output" 5:5
}

@test "a container of an ordinary user ends with all of its processes, and its cgroup goes" {
    limits '{pids: {limit: 20}}'
    ready '(trap "" TERM HUP; sleep 1000 & sleep 1000) &'
    rt delete --force "$ID"
    ok
    equal "$(cgroups_left)" ''
}

@test "a container of an ordinary user is frozen, goes on and is killed" {
    limits '{pids: {limit: 20}}'
    ready 'sleep 1000 & sleep 1000 &'
    rt pause "$ID"
    ok
    equal "$(cgroup_file cgroup.events | grep frozen)" 'frozen 1'
    equal "$(status_of)" paused
    rt resume "$ID"
    ok
    equal "$(cgroup_file cgroup.events | grep frozen)" 'frozen 0'
    rt delete --force "$ID"
    ok
    equal "$(cgroups_left)" ''
}
