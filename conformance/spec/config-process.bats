#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# config.md#process, #posix-process, #linux-process, #hostname, #domainname.

load ../helpers

# ---------------------------------------------------------------------------------------------
# args, env, cwd

@test "config.md#process: args are passed on unchanged" {
    cat >"$BUNDLE/rootfs/bin/show" <<'SH'
#!/bin/sh
for word; do printf '[%s]' "$word"; done
SH
    chmod +x "$BUNDLE/rootfs/bin/show"
    args show 'two words' '' '*' '$HOME' $'new\nline' 'ü☃' '--root=/x' '"'
    run_container
    ok
    equal "$output" $'[two words][][*][$HOME][new\nline][ü☃][--root=/x]["]'
}

@test "config.md#process: args MUST have at least one entry" {
    edit '.process.args = []'
    run_container
    refused
    nothing_left
}

@test "config.md#process: args are REQUIRED" {
    edit 'del(.process.args)'
    run_container
    refused
    nothing_left
}

@test "config.md#process: args[0] is looked up in the container's PATH" {
    mkdir "$BUNDLE/rootfs/my"
    printf '#!/bin/sh\necho mine\n' >"$BUNDLE/rootfs/my/program"
    chmod +x "$BUNDLE/rootfs/my/program"
    edit '.process.env = ["PATH=/nowhere:/my:/bin"]'
    args program
    run_container
    equal "$output" mine
}

@test "config.md#process: a file that may not be run is passed over in PATH, as execvp does" {
    mkdir "$BUNDLE/rootfs/one" "$BUNDLE/rootfs/two"
    touch "$BUNDLE/rootfs/one/program"
    printf '#!/bin/sh\necho two\n' >"$BUNDLE/rootfs/two/program"
    chmod +x "$BUNDLE/rootfs/two/program"
    edit '.process.env = ["PATH=/one:/two:/bin"]'
    args program
    run_container
    equal "$output" two
}

@test "config.md#process: args[0] with a slash is no search" {
    printf '#!/bin/sh\necho mine\n' >"$BUNDLE/rootfs/home/program"
    chmod +x "$BUNDLE/rootfs/home/program"
    args /home/program
    run_container
    equal "$output" mine
}

@test "config.md#process: args[0] with a slash may be relative to cwd" {
    printf '#!/bin/sh\necho mine\n' >"$BUNDLE/rootfs/home/program"
    chmod +x "$BUNDLE/rootfs/home/program"
    edit '.process.cwd = "/home"'
    args ./program
    run_container
    equal "$output" mine
}

@test "config.md#process: a program that does not exist is an error" {
    args nonesuch
    run_container
    refused
    nothing_left
}

@test "config.md#process: env is exactly what is configured" {
    edit '.process.env = ["PATH=/bin", "A=1", "B=two words", "EMPTY=", "C=x=y", "U=ü"]'
    args env
    run_container
    ok
    # A runtime may add HOME.
    equal "$(grep -v ^HOME= <<<"$output" | sort)" "$(printf '%s\n' PATH=/bin A=1 'B=two words' EMPTY= C=x=y U=ü | sort)"
}

@test "config.md#process: env of the caller does not reach the program" {
    args env
    with env LEAK=secret HOME=/leak -- run --bundle "$BUNDLE" "$ID"
    ok
    lacks "$output" LEAK
    lacks "$output" /leak
}

@test "config.md#process: without env the program still runs" {
    edit 'del(.process.env)'
    args /bin/echo ran
    run_container
    equal "$output" ran
}

@test "config.md#process: cwd is the working directory" {
    edit '.process.cwd = "/home"'
    inside 'pwd; readlink /proc/self/cwd'
    equal "$output" $'/home\n/home'
}

# crun makes it relative to the root.
@test "config.md#process: cwd MUST be an absolute path" {
    edit '.process.cwd = "home"'
    script 'echo ran'
    never_runs
}

@test "config.md#process: cwd is REQUIRED" {
    edit 'del(.process.cwd)'
    script 'echo ran'
    never_runs
}

@test "config.md#process: cwd may be a mount" {
    mkdir "$T/source"
    add_mount /work none "$T/source" bind
    edit '.process.cwd = "/work"'
    inside 'touch here'
    ok
    [ -e "$T/source/here" ]
}

