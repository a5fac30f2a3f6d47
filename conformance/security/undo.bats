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

# deleted_under WORD…: $ID's delete, with strace's words before it.
deleted_under() {
    call "$T/out" "$T/err" strace -f -qq -o "$T/strace" "$@" "$RUNTIME" "${GLOBAL[@]}" --root "$ROOT" \
        delete --force "$ID-second"
}

# The first has made the cgroup that both are in; the second is the last to go, and to remove it.
two_in_a_cgroup() {
    local name
    for name in first second; do
        edit '.linux.cgroupsPath = $p' --arg p "/martlet-undo-$ID/$name"
        rt create --bundle "$BUNDLE" "$ID-$name" >"$T/container.out"
        ok
    done
    rt delete --force "$ID-first"
    ok
}

@test "delete: failed at a cgroup that somebody else has made, it can be done again" {
    only_martlet
    command -v strace >/dev/null || skip 'strace is not installed'
    args true
    local call count i
    for call in unlinkat fgetxattr; do
        two_in_a_cgroup
        deleted_under -e "trace=$call"
        ok
        count=$(grep -c "$call(" "$T/strace")
        for i in $(seq "$count"); do
            two_in_a_cgroup
            deleted_under -e "trace=$call" -e "inject=$call:error=EIO:when=$i"
            rt delete --force "$ID-second"
            ok
            [ -z "$(cgroups_left)" ] || say "EIO at $call $i: left $(cgroups_left)"
        done
    done
}
