#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Images and configurations that point elsewhere: nothing outside the root may be made, changed or shown.

load ../helpers

setup_file() { it_runs; }

also_setup() {
    mkdir "$T/outside"
    echo untouched >"$T/outside/file"
    listing >"$T/before"
    MANY=../../../../../../../..
}

listing() { find "$T/outside" -printf '%p %y %m %U %G %s %T@ %l\n' | sort; }

outside_untouched() {
    not_hung
    listing | diff "$T/before" - || say 'the host was touched'
}

without_dev_mounts() { edit 'del(.mounts[] | select(.destination | startswith("/dev")))'; }

# ---------------------------------------------------------------------------------------------
# /proc and /sys

@test "CVE-2019-16884: /proc of the image is a symlink: no procfs anywhere but on /proc" {
    rmdir "$BUNDLE/rootfs/proc"
    mkdir "$BUNDLE/rootfs/elsewhere"
    ln -s /elsewhere "$BUNDLE/rootfs/proc"
    script 'echo ran; ls /elsewhere'
    run_container
    refused
    lacks "$output" ran
    nothing_left
}

@test "CVE-2019-16884: /proc of the image is a symlink to the host's paths" {
    rmdir "$BUNDLE/rootfs/proc"
    ln -s "$T/outside" "$BUNDLE/rootfs/proc"
    script 'echo ran'
    run_container
    refused
    outside_untouched
    nothing_left
}

@test "CVE-2023-28642: /proc of the image is a symlink to a volume of an attacker's" {
    mkdir -p "$T/volume/self/attr" "$T/volume/sys"
    rmdir "$BUNDLE/rootfs/proc"
    ln -s /volume "$BUNDLE/rootfs/proc"
    edit '.mounts = [{destination: "/volume", type: "none", source: $v, options: ["bind"]}] + .mounts' --arg v "$T/volume"
    edit '.linux.maskedPaths = ["/proc/kcore", "/proc/keys"] | .linux.readonlyPaths = ["/proc/sys"]'
    script 'echo ran'
    run_container
    refused
    lacks "$output" ran
}

@test "CVE-2019-16884: /sys of the image is a symlink" {
    rmdir "$BUNDLE/rootfs/sys"
    ln -s /tmp "$BUNDLE/rootfs/sys"
    script 'echo ran'
    run_container
    refused
    lacks "$output" ran
}

# crun 1.8.1 takes most of these.
refused_in_proc() {
    mkdir -p "$T/volume"
    touch "$T/volume-file"
    local source=$T/volume
    [ "$2" = directory ] || source=$T/volume-file
    add_mount "$1" none "$source" bind
    script 'echo ran'
    run_container
    refused
    lacks "$output" ran
    nothing_left
}

@test "CVE-2019-19921: a bind mount over /proc is refused" { refused_in_proc /proc directory; }
@test "CVE-2019-19921: a bind mount over /proc/self/attr is refused" { refused_in_proc /proc/self/attr directory; }
@test "CVE-2019-19921: a bind mount over /proc/sys is refused" { refused_in_proc /proc/sys directory; }
@test "CVE-2019-19921: a bind mount over /proc/self/attr/exec is refused" { refused_in_proc /proc/self/attr/exec file; }
@test "CVE-2019-19921: a bind mount over /proc/sysrq-trigger is refused" { refused_in_proc /proc/sysrq-trigger file; }
@test "CVE-2019-19921: a way round to /proc/sys is refused" { ln -s /proc "$BUNDLE/rootfs/round"; refused_in_proc /round/sys directory; }
@test "CVE-2019-19921: .. on the way to /proc/sys is refused" { refused_in_proc /proc/../tmp/../proc/sys directory; }

# runc 1.1.5 looks at bind mounts alone.
@test "CVE-2019-19921: a tmpfs over /proc/sys is refused" {
    add_mount /proc/sys tmpfs tmpfs
    script 'echo ran'
    run_container
    refused
    lacks "$output" ran
}

@test "mounts inside /proc: those that lxcfs makes are taken" {
    echo 'MemTotal: 42 kB' >"$T/meminfo"
    add_mount /proc/meminfo none "$T/meminfo" bind
    inside 'cat /proc/meminfo'
    equal "$output" 'MemTotal: 42 kB'
}

