# SPDX-License-Identifier: Apache-2.0
# For tests that interrupt a command at its system calls: load it after helpers.bash.
# shellcheck shell=bash disable=SC2154 # of helpers.bash

# interrupted MODE COMMAND: `COMMAND` is killed or failed at its system calls, with security/undo.py:
# at twelve of them, or, with STRESS=whole, at every one.
interrupted() {
    only_martlet
    command -v strace >/dev/null || skip 'strace is not installed'
    case $2 in create | run) args true ;; esac
    edit '.linux.cgroupsPath = $p | .linux.resources = {pids: {limit: 50}}' --arg p "/martlet-undo/$ID"
    local bound=(--at-most 12)
    [ "${STRESS:-}" != whole ] || bound=(--all)
    LIMIT=7200 call "$T/out" "$T/err" "$CONFORMANCE/security/undo.py" "${bound[@]}" "$1" "$RUNTIME" \
        "$BUNDLE" "$T/undo" "$2"
    tail -n 1 "$T/out" | sed 's/^/# /' >&3
    ok
    matches "$output" ' 0 problems$'
}
