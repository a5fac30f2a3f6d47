#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# `exec`, as engines call it: flags, exit codes, what the program has, what is said when it cannot be.

load ../helpers

setup_file() { it_runs; }

has_flag() { is_martlet || timeout 5 "$RUNTIME" exec --help 2>&1 | grep -q -- "$1" || skip "this runtime has no $1"; }

# process FILTER: the configuration's process, changed, as a file.
process() { jq ".process | .args = [\"true\"] | $1" "$BUNDLE/config.json" >"$T/process.json"; }

# alive COUNT: so many processes of the container are there.
alive() { [ "$(rt ps -f json "$ID"; jq length <<<"$output")" -eq "$1" ]; }

# ---------------------------------------------------------------------------------------------
# The program

@test "exec: runs in the container, and prints" {
    launched
    rt exec "$ID" sh -c 'hostname; pwd; id -u; echo $PATH; cat /proc/1/comm'
    ok
    equal "$output" $'conformance\n/\n0\n/bin\nsleep'
}

@test "exec: enters every namespace of the container, the cgroup's and the time's too" {
    edit '.linux.namespaces += [{type: "cgroup"}]'
    [ ! -e /proc/self/ns/time ] || is_martlet && edit '.linux.namespaces += [{type: "time"}]'
    launched
    local pid kind
    pid=$(pid_of)
    rt exec "$ID" sh -c 'for k in pid net mnt ipc uts user cgroup time; do busybox readlink /proc/self/ns/$k; done'
    ok
    local expected=''
    for kind in pid net mnt ipc uts user cgroup time; do
        [ ! -e "/proc/$pid/ns/$kind" ] || expected+=$(readlink "/proc/$pid/ns/$kind")$'\n'
    done
    equal "$output" "${expected%$'\n'}"
}

@test "exec: the exit code is the program's" {
    launched
    rt exec "$ID" sh -c 'exit 37'
    equal "$status" 37
}

@test "exec: 128 and the number of the signal that ended it" {
    launched
    rt exec "$ID" sh -c 'kill -TERM $$'
    equal "$status" 143
}

@test "exec: standard input, output and error are the caller's" {
    launched
    echo typed >"$T/input"
    INPUT=$T/input rt exec "$ID" sh -c 'cat; echo wrong >&2'
    ok
    equal "$output" typed
    equal "$errors" wrong
}

@test "exec: flags after the id are the program's" {
    launched
    rt exec "$ID" echo --env -d
    ok
    equal "$output" '--env -d'
}

@test "exec: in a container that was created and not started" {
    create
    ok
    rt exec "$ID" echo here
    ok
    equal "$output" here
    equal "$(status_of)" created
}

# ---------------------------------------------------------------------------------------------
# Failures: 255, and why

@test "exec: 255 for a container that does not exist" {
    rt exec "$ID" true
    equal "$status" 255
    has "$errors" 'does not exist'
}

@test "exec: 255 for one that has stopped" {
    launched
    end_container
    rt exec "$ID" true
    equal "$status" 255
    has "$errors" 'cannot exec in a stopped container'
}

@test "exec: 255 without a program" {
    launched
    rt exec "$ID"
    equal "$status" 255
    has "$errors" 'process args cannot be empty'
}

# What podman makes 127 of.
@test "exec: a program that is not there" {
    launched
    rt exec "$ID" no-such-program
    equal "$status" 255
    has "$errors" 'executable file not found in $PATH'
    rt exec "$ID" /no/such/program
    equal "$status" 255
    has "$errors" 'no such file or directory'
}

# What podman makes 126 of.
@test "exec: a program that may not be executed" {
    launched
    rt exec "$ID" /etc/passwd
    equal "$status" 255
    has "$errors" 'permission denied'
    rt exec "$ID" /etc
    equal "$status" 255
    matches "$errors" 'permission denied|is a directory'
}

@test "exec: a missing interpreter is named" {
    only_martlet
    printf '#!/no/such/shell\n' >"$BUNDLE/rootfs/bin/script"
    printf '#!/bin/sh\r\n' >"$BUNDLE/rootfs/bin/crlf"
    chmod +x "$BUNDLE/rootfs/bin/script" "$BUNDLE/rootfs/bin/crlf"
    launched
    rt exec "$ID" script
    equal "$status" 255
    has "$errors" /no/such/shell
    rt exec -d "$ID" crlf
    equal "$status" 255
    has "$errors" 'carriage return'
}

