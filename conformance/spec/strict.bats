#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The letter of the specification, which engines rely on runtimes not to follow: martlet has it behind
# a flag. Other runtimes are asked as they are, and most of them fail here.

load ../helpers

also_setup() { ! is_martlet || GLOBAL+=(--strict); }

@test "runtime.md#delete: of a created container MUST have no effect and MUST generate an error" {
    create
    ok
    local pid
    pid=$(pid_of)
    rt delete "$ID"
    refused
    equal "$(status_of)" created
    equal "$(pid_of)" "$pid"
    # It can still be started, and deleted once it has stopped.
    start
    ok
    rt delete "$ID"
    refused
    equal "$(status_of)" running
    end_container
    rt delete "$ID"
    ok
    nothing_left
}

@test "without the flag a created container is deleted" {
    only_martlet
    create
    ok
    GLOBAL=()
    rt delete "$ID"
    ok
    nothing_left
}

@test "delete --force of a created container is no operation of the specification, and works" {
    only_martlet
    create
    ok
    rt delete --force "$ID"
    ok
    nothing_left
}

@test "runtime.md#kill: of a stopped container MUST generate an error, to all its processes too" {
    only_martlet
    args true
    launched
    stopped
    rt kill --all "$ID" KILL
    refused
    has "$errors" 'container not running'
    GLOBAL=()
    rt kill --all "$ID" KILL
    ok
}

@test "runtime.md#kill: of all processes of a running container goes on to work" {
    only_martlet
    launched
    rt kill --all "$ID" KILL
    ok
    stopped
}

@test "config.md#mounts: what makes a bind mount is its options, and not its type" {
    mkdir "$T/host"
    add_mount /mnt bind "$T/host"
    create_refused
    is_martlet || return 0
    has "$errors" 'bind or rbind'
    GLOBAL=()
    inside 'echo ran'
    ok
}

# runc and crun allow making any node, whatever the rules.
@test "config-linux.md#allowed-device-list: no node can be made that no rule allows" {
    edit '.linux.resources = {devices: [{allow: false, access: "rwm"}, {allow: true, type: "c", major: 1, minor: 11, access: "m"}]}
        | .process.capabilities |= map_values(. + ["CAP_MKNOD"])'
    inside 'mknod /tmp/kmsg c 1 11 && echo made; mknod /tmp/other c 10 1 || echo refused; echo >/dev/null && echo null'
    equal "$output" 'made
refused
null'
    is_martlet || return 0
    GLOBAL=()
    inside 'mknod /tmp/other c 10 1 && echo made'
    equal "$output" made
}

@test "check follows the flag" {
    only_martlet
    mkdir "$T/host"
    add_mount /mnt bind "$T/host"
    rt check --bundle "$BUNDLE"
    [ "$status" -eq 1 ]
    has "$output" 'bind or rbind'
    GLOBAL=()
    rt check --bundle "$BUNDLE"
    ok
}