# runc 1.1.5 and crun 1.8.1 write to what lies there, link or not.
@test "CVE-2025-52881: a sysctl is not written to a /proc that is none" {
    edit 'del(.mounts[] | select(.destination == "/proc")) | .linux.sysctl = {"net.ipv4.ip_default_ttl": "99"}'
    mkdir -p "$BUNDLE/rootfs/proc/sys/net/ipv4"
    echo untouched >"$BUNDLE/rootfs/victim"
    ln -s /victim "$BUNDLE/rootfs/proc/sys/net/ipv4/ip_default_ttl"
    script 'echo ran'
    run_container
    not_hung
    equal "$(cat "$BUNDLE/rootfs/victim")" untouched
}

@test "CVE-2025-52881: a sysctl key is no path" {
    local key
    for key in 'net/../vm/swappiness' 'net.ipv4/../../vm/swappiness' 'net...vm.swappiness' '../vm/swappiness' 'net/ipv4/../../../../../proc/sys/vm/swappiness' '/vm/swappiness'; do
        edit '.linux.sysctl = {($k): "61"}' --arg k "$key"
        create_refused
    done
}

# ---------------------------------------------------------------------------------------------
# Destinations of mounts

@test "destinations: an absolute symlink to the host's paths" {
    ln -s "$T/outside" "$BUNDLE/rootfs/link"
    add_mount /link/new tmpfs tmpfs
    script 'echo ran'
    run_container
    outside_untouched
}

@test "destinations: a symlink with many .." {
    ln -s "$MANY$T/outside" "$BUNDLE/rootfs/link"
    add_mount /link/new tmpfs tmpfs
    script 'echo ran'
    run_container
    outside_untouched
}

@test "destinations: a dangling symlink to the host's paths" {
    ln -s "$T/outside/new/deeper" "$BUNDLE/rootfs/link"
    mkdir "$T/source"
    add_mount /link none "$T/source" bind
    script 'echo ran'
    run_container
    outside_untouched
}

@test "destinations: a dangling symlink as destination for a file" {
    ln -s "$T/outside/new" "$BUNDLE/rootfs/link"
    touch "$T/source"
    add_mount /link none "$T/source" bind
    script 'echo ran'
    run_container
    outside_untouched
}

@test "destinations: a symlink to a file of the host as destination for a file" {
    ln -s "$T/outside/file" "$BUNDLE/rootfs/link"
    echo inside >"$T/source"
    add_mount /link none "$T/source" bind
    inside 'cat /link; echo changed >/link'
    outside_untouched
}

@test "destinations: a chain of symlinks" {
    ln -s /two "$BUNDLE/rootfs/one"
    ln -s "three/$MANY" "$BUNDLE/rootfs/two"
    mkdir "$BUNDLE/rootfs/three"
    add_mount "/one$T/outside/new" tmpfs tmpfs
    script 'echo ran'
    run_container
    outside_untouched
}

@test "destinations: a loop of symlinks is an error" {
    ln -s /two "$BUNDLE/rootfs/one"
    ln -s /one "$BUNDLE/rootfs/two"
    add_mount /one/new tmpfs tmpfs
    create_refused
}

@test "destinations: many .. in the destination itself" {
    add_mount "/$MANY$T/outside/new" tmpfs tmpfs
    script 'echo ran'
    run_container
    outside_untouched
}

@test "destinations: a symlink in a volume that an earlier mount brought" {
    mkdir "$T/volume"
    ln -s "$MANY$T/outside" "$T/volume/link"
    add_mount /volume none "$T/volume" bind
    add_mount /volume/link/new tmpfs tmpfs
    script 'echo ran'
    run_container
    outside_untouched
}

@test "destinations: tmpcopyup through a symlink reads nothing of the host" {
    echo secret >"$T/outside/file"
    listing >"$T/before"
    ln -s "$MANY$T/outside" "$BUNDLE/rootfs/link"
    add_mount /link tmpfs tmpfs tmpcopyup
    inside 'cat /link/file'
    lacks "$output" secret
    outside_untouched
}

# runc 1.1.5 makes directories outside (CVE-2024-45310).
@test "CVE-2021-30465: a parent of the destination is swapped with a symlink meanwhile" {
    mkdir -p "$T/volume/target"
    ln -s "$MANY$T/outside" "$T/volume/other"
    add_mount /volume none "$T/volume" rbind
    add_mount /volume/target/new tmpfs tmpfs
    add_mount /volume/target/deep/er none "$T/volume" rbind
    script 'echo ran'
    background "$(compiled "$CONFORMANCE/security/src/swap.c")" "$T/volume/target" "$T/volume/other"
    local end=$((SECONDS + ${RACE_SECONDS:-8}))
    while [ "$SECONDS" -lt "$end" ]; do
        run_container
        outside_untouched
    done
    kill "${KNOWN[-1]}"
    nothing_left
}