@test "exec: --log-format json has one object with the reason" {
    launched
    call "$T/out" "$T/err" "$RUNTIME" "${GLOBAL[@]}" --root "$ROOT" --log "$T/log" --log-format json exec "$ID" no-such-program
    equal "$status" 255
    equal "$(jq -rs 'map(select(.level == "error")) | length' "$T/log")" 1
    has "$(jq -r .msg "$T/log")" 'executable file not found'
}

@test "exec: a working directory that is not there" {
    launched
    rt exec --cwd /no/such "$ID" true
    equal "$status" 255
    rt exec --cwd relative "$ID" true
    equal "$status" 255
    has "$errors" absolute
}

@test "exec: nothing of a failed one stays" {
    launched
    rt exec -d --pid-file "$T/pid" "$ID" no-such-program
    equal "$status" 255
    [ ! -e "$T/pid" ]
    within 5 alive 1
}

# ---------------------------------------------------------------------------------------------
# Flags

@test "exec: --cwd" {
    launched
    rt exec --cwd /tmp "$ID" pwd
    ok
    equal "$output" /tmp
}

# crun 1.8.1 leaves the container's variables out.
@test "exec: -e and --env, several, replace and add" {
    edit '.process.env += ["KEPT=1", "CHANGED=1"]'
    launched
    # runc 1.1.5 takes one form of a flag at a time.
    rt exec --env CHANGED=2 --env NEW=3 --env=EMPTY= "$ID" env
    ok
    has "$output" KEPT=1
    has "$output" CHANGED=2
    lacks "$output" CHANGED=1
    has "$output" NEW=3
    matches "$output" $'(^|\n)EMPTY=($|\n)'
    rt exec -e CHANGED=4 -e NEW=5 "$ID" sh -c 'echo $CHANGED$NEW'
    equal "$output" 45
}

# crun looks for none.
@test "exec: HOME, unset, is its user's by the container's own /etc/passwd" {
    printf 'root:x:0:0:root:/root:\nuser:x:1000:1000:user:/home/user:\n' >"$BUNDLE/rootfs/etc/passwd"
    launched
    rt exec "$ID" sh -c 'echo $HOME'
    equal "$output" /root
    rt exec -u 1000 "$ID" sh -c 'echo $HOME'
    equal "$output" /home/user
    rt exec -u 4000 "$ID" sh -c 'echo $HOME'
    equal "$output" /
    rt exec -e HOME=/given "$ID" sh -c 'echo $HOME'
    equal "$output" /given
    rt exec -e HOME= "$ID" sh -c 'echo $HOME'
    equal "$output" /root
    process '.args = ["sh", "-c", "echo $HOME"] | .user.uid = 1000 | del(.env)'
    rt exec --process "$T/process.json" "$ID"
    equal "$output" /home/user
}

@test "exec: -u UID and -u UID:GID" {
    launched
    rt exec -u 1000 "$ID" sh -c 'id -u; id -g'
    ok
    equal "$output" $'1000\n0'
    rt exec --user 1000:100 "$ID" sh -c 'id -u; id -g'
    ok
    equal "$output" $'1000\n100'
}

