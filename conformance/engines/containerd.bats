#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# containerd with the shim of this repository, and the runtime under test behind it: what ctr does,
# what happens when one of the three dies, and what a shim is told that makes no sense.

load ../helpers
load ../helpers/containerd
load ../helpers/criu

setup_file() {
    criu_probe
    containerd_up
}

teardown_file() { containerd_down; }

also_setup() {
    containerd_is_up
    # Where this containerd's containers have their state, so that what is left is seen.
    ROOT=$CD/runtime/$NAMESPACE
    CLEAN=("$ID")
    # Started by setup_file: they are to stay.
    KNOWN=()
}

# One more id that ends with the test.
also() {
    CLEAN+=("$1")
    printf '%s' "$1"
}

eval "$(declare -f teardown | sed '1s/teardown/common_teardown/')"

teardown() {
    local id
    for id in "${CLEAN[@]}"; do task_gone "$id"; done
    common_teardown
}

# ---------------------------------------------------------------------------------------------
# What people do

@test "run: output, errors and the exit code come through" {
    ct_run --rm -- "$ID" sh -c 'echo out; echo err >&2; exit 7'
    equal "$status" 7
    equal "$output" out
    has "$errors" err
}

@test "run: all of a large output comes through, and what was written last" {
    ct_run --rm -- "$ID" sh -c 'seq 200000; echo last'
    ok
    equal "$(wc -l <"$T/out")" 200001
    equal "$(tail -n 1 "$T/out")" last
}

@test "run -d: it runs; kill, the exit code, rm" {
    ct_run -d -- "$ID" sleep 1000
    ok
    equal "$(task_state "$ID")" RUNNING
    ct task kill -s KILL "$ID"
    ok
    within 5 is_task "$ID" STOPPED
    ct task rm "$ID"
    has "$errors$output" 137
    equal "$(task_state "$ID")" ''
    within 5 test -z "$(shim_of "$ID")"
}

@test "run: the image's layers are mounted, and unmounted with the task" {
    ct_run -d -- "$ID" sleep 1000
    ok
    grep -q " $(bundle_of "$ID")/rootfs .* overlay " /proc/self/mountinfo
    ct task kill -s KILL "$ID"
    within 5 is_task "$ID" STOPPED
    ct task rm "$ID"
    run grep -c " $(bundle_of "$ID")/rootfs " /proc/self/mountinfo
    equal "$output" 0
}

@test "run -t: the program has a terminal, of the caller's size" {
    call "$T/out" "$T/err" "$(helper in-terminal.py)" --size 33x77 \
        ctr -a "$CD/sock" -n "$NAMESPACE" run --rm -t --runtime "$TYPE" \
        --runtime-config-path "$CD/options.json" docker.io/library/busybox:1 "$ID" \
        sh -c 'sleep 0.5; test -t 0 && test -t 1 && stty size; exit 5'
    equal "$status" 5
    has "$output" '33 77'
}

@test "exec: output, exit code, standard input" {
    ct_run -d -- "$ID" sleep 1000
    ok
    ct task exec --exec-id one "$ID" sh -c 'echo out; echo err >&2; exit 9'
    equal "$status" 9
    equal "$output" out
    has "$errors" err
    INPUT=$T/in
    seq 100000 >"$INPUT"
    ct task exec --exec-id two "$ID" sh -c 'wc -l; echo end'
    ok
    equal "$output" "$(printf '100000\nend')"
}

@test "exec -t: it has a terminal" {
    ct_run -d -- "$ID" sleep 1000
    call "$T/out" "$T/err" "$(helper in-terminal.py)" \
        ctr -a "$CD/sock" -n "$NAMESPACE" task exec -t --exec-id one "$ID" sh -c 'tty; exit 3'
    equal "$status" 3
    has "$output" /dev/pts/
}

@test "exec: what is not there is an error with its name, and the container goes on" {
    ct_run -d -- "$ID" sleep 1000
    ct task exec --exec-id one "$ID" /no/such/program
    refused
    has "$errors" /no/such/program
    equal "$(task_state "$ID")" RUNNING
}

