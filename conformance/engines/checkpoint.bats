#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# `checkpoint` and `restore`, as engines call them. CRIU does it, and cannot on every kernel: first it
# has to do it alone, without any runtime.

load ../helpers
load ../helpers/criu

setup_file() { criu_probe; }

also_setup() { [ -z "$CRIU_REFUSES" ] || not_here "$CRIU_REFUSES"; }

# counting: a container that counts into a file, and sleeps in between.
counting() {
    script 'n=0; while :; do n=$((n + 1)); echo $n >/tmp/n; sleep 0.05; done'
    launched "$@"
    within 5 test -s "$BUNDLE/rootfs/tmp/n"
    sleep 0.3
}

count() { cat "$BUNDLE/rootfs/tmp/n"; }

counts_on() {
    local before
    before=$(count)
    within 5 more_than "${before:-0}"
}

more_than() { [ "$(count)" -gt "$1" ] 2>/dev/null; }

# restored [FLAG…]: in the background.
restored() {
    call "$T/restored.out" "$T/restored.err" "$RUNTIME" "${GLOBAL[@]}" --root "$ROOT" \
        restore -d --bundle "$BUNDLE" --image-path "$T/images" --work-path "$T/work" "$@" "$ID"
    errors=$(cat "$T/restored.err")
}

checkpointed() { rt checkpoint --image-path "$T/images" --work-path "$T/work" "$@" "$ID"; }

@test "checkpoint: a counting process goes on counting" {
    counting
    checkpointed
    ok
    # It is gone, and so is the container.
    rt state "$ID"
    refused
    local last
    last=$(count)
    sleep 0.3
    equal "$(count)" "$last"
    restored --pid-file "$T/pid"
    ok
    counts_on
    [ "$(count)" -gt "$last" ]
    equal "$(status_of)" running
    equal "$(cat "$T/pid")" "$(pid_of)"
    equal "$(readlink "/proc/$(pid_of)/exe")" /bin/busybox
}

@test "checkpoint: --leave-running leaves it running" {
    counting
    checkpointed --leave-running
    ok
    equal "$(status_of)" running
    counts_on
}

@test "checkpoint: --pre-dump, then the rest by --parent-path" {
    criu check --feature mem_dirty_track >/dev/null 2>&1 || not_here 'CRIU says that this kernel does not track changed memory'
    counting
    rt checkpoint --pre-dump --image-path "$T/before" "$ID"
    ok
    equal "$(status_of)" running
    counts_on
    checkpointed --parent-path ../before
    ok
    restored
    ok
    counts_on
}

@test "checkpoint: what was restored can be entered, stopped, and checkpointed again" {
    counting
    checkpointed
    ok
    restored
    ok
    rt exec "$ID" sh -c 'hostname; id -u'
    ok
    equal "$output" $'conformance\n0'
    rm -r "$T/images"
    checkpointed
    ok
    restored
    ok
    counts_on
    end_container
    rt delete "$ID"
    ok
    nothing_left
}

@test "checkpoint: the container is in its cgroups again" {
    with_cgroups
    edit '.linux.resources = {pids: {limit: 40}}'
    counting
    local before
    before=$(cat "/proc/$(pid_of)/cgroup")
    checkpointed
    ok
    equal "$(cgroups_left)" ''
    restored
    ok
    equal "$(cat "/proc/$(pid_of)/cgroup")" "$before"
    rt ps -f json "$ID"
    [ "$(jq length <<<"$output")" -ge 1 ]
}

@test "checkpoint: a terminal comes back, by --console-socket" {
    edit '.process.terminal = true'
    script 'n=0; while :; do n=$((n + 1)); echo $n >/tmp/n; echo said $n; sleep 0.05; done'
    background "$(helper receive-fd.py)" "$T/console" "$T/report"
    within 5 test -S "$T/console"
    launched --console-socket "$T/console"
    within 5 grep -q said "$T/report.text"
    checkpointed
    ok
    restored
    refused
    background "$(helper receive-fd.py)" "$T/second" "$T/report2"
    within 5 test -S "$T/second"
    restored --console-socket "$T/second"
    ok
    counts_on
    equal "$(jq -c '[.count, .terminal]' "$T/report2")" '[1,true]'
    within 5 grep -q said "$T/report2.text"
}

@test "checkpoint: bind mounts and masked paths are as before" {
    mkdir "$T/volume"
    echo kept >"$T/volume/file"
    add_mount /volume none "$T/volume" bind
    edit '.linux.maskedPaths = ["/proc/kcore", "/proc/keys", "/sys/firmware"] | .linux.readonlyPaths = ["/proc/sys"]'
    counting
    checkpointed
    ok
    restored
    ok
    counts_on
    rt exec "$ID" sh -c 'cat /volume/file; cat /proc/keys; echo x >/proc/sys/kernel/hostname'
    equal "$output" kept
}

@test "restore: in the foreground, the exit code is the program's" {
    script 'n=0; while [ ! -e /tmp/end ]; do n=$((n + 1)); echo $n >/tmp/n; sleep 0.05; done; exit 23'
    launched
    within 5 test -s "$BUNDLE/rootfs/tmp/n"
    checkpointed
    ok
    touch "$BUNDLE/rootfs/tmp/end"
    rt restore --bundle "$BUNDLE" --image-path "$T/images" --work-path "$T/work" "$ID"
    equal "$status" 23
    nothing_left
}

@test "checkpoint: of a container that does not run is an error" {
    create
    ok
    checkpointed
    refused
    has "$errors" 'cannot be checkpointed in created state'
    equal "$(status_of)" created
}

@test "checkpoint: one that fails leaves the container running, and says where the log is" {
    counting
    # A directory that cannot hold anything.
    host_mount "$T/full" -t tmpfs -o size=4k,nr_inodes=3 tmpfs
    rt checkpoint --image-path "$T/full" "$ID"
    refused
    has "$errors" criu
    equal "$(status_of)" running
    counts_on
}

@test "restore: without images, or into an id in use, is an error that leaves nothing" {
    mkdir "$T/images"
    restored
    refused
    nothing_left
    counting
    checkpointed --leave-running
    ok
    restored
    refused
    has "$errors" exist
    equal "$(status_of)" running
    counts_on
}

@test "restore: images that are damaged leave nothing" {
    counting
    checkpointed
    ok
    truncate -s 10 "$T"/images/core-*.img
    restored
    refused
    has "$errors" restore.log
    nothing_left
}

@test "checkpoint: a cgroup namespace begins at the container's cgroup again" {
    with_cgroups
    edit '.linux.namespaces += [{type: "cgroup"}]'
    counting
    checkpointed
    ok
    restored
    ok
    counts_on
    differ "$(readlink "/proc/$(pid_of)/ns/cgroup")" "$(readlink /proc/self/ns/cgroup)"
    rt exec "$ID" sed -n 's/^0:://p' /proc/self/cgroup
    ok
    equal "$output" /
}