# ---------------------------------------------------------------------------------------------
# terminal

@test "config.md#process: terminal true puts a pseudo-terminal on the standard streams" {
    edit '.process.terminal = true'
    script 'for n in 0 1 2; do test -t $n && echo "tty $n"; done; tty; ls /dev/pts'
    background "$(helper receive-fd.py)" "$T/console" "$T/report"
    within 5 test -S "$T/console"
    create --console-socket "$T/console"
    ok
    within 5 test -s "$T/report"
    start
    ok
    stopped
    within 5 grep -q 'tty 2' "$T/report.text"
    output=$(tr -d '\r' <"$T/report.text")
    has "$output" $'tty 0\ntty 1\ntty 2\n/dev/'
}

@test "config-linux.md#default-devices: /dev/console is the terminal" {
    edit '.process.terminal = true'
    script 'echo to the console >/dev/console; stat -c "%t" -L /dev/console'
    background "$(helper receive-fd.py)" "$T/console" "$T/report"
    within 5 test -S "$T/console"
    create --console-socket "$T/console"
    ok
    start
    ok
    stopped
    within 5 grep -q 88 "$T/report.text"
    has "$(cat "$T/report.text")" 'to the console'
}

@test "config.md#process: the program leads a session on its terminal" {
    edit '.process.terminal = true'
    script 'echo to the terminal >/dev/tty; cut -d" " -f 6,7 /proc/self/stat'
    background "$(helper receive-fd.py)" "$T/console" "$T/report"
    within 5 test -S "$T/console"
    create --console-socket "$T/console"
    ok
    start
    ok
    stopped
    within 5 grep -q '^1 ' "$T/report.text"
    has "$(cat "$T/report.text")" 'to the terminal'
    lacks "$(cat "$T/report.text")" '1 0'
}

@test "config.md#process: consoleSize is the terminal's size" {
    edit '.process.terminal = true | .process.consoleSize = {height: 33, width: 77}'
    script 'stty size'
    background "$(helper receive-fd.py)" "$T/console" "$T/report"
    within 5 test -S "$T/console"
    create --console-socket "$T/console"
    ok
    start
    ok
    stopped
    within 5 grep -q '33 77' "$T/report.text"
}

@test "config.md#process: consoleSize MUST be ignored without terminal" {
    edit '.process.consoleSize = {height: 33, width: 77}'
    inside 'tty; echo ran'
    ok
    has "$output" ran
    has "$output" 'not a tty'
}

# runc and crun take the missing one for 0.
@test "config.md#process: height and width of consoleSize are REQUIRED" {
    local size
    for size in '{"height": 33}' '{"width": 77}'; do
        edit '.process.terminal = true | .process.consoleSize = $s' --argjson s "$size"
        background "$(helper receive-fd.py)" "$T/console" "$T/report"
        within 5 test -S "$T/console"
        create_refused --console-socket "$T/console"
        rm -f "$T/console"
    done
}

@test "config.md#process: terminal defaults to false" {
    edit 'del(.process.terminal)'
    inside 'tty'
    equal "$output" 'not a tty'
}

# ---------------------------------------------------------------------------------------------
# rlimits

limit() { awk -v name="$1" 'index($0, name) == 1 { print $(NF - 2), $(NF - 1) }' <<<"$output"; }

@test "config.md#posix-process: rlimits MUST match, soft and hard" {
    edit '.process.rlimits = [{type: "RLIMIT_NOFILE", soft: 512, hard: 1024}]'
    args sed 's/ [a-z]*  *$/ unit/' /proc/self/limits
    run_container
    equal "$(limit 'Max open files')" '512 1024'
}

