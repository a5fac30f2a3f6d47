#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Ways in by `exec`: whoever enters a container is at the mercy of those who are there. The attacks on
# the runtime's program go for a copy of it.

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

# attacker SECONDS [CAPABILITY…]: a container that goes for whoever enters. Its root is read-only, so
# that the programs of its own image are no booty.
attacker() {
    local seconds=$1
    shift
    cp "$(compiled "$CONFORMANCE/security/src/grab.c")" "$BUNDLE/rootfs/bin/grab"
    edit '.root.readonly = true | .process.capabilities |= map_values(. + $c)' \
        --argjson c "$(printf '%s\n' "$@" | jq -Rn '[inputs | select(. != "")]')"
    args grab "$seconds" "$T/secret"
    launched
    within 5 grep -q ready "$T/container.out"
}

# victims SECONDS WORD…: enters again and again.
victims() {
    local end=$((SECONDS + $1))
    shift
    while [ "$SECONDS" -lt "$end" ]; do
        LIMIT=5 rt exec "$ID" "$@"
        not_hung
    done
}

attacker_done() {
    within 15 is_status stopped
    output=$(cat "$T/container.out")
    has "$output" tries
}

# ---------------------------------------------------------------------------------------------
# The runtime's program and descriptors

@test "CVE-2019-5736: exec of /proc/self/exe does not give the runtime away" {
    attacker 5
    victims 4 /proc/self/exe --version
    attacker_done
    lacks "$output" WROTE
    unchanged
}

@test "CVE-2019-5736: exec of a symlink and of a script to /proc/self/exe" {
    ln -s /proc/self/exe "$BUNDLE/rootfs/bin/evil"
    printf '#!/proc/self/exe\n' >"$BUNDLE/rootfs/bin/script"
    chmod +x "$BUNDLE/rootfs/bin/script"
    attacker 6
    victims 2 evil
    victims 2 script
    attacker_done
    lacks "$output" WROTE
    unchanged
}

@test "CVE-2019-5736: /proc/PID/exe of whoever enters, with CAP_SYS_PTRACE, hundreds of times" {
    attacker 6 CAP_SYS_PTRACE CAP_DAC_OVERRIDE CAP_FOWNER
    victims 5 true
    attacker_done
    lacks "$output" WROTE
    [ "$(sed -n 's/^tries \([0-9]*\).*/\1/p' <<<"$output")" -ge 200 ]
    unchanged
}

@test "CVE-2016-9962: nobody inside reaches the host by a process that enters" {
    attacker 5
    victims 4 true
    attacker_done
    lacks "$output" ESCAPED
    lacks "$output" WROTE
}

# The process has their ids before it has their user namespace.
@test "CVE-2016-9962: nor where the container has a user namespace" {
    user_namespace
    attacker 5 CAP_SYS_PTRACE CAP_DAC_OVERRIDE
    victims 4 true
    attacker_done
    lacks "$output" ESCAPED
    lacks "$output" WROTE
}

@test "descriptors: whatever the caller had open, and not close-on-exec, stays outside" {
    launched
    call "$T/out" "$T/err" bash -c 'exec 7</ 8<"$0" 9>"$0/file" 33</proc 100</dev/null; exec "$@"' "$T" \
        "$RUNTIME" "${GLOBAL[@]}" --root "$ROOT" exec "$ID" sh -c 'ls /proc/$$/fd; true'
    ok
    equal "$(tr '\n' ' ' <<<"$output")" '0 1 2 '
}

# escape_by CWD: enter with it, and with directories of the host open in the caller.
escape_by() {
    call "$T/out" "$T/err" bash -c 'exec 7</ 8<"$0" 11</proc 12</sys/fs/cgroup; exec "$@"' "$T" \
        "$RUNTIME" "${GLOBAL[@]}" --root "$ROOT" exec --cwd "$1" "$ID" sh -c \
        "for up in . .. ../.. ../../.. ../../../.. ../../../../.. ../../../../../..; do cat \$up$T/secret 2>/dev/null; done; echo at \$(pwd)"
    not_hung
    lacks "$output" secret
    [ "$status" -eq 0 ] || refused
}

@test "CVE-2024-21626: exec --cwd /proc/self/fd/N, N from 3 to 20" {
    launched
    local n
    for n in {3..20}; do escape_by "/proc/self/fd/$n"; done
}

