#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# conmon's command line, pipes, files and sockets, spoken directly: what podman of this distribution does
# not ask for, too. SHIM=/usr/bin/conmon runs the same with conmon.

load ../helpers
load monitor

# ---------------------------------------------------------------------------------------------

@test "conmon: the version comes first" {
    call "$T/out" "$T/err" "$SHIM" --version
    ok
    [[ $output =~ ^conmon\ version\ [0-9]+\.[0-9]+\.[0-9]+ ]]
}

@test "conmon: the pid, the log, the exit files" {
    script 'echo out; echo err >&2; exit 7'
    monitor --exit-dir "$T/exits" --persist-dir "$T/persist"
    equal "$(answer 0 .data)" "$(cat "$T/pidfile")"
    begin
    ended
    equal "$(cat "$T/exits/$ID")" 7
    equal "$(cat "$T/persist/exit")" 7
    matches "$(cat "$T/log")" '^[0-9-]+T[0-9:]+\.[0-9]{9}[+-][0-9:]{5} std(out|err) F (out|err)'
    equal "$(grep -c ' stdout F out$' "$T/log")" 1
    equal "$(grep -c ' stderr F err$' "$T/log")" 1
}

@test "conmon: without --api-version the pid has its old name" {
    args true
    OLD=1 monitor
    differ "$(answer 0 .pid)" null
    begin
    ended
}

@test "conmon: a signal is 128 and its number" {
    args sleep 1000
    monitor --exit-dir "$T/exits"
    begin
    rt kill "$ID" KILL
    ended
    equal "$(cat "$T/exits/$ID")" 137
}

@test "conmon: the log has parts of a long line, NUL and all bytes" {
    script 'head -c 100000 /dev/zero | tr "\0" x; echo; printf "a\0b\377c\n"; printf rest'
    monitor --exit-dir "$T/exits"
    begin
    ended
    python3 - "$T/log" <<'PYTHON'
import sys
text, parts = b"", 0
for line in open(sys.argv[1], "rb").read().split(b"\n")[:-1]:
    time, stream, tag, rest = line.split(b" ", 3)
    assert tag in (b"F", b"P"), line[:80]
    parts += tag == b"P"
    text += rest + (b"\n" if tag == b"F" else b"")
assert text == b"x" * 100000 + b"\na\0b\xffc\nrest", text[-40:]
assert parts > 1
PYTHON
}

@test "conmon: --log-size-max begins the log anew" {
    script 'seq 1 10000'
    monitor --exit-dir "$T/exits" --log-size-max 5000
    begin
    ended
    [ "$(stat -c %s "$T/log")" -le 5000 ]
    has "$(tail -n 1 "$T/log")" ' stdout F 10000'
    [ ! -e "$T/log.1" ]
    [ ! -e "$T/log.tmp" ]
}

@test "conmon: --log-rotate keeps as many files as it is told" {
    newer
    script 'seq 1 1000'
    monitor --exit-dir "$T/exits" --log-size-max 5000 --log-rotate --log-max-files 3
    begin
    ended
    for name in log log.1 log.2 log.3; do [ "$(stat -c %s "$T/$name")" -le 5000 ]; done
    [ ! -e "$T/log.4" ]
    # One after the other without a gap.
    equal "$(cat "$T"/log.{3,2,1} "$T/log" | awk '{ print $4 }' | awk 'NR > 1 && $1 != last + 1 { print "gap at " $1 } { last = $1 } END { print last }')" 1000
}

@test "conmon: --log-global-size-max is the most of all" {
    newer
    script 'seq 1 100000'
    monitor --exit-dir "$T/exits" --log-global-size-max 20000
    begin
    ended
    [ "$(stat -c %s "$T/log")" -le 20000 ]
    equal "$(cat "$T/exits/$ID")" 0
}

@test "conmon: --log-allowlist-dir" {
    newer
    monitor_fails --log-allowlist-dir "$T/elsewhere"
    has "$(answer 0 .message)" 'is in no directory that is allowed'
    mkdir "$T/logs"
    LOG=k8s-file:$T/logs/../log monitor_fails --log-allowlist-dir "$T/logs"
    script 'echo fine'
    monitor --log-allowlist-dir "$T"
    begin
    ended
}