@test "config.md#posix-process: every rlimit of getrlimit(2)" {
    edit '.process.rlimits = [
        {type: "RLIMIT_AS", soft: 900000000, hard: 900000001}, {type: "RLIMIT_CORE", soft: 1, hard: 2},
        {type: "RLIMIT_CPU", soft: 100, hard: 200}, {type: "RLIMIT_DATA", soft: 800000000, hard: 800000001},
        {type: "RLIMIT_FSIZE", soft: 10000000, hard: 10000001}, {type: "RLIMIT_LOCKS", soft: 5, hard: 6},
        {type: "RLIMIT_MEMLOCK", soft: 4096, hard: 8192}, {type: "RLIMIT_MSGQUEUE", soft: 1000, hard: 1001},
        {type: "RLIMIT_NICE", soft: 0, hard: 0}, {type: "RLIMIT_NOFILE", soft: 100, hard: 101},
        {type: "RLIMIT_NPROC", soft: 3000, hard: 3001}, {type: "RLIMIT_RSS", soft: 7000000, hard: 7000001},
        {type: "RLIMIT_RTPRIO", soft: 0, hard: 0}, {type: "RLIMIT_RTTIME", soft: 1000000, hard: 1000001},
        {type: "RLIMIT_SIGPENDING", soft: 50, hard: 51}, {type: "RLIMIT_STACK", soft: 4194304, hard: 8388608}]'
    args sed 's/ [a-z]*  *$/ unit/; s/\(priority *[0-9]* *[0-9]*\) *$/\1 unit/' /proc/self/limits
    run_container
    ok
    equal "$(limit 'Max address space')" '900000000 900000001'
    equal "$(limit 'Max core file size')" '1 2'
    equal "$(limit 'Max cpu time')" '100 200'
    equal "$(limit 'Max data size')" '800000000 800000001'
    equal "$(limit 'Max file size')" '10000000 10000001'
    equal "$(limit 'Max file locks')" '5 6'
    equal "$(limit 'Max locked memory')" '4096 8192'
    equal "$(limit 'Max msgqueue size')" '1000 1001'
    equal "$(limit 'Max open files')" '100 101'
    equal "$(limit 'Max processes')" '3000 3001'
    equal "$(limit 'Max resident set')" '7000000 7000001'
    equal "$(limit 'Max realtime timeout')" '1000000 1000001'
    equal "$(limit 'Max pending signals')" '50 51'
    equal "$(limit 'Max stack size')" '4194304 8388608'
}

@test "config.md#posix-process: the largest rlimit is unlimited" {
    [ "$(ulimit -H -c)" = unlimited ] || not_here 'the hard limit for core files is not unlimited'
    args grep core /proc/self/limits
    edit '.process.rlimits = [{type: "RLIMIT_CORE", soft: 0, hard: 0}]'
    # jq would round the number.
    sed -i 's/"soft": 0/"soft": 18446744073709551615/; s/"hard": 0/"hard": 18446744073709551615/' "$BUNDLE/config.json"
    run_container
    ok
    matches "$output" 'unlimited +unlimited'
}

@test "config.md#posix-process: rlimits that are not set stay the caller's" {
    args sed 's/ [a-z]*  *$/ unit/' /proc/self/limits
    with prlimit --core=123:456 -- run --bundle "$BUNDLE" "$ID"
    ok
    equal "$(limit 'Max core file size')" '123 456'
}

@test "config.md#posix-process: an rlimit that is none MUST generate an error" {
    edit '.process.rlimits = [{type: "RLIMIT_BANANA", soft: 1, hard: 1}]'
    script 'echo ran'
    never_runs
    nothing_left
}

@test "config.md#posix-process: soft is enforced" {
    edit '.process.rlimits = [{type: "RLIMIT_NOFILE", soft: 8, hard: 16}]'
    inside 'sh -c "exec 7</dev/null && echo seven; exec 8</dev/null && echo eight"; ulimit -n 16 && sh -c "exec 8</dev/null && echo raised"; ulimit -n 17 || echo ceiling'
    equal "$output" $'seven\nraised\nceiling'
}

# runc and crun take what is missing for 0.
@test "config.md#posix-process: type, soft and hard are REQUIRED" {
    local name
    script 'echo ran'
    for name in type soft hard; do
        edit '.process.rlimits = [{type: "RLIMIT_CORE", soft: 0, hard: 0} | del(.[$n])]' --arg n "$name"
        never_runs
        nothing_left
    done
}

# runc and crun apply both.
@test "config.md#posix-process: duplicated rlimits MUST generate an error" {
    edit '.process.rlimits = [{type: "RLIMIT_CORE", soft: 1, hard: 1}, {type: "RLIMIT_CORE", soft: 0, hard: 0}]'
    script 'echo ran'
    never_runs
    nothing_left
}

@test "config.md#posix-process: an rlimit that cannot be set is an error" {
    edit '.process.rlimits = [{type: "RLIMIT_CORE", soft: 2, hard: 1}]'
    script 'echo ran'
    never_runs
    nothing_left
}

