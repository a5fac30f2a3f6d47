#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# config-linux.md#personality.

load ../helpers

# runc before 1.2 does not know personality.

@test "config-linux.md#personality: LINUX32 makes uname show 32 bits" {
    edit '.linux.personality = {domain: "LINUX32"}'
    inside 'uname -m; cat /proc/self/personality'
    ok
    differ "$(head -n 1 <<<"$output")" "$(uname -m)"
    equal "$(tail -n 1 <<<"$output")" 00000008
    [ "$(uname -m)" != x86_64 ] || equal "$(head -n 1 <<<"$output")" i686
}

@test "config-linux.md#personality: LINUX is the machine's own" {
    edit '.linux.personality = {domain: "LINUX"}'
    script 'uname -m; cat /proc/self/personality'
    with setarch linux32 -- run --bundle "$BUNDLE" "$ID"
    ok
    equal "$output" "$(uname -m)"$'\n00000000'
}

@test "config-linux.md#personality: unset leaves the caller's" {
    script 'cat /proc/self/personality'
    with setarch "$(uname -m)" --addr-no-randomize -- run --bundle "$BUNDLE" "$ID"
    ok
    equal "$output" 00040000
}

@test "config-linux.md#personality: domain is REQUIRED" {
    edit '.linux.personality = {}'
    create_refused
}

@test "config-linux.md#personality: an unknown domain is an error" {
    edit '.linux.personality = {domain: "SOLARIS"}'
    create_refused
}

# runc only warns of them, crun passes them over.
@test "config-linux.md#personality: any flag is an error" {
    edit '.linux.personality = {domain: "LINUX", flags: ["ADDR_NO_RANDOMIZE"]}'
    create_refused
}

@test "config-linux.md#personality: an empty list of flags is none" {
    edit '.linux.personality = {domain: "LINUX32", flags: []}'
    inside 'cat /proc/self/personality'
    equal "$output" 00000008
}
