#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What containerd, docker, podman, CRI-O, buildah and conmon write on a runtime's command line, and
# what they read from it. Where runtimes differ, runc's habit is the contract.

load ../helpers

# bare WORD…: the runtime without any --root.
bare() { call "$T/out" "$T/err" "$RUNTIME" "${GLOBAL[@]}" "$@"; }

# ---------------------------------------------------------------------------------------------
# Global flags

@test "global: --root DIR is made, with its parents" {
    ROOT=$T/deep/er/state
    create
    ok
    [ -d "$ROOT/$ID" ] || [ -n "$(ls -A "$ROOT")" ]
}

@test "global: --root=DIR" {
    launched
    bare --root="$ROOT" state "$ID"
    ok
    equal "$(jq -r .id <<<"$output")" "$ID"
}

# crun reads single dashes as clusters of short options.
@test "global: -root DIR, with a single dash" {
    launched
    bare -root "$ROOT" state "$ID"
    ok
}

@test "global: --trace FILE has the steps of both processes" {
    only_martlet
    GLOBAL+=(--trace "$T/trace.json")
    create
    ok
    equal "$(jq -r '[.traceEvents[] | select(.ph == "X") | .tid] | unique | join(" ")' "$T/trace.json")" '1 2'
    jq -e '.traceEvents | any(.name == "martlet create")' "$T/trace.json"
    jq -e '.traceEvents | any(.tid == 2 and .name == "enter the root filesystem")' "$T/trace.json"
    jq -e '[.traceEvents[] | select(.ph == "X") | .ts >= 0 and .dur >= 0] | all' "$T/trace.json"
    GLOBAL=(--trace "$T/none/trace.json")
    rt start "$ID"
    ok
}

@test "global: --version tells name, version, commit and spec" {
    bare --version
    ok
    matches "$(head -n 1 <<<"$output")" '^[a-z]+ version [0-9]+\.[0-9]+'
    matches "$output" $'\n''commit: [^ ]'
    matches "$output" $'\n''spec: 1\.[0-9]+'
    equal "$errors" ''
}

@test "global: -v is --version" {
    bare --version
    local long=$output
    bare -v
    ok
    equal "$output" "$long"
}

@test "global: --help names every command and exits 0" {
    bare --help
    ok
    local command
    for command in create start state kill delete run list spec; do has "$output" "$command"; done
}

@test "global: a command's --help exits 0" {
    local command
    for command in create start state kill delete run list spec; do
        bare "$command" --help
        ok
        [ -n "$output" ]
    done
}

@test "global: --debug says more and changes nothing" {
    args echo ran
    call "$T/out" "$T/err" "$RUNTIME" "${GLOBAL[@]}" --root "$ROOT" --debug --log "$T/log" run --bundle "$BUNDLE" "$ID"
    ok
    equal "$output" ran
}

# crun takes "false" for the next word, in whatever directory it stands.
@test "global: --rootless false is taken" {
    cd "$T"
    launched
    bare --root "$ROOT" --rootless false state "$ID"
    ok
    bare --root "$ROOT" --rootless=false state "$ID"
    ok
}

@test "global: an unknown flag is an error" {
    bare --banana list
    refused
}

@test "global: an unknown command is an error" {
    bare creat
    [ "$status" -ne 0 ]
    not_hung
}

@test "global: a mistyped command gets a suggestion" {
    only_martlet
    bare creat
    refused
    has "$errors" create
    equal "$output" ''
}

@test "global: an error in usage exits 2" {
    only_martlet
    bare creat
    equal "$status" 2
    bare start
    equal "$status" 2
}

@test "global: without a command it is no success or it is the help" {
    bare
    [ "$status" -ne 0 ] || has "$output" create
}

# ---------------------------------------------------------------------------------------------
# Logs and errors

@test "log: an error goes to stderr, one line, and exits 1" {
    rt start "$ID"
    equal "$status" 1
    equal "$(wc -l <"$T/err")" 1
    equal "$output" ''
}

# crun: {"msg", "level", "time"} as well, but only in the file.
@test "log: --log FILE --log-format json holds exactly one object with level, msg and time" {
    bare --root "$ROOT" --log "$T/log" --log-format json start "$ID"
    refused
    equal "$(jq -s length "$T/log")" 1
    equal "$(jq -r .level "$T/log")" error
    has "$(jq -r .msg "$T/log")" 'does not exist'
    matches "$(jq -r .time "$T/log")" '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+(Z|[-+][0-9]{2}:[0-9]{2})$'
}