# ---------------------------------------------------------------------------------------------
# capabilities. Bits: CHOWN 0, KILL 5, NET_BIND_SERVICE 10, NET_RAW 13, AUDIT_WRITE 29.

caps() { awk -v name="Cap$1:" '$1 == name { sub(/^0+/, "", $2); print $2 == "" ? 0 : $2 }' <<<"$output"; }

only_capabilities() { edit '.process.capabilities = $c' --argjson c "$1"; args cat /proc/self/status; run_container; ok; }

@test "config.md#linux-process: capabilities, bounding set" {
    only_capabilities '{"bounding": ["CAP_CHOWN", "CAP_NET_RAW"]}'
    equal "$(caps Bnd)" 2001
}

@test "config.md#linux-process: capabilities, permitted and effective sets" {
    only_capabilities '{"bounding": ["CAP_CHOWN", "CAP_KILL"], "permitted": ["CAP_CHOWN", "CAP_KILL"], "effective": ["CAP_KILL", "CAP_CHOWN"]}'
    equal "$(caps Prm) $(caps Eff)" '21 21'
}

# A program run by root gets what is bounding and inheritable, whatever it had: so as another user.
@test "config.md#linux-process: capabilities, inheritable set" {
    only_capabilities '{"bounding": ["CAP_CHOWN", "CAP_KILL"], "permitted": ["CAP_CHOWN", "CAP_KILL"], "inheritable": ["CAP_KILL"]}'
    equal "$(caps Inh)" 20
}

@test "config.md#linux-process: capabilities, ambient set" {
    edit '.process.user = {uid: 1000, gid: 1000}'
    only_capabilities '{"bounding": ["CAP_CHOWN", "CAP_KILL"], "permitted": ["CAP_CHOWN", "CAP_KILL"],
        "effective": ["CAP_CHOWN", "CAP_KILL"], "inheritable": ["CAP_KILL"], "ambient": ["CAP_KILL"]}'
    equal "$(caps Amb) $(caps Inh) $(caps Prm) $(caps Eff) $(caps Bnd)" '20 20 20 20 21'
}

@test "config.md#linux-process: capabilities, empty sets leave none" {
    only_capabilities '{"bounding": [], "permitted": [], "effective": [], "inheritable": [], "ambient": []}'
    equal "$(caps Bnd) $(caps Prm) $(caps Eff) $(caps Inh) $(caps Amb)" '0 0 0 0 0'
}

@test "config.md#linux-process: capabilities, by effect" {
    edit '.process.capabilities = {bounding: ["CAP_CHOWN"], permitted: ["CAP_CHOWN"], effective: ["CAP_CHOWN"]}'
    inside 'touch /f; chown 5 /f && stat -c %u /f'
    equal "$output" 5
    edit '.process.capabilities = {bounding: [], permitted: [], effective: []}'
    inside 'touch /g; chown 5 /g'
    has "$errors" 'Operation not permitted'
}

# runc 1.1.5 logs a warning, crun 1.8.1 is silent.
@test "config.md#linux-process: a capability that capabilities(7) does not define is an error, in each set" {
    local set
    for set in bounding permitted effective inheritable ambient; do
        edit '.process.capabilities = {($s): ["CAP_CHOWN", "CAP_BANANA"]}' --arg s "$set"
        create_refused
        ! is_martlet || has "$errors" "process.capabilities.$set[1]: "
    done
}

# runc 1.1.5 and crun 1.8.1 fail in capset(2).
@test "config.md#linux-process: a capability that cannot be granted SHOULD NOT fail" {
    args cat /proc/self/status
    edit '.process.capabilities = {bounding: ["CAP_CHOWN", "CAP_KILL"], permitted: ["CAP_CHOWN", "CAP_KILL"], effective: ["CAP_CHOWN", "CAP_KILL"]}'
    # CAP_KILL is taken from the runtime before.
    with setpriv --bounding-set -kill --inh-caps -kill -- run --bundle "$BUNDLE" "$ID"
    ok
    equal "$(caps Bnd)" 1
}

