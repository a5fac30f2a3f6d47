#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# CVE-2019-5736 and CVE-2016-9962: the runtime's own program and descriptors, seen from inside.
# Every attack goes for a copy of the runtime.

load ../helpers

# In a subshell: also_setup changes RUNTIME, which the tests would inherit.
setup_file() { (it_runs); }

also_setup() {
    mkdir "$T/copy"
    cp "$RUNTIME" "$T/copy/"
    RUNTIME=$T/copy/${RUNTIME##*/}
    SUM=$(sha256sum <"$RUNTIME")
    echo secret >"$T/secret"
}

unchanged() {
    equal "$(sha256sum <"$RUNTIME")" "$SUM"
    timeout 5 "$RUNTIME" --version >/dev/null
}

# attacker SECONDS [CAPABILITY…]: a container that attacks whoever joins its pid namespace.
attacker() {
    local seconds=$1 kept=$ID
    shift
    cp "$(compiled "$CONFORMANCE/security/src/grab.c")" "$BUNDLE/rootfs/bin/grab"
    edit '.process.capabilities |= map_values(. + $c)' --argjson c "$(printf '%s\n' "$@" | jq -Rn '[inputs | select(. != "")]')"
    args grab "$seconds" "$T/secret"
    launched
    within 5 grep -q ready "$T/container.out"
    ATTACKER=$(pid_of)
    # The next container has a bundle and an id of its own, and its streams too.
    FIRST=$kept
    ID=$kept-two
    BUNDLE=$T/second
    make_bundle "$BUNDLE"
    # Read-only, so that the programs of its own image are no booty.
    edit '.root.readonly = true
        | .linux.namespaces |= map(if .type == "pid" then .path = $p else . end)' --arg p "/proc/$ATTACKER/ns/pid"
    mv "$T/container.out" "$T/attacker.out"
    cp "$(compiled "$CONFORMANCE/security/src/grab.c")" "$BUNDLE/rootfs/bin/grab"
}

attacker_done() {
    ID=$FIRST
    within 15 is_status stopped
    output=$(cat "$T/attacker.out")
    has "$output" tries
}

# victims SECONDS: one container after another in the attacker's pid namespace.
victims() {
    local end=$((SECONDS + $1))
    while [ "$SECONDS" -lt "$end" ]; do
        LIMIT=5 run_container
        not_hung
    done
}

@test "CVE-2019-5736: /proc/self/exe as args[0] does not give the runtime away" {
    attacker 5
    args /proc/self/exe
    victims 4
    attacker_done
    lacks "$output" WROTE
    unchanged
}

@test "CVE-2019-5736: a symlink to /proc/self/exe as args[0]" {
    attacker 5
    ln -s /proc/self/exe "$BUNDLE/rootfs/bin/evil"
    args evil
    victims 4
    attacker_done
    lacks "$output" WROTE
    unchanged
}

@test "CVE-2019-5736: #!/proc/self/exe as a script's interpreter" {
    attacker 5
    printf '#!/proc/self/exe\n' >"$BUNDLE/rootfs/bin/evil"
    chmod +x "$BUNDLE/rootfs/bin/evil"
    args evil
    victims 4
    attacker_done
    lacks "$output" WROTE
    unchanged
}

@test "CVE-2019-5736: /proc/PID/exe of whoever enters, with CAP_SYS_PTRACE, hundreds of times" {
    attacker 6 CAP_SYS_PTRACE CAP_DAC_OVERRIDE CAP_FOWNER
    args true
    victims 5
    attacker_done
    lacks "$output" WROTE
    [ "$(sed -n 's/^tries \([0-9]*\).*/\1/p' <<<"$output")" -ge 200 ]
    unchanged
}

@test "CVE-2019-5736: /proc/self/exe with arguments of the runtime's own" {
    script 'echo ran'
    args /proc/self/exe --version
    LIMIT=5 run_container
    not_hung
    args /proc/self/exe init
    LIMIT=5 run_container
    not_hung
    unchanged
}

@test "CVE-2019-5736: the program that waits for start cannot be opened for writing" {
    cp "$(compiled "$CONFORMANCE/security/src/grab.c")" "$BUNDLE/rootfs/bin/grab"
    args true
    create
    ok
    local pid
    pid=$(pid_of)
    call "$T/out" "$T/err" nsenter --target "$pid" --mount --pid "$BUNDLE/rootfs/bin/busybox" sh -c \
        'for i in 1 2 3 4 5 6 7 8 9 10; do echo evil >/proc/1/exe && echo WROTE; done'
    lacks "$output" WROTE
    unchanged
}

@test "CVE-2016-9962: nobody inside reaches the host by a process that enters" {
    attacker 5
    args true
    victims 4
    attacker_done
    lacks "$output" ESCAPED
    lacks "$output" WROTE
}

@test "CVE-2016-9962: a process that waits for start has no way to the host" {
    create
    ok
    local pid fd
    pid=$(pid_of)
    # What it has open besides its standard streams must not be a directory outside.
    for fd in /proc/"$pid"/fd/*; do
        [ "${fd##*/}" -gt 2 ] || continue
        [ ! -d "$fd" ] || [ ! -e "$fd/../../../../../../../../..$T/secret" ] || say "descriptor ${fd##*/} leads to $(readlink "$fd")"
    done
    [ ! -e "/proc/$pid/root$T/secret" ]
    [ ! -e "/proc/$pid/cwd/../../../../../../..$T/secret" ]
}

