#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# config-linux.md#namespaces: each of the eight, new, inherited and joined.

load ../helpers

ALL=(pid network ipc uts mount cgroup)

link_name() {
    case $1 in
        network) echo net ;;
        mount) echo mnt ;;
        *) echo "$1" ;;
    esac
}

host_has() { [ -e "/proc/self/ns/$(link_name "$1")" ] || not_here "no $1 namespaces"; }

# others TYPE: all the usual ones but TYPE. (hostname needs uts, sysfs needs network.)
others() {
    local kind kinds=()
    for kind in "${ALL[@]}"; do [ "$kind" = "$1" ] || kinds+=("$kind"); done
    namespaces "${kinds[@]}"
    [ "$1" != uts ] || edit 'del(.hostname)'
}

# new TYPE: the container's namespace is neither the host's nor anybody's.
new() {
    host_has "$1"
    others "$1"
    edit '.linux.namespaces += [{type: $t}]' --arg t "$1"
    inside "readlink /proc/self/ns/$(link_name "$1")"
    ok
    matches "$output" '^[a-z]+:\[[0-9]+\]$'
    differ "$output" "$(readlink "/proc/self/ns/$(link_name "$1")")"
}

inherited() {
    host_has "$1"
    others "$1"
    inside "readlink /proc/self/ns/$(link_name "$1")"
    ok
    equal "$output" "$(readlink "/proc/self/ns/$(link_name "$1")")"
}

# holder FLAG: a process in a new namespace; sets HOLDER.
holder() {
    background unshare "$@" sh -c 'touch "$0"; exec sleep 1000' "$T/held"
    HOLDER=$!
    within 5 test -e "$T/held"
}

joined() {
    host_has "$1"
    holder "$2"
    others "$1"
    edit '.linux.namespaces += [{type: $t, path: $p}]' --arg t "$1" --arg p "/proc/$HOLDER/ns/$(link_name "$1")"
    inside "readlink /proc/self/ns/$(link_name "$1")"
    ok
    equal "$output" "$(readlink "/proc/$HOLDER/ns/$(link_name "$1")")"
}

# wrong TYPE: a path to a namespace of another type.
wrong() {
    local path=/proc/self/ns/uts
    host_has "$1"
    [ "$1" != uts ] || path=/proc/self/ns/ipc
    holder --uts --ipc
    others "$1"
    edit '.linux.namespaces += [{type: $t, path: $p}]' --arg t "$1" --arg p "${path/self/$HOLDER}"
    script 'echo ran'
    never_runs
    nothing_left
}

@test "config-linux.md#namespaces: pid, new" { new pid; }
@test "config-linux.md#namespaces: network, new" { new network; }
@test "config-linux.md#namespaces: mount, new" { new mount; }
@test "config-linux.md#namespaces: ipc, new" { new ipc; }
@test "config-linux.md#namespaces: uts, new" { new uts; }
@test "config-linux.md#namespaces: cgroup, new" { new cgroup; }
# runc before 1.2 does not know time namespaces (runtime-spec 1.1), crun 1.8.1 fails to enter one.
@test "config-linux.md#namespaces: time, new" { new time; }

@test "config-linux.md#namespaces: user, new" {
    user_namespace
    inside 'readlink /proc/self/ns/user'
    ok
    differ "$output" "$(readlink /proc/self/ns/user)"
}

@test "config-linux.md#namespaces: pid, inherited if not listed" { inherited pid; }
@test "config-linux.md#namespaces: network, inherited if not listed" { inherited network; }
@test "config-linux.md#namespaces: ipc, inherited if not listed" { edit 'del(.mounts[] | select(.type == "mqueue"))'; inherited ipc; }
@test "config-linux.md#namespaces: uts, inherited if not listed" { inherited uts; }
@test "config-linux.md#namespaces: cgroup, inherited if not listed" { inherited cgroup; }
@test "config-linux.md#namespaces: user, inherited if not listed" { inherited user; }
@test "config-linux.md#namespaces: time, inherited if not listed" { inherited time; }

@test "config-linux.md#namespaces: network, joined by path" { joined network --net; }
@test "config-linux.md#namespaces: ipc, joined by path" { joined ipc --ipc; }
@test "config-linux.md#namespaces: uts, joined by path" { edit 'del(.hostname)'; joined uts --uts; }
@test "config-linux.md#namespaces: cgroup, joined by path" { joined cgroup --cgroup; }
@test "config-linux.md#namespaces: time, joined by path" { joined time --time; }

@test "config-linux.md#namespaces: pid, joined by path" {
    background unshare --pid --fork --kill-child sh -c 'touch "$0"; exec sleep 1000' "$T/held"
    within 5 test -e "$T/held"
    local init
    init=$(pgrep -P "$!")
    KNOWN+=("$init")
    others pid
    edit '.linux.namespaces += [{type: "pid", path: $p}]' --arg p "/proc/$init/ns/pid"
    inside 'readlink /proc/self/ns/pid; cat /proc/1/comm'
    ok
    equal "$output" "$(readlink "/proc/$init/ns/pid")"$'\nsleep'
}

# joined_user FILTER: joins another container's user namespace with its configuration changed by FILTER.
joined_user() {
    user_namespace
    launched
    local first=$ID pid
    pid=$(pid_of)
    ID=$ID-two
    edit ".linux.namespaces |= map(if .type == \"user\" then .path = \$p else . end) | $1" --arg p "/proc/$pid/ns/user"
    inside 'readlink /proc/self/ns/user; id -u'
    ok
    equal "$output" "$(readlink "/proc/$pid/ns/user")"$'\n0'
    ID=$first
}

