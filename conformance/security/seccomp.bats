#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Compiled filters that are kept between containers: who could put one there, or change one, would
# choose the filter of the next container.

load ../helpers

# They are about what martlet alone keeps.
setup_file() { ! is_martlet || it_runs; }

also_setup() {
    only_martlet
    CACHE="$ROOT/.seccomp@cache"
    cp "$(compiled "$(helper src/syscalls.c)")" "$BUNDLE/rootfs/bin/syscalls"
    edit '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW",
        syscalls: [{names: ["getppid"], action: "SCMP_ACT_ERRNO"}]}'
    args syscalls getppid
}

# still_filtered: a container from the same profile has its filter.
still_filtered() {
    rt delete --force "$ID"
    run_container
    ok
    equal "$output" getppid=EPERM
    rt delete --force "$ID"
}

# filled: a first container has left its compiled profile; the entry is $ENTRY.
filled() {
    still_filtered
    ENTRY=$CACHE/$(ls "$CACHE")
    [ -s "$ENTRY" ]
}

# permissive: a whole entry of another profile, which lets everything through, at $T/permissive.
permissive() {
    local profile
    profile=$(jq -c .linux.seccomp "$BUNDLE/config.json")
    edit '.linux.seccomp.syscalls = [{names: ["acct"], action: "SCMP_ACT_ERRNO"}]'
    ROOT=$T/other
    run_container
    equal "$output" getppid=ok
    cp "$T/other/.seccomp@cache/"* "$T/permissive"
    rt delete --force "$ID"
    ROOT=$T/state
    edit '.linux.seccomp = $p' --argjson p "$profile"
}

@test "seccomp cache: a second container uses it, and others cannot get in" {
    filled
    equal "$(stat -c '%a %u' "$CACHE")" '700 0'
    equal "$(stat -c '%a %u' "$ENTRY")" '600 0'
    local before
    before=$(stat -c '%i %Y' "$ENTRY")
    still_filtered
    equal "$(stat -c '%i %Y' "$ENTRY")" "$before"
}

# A profile is compiled while the container's process is made.
@test "seccomp: a profile that cannot be compiled for this machine, with hooks and without" {
    filled
    edit '.linux.seccomp.architectures = ["SCMP_ARCH_PPC"]'
    create_refused
    has "$errors" 'linux.seccomp.architectures[0]'
    edit '.hooks.createRuntime = [{path: "/bin/sh", args: ["sh", "-c", "touch \($mark)"]}]' --arg mark "$T/hook"
    create_refused
    [ ! -e "$T/hook" ]
    equal "$(ls "$CACHE")" "$(basename "$ENTRY")"
}

@test "seccomp cache: an entry of a more permissive profile in the place of this one's" {
    permissive
    filled
    cat "$T/permissive" >"$ENTRY"
    still_filtered
}

@test "seccomp cache: an entry that is cut, empty, or has a bit changed, is made again" {
    filled
    local size whole=$T/whole
    cp "$ENTRY" "$whole"
    size=$(stat -c %s "$whole")
    for change in 'truncate -s 8' 'truncate -s 0' "truncate -s $((size - 1))" "truncate -s $((size + 8))" 'truncate -s 1G'; do
        $change "$ENTRY"
        still_filtered
        cmp "$ENTRY" "$whole"
    done
    printf '\377' | dd of="$ENTRY" bs=1 seek=4 conv=notrunc status=none
    still_filtered
    cmp "$ENTRY" "$whole"
}

@test "seccomp cache: an entry that belongs to someone else, or that others may write" {
    filled
    chown 1000 "$ENTRY"
    still_filtered
    equal "$(stat -c %u "$ENTRY")" 0
    chmod 666 "$ENTRY"
    still_filtered
    equal "$(stat -c %a "$ENTRY")" 600
}

@test "seccomp cache: a link, a fifo and a directory in an entry's place" {
    filled
    mv "$ENTRY" "$T/elsewhere"
    ln -s "$T/elsewhere" "$ENTRY"
    still_filtered
    [ ! -L "$ENTRY" ]
    rm "$ENTRY"
    mkfifo "$ENTRY"
    still_filtered
    rm "$ENTRY"
    mkdir "$ENTRY"
    still_filtered
}

@test "seccomp cache: a directory of someone else's is not used, nor written to" {
    permissive
    filled
    local name=${ENTRY##*/}
    rm -r "$CACHE"
    mkdir -m 700 "$CACHE"
    cp "$T/permissive" "$CACHE/$name"
    chown -R 1000 "$CACHE"
    still_filtered
    equal "$(stat -c %u "$CACHE/$name")" 1000
    cmp "$CACHE/$name" "$T/permissive"
    run_container
    has "$errors" cache
}

@test "seccomp cache: a directory that others may write, and a link to one" {
    filled
    chmod 777 "$CACHE"
    still_filtered
    mv "$CACHE" "$T/moved"
    chmod 700 "$T/moved"
    rm "$T/moved"/*
    ln -s "$T/moved" "$CACHE"
    still_filtered
    equal "$(ls "$T/moved")" ''
    rm "$CACHE"
}

@test "seccomp cache: has a bound" {
    mkdir -p -m 700 "$ROOT" "$CACHE"
    local number
    for number in $(seq 200); do echo x >"$CACHE/$number"; done
    still_filtered
    [ "$(find "$CACHE" -mindepth 1 | wc -l)" -le 64 ]
}

@test "seccomp cache: a create that fails leaves nothing" {
    args /nowhere
    edit '.mounts += [{destination: "/x", type: "bind", source: "/nowhere", options: ["bind"]}]'
    create
    refused
    [ ! -e "$CACHE" ]
}

@test "seccomp: a container has no id that is the cache" {
    ID=.seccomp@cache
    create
    refused
    ID=$TAG
}
