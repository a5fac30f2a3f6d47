#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# config.md#mounts, config.md#linux-mount-options, config-linux.md#default-filesystems.

load ../helpers

# tmpfs_with OPTION…: mounts a tmpfs at /m with them and takes the container's mount table as output.
tmpfs_with() {
    add_mount /m tmpfs tmpfs "$@"
    inside 'cat /proc/self/mountinfo'
    ok
    FLAGS=$(flags /m)
}

# bind_with OPTION…: the same for a bind mount of a host directory.
bind_with() {
    mkdir -p "$T/source"
    add_mount /m none "$T/source" "$@"
    inside 'cat /proc/self/mountinfo'
    ok
    FLAGS=$(flags /m)
}

shown() { has "$FLAGS" ",$1,"; }
hidden() { lacks "$FLAGS" ",$1,"; }

# propagation_with OPTION…: the propagation of a bind mount, and of a mount below it, each one line.
propagation_with() {
    host_mount "$T/source" -t tmpfs tmpfs
    mkdir "$T/source/below"
    host_mount "$T/source/below" -t tmpfs tmpfs
    mount --make-rshared "$T/source"
    add_mount /m none "$T/source" "$@"
    inside 'cat /proc/self/mountinfo'
    ok
    TOP=$(mountinfo /m | cut -d'|' -f2)
    BELOW=$(mountinfo /m/below | cut -d'|' -f2)
}

# ---------------------------------------------------------------------------------------------

@test "config.md#mounts: MUST be mounted in the listed order" {
    mkdir -p "$T/first/below" "$T/second"
    touch "$T/first/1" "$T/second/2"
    add_mount /m none "$T/first" bind
    add_mount /m/below none "$T/second" bind
    inside 'ls /m /m/below'
    ok
    has "$output" 2
    has "$output" 1
}

@test "config.md#mounts: a later mount covers an earlier one" {
    mkdir -p "$T/first/below" "$T/second"
    touch "$T/second/2"
    add_mount /m/below none "$T/first" bind
    add_mount /m none "$T/second" bind
    inside 'ls /m'
    equal "$output" 2
}

@test "config.md#mounts: a relative destination MUST be taken as relative to /" {
    add_mount m/n tmpfs tmpfs
    edit '.process.cwd = "/tmp"'
    inside 'cat /proc/self/mountinfo'
    ok
    flags /m/n
}

@test "config.md#mounts: a missing destination is made" {
    add_mount /made/by/runtime tmpfs tmpfs
    inside 'test -d /made/by/runtime && cat /proc/self/mountinfo'
    ok
    flags /made/by/runtime
}

@test "config.md#mounts: a missing destination for a file is made as a file" {
    echo content >"$T/file"
    add_mount /made/file none "$T/file" bind
    inside 'cat /made/file'
    equal "$output" content
}

@test "config.md#mounts: a bind source may be relative to the bundle" {
    mkdir "$BUNDLE/volume"
    echo content >"$BUNDLE/volume/file"
    add_mount /m none volume bind
    inside 'cat /m/file'
    equal "$output" content
}

@test "config.md#mounts: a bind source may be absolute" {
    mkdir "$T/volume"
    echo content >"$T/volume/file"
    add_mount /m none "$T/volume" bind
    inside 'cat /m/file'
    equal "$output" content
}

@test "config.md#mounts: a mount is a bind mount by its options, whatever its type" {
    mkdir "$T/source"
    echo content >"$T/source/file"
    add_mount /m tmpfs "$T/source" bind
    add_mount /n proc "$T/source" rbind
    edit '.mounts += [{destination: "/o", source: $s, options: ["bind"]}]' --arg s "$T/source"
    inside 'cat /m/file /n/file /o/file'
    equal "$output" $'content\ncontent\ncontent'
}

@test "config.md#mounts: a missing bind source is an error and is not made" {
    add_mount /m none "$T/missing" bind
    create_refused
    [ ! -e "$T/missing" ]
}

