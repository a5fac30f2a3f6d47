#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# runtime.md: the operations and what must hold between them.

load ../helpers

@test "runtime.md#create: MUST generate an error if not given an id" {
    rt create --bundle "$BUNDLE"
    refused
    nothing_left
}

@test "runtime.md#create: MUST generate an error if not given a bundle" {
    # On the command line it is the working directory, unless named.
    cd "$T"
    rt create "$ID"
    refused
    rt create --bundle '' "$ID"
    refused
    nothing_left
}

@test "runtime.md#create: makes a new container with status created" {
    create
    ok
    equal "$(status_of)" created
}

@test "runtime.md#create: process.args MUST NOT be applied until start" {
    add_mount /host none "$T" bind rw
    script 'echo ran >/host/ran; sleep 1000'
    create
    ok
    sleep 0.3
    [ ! -e "$T/ran" ]
    start
    ok
    within 5 test -e "$T/ran"
}

@test "runtime.md#create: an id that is taken MUST generate an error and harm nothing" {
    launched
    local pid
    pid=$(pid_of)
    create
    refused
    equal "$(status_of)" running
    equal "$(pid_of)" "$pid"
}

@test "runtime.md#create: an id that is taken by a stopped container MUST generate an error" {
    args true
    launched
    stopped
    create
    refused
    equal "$(status_of)" stopped
}

# crun 1.8.1 refuses only the slash.
@test "runtime.md#create: an invalid id MUST generate an error and create nothing" {
    local keep=$ID id
    for id in 'a b' 'a/b' '../up' 'ä' ''; do
        rt create --bundle "$BUNDLE" "$id"
        refused
    done
    ID=$keep
    nothing_left
}

@test "runtime.md#create: mounts MUST be applied at create" {
    add_mount /here tmpfs tmpfs
    create
    ok
    output=$(cat "/proc/$(pid_of)/mountinfo")
    has "$(flags /here)" rw
}

@test "runtime.md#create: the root filesystem MUST be applied at create" {
    create
    ok
    touch "$BUNDLE/rootfs/mark"
    [ -e "/proc/$(pid_of)/root/mark" ]
}

@test "runtime.md#create: namespaces and hostname MUST be applied at create" {
    create
    ok
    local pid kind
    pid=$(pid_of)
    for kind in pid net ipc uts mnt; do
        differ "$(readlink "/proc/$pid/ns/$kind")" "$(readlink "/proc/self/ns/$kind")"
    done
    equal "$(nsenter --target "$pid" --uts hostname)" conformance
}

@test "runtime.md#create: sysctl MUST be applied at create" {
    edit '.linux.sysctl = {"net.ipv4.ip_default_ttl": "77"}'
    create
    ok
    equal "$(nsenter --target "$(pid_of)" --net cat /proc/sys/net/ipv4/ip_default_ttl)" 77
}

@test "runtime.md#create: devices MUST be applied at create" {
    edit '.linux.devices = [{type: "c", path: "/dev/mine", major: 1, minor: 5}]'
    create
    ok
    equal "$(stat -c '%t %T' "/proc/$(pid_of)/root/dev/mine")" '1 5'
}

@test "runtime.md#create: masked and read-only paths MUST be applied at create" {
    echo secret >"$BUNDLE/rootfs/etc/secret"
    edit '.linux.maskedPaths = ["/etc/secret"] | .linux.readonlyPaths = ["/home"]'
    create
    ok
    local root
    root=/proc/$(pid_of)/root
    equal "$(cat "$root/etc/secret")" ''
    ! touch "$root/home/file"
    [ ! -e "$BUNDLE/rootfs/home/file" ]
}

@test "runtime.md#create: resources MUST be applied at create" {
    with_cgroups
    [ -d /sys/fs/cgroup/pids ] || grep -qw pids /sys/fs/cgroup/cgroup.controllers || not_here 'no pids controller'
    edit '.linux.cgroupsPath = $p | .linux.resources = {pids: {limit: 77}}' --arg p "/martlet-conformance/$ID"
    create
    ok
    equal "$(cat /sys/fs/cgroup/{pids/,}"martlet-conformance/$ID/pids.max" 2>/dev/null)" 77
}

@test "runtime.md#create: a mount that cannot be made MUST generate an error and create nothing" {
    add_mount /here none "$T/missing" bind
    create_refused
}

@test "runtime.md#create: a property refused late leaves nothing either" {
    edit '.linux.sysctl = {"net.ipv4.ip_default_ttl": "not a number"}'
    create_refused
}

@test "runtime.md#create: after a failed create the id is free" {
    add_mount /here none "$T/missing" bind
    create_refused
    mkdir "$T/missing"
    create
    ok
}

