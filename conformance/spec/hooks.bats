#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# config.md#posix-platform-hooks and the steps of runtime.md#lifecycle that they stand for.

load ../helpers

also_setup() {
    # Open to every id that a hook may have.
    LOG=$T/log
    mkdir -m 777 "$LOG"
}

# hook KIND SCRIPT [JSON]: one more hook of that kind, in the host's busybox or the container's; the
# third word is merged into it. In the script, $LOG is where it may write and $state what came over
# stdin: crun 1.8.1 ends by SIGPIPE when a hook does not read it.
hook() { plain_hook "$1" "state=\$(cat); $2" "${3:-}"; }

# The same, but that nobody has read stdin.
plain_hook() {
    local shell=/bin/busybox extra=${3:-}
    edit '.hooks[$k] += [{path: $p, args: ["sh", "-c", $s], env: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LOG=" + $l]} + $x]' \
        --arg k "$1" --arg p "$shell" --arg s "$2" --arg l "$LOG" --argjson x "${extra:-{\}}"
}

# Hooks of the container see only what is mounted there.
share_log() { add_mount "$LOG" none "$LOG" bind rw; }

# The kinds that run at create, and those that run in the runtime's namespaces.
readonly AT_CREATE='prestart createRuntime createContainer'
readonly IN_RUNTIME='prestart createRuntime poststart poststop'
readonly ALL='prestart createRuntime createContainer startContainer poststart poststop'

logged() { cat "$LOG/log" 2>/dev/null | tr '\n' ' '; }

# ---------------------------------------------------------------------------------------------
# What a hook is

# runc 1.1.5 and crun 1.8.1 do not look at it before it is due.
@test "config.md#posix-platform-hooks: path MUST be absolute" {
    local kind
    for kind in $ALL; do
        edit '.hooks = {($k): [{path: "bin/true"}]}' --arg k "$kind"
        create_refused
    done
}

@test "config.md#posix-platform-hooks: path is REQUIRED" {
    edit '.hooks = {createRuntime: [{args: ["x"]}]}'
    create_refused
}

# runc 1.1.5 and crun 1.8.1 take them.
@test "config.md#posix-platform-hooks: timeout MUST be greater than zero" {
    local timeout
    for timeout in 0 -1; do
        edit '.hooks = {poststop: [{path: "/bin/true", timeout: $t}]}' --argjson t "$timeout"
        create_refused
    done
}

@test "config.md#posix-platform-hooks: args are execv's argv, the first one included" {
    # shellcheck disable=SC2016
    printf '#!/bin/sh\ntr "\\0" "\\n" </proc/$$/cmdline | tail -n +3 >"%s/args"\n' "$LOG" >"$T/hook"
    chmod 755 "$T/hook"
    edit '.hooks = {createRuntime: [{path: $p, args: ["name", "a b", "", "-c"]}]}' --arg p "$T/hook"
    create
    ok
    equal "$(cat "$LOG/args")" $'a b\n\n-c'
    edit '.hooks = {createRuntime: [{path: "/bin/busybox", args: ["touch", $f]}]}' --arg f "$LOG/touched"
    rt delete --force "$ID"
    create
    ok
    [ -e "$LOG/touched" ]
}

@test "config.md#posix-platform-hooks: args are OPTIONAL" {
    printf '#!/bin/sh\necho "$#" >"%s/count"\n' "$LOG" >"$T/hook"
    chmod 755 "$T/hook"
    edit '.hooks = {createRuntime: [{path: $p}]}' --arg p "$T/hook"
    create
    ok
    equal "$(cat "$LOG/count")" 0
}

@test "config.md#posix-platform-hooks: env is the whole environment" {
    local kind
    share_log
    for kind in $ALL; do
        edit '.hooks[$k] = [{path: "/bin/busybox", env: ["A=1", "B=x y"],
            args: ["dd", "if=/proc/self/environ", "of=" + $f]}]' \
            --arg k "$kind" --arg f "$LOG/$kind"
    done
    with env OUTER=leaked SWIFT_BACKTRACE=enable=no -- create --bundle "$BUNDLE" "$ID"
    ok
    with env OUTER=leaked -- start "$ID"
    ok
    end_container
    with env OUTER=leaked -- delete "$ID"
    ok
    for kind in $ALL; do equal "$kind $(tr '\0' '\n' <"$LOG/$kind")" "$kind A=1"$'\nB=x y'; done
}

