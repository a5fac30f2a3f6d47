# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# For tests that call a monitor as an engine does.

: "${SHIM:=$(dirname "$CONFORMANCE")/.build/release/martlet-shim}"

setup_file() {
    [ -x "$SHIM" ] || { echo "no $SHIM: run make release" >&2; return 1; }
    it_runs
}

also_setup() { mkdir -p "$T/exits" "$T/persist"; }

# What Debian 12's conmon does not have.
newer() { [[ ${SHIM##*/} == martlet-shim* ]] || skip 'only newer monitors promise this'; }

can_exec() { "$RUNTIME" exec --help >/dev/null 2>&1 || not_here 'this runtime has no exec'; }

# fake_runtime SCRIPT: the monitor's runtime is this, from now on.
fake_runtime() {
    printf '#!/bin/sh\n%s\n' "$1" >"$T/runtime"
    chmod 755 "$T/runtime"
    FAKE=$T/runtime
}

# start_monitor [FLAG…]: as an engine would, in the background; what it answers is in $T/answers.
start_monitor() {
    local words=("$SHIM")
    [ -n "${OLD:-}" ] || words+=(--api-version 1)
    [ -n "${SHORT:-}" ] || words+=(--full-attach)
    words+=(-c "$ID" -u "$ID-uuid" -r "${FAKE:-$RUNTIME}" -b "${EXEC:-$BUNDLE}" -p "$T/pidfile"
        -P "$T/monitor.pid" -l "${LOG:-k8s-file:$T/log}")
    for word in "${GLOBAL[@]}" --root "$ROOT"; do words+=(--runtime-arg "$word"); done
    local parent=("$(helper conmon-parent.py)")
    [[ " $* " != *' --exec-attach '* ]] || parent+=(--attach)
    rm -f "$T/answers" "$T/monitor.pid"
    (
        exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-
        exec "${parent[@]}" --seconds 30 "${words[@]}" "$@"
    ) </dev/null >"$T/answers" 2>"$T/monitor.err" &
    PARENT_PID=$!
    KNOWN+=("$PARENT_PID")
    ln -sf answers "$T/monitor.out"
}

# monitor [FLAG…]: the same, until the container is made.
monitor() {
    start_monitor "$@"
    if [[ " $* " == *' --exec-attach '* ]]; then
        within 10 grep -q '^attach: ' "$T/answers"
    else
        within 10 grep -q '^sync: ' "$T/answers"
        lacks "$(head -n 1 "$T/answers")" -1
    fi
    within 5 test -s "$T/monitor.pid"
}

# monitor_fails [FLAG…]: the same where nothing is made, and no monitor stays.
monitor_fails() {
    start_monitor "$@"
    within 15 grep -q '^exited: ' "$T/answers" || { cat "$T/answers" "$T/monitor.err"; return 1; }
    [ ! -s "$T/monitor.pid" ] || within 5 gone "$(cat "$T/monitor.pid")"
}

# answer N FILTER: of the Nth line that came on the sync pipe.
answer() { grep '^sync: ' "$T/answers" | sed -n "$(($1 + 1))s/^sync: //p" | jq -r "$2"; }

# begin: what an engine does when the monitor has answered.
begin() { start; ok; }

# ended: the monitor is gone.
ended() { within 15 gone "$(cat "$T/monitor.pid")"; }
