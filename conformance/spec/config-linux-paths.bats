#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# config-linux.md#masked-paths and #readonly-paths.

load ../helpers

list() { edit ".linux.$1 = \$l" --argjson l "$(printf '%s\n' "${@:2}" | jq -Rn '[inputs]')"; }

@test "config-linux.md#masked-paths: a masked file cannot be read" {
    echo secret >"$BUNDLE/rootfs/file"
    list maskedPaths /file
    inside 'cat /file; wc -c </file; echo done'
    lacks "$output" secret
    has "$output" done
    equal "$(cat "$BUNDLE/rootfs/file")" secret
}

@test "config-linux.md#masked-paths: a masked file cannot be written" {
    echo secret >"$BUNDLE/rootfs/file"
    list maskedPaths /file
    inside 'echo x >/file; true'
    equal "$(cat "$BUNDLE/rootfs/file")" secret
}

@test "config-linux.md#masked-paths: a masked directory cannot be read" {
    mkdir "$BUNDLE/rootfs/dir"
    echo secret >"$BUNDLE/rootfs/dir/file"
    list maskedPaths /dir
    inside 'ls -A /dir; cat /dir/file; echo done'
    equal "$output" done
}

@test "config-linux.md#masked-paths: a masked directory cannot be written" {
    mkdir "$BUNDLE/rootfs/dir"
    list maskedPaths /dir
    inside 'touch /dir/new'
    has "$errors" 'Read-only file system'
    [ ! -e "$BUNDLE/rootfs/dir/new" ]
}

@test "config-linux.md#masked-paths: files of /proc" {
    list maskedPaths /proc/version /proc/keys /proc/cmdline
    inside 'for f in version keys cmdline; do head -c 100 /proc/$f | wc -c; done'
    equal "$output" $'0\n0\n0'
}

@test "config-linux.md#masked-paths: directories of /proc and /sys" {
    list maskedPaths /proc/fs /sys/module
    inside 'ls -A /proc/fs /sys/module | grep -v :$ | grep .; true'
    equal "$output" ''
}

@test "config-linux.md#masked-paths: a path that does not exist is no error and is not made" {
    list maskedPaths /missing /missing/below /proc/missing
    inside 'ls /missing'
    has "$errors" 'No such file'
    [ ! -e "$BUNDLE/rootfs/missing" ]
}

@test "config-linux.md#masked-paths: the same path twice is no error" {
    echo secret >"$BUNDLE/rootfs/file"
    mkdir "$BUNDLE/rootfs/dir"
    list maskedPaths /file /dir /file /dir
    inside 'cat /file; ls -A /dir; echo done'
    ok
    equal "$output" done
}

@test "config-linux.md#masked-paths: works inside a mount" {
    mkdir "$T/volume"
    echo secret >"$T/volume/file"
    add_mount /volume none "$T/volume" bind
    list maskedPaths /volume/file
    inside 'cat /volume/file; echo done'
    equal "$output" done
    equal "$(cat "$T/volume/file")" secret
}

# runc and crun take it from wherever they stand.
@test "config-linux.md#masked-paths: MUST be absolute" {
    echo secret >"$BUNDLE/rootfs/file"
    list maskedPaths file
    inside 'cat /file'
    refused
    lacks "$output" secret
}

@test "config-linux.md#readonly-paths: a directory is read-only" {
    mkdir "$BUNDLE/rootfs/dir"
    list readonlyPaths /dir
    inside 'touch /dir/file; touch /ok && echo elsewhere'
    equal "$output" elsewhere
    has "$errors" 'Read-only file system'
    [ ! -e "$BUNDLE/rootfs/dir/file" ]
}

@test "config-linux.md#readonly-paths: a file is read-only and can be read" {
    echo content >"$BUNDLE/rootfs/file"
    list readonlyPaths /file
    inside 'cat /file; echo x >/file'
    equal "$output" content
    has "$errors" 'Read-only file system'
    equal "$(cat "$BUNDLE/rootfs/file")" content
}

@test "config-linux.md#readonly-paths: /proc/sys is read-only" {
    list readonlyPaths /proc/sys
    edit '.process.capabilities = {bounding: ["CAP_SYS_ADMIN", "CAP_NET_ADMIN"], permitted: ["CAP_SYS_ADMIN", "CAP_NET_ADMIN"], effective: ["CAP_SYS_ADMIN", "CAP_NET_ADMIN"]}'
    inside 'cat /proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv4/ip_forward'
    matches "$output" '^[01]$'
    has "$errors" 'Read-only file system'
}

@test "config-linux.md#readonly-paths: a path that does not exist is no error and is not made" {
    list readonlyPaths /missing /proc/missing
    inside 'echo ran'
    ok
    equal "$output" ran
    [ ! -e "$BUNDLE/rootfs/missing" ]
}

# crun 1.8.1 loses them.
@test "config-linux.md#readonly-paths: flags of the mount below are kept" {
    host_mount "$T/volume" -t tmpfs -o nosuid,nodev,noexec tmpfs
    mkdir "$T/volume/dir"
    add_mount /volume none "$T/volume" bind nosuid nodev noexec
    list readonlyPaths /volume/dir
    inside 'cat /proc/self/mountinfo'
    local seen flag
    seen=$(flags /volume/dir)
    for flag in ro nosuid nodev noexec; do has "$seen" ",$flag,"; done
}

@test "config-linux.md#readonly-paths: a path that is also masked is masked" {
    mkdir "$BUNDLE/rootfs/dir"
    echo secret >"$BUNDLE/rootfs/dir/file"
    list readonlyPaths /dir
    list maskedPaths /dir
    inside 'cat /dir/file; ls -A /dir; echo done'
    equal "$output" done
}

# runc and crun take it from wherever they stand.
@test "config-linux.md#readonly-paths: MUST be absolute" {
    mkdir "$BUNDLE/rootfs/dir"
    list readonlyPaths dir
    create_refused
    list readonlyPaths ../dir
    create_refused
}
