#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# runtime.md#errors: a failed operation leaves the environment as if it had never been attempted.

load ../helpers

setup_file() { it_runs; }

interrupted() {
    only_martlet
    command -v strace >/dev/null || skip 'strace is not installed'
    args true
    edit '.linux.cgroupsPath = $p | .linux.resources = {pids: {limit: 50}}' --arg p "/martlet-undo/$ID"
    LIMIT=300 call "$T/out" "$T/err" "$CONFORMANCE/security/undo.py" "$1" "$RUNTIME" "$BUNDLE" "$T/undo"
    ok
    has "$output" ' 0 problems'
}

@test "create: killed at any system call, it leaves nothing that delete --force does not remove" {
    interrupted kill
}

@test "create: failed at any system call, it leaves nothing that delete --force does not remove" {
    interrupted fail
}

@test "create: one that hangs is ended by delete --force" {
    only_martlet
    command -v strace >/dev/null || skip 'strace is not installed'
    background strace -f -qq -o /dev/null -e trace=pivot_root -e inject=pivot_root:signal=SIGSTOP \
        "$RUNTIME" "${GLOBAL[@]}" --root "$ROOT" create --bundle "$BUNDLE" "$ID"
    within 5 grep -q '"pid":[1-9]' "$ROOT/$ID/state.json"
    equal "$(status_of)" creating
    rt delete --force "$ID"
    ok
    nothing_left
}
