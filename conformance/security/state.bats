#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Ids, the state directory, pid files.

load ../helpers

setup_file() { it_runs; }

# bad_ids WORD…: the command with each of them; none may be taken, nothing may be made.
bad_ids() {
    local id
    mkdir -p "$ROOT" "$T/victim"
    touch "$T/victim/file"
    for id in '' . .. / /x ../victim x/../../victim "$T/victim" 'a/b' $'new\nline' $'bell\a' 'a b' '*' 'ä' "$(printf '%01000d' 0)" '$(touch x)' './x'; do
        call "$T/out" "$T/err" "$RUNTIME" "${GLOBAL[@]}" --root "$ROOT" "$@" -- "$id"
        refused || { echo "id: $id"; return 1; }
        [ -e "$T/victim/file" ] || say "gone by id: $id"
    done
    nothing_left
    equal "$(ls "$T/victim")" file
}

# crun 1.8.1 takes most of these.
@test "ids: create refuses .., /, newlines, spaces, 1000 characters" { bad_ids create --bundle "$BUNDLE"; }
@test "ids: run refuses them" { script 'echo ran'; bad_ids run --bundle "$BUNDLE"; }
@test "ids: state refuses them" { bad_ids state; }
@test "ids: start refuses them" { bad_ids start; }
@test "ids: kill refuses them" { bad_ids kill; }
@test "ids: delete refuses them" { bad_ids delete; }

@test "ids: delete --force of .. deletes nothing" {
    mkdir -p "$ROOT" "$T/victim"
    touch "$T/victim/file"
    local id
    for id in .. . ../victim / "$T/victim" x/../../victim ''; do
        call "$T/out" "$T/err" "$RUNTIME" "${GLOBAL[@]}" --root "$ROOT" delete --force -- "$id"
        not_hung
        [ -e "$T/victim/file" ]
        [ -d "$ROOT" ]
    done
}

@test "ids: one that begins with a dash is not taken for a flag, or is refused" {
    call "$T/out" "$T/err" "$RUNTIME" "${GLOBAL[@]}" --root "$ROOT" state -- --version
    refused
}

@test "ids: an error message does not write control characters to the terminal" {
    only_martlet
    rt state $'x\e[31mred\r\nlevel=info'
    refused
    lacks "$errors" $'\e'
    lacks "$errors" $'\r'
}

# ---------------------------------------------------------------------------------------------

@test "state directory: is not open to others" {
    create
    ok
    matches "$(stat -c %a "$ROOT")" '^(700|711)$'
    matches "$(stat -c %a "$ROOT/$ID")" '^(700|711)$'
}

@test "state directory: is 0700 whatever the umask" {
    with sh -c 'umask 0; exec "$0" "$@"' -- create --bundle "$BUNDLE" "$ID"
    matches "$(stat -c %a "$ROOT")" '^(700|711)$'
    matches "$(stat -c %a "$ROOT/$ID")" '^(700|711)$'
    equal "$(find "$ROOT/$ID" -type f -perm /022)" ''
}

@test "state directory: nothing in it can be written by others" {
    create
    ok
    equal "$(find "$ROOT" -perm /022 ! -type l ! -type s ! -type p)" ''
    # A gate that others may open would be theirs to start.
    call "$T/out" "$T/err" setpriv --reuid 1000 --regid 1000 --clear-groups find "$ROOT/$ID"
    [ "$status" -ne 0 ]
}

# runc 1.1.5 follows it.
@test "state directory: a symlink planted for the id is not followed by create" {
    mkdir -p -m 700 "$ROOT"
    mkdir "$T/victim"
    ln -s "$T/victim" "$ROOT/$ID"
    create
    refused
    equal "$(ls -A "$T/victim")" ''
    rm -f "$ROOT/$ID"
}

@test "state directory: a dangling symlink planted for the id is not followed by create" {
    mkdir -p -m 700 "$ROOT"
    ln -s "$T/victim" "$ROOT/$ID"
    create
    refused
    [ ! -e "$T/victim" ]
    rm -f "$ROOT/$ID"
}