@test "config.md#mounts: an unknown filesystem type is an error" {
    add_mount /m nosuchfs none
    create_refused
}

@test "config.md#mounts: destination is REQUIRED" {
    edit '.mounts += [{type: "tmpfs", source: "tmpfs"}]'
    create_refused
}

@test "config.md#mounts: a directory over a file is an error" {
    mkdir "$T/source"
    add_mount /etc/passwd none "$T/source" bind
    create_refused
}

@test "config.md#mounts: a bind mount is the host's directory, both ways" {
    mkdir "$T/source"
    add_mount /m none "$T/source" bind rw
    inside 'echo inside >/m/file'
    ok
    equal "$(cat "$T/source/file")" inside
}

@test "config.md#mounts: a symlink as destination is followed inside the root" {
    mkdir "$BUNDLE/rootfs/real"
    ln -s /real "$BUNDLE/rootfs/link"
    add_mount /link tmpfs tmpfs
    inside 'cat /proc/self/mountinfo'
    ok
    flags /real
}

@test "config.md#mounts: a symlinked parent of the destination is followed inside the root" {
    mkdir -p "$BUNDLE/rootfs/real/below"
    ln -s ../../../../../real "$BUNDLE/rootfs/link"
    add_mount /link/below tmpfs tmpfs
    inside 'cat /proc/self/mountinfo'
    ok
    flags /real/below
}

@test "config.md#mounts: a destination with .. stays inside the root" {
    add_mount /mnt/../../../m tmpfs tmpfs
    inside 'cat /proc/self/mountinfo'
    ok
    flags /m
}

@test "config.md#mounts: a symlink as bind source is followed" {
    mkdir "$T/real"
    echo content >"$T/real/file"
    ln -s real "$T/link"
    add_mount /m none "$T/link" bind
    inside 'cat /m/file'
    equal "$output" content
}

@test "config.md#mounts: type proc" {
    inside 'cat /proc/1/comm; cat /proc/self/mountinfo'
    has "$(mountinfo /proc)" '|proc|'
}

@test "config.md#mounts: type sysfs" {
    inside 'ls /sys/class/net; cat /proc/self/mountinfo'
    has "$output" lo
    has "$(mountinfo /sys)" '|sysfs|'
}

@test "config.md#mounts: type devpts is a new instance" {
    inside 'ls /dev/pts; cat /proc/self/mountinfo'
    has "$(mountinfo /dev/pts)" '|devpts|'
    has "$output" ptmx
}

@test "config.md#mounts: type mqueue" {
    inside 'touch /dev/mqueue/queue && ls /dev/mqueue; cat /proc/self/mountinfo'
    has "$output" queue
    has "$(mountinfo /dev/mqueue)" '|mqueue|'
}

@test "config.md#mounts: type tmpfs, with its own options as data" {
    add_mount /m tmpfs tmpfs mode=0711 size=64k nr_inodes=20 uid=5
    inside 'stat -c "%a %u" /m; cat /proc/self/mountinfo'
    has "$output" '711 5'
    has "$(flags /m)" size=64k
    has "$(flags /m)" nr_inodes=20
}

@test "config.md#mounts: type overlay" {
    mkdir "$T/lower" "$T/upper" "$T/work"
    echo lower >"$T/lower/file"
    add_mount /m overlay overlay "lowerdir=$T/lower" "upperdir=$T/upper" "workdir=$T/work"
    inside 'cat /m/file; echo new >/m/new'
    ok
    equal "$output" lower
    equal "$(cat "$T/upper/new")" new
    [ ! -e "$T/lower/new" ]
}

@test "config.md#mounts: type cgroup shows the container's cgroups" {
    add_mount /sys/fs/cgroup cgroup cgroup ro nosuid noexec nodev
    edit '.linux.namespaces += [{type: "cgroup"}]'
    inside 'ls /sys/fs/cgroup; grep " /sys/fs/cgroup" /proc/self/mountinfo'
    ok
    has "$output" cgroup
    # A hierarchy per directory with version 1, one directory with version 2.
    inside 'for d in /sys/fs/cgroup /sys/fs/cgroup/*; do test -e $d/cgroup.procs && mkdir $d/x; done; true'
    has "$errors" 'Read-only file system'
    lacks "$errors" denied
}

