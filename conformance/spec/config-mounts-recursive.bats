#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# config.md#linux-mount-options: the words that SHOULD or MAY be implemented, by their effect.

load ../helpers

tmpfs_with() {
    add_mount /m tmpfs tmpfs "$@"
    inside 'cat /proc/self/mountinfo'
    ok
    FLAGS=$(flags /m)
}

shown() { has "$FLAGS" ",$1,"; }
hidden() { lacks "$FLAGS" ",$1,"; }

# recursive_with OPTION…: flags of a recursive bind mount and of a mount below it.
recursive_with() {
    host_mount "$T/source" -t tmpfs "${SOURCE_OPTIONS[@]}" tmpfs
    mkdir "$T/source/below"
    host_mount "$T/source/below" -t tmpfs "${SOURCE_OPTIONS[@]}" tmpfs
    add_mount /m none "$T/source" rbind "$@"
    inside 'cat /proc/self/mountinfo'
    ok
    FLAGS=$(flags /m)$(flags /m/below)
}

both() { equal "$(grep -o ",$1," <<<"$FLAGS" | wc -l)" 2; }

@test "config.md#linux-mount-options: rro SHOULD, also below" { recursive_with rro; both ro; }
@test "config.md#linux-mount-options: rrw SHOULD, also below" { SOURCE_OPTIONS=(-o noatime); recursive_with ro rrw; lacks "$(tr '|' ',' <<<"$FLAGS")" ,ro,; }
@test "config.md#linux-mount-options: rnosuid SHOULD, also below" { recursive_with rnosuid; both nosuid; }
@test "config.md#linux-mount-options: rsuid SHOULD, also below" { SOURCE_OPTIONS=(-o nosuid); recursive_with rsuid; hidden nosuid; }
@test "config.md#linux-mount-options: rnodev SHOULD, also below" { recursive_with rnodev; both nodev; }
@test "config.md#linux-mount-options: rdev SHOULD, also below" { SOURCE_OPTIONS=(-o nodev); recursive_with rdev; hidden nodev; }
@test "config.md#linux-mount-options: rnoexec SHOULD, also below" { recursive_with rnoexec; both noexec; }
@test "config.md#linux-mount-options: rexec SHOULD, also below" { SOURCE_OPTIONS=(-o noexec); recursive_with rexec; hidden noexec; }
# mount_setattr(2) refuses the times as crun 1.8.1 asks for them, and some as runc 1.1.5 does.
@test "config.md#linux-mount-options: rnodiratime SHOULD, also below" { recursive_with rnodiratime; both nodiratime; }
@test "config.md#linux-mount-options: rdiratime SHOULD, also below" { SOURCE_OPTIONS=(-o nodiratime); recursive_with rdiratime; hidden nodiratime; }
@test "config.md#linux-mount-options: rnoatime SHOULD, also below" { recursive_with rnoatime; both noatime; }
@test "config.md#linux-mount-options: rrelatime SHOULD, also below" { SOURCE_OPTIONS=(-o noatime); recursive_with rrelatime; both relatime; }
@test "config.md#linux-mount-options: rnorelatime SHOULD, also below" { recursive_with rnorelatime; hidden relatime; hidden noatime; }
@test "config.md#linux-mount-options: ratime SHOULD, also below" { SOURCE_OPTIONS=(-o noatime); recursive_with ratime; hidden noatime; }
@test "config.md#linux-mount-options: rnostrictatime SHOULD, also below" { SOURCE_OPTIONS=(-o strictatime); recursive_with rnostrictatime; both relatime; }
@test "config.md#linux-mount-options: rstrictatime SHOULD, also below" { recursive_with rstrictatime; hidden relatime; hidden noatime; }
# runc 1.1.5 and crun 1.8.1 know none of the symfollow words.
@test "config.md#linux-mount-options: nosymfollow SHOULD" { tmpfs_with nosymfollow; shown nosymfollow; }
@test "config.md#linux-mount-options: symfollow SHOULD (nosymfollow, symfollow)" { tmpfs_with nosymfollow symfollow; hidden nosymfollow; }
@test "config.md#linux-mount-options: rnosymfollow SHOULD, also below" { recursive_with rnosymfollow; both nosymfollow; }
@test "config.md#linux-mount-options: rsymfollow SHOULD, also below" { SOURCE_OPTIONS=(-o nosymfollow); recursive_with rsymfollow; hidden nosymfollow; }