@test "CVE-2021-30465: the destination itself is swapped with a symlink meanwhile" {
    mkdir -p "$T/volume/target"
    ln -s "$MANY$T/outside" "$T/volume/other"
    add_mount /volume none "$T/volume" rbind
    add_mount /volume/target tmpfs tmpfs tmpcopyup
    edit '.linux.readonlyPaths = ["/volume/target/a"] | .linux.maskedPaths = ["/volume/target/file"]'
    script 'cat /volume/target/file 2>/dev/null'
    background "$(compiled "$CONFORMANCE/security/src/swap.c")" "$T/volume/target" "$T/volume/other"
    local end=$((SECONDS + ${RACE_SECONDS:-8}))
    while [ "$SECONDS" -lt "$end" ]; do
        run_container
        lacks "$output" untouched
        outside_untouched
    done
    kill "${KNOWN[-1]}"
    nothing_left
}

# What is mounted by mount(2) has to be found again by its name before it becomes read-only.
@test "CVE-2021-30465: a destination that is swapped after its mount takes no other mount's options" {
    command -v strace >/dev/null || skip 'strace is not installed'
    mkdir -p "$T/volume/target"
    ln -s /elsewhere "$T/volume/other"
    add_mount /volume none "$T/volume" rbind
    add_mount /elsewhere tmpfs tmpfs
    add_mount /volume/target tmpfs tmpfs silent ro
    script 'grep -E " /volume/target| /elsewhere" /proc/self/mountinfo; touch /volume/other/written && echo written'
    background strace -f -qq -o "$T/strace" -e trace=mount -e inject=mount:delay_exit=1000ms \
        "$RUNTIME" "${GLOBAL[@]}" --root "$ROOT" run --bundle "$BUNDLE" "$ID"
    within 30 grep -qs MS_SILENT "$T/strace"
    "$(compiled "$CONFORMANCE/security/src/swap.c")" "$T/volume/target" "$T/volume/other" 1
    within 30 gone "${KNOWN[-1]}"
    lacks "$(cat "$T/background.out")" written
    nothing_left
}

# ---------------------------------------------------------------------------------------------
# /dev

# runc 1.1.5 and crun 1.8.1 take the image's file for the null device.
@test "CVE-2025-31133: masks do not come from the image's /dev/null: a symlink" {
    without_dev_mounts
    echo planted >"$BUNDLE/rootfs/planted"
    echo secret >"$BUNDLE/rootfs/file"
    ln -s /planted "$BUNDLE/rootfs/dev/null"
    edit '.linux.maskedPaths = ["/file"]'
    inside 'cat /file; echo changed >/file'
    not_hung
    lacks "$output" planted
    lacks "$output" secret
    equal "$(cat "$BUNDLE/rootfs/planted")" planted
    equal "$(cat "$BUNDLE/rootfs/file")" secret
}

@test "CVE-2025-31133: masks do not come from the image's /dev/null: a file" {
    without_dev_mounts
    echo planted >"$BUNDLE/rootfs/dev/null"
    echo secret >"$BUNDLE/rootfs/file"
    edit '.linux.maskedPaths = ["/file"]'
    inside 'cat /file'
    not_hung
    lacks "$output" planted
    lacks "$output" secret
}

@test "CVE-2025-31133: the image's /dev/null links to /proc/sys/kernel/core_pattern's neighbour" {
    without_dev_mounts
    ln -s /proc/sys/kernel/domainname "$BUNDLE/rootfs/dev/null"
    echo secret >"$BUNDLE/rootfs/file"
    edit '.linux.maskedPaths = ["/file"] | .linux.readonlyPaths = ["/proc/sys"]'
    inside 'echo changed >/file; cat /proc/sys/kernel/domainname'
    not_hung
    lacks "$output" changed
}

@test "CVE-2025-31133: the image's /dev/null is a link to the host's paths" {
    without_dev_mounts
    ln -s "$MANY$T/outside/file" "$BUNDLE/rootfs/dev/null"
    edit '.linux.maskedPaths = ["/etc/passwd"]'
    inside 'cat /etc/passwd; echo changed >/etc/passwd'
    lacks "$output" untouched
    outside_untouched
}

# runc 1.1.5 and crun 1.8.1 make the device links outside.
@test "CVE-2026-41579: /dev of the image is a symlink: nothing is made on the host" {
    without_dev_mounts
    rmdir "$BUNDLE/rootfs/dev"
    ln -s "$T/outside" "$BUNDLE/rootfs/dev"
    script 'echo ran'
    run_container
    outside_untouched
}