# crun 1.8.1 gives such a hook its own environment.
@test "config.md#posix-platform-hooks: without env the environment is empty" {
    # shellcheck disable=SC2016
    edit '.hooks.createRuntime = [{path: "/bin/busybox",
        args: ["dd", "if=/proc/self/environ", "of=" + $f]}]' --arg f "$LOG/env"
    with env OUTER=leaked -- create --bundle "$BUNDLE" "$ID"
    ok
    equal "$(cat "$LOG/env")" ''
}

# runc 1.1.5 calls poststart before create ends, or, with run, before startContainer; crun 1.8.1 does
# not wait for startContainer before poststart.
@test "config.md#posix-platform-hooks: MUST be called in the listed order, prestart before createRuntime before createContainer" {
    local kind
    share_log
    for kind in poststop poststart startContainer createContainer createRuntime prestart; do
        hook "$kind" "echo $kind.0 >>\$LOG/log"
        hook "$kind" "echo $kind.1 >>\$LOG/log"
    done
    create
    ok
    equal "$(logged)" 'prestart.0 prestart.1 createRuntime.0 createRuntime.1 createContainer.0 createContainer.1 '
    start
    ok
    equal "$(logged)" 'prestart.0 prestart.1 createRuntime.0 createRuntime.1 createContainer.0 createContainer.1 startContainer.0 startContainer.1 poststart.0 poststart.1 '
    end_container
    equal "$(logged)" 'prestart.0 prestart.1 createRuntime.0 createRuntime.1 createContainer.0 createContainer.1 startContainer.0 startContainer.1 poststart.0 poststart.1 '
    rt delete "$ID"
    ok
    equal "$(logged)" 'prestart.0 prestart.1 createRuntime.0 createRuntime.1 createContainer.0 createContainer.1 startContainer.0 startContainer.1 poststart.0 poststart.1 poststop.0 poststop.1 '
}

# The same.
@test "config.md#posix-platform-hooks: run calls each of them once" {
    local kind
    share_log
    for kind in $ALL; do hook "$kind" "echo $kind >>\$LOG/log"; done
    inside true
    ok
    equal "$(logged)" 'prestart createRuntime createContainer startContainer poststart poststop '
}

# ---------------------------------------------------------------------------------------------
# The state

with_states() {
    local kind
    share_log
    edit '.annotations = {"org.example.a": "b \"c\""}'
    for kind in $ALL; do plain_hook "$kind" "cat >\$LOG/$kind; cat >\$LOG/$kind.rest"; done
    create
    ok
    start
    ok
    PID=$(pid_of)
    end_container
    rt delete "$ID"
    ok
}

state_in() { jq -c "$2" "$LOG/$1"; }

# crun 1.8.1 says "ociVersion": "1.0", which is no version by semver.
@test "config.md#posix-platform-hooks: the state MUST be passed over stdin, with ociVersion, id, bundle and annotations" {
    local kind
    with_states
    for kind in $ALL; do
        equal "$kind $(state_in "$kind" '[.id, .bundle, .annotations]')" \
            "$kind $(jq -nc --arg i "$ID" --arg b "$BUNDLE" '[$i, $b, {"org.example.a": "b \"c\""}]')"
        equal "$kind $(state_in "$kind" '.ociVersion | test("^[0-9]+\\.[0-9]+\\.[0-9]+")')" "$kind true"
        # The end of the file follows.
        equal "$(wc -c <"$LOG/$kind.rest")" 0
    done
}

# runc 1.1.5 says "creating" until startContainer, and "created" at poststart; so does crun 1.8.1 there.
@test "runtime.md#state: hooks read the status of their step" {
    local kind
    with_states
    for kind in $AT_CREATE; do equal "$kind $(state_in "$kind" .status)" "$kind \"created\""; done
    equal "$(state_in startContainer .status)" '"created"'
    equal "$(state_in poststart .status)" '"running"'
    equal "$(state_in poststop .status)" '"stopped"'
}