@test "log: the error is on stderr too" {
    bare --root "$ROOT" --log "$T/log" --log-format json start "$ID"
    refused
    has "$errors" 'does not exist'
}

@test "log: --log=FILE --log-format=json" {
    bare --root "$ROOT" --log="$T/log" --log-format=json start "$ID"
    refused
    equal "$(jq -r .level "$T/log")" error
}

@test "log: --log is appended to" {
    echo '{"level":"info"}' >"$T/log"
    bare --root "$ROOT" --log "$T/log" --log-format json start "$ID"
    equal "$(jq -s length "$T/log")" 2
}

@test "log: a failed create says why in the log, as one object" {
    add_mount /m none "$T/missing" bind
    bare --root "$ROOT" --log "$T/log" --log-format json create --bundle "$BUNDLE" "$ID"
    refused
    equal "$(jq -s length "$T/log")" 1
    has "$(jq -r .msg "$T/log")" missing
    matches "$(jq -r .msg "$T/log")" '[Nn]o such file or directory'
}

@test "log: a failed start says why in the log, as one object" {
    args nonesuch
    create
    local command=start
    [ "$status" -eq 0 ] || command=create
    bare --root "$ROOT" --log "$T/log" --log-format json "$command" $([ "$command" = start ] || echo --bundle "$BUNDLE") "$ID"
    refused
    equal "$(jq -s length "$T/log")" 1
    equal "$(jq -r .level "$T/log")" error
}

@test "log: nothing at all is written on success" {
    create --pid-file "$T/pid"
    ok
    equal "$(cat "$T/container.out" "$T/container.err")" ''
    start
    equal "$output$errors" ''
    rt kill "$ID" KILL
    equal "$output$errors" ''
    stopped
    rt delete "$ID"
    equal "$output$errors" ''
}

@test "log: an unknown --log-format is an error" {
    bare --root "$ROOT" --log-format banana list
    refused
}

@test "log: martlet's message names itself, the container and the errno" {
    only_martlet
    add_mount /m none "$T/missing" bind
    create
    matches "$errors" "^martlet: create \"$ID\": .*$T/missing.*no such file or directory \(ENOENT\)"
}

# ---------------------------------------------------------------------------------------------
# create

@test "create: -b DIR and --bundle=DIR" {
    rt create -b "$BUNDLE" "$ID" 
    ok
    rt delete --force "$ID"
    call "$T/container.out" "$T/container.err" "$RUNTIME" "${GLOBAL[@]}" --root "$ROOT" create --bundle="$BUNDLE" "$ID"
    ok
}

@test "create: the bundle defaults to the working directory" {
    cd "$BUNDLE"
    call "$T/container.out" "$T/container.err" "$RUNTIME" "${GLOBAL[@]}" --root "$ROOT" create "$ID"
    ok
    equal "$(rt state "$ID"; jq -r .bundle <<<"$output")" "$BUNDLE"
}

@test "create: flags may stand in any order before the id" {
    call "$T/container.out" "$T/container.err" "$RUNTIME" "${GLOBAL[@]}" --root "$ROOT" \
        create --no-new-keyring --pid-file "$T/pid" --no-pivot=false --bundle "$BUNDLE" "$ID"
    ok
}

@test "create: two ids are an error" {
    create "$ID-two"
    refused
    nothing_left
}

@test "create: --pid-file is decimal, without a newline, there when create returns" {
    create --pid-file "$T/pid"
    ok
    matches "$(cat "$T/pid"; echo x)" '^[1-9][0-9]*x$'
    equal "$(cat "$T/pid")" "$(pid_of)"
}

# crun writes in place.
@test "create: --pid-file is replaced as a whole" {
    echo 'something longer than a pid' >"$T/pid"
    ln "$T/pid" "$T/other"
    create --pid-file "$T/pid"
    ok
    equal "$(cat "$T/pid")" "$(pid_of)"
    equal "$(cat "$T/other")" 'something longer than a pid'
    equal "$(find "$T" -maxdepth 1 -name '.*' -type f)" ''
}

@test "create: a --pid-file that cannot be written is an error that leaves nothing" {
    create_refused --pid-file "$T/no/such/directory/pid"
}

@test "create: an id that is taken says already exists" {
    create
    ok
    create
    refused
    matches "$(cat "$T/container.err")" 'already exists?|exists already'
}

@test "create: ids of engines are taken" {
    local first=$ID
    for ID in "$(printf '%064d' 0 | tr 0 a)$TAG" "$TAG.x_y-z+1"; do
        create
        ok
        rt delete --force "$ID"
        ok
    done
    ID=$first
}