@test "CVE-2026-41579: /dev of the image is a symlink with many .." {
    without_dev_mounts
    rmdir "$BUNDLE/rootfs/dev"
    ln -s "$MANY$T/outside" "$BUNDLE/rootfs/dev"
    script 'echo ran'
    run_container
    outside_untouched
}

@test "CVE-2026-41579: names in /dev of the image are symlinks to the host's paths" {
    without_dev_mounts
    local name
    for name in null zero full random urandom tty ptmx fd stdin stdout stderr console core; do
        ln -s "$MANY$T/outside/$name" "$BUNDLE/rootfs/dev/$name"
    done
    script 'echo ran'
    run_container
    outside_untouched
}

@test "CVE-2025-52565: /dev/console of the image is a symlink: the terminal goes nowhere else" {
    without_dev_mounts
    edit '.process.terminal = true'
    ln -s "$MANY$T/outside/file" "$BUNDLE/rootfs/dev/console"
    add_mount /dev/pts devpts devpts newinstance ptmxmode=0666 mode=0620
    script 'echo ran >/dev/console'
    background "$(helper receive-fd.py)" "$T/console" "$T/report"
    within 5 test -S "$T/console"
    create --console-socket "$T/console"
    [ "$status" -ne 0 ] || start
    outside_untouched
}

# ---------------------------------------------------------------------------------------------
# Masks, read-only paths, special files

@test "masks: a symlink is followed inside only" {
    ln -s "$T/outside/file" "$BUNDLE/rootfs/link"
    ln -s "$MANY$T/outside" "$BUNDLE/rootfs/dir"
    edit '.linux.maskedPaths = ["/link", "/dir", "/dir/file"] | .linux.readonlyPaths = ["/dir", "/link"]'
    script 'echo ran'
    run_container
    outside_untouched
}

@test "masks: an image's /proc/self/fd of plain symlinks misleads nobody" {
    edit 'del(.mounts[] | select(.destination == "/proc"))'
    mkdir -p "$BUNDLE/rootfs/proc/self/fd" "$BUNDLE/rootfs/dir"
    local n
    for n in {3..40}; do ln -s "$MANY$T/outside" "$BUNDLE/rootfs/proc/self/fd/$n"; done
    edit '.linux.readonlyPaths = ["/dir"] | .linux.maskedPaths = ["/etc/passwd"]'
    edit '.root.readonly = true'
    script 'cat /etc/passwd; touch /dir/file'
    run_container
    lacks "$output" root:
    [ ! -e "$BUNDLE/rootfs/dir/file" ]
    outside_untouched
}

@test "special files: a fifo as masked path, read-only path and destination does not hang" {
    mkfifo "$BUNDLE/rootfs/one" "$BUNDLE/rootfs/two" "$BUNDLE/rootfs/three"
    echo content >"$T/source"
    add_mount /three none "$T/source" bind
    edit '.linux.maskedPaths = ["/one"] | .linux.readonlyPaths = ["/two"]'
    inside 'cat /three; echo done'
    not_hung
    equal "$output" $'content\ndone'
}

@test "special files: a fifo as bind source does not hang" {
    mkfifo "$T/source"
    add_mount /m none "$T/source" bind
    inside 'test -p /m && echo fifo'
    not_hung
    equal "$output" fifo
}

# runc 1.1.5 and crun 1.8.1 wait for a writer.
@test "special files: /etc/passwd and /etc/group as a fifo do not hang" {
    rm "$BUNDLE/rootfs/etc/passwd" "$BUNDLE/rootfs/etc/group"
    mkfifo "$BUNDLE/rootfs/etc/passwd" "$BUNDLE/rootfs/etc/group"
    script 'echo ran $HOME'
    LIMIT=5 run_container
    not_hung
    only_martlet
    equal "$output" 'ran /'
}

@test "special files: /etc/passwd of 20 GB does no harm" {
    truncate -s 20G "$BUNDLE/rootfs/etc/passwd" "$BUNDLE/rootfs/etc/group"
    script 'echo ran $HOME'
    with prlimit --as=4000000000 -- run --bundle "$BUNDLE" "$ID"
    not_hung
    [ "$status" -lt 128 ]
    only_martlet
    equal "$output" "ran /root"
}

@test "special files: /etc/passwd as large as numbers go does no harm" {
    host_mount "$BUNDLE/rootfs/etc" -t tmpfs tmpfs
    truncate -s 9223372036854775807 "$BUNDLE/rootfs/etc/passwd"
    edit '.process.user = {uid: 1000, gid: 1000}'
    script 'echo ran $HOME'
    with prlimit --as=4000000000 -- run --bundle "$BUNDLE" "$ID"
    not_hung
    [ "$status" -lt 128 ]
    only_martlet
    equal "$output" 'ran /'
    rt check --bundle "$BUNDLE"
    ok
}