@test "conmon: several logs" {
    script 'echo both'
    monitor -l "k8s-file:$T/second" -l off
    begin
    ended
    has "$(cat "$T/log")" both
    has "$(cat "$T/second")" both
}

@test "conmon: the journal" {
    # A socket where journald's would be, in our own mount namespace.
    mkdir -p /run/systemd/journal
    host_mount /run/systemd/journal -t tmpfs tmpfs
    background "$(helper listen-journal.py)" /run/systemd/journal/socket "$T/journal"
    within 5 test -S /run/systemd/journal/socket
    script 'echo to the journal; echo "<4>warning" >&2; printf part; sleep 0.2; echo whole; printf rest'
    LOG=journald: monitor --exit-dir "$T/exits" --name some-name --log-tag some-tag --log-label MINE=yes
    begin
    ended
    within 5 grep -q '"MESSAGE": "rest"' "$T/journal"
    jq -se --arg id "$ID" '
        (map(select(.MESSAGE == "to the journal"))[0]) as $one
        | $one.CONTAINER_ID_FULL == $id and $one.CONTAINER_ID == $id[:12] and $one.PRIORITY == "6"
        and $one.CONTAINER_NAME == "some-name" and $one.CONTAINER_TAG == "some-tag" and $one.MINE == "yes"
        and $one.SYSLOG_IDENTIFIER == "some-tag"
        and (map(select(.MESSAGE == "warning"))[0].PRIORITY == "4")
        and (map(select(.MESSAGE == "part"))[0].CONTAINER_PARTIAL_MESSAGE == "true")' "$T/journal" \
        || say "$(cat "$T/journal")"
}

@test "conmon: passthrough" {
    script 'echo straight through; exit 3'
    LOG=passthrough monitor --exit-dir "$T/exits"
    begin
    ended
    has "$(cat "$T/monitor.out")" 'straight through'
    equal "$(cat "$T/exits/$ID")" 3
    [ ! -e "$BUNDLE/attach" ]
}

@test "conmon: attach: several clients, input, half close" {
    script 'cat; echo done'
    monitor -i --exit-dir "$T/exits"
    background "$(helper attach.py)" "$BUNDLE/attach"
    local first=$T/first
    mv "$T/background.out" "$first"
    begin
    within 5 grep -q connected "$T/background.err"
    call "$T/second" "$T/err" "$(helper attach.py)" "$BUNDLE/attach" --input 'typed\n' --close
    ended
    has "$(cat "$T/second")" 2:
    has "$(sed 's/2://g' "$T/second" | tr -d '\n')" 'typeddone'
    has "$(sed 's/2://g' "$first" | tr -d '\n')" 'typeddone'
    equal "$(stat -c %a "$BUNDLE/attach")" 700
}

@test "conmon: --leave-stdin-open: a client's end is not the program's" {
    script 'read one; echo got $one; read two; echo got $two'
    monitor -i --leave-stdin-open --exit-dir "$T/exits"
    begin
    "$(helper attach.py)" "$BUNDLE/attach" --input 'first\n' --close --seconds 1 >/dev/null 2>&1
    "$(helper attach.py)" "$BUNDLE/attach" --input 'second\n' --close >/dev/null 2>&1
    ended
    has "$(cat "$T/log")" 'got first'
    has "$(cat "$T/log")" 'got second'
}

@test "conmon: without --full-attach there is a short way to the bundle" {
    args sleep 1000
    SHORT=1 monitor --socket-dir-path "$T/sockets"
    equal "$(readlink "$T/sockets/$ID-uuid")" "$BUNDLE"
    begin
    rt kill "$ID" KILL
    ended
    [ ! -e "$T/sockets/$ID" ]
}

