#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Load and faults, in bounded rounds; each part ends with the same audit: see README.md. `make stress`
# (STRESS=whole) has the whole numbers, and this else a short round of each.

load ../helpers
load ../helpers/interrupts

setup_file() { it_runs; }

# stressed PART
stressed() {
    local whole=()
    [ "${STRESS:-}" != whole ] || whole=(--whole)
    LIMIT=7200 call "$T/out" "$T/err" env "RUNTIME=$RUNTIME" "RUNTIME_ARGS=${GLOBAL[*]}" \
        "$CONFORMANCE/stress/stress.py" "$1" "$BUNDLE" "$T" "$ID" "${whole[@]}"
    # Each case by itself, in the whole round alone.
    { [ "${STRESS:-}" = whole ] && cat "$T/out" || grep -v '^# ' "$T/out"; } | sed 's/^/# /' >&3
    ok
    matches "$output" ' 0 problems$'
}

@test "containers one after another" { stressed sequence; }

@test "containers at the same time" { stressed parallel; }

@test "races on one id" { stressed races; }

@test "bad surroundings" { stressed surroundings; }

@test "containers that do not want to end" { stressed hostile; }

@test "start, killed at its system calls" { interrupted kill start; }
@test "start, failed at its system calls" { interrupted fail start; }
@test "kill, killed at its system calls" { interrupted kill kill; }
@test "kill, failed at its system calls" { interrupted fail kill; }
@test "delete, killed at its system calls" { interrupted kill delete; }
@test "delete, failed at its system calls" { interrupted fail delete; }
@test "run, killed at its system calls" { interrupted kill run; }
@test "run, failed at its system calls" { interrupted fail run; }
