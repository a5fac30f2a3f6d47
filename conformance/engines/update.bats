#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# update: what engines change of a running container, by its effect; all that was asked for or nothing.

load ../helpers
load ../helpers/cgroups

setup_file() { it_runs; }

stats() { rt events --stats "$ID"; ok; }

value() { jq -r "$1" <<<"$output"; }

memory_limit() { stats; value .data.memory.usage.limit; }

pids_limit() { stats; value .data.pids.limit; }

@test "update: limits by flags" {
    only_v1 memory
    placed
    ready ''
    rt update --memory 64m --pids-limit 30 --cpu-share 512 --cpuset-cpus 0 "$ID"
    ok
    equal "$output$errors" ''
    equal "$(memory_limit)" 67108864
    equal "$(pids_limit)" 30
    equal "$(grep Cpus_allowed_list "/proc/$(pid_of)/status" | tr -d '[:space:]')" Cpus_allowed_list:0
}

@test "update: limits by a file, and by standard input" {
    only_v1 memory
    placed
    ready ''
    echo '{"memory":{"limit":67108864},"pids":{"limit":31}}' >"$T/r.json"
    rt update --resources "$T/r.json" "$ID"
    ok
    equal "$(memory_limit)" 67108864
    equal "$(pids_limit)" 31
    echo '{"pids":{"limit":32}}' >"$T/r.json"
    INPUT=$T/r.json rt update -r - "$ID"
    ok
    equal "$(pids_limit)" 32
    echo '{"pids":{"limit":33}}' >"$T/r.json"
    INPUT=$T/r.json rt update --resources=- "$ID"
    ok
    equal "$(pids_limit)" 33
    equal "$(memory_limit)" 67108864
}

@test "update: a lowered limit of processes holds" {
    only_v1 pids
    placed
    script 'while [ ! -e /tmp/go ]; do sleep 0.05; done
for i in 1 2 3 4 5 6; do sleep 1 & done; wait; echo never'
    launched
    rt update --pids-limit 3 "$ID"
    ok
    : >"$BUNDLE/rootfs/tmp/go"
    within 5 grep -q "can't fork" "$T/container.err"
    stopped
    ! grep -q never "$T/container.out" || say 'it could fork'
}

@test "update: memory and swap are raised and lowered together" {
    only_v1 memory
    placed
    edit '.linux.resources.memory = {limit: 67108864, swap: 67108864}'
    ready ''
    rt update --memory 128m --memory-swap 128m "$ID"
    ok
    equal "$(memory_limit)" 134217728
    rt update --memory 32m --memory-swap 32m "$ID"
    ok
    equal "$(memory_limit)" 33554432
}

@test "update: devices are updated too" {
    only_martlet  # No other runtime does.
    placed
    edit '.linux.resources.devices = [{allow: false, access: "rwm"}]
        | .process.capabilities |= map_values(. + ["CAP_MKNOD"])'
    script 'mknod /dev/f c 10 229
while :; do (: </dev/f) 2>/dev/null && echo open || echo shut; sleep 0.05; done'
    launched
    within 5 grep -q shut "$T/container.out"
    ! grep -q open "$T/container.out" || say 'open from the start'
    echo '{"devices":[{"allow":false,"access":"rwm"},{"allow":true,"type":"c","major":10,"minor":229,"access":"rw"}]}' >"$T/r.json"
    rt update -r "$T/r.json" "$ID"
    ok
    within 5 grep -q open "$T/container.out"
    echo '{"devices":[{"allow":false,"access":"rwm"}]}' >"$T/r.json"
    rt update -r "$T/r.json" "$ID"
    ok
    shut_again() { tail -n 1 "$T/container.out" | grep -q shut; }
    within 5 shut_again
}

@test "update: a failed one changes nothing" {
    only_v1 memory
    placed
    edit '.linux.resources = {memory: {limit: 67108864}, pids: {limit: 30}}'
    ready ''
    echo '{"memory":{"limit":134217728},"pids":{"limit":60},"cpu":{"cpus":"999"}}' >"$T/r.json"
    rt update -r "$T/r.json" "$ID"
    refused
    equal "$(memory_limit)" 67108864
    equal "$(pids_limit)" 30
    # And what is on record is what was.
    rt update --pids-limit 31 "$ID"
    ok
    equal "$(memory_limit)" 67108864
}

@test "update: a container that nothing limited can be limited later" {
    only_v1 memory
    script 'while :; do sleep 0.02; echo x; done'
    launched
    rt update --memory 64m --pids-limit 20 "$ID"
    ok
    equal "$(memory_limit)" 67108864
    equal "$(pids_limit)" 20
    equal "$(status_of)" running
    local lines
    lines=$(wc -l <"$T/container.out")
    more() { [ "$(wc -l <"$T/container.out")" -gt "$lines" ]; }
    within 5 more
    end_container
    rt delete "$ID"
    ok
    nothing_left
}

@test "update: a limit below what is in use is refused, and the old one stays" {
    only_v1 memory
    placed
    edit '.linux.resources.memory.limit = 67108864'
    ready 'head -c 20000000 /dev/zero >/dev/shm/x'
    rt update --memory 1m "$ID"
    refused
    equal "$(memory_limit)" 67108864
    equal "$(status_of)" running
}

@test "update: of a paused container" {
    only_v1 pids
    placed
    launched
    rt pause "$ID"
    ok
    rt update --pids-limit 30 "$ID"
    ok
    equal "$(pids_limit)" 30
    equal "$(status_of)" paused
}

@test "update: nothing is nothing" {
    launched
    rt update "$ID"
    ok
}

@test "update: wrong values are refused" {
    placed
    launched
    local flag
    for flag in --memory=-5 --memory=lots --memory=99999999999999999999 --memory-swap=-7 \
        --pids-limit=99999999999999999999 --cpu-quota=x --cpu-period=-1 --cpu-share=99999999999999999999 \
        --cpuset-cpus=nine --cpuset-cpus=999 --cpuset-mems=77 --blkio-weight=70000; do
        rt update "$flag" "$ID"
        refused || say "$flag"
    done
    equal "$(status_of)" running
}

@test "update: wrong files are refused" {
    placed
    launched
    local text
    for text in '' '{' '[]' '{"memory":{"limit":"x"}}' '{"pids":{"limit":1.5}}' \
        '{"devices":[{"allow":true,"type":"x","access":"r"}]}'; do
        printf '%s' "$text" >"$T/r.json"
        rt update -r "$T/r.json" "$ID"
        # runc reads an unknown type of device, and then updates no devices.
        [[ $text != *devices* ]] || is_martlet || continue
        refused || say "$text"
    done
    rt update -r "$T/nowhere.json" "$ID"
    refused
    mkfifo "$T/fifo"
    if is_martlet; then  # runc waits for a writer.
        rt update -r "$T/fifo" "$ID"
        refused
    fi
}

@test "update: of a container that has stopped, or is not there, is an error" {
    launched
    end_container
    rt update --memory 64m "$ID"
    refused
    has "$errors" 'container not running'
    rt update --memory 64m nobody
    refused
    has "$errors" 'does not exist'
}