@test "conmon: a terminal: its size by ctl and winsz, its output to clients" {
    edit '.process.terminal = true'
    script 'trap "stty size" WINCH; echo up; while :; do sleep 0.1; done'
    monitor -t -i --exit-dir "$T/exits"
    begin
    within 5 grep -q up "$T/log"
    printf '1 30 99\n' >"$BUNDLE/ctl"
    within 5 grep -q '30 99' "$T/log"
    printf '31 98\n' >"$BUNDLE/winsz"
    within 5 grep -q '31 98' "$T/log"
    # Nonsense is no order.
    printf '1 x y\n1 5000 5000\n9\n\n%0500d\n' 1 >"$BUNDLE/ctl"
    printf '1 32 97\n' >"$BUNDLE/ctl"
    within 5 grep -q '32 97' "$T/log"
    rt kill "$ID" KILL
    ended
}

@test "conmon: ctl 2: the log is opened again" {
    script 'echo before; while [ ! -e /tmp/go ]; do sleep 0.1; done; echo after'
    monitor --exit-dir "$T/exits"
    begin
    within 5 grep -q before "$T/log"
    mv "$T/log" "$T/moved"
    printf '2 0 0\n' >"$BUNDLE/ctl"
    within 5 test -e "$T/log"
    touch "$BUNDLE/rootfs/tmp/go"
    ended
    has "$(cat "$T/log")" after
    lacks "$(cat "$T/moved")" after
}

@test "conmon: --sdnotify-socket: states pass, other orders do not" {
    local program
    program=$(compiled "$(helper src/notify.c)")
    cp "$program" "$BUNDLE/rootfs/bin/notify"
    background "$(helper listen-datagrams.py)" "$T/host.socket" "$T/notified"
    within 5 test -S "$T/host.socket"
    mkdir -p "$BUNDLE/notify"
    add_mount /run/notify bind "$BUNDLE/notify" bind
    script 'i=0; while [ ! -S /run/notify/notify.sock ]; do sleep 0.1; done
        export NOTIFY_SOCKET=/run/notify/notify.sock
        notify "READY=1
MAINPID=1
FDSTORE=1
STATUS=all is well
READY=2"'
    monitor --sdnotify-socket "$T/host.socket" --exit-dir "$T/exits"
    begin
    ended
    within 5 grep -q 'STATUS=all is well' "$T/notified"
    has "$(cat "$T/notified")" READY=1
    lacks "$(cat "$T/notified")" MAINPID
    lacks "$(cat "$T/notified")" FDSTORE
    lacks "$(cat "$T/notified")" READY=2
}

@test "conmon: the exit command" {
    script 'exit 5'
    monitor --exit-dir "$T/exits" --exit-command /bin/sh --exit-command-arg -c \
        --exit-command-arg "cat $T/exits/$ID >$T/seen; echo ' word' >>$T/seen"
    begin
    ended
    equal "$(cat "$T/seen")" '5 word'
}

@test "conmon: --exit-delay" {
    script 'exit 5'
    monitor --exit-dir "$T/exits" --exit-command /bin/touch --exit-command-arg "$T/seen" --exit-delay 2
    begin
    within 5 test -e "$T/exits/$ID"
    sleep 0.5
    [ ! -e "$T/seen" ]
    ended
    [ -e "$T/seen" ]
}

@test "conmon: --timeout ends the container" {
    args sleep 1000
    monitor --exit-dir "$T/exits" --timeout 1
    begin
    ended
    equal "$(cat "$T/exits/$ID")" -1
}

@test "conmon: TERM is passed on" {
    script 'trap "exit 33" TERM; echo up; while :; do sleep 0.1; done'
    monitor --exit-dir "$T/exits"
    begin
    within 5 grep -q up "$T/log"
    kill -TERM "$(cat "$T/monitor.pid")"
    ended
    equal "$(cat "$T/exits/$ID")" 33
}

@test "conmon: --sync stays in the foreground" {
    script 'exit 3'
    monitor --sync --exit-dir "$T/exits"
    equal "$(cat "$T/monitor.pid")" "$(pgrep -P "$PARENT_PID" | head -n 1)"
    begin
    ended
    equal "$(cat "$T/exits/$ID")" 3
}

