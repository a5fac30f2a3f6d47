#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# config-linux.md#intelrdt. Where no resctrl filesystem is mounted, only what must happen then can be
# asked.

load ../helpers

resctrl() { awk '{ for (i = 7; i < NF; i++) if ($i == "-" && $(i + 1) == "resctrl") print $5 }' /proc/self/mountinfo | head -n 1; }

resctrl_here() {
    R=$(resctrl)
    [ -n "$R" ] || not_here "no resctrl filesystem is mounted"
}

rdt() { edit '.linux.intelRdt = $r' --argjson r "$1"; }

# A line of a new group's schemata, which it may have.
default_line() { grep -m 1 -E '^ *(L3|MB):' "$R/schemata" | tr -d ' '; }
key() { case $1 in L3:*) echo l3CacheSchema ;; *) echo memBwSchema ;; esac; }

@test "config-linux.md#intelrdt: without a resctrl filesystem the runtime MUST generate an error" {
    [ -z "$(resctrl)" ] || not_here "a resctrl filesystem is mounted"
    rdt '{"closID": "guaranteed_group", "l3CacheSchema": "L3:0=f"}'
    create_refused
    matches "$errors" '[Rr]esctrl|intelRdt|[Rr][Dd][Tt]'
}

@test "config-linux.md#intelrdt: without a resctrl filesystem an empty object is an error too" {
    [ -z "$(resctrl)" ] || not_here "a resctrl filesystem is mounted"
    rdt '{}'
    create_refused
}

@test "config-linux.md#intelrdt: without a resctrl filesystem the default class is an error too" {
    [ -z "$(resctrl)" ] || not_here "a resctrl filesystem is mounted"
    rdt '{"closID": "/"}'
    create_refused
}

@test "config-linux.md#intelrdt: without closID a group of the container's id is made, and removed by delete" {
    resctrl_here
    rdt '{}'
    launched
    grep -qx "$(pid_of)" "$R/$ID/tasks"
    rt delete --force "$ID"
    ok
    [ ! -e "$R/$ID" ]
}

@test "config-linux.md#intelrdt: closID with a schema makes the group, which stays" {
    resctrl_here
    local line
    line=$(default_line)
    rdt "$(jq -n --arg c "$ID-clos" --arg k "$(key "$line")" --arg l "$line" '{closID: $c, ($k): $l}')"
    launched
    grep -qx "$(pid_of)" "$R/$ID-clos/tasks"
    rt delete --force "$ID"
    ok
    [ -d "$R/$ID-clos" ]
    rmdir "$R/$ID-clos"
}

@test "config-linux.md#intelrdt: closID without schemata and without its group MUST generate an error" {
    resctrl_here
    rdt "{\"closID\": \"$ID-clos\"}"
    create_refused
    [ ! -e "$R/$ID-clos" ]
}

@test "config-linux.md#intelrdt: closID / is the default group" {
    resctrl_here
    rdt '{"closID": "/"}'
    launched
    grep -qx "$(pid_of)" "$R/tasks"
}

@test "config-linux.md#intelrdt: enableMonitoring makes a monitoring group, and delete removes it" {
    resctrl_here
    [ -d "$R/mon_groups" ] || not_here "resctrl cannot monitor"
    rdt '{"closID": "/", "enableMonitoring": true}'
    launched
    grep -qx "$(pid_of)" "$R/mon_groups/$ID/tasks"
    rt delete --force "$ID"
    ok
    [ ! -e "$R/mon_groups/$ID" ]
}

@test "config-linux.md#intelrdt: not set, nothing in a resctrl filesystem is touched" {
    resctrl_here
    local before
    before=$(find "$R" -type d | sort)
    launched
    equal "$(find "$R" -type d | sort)" "$before"
}

@test "config-linux.md#intelrdt: memBwSchema MUST start with MB:" {
    rdt '{"memBwSchema": "L3:0=f"}'
    create_refused
}

@test "config-linux.md#intelrdt: memBwSchema MUST NOT contain newlines" {
    rdt '{"memBwSchema": "MB:0=20\nMB:1=20"}'
    create_refused
}

@test "config-linux.md#intelrdt: schemata MUST NOT contain newlines" {
    rdt '{"schemata": ["L3:0=f\nMB:0=20"]}'
    create_refused
}

@test "config-linux.md#intelrdt: a closID that leads elsewhere is an error" {
    rdt '{"closID": "../../tmp", "schemata": ["L3:0=f"]}'
    create_refused
}
