#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# That the shim is small: the shorter round of what `make bench` measures.

load ../helpers
load monitor

BENCH=$CONFORMANCE/bench

only_ours() { [[ ${SHIM##*/} == martlet-shim* ]] || skip 'only martlet-shim promises this'; }

# bench PROGRAM WORD…: one of the bench's programs, which exits with 1 if something does not hold.
bench() {
    local program=$1
    shift
    LIMIT=300 call "$T/out" "$T/err" python3 "$BENCH/$program" --runtime "$RUNTIME" "$@"
    [ "$status" = 0 ] || { cat "$T/out" "$T/err"; return 1; }
}

@test "small: beside a sleeping container at most conmon's private memory, and no more after execs" {
    only_ours
    can_exec
    command -v conmon >/dev/null || not_here 'no conmon to compare with'
    bench shim.py --only memory --rounds 1 --execs 50 --check
}

@test "small: as containerd's shim at most a tenth of runc's, and no more after execs" {
    only_ours
    local name
    for name in containerd ctr containerd-shim-runc-v2 runc; do
        command -v "$name" >/dev/null || not_here "no $name to compare with"
    done
    bench containerd.py --shim "$SHIM" --execs 100 --at-most 0.1
}