@test "conmon: --restore: the runtime is told what from, and what it makes is watched" {
    # shellcheck disable=SC2016 # for the script
    fake_runtime 'echo "$@" >>'"$T"'/called
        while [ $# -gt 0 ]; do [ "$1" != --pid-file ] || file=$2; shift; done
        sh -c "echo it goes on; sleep 0.5; exit 6" &
        printf %s "$!" >"$file"'
    monitor --restore "$T/image" --runtime-opt --tcp-established --no-pivot --exit-dir "$T/exits"
    ended
    equal "$(cat "$T/exits/$ID")" 6
    has "$(cat "$T/log")" 'it goes on'
    local words
    words=$(cat "$T/called")
    has "$words" "restore --bundle $BUNDLE --pid-file $T/pidfile --no-pivot"
    has "$words" " --detach --image-path $T/image --work-path $BUNDLE --tcp-established "
    [[ $words == *" $ID" ]]
}

@test "conmon: --restore: a runtime that fails is told in its words" {
    fake_runtime 'echo "no such image" >&2; exit 1'
    monitor_fails --restore "$T/image" --exit-dir "$T/exits"
    equal "$(answer 0 .data)" -1
    has "$(answer 0 .message)" 'no such image'
    [ ! -e "$T/exits/$ID" ]
}

# crio_monitor FLAG…: as CRI-O calls it (internal/oci/runtime_oci.go), whose answers are the old ones.
crio_monitor() {
    rm -f "$T/answers"
    local words=("$SHIM" -c "$ID" -n "k8s_box_pod_default_$ID" -r "$RUNTIME" -l "$T/log" --log-level info
        --socket-dir-path "$T/sockets" --runtime-arg "--root=$ROOT")
    for word in "${GLOBAL[@]}"; do words+=(--runtime-arg "$word"); done
    (
        exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-
        cd "$T/exec" || exit 1
        exec "$(helper conmon-parent.py)" --seconds 30 "${words[@]}" "$@"
    ) </dev/null >"$T/answers" 2>"$T/monitor.err" &
    KNOWN+=("$!")
    within 10 grep -qs '^sync: ' "$T/answers"
}

@test "conmon: as CRI-O calls it: pid, log, attach by the short way, exec with its code, exit files" {
    can_exec
    script 'read word; echo "got $word"; exit 4'
    mkdir "$T/exec"
    crio_monitor -b "$BUNDLE" -u "$ID" -p "$T/pidfile" -P "$T/monitor.pid" --exit-dir "$T/exits" \
        --persist-dir "$T/persist" --syslog -i --log-size-max 16777216
    equal "$(answer 0 '.pid | type')" number
    equal "$(answer 0 .pid)" "$(cat "$T/pidfile")"
    begin

    # An exec has neither bundle nor name of its own, and takes nothing of its container's.
    jq '.process | .args = ["sh", "-c", "echo inside; exit 7"]' "$BUNDLE/config.json" >"$T/process.json"
    crio_monitor -e -p "$T/exec.pid" --exec-process-spec "$T/process.json" -T 10
    within 10 grep -q '^exited: ' "$T/answers"
    equal "$(answer 0 .exit_code)" 7
    has "$(cat "$T/log")" inside

    equal "$(ls "$T/exec")" ''
    "$(helper attach.py)" "$T/sockets/$ID/attach" --input 'word\n' --close >"$T/attached" 2>/dev/null
    ended
    has "$(cat "$T/log")" ' stdout F got word'
    equal "$(cat "$T/exits/$ID")" 4
    equal "$(cat "$T/persist/exit")" 4
    [ ! -e "$T/sockets/$ID-uuid" ]
}

@test "conmon: a runtime that fails: -1 and its words" {
    edit '.root.path = "nowhere"'
    monitor_fails --exit-dir "$T/exits"
    equal "$(answer 0 .data)" -1
    has "$(answer 0 .message)" nowhere
    [ ! -e "$T/exits/$ID" ]
    equal "$(find "$T/exits" -type f | wc -l)" 0
}

@test "conmon: a runtime that prints nonsense, or makes nothing" {
    newer
    fake_runtime 'head -c 200000 /dev/urandom >&2; exit 1'
    monitor_fails
    equal "$(answer 0 .data)" -1
    fake_runtime 'echo all well'
    monitor_fails
    has "$(answer 0 .message)" "$T/pidfile"
    fake_runtime "echo 12x34 >$T/pidfile"
    monitor_fails
    has "$(answer 0 .message)" "$T/pidfile"
    fake_runtime "echo 999999999 >$T/pidfile"
    monitor_fails
    fake_runtime "kill -9 \$\$"
    monitor_fails
    has "$(answer 0 .message)" SIGKILL
}

@test "conmon: a runtime that hangs ends with TERM to the monitor" {
    newer
    fake_runtime "echo \$\$ >$T/runtime.pid; sleep 1000"
    start_monitor
    within 5 test -s "$T/runtime.pid"
    within 5 test -s "$T/monitor.pid"
    kill -TERM "$(cat "$T/monitor.pid")"
    within 5 gone "$(cat "$T/runtime.pid")"
    within 5 gone "$(cat "$T/monitor.pid")"
    within 5 grep -q '^sync: ' "$T/answers"
    equal "$(answer 0 .data)" -1
}

@test "conmon: bad flags are told" {
    call "$T/out" "$T/err" "$SHIM" --cid x --no-such-flag
    refused
    has "$errors" no-such-flag
    call "$T/out" "$T/err" "$SHIM" --cid x
    refused
    call "$T/out" "$T/err" "$SHIM" --cid ../x -r /bin/true -l off
    refused
    newer
    call "$T/out" "$T/err" "$SHIM" --cid x -r /bin/true -l off --timeout soon
    refused
    has "$errors" soon
    call "$T/out" "$T/err" "$SHIM" --cid x -r "$T/no-runtime" -l off
    refused
    has "$errors" "$T/no-runtime"
}

@test "conmon: a log on a read-only file system is an error for whoever asked" {
    newer
    host_mount "$T/read-only" -t tmpfs -o ro tmpfs
    LOG=k8s-file:$T/read-only/log monitor_fails
    equal "$(answer 0 .data)" -1
    has "$(answer 0 .message)" 'read-only file system (EROFS)'
}

@test "conmon: a bundle that is not there is an error for whoever asked" {
    newer
    BUNDLE=$T/nowhere monitor_fails
    equal "$(answer 0 .data)" -1
    has "$(answer 0 .message)" "$T/nowhere"
}

@test "conmon: exec: pid and exit code, attached and not" {
    can_exec
    args sleep 1000
    launched
    jq '.process | .args = ["sh", "-c", "read word; echo got $word; exit 9"]' "$BUNDLE/config.json" >"$T/process.json"
    mkdir "$T/exec"
    EXEC=$T/exec monitor -e --exec-process-spec "$T/process.json" -i --exec-attach --exit-dir "$T/exits"
    equal "$(grep '^attach: ' "$T/answers")" 'attach: {"data":0}'
    "$(helper attach.py)" "$T/exec/attach" --input 'word\n' --close >"$T/attached" 2>/dev/null
    ended
    has "$(cat "$T/attached")" 'got word'
    [ "$(answer 0 .data)" -gt 1 ]
    equal "$(answer 1 .data)" 9
    equal "$(cat "$T/exits/$ID")" 9
}

@test "conmon: exec: a command that takes too long" {
    can_exec
    args sleep 1000
    launched
    jq '.process | .args = ["sleep", "1000"]' "$BUNDLE/config.json" >"$T/process.json"
    mkdir "$T/exec"
    EXEC=$T/exec monitor -e --exec-process-spec "$T/process.json" --exit-dir "$T/exits" --timeout 1
    ended
    equal "$(answer 1 .data)" -1
    has "$(answer 1 .message)" 'command timed out'
}