@test "runtime.md#state: for hooks in the runtime namespace, pid is as seen by the runtime" {
    with_states
    equal "$(state_in prestart .pid)" "$PID"
    equal "$(state_in createRuntime .pid)" "$PID"
    equal "$(state_in poststart .pid)" "$PID"
}

# crun 1.8.1 gives 0.
@test "runtime.md#state: for hooks in the container namespace, pid is as seen by the container" {
    with_states
    equal "$(state_in createContainer .pid)" 1
    equal "$(state_in startContainer .pid)" 1
}

# crun 1.8.1 ends by SIGPIPE.
@test "config.md#posix-platform-hooks: a hook need not read its state, however long that is" {
    edit '.annotations = ([range(2000)] | map({key: "k\(.)", value: ("x" * 100)}) | from_entries)'
    plain_hook createRuntime 'exit 0'
    plain_hook createRuntime 'wc -c >$LOG/size'
    plain_hook poststop 'exec 0<&-; exit 0'
    create
    ok
    [ "$(cat "$LOG/size")" -gt 200000 ]
    rt delete --force "$ID"
    ok
    equal "$errors" ''
}

# ---------------------------------------------------------------------------------------------
# Where they run

# shellcheck disable=SC2016
readonly TELL_NAMESPACES='for n in cgroup ipc mnt net pid uts user; do readlink /proc/$$/ns/$n; done'

@test "config.md#posix-platform-hooks: prestart, createRuntime, poststart and poststop MUST be executed in the runtime namespace" {
    local kind here
    namespaces pid network ipc uts mount cgroup
    here=$(for n in cgroup ipc mnt net pid uts user; do readlink "/proc/$$/ns/$n"; done)
    for kind in $IN_RUNTIME; do hook "$kind" "{ $TELL_NAMESPACES; } >\$LOG/$kind"; done
    inside true
    ok
    for kind in $IN_RUNTIME; do equal "$kind $(cat "$LOG/$kind")" "$kind $here"; done
}

# In the process's pid namespace /proc of the host still shows the host's pids: hence self.
@test "config.md#createcontainer-hooks: MUST be executed in the container namespace" {
    namespaces pid network ipc uts mount
    hook createContainer 'for n in ipc mnt net pid uts; do readlink /proc/self/ns/$n; done >$LOG/out'
    create
    ok
    local pid
    pid=$(pid_of)
    equal "$(cat "$LOG/out")" "$(for n in ipc mnt net pid uts; do readlink "/proc/$pid/ns/$n"; done)"
}

@test "config.md#startcontainer-hooks: MUST be executed in the container namespace" {
    namespaces pid network ipc uts mount
    share_log
    hook startContainer 'for n in ipc mnt net pid uts; do readlink /proc/self/ns/$n; done >$LOG/out'
    launched
    local pid
    pid=$(pid_of)
    equal "$(cat "$LOG/out")" "$(for n in ipc mnt net pid uts; do readlink "/proc/$pid/ns/$n"; done)"
}

# path: a program which is only there.
only_on_host() {
    printf '#!/bin/sh\necho host >>"%s/log"\n' "$LOG" >"$T/which"
    chmod 755 "$T/which"
}

# crun 1.8.1 ends by SIGPIPE: these do not read.
@test "config.md#posix-platform-hooks: all paths but startContainer's MUST resolve in the runtime namespace" {
    only_on_host
    edit '.hooks = (["prestart", "createRuntime", "createContainer", "poststart", "poststop"]
        | map({key: ., value: [{path: $p}]}) | from_entries)' --arg p "$T/which"
    inside true
    ok
    equal "$(logged)" 'host host host host host '
}

@test "config.md#startcontainer-hooks: path MUST resolve in the container namespace" {
    only_on_host
    share_log
    mkdir -p "$BUNDLE/rootfs$T"
    printf '#!/bin/sh\necho container >>"%s/log"\n' "$LOG" >"$BUNDLE/rootfs$T/which"
    chmod 755 "$BUNDLE/rootfs$T/which"
    edit '.hooks = {startContainer: [{path: $p}]}' --arg p "$T/which"
    inside true
    ok
    equal "$(logged)" 'container '
}