@test "create: --console-socket gets the terminal, one descriptor" {
    edit '.process.terminal = true'
    background "$(helper receive-fd.py)" "$T/console" "$T/report"
    within 5 test -S "$T/console"
    create --console-socket "$T/console"
    ok
    within 5 test -s "$T/report"
    equal "$(jq -c '[.count, .terminal]' "$T/report")" '[1,true]'
    # conmon and go-runc print the payload as the terminal's name.
    [ -n "$(jq -r .payload "$T/report")" ]
}

@test "create: --console-socket with a path longer than a socket's name" {
    only_martlet
    edit '.process.terminal = true'
    local deep
    deep=$T/$(printf '%0120d' 0)
    mkdir "$deep"
    (cd "$deep" && exec 3>&- && exec "$(helper receive-fd.py)" console "$T/report" </dev/null >/dev/null 2>&1) &
    KNOWN+=("$!")
    within 5 test -S "$deep/console"
    create --console-socket "$deep/console"
    ok
    within 5 test -s "$T/report"
}

@test "create: terminal without --console-socket is an error that leaves nothing" {
    edit '.process.terminal = true'
    create_refused
}

# crun ignores it.
@test "create: --console-socket without terminal is an error that leaves nothing" {
    background "$(helper receive-fd.py)" "$T/console" "$T/report"
    within 5 test -S "$T/console"
    create_refused --console-socket "$T/console"
}

@test "create: a --console-socket that nobody listens to is an error that leaves nothing" {
    edit '.process.terminal = true'
    create_refused --console-socket "$T/nobody"
}

@test "create: --pidfd-socket gets a descriptor of the init" {
    is_martlet || timeout 5 "$RUNTIME" create --help 2>&1 | grep -q pidfd-socket || skip 'this runtime has no --pidfd-socket'
    background "$(helper receive-fd.py)" "$T/socket" "$T/report"
    within 5 test -S "$T/socket"
    create --pidfd-socket "$T/socket"
    ok
    within 5 test -s "$T/report"
    equal "$(jq -r '[.count, .payload, .pid] | join(" ")' "$T/report")" "1 standard $(pid_of)"
}

@test "create: --preserve-fds N passes 3 to 2+N, and no more" {
    echo three >"$T/three"
    echo four >"$T/four"
    echo five >"$T/five"
    script 'cat <&3; cat <&4; ls /proc/self/fd | tr "\n" " "'
    call "$T/out" "$T/err" bash -c 'exec 3<"$0/three" 4<"$0/four" 5<"$0/five"; exec "$@"' "$T" \
        "$RUNTIME" "${GLOBAL[@]}" --root "$ROOT" run --preserve-fds 2 --bundle "$BUNDLE" "$ID"
    ok
    equal "$output" $'three\nfour\n0 1 2 3 4 5 '
}

@test "create: --preserve-fds holds from create to start" {
    echo three >"$T/three"
    script 'cat <&3'
    call "$T/container.out" "$T/container.err" bash -c 'exec 3<"$0/three"; exec "$@"' "$T" \
        "$RUNTIME" "${GLOBAL[@]}" --root "$ROOT" create --preserve-fds=1 --bundle "$BUNDLE" "$ID"
    ok
    start
    ok
    stopped
    equal "$(cat "$T/container.out")" three
}

# crun passes whatever there is.
@test "create: --preserve-fds of what is not open is an error" {
    script 'echo ran'
    call "$T/out" "$T/err" bash -c 'exec 3>&- 4>&- 5>&-; exec "$@"' bash \
        "$RUNTIME" "${GLOBAL[@]}" --root "$ROOT" run --preserve-fds 20 --bundle "$BUNDLE" "$ID"
    refused
    nothing_left
}

@test "create: LISTEN_FDS passes sockets, with LISTEN_PID=1" {
    echo three >"$T/three"
    script 'echo $LISTEN_FDS $LISTEN_PID; cat <&3'
    call "$T/out" "$T/err" bash -c 'exec 3<"$0/three"; export LISTEN_FDS=1 LISTEN_PID=$$; exec "$@"' "$T" \
        "$RUNTIME" "${GLOBAL[@]}" --root "$ROOT" run --bundle "$BUNDLE" "$ID"
    ok
    equal "$output" $'1 1\nthree'
}

