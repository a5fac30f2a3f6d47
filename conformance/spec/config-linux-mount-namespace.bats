#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# config-linux.md#namespaces, type mount: inherited or joined. Whoever else is there must notice
# nothing of the container's mounts. runc 1.1.5 and crun 1.8.1 mount on the host, and leave that
# behind. Given a path to their own namespace they take its root away from all who are in it: that
# test ends bats itself, and the last one is then not reached.

load ../helpers

# The kernel attaches nothing to a tree of mounts that no namespace has before 6.15.
also_setup() {
    is_martlet || return 0
    [ "$(printf '%s\n' 6.15 "$(uname -r)" | sort -V | head -n 1)" = 6.15 ] || not_here 'no Linux 6.15'
}

table() { cat "${1:-/proc/self}/mountinfo"; }

# unchanged: the host's table is what it was.
unchanged() { equal "$(table)" "$BEFORE"; }

without_mount_namespace() {
    BEFORE=$(table)
    namespaces pid network ipc uts
}

@test "config-linux.md#namespaces: mount, MUST be inherited if not listed" {
    without_mount_namespace
    inside 'readlink /proc/self/ns/mnt'
    ok
    equal "$output" "$(readlink /proc/self/ns/mnt)"
    unchanged
}

@test "config-linux.md#namespaces: all inherited if none is listed" {
    BEFORE=$(table)
    edit 'del(.linux.namespaces) | del(.hostname) | del(.mounts[] | select(.type == "mqueue"))'
    inside 'for n in cgroup ipc mnt net pid user uts; do readlink /proc/self/ns/$n; done'
    ok
    local kind
    for kind in cgroup ipc mnt net pid user uts; do has "$output" "$(readlink /proc/self/ns/$kind)"; done
    unchanged
}

@test "config-linux.md#namespaces: mount, inherited: the root filesystem is the container's, to the end" {
    without_mount_namespace
    inside 'ls /; cd ../../..; pwd; ls -d /*/bundle 2>/dev/null; sleep 0.2; ls /bin/busybox'
    ok
    equal "$output" "$(printf '%s\n' bin dev etc home mnt proc root run sys tmp var / /bin/busybox)"
    unchanged
}

@test "config-linux.md#namespaces: mount, inherited: mounts are there, and not on the host" {
    mkdir -p "$T/source/below"
    echo content >"$T/source/file"
    host_mount "$T/source/below" -t tmpfs tmpfs
    without_mount_namespace
    add_mount /m tmpfs tmpfs mode=711
    add_mount /m/n none "$T/source" rbind rro
    add_mount /o tmpfs tmpfs
    add_mount /o tmpfs tmpfs remount ro
    edit '.process.cwd = "/o"'
    inside 'stat -c %a /m; cat n/file ../m/n/file; echo x >/m/file && cat /m/file; touch /m/n/file; touch /m/n/below/file; touch /o/file; test -d /proc/1 && ls /dev/pts; head -c 2 /dev/zero | wc -c; pwd'
    equal "$output" $'711\ncontent\nx\nptmx\n2\n/o'
    equal "$(grep -c 'Read-only file system' <<<"$errors")" 3
    unchanged
}

@test "config-linux.md#namespaces: mount, inherited: a read-only root, read-only and masked paths" {
    without_mount_namespace
    mkdir "$BUNDLE/rootfs/hidden" "$BUNDLE/rootfs/fixed"
    touch "$BUNDLE/rootfs/hidden/file" "$BUNDLE/rootfs/fixed/file"
    echo secret >"$BUNDLE/rootfs/secret"
    edit '.root.readonly = true | .linux.maskedPaths = ["/hidden", "/secret"] | .linux.readonlyPaths = ["/proc/sys", "/fixed"]'
    inside 'ls /hidden; cat /secret; touch /file; touch /fixed/file; echo 1 >/proc/sys/kernel/printk; echo end'
    equal "$output" end
    equal "$(grep -c 'Read-only file system' <<<"$errors")" 3
    unchanged
}

@test "config-linux.md#namespaces: mount, inherited: mounts of a host that shares them do not travel there" {
    background unshare --mount sh -c 'mount --make-rshared /; touch "$0"; exec sleep 1000' "$T/shared"
    local host=$!
    within 5 test -e "$T/shared"
    BEFORE=$(table "/proc/$host")
    namespaces pid network ipc uts
    mkdir "$T/source"
    add_mount /m tmpfs tmpfs
    add_mount /n none "$T/source" rbind rshared
    add_mount /n/below tmpfs tmpfs
    edit '.linux.rootfsPropagation = "shared"'
    script 'touch /m/file /n/below/file; ls /m /n/below'
    with nsenter --mount="/proc/$host/ns/mnt" -- run --bundle "$BUNDLE" "$ID"
    ok
    equal "$(grep -c file <<<"$output")" 2
    equal "$(table "/proc/$host")" "$BEFORE"
}

@test "config-linux.md#namespaces: mount, inherited: a terminal" {
    without_mount_namespace
    edit '.process.terminal = true'
    script 'tty; test -c /dev/console && echo console'
    call "$T/out" "$T/err" python3 "$(helper in-terminal.py)" \
        "$RUNTIME" "${GLOBAL[@]}" --root "$ROOT" run --bundle "$BUNDLE" "$ID"
    ok
    has "$output" /dev/pts/0
    has "$output" console
    unchanged
}

@test "config-linux.md#namespaces: mount, inherited: a failing create leaves nothing" {
    without_mount_namespace
    add_mount /m tmpfs tmpfs
    add_mount /n nosuchfs none
    create_refused
    unchanged
}

@test "config-linux.md#namespaces: mount, inherited: nothing is left after delete" {
    without_mount_namespace
    add_mount /m tmpfs tmpfs
    launched
    unchanged
    end_container
    rt delete "$ID"
    ok
    unchanged
    nothing_left
}

@test "config-linux.md#namespaces: mount, a path to the runtime's own is the same as none" {
    BEFORE=$(table)
    namespaces pid network ipc uts "mount=/proc/$$/ns/mnt"
    add_mount /m tmpfs tmpfs
    inside 'readlink /proc/self/ns/mnt'
    ok
    equal "$output" "$(readlink /proc/self/ns/mnt)"
    unchanged
}

@test "config-linux.md#namespaces: mount, joined by path, and those who are in it keep their root" {
    background unshare --mount sh -c 'touch "$0"; exec sleep 1000' "$T/held"
    local holder=$! before
    within 5 test -e "$T/held"
    before=$(table "/proc/$holder")
    namespaces pid network ipc uts "mount=/proc/$holder/ns/mnt"
    add_mount /m tmpfs tmpfs
    inside 'readlink /proc/self/ns/mnt; ls /; touch /m/file'
    ok
    equal "$(head -n 1 <<<"$output")" "$(readlink "/proc/$holder/ns/mnt")"
    lacks "$output" usr
    equal "$(table "/proc/$holder")" "$before"
    [ -e "/proc/$holder/root/usr" ]
}