@test "config.md#posix-platform-hooks: hooks of create are called after the namespaces and the mounts, and before pivot_root" {
    add_mount /marked tmpfs tmpfs
    # The container's mount namespace exists, its mounts are done, and its root is not entered.
    local look='grep -q " $R/marked " /proc/PID/mountinfo && grep -q " $R " /proc/PID/mountinfo'
    edit '.hooks.createRuntime = [{path: "/bin/busybox", env: ["PATH=/bin:/usr/bin", "R=" + $r],
            args: ["sh", "-c", "pid=$(grep -o \"\\\"pid\\\": *[0-9]*\" | grep -o \"[0-9]*\"); "
                + ($s | gsub("PID"; "$pid"))]}]
        | .hooks.createContainer = [{path: "/bin/busybox", env: ["PATH=/bin:/usr/bin", "R=" + $r],
            args: ["sh", "-c", ($s | gsub("PID"; "self"))]}]' --arg s "$look" --arg r "$BUNDLE/rootfs"
    create
    ok
}

@test "config.md#posix-platform-hooks: what hooks of create mount below root.path shows in the container" {
    mkdir "$T/source" "$BUNDLE/rootfs/"{a,b}
    touch "$T/source/seen"
    edit '.hooks.createRuntime = [{path: "/bin/sh", env: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"],
            args: ["sh", "-c", "nsenter --mount --target $(jq .pid) mount --bind " + $s + " " + $r + "/a"]}]
        | .hooks.createContainer = [{path: "/bin/sh", env: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"],
            args: ["sh", "-c", "mount --bind " + $s + " " + $r + "/b"]}]
        | .root.readonly = true' --arg s "$T/source" --arg r "$BUNDLE/rootfs"
    inside 'ls /a /b'
    ok
    equal "$output" $'/a:\nseen\n\n/b:\nseen'
}

@test "config.md#posix-platform-hooks: what hooks of create mount shows without pivot_root, too" {
    mkdir "$T/source" "$BUNDLE/rootfs/b"
    touch "$T/source/seen"
    edit '.hooks.createContainer = [{path: "/bin/sh", env: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"],
            args: ["sh", "-c", "mount --bind " + $s + " " + $r + "/b"]}]' \
        --arg s "$T/source" --arg r "$BUNDLE/rootfs"
    script 'ls /b; ls -d /proc/self /sys/class; ls /; grep -c " / " /proc/self/mountinfo'
    run_container --no-pivot
    ok
    has "$output" seen
    has "$output" /proc/self
    lacks "$output" "${T#/tmp/}"
}

@test "config.md#prestart: a network device made by a hook can be set up by linux.sysctl" {
    ip link add name "${TAG:0:10}a" type dummy 2>/dev/null || not_here 'no dummy network devices'
    ip link del "${TAG:0:10}a"
    hook createRuntime 'pid=$(echo "$state" | jq .pid); nsenter --net --target $pid ip link add name made type dummy'
    edit '.hooks.createRuntime[0].path = "/bin/sh" | .linux.sysctl = {"net.ipv4.conf.made.forwarding": "1"}'
    inside 'cat /proc/sys/net/ipv4/conf/made/forwarding'
    ok
    equal "$output" 1
}

@test "config.md#startcontainer-hooks: MUST be called as part of start, before the program is executed" {
    share_log
    hook startContainer 'echo hook >>$LOG/log'
    script "echo program >>$LOG/log; sleep 1000"
    create
    ok
    equal "$(logged)" ''
    start
    ok
    within 5 grep -q program "$LOG/log"
    equal "$(logged)" 'hook program '
}

# runc before 1.6 calls them before the program is executed.
@test "config.md#poststart: MUST be called after the user-specified process is executed but before start returns" {
    hook poststart 'pid=$(echo "$state" | grep -o "\"pid\": *[0-9]*" | grep -o "[0-9]*"); tr "\0" " " </proc/$pid/cmdline >$LOG/program; sleep 0.5; echo late >$LOG/late'
    launched
    equal "$(cat "$LOG/program")" 'sleep 1000 '
    [ -e "$LOG/late" ]
}