@test "attach: output comes, and the exit code" {
    ct_run -d -- "$ID" sh -c 'while [ ! -e /go ]; do sleep 0.1; done; echo here; exit 4'
    ok
    (
        exec 3>&- 4>&-
        sleep 1
        touch "/proc/$(ctr_ task ls | awk -v id="$ID" '$1 == id { print $2 }')/root/go"
    ) &
    ct task attach "$ID"
    equal "$status" 4
    has "$output" here
}

@test "pause and resume: everything stands still, and goes on" {
    ct_run -d -- "$ID" sh -c 'while :; do echo x >>/x; sleep 0.02; done'
    local root before
    root=/proc/$(ctr_ task ls | awk -v id="$ID" '$1 == id { print $2 }')/root
    within 5 test -s "$root/x"
    ct task pause "$ID"
    ok
    equal "$(task_state "$ID")" PAUSED
    before=$(wc -l <"$root/x")
    sleep 0.3
    equal "$(wc -l <"$root/x")" "$before"
    ct task resume "$ID"
    ok
    equal "$(task_state "$ID")" RUNNING
    within 5 test "$(wc -l <"$root/x")" -gt "$before"
}

@test "ps: the processes, and which exec they are" {
    ct_run -d -- "$ID" sleep 1000
    background timeout 60 ctr -a "$CD/sock" -n "$NAMESPACE" task exec --exec-id mine "$ID" sleep 1000
    within 5 exec_shows mine
    ct task kill -s KILL --exec-id mine "$ID"
    ok
}

exec_shows() { ctr_ task ps "$ID" | grep -q "$1"; }

@test "metrics: memory, processor time and processes are counted" {
    ct_run -d -- "$ID" sh -c 'sleep 1000 & sleep 1000'
    ct task metrics --format json "$ID"
    ok
    if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
        [ "$(jq .memory.usage <<<"$output")" -gt 4096 ]
        [ "$(jq .cpu.usage_usec <<<"$output")" -gt 0 ]
    else
        [ "$(jq .memory.usage.usage <<<"$output")" -gt 4096 ]
        [ "$(jq .cpu.usage.total <<<"$output")" -gt 0 ]
    fi
    [ "$(jq .pids.current <<<"$output")" -ge 2 ]
}

# On a machine with both versions memory is v1's.
counts_memory() {
    [ -e /sys/fs/cgroup/memory ] || grep -qsw memory /sys/fs/cgroup/cgroup.controllers \
        || not_here 'cgroups that count memory'
}

@test "update: limits change while it runs" {
    counts_memory
    ct_run -d -- "$ID" sleep 1000
    shim_call "$ID" Update "1=$ID" '2(1=x,2={"memory":{"limit":33554432}})'
    ok
    ct task metrics --format json "$ID"
    if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
        equal "$(jq .memory.usage_limit <<<"$output")" 33554432
    else
        equal "$(jq .memory.usage.limit <<<"$output")" 33554432
    fi
}

@test "checkpoint and restore: a counting process goes on counting" {
    [ -z "$CRIU_REFUSES" ] || not_here "$CRIU_REFUSES"
    # shellcheck disable=SC2016 # for the container's shell
    ct_run -d -- "$ID" sh -c 'n=0; while :; do n=$((n + 1)); echo $n >/n; sleep 0.05; done'
    within 5 test -s "$(root_of "$ID")/n"
    ct container checkpoint --rw --image --task "$ID" "image-$ID"
    ok
    local before
    before=$(cat "$(root_of "$ID")/n")
    task_gone "$ID"
    ct container restore --rw --live "$ID" "image-$ID"
    ok
    equal "$(task_state "$ID")" RUNNING
    [ "$(cat "$(root_of "$ID")/n")" -ge 2 ]
    within 5 counts_beyond "$before"
    ct task exec --exec-id one "$ID" echo here
    equal "$output" here
    ctr_ image rm "image-$ID"
}

