#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# config-linux.md#allowed-device-list: rules are proved by what can be opened and made.

load ../helpers
load ../helpers/cgroups

setup_file() { it_runs; }

# devices RULE EXPECTED: a container that may make devices opens one (fuse), and a block device.
devices() {
    limits "{devices: [{allow: false, access: \"rwm\"}, {allow: true, type: \"c\", major: 10, minor: 229, access: \"m\"},
        {allow: true, type: \"b\", major: 7, minor: 0, access: \"m\"}, $1]}"
    edit '.process.capabilities |= map_values(. + ["CAP_MKNOD"])'
    inside 'mknod /dev/k c 10 229; mknod /dev/b b 7 0
        one() { (eval "$2") 2>&1 | grep -q "not permitted" && echo "no $1" || echo "$1"; }
        one read ": </dev/k"; one write ": >>/dev/k"; one block ": </dev/b"; one mknod "mknod /dev/l c 1 12"'
    ok
    equal "$(tr '\n' ' ' <<<"$output")" "$2"
}

@test "config-linux.md#allowed-device-list: type unset is all" {
    devices '{allow: true, access: "rwm"}' 'read write block mknod '
}

@test "config-linux.md#allowed-device-list: major and minor unset are all" {
    devices '{allow: true, type: "c", access: "rwm"}' 'read write no block mknod '
}

@test "config-linux.md#allowed-device-list: access is of r, w and m" {
    devices '{allow: true, type: "c", major: 10, minor: 229, access: "r"}' 'read no write no block mknod '
    devices '{allow: true, type: "c", major: 10, minor: 229, access: "w"}' 'no read write no block mknod '
}

# runc takes what is missing for false.
@test "config-linux.md#allowed-device-list: allow is REQUIRED" {
    limits '{devices: [{access: "rwm"}]}'
    create_refused
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

# Every other runtime adds it to what is allowed.
@test "config-linux.md#allowed-device-list: tun is not open unless it is allowed" {
    limits '{devices: [{allow: false, access: "rwm"}]}'
    edit '.process.capabilities |= map_values(. + ["CAP_MKNOD"])'
    inside 'mknod /dev/t c 10 200; (: </dev/t) 2>/dev/null && echo open || echo shut'
    ok
    equal "$output" shut
    limits '{devices: [{allow: false, access: "rwm"}, {allow: true, type: "c", major: 10, minor: 200, access: "rwm"}]}'
    ID=$ID-2
    inside 'mknod /dev/t c 10 200; (: </dev/t) && echo open'
    ok
    equal "$output" open
}

# runc takes an access of "x".
@test "config-linux.md#allowed-device-list: an unknown type or access is refused" {
    local rule
    for rule in '{allow: true, type: "x", access: "r"}' '{allow: true, type: "u", access: "r"}' \
        '{allow: true, access: "rx"}' '{allow: true, access: "RW"}' '{type: "c"}' \
        '{allow: true, type: "c", major: -2}' '{allow: true, type: "c", major: 4294967296}'; do
        limits "{devices: [$rule]}"
        create_refused || say "$rule"
    done
}