# crun 1.8.1 still knows the container then.
@test "config.md#poststop: MUST be called after the container is deleted but before delete returns" {
    edit '.hooks.poststop = [{path: "/bin/sh", env: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"],
        args: ["sh", "-c", "\($r) --root \($o) state \($i) >/dev/null 2>&1; echo $? >\($l)/known; sleep 0.5; echo late >\($l)/late"]}]' \
        --arg r "$RUNTIME" --arg o "$ROOT" --arg i "$ID" --arg l "$LOG"
    launched
    local pid
    pid=$(pid_of)
    end_container
    [ ! -e "$LOG/late" ]
    rt delete "$ID"
    ok
    [ -e "$LOG/late" ]
    differ "$(cat "$LOG/known")" 0
    gone "$pid"
}

@test "runtime.md#lifecycle: delete --force runs poststop hooks, too" {
    hook poststop 'echo poststop >>$LOG/log'
    launched
    rt delete --force "$ID"
    ok
    equal "$(logged)" 'poststop '
    rt delete --force "$ID"
    equal "$(logged)" 'poststop '
}

@test "runtime.md#lifecycle: delete of a container that was never started runs poststop hooks" {
    hook poststop 'echo poststop >>$LOG/log'
    create
    ok
    rt delete --force "$ID"
    ok
    equal "$(logged)" 'poststop '
}

# runc 1.1.5 calls poststart too early, crun 1.8.1 at the same time as startContainer.
@test "runtime.md#lifecycle: updates to hooks after create MUST NOT affect the container" {
    local kind
    share_log
    for kind in startContainer poststart poststop; do hook "$kind" "echo $kind >>\$LOG/log"; done
    create
    ok
    edit '.hooks = {poststop: [{path: "/bin/false"}]}'
    start
    ok
    end_container
    rm "$BUNDLE/config.json"
    rt delete "$ID"
    ok
    equal "$(logged)" 'startContainer poststart poststop '
}

# ---------------------------------------------------------------------------------------------
# Failures

@test "runtime.md#lifecycle: if any prestart, createRuntime or createContainer hook fails, create MUST generate an error and destroy the container" {
    local kind
    for kind in $AT_CREATE; do
        edit 'del(.hooks)'
        rm -f "$LOG/log"
        hook "$kind" 'echo first >>$LOG/log'
        hook "$kind" 'exit 3'
        hook "$kind" 'echo third >>$LOG/log'
        create_refused
        equal "$kind $(logged)" "$kind first "
    done
}

# crun 1.8.1 does not run them.
@test "runtime.md#lifecycle: if any hook of create fails, poststop hooks MUST be invoked" {
    local kind
    for kind in $AT_CREATE; do
        edit 'del(.hooks)'
        rm -f "$LOG/log"
        hook "$kind" 'exit 3'
        hook poststop 'echo poststop >>$LOG/log'
        create_refused
        equal "$kind $(logged)" "$kind poststop "
    done
}

# With runc 1.1.5 and crun 1.8.1 start succeeds.
@test "runtime.md#lifecycle: if any startContainer hook fails, start MUST generate an error, and the container is destroyed without its program" {
    share_log
    hook startContainer 'exit 3'
    hook poststart 'echo poststart >>$LOG/log'
    hook poststop 'echo poststop >>$LOG/log'
    script "echo program >>$LOG/log"
    create
    ok
    start
    refused
    within 2 nothing_left_quietly
    equal "$(logged)" 'poststop '
}

# New in 1.3.0. With runc 1.1.5 it is create that fails, crun 1.8.1 does not see it.
@test "runtime.md#lifecycle: if any poststart hook fails, start MUST generate an error, stop and destroy the container" {
    hook poststart 'echo first >>$LOG/log; exit 3'
    hook poststart 'echo second >>$LOG/log'
    hook poststop 'echo poststop >>$LOG/log'
    create
    ok
    local pid
    pid=$(pid_of)
    start
    refused
    gone "$pid"
    within 2 nothing_left_quietly
    equal "$(logged)" 'first poststop '
}

