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

# holding WORD…: the same with something in its hands: helpers/src/holder.c.
holding() {
    cp "$(compiled "$CONFORMANCE/helpers/src/holder.c")" "$BUNDLE/rootfs/bin/holder"
    args holder "$@"
    launched
    within 5 test -s "$BUNDLE/rootfs/tmp/n"
}

# The file is empty for a moment each time.
count() {
    local n='' try
    for try in 1 2 3 4 5; do
        n=$(cat "$BUNDLE/rootfs/tmp/n")
        [ -z "$n" ] || break
        sleep "0.0$try"
    done
    echo "$n"
}

# counting, on a terminal, where it also says the number.
counting_on_terminal() {
    edit '.process.terminal = true'
    script 'n=0; while :; do n=$((n + 1)); echo $n >/tmp/n; echo said $n; sleep 0.05; done'
    background "$(helper receive-fd.py)" "$T/console" "$T/report"
    within 5 test -S "$T/console"
    launched --console-socket "$T/console"
    within 5 grep -q said "$T/report.text"
}

counts_on() {
    local before
    before=$(count)
    within 5 more_than "${before:-0}"
}

more_than() { [ "$(count)" -gt "$1" ] 2>/dev/null; }

# restored [FLAG…]: in the background.
restored() {
    call "$T/restored.out" "$T/restored.err" "$RUNTIME" "${GLOBAL[@]}" --root "$ROOT" \
        restore -d --bundle "$BUNDLE" --image-path "$T/images" --work-path "$T/criu" "$@" "$ID"
    errors=$(cat "$T/restored.err")
}

checkpointed() { rt checkpoint --image-path "$T/images" --work-path "$T/criu" "$@" "$ID"; }

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
    within 5 more_than "$last"
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

# feature NAME WHAT: as CRIU says it of this kernel.
feature() {
    criu check --feature "$1" >/dev/null 2>&1 || not_here "CRIU says that this kernel has no $2"
}

@test "checkpoint: --pre-dump, then the rest by --parent-path" {
    feature mem_dirty_track 'record of changed memory'
    holding memory
    rt checkpoint --pre-dump --image-path "$T/before" "$ID"
    ok
    equal "$(status_of)" running
    counts_on
    # What is the same is not there twice; and then each page is there once.
    checkpointed --parent-path ../before --auto-dedup
    ok
    [ "$(du -k "$T"/before/pages-*.img | awk '{ n += $1 } END { print n }')" -gt 8000 ]
    [ "$(du -k "$T"/images/pages-*.img | awk '{ n += $1 } END { print n }')" -lt 8000 ]
    restored --auto-dedup
    ok
    counts_on
}

# a_port: one that nobody listens at.
a_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

@test "checkpoint: --page-server: memory goes elsewhere" {
    local port
    port=$(a_port)
    mkdir "$T/pages"
    background criu page-server -D "$T/pages" --address 127.0.0.1 --port "$port" -v2 -o log
    within 10 grep -qs listen "$T/pages/log" || sleep 1
    holding memory
    checkpointed --page-server "127.0.0.1:$port"
    ok
    within 10 gone "${KNOWN[-1]}"
    [ ! -e "$T/images/pages-1.img" ]
    cp "$T"/pages/pages-*.img "$T"/pages/pagemap-*.img "$T/images/"
    restored
    ok
    counts_on
}

@test "checkpoint: --lazy-pages and --status-fd: memory follows when it is needed" {
    feature uffd-noncoop 'userfaultfd as it needs it'
    local port original=$ID
    port=$(a_port)
    holding memory
    mkfifo "$T/status"
    (
        exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&-
        exec 9<>"$T/status"
        exec "$RUNTIME" "${GLOBAL[@]}" --root "$ROOT" checkpoint --image-path "$T/images" \
            --work-path "$T/criu" --lazy-pages --page-server "127.0.0.1:$port" --status-fd 9 "$ID"
    ) </dev/null >"$T/lazy.out" 2>"$T/lazy.err" &
    KNOWN+=("$!")
    local checkpoint=$!
    # One byte, which is zero.
    equal "$(timeout "$LIMIT" head -c 1 "$T/status" | od -An -tx1 | tr -d ' ')" 00
    is_alive "$checkpoint"
    background criu lazy-pages --page-server --address 127.0.0.1 --port "$port" -D "$T/images" -W "$T/criu" -v2 -o lazy.log
    within 10 test -S "$T/criu/lazy-pages.socket"
    # The one that it was is there until all of its memory has been fetched.
    ID=$original-again
    restored --lazy-pages
    # The page server is CRIU's alone: it has no part of ours any more.
    ! grep -q 'page-pipe: splice: -1: Bad file descriptor' "$T/lazy.err" \
        || not_here "CRIU's server of pages fails with this kernel"
    ok
    counts_on
    within "$LIMIT" gone "$checkpoint"
    equal "$(cat "$T/lazy.err")" ''
    equal "$(status_of)" running
    rt state "$original"
    refused
    counts_on
}

@test "checkpoint: --tcp-established: a connection is there afterwards, and without it nothing is done" {
    edit '.process.capabilities |= map_values(. + ["CAP_NET_ADMIN"])'
    cp "$(compiled "$CONFORMANCE/helpers/src/holder.c")" "$BUNDLE/rootfs/bin/holder"
    script 'ip link set lo up; exec holder tcp'
    launched
    within 5 test -s "$BUNDLE/rootfs/tmp/n"
    checkpointed
    refused
    equal "$(status_of)" running
    counts_on
    rm -rf "$T/images"
    checkpointed --tcp-established --tcp-skip-in-flight
    # SO_PASSCRED of a TCP socket, which newer kernels do not tell.
    [[ $errors != *"Can't get 1:16 opt: Operation not supported"* ]] || not_here 'CRIU does not know the sockets of this kernel'
    ok
    restored --tcp-established
    ok
    counts_on
}