@test "exec: -g, several" {
    has_flag additional-gids
    edit '.process.user.additionalGids = [20]'
    launched
    rt exec --additional-gids 30 --additional-gids 40 "$ID" sh -c 'grep ^Groups /proc/self/status'
    ok
    equal "$(xargs <<<"${output#Groups:}")" '20 30 40'
}

@test "exec: -g that is no id is an error" {
    has_flag additional-gids
    launched
    rt exec -g -1 "$ID" true
    refused
}

# crun replaces all others.
@test "exec: --cap adds to the bounding, effective and permitted set, and not to the inheritable one" {
    launched
    rt exec -c CAP_NET_RAW -c CAP_CHOWN "$ID" cat /proc/self/status
    ok
    has "$output" $'CapInh:\t0000000000000000'
    has "$output" $'CapPrm:\t0000000020002421'
    has "$output" $'CapEff:\t0000000020002421'
    has "$output" $'CapBnd:\t0000000020002421'
    has "$output" $'CapAmb:\t0000000000000000'
}

@test "exec: --no-new-privs, with and without a value" {
    edit '.process.noNewPrivileges = false'
    launched
    rt exec "$ID" grep NoNewPrivs /proc/self/status
    equal "$output" $'NoNewPrivs:\t0'
    rt exec --no-new-privs "$ID" grep NoNewPrivs /proc/self/status
    ok
    equal "$output" $'NoNewPrivs:\t1'
}

@test "exec: --preserve-fds N passes 3 to 2+N, and no more" {
    echo three >"$T/three"
    echo four >"$T/four"
    launched
    call "$T/out" "$T/err" bash -c 'exec 3<"$0/three" 4<"$0/four" 5<"$0/three"; exec "$@"' "$T" \
        "$RUNTIME" "${GLOBAL[@]}" --root "$ROOT" exec --preserve-fds 2 "$ID" sh -c 'cat <&3; cat <&4; ls /proc/$$/fd; true'
    ok
    equal "$(tr '\n' ' ' <<<"$output")" 'three four 0 1 2 3 4 '
}

# runc passes them to a container's first process alone.
@test "exec: LISTEN_FDS is not for it" {
    launched
    call "$T/out" "$T/err" env LISTEN_FDS=1 bash -c 'exec 3</dev/null; exec "$@"' sh \
        "$RUNTIME" "${GLOBAL[@]}" --root "$ROOT" exec "$ID" sh -c 'ls /proc/$$/fd; env'
    ok
    has "$output" $'0\n1\n2\n'
    lacks "$output" LISTEN
}

@test "exec: --apparmor and --process-label without such a module are errors" {
    [ ! -e /sys/module/apparmor ] || not_here 'AppArmor is there'
    launched
    rt exec --apparmor some-profile "$ID" echo ran
    refused
    lacks "$output" ran
    rt exec --process-label a:b:c "$ID" echo ran
    refused
    lacks "$output" ran
}

# ---------------------------------------------------------------------------------------------
# A process from a file

@test "exec: --process FILE" {
    launched
    process '.args = ["sh", "-c", "echo $VAR; pwd; id -u; grep CapEff /proc/self/status; ulimit -n"]
        | .env = ["PATH=/bin", "VAR=value"] | .cwd = "/tmp" | .user = {uid: 1000, gid: 1000}
        | .capabilities = {} | .rlimits = [{type: "RLIMIT_NOFILE", soft: 77, hard: 99}]'
    rt exec --process "$T/process.json" "$ID"
    ok
    equal "$output" $'value\n/tmp\n1000\nCapEff:\t0000000000000000\n77'
}

@test "exec: -p FILE -d --pid-file FILE, as conmon and containerd call it" {
    launched
    process '.args = ["sleep", "1000"]'
    rt exec -p "$T/process.json" --detach --pid-file "$T/pid" "$ID"
    ok
    [ "$(readlink "/proc/$(cat "$T/pid")/ns/mnt")" = "$(readlink "/proc/$(pid_of)/ns/mnt")" ]
    matches "$(cat "$T/pid"; echo x)" '^[1-9][0-9]*x$'
}

# runc 1.1.5 leaves the limits of its caller.
@test "exec: what a --process file does not say of rights is as in the container" {
    edit '.process.rlimits = [{type: "RLIMIT_NOFILE", soft: 66, hard: 99}]'
    launched
    process '{cwd, args: ["sh", "-c", "grep CapPrm /proc/self/status; ulimit -n"], user: {uid: 0, gid: 0}, env: ["PATH=/bin"]}'
    rt exec --process "$T/process.json" "$ID"
    ok
    equal "$output" $'CapPrm:\t0000000020000420\n66'
}

@test "exec: a --process file that is missing, empty, no JSON, or wrong" {
    launched
    rt exec --process "$T/none" "$ID"
    refused
    local text
    for text in '' '{' '[]' '{}' '{"cwd": "/", "args": []}' '{"cwd": "x", "args": ["true"]}'; do
        printf '%s' "$text" >"$T/process.json"
        rt exec --process "$T/process.json" "$ID"
        refused
    done
}

# ---------------------------------------------------------------------------------------------
# Detached, terminals, signals

@test "exec: -d returns at once, and the process goes on" {
    launched
    rt exec -d "$ID" sleep 1000
    ok
    within 5 alive 2
}

@test "exec: -d goes on without the caller, and its pid file tells it" {
    launched
    rt exec --detach --pid-file "$T/pid" "$ID" sh -c 'sleep 0.3; echo done >/tmp/done; exec sleep 1000'
    ok
    local pid
    pid=$(cat "$T/pid")
    within 5 test -e "$BUNDLE/rootfs/tmp/done"
    equal "$(cat "/proc/$pid/comm")" sleep
}

@test "exec: -t -d --console-socket gets the terminal, one descriptor" {
    launched
    background "$(helper receive-fd.py)" "$T/console" "$T/report"
    within 5 test -S "$T/console"
    rt exec -t -d --console-socket "$T/console" "$ID" sh -c 'tty; stty size; sleep 0.3'
    ok
    within 5 test -s "$T/report"
    equal "$(jq -c '[.count, .terminal]' "$T/report")" '[1,true]'
    within 5 grep -q /dev/pts/ "$T/report.text"
}

@test "exec: consoleSize of a --process file" {
    launched
    background "$(helper receive-fd.py)" "$T/console" "$T/report"
    within 5 test -S "$T/console"
    process '.terminal = true | .consoleSize = {height: 12, width: 34} | .args = ["sh", "-c", "busybox stty size; sleep 0.3"]'
    rt exec -d --console-socket "$T/console" --process "$T/process.json" "$ID"
    ok
    within 5 grep -q '12 34' "$T/report.text"
}

@test "exec: -t -d without --console-socket is an error" {
    launched
    rt exec -t -d "$ID" true
    equal "$status" 255
    has "$errors" 'cannot allocate tty'
}

@test "exec: --console-socket without -t, or in the foreground, is an error" {
    launched
    background "$(helper receive-fd.py)" "$T/console" "$T/report"
    within 5 test -S "$T/console"
    rt exec -d --console-socket "$T/console" "$ID" true
    refused
    rt exec -t --console-socket "$T/console" "$ID" true
    refused
}

@test "exec: -t in the foreground: a terminal of the container's, of the caller's size, relayed" {
    launched
    call "$T/out" "$T/err" "$(helper in-terminal.py)" --size 31x91 --input $'hello\n' \
        "$RUNTIME" "${GLOBAL[@]}" --root "$ROOT" exec -t "$ID" sh -c \
        'tty; sleep 0.2; stty size; test -t 1 && test -t 2 && echo all; read -r line; echo "got $line"; exit 5'
    equal "$status" 5
    has "$output" /dev/pts/
    has "$output" '31 91'
    has "$output" all
    has "$output" 'got hello'
}

@test "exec: -t belongs to the process's user" {
    launched
    call "$T/out" "$T/err" "$(helper in-terminal.py)" \
        "$RUNTIME" "${GLOBAL[@]}" --root "$ROOT" exec -t -u 1000 "$ID" sh -c 'stat -c %u "$(tty)"; echo x >"$(tty)"'
    ok
    has "$output" 1000
}

@test "exec: signals are passed on" {
    launched
    (
        exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-
        code=0
        "$RUNTIME" "${GLOBAL[@]}" --root "$ROOT" exec "$ID" sh -c \
            'trap "echo caught; exit 9" TERM; echo ready; while :; do sleep 0.1; done' >"$T/said" 2>&1 </dev/null &
        echo $! >"$T/pid"
        wait $! || code=$?
        echo "$code" >"$T/code"
    ) &
    within 5 grep -q ready "$T/said"
    kill -TERM "$(cat "$T/pid")"
    within 5 test -s "$T/code"
    equal "$(cat "$T/code")" 9
    has "$(cat "$T/said")" caught
}

@test "exec: the container ends at the same time" {
    launched
    (
        exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-
        code=0
        "$RUNTIME" "${GLOBAL[@]}" --root "$ROOT" exec "$ID" sh -c 'echo ready; exec sleep 1000' >"$T/said" 2>&1 </dev/null || code=$?
        echo "$code" >"$T/code"
    ) &
    within 5 grep -q ready "$T/said"
    rt kill "$ID" KILL
    within 5 test -s "$T/code"
    equal "$(cat "$T/code")" 137
}

@test "exec: --pidfd-socket gets a descriptor of the process" {
    has_flag pidfd-socket
    launched
    background "$(helper receive-fd.py)" "$T/socket" "$T/report"
    within 5 test -S "$T/socket"
    rt exec -d --pid-file "$T/pid" --pidfd-socket "$T/socket" "$ID" sleep 1000
    ok
    within 5 test -s "$T/report"
    equal "$(jq -r '[.count, .payload, .pid] | join(" ")' "$T/report")" "1 setns $(cat "$T/pid")"
}

# ---------------------------------------------------------------------------------------------
# Paused

@test "exec: a paused container is refused" {
    with_cgroups
    launched
    rt pause "$ID"
    ok
    rt exec "$ID" true
    equal "$status" 255
    has "$errors" 'cannot exec in a paused container'
    rt resume "$ID"
    ok
}

@test "exec: --ignore-paused waits until it is resumed" {
    with_cgroups
    has_flag ignore-paused
    launched
    rt pause "$ID"
    ok
    background "$RUNTIME" "${GLOBAL[@]}" --root "$ROOT" exec --ignore-paused "$ID" sh -c 'echo went on >/tmp/said'
    sleep 0.5
    [ ! -e "$BUNDLE/rootfs/tmp/said" ]
    rt resume "$ID"
    ok
    within 5 test -s "$BUNDLE/rootfs/tmp/said"
}

@test "exec: one that waits in a paused container can be interrupted" {
    only_martlet
    with_cgroups
    launched
    rt pause "$ID"
    ok
    background "$RUNTIME" "${GLOBAL[@]}" --root "$ROOT" exec --ignore-paused "$ID" true
    local pid=$!
    sleep 0.5
    kill -INT "$pid"
    within 5 gone "$pid"
    rt resume "$ID"
    ok
    within 5 alive 1
}

# ---------------------------------------------------------------------------------------------
# Cgroups

@test "exec: the process is in the container's cgroups, every one" {
    with_cgroups
    edit '.linux.resources = {pids: {limit: 40}}'
    launched
    local pid
    pid=$(pid_of)
    rt exec -d --pid-file "$T/pid" "$ID" sleep 1000
    ok
    equal "$(cat "/proc/$(cat "$T/pid")/cgroup")" "$(cat "/proc/$pid/cgroup")"
}

@test "exec: limits hold for it" {
    with_cgroups
    edit '.linux.resources = {pids: {limit: 20}}'
    launched
    rt exec "$ID" sh -c 'i=0; while [ $i -lt 60 ]; do sleep 5 & i=$((i + 1)); done 2>/dev/null; ls /proc | grep -c "^[0-9]"'
    [ "$(tail -n 1 <<<"$output")" != '' ] || [ "$status" -ne 0 ]
    [ "$(tail -n 1 <<<"${output:-0}")" -le 22 ]
}

@test "exec: --cgroup PATH is a cgroup below the container's" {
    with_cgroups
    launched
    local line version path top sub=''
    # The container's own part of each hierarchy.
    while IFS=: read -r line version path; do
        [[ $path == *"$ID"* ]] || continue
        top=$(awk -v c="$version" '$3 != "" && ((c == "" && $0 ~ / - cgroup2 /) || (c != "" && $0 ~ / - cgroup / && $NF ~ c)) {print $5; exit}' /proc/self/mountinfo)
        mkdir "$top$path/sub"
        # v1's takes no process before it has these.
        for top in "$top$path/sub"; do
            [ ! -e "$top/cpuset.cpus" ] || [ -n "$version" ] || continue
            [ ! -e "$top/cpuset.cpus" ] || cat "${top%/sub}/cpuset.cpus" >"$top/cpuset.cpus"
            [ ! -e "$top/cpuset.mems" ] || cat "${top%/sub}/cpuset.mems" >"$top/cpuset.mems"
        done
        sub=yes
    done <"/proc/$(pid_of)/cgroup"
    [ -n "$sub" ] || not_here 'the container has no cgroup of its own'
    rt exec --cgroup sub "$ID" cat /proc/self/cgroup
    ok
    has "$output" "$ID/sub"
    rt exec --cgroup /sub "$ID" cat /proc/self/cgroup
    ok
    has "$output" "$ID/sub"
}

@test "exec: --cgroup that is not there, not below, or of no controller is an error" {
    with_cgroups
    launched
    local where
    for where in none ../.. sub/../../.. nocontroller:x a:b:c; do
        rt exec --cgroup "$where" "$ID" echo ran
        refused
        lacks "$output" ran
    done
    rt exec --cgroup x --cgroup y "$ID" echo ran
    refused
    lacks "$output" ran
}

# runc 1.1.5 does so where there is cgroup2 alone.
@test "exec: where init has moved into a cgroup below and the outermost takes none (cgroup2)" {
    with_cgroups
    launched
    local path top controller
    path=$(sed -n 's/^0:://p' "/proc/$(pid_of)/cgroup")
    top=$(awk '/ - cgroup2 / {print $5; exit}' /proc/self/mountinfo)
    [ -n "$top" ] && [[ $path == *"$ID"* ]] || not_here 'no cgroup2 for the container'
    read -r controller _ <"$top$path/cgroup.controllers" || true
    [ -n "$controller" ] || not_here 'no controller in cgroup2'
    mkdir "$top$path/inner"
    pid_of >"$top$path/inner/cgroup.procs"
    echo "+$controller" >"$top$path/cgroup.subtree_control"
    rt exec "$ID" cat /proc/self/cgroup
    ok
    has "$output" "$ID/inner"
    rt exec --cgroup / "$ID" true
    refused
}

# ---------------------------------------------------------------------------------------------
# What the container is

@test "exec: the configuration is the one of create, whatever has become of config.json" {
    is_martlet || [[ $(version_line) == crun* ]] || skip 'runc reads config.json again'
    launched
    edit '.process.user = {uid: 4711, gid: 4711} | .process.env = ["PATH=/none"] | .process.cwd = "/none"'
    rt exec "$ID" id -u
    ok
    equal "$output" 0
    rm "$BUNDLE/config.json"
    rt exec "$ID" id -u
    ok
    equal "$output" 0
}

@test "exec: the seccomp filter is the container's" {
    edit '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 38}]}'
    launched
    rt exec "$ID" sh -c 'grep "^Seccomp:" /proc/self/status; mkdir /tmp/x'
    equal "$(head -n 1 <<<"$output")" $'Seccomp:\t2'
    has "$errors" 'not implemented'
    [ ! -e "$BUNDLE/rootfs/tmp/x" ]
}

@test "exec: the seccomp filter is the container's, for a user and when the cache is lost" {
    only_martlet
    edit '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 38}]}
        | .process.noNewPrivileges = false'
    launched
    rm -r "$ROOT/.seccomp@cache"
    rt exec -u 1000 "$ID" sh -c 'grep "^Seccomp:" /proc/self/status; mkdir /tmp/x'
    equal "$(head -n 1 <<<"$output")" $'Seccomp:\t2'
    has "$errors" 'not implemented'
    [ -d "$ROOT/.seccomp@cache" ]
}

# runc 1.1.5 has neither the umask nor the personality.
@test "exec: rlimits, oom_score_adj, umask and personality are the container's" {
    edit '.process.rlimits = [{type: "RLIMIT_NOFILE", soft: 55, hard: 99}] | .process.oomScoreAdj = 321
        | .process.user.umask = 63 | .linux.personality = {domain: "LINUX32"}'
    launched
    rt exec "$ID" sh -c 'ulimit -n; cat /proc/self/oom_score_adj; umask; uname -m'
    ok
    equal "$(head -n 2 <<<"$output")" $'55\n321'
    has "$output" 0077
    is_martlet && [ "$(uname -m)" = x86_64 ] && has "$output" i686
    # And the caller's is as it was.
    [ "$(cat /proc/self/oom_score_adj)" != 321 ]
}

@test "exec: scheduler and ioPriority are the container's" {
    only_martlet
    edit '.process.scheduler = {policy: "SCHED_BATCH", nice: 3} | .process.ioPriority = {class: "IOPRIO_CLASS_IDLE", priority: 0}'
    launched
    rt exec -d --pid-file "$T/pid" "$ID" sleep 1000
    ok
    has "$(chrt -p "$(cat "$T/pid")")" SCHED_BATCH
    has "$(ionice -p "$(cat "$T/pid")")" idle
}

@test "exec: a user namespace: ids are the container's" {
    user_namespace
    launched
    rt exec -u 5:6 -g 7 "$ID" sh -c 'id -u; id -g; grep Groups /proc/self/status; echo mine >/tmp/file; cat /proc/self/uid_map'
    ok
    has "$output" $'5\n6\nGroups:\t7'
    has "$output" 100000
    equal "$(stat -c %u:%g "$BUNDLE/rootfs/tmp/file")" 100005:100006
    # Root of it has its capabilities there.
    rt exec "$ID" sh -c 'id -u; kill -0 1 && echo may'
    ok
    equal "$output" $'0\nmay'
}

@test "exec: a user namespace, and a terminal" {
    user_namespace
    launched
    call "$T/out" "$T/err" "$(helper in-terminal.py)" \
        "$RUNTIME" "${GLOBAL[@]}" --root "$ROOT" exec -t -u 5 "$ID" sh -c 'stat -c "owner %u" "$(tty)"'
    ok
    has "$output" 'owner 5'
}

# as_user WORD…: the runtime, as an ordinary user who has the bundle.
as_user() {
    call "$T/out" "$T/err" setpriv --reuid 1000 --regid 1000 --clear-groups \
        env -u XDG_RUNTIME_DIR HOME="$T/user" "$RUNTIME" "${GLOBAL[@]}" --root "$T/user/state" "$@"
}

# runc and crun have other needs of an ordinary user.
@test "exec: by an ordinary user, in a container of its own" {
    only_martlet
    edit '.linux.namespaces += [{type: "user"}]
        | .linux.uidMappings = [{containerID: 0, hostID: 1000, size: 1}]
        | .linux.gidMappings = [{containerID: 0, hostID: 1000, size: 1}]'
    chown -R 1000:1000 "$BUNDLE"
    mkdir "$T/user"
    chown 1000:1000 "$T/user"
    as_user run -d --bundle "$BUNDLE" "$ID"
    ok
    as_user exec "$ID" sh -c 'id -u; hostname; cat /proc/1/comm; grep ^Groups /proc/self/status'
    equal "$status" 0
    equal "$(xargs <<<"$output")" '0 conformance sleep Groups:'
    as_user exec "$ID" sh -c 'exit 9'
    equal "$status" 9
    as_user exec "$ID" no-such-program
    equal "$status" 255
    # What is not mapped, nobody can be.
    as_user exec -u 5 "$ID" true
    equal "$status" 255
    call "$T/out" "$T/err" "$(helper in-terminal.py)" setpriv --reuid 1000 --regid 1000 --clear-groups \
        env HOME="$T/user" "$RUNTIME" "${GLOBAL[@]}" --root "$T/user/state" exec -t "$ID" sh -c 'test -t 0 && echo a terminal'
    has "$output" 'a terminal'
    as_user delete --force "$ID"
    ok
}

@test "exec: a container without a mount namespace of its own" {
    only_martlet
    namespaces pid network ipc uts
    create
    [ "$status" -eq 0 ] || not_here 'needs Linux 6.15'
    start
    ok
    rt exec "$ID" sh -c 'ls /bin/busybox; ls /proc/1/comm; pwd; cat ../../../../../../..'"$T"'/bundle/config.json'
    refused
    has "$output" /bin/busybox
    lacks "$output" ociVersion
}

@test "exec: a container that shares the host's namespaces" {
    namespaces mount uts
    edit '.mounts |= map(select(.destination != "/sys"))'
    launched
    rt exec "$ID" sh -c 'busybox readlink /proc/self/ns/net; hostname'
    ok
    equal "$output" "$(readlink /proc/self/ns/net)"$'\nconformance'
}

@test "exec: the session keyring is the container's" {
    local keys
    keys=$(compiled "$CONFORMANCE/security/src/keys.c")
    cp "$keys" "$BUNDLE/rootfs/bin/keys"
    launched
    rt exec "$ID" sh -c 'grep -q "keyring *_ses" /proc/keys && echo found'
    [ -e /proc/keys ] || not_here 'no keyrings in this kernel'
    has "$output" found
    only_martlet
    # One, not one for each process.
    rt exec "$ID" true
    rt exec "$ID" sh -c 'grep -c "keyring *_ses.'"$ID"'" /proc/keys'
    equal "$output" 1
}

@test "exec: many at once" {
    launched
    local n pids=()
    for n in {1..20}; do
        (
            exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-
            exec timeout "$LIMIT" "$RUNTIME" "${GLOBAL[@]}" --root "$ROOT" exec "$ID" sh -c "exit $n" </dev/null >/dev/null 2>>"$T/err"
        ) &
        pids+=("$!")
    done
    for n in {1..20}; do
        status=0
        wait "${pids[n - 1]}" || status=$?
        equal "$status" "$n"
    done
}