@test "CVE-2024-21626: exec --cwd by a symlink of the image to /proc/self/fd/N" {
    local n
    for n in {3..12}; do ln -s "/proc/self/fd/$n" "$BUNDLE/rootfs/cwd$n"; done
    launched
    for n in {3..12}; do escape_by "/cwd$n"; done
}

@test "CVE-2024-21626: exec --cwd of /proc/1/root, /proc/1/cwd, .. stays inside" {
    launched
    local where
    for where in /proc/1/root /proc/1/cwd /../../.. /proc/self/task/../../../..; do escape_by "$where"; done
}

@test "CVE-2024-21626: /proc/self/fd/N as program" {
    cp "$(compiled "$(helper src/ids.c)")" "$T/copy/host-program"
    launched
    local n
    for n in {3..20}; do
        call "$T/out" "$T/err" bash -c 'exec 7<"$0/copy" 8<"$0/copy" 11<"$0/copy"; exec "$@"' "$T" \
            "$RUNTIME" "${GLOBAL[@]}" --root "$ROOT" exec "$ID" "/proc/self/fd/$n/host-program"
        refused
        equal "$output" ''
    done
}

# ---------------------------------------------------------------------------------------------
# Who the process is

# bad_user TEXT: nobody is meant by it.
bad_user() {
    launched
    rt exec --user "$1" "$ID" sh -c 'echo ran as $(id -u):$(id -g)'
    refused
    lacks "$output" ran
}

# Current runc takes the first for root, current crun the second.
@test "CVE-2026-46680: exec -u 4294967296 is refused" { bad_user 4294967296; }
@test "CVE-2026-46680: exec -u -1 is refused" { bad_user -1; }
@test "CVE-2026-46680: exec -u 4294967295 is refused" { bad_user 4294967295; }
@test "CVE-2026-46680: exec -u 1000:4294967296 is refused" { bad_user 1000:4294967296; }
@test "CVE-2026-46680: exec -u 1000:-1 is refused" { bad_user 1000:-1; }
@test "CVE-2026-46680: exec -u 0x0 is refused" { bad_user 0x0; }
@test "CVE-2026-46680: exec -u +0 is refused" { bad_user +0; }
@test "CVE-2026-46680: exec -u 18446744073709551616 is refused" { bad_user 18446744073709551616; }
@test "CVE-2026-46680: exec -u '1 ' is refused" { bad_user '1 '; }

@test "CVE-2016-3697: exec -u 1000 is the number, whatever the image's passwd says" {
    echo '1000:x:0:0:trap:/:/bin/sh' >"$BUNDLE/rootfs/etc/passwd"
    launched
    rt exec -u 1000 "$ID" sh -c 'grep ^Uid /proc/self/status | cut -f 2,3'
    equal "$output" $'1000\t1000'
}

# Current runc and crun wait for a writer.
@test "exec: a fifo as /etc/passwd and /etc/group hangs nobody" {
    rm "$BUNDLE/rootfs/etc/passwd" "$BUNDLE/rootfs/etc/group"
    mkfifo "$BUNDLE/rootfs/etc/passwd" "$BUNDLE/rootfs/etc/group"
    launched
    LIMIT=5 rt exec -u 1000 "$ID" sh -c 'echo ran $HOME'
    not_hung
    only_martlet
    equal "$output" 'ran /'
}

@test "exec: an /etc/passwd that leads out of the container is none" {
    printf 'root:x:0:0:root:/outside:/bin/sh\n' >"$T/passwd"
    ln -sf "../../../../../../../../../..$T/passwd" "$BUNDLE/rootfs/etc/passwd"
    launched
    rt exec "$ID" sh -c 'echo $HOME'
    ok
    equal "$output" /
    # Nor by a link of procfs's, to whatever the process holds.
    rm "$BUNDLE/rootfs/etc/passwd"
    ln -s /proc/self/fd/0 "$BUNDLE/rootfs/etc/passwd"
    INPUT=$T/passwd rt exec "$ID" sh -c 'echo $HOME'
    ok
    only_martlet
    equal "$output" /
}

@test "CVE-2022-29162: exec --cap leaves the inheritable and ambient sets as they are" {
    launched
    rt exec --cap CAP_SYS_ADMIN "$ID" cat /proc/self/status
    ok
    has "$output" $'CapInh:\t0000000000000000'
    has "$output" $'CapAmb:\t0000000000000000'
}

