#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# config.md#linux-mount-options: idmap and ridmap; config.md#posix-platform-mounts: uidMappings and
# gidMappings. runc before 1.2 precedes them: idmap is a filesystem's option to it, and mappings are
# passed over. crun 1.8.1 precedes ridmap, loses what is mounted below an idmapped rbind mount, and
# maps bind mounts only. youki refuses the words.

load ../helpers

# The kernel, and the filesystem that the tests lie on.
setup_file() {
    local probe
    probe=$(mktemp -d /tmp/idXXXXXX)
    if ! python3 "$(dirname "$BATS_TEST_FILENAME")/../helpers/idmap-probe.py" "$probe"; then
        export NO_IDMAP=1
    fi
    rmdir "$probe"
}

also_setup() {
    [ -z "${NO_IDMAP:-}" ] || not_here 'no idmapped mounts of /tmp'
    mkdir "$T/source"
    touch "$T/source/file"
    chown 5:6 "$T/source/file"
}

# mapped DESTINATION [UID GID]: the mount there shows ids from UID and GID on for those from 0 on.
mapped() {
    edit '(.mounts[] | select(.destination == $d)) +=
        {uidMappings: [{containerID: 0, hostID: ($u | tonumber), size: 100}],
         gidMappings: [{containerID: 0, hostID: ($g | tonumber), size: 100}]}' \
        --arg d "$1" --arg u "${2:-1000}" --arg g "${3:-2000}"
}

owner='stat -c "%u %g"'

@test "config.md#linux-mount-options: idmap SHOULD show the owners that the mount's mappings say" {
    add_mount /m none "$T/source" bind idmap
    mapped /m
    inside "$owner /m/file"
    ok
    equal "$output" '1005 2006'
    equal "$(stat -c '%u %g' "$T/source/file")" '5 6'
}

@test "config.md#linux-mount-options: idmap SHOULD write the owners back that the mount's mappings say" {
    chmod 777 "$T/source"
    add_mount /m none "$T/source" bind idmap
    mapped /m
    edit '.process.user = {uid: 1007, gid: 2008}'
    inside 'touch /m/new'
    ok
    equal "$(stat -c '%u %g' "$T/source/new")" '7 8'
}

@test "config.md#linux-mount-options: idmap: who is not mapped can make nothing there" {
    chmod 777 "$T/source"
    add_mount /m none "$T/source" bind idmap
    mapped /m
    edit '.process.user = {uid: 7, gid: 8}'
    inside 'touch /m/new'
    differ "$status" 0
    [ ! -e "$T/source/new" ]
}

@test "config.md#linux-mount-options: idmap is for this mount alone" {
    host_mount "$T/source/below" -t tmpfs tmpfs
    touch "$T/source/below/file"
    add_mount /m none "$T/source" rbind idmap
    mapped /m
    inside "$owner /m/file /m/below/file"
    equal "$output" $'1005 2006\n0 0'
}

@test "config.md#linux-mount-options: ridmap SHOULD be for all mounts below, too" {
    host_mount "$T/source/below" -t tmpfs tmpfs
    touch "$T/source/below/file"
    add_mount /m none "$T/source" rbind ridmap
    mapped /m
    inside "$owner /m/file /m/below/file"
    ok
    equal "$output" $'1005 2006\n1000 2000'
}

@test "config.md#posix-platform-mounts: mappings are applied without the word, too" {
    add_mount /m none "$T/source" bind
    mapped /m
    inside "$owner /m/file"
    ok
    equal "$output" '1005 2006'
}

@test "config.md#posix-platform-mounts: two mounts of one directory with different mappings" {
    add_mount /m none "$T/source" bind idmap
    add_mount /n none "$T/source" bind idmap
    add_mount /o none "$T/source" bind
    mapped /m
    mapped /n 3000 4000
    inside "$owner /m/file /n/file /o/file"
    ok
    equal "$output" $'1005 2006\n3005 4006\n5 6'
}

@test "config.md#posix-platform-mounts: a file with mapped ids" {
    add_mount /m none "$T/source/file" bind idmap ro nosuid
    mapped /m
    inside "$owner /m"
    ok
    equal "$output" '1005 2006'
}

@test "config.md#posix-platform-mounts: a filesystem of the mount's own with mapped ids" {
    add_mount /m tmpfs tmpfs mode=755 uid=5 gid=6 idmap
    mapped /m
    inside "$owner /m; cat /proc/self/mountinfo"
    ok
    equal "$(head -n 1 <<<"$output")" '1005 2006'
    has "$(mountinfo /m)" idmapped
}