# runc 1.1.5 skips those that follow; crun 1.8.1 says nothing.
@test "runtime.md#lifecycle: if any poststop hook fails, a warning MUST be logged and the rest go on" {
    hook poststop 'echo first >>$LOG/log; exit 3'
    hook poststop 'echo second >>$LOG/log'
    launched
    end_container
    rt delete "$ID"
    ok
    [ -n "$errors" ]
    equal "$(logged)" 'first second '
    nothing_left
}

# crun 1.8.1 goes on without it.
@test "runtime.md#lifecycle: a hook that is not there, or ends by a signal, has failed" {
    edit '.hooks = {createRuntime: [{path: "/nowhere/hook"}]}'
    create_refused
    edit 'del(.hooks)'
    hook createRuntime 'kill -SEGV $$'
    create_refused
}

# crun 1.8.1 runs no poststop hooks then.
@test "runtime.md#lifecycle: run generates the error of a failed hook, and leaves nothing" {
    local kind
    share_log
    for kind in prestart createRuntime createContainer startContainer poststart; do
        edit 'del(.hooks)'
        rm -f "$LOG/log"
        hook "$kind" 'exit 3'
        hook poststop 'echo poststop >>$LOG/log'
        args sleep 1000
        run_container
        refused
        within 2 nothing_left_quietly
        equal "$kind $(logged)" "$kind poststop "
    done
}

# With runc 1.1.5 and crun 1.8.1 start succeeds.
@test "config.md#posix-platform-hooks: timeout aborts a hook, and it has failed" {
    local kind
    share_log
    for kind in $AT_CREATE; do
        edit 'del(.hooks)'
        hook "$kind" 'echo $$ >$LOG/pid; exec sleep 1000' '{"timeout": 1}'
        create
        refused
        nothing_left
        [ "$kind" = createContainer ] || gone "$(cat "$LOG/pid")"
    done
    for kind in startContainer poststart; do
        edit 'del(.hooks)'
        hook "$kind" 'exec sleep 1000' '{"timeout": 1}'
        create
        ok
        start
        refused
        rt delete --force "$ID"
    done
}

# runc 1.1.5 skips those that follow.
@test "config.md#posix-platform-hooks: timeout of a poststop hook is a warning" {
    hook poststop 'exec sleep 1000' '{"timeout": 1}'
    hook poststop 'echo second >>$LOG/log'
    launched
    end_container
    rt delete "$ID"
    ok
    equal "$(logged)" 'second '
}

# crun 1.8.1 cannot read so large a number.
@test "config.md#posix-platform-hooks: a timeout that is not reached changes nothing" {
    hook createRuntime 'sleep 0.2; echo done >>$LOG/log' '{"timeout": 100}'
    hook createRuntime 'echo done >>$LOG/log' '{"timeout": 9007199254740991}'
    create
    ok
    equal "$(logged)" 'done done '
}

# ---------------------------------------------------------------------------------------------
# What a hook comes with

# runc 1.1.5 lets three of its own through to createContainer.
@test "hooks get no descriptors but the standard streams" {
    local kind
    share_log
    for kind in $ALL; do hook "$kind" 'for f in /proc/self/fd/*; do echo ${f##*/}; done | grep -v 255 >$LOG/'"$kind"; done
    create
    ok
    start
    ok
    end_container
    rt delete "$ID"
    ok
    # The shell opens the directory itself while it lists.
    for kind in $ALL; do
        [ "$(grep -c . "$LOG/$kind")" -le 4 ] || say "$kind: $(tr '\n' ' ' <"$LOG/$kind")"
        [ "$(sort -n "$LOG/$kind" | tail -n 1)" -le 5 ] || say "$kind: $(tr '\n' ' ' <"$LOG/$kind")"
    done
}

