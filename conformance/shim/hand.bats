#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# martlet-shim's own commands: run, attach, logs, wait, list, remove.

load ../helpers
load monitor
load hand

setup_file() {
    hand_only
    it_runs
}

# ---------------------------------------------------------------------------------------------

@test "by hand: run, wait, logs, list, remove" {
    script 'echo out; echo err >&2; sleep 0.5; exit 7'
    hand_run
    ok
    hand list
    matches "$output" "$ID .* running"
    hand wait "$ID"
    ok
    equal "$output" 7
    hand logs "$ID"
    ok
    equal "$output" out
    equal "$errors" err
    hand list --format json
    equal "$(jq -r '.[0] | "\(.id) \(.status) \(.code)"' <<<"$output")" "$ID ended 7"
    hand list -q
    equal "$output" "$ID"
    hand remove "$ID"
    ok
    hand list -q
    equal "$output" ''
    within 5 no_shim
    rt state "$ID"
    has "$output" stopped
}

@test "by hand: the exit record" {
    script 'i=0; while [ $i -lt 30000 ]; do i=$((i+1)); done; kill -9 $PPID; exit 3'
    hand_run
    ok
    hand wait "$ID"
    local record=$S/$ID/exit.json
    equal "$(jq -r '"\(.id) \(.code) \(.signal) \(.oomKilled)"' "$record")" "$ID 3 null false"
    [ "$(jq .peakMemory "$record")" -gt 100000 ]
    [ "$(jq .cpuTime "$record")" -gt 1000 ]
    matches "$(jq -r .ended "$record")" '^20[0-9-]+T[0-9:.]+Z$'
    equal "$(stat -c %a "$record")" 600
    equal "$(stat -c %a "$S/$ID")" 700
}

@test "by hand: a signal is told by name" {
    args sleep 1000
    hand_run
    ok
    rt kill "$ID" KILL
    hand wait "$ID"
    equal "$output" 137
    equal "$(jq -r .signal "$S/$ID/exit.json")" SIGKILL
}

@test "by hand: killed for want of memory" {
    with_cgroups
    script 'dd if=/dev/zero of=/dev/null bs=100M count=1'
    edit '.linux.resources.memory = {limit: 20971520, swap: 20971520} | .linux.cgroupsPath = $p' --arg p "/$ID"
    hand_run
    ok
    hand wait "$ID"
    differ "$output" 0
    equal "$(jq -r .oomKilled "$S/$ID/exit.json")" true
    [ "$(jq .peakMemory "$S/$ID/exit.json")" -gt 15000000 ]
}

# other_runtime NAME WORD…: a whole life with another runtime, which is called with the words first.
other_runtime() {
    local name=$1 words=(--runtime-arg --root --runtime-arg "$T/other")
    shift
    for word; do words+=(--runtime-arg "$word"); done
    script 'echo "from inside"; exit 9'
    hand run --bundle "$BUNDLE" --runtime "$name" "${words[@]}" --delete "$ID"
    ok
    hand wait "$ID"
    equal "$output" 9
    hand logs "$ID"
    equal "$output" 'from inside'
    hand remove "$ID"
    ok
    [ -z "$(ls "$T/other")" ]
}

@test "by hand: with runc behind it" {
    hand_only
    command -v runc >/dev/null || not_here 'no runc'
    other_runtime runc
}

@test "by hand: with crun behind it" {
    hand_only
    command -v crun >/dev/null || not_here 'no crun'
    # crun refuses a machine with both cgroup versions: here is only the second one, for this test.
    printf '#!/bin/sh\n%s\n' 'umount -R /sys/fs/cgroup && mount -t cgroup2 cgroup2 /sys/fs/cgroup && exec "$@"' \
        >"$T/alone"
    chmod 755 "$T/alone"
    printf '#!/bin/sh\nexec unshare --mount --propagation private %s %s "$@"\n' "$T/alone" "$SHIM" >"$T/martlet-shim"
    chmod 755 "$T/martlet-shim"
    SHIM=$T/martlet-shim other_runtime crun --cgroup-manager=disabled
}