@test "config.md#linux-mount-options: idmap without mappings takes the user namespace's" {
    user_namespace
    add_mount /m none "$T/source" bind idmap
    inside "$owner /m/file; touch /m/new"
    ok
    equal "$output" '5 6'
    equal "$(stat -c '%u %g' "$T/source/new")" '0 0'
}

@test "config.md#linux-mount-options: ridmap without mappings takes the user namespace's, also below" {
    host_mount "$T/source/below" -t tmpfs tmpfs
    touch "$T/source/below/file"
    user_namespace
    add_mount /m none "$T/source" rbind ridmap
    inside "$owner /m/file /m/below/file"
    ok
    equal "$output" $'5 6\n0 0'
}

@test "config.md#linux-mount-options: idmap with mappings uses those, not the user namespace's" {
    user_namespace
    add_mount /m none "$T/source" bind idmap
    mapped /m 100100 100200
    inside "$owner /m/file"
    ok
    equal "$output" '105 206'
}

@test "config.md#linux-mount-options: idmap without mappings takes those of a user namespace that is joined" {
    background unshare --user sleep 1000
    local holder=$!
    within 5 sh -c '[ "$(readlink /proc/self/ns/user)" != "$(readlink "/proc/$0/ns/user")" ]' "$holder"
    echo '0 100000 65536' >"/proc/$holder/gid_map"
    echo '0 100000 65536' >"/proc/$holder/uid_map"
    namespaces pid network ipc uts mount "user=/proc/$holder/ns/user"
    edit 'del(.mounts[] | select(.type == "sysfs"))'
    chown -R 100000:100000 "$BUNDLE/rootfs"
    add_mount /m none "$T/source" bind idmap
    inside "$owner /m/file"
    ok
    equal "$output" '5 6'
}

@test "config.md#linux-mount-options: idmap with neither mappings nor a user namespace MUST be an error" {
    add_mount /m none "$T/source" bind idmap
    create_refused
}

@test "config.md#linux-mount-options: ridmap with neither mappings nor a user namespace MUST be an error" {
    add_mount /m none "$T/source" rbind ridmap
    create_refused
}

@test "config.md#posix-platform-mounts: uidMappings MUST be specified along with gidMappings" {
    add_mount /m none "$T/source" bind idmap
    mapped /m
    edit 'del(.mounts[].gidMappings)'
    create_refused
}

@test "config.md#posix-platform-mounts: gidMappings MUST be specified along with uidMappings" {
    add_mount /m none "$T/source" bind idmap
    mapped /m
    edit 'del(.mounts[].uidMappings)'
    create_refused
}

@test "config.md#posix-platform-mounts: a filesystem that cannot map ids is an error" {
    add_mount /m none /proc/sys bind idmap
    mapped /m
    create_refused
}

@test "config.md#posix-platform-mounts: mappings that overlap are an error" {
    add_mount /m none "$T/source" bind idmap
    mapped /m
    edit '(.mounts[] | select(.destination == "/m")).uidMappings += [{containerID: 50, hostID: 5000, size: 10}]'
    create_refused
}

@test "config.md#posix-platform-mounts: nothing is left of what mapped the ids" {
    add_mount /m none "$T/source" bind idmap
    mapped /m
    launched
    local pid
    pid=$(pid_of)
    # Neither a helper, nor a descriptor of its namespace.
    equal "$(find "/proc/$pid/fd" -lname 'user:*')" ''
    equal "$(pgrep -c -P "$pid")" 0
    end_container
}

@test "config.md#linux-mount-options: idmap by an ordinary user is an error" {
    is_martlet || skip 'only martlet promises this'
    chmod 755 "$T" "$BUNDLE"
    mkdir -m 777 "$T/run"
    namespaces pid ipc uts mount user
    edit '.linux.uidMappings = [{containerID: 0, hostID: 1000, size: 1}] | .linux.gidMappings = [{containerID: 0, hostID: 1000, size: 1}]
        | del(.mounts[] | select(.type == "sysfs" or .type == "mqueue"))'
    chown -R 1000:1000 "$BUNDLE"
    add_mount /m none "$T/source" bind idmap
    call "$T/out" "$T/err" setpriv --reuid 1000 --regid 1000 --clear-groups \
        "$RUNTIME" "${GLOBAL[@]}" --root "$T/run/state" create --bundle "$BUNDLE" "$ID"
    refused
    has "$errors" 'only root'
}
