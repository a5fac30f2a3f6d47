# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# For tests of martlet-shim's own commands.

hand_only() { [[ ${SHIM##*/} == martlet-shim* ]] || skip "only martlet-shim has these commands"; }

also_setup() {
    mkdir -p "$T/exits" "$T/persist"
    # Where containers are on record.
    S=$T/records
}

# hand COMMAND WORD…: one of martlet-shim's commands. Sets status, output and errors.
hand() {
    local command=$1
    shift
    call "$T/out" "$T/err" "$SHIM" "$command" --root "$S" "$@"
}

# hand_run [FLAG…]: runs $BUNDLE as $ID.
hand_run() {
    local words=()
    for word in "${GLOBAL[@]}" --root "$ROOT"; do words+=(--runtime-arg "$word"); done
    hand run --bundle "$BUNDLE" --runtime "${FAKE:-$RUNTIME}" "${words[@]}" "$@" "$ID"
}

# Shims that watch a container of this test.
shims() {
    grep -lsaF -- "$S" /proc/[0-9]*/cmdline | cut -d/ -f3 | while read -r pid; do
        [[ $(readlink "/proc/$pid/exe") != "$(readlink -f "$SHIM")" ]] || gone "$pid" || echo "$pid"
    done
}
no_shim() { [ -z "$(shims)" ]; }

shim_pid() { jq .shimPid "$S/$ID/shim.json"; }