@test "create: NOTIFY_SOCKET forwards READY=1 and adds MAINPID" {
    cp "$(compiled "$(helper src/notify.c)")" "$BUNDLE/rootfs/bin/notify"
    background "$(helper listen-notify.py)" "$T/notify" "$T/said"
    within 5 test -S "$T/notify"
    script 'notify READY=1; sleep 1; echo done'
    with env NOTIFY_SOCKET="$T/notify" -- run --bundle "$BUNDLE" "$ID"
    ok
    has "$output" sent
    has "$(cat "$T/said")" READY=1
    matches "$(cat "$T/said")" 'MAINPID=[1-9][0-9]*'
}

@test "create: NOTIFY_SOCKET passes nothing else on" {
    cp "$(compiled "$(helper src/notify.c)")" "$BUNDLE/rootfs/bin/notify"
    background "$(helper listen-notify.py)" "$T/notify" "$T/said"
    within 5 test -S "$T/notify"
    script 'notify "MAINPID=1
FDSTORE=1
STATUS=evil
READY=1"; sleep 1'
    with env NOTIFY_SOCKET="$T/notify" -- run --bundle "$BUNDLE" "$ID"
    lacks "$(cat "$T/said")" FDSTORE
    lacks "$(cat "$T/said")"$'\n' $'MAINPID=1\n'
}

# ---------------------------------------------------------------------------------------------
# HOME, which containerd and docker leave to the runtime

# home_of UID [VARIABLE…]: what HOME a program of this user finds with these variables.
home_of() {
    local uid=$1 env
    shift
    env=$(jq -nc '$ARGS.positional' --args PATH=/bin "$@")
    edit '.process.user = {uid: $u, gid: 0} | .process.env = $e' --argjson u "$uid" --argjson e "$env"
    args env
    run_container
    ok
    sed -n 's/^HOME=//p' <<<"$output"
}

own_users() {
    cat >"$BUNDLE/rootfs/etc/passwd" <<'TEXT'
root:x:0:0:root:/root:/bin/sh
user:x:1000:1000:user:/home/user:/bin/sh
again:x:1000:1000:the same number:/again:/bin/sh
TEXT
}

@test "HOME: unset, it is the user's by the container's own /etc/passwd" {
    own_users
    equal "$(home_of 0)" /root
    equal "$(home_of 1000)" /home/user
}

# runc takes the line of the name.
@test "HOME: a user is found by number, not by name" {
    own_users
    sed -i '1i 1000:x:0:0:a name like a number:/trap:/bin/sh' "$BUNDLE/rootfs/etc/passwd"
    equal "$(home_of 1000)" /home/user
}

# crun sets none.
@test "HOME: of a user without a line, or without a file, it is /" {
    own_users
    equal "$(home_of 4000)" /
    rm "$BUNDLE/rootfs/etc/passwd"
    equal "$(home_of 0)" /
}

# runc and crun set an empty one.
@test "HOME: of a line without a directory it is /" {
    only_martlet
    printf 'root:x:0:0:root::/bin/sh\nshort:x:1:\n' >"$BUNDLE/rootfs/etc/passwd"
    equal "$(home_of 0)" /
    equal "$(home_of 1)" /
}

@test "HOME: what the configuration says stays" {
    own_users
    equal "$(home_of 0 HOME=/said)" /said
    equal "$(home_of 0 HOME=/said HOMER=/x)" /said
}

# docker relies on it; crun leaves it empty.
@test "HOME: an empty one counts as none" {
    own_users
    equal "$(home_of 0 HOME=)" /root
}

@test "HOME: in a user namespace the number is the container's" {
    own_users
    user_namespace
    equal "$(home_of 0)" /root
}

@test "HOME: a file that only root may read is read" {
    own_users
    chmod 600 "$BUNDLE/rootfs/etc/passwd"
    chmod 700 "$BUNDLE/rootfs/etc"
    equal "$(home_of 1000)" /home/user
}

@test "HOME: a file that is mounted there counts" {
    printf 'root:x:0:0:root:/mounted:/bin/sh\n' >"$T/passwd"
    add_mount /etc/passwd none "$T/passwd" bind
    equal "$(home_of 0)" /mounted
}

@test "HOME: with --strict the environment is the configuration's alone" {
    only_martlet
    own_users
    GLOBAL+=(--strict)
    equal "$(home_of 0)" ''
    args sleep 1000
    launched
    rt exec "$ID" env
    ok
    lacks "$output" HOME=
}

# ---------------------------------------------------------------------------------------------
# The texts that decide between 126 and 127. podman reads those of create, and takes a failure of start
# for one of its own.

