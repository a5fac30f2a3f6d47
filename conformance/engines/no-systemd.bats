#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# --systemd-cgroup where no systemd answers: an error that says so, and nothing left.

load ../helpers

setup_file() { it_runs; }

@test "no systemd: create says so, and what to do" {
    only_martlet
    GLOBAL+=(--systemd-cgroup)
    with env DBUS_SYSTEM_BUS_ADDRESS="unix:path=$T/no-bus" -- create --bundle "$BUNDLE" "$ID"
    refused
    has "$errors" "$T/no-bus"
    has "$errors" '--cgroup-manager cgroupfs'
    nothing_left
}

@test "no systemd: check says so, too" {
    only_martlet
    GLOBAL+=(--systemd-cgroup)
    with env DBUS_SYSTEM_BUS_ADDRESS="unix:path=$T/no-bus" -- check --bundle "$BUNDLE"
    equal "$status" 1
    has "$output" "$T/no-bus"
    has "$output" '--cgroup-manager cgroupfs'
}

# peer PYTHON: a bus that does what it likes with each connection.
peer() {
    background python3 -c "
import socket, sys
listener = socket.socket(socket.AF_UNIX)
listener.bind('$T/bus')
listener.listen(8)
while True:
    bus = listener.accept()[0]
    try:
        $1
    except OSError: pass
    bus.close()
"
    within 5 test -S "$T/bus"
}

@test "no systemd: a peer that closes, talks nonsense or refuses is an error" {
    only_martlet
    GLOBAL+=(--systemd-cgroup)
    local act
    for act in 'pass' \
        "bus.recv(99); bus.sendall(b'REJECTED EXTERNAL\\r\\n'); bus.recv(99)" \
        "bus.recv(99); bus.sendall(b'x' * 100000); bus.recv(99)" \
        "bus.recv(99); bus.sendall(b'OK 1\\r\\n'); bus.recv(999); bus.sendall(b'l\\x02\\0\\x01' + b'\\xff' * 100000)" \
        "bus.recv(99); bus.sendall(b'OK 1\\r\\n'); bus.recv(999); bus.sendall(bytes(4096))"; do
        rm -f "$T/bus"
        peer "$act"
        with env DBUS_SYSTEM_BUS_ADDRESS="unix:path=$T/bus" -- create --bundle "$BUNDLE" "$ID"
        refused
        has "$errors" "systemd cannot be asked for a cgroup"
        nothing_left
    done
}