@test "by hand: wait and logs -f from the beginning to the end" {
    script 'for i in 1 2 3 4 5 6; do echo line $i; sleep 0.2; done; exit 4'
    hand_run
    ok
    background "$SHIM" wait --root "$S" "$ID"
    local waiter=$!
    hand logs -f "$ID"
    ok
    equal "$output" "$(printf 'line %s\n' 1 2 3 4 5 6)"
    within 5 gone "$waiter"
    equal "$(cat "$T/background.out")" 4
}

@test "by hand: logs --tail and --timestamps, of either format" {
    script 'seq 1 100; printf unfinished'
    local format
    for format in k8s-file json-file; do
        hand_run --log "$format:$T/$format"
        ok
        hand wait "$ID"
        hand logs --tail 3 "$ID"
        equal "$output" $'99\n100\nunfinished'
        hand logs --timestamps --tail 2 "$ID"
        matches "$output" '^20[0-9-]+T[0-9:.]+[+-][0-9:]+ 100'
        hand logs "$ID"
        equal "$(md5sum <"$T/out")" "$( (seq 1 100; printf unfinished) | md5sum)"
        hand remove "$ID"
        rt delete "$ID"
    done
    jq -se 'length == 101 and .[0].log == "1\n" and .[0].stream == "stdout" and .[100].log == "unfinished"' "$T/json-file"
}

@test "by hand: json-file has any bytes as JSON" {
    script 'printf "a\0b\377c\"\\\\\303\244\n"'
    hand_run --log "json-file:$T/log"
    ok
    hand wait "$ID"
    equal "$(jq -r '.log | @json' "$T/log")" '"a\u0000b�c\"\\ä\n"'
}

@test "by hand: logs are of limited size, and followed across their files" {
    script 'i=0; while [ $i -lt 300 ]; do i=$((i+1)); echo line $i; [ $((i % 50)) != 0 ] || sleep 0.3; done'
    hand_run --log-size-max 4k --log-max-files 2
    ok
    hand logs -f "$ID"
    equal "$output" "$(seq 1 300 | sed 's/^/line /')"
    [ "$(stat -c %s "$S/$ID/log")" -le 4096 ]
    [ -e "$S/$ID/log.2" ]
    [ ! -e "$S/$ID/log.3" ]
    hand logs --tail 1 "$ID"
    equal "$output" 'line 300'
}

@test "by hand: attach: several clients, input, the exit code" {
    script 'while read -r line; do echo got $line; done; exit 9'
    hand_run --stdin
    ok
    background "$SHIM" attach --root "$S" --no-stdin "$ID"
    local other=$!
    within 5 test -e "/proc/$other"
    sleep 0.3
    printf 'one\ntwo\n' >"$T/in"
    INPUT=$T/in hand attach "$ID"
    equal "$status" 9
    equal "$output" $'got one\ngot two'
    within 5 gone "$other"
    equal "$(cat "$T/background.out")" $'got one\ngot two'
}

@test "by hand: attach: a terminal, its size, and the keys that leave it" {
    edit '.process.terminal = true'
    script 'trap "echo size \$(stty size)" WINCH; echo up; while :; do sleep 0.1; done'
    hand_run
    ok
    call "$T/out" "$T/err" "$(helper in-terminal.py)" --size 21x67 --input $'\x10\x11' \
        "$SHIM" attach --root "$S" "$ID"
    ok
    within 5 in_log 'size 21 67'
    hand list
    has "$output" running
    rt kill "$ID" KILL
    hand wait "$ID"
    equal "$output" 137
}

in_log() { hand logs "$ID"; [[ $output == *"$1"* ]]; }

@test "by hand: the exit command, and --delete" {
    script 'exit 6'
    hand_run --delete --exit-command sh --exit-command-arg -c \
        --exit-command-arg "echo \$CONTAINER_ID \$CONTAINER_CODE >$T/note"
    ok
    hand wait "$ID"
    equal "$output" 6
    within 5 no_shim
    equal "$(cat "$T/note")" "$ID 6"
    rt state "$ID"
    refused
}