@test "config-linux.md#default-filesystems: /proc, /sys, /dev/pts and /dev/shm are there" {
    inside 'cat /proc/self/mountinfo'
    has "$(mountinfo /proc)" '|proc|'
    has "$(mountinfo /sys)" '|sysfs|'
    has "$(mountinfo /dev/pts)" '|devpts|'
    has "$(mountinfo /dev/shm)" '|tmpfs|'
}

# runc looks for /proc/self/fd inside, crun wants the property.
@test "config.md#mounts: no mounts at all is a valid configuration" {
    edit 'del(.mounts)'
    script 'echo ran'
    run_container
    ok
    equal "$output" ran
}

# ---------------------------------------------------------------------------------------------
# The table of config.md#linux-mount-options, MUST

# crun 1.8.1 does not let the later of two opposite words win, refuses a second propagation word,
# and loses unbindable and slave; runc passes them all.
@test "config.md#linux-mount-options: async MUST (sync, async)" { tmpfs_with sync async; hidden sync; }
@test "config.md#linux-mount-options: atime MUST (noatime, atime)" { tmpfs_with noatime atime; hidden noatime; }

@test "config.md#linux-mount-options: bind MUST, without what is mounted below" {
    host_mount "$T/source" -t tmpfs tmpfs
    mkdir "$T/source/below"
    host_mount "$T/source/below" -t tmpfs tmpfs
    touch "$T/source/top" "$T/source/below/deep"
    add_mount /m none "$T/source" bind
    inside 'find /m'
    has "$output" /m/top
    lacks "$output" deep
}

# runc 1.1.5 hands it to the filesystem.
@test "config.md#linux-mount-options: defaults MUST" { tmpfs_with defaults; shown rw; hidden noexec; hidden nosuid; }
@test "config.md#linux-mount-options: dev MUST (nodev, dev)" { tmpfs_with nodev dev; hidden nodev; }
@test "config.md#linux-mount-options: diratime MUST (nodiratime, diratime)" { tmpfs_with nodiratime diratime; hidden nodiratime; }
@test "config.md#linux-mount-options: dirsync MUST" { tmpfs_with dirsync; shown dirsync; }
@test "config.md#linux-mount-options: exec MUST (noexec, exec)" { tmpfs_with noexec exec; hidden noexec; }
# crun 1.8.1 hands the next six words to the filesystem, which refuses them; the kernel shows
# neither iversion nor silent anywhere, so that they are taken is all there is to see.
@test "config.md#linux-mount-options: iversion MUST" { tmpfs_with iversion; }
@test "config.md#linux-mount-options: lazytime MUST" { tmpfs_with lazytime; shown lazytime; }
@test "config.md#linux-mount-options: loud MUST" { tmpfs_with loud; }
@test "config.md#linux-mount-options: noiversion MUST" { tmpfs_with noiversion; }
@test "config.md#linux-mount-options: nolazytime MUST (lazytime, nolazytime)" { tmpfs_with lazytime nolazytime; hidden lazytime; }
@test "config.md#linux-mount-options: silent MUST" { tmpfs_with silent; }
@test "config.md#linux-mount-options: noatime MUST" { tmpfs_with noatime; shown noatime; }
@test "config.md#linux-mount-options: nodev MUST" { tmpfs_with nodev; shown nodev; }
@test "config.md#linux-mount-options: nodiratime MUST" { tmpfs_with nodiratime; shown nodiratime; }
@test "config.md#linux-mount-options: noexec MUST" { tmpfs_with noexec; shown noexec; }
# The kernel's own default is relatime, whoever leaves it out.
@test "config.md#linux-mount-options: norelatime MUST" { tmpfs_with norelatime; hidden noatime; }
@test "config.md#linux-mount-options: nostrictatime MUST (strictatime, nostrictatime)" { tmpfs_with strictatime nostrictatime; shown relatime; }
@test "config.md#linux-mount-options: nosuid MUST" { tmpfs_with nosuid; shown nosuid; }
@test "config.md#linux-mount-options: private MUST" { propagation_with rbind rshared private; equal "$TOP" ''; has "$BELOW" shared:; }