@test "create: a program that is not in PATH" {
    args nonesuch
    create_refused
    matches "$errors" 'executable file( `nonesuch`)? not found in|executable file not found in|[Nn]o such file or directory'
}

@test "create: a path that does not exist" {
    args /no/such/program
    create_refused
    matches "$errors" '[Nn]o such file or directory|executable file not found in'
}

@test "create: a file that is not executable" {
    touch "$BUNDLE/rootfs/home/program"
    args /home/program
    create_refused
    matches "$errors" '[Pp]ermission denied'
}

# crun: "open executable: Operation not permitted", which is 126 as well.
@test "create: a directory" {
    args /home
    create_refused
    matches "$errors" '[Pp]ermission denied|[Oo]peration not permitted'
}

@test "create: a program that its user may not execute" {
    printf '#!/bin/sh\n' >"$BUNDLE/rootfs/home/program"
    chmod 700 "$BUNDLE/rootfs/home/program"
    edit '.process.user = {uid: 1000, gid: 1000} | del(.process.capabilities)'
    args /home/program
    create_refused
    matches "$errors" '[Pp]ermission denied'
}

@test "create: a program that a createContainer hook brings is found" {
    args /home/program
    edit '.hooks.createContainer = [{path: "/bin/sh", args: ["sh", "-c",
        "printf \"#!/bin/sh\necho brought\n\" >\($p); chmod 755 \($p)"]}]' \
        --arg p "$BUNDLE/rootfs/home/program"
    create
    ok
    start
    ok
    stopped
    equal "$(cat "$T/container.out")" brought
}

# Others look for it at create all the same.
@test "create: a program that a startContainer hook may yet bring is not looked for" {
    only_martlet
    args /home/program
    edit '.root.readonly = false | .hooks.startContainer = [{path: "/bin/sh", args: ["sh", "-c",
        "printf \"#!/bin/sh\necho brought\n\" >/home/program; chmod 755 /home/program"]}]'
    create
    ok
    start
    ok
    stopped
    equal "$(cat "$T/container.out")" brought
}

# error_of_start: whatever create or start says.
error_of_start() {
    create
    [ "$status" -ne 0 ] || start
    refused
}

# Others hear of it when start has already succeeded.
@test "start: a script whose interpreter is missing" {
    only_martlet
    printf '#!/no/such/shell\n' >"$BUNDLE/rootfs/home/program"
    chmod +x "$BUNDLE/rootfs/home/program"
    args /home/program
    error_of_start
    matches "$errors" '[Nn]o such file or directory'
}

# Others hear of it when start has already succeeded.
@test "start: a file that is no program" {
    only_martlet
    printf '\0\1banana' >"$BUNDLE/rootfs/home/program"
    chmod +x "$BUNDLE/rootfs/home/program"
    args /home/program
    error_of_start
    matches "$errors" '[Ee]xec format error'
}

# config.md#process: the first of args has the semantics of execvp's file, which gives a script
# without a #! line to the shell.
@test "start: a script without a #! line is the shell's" {
    only_martlet
    printf 'echo by the shell: $0 $1' >"$BUNDLE/rootfs/home/program"
    chmod +x "$BUNDLE/rootfs/home/program"
    args /home/program one
    run_container
    ok
    equal "$output" 'by the shell: /home/program one'
}

@test "start: an unknown id says does not exist" {
    rt start "$ID"
    equal "$status" 1
    has "$errors" 'does not exist'
}

@test "start: a second time is an error, exit 1" {
    launched
    start
    equal "$status" 1
}

# crun has opened it by then.
@test "start: a program that is gone again leaves a container that delete takes" {
    cp "$BUNDLE/rootfs/bin/busybox" "$BUNDLE/rootfs/home/sleep"
    args /home/sleep 1000
    create
    ok
    rm "$BUNDLE/rootfs/home/sleep"
    start
    refused
    matches "$errors" '[Nn]o such file or directory'
    stopped
    rt delete "$ID"
    ok
    nothing_left
}

# ---------------------------------------------------------------------------------------------
# kill

@test "kill: the signal defaults to TERM" {
    ready 'trap "echo term; exit" TERM; echo ready; while :; do sleep 0.05; done'
    rt kill "$ID"
    ok
    stopped
    within 5 grep -q term "$T/container.out"
}