@test "CVE-2022-29162: inheritable and ambient capabilities of the caller do not pass" {
    launched
    with setpriv --inh-caps +chown,+net_raw,+sys_admin --ambient-caps +chown,+net_raw,+sys_admin -- \
        exec -u 1000 "$ID" cat /proc/self/status
    ok
    local set
    for set in CapInh CapPrm CapEff CapAmb; do has "$output" "$set:"$'\t0000000000000000'; done
}

@test "exec: without capabilities in the configuration none is left, bounding neither" {
    edit 'del(.process.capabilities)'
    launched
    rt exec "$ID" cat /proc/self/status
    ok
    local set
    for set in CapInh CapPrm CapEff CapBnd CapAmb; do has "$output" "$set:"$'\t0000000000000000'; done
}

@test "CVE-2022-2989: supplementary groups of the caller do not pass" {
    launched
    with setpriv --groups 4,5,6 -- exec -u 1000 "$ID" sh -c 'grep ^Groups /proc/self/status'
    ok
    equal "$(xargs <<<"${output#Groups:}")" ''
}

@test "TIOCSTI: the caller's terminal is not the process's controlling one" {
    launched
    call "$T/out" "$T/err" "$(helper in-terminal.py)" "$RUNTIME" "${GLOBAL[@]}" --root "$ROOT" \
        exec "$ID" sh -c 'echo x >/dev/tty && echo REACHED; busybox ps -o pid,sid,args | grep -c .; exit 0'
    lacks "$output" REACHED
}

# ---------------------------------------------------------------------------------------------
# Traps laid inside

# trapped SCRIPT: a container that may mount, and has done SCRIPT.
trapped() {
    edit '.process.capabilities |= map_values(. + ["CAP_SYS_ADMIN", "CAP_MKNOD", "CAP_DAC_OVERRIDE"])'
    ready "$1"
}

in_terminal() {
    LIMIT=10 call "$T/out" "$T/err" "$(helper in-terminal.py)" "$RUNTIME" "${GLOBAL[@]}" --root "$ROOT" exec -t "$ID" "$@"
}

@test "CVE-2025-52565: exec -t where /dev/pts/ptmx is a fifo, a file, or a link out" {
    trapped 'mount -t tmpfs none /dev/pts && mkfifo /dev/pts/ptmx'
    in_terminal echo ran
    not_hung
    lacks "$output" $'\nran'
    rt exec "$ID" sh -c 'rm /dev/pts/ptmx; echo x >/dev/pts/ptmx'
    in_terminal echo ran
    not_hung
    lacks "$output" $'\nran'
    rt exec "$ID" sh -c 'rm /dev/pts/ptmx; ln -s /proc/1/root/dev/ptmx /dev/pts/ptmx'
    in_terminal echo ran
    not_hung
}

@test "CVE-2025-52881: exec -t where /proc is another filesystem, with traps for every descriptor" {
    trapped 'mount -t tmpfs none /proc && mkdir -p /proc/self/fd /proc/thread-self/fd /proc/self/attr &&
        i=0; while [ $i -lt 30 ]; do echo trap >/proc/self/fd/$i; mkfifo /proc/thread-self/fd/$i; i=$((i+1)); done'
    only_martlet
    in_terminal sh -c 'test -t 0 && echo a terminal'
    not_hung
    has "$output" 'a terminal'
    rt exec "$ID" cat /proc/self/fd/4
    equal "$output" trap
}

@test "state: --pid-file replaces a link, and does not follow it" {
    launched
    echo kept >"$T/victim"
    ln -s "$T/victim" "$T/pid"
    rt exec -d --pid-file "$T/pid" "$ID" sleep 1000
    only_martlet
    ok
    equal "$(cat "$T/victim")" kept
}

@test "exec: ids that are none are refused" {
    local id
    for id in .. . '' a/b ../a "$(printf '%0300d' 0)"; do
        rt exec "$id" true
        refused
    done
}

# ---------------------------------------------------------------------------------------------
# Killed and failing half-way

# interrupted MODE: `exec` at every system call, with undo.py.
interrupted() {
    only_martlet
    command -v strace >/dev/null || skip 'strace is not installed'
    edit '.linux.cgroupsPath = $p | .linux.resources = {pids: {limit: 50}}' --arg p "/$TAG-undo/test"
    LIMIT=300 call "$T/out" "$T/err" "$CONFORMANCE/security/undo.py" "$1" "$RUNTIME" "$BUNDLE" "$T/undo" exec
    ok
    has "$output" ' 0 problems'
}

@test "exec: killed at any system call, it leaves the container as it was" { interrupted kill; }
@test "exec: failed at any system call, it leaves the container as it was" { interrupted fail; }