# runc 1.1.5 and crun 1.8.1 take it for a container.
@test "state directory: a symlink planted for the id is not followed by delete --force" {
    mkdir -p -m 700 "$ROOT"
    mkdir "$T/victim"
    echo untouched >"$T/victim/file"
    echo '{}' >"$T/victim/state.json"
    ln -s "$T/victim" "$ROOT/$ID"
    rt delete --force "$ID"
    not_hung
    [ -e "$T/victim/file" ]
    [ -e "$T/victim/state.json" ]
    rm -f "$ROOT/$ID"
}

@test "state directory: a symlink to another container's state is no second container" {
    only_martlet
    launched
    ln -s "$ID" "$ROOT/alias"
    rt kill alias KILL
    refused
    rt delete --force alias
    equal "$(status_of)" running
    rm -f "$ROOT/alias"
}

@test "state directory: one that others can write is refused" {
    only_martlet
    mkdir -m 777 "$ROOT"
    chmod 777 "$ROOT"
    create
    refused
}

@test "state directory: one that belongs to another user is refused" {
    only_martlet
    mkdir -m 700 "$ROOT"
    chown 1000 "$ROOT"
    create
    refused
    chown 0 "$ROOT"
}

@test "state directory: a state file of nonsense is an error, and delete --force removes it" {
    only_martlet
    # A cgroup would stay, as the warning says: the record alone knows whose it is.
    GLOBAL+=(--cgroup-manager=disabled)
    launched
    local file
    end_container
    for file in "$ROOT/$ID"/*; do [ ! -f "$file" ] || echo '{"nonsense' >"$file"; done
    rt state "$ID"
    refused
    rt delete --force "$ID"
    not_hung
    nothing_left
}

# ---------------------------------------------------------------------------------------------

# crun writes through it.
@test "pid file: a symlink is replaced, not followed" {
    echo untouched >"$T/victim"
    ln -s victim "$T/pid"
    create --pid-file "$T/pid"
    equal "$(cat "$T/victim")" untouched
    [ "$status" -ne 0 ] || { [ ! -L "$T/pid" ] && equal "$(cat "$T/pid")" "$(pid_of)"; }
}

@test "pid file: a symlink planted for its temporary name is not followed" {
    local name
    echo untouched >"$T/victim"
    for name in .pid .pid.tmp pid.tmp .pid.new pid~; do ln -s victim "$T/$name"; done
    create --pid-file "$T/pid"
    not_hung
    equal "$(cat "$T/victim")" untouched
}

@test "pid file: a directory is an error that leaves nothing" {
    mkdir "$T/pid"
    create_refused --pid-file "$T/pid"
}

@test "log file: a log in a directory that is not there is an error" {
    call "$T/out" "$T/err" "$RUNTIME" "${GLOBAL[@]}" --root "$ROOT" --log "$T/no/log" state "$ID"
    refused
}

@test "kill: a pid that was taken by another process is not signalled" {
    args sleep 0.3
    launched
    stopped
    # The number in the state is free now: whatever has it next is not the container's.
    rt kill "$ID" KILL
    refused
}

# The list of a cgroup's processes says a pid, and the pid is another's a moment later.
@test "race on a pid: kill --all signals nobody who has got the pid of a process that is gone" {
    with_cgroups
    command -v strace >/dev/null || skip 'strace is not installed'
    script 'sleep 2000 & wait; sleep 1000'
    launched
    local first second
    first=$(pid_of)
    within 5 pgrep -P "$first" >"$T/second"
    second=$(cat "$T/second")
    # Held up before it takes hold of the first, when it knows both.
    background strace -f -qq -o "$T/strace" -e trace=pidfd_open,kill -e inject=pidfd_open,kill:delay_enter=1500ms \
        "$RUNTIME" "${GLOBAL[@]}" --root "$ROOT" kill --all "$ID" TERM
    within 10 grep -qE "(pidfd_open|kill)\($first," "$T/strace"
    kill -KILL "$second"
    within 5 test ! -e "/proc/$second"
    background "$(helper born-as.py)" "$second"
    within 5 grep -q born "$T/background.out"
    within 10 gone "${KNOWN[-2]}"
    equal "$(cat "$T/background.out")" born
    is_alive "$second"
}