@test "runtime.md#create: changes to config.json afterwards have no effect" {
    script 'echo before; hostname'
    create
    ok
    edit '.process.args = ["echo", "after"] | .hostname = "after" | .annotations = {"after": "1"}'
    start
    ok
    stopped
    equal "$(cat "$T/container.out")" "before
conformance"
    lacks "$(rt state "$ID"; echo "$output")" after
}

@test "runtime.md#create: config.json may go away afterwards" {
    args echo ran
    create
    ok
    rm "$BUNDLE/config.json"
    start
    ok
    stopped
    equal "$(cat "$T/container.out")" ran
}

@test "runtime.md#start: MUST generate an error if not given an id" {
    rt start
    refused
}

@test "runtime.md#start: an unknown container MUST generate an error" {
    rt start "$ID"
    refused
}

@test "runtime.md#start: MUST run the program" {
    args echo ran
    launched
    stopped
    equal "$(cat "$T/container.out")" ran
}

@test "runtime.md#start: starting a running container MUST generate an error and have no effect" {
    launched
    local pid
    pid=$(pid_of)
    start
    refused
    equal "$(status_of)" running
    equal "$(pid_of)" "$pid"
}

@test "runtime.md#start: starting a stopped container MUST generate an error and have no effect" {
    args echo ran
    launched
    stopped
    start
    refused
    equal "$(status_of)" stopped
    equal "$(cat "$T/container.out")" ran
}

@test "runtime.md#start: MUST generate an error if process was not set" {
    edit 'del(.process)'
    create
    if [ "$status" -eq 0 ]; then
        start
        refused
    else
        # A runtime may tell at create.
        refused
        nothing_left
    fi
}

@test "runtime.md#kill: MUST generate an error if not given an id" {
    rt kill
    refused
}

@test "runtime.md#kill: an unknown container MUST generate an error" {
    rt kill "$ID" KILL
    refused
}

@test "runtime.md#kill: MUST send the signal to the container process" {
    ready 'trap "echo got usr1" USR1; trap "echo got term; exit 3" TERM; echo ready; while :; do sleep 0.05; done'
    rt kill "$ID" USR1
    ok
    within 5 grep -q 'got usr1' "$T/container.out"
    equal "$(status_of)" running
    rt kill "$ID" TERM
    ok
    stopped
    within 5 grep -q 'got term' "$T/container.out"
}

@test "runtime.md#kill: a created container can be killed" {
    create
    ok
    rt kill "$ID" KILL
    ok
    stopped
}

@test "runtime.md#kill: a stopped container MUST generate an error and stay as it is" {
    args true
    launched
    stopped
    rt kill "$ID" KILL
    refused
    equal "$(status_of)" stopped
}

@test "runtime.md#kill: only the container process gets the signal" {
    ready 'sh -c "trap \"echo child\" USR1; while :; do sleep 0.05; done" & trap "echo parent" USR1; echo ready; while :; do sleep 0.05; done'
    rt kill "$ID" USR1
    ok
    within 5 grep -q parent "$T/container.out"
    sleep 0.2
    lacks "$(cat "$T/container.out")" child
}

@test "runtime.md#delete: MUST generate an error if not given an id" {
    rt delete
    refused
}

@test "runtime.md#delete: an unknown container MUST generate an error" {
    rt delete "$ID"
    refused
}

@test "runtime.md#delete: deleting a running container MUST generate an error and have no effect" {
    launched
    local pid
    pid=$(pid_of)
    rt delete "$ID"
    refused
    equal "$(status_of)" running
    equal "$(pid_of)" "$pid"
}

@test "runtime.md#delete: MUST delete what create made" {
    args true
    launched
    stopped
    rt delete "$ID"
    ok
    nothing_left
    rt state "$ID"
    refused
}

@test "runtime.md#delete: resources that the container did not create MUST NOT be deleted" {
    mkdir "$T/volume"
    touch "$T/volume/file"
    add_mount /volume none "$T/volume" rbind rw
    args rm -rf /nothing
    launched
    stopped
    rt delete "$ID"
    ok
    [ -e "$T/volume/file" ]
    [ -x "$BUNDLE/rootfs/bin/busybox" ]
    [ -e "$BUNDLE/config.json" ]
}

@test "runtime.md#delete: the id MAY be used again" {
    args echo first
    launched
    stopped
    rt delete "$ID"
    ok
    args echo second
    launched
    stopped
    equal "$(cat "$T/container.out")" second
}

@test "runtime.md#delete: ends what the container left running in its pid namespace" {
    ready 'sleep 2000 &'
    end_container
    rt delete "$ID"
    ok
    nothing_left
}

