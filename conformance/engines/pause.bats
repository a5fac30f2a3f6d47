#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# pause and resume: what engines rely on, as runc does it. Judged by whether the program goes on.

load ../helpers

setup_file() { it_runs; }

# counting: a container that adds a line to its output for ever.
counting() {
    script 'while :; do echo x; sleep 0.02; done'
    launched
    within 5 test -s "$T/container.out"
}

lines() { wc -l <"$T/container.out"; }

grows_from() { [ "$(lines)" -gt "$1" ]; }

@test "pause: every process stands still, and state says paused; resume: they go on" {
    counting
    rt pause "$ID"
    ok
    equal "$output$errors" ''
    equal "$(status_of)" paused
    local count
    count=$(lines)
    sleep 0.3
    equal "$(lines)" "$count"
    rt resume "$ID"
    ok
    equal "$(status_of)" running
    within 5 grows_from "$count"
}

@test "list: a paused container is paused" {
    counting
    rt pause "$ID"
    ok
    rt list --format json
    equal "$(jq -r '.[0].status' <<<"$output")" paused
}

@test "pause: a created container can be paused; start refuses, and resume leads back" {
    create
    ok
    rt pause "$ID"
    ok
    equal "$(status_of)" paused
    start
    refused
    has "$errors" 'cannot start a container in the paused state'
    rt resume "$ID"
    ok
    equal "$(status_of)" created
    start
    ok
}

@test "pause: of a paused container is an error, and changes nothing" {
    counting
    rt pause "$ID"
    ok
    rt pause "$ID"
    refused
    has "$errors" 'container not running'
    equal "$(status_of)" paused
}

@test "resume: of a container that is not paused is an error" {
    counting
    rt resume "$ID"
    refused
    has "$errors" 'container not paused'
    end_container
    rt resume "$ID"
    refused
    has "$errors" 'container not paused'
}

@test "pause: of a container that has stopped, or is not there, is an error" {
    counting
    end_container
    rt pause "$ID"
    refused
    has "$errors" 'container not running'
    rt pause nobody
    refused
    has "$errors" 'does not exist'
    rt resume nobody
    refused
    has "$errors" 'does not exist'
}

@test "delete: a paused container is not deleted without force" {
    counting
    rt pause "$ID"
    ok
    rt delete "$ID"
    refused
    has "$errors" 'is not stopped: paused'
    equal "$(status_of)" paused
}

@test "delete --force: a paused container goes, and nothing of it stays" {
    counting
    rt pause "$ID"
    ok
    rt delete --force "$ID"
    ok
    nothing_left
}

@test "kill: a paused container dies of KILL" {
    counting
    rt pause "$ID"
    ok
    rt kill "$ID" KILL
    ok
    stopped
}

@test "kill: another signal reaches a paused container when it is resumed" {
    script 'trap "echo got; exit" USR1; echo ready; while :; do sleep 0.02; done'
    launched
    within 5 grep -q ready "$T/container.out"
    rt pause "$ID"
    ok
    rt kill "$ID" USR1
    ok
    sleep 0.2
    ! grep -q got "$T/container.out" || say 'it ran while it was paused'
    rt resume "$ID"
    ok
    within 5 grep -q got "$T/container.out"
}

@test "kill --all: everything of a paused container dies of KILL" {
    script 'sleep 1000 & sleep 1000 & echo ready; wait'
    launched
    within 5 grep -q ready "$T/container.out"
    rt pause "$ID"
    ok
    rt kill --all "$ID" KILL
    ok
    stopped
}