@test "checkpoint: --shell-job: with a terminal" {
    counting_on_terminal
    checkpointed --shell-job
    ok
    background "$(helper receive-fd.py)" "$T/second" "$T/report2"
    within 5 test -S "$T/second"
    restored --shell-job --console-socket "$T/second"
    ok
    counts_on
    within 5 grep -q said "$T/report2.text"
}

@test "checkpoint: --file-locks: what was locked is locked, and without it nothing is done" {
    holding lock /tmp/lock
    checkpointed
    refused
    counts_on
    rm -rf "$T/images"
    checkpointed --file-locks
    ok
    restored --file-locks
    ok
    counts_on
    rt exec "$ID" flock -n /tmp/lock true
    [ "$status" -ne 0 ]
}

@test "checkpoint: --ext-unix-sk: a socket of the host's is connected again" {
    # CRIU sees sockets of its own network namespace, and connects by the name that they have there.
    namespaces pid ipc uts mount
    mkdir "$T/outside"
    add_mount "$T/outside" none "$T/outside" bind
    background "$(helper listen-datagrams.py)" "$T/outside/socket" "$T/datagrams"
    within 5 test -S "$T/outside/socket"
    holding unix "$T/outside/socket"
    checkpointed --ext-unix-sk
    ok
    restored --ext-unix-sk
    ok
    counts_on
    within 5 grep -qx "$(count)" "$T/datagrams"
}

@test "checkpoint: --link-remap: a file whose name is gone, and that has another" {
    holding removed /tmp/gone /tmp/other
    checkpointed
    refused
    counts_on
    rm -rf "$T/images"
    checkpointed --link-remap
    ok
    restored
    ok
    counts_on
    grep -qx "$(count)" "$BUNDLE/rootfs/tmp/other"
}

@test "checkpoint: --empty-ns network: it is left to others what is in there" {
    counting
    checkpointed --empty-ns network
    ok
    restored --empty-ns network --no-subreaper --no-pivot
    ok
    counts_on
    differ "$(readlink "/proc/$(pid_of)/ns/net")" "$(readlink /proc/self/ns/net)"
}

@test "checkpoint: --manage-cgroups-mode: whatever CRIU does, it is in its cgroups again" {
    with_cgroups
    counting
    local before mode modes=(ignore)
    # With both versions CRIU takes cgroups of the host's for the container's.
    [ ! -e /sys/fs/cgroup/cgroup.controllers ] || modes+=(full)
    before=$(cat "/proc/$(pid_of)/cgroup")
    for mode in "${modes[@]}"; do
        checkpointed --manage-cgroups-mode "$mode"
        ok
        restored --manage-cgroups-mode "$mode"
        ok
        counts_on
        equal "$(cat "/proc/$(pid_of)/cgroup")" "$before"
        rm -rf "$T/images"
    done
    checkpointed --manage-cgroups-mode none
    refused
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

# A shell keeps its output at another number until then.
@test "checkpoint: output that goes to another file for the moment comes back" {
    script 'n=0; while [ ! -e /tmp/back ]; do n=$((n + 1)); echo $n >/tmp/n; echo $n; sleep 0.05; done >/tmp/elsewhere
echo here again; sleep 1000'
    launched
    within 5 test -s "$BUNDLE/rootfs/tmp/elsewhere"
    checkpointed
    ok
    restored
    ok
    counts_on
    touch "$BUNDLE/rootfs/tmp/back"
    within 5 grep -q '^here again$' "$T/restored.out"
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
    counting_on_terminal
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

# restored_at_length: in the foreground; what is restored has come to its end before it is looked at.
restored_at_length() {
    with strace -qq -o "$T/strace" -e trace=pidfd_open -e inject=pidfd_open:delay_enter=1500ms -- \
        restore --bundle "$BUNDLE" --image-path "$T/images" --work-path "$T/criu" "$ID"
}

# confinement: what the container's process may do, and has open.
confinement() {
    grep -E '^(Uid|Gid|Groups|Cap...|NoNewPrivs|Seccomp(_filters)?):' "/proc/$(pid_of)/status"
    find "/proc/$(pid_of)/fd" -printf '%P\n' | sort
    cat "/proc/$(pid_of)/limits"
}

@test "restore: its process may do what it could before, and has nothing open besides" {
    # CRIU asks for another user's limits with CAP_SYS_RESOURCE.
    local uid=1000
    (( 0x$(awk '/^CapEff/ { print $2 }' /proc/self/status) >> 24 & 1 )) || uid=0
    edit '.process.user = {uid: $uid, gid: $uid, additionalGids: [7]} | .process.rlimits = [{type: "RLIMIT_NOFILE", soft: 100, hard: 200}]
        | .linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["chroot"], action: "SCMP_ACT_ERRNO"}]}' \
        --argjson uid "$uid"
    chmod 777 "$BUNDLE/rootfs/tmp"
    counting
    local before
    before=$(confinement)
    checkpointed
    ok
    restored
    ok
    counts_on
    diff <(echo "$before") <(confinement) || say 'it is not confined as before'
}

@test "restore: in the foreground, the exit code is the program's" {
    script 'n=0; while [ ! -e /tmp/end ]; do n=$((n + 1)); echo $n >/tmp/n; sleep 0.05; done; exit 23'
    launched
    within 5 test -s "$BUNDLE/rootfs/tmp/n"
    checkpointed
    ok
    touch "$BUNDLE/rootfs/tmp/end"
    restored_at_length
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