@test "config-linux.md#namespaces: user, joined by path" { joined_user .; }
# runc before 1.2 wants the mappings told.
@test "config-linux.md#namespaces: user, joined by path without mappings" { joined_user 'del(.linux.uidMappings) | del(.linux.gidMappings)'; }

@test "config-linux.md#namespaces: several namespaces of another container, joined by path" {
    launched
    local first=$ID pid kind
    pid=$(pid_of)
    ID=$ID-two
    namespaces mount "pid=/proc/$pid/ns/pid" "network=/proc/$pid/ns/net" "ipc=/proc/$pid/ns/ipc" "uts=/proc/$pid/ns/uts"
    edit 'del(.hostname)'
    inside 'for kind in pid net ipc uts; do readlink /proc/self/ns/$kind; done; hostname'
    ok
    equal "$output" "$(for kind in pid net ipc uts; do readlink "/proc/$pid/ns/$kind"; done)"$'\nconformance'
    ID=$first
    equal "$(status_of)" running
}

@test "config-linux.md#namespaces: a path of another type MUST generate an error, pid" { wrong pid; }
@test "config-linux.md#namespaces: a path of another type MUST generate an error, network" { wrong network; }
@test "config-linux.md#namespaces: a path of another type MUST generate an error, mount" { wrong mount; }
@test "config-linux.md#namespaces: a path of another type MUST generate an error, ipc" { wrong ipc; }
@test "config-linux.md#namespaces: a path of another type MUST generate an error, uts" { edit 'del(.hostname)'; wrong uts; }
@test "config-linux.md#namespaces: a path of another type MUST generate an error, user" { wrong user; }
@test "config-linux.md#namespaces: a path of another type MUST generate an error, cgroup" { wrong cgroup; }

@test "config-linux.md#namespaces: a path that is no namespace MUST generate an error" {
    others network
    edit '.linux.namespaces += [{type: "network", path: "/etc/passwd"}]'
    create_refused
}

@test "config-linux.md#namespaces: a path that does not exist is an error" {
    others network
    edit '.linux.namespaces += [{type: "network", path: $p}]' --arg p "$T/missing"
    create_refused
}

@test "config-linux.md#namespaces: path MUST be absolute" {
    holder --net
    others network
    edit '.linux.namespaces += [{type: "network", path: $p}]' --arg p "proc/$HOLDER/ns/net"
    cd /
    create_refused
}

# crun 1.8.1 takes both.
@test "config-linux.md#namespaces: duplicates MUST generate an error" {
    edit '.linux.namespaces += [{type: "ipc"}]'
    create_refused
}

@test "config-linux.md#namespaces: duplicates with a path MUST generate an error too" {
    edit '.linux.namespaces += [{type: "network", path: "/proc/self/ns/net"}]'
    create_refused
}

@test "config-linux.md#namespaces: an unknown type is an error" {
    edit '.linux.namespaces += [{type: "banana"}]'
    create_refused
}

@test "config-linux.md#namespaces: type is REQUIRED" {
    edit '.linux.namespaces += [{path: "/proc/self/ns/net"}]'
    create_refused
}

@test "config-linux.md#namespaces: in a new pid namespace the program is pid 1 and sees no others" {
    inside 'echo $$; ls /proc | grep "^[0-9]" | wc -l'
    # sh, and the pipeline's own.
    equal "$(head -n 1 <<<"$output")" 1
    [ "$(tail -n 1 <<<"$output")" -le 5 ]
}

@test "config-linux.md#namespaces: a new network namespace has nothing but a loopback device" {
    inside 'ls /sys/class/net; ip -o link show up'
    ok
    equal "$(head -n 1 <<<"$output")" lo
    lacks "$output" eth
}

@test "config-linux.md#namespaces: mounts of a new mount namespace are not the host's" {
    add_mount /m tmpfs tmpfs
    edit '.process.capabilities |= map_values(. + ["CAP_SYS_ADMIN"])'
    ready 'mount -t tmpfs none /mnt'
    lacks "$(cat /proc/self/mountinfo)" "$BUNDLE/rootfs/m"
    lacks "$(cat /proc/self/mountinfo)" "$BUNDLE/rootfs/mnt"
}

@test "config-linux.md#namespaces: a new ipc namespace does not see the host's shared memory" {
    local memory
    memory=$(ipcmk --shmem 4096 | grep -o '[0-9]*$')
    inside 'cat /proc/sysvipc/shm'
    ipcrm --shmem-id "$memory"
    ok
    equal "$(wc -l <<<"$output")" 1
    # It would have been seen.
    memory=$(ipcmk --shmem 4096 | grep -o '[0-9]*$')
    edit '.linux.namespaces |= map(select(.type != "ipc")) | del(.mounts[] | select(.type == "mqueue"))'
    inside 'cat /proc/sysvipc/shm'
    ipcrm --shmem-id "$memory"
    has "$output" " $memory "
}

@test "config-linux.md#namespaces: with the pid namespace inherited, delete still ends the container" {
    others pid
    launched
    rt kill "$ID" KILL
    ok
    stopped
    rt delete "$ID"
    ok
    nothing_left
}
