#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# config-linux.md#offset-for-time-namespace.
#
# runc before 1.2 does not know time namespaces, crun 1.8.1 fails to enter one.

load ../helpers

also_setup() {
    [ -e /proc/self/timens_offsets ] || not_here "no time namespaces"
}

# offsets JSON: in a new time namespace.
offsets() { edit '.linux.namespaces += [{type: "time"}] | .linux.timeOffsets = $o' --argjson o "$1"; }

# The table as words.
table() { awk '{ print $1, $2, $3 }' <<<"$output"; }

# close A B: no more than 10 seconds apart, which a slow machine may need.
close() { local apart=$(($1 - $2)); [ "${apart#-}" -le 10 ] || say "$1 is not about $2"; }

@test "config-linux.md#offset-for-time-namespace: both clocks, seconds and nanoseconds" {
    offsets '{"monotonic": {"secs": 172800, "nanosecs": 5}, "boottime": {"secs": 604800, "nanosecs": 999999999}}'
    inside 'cat /proc/self/timens_offsets'
    ok
    equal "$(table)" $'monotonic 172800 5\nboottime 604800 999999999'
}

@test "config-linux.md#offset-for-time-namespace: is what the program sees" {
    local before
    before=$(cut -d. -f1 /proc/uptime)
    offsets '{"boottime": {"secs": 1000000}}'
    inside 'cut -d. -f1 /proc/uptime; readlink /proc/self/ns/time'
    ok
    close "$(head -n 1 <<<"$output")" $((before + 1000000))
    close "$(cut -d. -f1 /proc/uptime)" "$before"
    differ "$(tail -n 1 <<<"$output")" "$(readlink /proc/self/ns/time)"
}

@test "config-linux.md#offset-for-time-namespace: before 0, where the clock can go back" {
    [ "$(cut -d. -f1 /proc/uptime)" -gt 100 ] || not_here "it has not run for long enough"
    offsets '{"boottime": {"secs": -60}}'
    inside 'cat /proc/self/timens_offsets'
    ok
    has "$(table)" 'boottime -60 0'
}

@test "config-linux.md#offset-for-time-namespace: the first process and its children are in one namespace" {
    offsets '{"monotonic": {"secs": 10}}'
    inside 'readlink /proc/self/ns/time; readlink /proc/self/ns/time_for_children; readlink /proc/1/ns/time'
    ok
    equal "$(sed 's/.*://' <<<"$output" | sort -u | wc -l)" 1
}

@test "config-linux.md#offset-for-time-namespace: with secs and nanosecs absent they are 0" {
    offsets '{"monotonic": {}, "boottime": {}}'
    inside 'cat /proc/self/timens_offsets'
    ok
    equal "$(table)" $'monotonic 0 0\nboottime 0 0'
}

@test "config-linux.md#offset-for-time-namespace: with a user namespace" {
    user_namespace
    offsets '{"monotonic": {"secs": 7}, "boottime": {"secs": 8}}'
    inside 'cat /proc/self/timens_offsets'
    ok
    equal "$(table)" $'monotonic 7 0\nboottime 8 0'
}

@test "config-linux.md#offset-for-time-namespace: with a namespace that is joined" {
    background unshare --ipc sh -c 'touch "$0"; exec sleep 1000' "$T/held"
    within 5 test -e "$T/held"
    namespaces pid network uts mount "ipc=/proc/$!/ns/ipc"
    offsets '{"monotonic": {"secs": 9}}'
    inside 'cat /proc/self/timens_offsets; readlink /proc/self/ns/ipc'
    ok
    has "$(table)" 'monotonic 9 0'
    has "$output" "$(readlink "/proc/$!/ns/ipc")"
}

@test "config-linux.md#offset-for-time-namespace: for an ordinary user" {
    user_namespace
    chmod 777 "$T"
    chown -R 1000:1000 "$BUNDLE"
    edit '.linux.uidMappings = [{containerID: 0, hostID: 1000, size: 1}]
        | .linux.gidMappings = [{containerID: 0, hostID: 1000, size: 1}]
        | del(.mounts[] | select(.destination == "/dev/pts").options[] | select(startswith("gid=")))'
    offsets '{"boottime": {"secs": 11}}'
    script 'cat /proc/self/timens_offsets'
    with env XDG_RUNTIME_DIR="$T" setpriv --reuid 1000 --regid 1000 --clear-groups -- run --bundle "$BUNDLE" "$ID"
    ok
    has "$(table)" 'boottime 11 0'
}

@test "config-linux.md#offset-for-time-namespace: without a time namespace is an error" {
    edit '.linux.timeOffsets = {"monotonic": {"secs": 1}}'
    create_refused
}

@test "config-linux.md#offset-for-time-namespace: for a namespace that is joined is an error" {
    background unshare --time sh -c 'touch "$0"; exec sleep 1000' "$T/held"
    within 5 test -e "$T/held"
    edit '.linux.namespaces += [{type: "time", path: $p}] | .linux.timeOffsets = {"monotonic": {"secs": 1}}' \
        --arg p "/proc/$!/ns/time"
    create_refused
}

@test "config-linux.md#offset-for-time-namespace: an unknown clock is an error" {
    offsets '{"realtime": {"secs": 1}}'
    create_refused
}
@test "config-linux.md#offset-for-time-namespace: a whole second of nanoseconds is an error" {
    offsets '{"monotonic": {"nanosecs": 1000000000}}'
    create_refused
}
@test "config-linux.md#offset-for-time-namespace: a time before 0 is an error" {
    offsets '{"boottime": {"secs": -9000000000}}'
    create_refused
}
@test "config-linux.md#offset-for-time-namespace: a time too far ahead is an error" {
    offsets '{"boottime": {"secs": 9223372036854775807}}'
    create_refused
}