@test "descriptors: a scanner inside sees 0 to 2 and nothing else" {
    inside 'ls /proc/1/fd; true'
    equal "$(tr '\n' ' ' <<<"$output")" '0 1 2 '
}

@test "descriptors: whatever the caller had open, and not close-on-exec, stays outside" {
    script 'ls /proc/1/fd; true'
    call "$T/out" "$T/err" bash -c 'exec 7</ 8<"$0" 9>"$0/file" 33</proc 100</dev/null; exec "$@"' "$T" \
        "$RUNTIME" "${GLOBAL[@]}" --root "$ROOT" run --bundle "$BUNDLE" "$ID"
    ok
    equal "$(tr '\n' ' ' <<<"$output")" '0 1 2 '
}

# escape_by CWD: run with it, and with directories of the host open in the caller.
escape_by() {
    edit '.process.cwd = $d' --arg d "$1"
    script "for up in . .. ../.. ../../.. ../../../.. ../../../../.. ../../../../../..; do cat \$up$T/secret 2>/dev/null; done; echo at \$(pwd)"
    call "$T/out" "$T/err" bash -c 'exec 7</ 8<"$0" 11</proc 12</sys/fs/cgroup; exec "$@"' "$T" \
        "$RUNTIME" "${GLOBAL[@]}" --root "$ROOT" run --bundle "$BUNDLE" "$ID"
    not_hung
    lacks "$output" secret
    [ "$status" -eq 0 ] || refused
}

# Debian's crun 1.8.1 keeps what its caller had open, and is open to both.
@test "CVE-2024-21626: /proc/self/fd/N as cwd, N from 3 to 20" {
    local n
    for n in {3..20}; do escape_by "/proc/self/fd/$n"; done
    nothing_left
}

@test "CVE-2024-21626: a symlink of the image to /proc/self/fd/N as cwd" {
    local n
    for n in {3..12}; do
        ln -s "/proc/self/fd/$n" "$BUNDLE/rootfs/cwd$n"
        escape_by "/cwd$n"
    done
    nothing_left
}

@test "CVE-2024-21626: /proc/1/root, /proc/1/cwd, .. as cwd stay inside" {
    local where
    for where in /proc/1/root /proc/1/cwd /../../.. /proc/self/task/../../../..; do escape_by "$where"; done
}

@test "CVE-2024-21626: /proc/self/fd/N as program, N from 3 to 20" {
    local n
    # A program of the host that the image has not got.
    cp "$(compiled "$(helper src/ids.c)")" "$T/copy/host-program"
    for n in {3..20}; do
        args "/proc/self/fd/$n/host-program"
        call "$T/out" "$T/err" bash -c 'exec 7<"$0/copy" 8<"$0/copy" 11<"$0/copy"; exec "$@"' "$T" \
            "$RUNTIME" "${GLOBAL[@]}" --root "$ROOT" run --bundle "$BUNDLE" "$ID"
        refused
        equal "$output" ''
    done
    nothing_left
}

# `events` forwards no signal, as `run` would.
@test "environment: no crash handler of the caller's choice is started" {
    printf '#!/bin/sh\ntouch %q\n' "$T/started" >"$T/handler"
    chmod +x "$T/handler"
    ready :
    SWIFT_BACKTRACE="enable=yes,swift-backtrace=$T/handler" "$RUNTIME" "${GLOBAL[@]}" --root "$ROOT" \
        events --interval 1s "$ID" </dev/null >"$T/events" 2>&1 3>&- 4>&- 5>&- &
    local crashing=$! code=0
    within 5 test -s "$T/events"
    kill -SEGV "$crashing"
    wait "$crashing" || code=$?
    equal "$code" $((128 + 11))
    [ ! -e "$T/started" ]
}

@test "surroundings: without /proc, an error that says so" {
    with unshare --mount --propagation private sh -c 'umount -l /proc && exec "$@"' sh -- \
        run --bundle "$BUNDLE" "$ID"
    refused
    has "$errors" /proc
}