@test "config.md#linux-mount-options: rbind MUST, with what is mounted below" {
    host_mount "$T/source" -t tmpfs tmpfs
    mkdir "$T/source/below"
    host_mount "$T/source/below" -t tmpfs tmpfs
    touch "$T/source/below/deep"
    add_mount /m none "$T/source" rbind
    inside 'find /m'
    has "$output" /m/below/deep
}

@test "config.md#linux-mount-options: relatime MUST" { tmpfs_with relatime; shown relatime; }

@test "config.md#linux-mount-options: remount MUST" {
    add_mount /m tmpfs tmpfs size=64k
    tmpfs_with remount ro size=128k
    shown ro
    shown size=128k
}

@test "config.md#linux-mount-options: ro MUST" { tmpfs_with ro; shown ro; }
@test "config.md#linux-mount-options: rprivate MUST" { propagation_with rbind rprivate; equal "$TOP$BELOW" ''; }
@test "config.md#linux-mount-options: rshared MUST" { propagation_with rbind rshared; has "$TOP" shared:; has "$BELOW" shared:; }
@test "config.md#linux-mount-options: rslave MUST" { propagation_with rbind rslave; has "$TOP" master:; has "$BELOW" master:; lacks "$TOP$BELOW" shared:; }
@test "config.md#linux-mount-options: runbindable MUST" { propagation_with rbind runbindable; has "$TOP" unbindable; has "$BELOW" unbindable; }
@test "config.md#linux-mount-options: rw MUST (ro, rw)" { tmpfs_with ro rw; hidden ro; }
@test "config.md#linux-mount-options: shared MUST" { propagation_with rbind rprivate shared; has "$TOP" shared:; equal "$BELOW" ''; }
@test "config.md#linux-mount-options: slave MUST" { propagation_with rbind slave; has "$TOP" master:; }
@test "config.md#linux-mount-options: strictatime MUST" { tmpfs_with strictatime; hidden relatime; hidden noatime; }
@test "config.md#linux-mount-options: suid MUST (nosuid, suid)" { tmpfs_with nosuid suid; hidden nosuid; }
@test "config.md#linux-mount-options: sync MUST" { tmpfs_with sync; shown sync; }
@test "config.md#linux-mount-options: unbindable MUST" { propagation_with rbind unbindable; has "$TOP" unbindable; lacks "$BELOW" unbindable; }

# ---------------------------------------------------------------------------------------------
# The same, by effect

@test "config.md#linux-mount-options: ro on a bind mount refuses writes" {
    bind_with bind ro
    shown ro
    inside 'touch /m/file'
    has "$errors" 'Read-only file system'
    touch "$T/source/file"
}

@test "config.md#linux-mount-options: several flags on one bind mount" {
    bind_with bind ro nosuid nodev noexec noatime
    for flag in ro nosuid nodev noexec noatime; do shown "$flag"; done
}

@test "config.md#linux-mount-options: a bind mount keeps its source's flags" {
    host_mount "$T/source" -t tmpfs -o nosuid,nodev,noexec tmpfs
    bind_with bind
    for flag in nosuid nodev noexec; do shown "$flag"; done
}

@test "config.md#linux-mount-options: noexec refuses to run a program" {
    mkdir "$T/source"
    cp /bin/busybox "$T/source/true"
    bind_with bind noexec
    inside '/m/true'
    has "$errors" 'Permission denied'
}