root_of() { echo "/proc/$(ctr_ task ls | awk -v id="$1" '$1 == id { print $2 }')/root"; }

counts_beyond() { [ "$(cat "$(root_of "$ID")/n")" -gt "$1" ]; }

@test "a container without a pid namespace of its own ends with all its processes" {
    ct_run -d --with-ns "pid:/proc/$$/ns/pid" -- "$ID" sh -c 'sleep 1234567 & sleep 0.5'
    ok
    within 5 is_task "$ID" STOPPED
    within 5 nobody_sleeps
}

nobody_sleeps() { ! grep -lsaxz 1234567 /proc/[0-9]*/cmdline; }

# ---------------------------------------------------------------------------------------------
# Where output goes

@test "output: into a file" {
    ct_run -d --log-uri "file://$T/logs/deep/out" -- "$ID" sh -c 'echo one; echo two >&2'
    ok
    within 5 is_task "$ID" STOPPED
    equal "$(sort "$T/logs/deep/out")" "$(printf 'one\ntwo')"
}

@test "output: to a program, which is told whose it is and ends with the output" {
    logger binary
    ct_run -d --log-uri "binary://$T/logger?first=1&second=a%20b" -- "$ID" sh -c 'echo one; echo two >&2'
    ok
    within 5 grep -q two "$T/err.log"
    equal "$(cat "$T/out.log")" one
    equal "$(cat "$T/told")" "$ID $NAMESPACE first 1 second a b"
    within 5 is_task "$ID" STOPPED
    ct task rm "$ID"
    within 5 test -e "$T/ended"
}

@test "output: a program that says nothing is ready for binary, and not for binary-v2" {
    printf '#!/bin/sh\nexit 0\n' >"$T/logger"
    chmod +x "$T/logger"
    ct_run -d --log-uri "binary-v2://$T/logger" -- "$ID" echo lost
    refused
    has "$errors" 'logging program'
}

@test "output: a program that is not there is an error" {
    ct_run -d --log-uri "binary:///no/such/logger" -- "$ID" echo lost
    refused
    nothing_left
}

logger() {
    cat >"$T/logger" <<SH
#!/bin/sh
echo "\$CONTAINER_ID \$CONTAINER_NAMESPACE \$*" >$T/told
cat <&4 >$T/err.log &
printf x >&5
exec 5>&-
cat <&3 >$T/out.log
wait
: >$T/ended
SH
    chmod +x "$T/logger"
}

@test "output: nobody reads it, and the container's end is told all the same" {
    ct_run -d -- "$ID" sh -c 'echo unread; exit 3'
    ok
    within 5 is_task "$ID" STOPPED
    ct task rm "$ID"
    has "$errors$output" 3
}

# alone METHOD FIELD…: one call of a shim that was started by alone_create.
alone() { call "$T/out" "$T/err" "$(helper shim-client.py)" call "$ADDRESS" "$@"; }