# crun 1.8.1 is silent; it and runc 1.1.5 fail where a capability cannot be granted.
# Where a warning goes is the runtime's choice: its log, or stderr.
warned_of() {
    call "$T/out" "$T/err" "$@" "$RUNTIME" "${GLOBAL[@]}" --root "$ROOT" --log "$T/log" run --bundle "$BUNDLE" "$ID"
    ok
    touch "$T/log"
    has "$errors$(cat "$T/log")" "$WARNED"
}

@test "config.md#linux-process: a capability that cannot be granted MUST be logged as a warning" {
    edit '.process.capabilities = {bounding: ["CAP_CHOWN", "CAP_KILL"], permitted: ["CAP_CHOWN", "CAP_KILL"], effective: ["CAP_CHOWN", "CAP_KILL"]}'
    args true
    WARNED=CAP_KILL warned_of setpriv --bounding-set -kill --inh-caps -kill
}

# ---------------------------------------------------------------------------------------------
# the rest

@test "config.md#linux-process: noNewPrivileges true" {
    edit '.process.noNewPrivileges = true'
    inside 'grep NoNewPrivs /proc/self/status'
    equal "$output" $'NoNewPrivs:\t1'
}

@test "config.md#linux-process: noNewPrivileges true, by effect" {
    cp "$(compiled "$(helper src/ids.c)")" "$BUNDLE/rootfs/bin/ids"
    chmod 4755 "$BUNDLE/rootfs/bin/ids"
    edit '.process.noNewPrivileges = false | .process.user = {uid: 1000, gid: 1000}'
    args ids
    run_container
    equal "$output" '1000 0'
    edit '.process.noNewPrivileges = true'
    run_container
    equal "$output" '1000 1000'
}

@test "config.md#linux-process: noNewPrivileges false and unset" {
    edit '.process.noNewPrivileges = false'
    inside 'grep NoNewPrivs /proc/self/status'
    equal "$output" $'NoNewPrivs:\t0'
    edit 'del(.process.noNewPrivileges)'
    inside 'grep NoNewPrivs /proc/self/status'
    equal "$output" $'NoNewPrivs:\t0'
}

@test "config.md#linux-process: oomScoreAdj MUST be set to the given value" {
    edit '.process.oomScoreAdj = 321'
    inside 'cat /proc/self/oom_score_adj'
    equal "$output" 321
}

@test "config.md#linux-process: oomScoreAdj unset MUST NOT change it" {
    script 'cat /proc/self/oom_score_adj'
    with sh -c 'echo 123 >/proc/self/oom_score_adj; exec "$0" "$@"' -- run --bundle "$BUNDLE" "$ID"
    ok
    equal "$output" 123
}

@test "config.md#linux-process: oomScoreAdj out of range is an error" {
    edit '.process.oomScoreAdj = 1001'
    script 'echo ran'
    never_runs
    nothing_left
}

@test "config.md#hostname: is the container's, not the host's" {
    local before
    before=$(hostname)
    edit '.hostname = "name-of-container"'
    inside 'hostname; cat /proc/sys/kernel/hostname'
    equal "$output" $'name-of-container\nname-of-container'
    equal "$(hostname)" "$before"
}

@test "config.md#hostname: without a new uts namespace the host keeps its name" {
    local before
    before=$(hostname)
    edit '.linux.namespaces |= map(select(.type != "uts"))'
    inside 'echo ran'
    equal "$(hostname)" "$before"
    refused
}

# runc before 1.2 does not know domainname (runtime-spec 1.1).
@test "config.md#domainname: is the container's" {
    edit '.domainname = "name-of-domain"'
    inside 'cat /proc/sys/kernel/domainname'
    equal "$output" name-of-domain
}

@test "config.md#domainname: without a new uts namespace the host keeps its domain" {
    local before
    before=$(cat /proc/sys/kernel/domainname)
    edit '.domainname = "name-of-domain" | del(.hostname) | .linux.namespaces |= map(select(.type != "uts"))'
    inside 'echo ran'
    equal "$(cat /proc/sys/kernel/domainname)" "$before"
}

@test "config.md#process: signals are at their defaults and none is blocked" {
    args grep -E 'SigBlk|SigIgn' /proc/self/status
    with sh -c 'trap "" INT HUP USR1 PIPE CHLD; exec "$0" "$@"' -- run --bundle "$BUNDLE" "$ID"
    ok
    # Ignored signals pass through execve by its own rules; nothing may be blocked.
    has "$output" $'SigBlk:\t0000000000000000'
}
