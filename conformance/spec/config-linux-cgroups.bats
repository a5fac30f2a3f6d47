#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# config-linux.md#cgroups-path, #cgroup-ownership, #unified: where the container's cgroup is, whose it
# is, and files of cgroup2.

load ../helpers
load ../helpers/cgroups

also_setup() { with_cgroups; }

PLACE() { printf '/martlet-conformance/%s' "$ID"; }

# places: the cgroups of the container's process, without controllers and numbers.
places() { cut -d: -f3- "/proc/$(pid_of)/cgroup" | sort -u; }

# Whatever the hierarchy, where it is mounted.
directories() { find /sys/fs/cgroup -type d -path "*$(PLACE)"; }

@test "config-linux.md#cgroups-path: an absolute path MUST be taken from the mount point of the cgroups" {
    placed
    launched
    has "$(places)" "$(PLACE)"
    local directory seen=0
    for directory in /sys/fs/cgroup"$(PLACE)" /sys/fs/cgroup/*"$(PLACE)"; do
        [ -d "$directory" ] || continue
        equal "$(cat "$directory/cgroup.procs")" "$(pid_of)"
        seen=1
    done
    equal "$seen" 1
}

@test "config-linux.md#cgroups-path: a relative path is somewhere, and always there" {
    edit '.linux.cgroupsPath = $p' --arg p "martlet-conformance-$ID"
    launched
    local first
    first=$(places)
    has "$first" "martlet-conformance-$ID"
    end_container
    rt delete "$ID"
    ok
    launched
    equal "$(places)" "$first"
}

@test "config-linux.md#cgroups-path: the same path MUST be the same place" {
    placed
    launched
    local first
    first=$(places)
    end_container
    rt delete "$ID"
    ok
    ROOT=$T/other
    cd "$T"
    launched
    equal "$(places)" "$first"
}

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

@test "config-linux.md#cgroups-path: no path that leads elsewhere" {
    only_martlet  # runc and crun clean them instead.
    local path
    for path in /a/../b a/../../b ./a a//b /a/./b ../a $'a\nb'; do
        edit '.linux.cgroupsPath = $p' --arg p "$path"
        create_refused || say "$path"
    done
    edit '.linux.cgroupsPath = $p' --arg p "/$(printf 'a%.0s' {1..300})"
    create_refused
}

@test "config-linux.md#cgroups-path: a relative path is below the caller's own cgroup, on v1" {
    only_v1 pids
    edit '.linux.cgroupsPath = $p' --arg p "martlet-conformance/$ID"
    launched
    local own
    own=$(sed -n 's/^[0-9]*:memory://p' /proc/self/cgroup)
    equal "$(sed -n 's/^[0-9]*:memory://p' "/proc/$(pid_of)/cgroup")" "${own%/}/martlet-conformance/$ID"
    end_container
    rt delete "$ID"
    ok
    no_cgroups
}

@test "config-linux.md#cgroups-path: without one, the runtime's own default, removed by delete" {
    with_cgroups
    launched
    has "$(cat "/proc/$(pid_of)/cgroup")" "$ID"
    end_container
    rt delete "$ID"
    ok
    equal "$(cgroups_left)" ''
}

# Debian's runc removes it.
@test "runtime.md#delete: a cgroup that was there before stays" {
    only_v1 pids
    mkdir -p "/sys/fs/cgroup/pids/martlet-conformance/$ID"
    placed
    launched
    end_container
    rt delete "$ID"
    ok
    local left
    left=$(cgroups_of)
    rmdir "/sys/fs/cgroup/pids/martlet-conformance/$ID" 2>/dev/null || true
    rmdir /sys/fs/cgroup/pids/martlet-conformance 2>/dev/null || true
    equal "$left" "/sys/fs/cgroup/pids/martlet-conformance/$ID"
}

@test "runtime.md#delete: what a container made below its cgroup is removed with it" {
    placed
    launched
    local at
    at=$(cgroups_of | head -n 1)
    mkdir -p "$at/one/two"
    end_container
    rt delete "$ID"
    ok
    no_cgroups
}

# ---------------------------------------------------------------------------------------------

# owned: a container of another user, with all that makes its cgroup its own; FILTER changes that.
owned() {
    user_namespace
    placed
    edit '.linux.namespaces += [{type: "cgroup"}] | .process.user = {uid: 1000, gid: 1000}
        | .mounts += [{destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: ["nosuid", "noexec", "nodev"]}]'
    edit "$1"
    launched
}

# owners: of the container's cgroups and all that is in them, each once.
owners() { directories | xargs -I DIR find DIR -maxdepth 1 -printf '%U\n' | sort -u; }

@test "config-linux.md#cgroup-ownership: with cgroups v1 the owner SHOULD NOT change" {
    [ ! -e /sys/fs/cgroup/cgroup.controllers ] || not_here 'no cgroup version 1'
    owned .
    equal "$(directories | grep -v /unified/ | xargs -I DIR find DIR -maxdepth 1 -printf '%U\n' | sort -u)" 0
}

@test "config-linux.md#cgroup-ownership: without a new cgroup namespace the owner SHOULD NOT change" {
    only_v2
    owned '.linux.namespaces |= map(select(.type != "cgroup"))'
    equal "$(owners)" 0
}

@test "config-linux.md#cgroup-ownership: with cgroups mounted read-only, or not at all, the owner SHOULD NOT change" {
    only_v2
    owned '.mounts[-1].options += ["ro"]'
    equal "$(owners)" 0
    end_container
    rt delete "$ID"
    ok
    edit 'del(.mounts[-1])'
    launched
    equal "$(owners)" 0
}

# runc and crun give it to root of the container, and not to process.user.
@test "config-linux.md#cgroup-ownership: with cgroups mounted writable the owner SHOULD change" {
    only_v2
    owned .
    equal "$(stat -c %u "$(directories)")" 101000
}

@test "config-linux.md#cgroup-ownership: only what the kernel delegates SHOULD get another owner" {
    only_v2
    owned .
    local directory listed file
    directory=$(directories)
    listed=" $(tr '\n' ' ' </sys/kernel/cgroup/delegate) "
    differ "$(stat -c %u "$directory/cgroup.procs")" 0
    for file in "$directory"/*; do
        if [[ $listed == *" ${file##*/} "* ]]; then
            differ "$(stat -c %u "$file") ${file##*/}" "0 ${file##*/}"
        else
            equal "$(stat -c %u "$file") ${file##*/}" "0 ${file##*/}"
        fi
    done
}

# ---------------------------------------------------------------------------------------------

unified() {
    only_v2
    placed
    edit '.linux.resources = {unified: $u}' --argjson u "$1"
}

@test "config-linux.md#unified: the controllers that it needs MUST be switched on" {
    unified '{"pids.max": "33"}'
    grep -qw pids /sys/fs/cgroup/cgroup.controllers || not_here 'no pids controller on cgroup2'
    launched
    equal "$(cat "$(directories)/pids.max")" 33
    has "$(cat "$(directories)/cgroup.controllers")" pids
}

@test "config-linux.md#unified: what the runtime does not know MUST be written" {
    unified '{"cgroup.max.descendants": "7"}'
    launched
    equal "$(cat "$(directories)/cgroup.max.descendants")" 7
}

@test "config-linux.md#unified: a controller that is not there MUST generate an error" {
    unified '{"banana.max": "33"}'
    create_refused
    equal "$(directories)" ''
}

# Swappiness of a cgroup is version 1's alone.
@test "config-linux.md#unified: what cannot be converted to v2 MUST generate an error" {
    only_v2
    placed
    edit '.linux.resources = {memory: {swappiness: 60}}'
    create_refused
    equal "$(directories)" ''
}
