#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# config.md#user, config-linux.md#user-namespace-mappings.

load ../helpers

@test "config.md#user: uid and gid are the program's, real, effective, saved and filesystem" {
    edit '.process.user = {uid: 1000, gid: 1001}'
    inside 'grep -E "^[UG]id" /proc/self/status'
    equal "$output" $'Uid:\t1000\t1000\t1000\t1000\nGid:\t1001\t1001\t1001\t1001'
}

@test "config.md#user: an id needs no line in /etc/passwd" {
    edit '.process.user = {uid: 54321, gid: 12345}'
    rm "$BUNDLE/rootfs/etc/passwd" "$BUNDLE/rootfs/etc/group"
    inside 'id -u; id -g'
    equal "$output" $'54321\n12345'
}

@test "config.md#user: uid decides what may be written" {
    edit '.process.user = {uid: 1000, gid: 1000}'
    chmod 700 "$BUNDLE/rootfs/root"
    inside 'touch /file; ls /root; touch /tmp/mine && stat -c "%u %g" /tmp/mine'
    equal "$output" '1000 1000'
    has "$errors" 'Permission denied'
}

@test "config.md#user: the program of another user has no capabilities" {
    edit '.process.user = {uid: 1000, gid: 1000}'
    inside 'grep -E "Cap(Prm|Eff)" /proc/self/status'
    equal "$output" $'CapPrm:\t0000000000000000\nCapEff:\t0000000000000000'
}

@test "config.md#user: additionalGids are added" {
    edit '.process.user = {uid: 1000, gid: 1000, additionalGids: [5, 6, 70000]}'
    inside 'grep Groups /proc/self/status'
    equal "$(tr -s '\t ' ' ' <<<"$output" | sed 's/ 1000//; s/ $//')" 'Groups: 5 6 70000'
}

@test "config.md#user: additionalGids decide what may be read" {
    edit '.process.user = {uid: 1000, gid: 1000, additionalGids: [77]}'
    echo content >"$BUNDLE/rootfs/file"
    chown 0:77 "$BUNDLE/rootfs/file"
    chmod 640 "$BUNDLE/rootfs/file"
    inside 'cat /file'
    equal "$output" content
}

@test "config.md#user: without additionalGids there are none" {
    inside 'grep Groups /proc/self/status'
    equal "$(tr -d '\t ' <<<"$output" | sed 's/:0$/:/')" Groups:
}

@test "config.md#user: umask is set" {
    edit '.process.user.umask = 63'
    inside 'umask; touch /file; mkdir /dir; stat -c %a /file /dir'
    equal "$output" $'0077\n600\n700'
}

@test "config.md#user: umask 0 is set" {
    edit '.process.user.umask = 0'
    inside 'umask'
    equal "$output" 0000
}

# runc and crun set 0022.
@test "config.md#user: umask unset should be the caller's" {
    script umask
    with sh -c 'umask 0027; exec "$0" "$@"' -- run --bundle "$BUNDLE" "$ID"
    ok
    equal "$output" 0027
}

# runc and crun make /made with mode 0.
@test "config.md#user: the caller's umask does not spoil what the runtime makes" {
    edit '.process.user.umask = 18'
    add_mount /made/here tmpfs tmpfs
    script 'stat -c "%a %n" /dev/null /made /dev/shm; mkdir /tmp/d; stat -c %a /tmp/d'
    with sh -c 'umask 0777; exec "$0" "$@"' -- run --bundle "$BUNDLE" "$ID"
    ok
    equal "$output" $'666 /dev/null\n755 /made\n1777 /dev/shm\n755'
}

@test "config.md#user: a negative uid is an error" {
    edit '.process.user.uid = -1'
    script 'echo ran'
    never_runs
    nothing_left
}

# runc and crun take 0.
@test "config.md#user: uid is REQUIRED" {
    edit 'del(.process.user.uid)'
    script 'echo ran'
    never_runs
    nothing_left
}

# runc and crun take 0.
@test "config.md#user: gid is REQUIRED" {
    edit 'del(.process.user.gid)'
    script 'echo ran'
    never_runs
    nothing_left
}

# crun converts it.
@test "config.md#user: a uid that is no number is an error" {
    edit '.process.user.uid = "0"'
    script 'echo ran'
    never_runs
    nothing_left
}

# ---------------------------------------------------------------------------------------------