@test "kill: signals by number, name, with and without SIG" {
    ready 'trap "echo usr1" USR1; trap "echo usr2" USR2; trap "echo hup" HUP; trap "echo int" INT; echo ready; while :; do sleep 0.05; done'
    rt kill "$ID" 10
    ok
    within 5 grep -q usr1 "$T/container.out"
    rt kill "$ID" SIGUSR2
    ok
    within 5 grep -q usr2 "$T/container.out"
    rt kill "$ID" HUP
    ok
    within 5 grep -q hup "$T/container.out"
    # crun wants capitals.
    ! is_martlet || { rt kill "$ID" int; ok; within 5 grep -q int "$T/container.out"; }
}

@test "kill: a real-time signal by number" {
    launched
    rt kill "$ID" 40
    ok
}

@test "kill: no such signal is an error" {
    launched
    rt kill "$ID" BANANA
    refused
    rt kill "$ID" 4000
    refused
    equal "$(status_of)" running
}

@test "kill: a stopped container says container not running" {
    args true
    launched
    stopped
    rt kill "$ID" KILL
    equal "$status" 1
    matches "$errors" 'container not running|no such process|process already finished|is not running'
}

@test "kill: --all and -a are taken" {
    launched
    rt kill --all "$ID" 9
    ok
    stopped
    rt delete "$ID"
    launched
    rt kill -a "$ID" KILL
    ok
    stopped
}

@test "kill: an unknown id says does not exist" {
    rt kill "$ID" 9
    equal "$status" 1
    has "$errors" 'does not exist'
}

# ---------------------------------------------------------------------------------------------
# delete

@test "delete: an unknown id says does not exist, exit 1" {
    rt delete "$ID"
    equal "$status" 1
    has "$errors" 'does not exist'
}

@test "delete: --force of an unknown id exits 0" {
    rt delete --force "$ID"
    ok
    rt delete -f "$ID"
    ok
}

@test "delete: --force ends a running container" {
    launched
    local pid
    pid=$(pid_of)
    rt delete --force "$ID"
    ok
    gone "$pid"
    nothing_left
}

@test "delete: --force once more after a delete exits 0" {
    launched
    rt delete --force "$ID"
    ok
    rt delete --force "$ID"
    ok
}

# Not what runtime.md says, but containerd and podman delete what they only created.
@test "delete: a created container is ended and deleted" {
    create
    ok
    rt delete "$ID"
    ok
    nothing_left
}

@test "delete: --force of a created container" {
    create
    rt delete -f "$ID"
    ok
    nothing_left
}

# ---------------------------------------------------------------------------------------------
# state, list

@test "state: has what engines read besides the specification's: rootfs, created, owner" {
    create
    rt state "$ID"
    ok
    matches "$(jq -r .created <<<"$output")" '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[-+][0-9]{2}:[0-9]{2})$'
    equal "$(jq -r .rootfs <<<"$output")" "$BUNDLE/rootfs"
    equal "$(jq -r 'has("owner")' <<<"$output")" true
}

@test "state: created is the time of create" {
    local before after created
    before=$(date +%s)
    create
    after=$(date +%s)
    rt state "$ID"
    created=$(date -d "$(jq -r .created <<<"$output")" +%s)
    [ "$created" -ge "$before" ] && [ "$created" -le "$after" ]
}

@test "state: pid of a stopped container is 0" {
    args true
    launched
    stopped
    equal "$(pid_of)" 0
}

@test "state: an unknown id says does not exist, exit 1" {
    rt state "$ID"
    equal "$status" 1
    has "$errors" 'does not exist'
}

@test "list: is a table with ID PID STATUS BUNDLE CREATED OWNER" {
    launched
    rt list
    ok
    matches "$(head -n 1 <<<"$output")" '^(ID|NAME) +PID +STATUS +BUNDLE.* CREATED +OWNER'
    matches "$(tail -n 1 <<<"$output")" "^$ID +$(pid_of) +running +$BUNDLE +2[0-9]+-.*root"
}

@test "list: --format json is an array of states" {
    launched
    rt list --format json
    ok
    equal "$(jq -r '.[0] | [.id, .pid, .status, .bundle] | join(" ")' <<<"$output")" "$ID $(pid_of) running $BUNDLE"
    rt list -f json
    ok
    rt list --format=json
    ok
}

@test "list: -q is the ids alone" {
    launched
    rt list -q
    ok
    equal "$output" "$ID"
    rt list --quiet
    equal "$output" "$ID"
}

@test "list: shows every container" {
    launched
    local first=$ID
    ID=$ID-two
    create
    ok
    rt list -q
    equal "$(sort <<<"$output")" "$(printf '%s\n' "$first" "$ID" | sort)"
    rt list --format json
    equal "$(jq -c 'map(.status) | sort' <<<"$output")" '["created","running"]'
}

