#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# config.md#root, and config-linux.md#rootfs-mount-propagation.

load ../helpers

@test "config.md#root: path may be relative to the bundle" {
    mv "$BUNDLE/rootfs" "$BUNDLE/image"
    edit '.root.path = "image"'
    inside 'echo ran'
    equal "$output" ran
}

@test "config.md#root: path may be absolute" {
    mv "$BUNDLE/rootfs" "$T/elsewhere"
    edit '.root.path = $p' --arg p "$T/elsewhere"
    inside 'echo ran'
    equal "$output" ran
}

@test "config.md#root: a relative path is the bundle's, not the caller's" {
    mkdir -p "$T/cwd/rootfs"
    script 'echo ran'
    cd "$T/cwd"
    run_container
    equal "$output" ran
}

@test "config.md#root: path may name a directory below" {
    mkdir "$BUNDLE/deep"
    mv "$BUNDLE/rootfs" "$BUNDLE/deep/rootfs"
    edit '.root.path = "deep/rootfs/"'
    inside 'echo ran'
    equal "$output" ran
}

@test "config.md#root: a directory MUST exist at path" {
    edit '.root.path = "missing"'
    create_refused
    [ ! -e "$BUNDLE/missing" ]
}

@test "config.md#root: a file at path is an error" {
    touch "$BUNDLE/file"
    edit '.root.path = "file"'
    create_refused
}

@test "config.md#root: root is REQUIRED" {
    edit 'del(.root)'
    create_refused
}

@test "config.md#root: path is REQUIRED" {
    edit '.root = {readonly: true}'
    create_refused
}

@test "config.md#root: the container sees that directory as its root" {
    echo here >"$BUNDLE/rootfs/mark"
    inside 'cat /mark; cat /../../mark'
    equal "$output" $'here\nhere'
}

@test "config.md#root: nothing of the host's tree can be seen" {
    echo secret >"$T/secret"
    inside "cat '$T/secret' '/proc/1/root$T/secret' '../../../../../..$T/secret' 2>/dev/null; grep -c '$TAG/secret' /proc/self/mountinfo; ls / | tr '\n' ' '"
    lacks "$output" secret
    has "$output" 'bin dev etc home mnt proc root run sys tmp var'
}

@test "config.md#root: the host's mounts are not in the container's mount table" {
    inside 'cut -d" " -f5 /proc/self/mountinfo'
    ok
    equal "$(sort -u <<<"$output" | tr '\n' ' ')" '/ /dev /dev/mqueue /dev/pts /dev/shm /proc /sys '
}

@test "config.md#root: readonly defaults to false" {
    inside 'echo written >/file && cat /file'
    ok
    equal "$output" written
    equal "$(cat "$BUNDLE/rootfs/file")" written
}

@test "config.md#root: readonly false is writable" {
    edit '.root.readonly = false'
    inside 'echo written >/file && cat /file'
    equal "$output" written
}

@test "config.md#root: readonly true MUST be read-only inside" {
    edit '.root.readonly = true'
    inside 'touch /file /etc/file; echo x >>/etc/passwd; mkdir /d; rm /etc/group; chmod 777 /etc'
    has "$errors" 'Read-only file system'
    [ ! -e "$BUNDLE/rootfs/file" ]
    [ ! -e "$BUNDLE/rootfs/etc/file" ]
    [ -e "$BUNDLE/rootfs/etc/group" ]
}

@test "config.md#root: readonly true shows in the mount table" {
    edit '.root.readonly = true'
    inside 'cat /proc/self/mountinfo'
    has ",$(mountinfo / | cut -d'|' -f1)," ,ro,
}

@test "config.md#root: readonly true leaves other mounts writable" {
    edit '.root.readonly = true'
    mkdir "$BUNDLE/rootfs/scratch"
    add_mount /scratch tmpfs tmpfs
    inside 'echo written >/scratch/file && cat /scratch/file'
    equal "$output" written
}

@test "config.md#root: readonly true leaves the bundle writable for the host" {
    edit '.root.readonly = true'
    launched
    touch "$BUNDLE/rootfs/file"
}

propagation_of_root() {
    edit '.linux.rootfsPropagation = $p' --arg p "$1"
    inside 'cat /proc/self/mountinfo'
    ok
    mountinfo / | cut -d'|' -f2
}

# runc before 1.2 applies the flag before the bind mount, where it is lost.
@test "config-linux.md#rootfs-mount-propagation: shared puts the root into a peer group" {
    has "$(propagation_of_root shared)" shared:
}

@test "config-linux.md#rootfs-mount-propagation: shared is not shared with the host" {
    edit '.linux.rootfsPropagation = "shared" | .process.capabilities.bounding += ["CAP_SYS_ADMIN"]
        | .process.capabilities.effective += ["CAP_SYS_ADMIN"] | .process.capabilities.permitted += ["CAP_SYS_ADMIN"]'
    inside 'mount -t tmpfs tmpfs /mnt && touch /mnt/inside && ls /mnt'
    equal "$output" inside
    [ ! -e "$BUNDLE/rootfs/mnt/inside" ]
}

@test "config-linux.md#rootfs-mount-propagation: private is in no peer group" {
    equal "$(propagation_of_root private)" ''
}

# runc before 1.2 makes the old root unbindable and then fails to bind it.
@test "config-linux.md#rootfs-mount-propagation: unbindable is unbindable" {
    has "$(propagation_of_root unbindable)" unbindable
}

# In a mount namespace of its own whose tree is shared, else there is nobody to be the slave of.
# crun 1.8.1 cuts the root off from its master.
@test "config-linux.md#rootfs-mount-propagation: slave gets what the host mounts, and not the other way" {
    background unshare --mount sh -c 'mount --make-rshared /; touch "$0"; exec sleep 1000' "$T/shared"
    local host=$! pid
    within 5 test -e "$T/shared"
    edit '.linux.rootfsPropagation = "slave" | .process.capabilities.bounding += ["CAP_SYS_ADMIN"]
        | .process.capabilities.effective += ["CAP_SYS_ADMIN"] | .process.capabilities.permitted += ["CAP_SYS_ADMIN"]'
    script 'mount -t tmpfs tmpfs /home; touch /home/inside; echo ready; sleep 1000'
    call "$T/container.out" "$T/container.err" nsenter --mount="/proc/$host/ns/mnt" \
        "$RUNTIME" "${GLOBAL[@]}" --root "$ROOT" create --bundle "$BUNDLE" "$ID"
    ok
    with nsenter --mount="/proc/$host/ns/mnt" -- start "$ID"
    ok
    within 5 grep -q ready "$T/container.out"
    pid=$(pid_of)
    [ -e "/proc/$pid/root/home/inside" ]
    [ ! -e "/proc/$host/root$BUNDLE/rootfs/home/inside" ]
    nsenter --mount="/proc/$host/ns/mnt" mount -t tmpfs tmpfs "$BUNDLE/rootfs/mnt"
    touch "/proc/$host/root$BUNDLE/rootfs/mnt/outside"
    [ -e "/proc/$pid/root/mnt/outside" ]
    with nsenter --mount="/proc/$host/ns/mnt" -- delete --force "$ID"
    ok
}

# crun takes any word.
@test "config-linux.md#rootfs-mount-propagation: an unknown value is an error" {
    edit '.linux.rootfsPropagation = "sideways"'
    create_refused
}