# crun 1.8.1 blocks nearly all.
@test "hooks start with no signal blocked or ignored, also under run" {
    local kind
    share_log
    for kind in $ALL; do edit '.hooks[$k] = [{path: "/bin/busybox", env: [],
        args: ["awk", "/^Sig(Blk|Ign)/ { print >\($f) }", "/proc/self/status"]}]' --arg k "$kind" --arg f "\"$LOG/$kind\""; done
    inside true
    ok
    for kind in $ALL; do
        equal "$kind $(tr -d '\t' <"$LOG/$kind")" "$kind SigBlk:0000000000000000"$'\nSigIgn:0000000000000000'
    done
}

@test "hooks of the runtime have the caller's umask" {
    hook createRuntime 'umask >$LOG/umask'
    with sh -c 'umask 0027; exec "$@"' sh -- create --bundle "$BUNDLE" "$ID"
    ok
    equal "$(cat "$LOG/umask")" 0027
}

@test "a hook may leave a process in the background, and nobody waits for it" {
    hook createRuntime 'sleep 3 & echo $! >$LOG/pid'
    create
    ok
    local pid
    pid=$(cat "$LOG/pid")
    is_alive "$pid"
    kill -KILL "$pid"
}

# runc 1.1.5 knows nothing of the group and waits for those who hold the pipe.
@test "the time-out of a hook ends its children, too" {
    hook createRuntime 'sleep 1000 & echo $! >$LOG/pid; sleep 1000' '{"timeout": 1}'
    create_refused
    within 2 gone "$(cat "$LOG/pid")"
}

@test "delete --force ends a container whose hook does not end" {
    only_martlet
    share_log
    hook createRuntime 'echo $$ >$LOG/pid; exec sleep 1000'
    hook poststop 'echo poststop >>$LOG/log'
    background "$RUNTIME" "${GLOBAL[@]}" --root "$ROOT" create --bundle "$BUNDLE" "$ID"
    within 5 test -s "$LOG/pid"
    equal "$(status_of)" creating
    rt delete --force "$ID"
    ok
    within 5 gone "$(cat "$LOG/pid")"
    within 5 grep -q poststop "$LOG/log"
    sleep 0.3
    equal "$(logged)" 'poststop '

    edit 'del(.hooks)'
    rm "$LOG/log" "$LOG/pid"
    hook startContainer 'echo hanging >$LOG/pid; exec sleep 1000'
    hook poststop 'echo poststop >>$LOG/log'
    create
    ok
    background "$RUNTIME" "${GLOBAL[@]}" --root "$ROOT" start "$ID"
    within 5 test -s "$LOG/pid"
    rt delete --force "$ID"
    ok
    within 5 nothing_left_quietly
    equal "$(logged)" 'poststop '
}

@test "runtime.md#lifecycle: after a create that was killed, delete --force runs poststop hooks" {
    only_martlet
    hook createRuntime 'echo $$ >$LOG/pid; exec sleep 1000'
    hook poststop 'echo poststop >>$LOG/log'
    background "$RUNTIME" "${GLOBAL[@]}" --root "$ROOT" create --bundle "$BUNDLE" "$ID"
    local creator=$!
    within 5 test -s "$LOG/pid"
    kill -KILL "$creator"
    within 5 gone "$(cat "$LOG/pid")"
    rt delete --force "$ID"
    ok
    equal "$(logged)" 'poststop '
    nothing_left
}

# crun 1.8.1 does not tell it, and other runtimes may tell it elsewhere.
@test "the output of a failed hook is in the error, on one line" {
    hook createRuntime 'echo "cannot find the network"; echo second >&2; exit 3'
    create
    refused
    has "$errors" 'cannot find the network'
    is_martlet || return 0
    has "$errors" 'hooks.createRuntime[0] "/bin/busybox" failed with exit code 3; its output: "cannot find the network\nsecond"'
    equal "$(wc -l <<<"$errors")" 1
}

@test "hooks work in a user namespace" {
    local kind
    user_namespace
    share_log
    for kind in $ALL; do hook "$kind" "echo $kind >>\$LOG/log"; done
    (umask 0; : >"$LOG/log")
    script true
    run_container
    ok
    equal "$(cat "$LOG/log" | sort | xargs)" 'createContainer createRuntime poststart poststop prestart startContainer'
}