@test "config-linux.md#user-namespace-mappings: are those of the configuration" {
    user_namespace
    edit '.linux.uidMappings += [{containerID: 70000, hostID: 300000, size: 10}]'
    inside 'cat /proc/self/uid_map; echo; cat /proc/self/gid_map'
    ok
    equal "$(tr -s ' ' <<<"$output")" $' 0 100000 65536\n 70000 300000 10\n\n 0 100000 65536'
}

@test "config-linux.md#user-namespace-mappings: root inside is the mapped id outside" {
    user_namespace
    inside 'id -u; id -g; touch /file; stat -c "%u %g" /file'
    equal "$output" $'0\n0\n0 0'
    equal "$(stat -c '%u %g' "$BUNDLE/rootfs/file")" '100000 100000'
}

@test "config-linux.md#user-namespace-mappings: process.user is an id inside" {
    user_namespace
    edit '.process.user = {uid: 1000, gid: 1001, additionalGids: [1002]}'
    inside 'id -u; id -g; id -G; touch /tmp/file'
    equal "$output" $'1000\n1001\n1001 1002'
    equal "$(stat -c '%u %g' "$BUNDLE/rootfs/tmp/file")" '101000 101001'
}

@test "config-linux.md#user-namespace-mappings: a uid that is not mapped is an error" {
    user_namespace
    edit '.process.user.uid = 65536'
    script 'echo ran'
    never_runs
    nothing_left
}

@test "config-linux.md#user-namespace-mappings: SHOULD NOT change the owner of the root filesystem" {
    user_namespace
    chown 5:6 "$BUNDLE/rootfs/home"
    chown 100007:100008 "$BUNDLE/rootfs/mnt"
    inside 'stat -c "%u %g" /home /mnt'
    equal "$output" $'65534 65534\n7 8'
    equal "$(stat -c '%u %g' "$BUNDLE/rootfs/home")" '5 6'
}

@test "config-linux.md#user-namespace-mappings: capabilities hold inside" {
    user_namespace
    edit '.process.capabilities = {bounding: ["CAP_CHOWN", "CAP_SYS_RESOURCE"], permitted: ["CAP_CHOWN", "CAP_SYS_RESOURCE"], effective: ["CAP_CHOWN", "CAP_SYS_RESOURCE"]}'
    inside 'grep CapEff /proc/self/status; touch /f; chown 8 /f && stat -c %u /f'
    equal "$output" $'CapEff:\t0000000001000001\n8'
}

@test "config-linux.md#user-namespace-mappings: default devices, masks and mounts work inside" {
    user_namespace
    edit '.linux.maskedPaths = ["/proc/keys", "/sys/firmware"] | .linux.readonlyPaths = ["/proc/sys"]'
    inside 'echo x >/dev/null && head -c 4 /dev/zero | wc -c; ls -l /dev/fd; touch /dev/shm/x && echo shm; wc -c </proc/keys'
    ok
    has "$output" 4
    has "$output" shm
}

# crun maps root to root.
@test "config-linux.md#user-namespace-mappings: a user namespace without mappings is an error" {
    edit '.linux.namespaces += [{type: "user"}]'
    script 'echo ran'
    run_container
    # A runtime may choose its own mappings instead: then root inside must not be root outside.
    if [ "$status" -eq 0 ]; then
        inside 'cat /proc/self/uid_map'
        lacks "$(tr -s ' ' <<<"$output")" ' 0 0 '
    else
        refused
        nothing_left
    fi
}

# runc and crun take what is missing for 0.
@test "config-linux.md#user-namespace-mappings: containerID, hostID and size are REQUIRED" {
    user_namespace
    script 'echo ran'
    cp "$BUNDLE/config.json" "$T/good.json"
    local list name
    for list in uidMappings gidMappings; do
        for name in containerID hostID size; do
            cp "$T/good.json" "$BUNDLE/config.json"
            edit 'del(.linux[$l][0][$n])' --arg l "$list" --arg n "$name"
            never_runs || say "$list without $name"
            nothing_left
        done
    done
}

# The kernel takes 340, in one page of text.
@test "config-linux.md#user-namespace-mappings: more mappings than the kernel takes are an error" {
    user_namespace
    edit '.linux.uidMappings = [range(341) | {containerID: ., hostID: (. * 2 + 100000), size: 1}]'
    create_refused
    edit '.linux.uidMappings |= .[:200]'
    inside 'wc -l </proc/self/uid_map'
    ok
    equal "$output" 200
}