@test "list: nothing yet is no error" {
    rt list
    ok
    rt list --format json
    ok
    matches "$output" '^(null|\[\])$'
    rt list -q
    ok
    equal "$output" ''
}

@test "list: an unknown format is an error" {
    launched
    rt list --format banana
    refused
}

@test "list: a state directory with strange things in it does not fail" {
    launched
    touch "$ROOT/file"
    mkdir "$ROOT/.hidden"
    rt list -q
    rm -r "$ROOT/file" "$ROOT/.hidden"
    ok
    equal "$output" "$ID"
}

# ---------------------------------------------------------------------------------------------
# run

@test "run: exits with the program's code" {
    inside 'exit 0'
    equal "$status" 0
    inside 'exit 1'
    equal "$status" 1
    inside 'exit 42'
    equal "$status" 42
    inside 'exit 255'
    equal "$status" 255
    nothing_left
}

# A program that is pid 1 cannot kill itself: somebody else does.
@test "run: exits with 128 + n for signal n" {
    args sleep 1000
    (
        exec 3>&- 4>&- 5>&-
        code=0
        timeout -k 2 "$LIMIT" "$RUNTIME" "${GLOBAL[@]}" --root "$ROOT" run --bundle "$BUNDLE" "$ID" \
            </dev/null >"$T/run.out" 2>"$T/run.err" || code=$?
        echo "$code" >"$T/code"
    ) &
    local waiting=$!
    within 5 is_status running
    rt kill "$ID" KILL
    wait "$waiting" || true
    equal "$(cat "$T/code")" 137
    nothing_left
}

@test "run: leaves nothing behind" {
    inside 'sleep 1000 & sleep 1000 & echo ran'
    ok
    nothing_left
    rt state "$ID"
    refused
}

@test "run: --detach and -d return while the container runs" {
    args sleep 1000
    call "$T/container.out" "$T/container.err" "$RUNTIME" "${GLOBAL[@]}" --root "$ROOT" run --detach --pid-file "$T/pid" --bundle "$BUNDLE" "$ID"
    ok
    equal "$(status_of)" running
    equal "$(cat "$T/pid")" "$(pid_of)"
    rt delete -f "$ID"
    call "$T/container.out" "$T/container.err" "$RUNTIME" "${GLOBAL[@]}" --root "$ROOT" run -d -b "$BUNDLE" "$ID"
    ok
    equal "$(status_of)" running
}

@test "run: --keep leaves the container stopped" {
    args true
    run_container --keep
    ok
    equal "$(status_of)" stopped
    rt delete "$ID"
    ok
    nothing_left
}

@test "run: a program that is not found leaves nothing" {
    args nonesuch
    run_container
    refused
    nothing_left
}

@test "run: -no-subreaper, --no-subreaper" {
    args echo ran
    run_container --no-subreaper
    ok
    equal "$output" ran
    # crun reads a single dash as short options.
    ! is_martlet || { run_container -no-subreaper; ok; equal "$output" ran; }
}

@test "run: passes signals on to the program" {
    script 'trap "echo got; exit 7" TERM; echo ready; while :; do sleep 0.05; done'
    (
        exec 3>&- 4>&- 5>&-
        code=0
        timeout -k 2 --foreground "$LIMIT" "$RUNTIME" "${GLOBAL[@]}" --root "$ROOT" run --bundle "$BUNDLE" --pid-file "$T/pid" "$ID" \
            </dev/null >"$T/run.out" 2>"$T/run.err" || code=$?
        echo "$code" >"$T/code"
    ) &
    local waiting=$!
    within 5 grep -q ready "$T/run.out"
    local parent
    parent=$(awk '/^PPid/ { print $2 }' "/proc/$(cat "$T/pid")/status")
    kill -TERM "$parent"
    wait "$waiting" || true
    equal "$(cat "$T/code")" 7
    has "$(cat "$T/run.out")" got
    nothing_left
}

@test "run: terminal in the foreground" {
    edit '.process.terminal = true'
    script 'tty; stty size; read line; echo "read $line"'
    call "$T/out" "$T/err" "$(helper in-terminal.py)" --size 31x91 --input $'hello\n' \
        "$RUNTIME" "${GLOBAL[@]}" --root "$ROOT" run --bundle "$BUNDLE" "$ID"
    ok
    has "$output" /dev/
    has "$output" '31 91'
    has "$output" 'read hello'
    nothing_left
}