@test "config.md#linux-mount-options: nosymfollow SHOULD keep symlinks from being followed" {
    mkdir "$T/source"
    echo content >"$T/source/file"
    ln -s file "$T/source/link"
    add_mount /m none "$T/source" bind nosymfollow
    inside 'cat /m/file; readlink /m/link; cat /m/link'
    equal "$output" $'content\nfile'
    has "$errors" 'Too many levels'
}

@test "config.md#linux-mount-options: rro SHOULD refuse writes, also below" {
    recursive_with rro
    inside 'touch /m/file; touch /m/below/file; ls /m/below'
    equal "$(grep -c 'Read-only file system' <<<"$errors")" 2
    touch "$T/source/below/file"
}

@test "config.md#linux-mount-options: ro without an r in front is not for what is below" {
    recursive_with ro
    inside 'touch /m/file; touch /m/below/file && echo written'
    equal "$output" written
    has "$errors" 'Read-only file system'
}

@test "config.md#linux-mount-options: recursive words go with ordinary ones" {
    recursive_with ro rnosuid rnodev rnoexec
    for word in nosuid nodev noexec; do both "$word"; done
    equal "$(grep -o ',ro,' <<<"$FLAGS" | wc -l)" 1
}

# runc 1.1.5 and crun 1.8.1 pass over, or fail on, what is recursive there.
@test "config.md#linux-mount-options: recursive words on a mount that is no bind mount" {
    tmpfs_with rro rnoexec rnoatime
    for word in ro noexec noatime; do shown "$word"; done
}

# The kernel took the last effect from it with 5.15; both words must be taken all the same.
# crun 1.8.1 hands nomand to the filesystem.
@test "config.md#linux-mount-options: mand MAY" { tmpfs_with mand; }
@test "config.md#linux-mount-options: nomand MAY (mand, nomand)" { tmpfs_with mand nomand; hidden mand; }

@test "config.md#linux-mount-options: remount takes back what concerns the filesystem" {
    add_mount /m tmpfs tmpfs sync lazytime
    tmpfs_with remount async nolazytime
    hidden sync
    hidden lazytime
}

@test "config.md#linux-mount-options: tmpcopyup MAY copy what the image has there" {
    mkdir "$BUNDLE/rootfs/data"
    echo image >"$BUNDLE/rootfs/data/file"
    add_mount /data tmpfs tmpfs tmpcopyup
    inside 'cat /data/file; echo changed >/data/file; cat /proc/self/mountinfo'
    ok
    equal "$(head -n 1 <<<"$output")" image
    has "$(mountinfo /data)" '|tmpfs|'
    equal "$(cat "$BUNDLE/rootfs/data/file")" image
}

# crun 1.8.1 copies what is in the directory, and leaves the directory its own mode.
@test "config.md#linux-mount-options: tmpcopyup MAY keep owners, modes and links" {
    mkdir -p "$BUNDLE/rootfs/data/below"
    echo deep >"$BUNDLE/rootfs/data/below/file"
    ln -s /nowhere "$BUNDLE/rootfs/data/link"
    chown 5:6 "$BUNDLE/rootfs/data/below" "$BUNDLE/rootfs/data/below/file"
    chmod 4750 "$BUNDLE/rootfs/data/below/file"
    chmod 711 "$BUNDLE/rootfs/data"
    add_mount /data tmpfs tmpfs tmpcopyup
    inside 'stat -c "%a %u %g" /data/below/file /data/below; stat -c %a /data; readlink /data/link'
    ok
    equal "$output" $'4750 5 6\n755 5 6\n711\n/nowhere'
}

@test "config.md#linux-mount-options: tmpcopyup MAY go with ro" {
    mkdir "$BUNDLE/rootfs/data"
    echo image >"$BUNDLE/rootfs/data/file"
    add_mount /data tmpfs tmpfs tmpcopyup ro
    inside 'cat /data/file; touch /data/new'
    equal "$output" image
    has "$errors" 'Read-only file system'
}