# alone_create [FIELD…]: $BUNDLE as $ID by a shim without a containerd, with the fifo $T/stdout.
alone_create() {
    [ -p "$T/stdout" ] || mkfifo "$T/stdout"
    shim -namespace "$NAMESPACE" -address "$CD/sock" -id "$ID" start
    ok
    ADDRESS=${output#unix://}
    alone Create "1=$ID" "2=$BUNDLE" "6=$T/stdout" "$@" \
        "10(1=containerd.runc.v1.Options,2(6=$RUNTIME,7=$CD/runtime))"
    matches "$output" '^0 '
}

alone_ended() {
    alone Delete "1=$ID"
    matches "$output" '^0 '
    alone Shutdown "1=$ID"
    within 5 test ! -e "$ADDRESS"
}

@test "output: a reader that comes after the program's end has all of it" {
    args sh -c 'echo first; echo last'
    alone_create
    alone Start "1=$ID"
    alone Wait "1=$ID"
    matches "$output" '^0 '
    sleep 0.5
    timeout 5 cat "$T/stdout" >"$T/read"
    equal "$(cat "$T/read")" $'first\nlast'
    alone_ended
}

@test "output: the end is told half a second later when a reader has not read yet, who loses nothing" {
    args sh -c 'echo all'
    mkfifo "$T/stdout"
    # shellcheck disable=SC2016 # for the script
    background sh -c 'exec <"$1/stdout"; sleep 2; cat >"$1/read"' - "$T"
    alone_create
    local before
    before=$(date +%s%3N)
    alone Start "1=$ID"
    alone Wait "1=$ID"
    [ $(($(date +%s%3N) - before)) -ge 500 ]
    within 20 test -s "$T/read"
    alone_ended
}

@test "all 17 methods are there in version 2 and in version 3, and no others" {
    local version method
    args sleep 1000
    alone_create
    for version in v2 v3; do
        export SERVICE=containerd.task.$version.Task
        for method in State Create Start Delete Pids Pause Resume Checkpoint Kill Exec ResizePty CloseIO Update \
            Wait Stats; do
            alone "$method" 1=nobody
            matches "$output" '^(3|5|2) '
        done
        alone Connect "1=$ID"
        matches "$output" '^0 '
        # With a container it goes on.
        alone Shutdown "1=$ID"
        matches "$output" '^0 '
        alone State "1=$ID"
        matches "$output" '^0 '
        alone Nothing "1=$ID"
        matches "$output" '^12 '
    done
    SERVICE=containerd.task.v4.Task alone State "1=$ID"
    matches "$output" '^12 '
    unset SERVICE
    alone_ended
}

@test "rootfs: a file system in a file is mounted by a loop device, which goes with it" {
    [ -e /dev/loop-control ] && losetup --find >/dev/null 2>&1 || not_here 'no loop devices'
    command -v mke2fs >/dev/null || not_here 'no mke2fs'
    args sh -c 'cat /told'
    echo 'from the file' >"$BUNDLE/rootfs/told"
    mke2fs -q -t ext4 -d "$BUNDLE/rootfs" "$T/image" 16M
    rm "$BUNDLE/rootfs/told"
    alone_create "3(1=ext4,2=$T/image,4=loop,4=ro)"
    has "$(losetup --list --noheadings --output BACK-FILE,AUTOCLEAR,RO)" "$T/image"
    alone Start "1=$ID"
    timeout 10 cat "$T/stdout" >"$T/read"
    equal "$(cat "$T/read")" 'from the file'
    alone_ended
    lacks "$(losetup --list --noheadings --output BACK-FILE)" "$T/image"
}

# ---------------------------------------------------------------------------------------------
# Events

@test "events: create, start, exit, delete, in this order, of a program that ends at once" {
    events_of() { grep -ao '/tasks/[a-z-]*' "$T/background.out" | tr '\n' ' '; }
    background timeout 60 ctr -a "$CD/sock" -n "$NAMESPACE" events
    sleep 0.3
    local number
    for number in 1 2 3 4 5; do
        : >"$T/background.out"
        ct_run --rm -- "$(also "$ID-$number")" true
        ok
        within 5 grep -qa /tasks/delete "$T/background.out"
        equal "$(events_of)" '/tasks/create /tasks/start /tasks/exit /tasks/delete '
    done
}

@test "events: an exec's exit is told before its container's" {
    background timeout 60 ctr -a "$CD/sock" -n "$NAMESPACE" events
    ct_run -d -- "$ID" sleep 1000
    (
        exec 3>&- 4>&-
        timeout 20 ctr -a "$CD/sock" -n "$NAMESPACE" task exec --exec-id one "$ID" sleep 1000
    ) >/dev/null 2>&1 &
    within 5 grep -qa /tasks/exec-started "$T/background.out"
    ct task kill -s KILL "$ID"
    within 5 is_task "$ID" STOPPED
    within 5 two_exits
    equal "$(grep -ao '"id":"[^"]*","pid":[0-9]*,"exit_status":[0-9]*' "$T/background.out" \
        | cut -d'"' -f4 | tr '\n' ' ')" "one $ID "
}

two_exits() { [ "$(grep -ca /tasks/exit "$T/background.out")" -eq 2 ]; }

@test "events: a container that was killed for memory says so, before its exit" {
    counts_memory
    background timeout 60 ctr -a "$CD/sock" -n "$NAMESPACE" events
    ct_run -d --memory-limit 16777216 -- "$ID" sh -c 'sleep 0.3; exec tail /dev/zero'
    ok
    within 10 is_task "$ID" STOPPED
    within 5 grep -qa /tasks/exit "$T/background.out"
    equal "$(grep -ao '/tasks/[a-z-]*' "$T/background.out" | uniq | tr '\n' ' ')" \
        '/tasks/create /tasks/start /tasks/oom /tasks/exit '
}

# ---------------------------------------------------------------------------------------------
# When one of them dies

@test "containerd killed and started again: the container runs on, and obeys" {
    ct_run -d -- "$ID" sh -c 'while :; do echo x >>/x; sleep 0.02; done'
    local pid
    pid=$(ctr_ task ls | awk -v id="$ID" '$1 == id { print $2 }')
    containerd_kill
    sleep 0.3
    is_alive "$pid"
    containerd_start
    equal "$(task_state "$ID")" RUNNING
    equal "$(ctr_ task ls | awk -v id="$ID" '$1 == id { print $2 }')" "$pid"
    ct task exec --exec-id one "$ID" echo still
    ok
    equal "$output" still
    ct task pause "$ID"
    ok
    ct task resume "$ID"
    ok
    ct task kill -s KILL "$ID"
    ok
    within 5 is_task "$ID" STOPPED
}

@test "containerd killed: a container that ends meanwhile has its exit code when it is back" {
    ct_run -d -- "$ID" sh -c 'while [ ! -e /go ]; do sleep 0.05; done; exit 42'
    local pid
    pid=$(ctr_ task ls | awk -v id="$ID" '$1 == id { print $2 }')
    containerd_kill
    touch "/proc/$pid/root/go"
    within 5 gone "$pid"
    containerd_start
    background timeout 60 ctr -a "$CD/sock" -n "$NAMESPACE" events
    within 5 is_task "$ID" STOPPED
    # Told late, but told.
    within 20 grep -qa '"exit_status":42' "$T/background.out"
    ct task rm "$ID"
    has "$errors$output" 42
}

@test "the shim killed: containerd says so, and nothing of the container is left" {
    ct_run -d -- "$ID" sleep 1000
    local pid
    pid=$(ctr_ task ls | awk -v id="$ID" '$1 == id { print $2 }')
    background timeout 60 ctr -a "$CD/sock" -n "$NAMESPACE" events
    sleep 0.3
    kill -KILL "$(shim_of "$ID")"
    within 10 gone "$pid"
    within 10 grep -qa /tasks/delete "$T/background.out"
    has "$(cat "$T/background.out")" '"exit_status":137'
    within 5 is_task "$ID" ''
}

@test "the shim killed after the container's end: the exit code is the true one" {
    ct_run -d -- "$ID" sh -c 'exit 42'
    within 5 is_task "$ID" STOPPED
    background timeout 60 ctr -a "$CD/sock" -n "$NAMESPACE" events
    sleep 0.3
    kill -KILL "$(shim_of "$ID")"
    within 10 grep -qa /tasks/delete "$T/background.out"
    has "$(cat "$T/background.out")" '"exit_status":42'
}

@test "SIGTERM to the shim is passed over while it has a container" {
    ct_run -d -- "$ID" sleep 1000
    kill -TERM "$(shim_of "$ID")"
    ct task exec --exec-id one "$ID" echo here
    ok
    equal "$output" here
}

# ---------------------------------------------------------------------------------------------
# Several containers, one shim

@test "containers of one group have one shim, which ends with the last of them" {
    local other group=io.containerd.runc.v2.group=$ID
    other=$(also "$ID-2")
    ct_run -d --annotation "$group" -- "$ID" sleep 1000
    ok
    ct_run -d --annotation "$group" -- "$other" sleep 1000
    ok
    local shim
    shim=$(shim_of "$ID")
    differ "$shim" ''
    equal "$(shim_of "$other")" ''
    equal "$(cat "$(bundle_of "$ID")/address")" "$(cat "$(bundle_of "$other")/address")"
    task_gone "$ID"
    equal "$(task_state "$other")" RUNNING
    ct task exec --exec-id one "$other" echo here
    equal "$output" here
    task_gone "$other"
    within 5 gone "$shim"
}

# ---------------------------------------------------------------------------------------------
# The program itself

shim() {
    (
        cd "$BUNDLE" || exit 1
        call "$T/out" "$T/err" "$CD/bin/containerd-shim-martlet-v1" "$@"
        echo "$status" >"$T/status"
    )
    status=$(cat "$T/status")
    output=$(tr -d '\0' <"$T/out")
    errors=$(cat "$T/err")
}

@test "-v: the version" {
    shim -v
    ok
    matches "$output" 'containerd-shim-martlet-v1:.*Version:  [0-9]'
}

@test "-info: who it is, and the runtime's features" {
    "$CONFORMANCE/helpers/shim-client.py" message '1=runtimeoptions.v1.Options' \
        "2(2=$CD/options.json)" >"$T/options"
    INPUT=$T/options shim -info
    ok
    call "$T/out2" "$T/err" protoc --decode_raw <"$T/out"
    has "$(protoc --decode_raw <"$T/out")" '1: "io.containerd.martlet.v1"'
    if is_martlet; then has "$(protoc --decode_raw <"$T/out")" ociVersionMin; fi
}

@test "start: in the older form the address is the answer, in the newer one a message" {
    shim -namespace "$NAMESPACE" -address "$CD/sock" -id "$ID" start
    ok
    matches "$output" '^unix:///run/containerd/s/[0-9a-f]{64}$'
    equal "$(stat -c %a "${output#unix://}")" 600
    local address=$output
    call "$T/out" "$T/err" "$CONFORMANCE/helpers/shim-client.py" call "${address#unix://}" Shutdown "1=$ID"
    within 5 test ! -e "${address#unix://}"

    "$CONFORMANCE/helpers/shim-client.py" message "1=$ID" "2=$NAMESPACE" "6=$CD/sock" "9=$T/s" >"$T/parameters"
    INPUT=$T/parameters shim -namespace "$NAMESPACE" -address "$CD/sock" -id "$ID" start
    ok
    local decoded
    decoded=$(protoc --decode_raw <"$T/out")
    has "$decoded" '1: 3'
    has "$decoded" "2: \"unix://$T/s/"
    has "$decoded" '3: "ttrpc"'
    address=$(sed -n 's/^2: "unix:\/\/\(.*\)"$/\1/p' <<<"$decoded")
    # The same once more is the same shim.
    INPUT=$T/parameters shim -namespace "$NAMESPACE" -address "$CD/sock" -id "$ID" start
    has "$(protoc --decode_raw <"$T/out")" "$address"
    equal "$(shim_of "$ID" | wc -w)" 1
    call "$T/out" "$T/err" "$CONFORMANCE/helpers/shim-client.py" call "$address" Shutdown "1=$ID"
    within 5 test ! -e "$address"
}

@test "start: what cannot be is an error, and leaves nothing" {
    rm "$BUNDLE/config.json"
    shim -namespace "$NAMESPACE" -address "$CD/sock" -id "$ID" start
    refused
    echo '{' >"$BUNDLE/config.json"
    shim -namespace "$NAMESPACE" -address "$CD/sock" -id "$ID" start
    refused
    echo '{}' >"$BUNDLE/config.json"
    shim -namespace "$NAMESPACE" -address "$CD/sock" -id ../x start
    refused
    shim -address "$CD/sock" -id "$ID" start
    refused
    shim -namespace "$NAMESPACE" -id "$ID" halt
    refused
    shim -namespace "$NAMESPACE" -id "$ID" --nothing start
    refused
    printf '\xff\xff' >"$T/in"
    INPUT=$T/in shim -namespace "$NAMESPACE" -address "$CD/sock" -id "$ID" start
    refused
    "$CONFORMANCE/helpers/shim-client.py" message "1=$ID" "2=$NAMESPACE" \
        "9=$T/$(printf 'x%.0s' {1..100})" >"$T/in"
    INPUT=$T/in shim -namespace "$NAMESPACE" -address "$CD/sock" -id "$ID" start
    refused
    has "$errors" 'too long'
    equal "$(shim_of "$ID")" ''
}

@test "delete: of what was never there is a message all the same" {
    shim -namespace "$NAMESPACE" -address "$CD/sock" -id "$ID" delete
    ok
    has "$(protoc --decode_raw <"$T/out")" '2: 137'
}

# ---------------------------------------------------------------------------------------------
# What makes no sense

@test "frames that no client may send are answered with errors, and the next one is read" {
    ct_run -d -- "$ID" sleep 1000
    local address
    address=$(sed s,unix://,, "$(bundle_of "$ID")/address")
    call "$T/out" "$T/err" "$(helper shim-client.py)" frames "$address"
    ok
    has "$output" 'oversized: 8 '
    has "$output" 'after it: 0 '
    has "$output" 'even stream: 3 '
    has "$output" 'stream used before: 3 '
    has "$output" 'data: 3 '
    has "$output" 'open stream: 12 '
    has "$output" 'no request: 3 '
    has "$output" 'no service: 12 '
    has "$output" 'no method: 12 '
    has "$output" 'no message: 3 '
    has "$output" 'not UTF-8: 3 '
    has "$output" 'unknown kind passed over, then: 0 '
    ct task exec --exec-id one "$ID" echo here
    equal "$output" here
}

@test "garbage from many connections leaves the shim as it was" {
    ct_run -d -- "$ID" sleep 1000
    local address seed
    address=$(sed s,unix://,, "$(bundle_of "$ID")/address")
    for seed in 1 2 3 4 5; do
        call "$T/out" "$T/err" "$(helper shim-client.py)" garbage "$address" "$seed"
        ok
    done
    ct task exec --exec-id one "$ID" echo here
    equal "$output" here
}

@test "a client that reads no answer is held up, and others are served" {
    ct_run -d -- "$ID" sleep 1000
    local address shim before
    address=$(sed s,unix://,, "$(bundle_of "$ID")/address")
    shim=$(shim_of "$ID")
    before=$(awk '/^RssAnon/ { print $2 }' "/proc/$shim/status")
    call "$T/out" "$T/err" "$(helper shim-client.py)" deaf "$address" "$ID"
    ok
    equal "$output" 'held up'
    ct task exec --exec-id one "$ID" echo here
    equal "$output" here
    # What it was owed is bounded, and is let go.
    [ "$(awk '/^RssAnon/ { print $2 }' "/proc/$shim/status")" -lt $((before + 8192)) ]
}

@test "calls about what is not there, or not so, are errors of the right kind" {
    ct_run -d -- "$ID" sleep 1000
    shim_call "$ID" State 1=nobody
    has "$output" '5 container "nobody" not found'
    shim_call "$ID" State "1=$ID" 2=nobody
    has "$output" '5 '
    shim_call "$ID" Create "1=$ID" 2=/tmp
    has "$output" '6 '
    shim_call "$ID" Create 1=../x 2=/tmp
    has "$output" '3 '
    shim_call "$ID" Create 1=other 2=relative
    has "$output" '3 '
    shim_call "$ID" Create 1=other "2=$BUNDLE" '10(1=no.such.Options,2=x)'
    has "$output" '3 '
    shim_call "$ID" Start "1=$ID"
    has "$output" '9 '
    shim_call "$ID" Delete "1=$ID"
    has "$output" '9 '
    shim_call "$ID" Resume "1=$ID"
    has "$output" '9 '
    shim_call "$ID" Kill "1=$ID" 3:=999
    has "$output" '3 '
    shim_call "$ID" Exec "1=$ID" 2=one '7(1=x,2={)'
    has "$output" '3 '
    shim_call "$ID" Update "1=$ID"
    has "$output" '3 '
    shim_call "$ID" Checkpoint "1=$ID" 2=/tmp '3(1=no.such.Options,2=x)'
    has "$output" '3 '
    # With containers there it stays.
    shim_call "$ID" Shutdown "1=$ID"
    has "$output" '0 '
    ct task exec --exec-id one "$ID" echo here
    equal "$output" here
}

# with_runtime SCRIPT: the same, with this as the runtime behind the shim.
with_runtime() {
    printf '#!/bin/sh\n%s\n' "$1" >"$T/runtime"
    chmod +x "$T/runtime"
    printf '{"binary_name": "%s"}' "$T/runtime" >"$T/options.json"
    ct run -d --runtime "$TYPE" --runtime-config-path "$T/options.json" \
        docker.io/library/busybox:1 "$ID" sleep 1000
}

@test "a runtime that fails is an error with what it said" {
    # shellcheck disable=SC2016 # for the script
    with_runtime 'echo "it is broken" >&2; for w; do case $w in */log.json) echo "{\"level\":\"error\",\"msg\":\"the moon is full\"}" >>$w;; esac; done; exit 1'
    refused
    has "$errors" 'the moon is full'
    nothing_left
}

@test "a runtime that prints nonsense, makes no process, or names another's, is an error" {
    with_runtime 'head -c 100000 /dev/urandom; head -c 100000 /dev/urandom >&2; exit 3'
    refused
    task_gone "$ID"
    with_runtime 'exit 0'
    refused
    has "$errors" 'pid file'
    task_gone "$ID"
    # shellcheck disable=SC2016 # for the script
    with_runtime 'while [ $# -gt 0 ]; do [ "$1" != --pid-file ] || printf 1 >"$2"; shift; done'
    refused
    has "$errors" 'no child'
    task_gone "$ID"
    # shellcheck disable=SC2016 # for the script
    with_runtime 'while [ $# -gt 0 ]; do [ "$1" != --pid-file ] || printf -- -5x >"$2"; shift; done'
    refused
}

@test "a runtime that is not there is an error" {
    printf '{"binary_name": "/no/such/runtime"}' >"$T/options.json"
    ct run -d --runtime "$TYPE" --runtime-config-path "$T/options.json" \
        docker.io/library/busybox:1 "$ID" sleep 1000
    refused
    has "$errors" /no/such/runtime
    printf '{"binary_nam": "x"}' >"$T/options.json"
    task_gone "$ID"
    ct run -d --runtime "$TYPE" --runtime-config-path "$T/options.json" \
        docker.io/library/busybox:1 "$ID" sleep 1000
    refused
    has "$errors" binary_nam
}

@test "a runtime that hangs is killed when the caller's time is over, and the caller is told" {
    shim -namespace "$NAMESPACE" -address "$CD/sock" -id "$ID" start
    ok
    local address=${output#unix://}
    printf '#!/bin/sh\ncase "$*" in *delete*) exit 0;; esac\nexec sleep 1000\n' >"$T/runtime"
    chmod +x "$T/runtime"
    local before=$SECONDS
    TIMEOUT=1 call "$T/out" "$T/err" "$(helper shim-client.py)" call "$address" Create "1=$ID" \
        "2=$BUNDLE" "10(1=containerd.runc.v1.Options,2(6=$T/runtime))"
    [ $((SECONDS - before)) -lt 10 ]
    has "$output" '4 '
    has "$output" 'did not end in time'
    call "$T/out" "$T/err" "$(helper shim-client.py)" call "$address" Shutdown "1=$ID"
    within 5 test ! -e "$address"
}

@test "a bundle that the runtime refuses is an error, and leaves nothing" {
    ct_run -d --cwd relative -- "$ID" sleep 1000
    refused
    matches "$errors" '[Cc]wd'
    nothing_left
}
