#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# config-linux.md#devices. Numbers that stat prints with %t and %T are hexadecimal.

load ../helpers

setup_file() { it_runs; }

# device JSON: one more, with its access allowed.
device() { edit '.linux.devices += [$d]' --argjson d "$1"; }

allowed() { edit '.linux.resources.devices = [{allow: true, access: "rwm"}]'; }

# shows PATH: what the container has there.
shows() {
    inside "stat -c '%F %t %T' $1"
    ok
}

@test "config-linux.md#devices: a character device MUST be available" {
    device '{"type": "c", "path": "/dev/mine", "major": 1, "minor": 5}'
    allowed
    inside 'stat -c "%F %t %T" /dev/mine; head -c 2 /dev/mine | od -An -tx1'
    ok
    equal "$output" $'character special file 1 5\n 00 00'
}

@test "config-linux.md#devices: a block device MUST be available" {
    device '{"type": "b", "path": "/dev/disk", "major": 7, "minor": 300}'
    shows /dev/disk
    equal "$output" 'block special file 7 12c'
}

@test "config-linux.md#devices: type u is a character device" {
    device '{"type": "u", "path": "/dev/mine", "major": 10, "minor": 229}'
    shows /dev/mine
    equal "$output" 'character special file a e5'
}

@test "config-linux.md#devices: type p is a fifo" {
    device '{"type": "p", "path": "/dev/pipe"}'
    inside 'stat -c %F /dev/pipe; echo through >/dev/pipe & cat /dev/pipe'
    ok
    equal "$output" $'fifo\nthrough'
}

@test "config-linux.md#devices: type is REQUIRED" {
    device '{"path": "/dev/mine", "major": 1, "minor": 5}'
    create_refused
}

# runc takes it.
@test "config-linux.md#devices: path is REQUIRED" {
    device '{"type": "c", "major": 1, "minor": 5}'
    create_refused
}

# runc and crun take what is missing for 0.
@test "config-linux.md#devices: major and minor are REQUIRED" {
    local name type
    for type in c b u; do
        for name in major minor; do
            edit '.linux.devices = [{type: $t, path: "/dev/mine", major: 1, minor: 5} | del(.[$n])]' \
                --arg t "$type" --arg n "$name"
            create_refused || say "$type without $name"
        done
    done
}

# crun takes it for a fifo or the like.
@test "config-linux.md#devices: an unknown type is an error" {
    device '{"type": "s", "path": "/dev/mine", "major": 1, "minor": 5}'
    create_refused
}

# runc and crun leave in place what is there.
@test "config-linux.md#devices: another file at path MUST generate an error" {
    echo content >"$BUNDLE/rootfs/home/file"
    device '{"type": "c", "path": "/home/file", "major": 1, "minor": 5}'
    create_refused
    equal "$(cat "$BUNDLE/rootfs/home/file")" content
    rm "$BUNDLE/rootfs/home/file"
    mkdir "$BUNDLE/rootfs/home/file"
    create_refused
    [ -d "$BUNDLE/rootfs/home/file" ]
}

# runc and crun leave in place what is there.
@test "config-linux.md#devices: another device at path MUST generate an error" {
    device '{"type": "c", "path": "/home/device", "major": 1, "minor": 5}'
    mknod "$BUNDLE/rootfs/home/device" c 1 3
    create_refused
    rm "$BUNDLE/rootfs/home/device"
    mknod "$BUNDLE/rootfs/home/device" b 1 5
    create_refused
    equal "$(stat -c '%F %t %T' "$BUNDLE/rootfs/home/device")" 'block special file 1 5'
}

@test "config-linux.md#devices: the same device at path is no error" {
    mknod "$BUNDLE/rootfs/home/device" c 1 5
    device '{"type": "c", "path": "/home/device", "major": 1, "minor": 5}'
    shows /home/device
    equal "$output" 'character special file 1 5'
}

@test "config-linux.md#devices: path MAY be outside of /dev" {
    device '{"type": "c", "path": "/made/by/runtime", "major": 1, "minor": 5}'
    shows /made/by/runtime
    equal "$output" 'character special file 1 5'
}

@test "config-linux.md#devices: fileMode is the mode, in decimal" {
    # 0640 and 0777
    device '{"type": "c", "path": "/dev/one", "major": 1, "minor": 5, "fileMode": 416}'
    device '{"type": "p", "path": "/dev/two", "fileMode": 511}'
    inside 'stat -c %a /dev/one /dev/two'
    equal "$output" $'640\n777'
}

@test "config-linux.md#devices: the caller's umask does not change fileMode" {
    device '{"type": "c", "path": "/dev/one", "major": 1, "minor": 5, "fileMode": 438}'
    script 'stat -c %a /dev/one'
    with sh -c 'umask 0077; exec "$0" "$@"' -- run --bundle "$BUNDLE" "$ID"
    equal "$output" 666
}

@test "config-linux.md#devices: uid and gid are the owner" {
    device '{"type": "c", "path": "/dev/one", "major": 1, "minor": 5, "uid": 1000, "gid": 1001}'
    device '{"type": "p", "path": "/dev/two"}'
    inside 'stat -c "%u %g" /dev/one /dev/two'
    equal "$output" $'1000 1001\n0 0'
}

# Devices of a user namespace are bind mounts of the host's: their owner is the host's file's.
# A fifo is made, and has its owner. (runc wants the host's fifo of that name.)
@test "config-linux.md#devices: uid and gid are ids of the container" {
    user_namespace
    device '{"type": "p", "path": "/dev/pipe", "uid": 1000, "gid": 1001}'
    inside 'stat -c "%u %g" /dev/pipe'
    ok
    equal "$output" '1000 1001'
}

@test "config-linux.md#devices: they are there with a read-only root and without a mount on /dev" {
    edit '.root.readonly = true | del(.mounts[] | select(.destination | startswith("/dev")))'
    device '{"type": "c", "path": "/dev/mine", "major": 1, "minor": 5}'
    shows /dev/mine
    equal "$output" 'character special file 1 5'
}

@test "config-linux.md#devices: they are there in a user namespace" {
    user_namespace
    device '{"type": "c", "path": "/dev/zero2", "major": 1, "minor": 5}'
    if [ ! -e /dev/zero2 ]; then
        # A bind mount needs the host's file of that name.
        edit '.linux.devices = [{type: "c", path: "/dev/kmsg", major: 1, minor: 11}]'
        shows /dev/kmsg
        equal "$output" 'character special file 1 b'
    fi
}

@test "config-linux.md#devices: what is neither listed nor a default device cannot be opened" {
    edit '.process.capabilities |= map_values(. + ["CAP_MKNOD"])'
    inside 'mknod /dev/kmsg2 c 1 11 && (: </dev/kmsg2) || echo refused'
    ok
    has "$output" refused
}