@test "special files: a device as /etc/passwd is not opened" {
    only_martlet
    rm "$BUNDLE/rootfs/etc/passwd"
    # Reading it would take an entry of the kernel's log, or all of memory.
    mknod "$BUNDLE/rootfs/etc/passwd" c 1 5
    script 'echo ran $HOME'
    with strace -f -o "$T/trace" -e trace=openat,openat2,open -- run --bundle "$BUNDLE" "$ID"
    ok
    equal "$output" 'ran /'
    lacks "$(grep -v O_PATH "$T/trace")" 'etc/passwd'
}

@test "special files: an /etc/passwd that leads out of the root filesystem is none" {
    printf 'root:x:0:0:root:/outside:/bin/sh\n' >"$T/passwd"
    local target
    for target in "../../../../../../../../../..$T/passwd" "$T/passwd" /proc/self/fd/0 /proc/1/root/etc/passwd; do
        ln -sfn "$target" "$BUNDLE/rootfs/etc/passwd"
        script 'echo $HOME'
        INPUT=$T/passwd run_container
        ok
        case $target in /proc/*) is_martlet || continue ;; esac
        equal "$output" /
    done
}

# runc and crun wait for a writer.
@test "special files: a fifo as config.json does not hang" {
    rm "$BUNDLE/config.json"
    mkfifo "$BUNDLE/config.json"
    LIMIT=5 create
    rm "$BUNDLE/config.json"
    not_hung
    refused
}

@test "special files: config.json of 4 GB of nothing is refused" {
    only_martlet
    truncate -s 4G "$BUNDLE/config.json"
    create_refused
}

@test "special files: a device as config.json is refused" {
    only_martlet
    rm "$BUNDLE/config.json"
    ln -s /dev/zero "$BUNDLE/config.json"
    LIMIT=5 create
    refused
}

# crun cuts there.
@test "strings: a NUL in a path or an argument is an error" {
    edit '.process.args = ["echo", "ran\u0000hidden"]'
    run_container
    [ "$status" -ne 0 ] || say "ran with: $output"
    args echo ran
    edit '.mounts += [{destination: "/m\u0000x", type: "tmpfs", source: "tmpfs"}]'
    run_container
    [ "$status" -ne 0 ] || say "ran with: $output"
    nothing_left
}

@test "strings: a path of 70000 bytes is a clear error" {
    edit '.mounts += [{destination: ("/" + ("x" * 70000)), type: "tmpfs", source: "tmpfs"}]'
    create_refused
    edit '.mounts |= .[:-1] | .process.cwd = "/" + ("y" * 70000)'
    script 'echo ran'
    never_runs
}

# runc 1.1.5 mounts all it is told to on the host, so in a mount namespace for that alone.
@test "no mount namespace: refused, or nothing of ours reaches the host" {
    edit '.linux.namespaces |= map(select(.type != "mount"))'
    args echo ran
    with unshare --mount --propagation private sh -c \
        'cat /proc/self/mountinfo >"$0/before"; "$@"; code=$?; cat /proc/self/mountinfo >"$0/after"; exit $code' "$T" \
        -- run --bundle "$BUNDLE" "$ID"
    not_hung
    diff "$T/before" "$T/after"
}

# The cgroup filesystem has no symbolic links; a mount leads astray as well. In a mount namespace for that alone.
@test "cgroupsPath: a mount on the way is refused, and nothing is made behind it" {
    only_martlet
    [ -d /sys/fs/cgroup/pids ] || skip 'not on this machine: a v1 hierarchy for pids'
    mkdir "$T/behind"
    args echo ran
    edit '.linux.cgroupsPath = $path | .linux.resources = {pids: {limit: 50}}' --arg path "/astray-$ID/in"
    with unshare --mount --propagation private sh -c \
        'mkdir "$1" && mount --bind "$0" "$1" || exit 99; at=$1; shift; "$@"; code=$?
         umount "$at"; rmdir "$at"; exit $code' "$T/behind" "/sys/fs/cgroup/pids/astray-$ID" \
        -- run --bundle "$BUNDLE" "$ID"
    refused
    has "$errors" 'a symbolic link or a mount is on the way'
    equal "$(ls -A "$T/behind")" ''
    for hierarchy in /sys/fs/cgroup/*/; do [ ! -e "$hierarchy/astray-$ID" ]; done
    nothing_left
}