@test "config.md#linux-mount-options: nodev refuses devices" {
    mkdir "$T/source"
    mknod -m 666 "$T/source/null" c 1 3
    bind_with bind nodev
    inside 'echo x >/m/null'
    has "$errors" 'Permission denied'
}

@test "config.md#linux-mount-options: nosuid ignores set-user-ID" {
    mkdir "$T/source"
    cp "$(compiled "$(helper src/ids.c)")" "$T/source/ids"
    chmod 4755 "$T/source/ids"
    add_mount /m none "$T/source" bind nosuid
    add_mount /n none "$T/source" bind
    edit '.process.noNewPrivileges = false | .process.user = {uid: 1000, gid: 1000}'
    inside '/m/ids; /n/ids'
    equal "$output" $'1000 1000\n1000 0'
}

@test "config.md#linux-mount-options: options of the filesystem go to mount(2), and a wrong one is an error" {
    add_mount /m tmpfs tmpfs nosuchoption=1
    create_refused
}

# runc refuses them, crun takes them. mount(2) does not look at its data with MS_BIND.
@test "config.md#linux-mount-options: unknown options SHOULD be passed on, which means nothing to a bind mount" {
    mkdir "$T/source"
    echo content >"$T/source/file"
    add_mount /m none "$T/source" bind nosuchoption=1
    inside 'cat /m/file'
    ok
    equal "$output" content
}

# What a mount's own words say of the host's side, seen from both sides: what engines call a
# volume's propagation. They ask for the root's, too.
volume_with() {
    host_mount "$T/source" -t tmpfs tmpfs
    mkdir "$T/source/of-host" "$T/source/of-container"
    mount --make-shared "$T/source"
    add_mount /m none "$T/source" "$@"
    edit '.process.capabilities |= map_values(. + ["CAP_SYS_ADMIN"])'
    ready 'mount -t tmpfs tmpfs /m/of-container && touch /m/of-container/file && echo mounted'
    has "$(cat "$T/container.out")" mounted
    mount -t tmpfs tmpfs "$T/source/of-host"
    touch "$T/source/of-host/file"
    INSIDE=$(pid_of)
    INSIDE=/proc/$INSIDE/root/m/of-host/file
    OUTSIDE=$T/source/of-container/file
}

volume_end() {
    rt delete --force "$ID"
    umount -l "$T/source/of-host"
    umount -l "$T/source/of-container" 2>/dev/null || true
}

@test "config.md#linux-mount-options: rshared, with the root rshared, shares mounts with the host both ways" {
    edit '.linux.rootfsPropagation = "rshared"'
    volume_with rbind rshared
    [ -e "$INSIDE" ]
    [ -e "$OUTSIDE" ]
    volume_end
}

@test "config.md#linux-mount-options: rslave gets the host's mounts, and the host none" {
    edit '.linux.rootfsPropagation = "rslave"'
    volume_with rbind rslave
    [ -e "$INSIDE" ]
    [ ! -e "$OUTSIDE" ]
    volume_end
}

@test "config.md#linux-mount-options: rprivate gets none of the host's mounts, and the host none" {
    volume_with rbind rprivate
    [ ! -e "$INSIDE" ]
    [ ! -e "$OUTSIDE" ]
    volume_end
}

# crun 1.8.1 cannot make the mount rshared there.
@test "config.md#linux-mount-options: rshared out of a user namespace gives the host nothing" {
    user_namespace
    chmod 755 "$T"
    edit '.linux.rootfsPropagation = "rshared"'
    host_mount "$T/source" -t tmpfs tmpfs
    mkdir -m 777 "$T/source/of-container"
    mount --make-shared "$T/source"
    add_mount /m none "$T/source" rbind rshared
    edit '.process.capabilities |= map_values(. + ["CAP_SYS_ADMIN"])'
    ready 'mount -t tmpfs tmpfs /m/of-container && touch /m/of-container/file && echo mounted'
    has "$(cat "$T/container.out")" mounted
    [ ! -e "$T/source/of-container/file" ]
}