@test "by hand: an id is there once, and is a name" {
    args sleep 1000
    hand_run
    ok
    hand_run
    refused
    has "$errors" 'on record already'
    hand remove "$ID"
    refused
    has "$errors" runs
    local bad
    for bad in ../x /x '' 'a b' $'a\nb' .. "$(printf '%02000d' 1)"; do
        hand run --bundle "$BUNDLE" --runtime "$RUNTIME" "$bad"
        refused
    done
    hand wait no-such-container
    refused
    has "$errors" 'not on record'
    rt kill "$ID" KILL
    hand wait "$ID"
}

@test "by hand: what cannot be run says why, and leaves nothing" {
    hand run --bundle "$T/nowhere" --runtime "$RUNTIME" "$ID"
    refused
    has "$errors" "$T/nowhere"
    hand run --bundle "$BUNDLE" --runtime no-such-runtime "$ID"
    refused
    has "$errors" no-such-runtime
    echo '{"process": ' >"$T/bad"
    mkdir "$T/broken"
    cp "$T/bad" "$T/broken/config.json"
    hand run --bundle "$T/broken" --runtime "$RUNTIME" "$ID"
    refused
    has "$errors" config.json
    args /no/such/program
    hand_run
    refused
    has "$errors" /no/such/program
    edit '.root.path = "nowhere"'
    hand_run
    refused
    has "$errors" nowhere
    host_mount "$T/read-only" -t tmpfs -o ro tmpfs
    hand_run --log "k8s-file:$T/read-only/log"
    refused
    has "$errors" 'read-only file system (EROFS)'
    [ -z "$(ls -A "$S" 2>/dev/null)" ]
    no_shim
    rt list -q
    equal "$output" ''
}

@test "by hand: a runtime that fails, hangs, dies or prints nonsense" {
    fake_runtime 'echo went wrong >&2; exit 3'
    hand_run
    refused
    has "$errors" 'went wrong'
    fake_runtime 'exit 3'
    hand_run
    refused
    has "$errors" 'code 3'
    fake_runtime 'kill -9 $$'
    hand_run
    refused
    has "$errors" SIGKILL
    fake_runtime 'sleep 1000'
    hand_run --runtime-timeout 1
    refused
    has "$errors" 'in time'
    fake_runtime 'head -c 100000 /dev/urandom; head -c 100000 /dev/urandom >&2; exit 1'
    hand_run
    refused
    fake_runtime 'echo fine'
    hand_run
    refused
    has "$errors" "$S/$ID/pid"
    fake_runtime "case \"\$*\" in *create*) echo 999999999 >$S/$ID/pid;; esac"
    hand_run
    refused
    [ -z "$(ls -A "$S")" ]
    no_shim
}

@test "by hand: a bundle and a record with very long paths" {
    local long=$T/$(printf 'a%.0s' {1..120})/$(printf 'b%.0s' {1..120})
    mkdir -p "$long"
    mv "$BUNDLE" "$long/bundle"
    BUNDLE=$long/bundle
    S=$long/records
    edit '.process.terminal = true'
    script 'exit 5'
    hand_run
    ok
    hand wait "$ID"
    equal "$output" 5
}

@test "by hand: bad command lines" {
    local words
    for words in '' 'frobnicate' 'run' 'run --no-such-flag x' 'wait' 'wait a b' 'logs --tail x y' \
        'run --log-size-max 1x y' 'run --log nonsense:x y' 'list x' 'list --format yaml' 'run --bundle'; do
        read -ra list <<<"$words"
        call "$T/out" "$T/err" "$SHIM" "${list[@]}"
        equal "$status" 2
        has "$errors" usage:
    done
    call "$T/out" "$T/err" "$SHIM" --help
    ok
    has "$output" attach
    call "$T/out" "$T/err" "$SHIM" run --help
    ok
    has "$output" --log-size-max
}
