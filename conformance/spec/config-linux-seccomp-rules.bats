#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# config-linux.md#seccomp: what its objects must have. Without one of them the profile is refused, with
# all of them it is taken.

load ../helpers

profile='{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["acct"], "action": "SCMP_ACT_ERRNO",
    "args": [{"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}]}]}'

# needed PATH…: each is refused when it is missing.
needed() {
    local path
    script 'echo ran'
    for path; do
        edit '.linux.seccomp = ($p | del('"$path"'))' --argjson p "$profile"
        never_runs || say "without $path"
        nothing_left
    done
    edit '.linux.seccomp = $p' --argjson p "$profile"
    run_container
    ok
    equal "$output" ran
}

@test "config-linux.md#seccomp: defaultAction is REQUIRED" { needed .defaultAction; }

# runc and crun take a rule without names for none.
@test "config-linux.md#seccomp: names with an entry are REQUIRED" { needed '.syscalls[0].names' '.syscalls[0].names[0]'; }

@test "config-linux.md#seccomp: action is REQUIRED" { needed '.syscalls[0].action'; }

# runc and crun take the missing number for 0.
@test "config-linux.md#seccomp: index, value and op of an argument are REQUIRED" {
    needed '.syscalls[0].args[0].index' '.syscalls[0].args[0].value' '.syscalls[0].args[0].op'
}
