#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# runtime.md#state and #query-state.

load ../helpers

state() {
    rt state "$ID"
    ok
}

property() { jq -r "$1" <<<"$output"; }

@test "runtime.md#query-state: MUST generate an error if not given an id" {
    rt state
    refused
}

@test "runtime.md#query-state: a container that does not exist MUST generate an error" {
    rt state "$ID"
    refused
    equal "$output" ''
}

@test "runtime.md#state: is one JSON object" {
    create
    state
    equal "$(jq -s 'length' <<<"$output")" 1
    equal "$(property type)" object
}

@test "runtime.md#state: has the types of state-schema.json" {
    edit '.annotations = {"a": "b"}'
    create
    state
    equal "$(property '[.ociVersion, .id, .status, .pid, .bundle, .annotations] | map(type) | join(" ")')" \
        'string string string number string object'
}

@test "runtime.md#state: ociVersion is a version" {
    create
    state
    matches "$(property .ociVersion)" '^[0-9]+\.[0-9]+\.[0-9]+([-+].*)?$'
}

@test "runtime.md#state: id is the container's" {
    create
    state
    equal "$(property .id)" "$ID"
}

@test "runtime.md#state: status is created, running and stopped in turn" {
    create
    equal "$(status_of)" created
    start
    equal "$(status_of)" running
    rt kill "$ID" KILL
    stopped
}

@test "runtime.md#state: status is stopped when the program has ended by itself" {
    args true
    launched
    stopped
}

@test "runtime.md#state: status is stopped when a created container was killed from outside" {
    create
    ok
    kill -KILL "$(pid_of)"
    stopped
}

@test "runtime.md#state: pid of a created container is its process" {
    create
    state
    local pid
    pid=$(property .pid)
    [ "$pid" -gt 1 ]
    equal "$(awk '/^NSpid/ { print $NF }' "/proc/$pid/status")" 1
    [ "/proc/$pid/root" -ef "$BUNDLE/rootfs" ]
}

@test "runtime.md#state: pid of a running container is its program" {
    launched
    state
    local pid
    pid=$(property .pid)
    equal "$(tr '\0' ' ' <"/proc/$pid/cmdline")" 'sleep 1000 '
}

@test "runtime.md#state: pid is the same before and after start" {
    create
    local pid
    pid=$(pid_of)
    start
    ok
    equal "$(pid_of)" "$pid"
}

@test "runtime.md#state: bundle is an absolute path" {
    (cd "$T" && create --bundle bundle; ok)
    state
    equal "$(property .bundle)" "$BUNDLE"
}

@test "runtime.md#state: annotations are those of the configuration" {
    edit '.annotations = {"com.example.key": "value", "com.example.other": "ü \"quoted\" \n line", "empty": ""}'
    create
    state
    equal "$(property '.annotations | {"com.example.key", "com.example.other", empty} | tojson')" \
        "$(jq -c '.annotations' "$BUNDLE/config.json")"
}

@test "runtime.md#state: without annotations the property is absent or empty" {
    create
    state
    equal "$(property '.annotations // {} | length')" 0
}

@test "runtime.md#state: asking changes nothing" {
    launched
    state
    local before=$output
    state
    equal "$output" "$before"
}

@test "runtime.md#state: status is one of the specification's words through a container's life" {
    script 'sleep 0.3'
    create
    local seen='' word
    while [ "$SECONDS" -lt $((${begin:=$SECONDS} + 6)) ]; do
        word=$(status_of)
        case $word in
            created) [ -n "$started" ] || { start; ok; started=1; } ;;
            running) ;;
            stopped) break ;;
            *) say "a status of its own: $word" || return 1 ;;
        esac
        seen+=" $word"
    done
    equal "$word" stopped
    has "$seen" created
}