@test "run: terminal in the foreground gives the exit code and restores the terminal" {
    edit '.process.terminal = true'
    script 'exit 9'
    call "$T/out" "$T/err" "$(helper in-terminal.py)" sh -c '
        before=$(stty -g); "$@"; echo "code $?"; [ "$(stty -g)" = "$before" ] && echo restored' sh \
        "$RUNTIME" "${GLOBAL[@]}" --root "$ROOT" run --bundle "$BUNDLE" "$ID"
    has "$output" 'code 9'
    has "$output" restored
}

@test "run: terminal without a terminal of its own is an error that leaves nothing" {
    only_martlet
    edit '.process.terminal = true'
    run_container
    refused
    nothing_left
}

@test "run: --detach with terminal needs --console-socket" {
    edit '.process.terminal = true'
    call "$T/container.out" "$T/container.err" "$RUNTIME" "${GLOBAL[@]}" --root "$ROOT" run --detach --bundle "$BUNDLE" "$ID"
    refused
    nothing_left
}

# ---------------------------------------------------------------------------------------------
# spec, features

@test "spec: writes a config.json that runs" {
    rm "$BUNDLE/config.json"
    rt spec --bundle "$BUNDLE"
    ok
    [ -s "$BUNDLE/config.json" ]
    edit 'del(.linux.resources) | .process.terminal = false'
    inside 'echo ran'
    equal "$output" ran
}

@test "spec: -b, and into the working directory" {
    mkdir "$T/empty" "$T/here"
    rt spec -b "$T/empty"
    ok
    [ -s "$T/empty/config.json" ]
    cd "$T/here"
    rt spec
    ok
    cmp "$T/empty/config.json" "$T/here/config.json"
}

@test "spec: does not overwrite" {
    cp "$BUNDLE/config.json" "$T/before"
    rt spec --bundle "$BUNDLE"
    refused
    cmp "$BUNDLE/config.json" "$T/before"
}

@test "spec: --rootless asks for a user namespace" {
    rm "$BUNDLE/config.json"
    rt spec --rootless --bundle "$BUNDLE"
    ok
    equal "$(jq -c '.linux.namespaces | any(.type == "user")' "$BUNDLE/config.json")" true
    equal "$(jq -r '.linux.uidMappings[0].containerID' "$BUNDLE/config.json")" 0
}

@test "features: is the JSON that docker and containerd ask for" {
    rt features
    [ "$status" -eq 0 ] || is_martlet || skip 'this runtime has no features command'
    ok
    equal "$(jq -r '.ociVersionMin | type' <<<"$output")" string
    equal "$(jq -r '.annotations | type' <<<"$output")" object
}

# ---------------------------------------------------------------------------------------------
# whoever calls may be in a bad way

@test "surroundings: stdin, stdout and stderr closed" {
    args true
    call "$T/out" "$T/err" sh -c 'exec "$@" <&- >&- 2>&-' sh "$RUNTIME" "${GLOBAL[@]}" --root "$ROOT" run --bundle "$BUNDLE" "$ID"
    ok
}

@test "surroundings: the working directory is gone" {
    args echo ran
    mkdir "$T/gone"
    cd "$T/gone"
    rmdir "$T/gone"
    run_container
    cd /
    ok
    equal "$output" ran
}

@test "surroundings: SIGCHLD ignored" {
    script 'exit 3'
    with sh -c 'trap "" CHLD; exec "$0" "$@"' -- run --bundle "$BUNDLE" "$ID"
    equal "$status" 3
}

@test "surroundings: an empty environment" {
    args echo ran
    with env -i -- run --bundle "$BUNDLE" "$ID"
    ok
    equal "$output" ran
}

@test "surroundings: two hundred inherited descriptors" {
    script 'ls /proc/self/fd | wc -l'
    call "$T/out" "$T/err" bash -c 'for n in {10..210}; do eval "exec $n</dev/null"; done; exec "$@"' bash \
        "$RUNTIME" "${GLOBAL[@]}" --root "$ROOT" run --bundle "$BUNDLE" "$ID"
    ok
    equal "$output" 4
}

# posix_spawn(3) leaves the two signals ignored that libc keeps for itself; make(1), for one, uses it.
@test "run: what the caller ignores is not ignored inside, libc's own signals included" {
    args grep SigIgn /proc/self/status
    with python3 -c 'import os, signal, sys
signal.signal(signal.SIGHUP, signal.SIG_IGN)
pid = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))' -- run --bundle "$BUNDLE" "$ID"
    ok
    equal "$output" $'SigIgn:\t0000000000000000'
}
