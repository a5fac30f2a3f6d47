#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# CVE-2020-15257: the sockets of what watches a container could be reached from inside it, because they
# had abstract names, which whoever is in the host's network namespace can connect to.
#
#     sudo SHIM=/usr/bin/conmon conformance/run conformance/security/shim.bats

load ../helpers
load ../shim/monitor
load ../shim/hand

# In the host's network namespace, and root as there: where the way in was.
in_host_network() {
    namespaces pid ipc uts mount
    script 'cat /proc/net/unix; echo all; while read -r line; do echo "got $line"; done'
}

# inodes PID: of its sockets.
inodes() { find "/proc/$1/fd" -lname 'socket:*' -printf '%l\n' | grep -oE '[0-9]+' | sort -u; }

# abstract TABLE PID: the sockets of a process that have an abstract name in the table of /proc/net/unix.
abstract() {
    local inode
    for inode in $(inodes "$2"); do
        grep -E " $inode @" "$1" || true
    done
}

# open_to_all PATH: whatever lies on the way, and at its end, is others' to use, too.
open_to_all() {
    local at=$1
    while [ "$at" != /tmp ] && [ "$at" != / ]; do
        chmod a+rwx "$at"
        at=$(dirname "$at")
    done
}

# a_stranger WORD…: as another user.
a_stranger() {
    call "$T/stranger.out" "$T/stranger.err" setpriv --reuid=1000 --regid=1000 --clear-groups "$@"
}

# reaches_nothing SOCKET: neither the container's streams nor its input.
reaches_nothing() {
    a_stranger "$(helper attach.py)" "$1" --input 'from a stranger\n' --seconds 1
    equal "$output" ''
    ! grep -q 'got from a stranger' "$T/log" || say 'a stranger has typed'
}

@test "CVE-2020-15257: none of a monitor's sockets has a name that a container could connect to" {
    in_host_network
    monitor -i
    begin
    within 5 grep -q 'F all' "$T/log"
    local pid
    pid=$(cat "$T/monitor.pid")
    grep -q "$(inodes "$pid" | head -n 1)" "$T/log"
    equal "$(abstract "$T/log" "$pid")" ''
    # The log has what the container saw; here is what there is.
    equal "$(abstract /proc/net/unix "$pid")" ''
}

@test "CVE-2020-15257: another user does not reach a container's streams" {
    in_host_network
    monitor -i
    begin
    within 5 grep -q 'F all' "$T/log"
    reaches_nothing "$BUNDLE/attach"
    "$(helper attach.py)" "$BUNDLE/attach" --input 'from its owner\n' --close --seconds 1 >/dev/null 2>&1
    within 5 grep -q 'got from its owner' "$T/log"
}

# conmon looks at nothing but the modes.
@test "CVE-2020-15257: nor where the directories and the socket are open to all" {
    newer
    in_host_network
    monitor -i
    begin
    within 5 grep -q 'F all' "$T/log"
    open_to_all "$BUNDLE/attach"
    reaches_nothing "$BUNDLE/attach"
    has "$errors" connected
}

@test "CVE-2020-15257: the same of a container that was started by hand" {
    hand_only
    in_host_network
    hand_run --stdin
    ok
    local pid
    pid=$(shim_pid)
    within 5 grep -qsr 'all' "$S/$ID"
    equal "$(abstract /proc/net/unix "$pid")" ''
    cp /dev/null "$T/log"
    a_stranger "$SHIM" attach --root "$S" "$ID"
    refused
    reaches_nothing "$S/$ID/attach"
    open_to_all "$S/$ID/attach"
    reaches_nothing "$S/$ID/attach"
    has "$errors" connected
}

@test "CVE-2020-15257: the shim of containerd answers nobody else" {
    hand_only
    mkdir "$T/bin"
    ln -s "$(readlink -f "$SHIM")" "$T/bin/containerd-shim-martlet-v1"
    (
        cd "$BUNDLE" || exit 1
        call "$T/out" "$T/err" "$T/bin/containerd-shim-martlet-v1" -namespace "$ID" -address "$T/none" -id "$ID" start
        equal "$status$errors" 0
    )
    local address pid
    address=$(cat "$T/out")
    address=${address#unix://}
    equal "$(stat -c %a "$address")" 600
    pid=$(grep -lsa -- "$ID" /proc/[0-9]*/cmdline | cut -d/ -f3 | while read -r pid; do
        [[ $(readlink "/proc/$pid/exe") != "$(readlink -f "$SHIM")" ]] || echo "$pid"
    done)
    is_alive "$pid"
    equal "$(abstract /proc/net/unix "$pid")" ''
    a_stranger "$(helper shim-client.py)" call "$address" Connect "1=$ID"
    [ "$status" -ne 0 ]
    # Were the mode lost, it would still be asked who calls.
    chmod 777 "$address"
    a_stranger env TIMEOUT=5 "$(helper shim-client.py)" call "$address" Connect "1=$ID"
    [ "$status" -ne 0 ]
    lacks "$output" "$pid"
    call "$T/out" "$T/err" "$(helper shim-client.py)" call "$address" Shutdown "1=$ID"
    within 5 gone "$pid"
}