@test "runtime.md#lifecycle: one bundle carries two containers" {
    args sleep 1000
    launched
    local first=$ID
    ID=$ID-two
    launched
    differ "$(pid_of "$first")" "$(pid_of)"
    end_container
    rt delete "$ID"
    ok
    equal "$(status_of "$first")" running
    ID=$first
}

@test "runtime.md#scope: two state directories are two scopes" {
    launched
    local first=$ROOT
    ROOT=$T/other
    launched
    end_container
    rt delete "$ID"
    ok
    ROOT=$first
    equal "$(status_of)" running
}

@test "runtime-linux.md#file-descriptors: only stdin, stdout and stderr are open in the program" {
    inside 'ls /proc/self/fd'
    ok
    # ls itself opens one, the directory.
    equal "$(tr '\n' ' ' <<<"$output")" '0 1 2 3 '
}

@test "runtime-linux.md#file-descriptors: descriptors of the caller are not passed on" {
    script 'ls /proc/self/fd'
    run_container 5</ 6<"$T" 7</dev/null
    ok
    equal "$(tr '\n' ' ' <<<"$output")" '0 1 2 3 '
}

@test "runtime-linux.md#file-descriptors: stdin, stdout and stderr are the caller's" {
    echo input >"$T/input"
    INPUT=$T/input inside 'cat; echo error >&2'
    ok
    equal "$output" input
    equal "$errors" error
}

@test "runtime.md#scope: who created a container can use every operation on it" {
    ready 'trap "exit 5" TERM; echo ready; while :; do sleep 0.05; done'
    rt state "$ID"
    ok
    rt kill "$ID" TERM
    ok
    stopped
    rt delete "$ID"
    ok
    rt state "$ID"
    refused
}

# What a command could leave: names and times of the bundle, mounts, cgroups, namespaces' holders.
surroundings() {
    find "$BUNDLE" -printf '%p %y %m %U:%G %l\n' | sort
    cut -d' ' -f 4- /proc/self/mountinfo
    cgroups_left
    ls -A "$ROOT" 2>/dev/null || true
}

# Each fails at another time: in reading, in making mounts, after the mounts. (crun creates the last.)
@test "runtime.md#errors: a failed create leaves the bundle, the host's mounts and its cgroups as they were" {
    cp "$BUNDLE/config.json" "$T/good.json"
    local filter
    for filter in '.process.cwd = 5' \
        '.mounts += [{destination: "/m", type: "nosuchfs", source: "none"}]' \
        '.mounts += [{destination: "/m", type: "tmpfs", source: "none", options: ["nosuchoption=1"]}]' \
        '.linux.sysctl = {"net.ipv4.ip_default_ttl": "not a number"}' \
        '.linux.rootfsPropagation = "banana"'; do
        cp "$T/good.json" "$BUNDLE/config.json"
        edit "$filter | .linux.cgroupsPath = \"/martlet-conformance/$ID\""
        mkdir -p "$BUNDLE/rootfs/m" "$BUNDLE/rootfs/dev"/{pts,shm,mqueue}
        surroundings >"$T/before"
        create_refused || say "$filter"
        diff "$T/before" <(surroundings) || say "$filter"
    done
}

# crun sends a signal of no name as signal 0.
@test "runtime.md#errors: a failed operation leaves the container as it was" {
    launched
    local before
    rt state "$ID"
    before=$output
    create
    refused
    start
    refused
    rt delete "$ID"
    refused
    rt kill "$ID" NOSUCHSIGNAL
    refused
    rt state "$ID"
    equal "$output" "$before"
    equal "$(tr '\0' ' ' <"/proc/$(pid_of)/cmdline")" 'sleep 1000 '
}

# A capability that cannot be granted is the warning that the specification demands; runc 1.1.5 and
# crun 1.8.1 fail in capset(2).
@test "runtime.md#warnings: an operation that warns goes on" {
    edit '.process.capabilities |= map_values(. + ["CAP_KILL"])'
    script 'hostname; exit 7'
    with setpriv --bounding-set -kill --inh-caps -kill -- run --bundle "$BUNDLE" "$ID"
    equal "$status" 7
    equal "$output" conformance
}

@test "runtime-linux.md#file-descriptors: descriptors MAY be passed on when the caller says so" {
    echo passed >"$T/passed"
    script 'cat <&3; ls /proc/self/fd'
    call "$T/out" "$T/err" sh -c 'exec 3<"$1"; shift; exec "$@"' sh "$T/passed" \
        "$RUNTIME" "${GLOBAL[@]}" --root "$ROOT" run --preserve-fds 1 --bundle "$BUNDLE" "$ID"
    ok
    equal "$(tr '\n' ' ' <<<"$output")" 'passed 0 1 2 3 4 '
}
