#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# config-linux.md#network-devices. "The host" is a network namespace of each test's own, so that no
# device of the machine is touched; the devices are ends of veth pairs.
#
# runc 1.1.5 and crun 1.8.1 precede it (runtime-spec 1.3), and ignore it.

load ../helpers

also_setup() {
    command -v ip >/dev/null || not_here "no ip(8)"
    background unshare --net sh -c 'touch "$0"; exec sleep 1000' "$T/host-is-there"
    HOST=$!
    within 5 test -e "$T/host-is-there"
    host ip link add dev0 type veth peer name peer0 2>/dev/null || not_here "no veth devices"
    host ip link set lo up
    host ip link set peer0 up
}

# Words that are run in the namespace that stands for the host's.
host() { nsenter --net="/proc/$HOST/ns/net" -- "$@"; }

# The same for the runtime.
host_create() {
    call "$T/container.out" "$T/container.err" nsenter --net="/proc/$HOST/ns/net" -- \
        "$RUNTIME" "${GLOBAL[@]}" --root "$ROOT" create --bundle "$BUNDLE" "$ID"
}
host_run() { with nsenter --net="/proc/$HOST/ns/net" -- run --bundle "$BUNDLE" "$ID"; }

host_lacks() { ! host ip link show "$1" >/dev/null 2>&1 || say "the host has $1"; }

host_create_refused() { host_create; refused; nothing_left; }

devices() { edit '.linux.netDevices = $d' --argjson d "$1"; }

# A network namespace that is neither the host's nor the container's; sets OTHER.
other_namespace() {
    background unshare --net sh -c 'touch "$0"; exec sleep 1000' "$T/other-is-there"
    OTHER=$!
    within 5 test -e "$T/other-is-there"
    edit '.linux.namespaces |= map(if .type == "network" then .path = $p else . end)' --arg p "/proc/$OTHER/ns/net"
}
other() { nsenter --net="/proc/$OTHER/ns/net" -- "$@"; }

# What is to be as before after a failure: name, state, address of each family.
device_state() { host ip -o link show dev0 | grep -o 'dev0.*<[^>]*>' | sed 's/@.*<.*UP.*/ up/; s/@.*/ down/'; host ip -o address show dev dev0 scope global | awk '{ print $3, $4 }'; }

@test "config-linux.md#network-devices: a device is moved, under its name without another" {
    devices '{"dev0": {}}'
    script 'ls /sys/class/net'
    host_run
    ok
    equal "$(tr '\n' ' ' <<<"$output")" 'dev0 lo '
}

@test "config-linux.md#network-devices: and is no longer the host's" {
    devices '{"dev0": {}}'
    host_create
    ok
    host_lacks dev0
}

@test "config-linux.md#network-devices: name renames it" {
    devices '{"dev0": {"name": "inner0"}}'
    script 'ls /sys/class/net'
    host_run
    ok
    equal "$(tr '\n' ' ' <<<"$output")" 'inner0 lo '
}

@test "config-linux.md#network-devices: the longest name" {
    devices '{"dev0": {"name": "a23456789012345"}}'
    script 'ls /sys/class/net'
    host_run
    ok
    has "$output" a23456789012345
}

@test "config-linux.md#network-devices: name as a template gets the first free number" {
    host ip link add dev1 type veth peer name peer1
    devices '{"dev0": {"name": "net%d"}, "dev1": {"name": "net%d"}}'
    script 'ls /sys/class/net'
    host_run
    ok
    equal "$(tr '\n' ' ' <<<"$output")" 'lo net0 net1 '
}

@test "config-linux.md#network-devices: the device MUST be up" {
    devices '{"dev0": {}}'
    script 'ip -o link show dev0'
    host_run
    ok
    matches "$output" '[<,]UP[,>]'
}

@test "config-linux.md#network-devices: permanent global addresses of both families MUST be kept" {
    host ip address add 192.0.2.7/24 broadcast 192.0.2.255 dev dev0
    host ip address add 198.51.100.1/32 dev dev0
    host ip -6 address add 2001:db8::7/64 nodad dev dev0 2>/dev/null || not_here "no IPv6"
    host ip link set dev0 up
    devices '{"dev0": {"name": "inner0"}}'
    script 'ip -o address show dev inner0 scope global'
    host_run
    ok
    has "$output" 'inet 192.0.2.7/24 brd 192.0.2.255'
    has "$output" 'inet 198.51.100.1/32'
    has "$output" 'inet6 2001:db8::7/64'
}

@test "config-linux.md#network-devices: addresses that are not permanent or not global are not moved" {
    host ip address add 192.0.2.7/24 dev dev0
    host ip address add 192.0.2.8/24 dev dev0 valid_lft 500 preferred_lft 500
    host ip address add 169.254.3.4/16 scope link dev dev0
    devices '{"dev0": {}}'
    script 'ip -o -4 address show dev dev0'
    host_run
    ok
    has "$output" 192.0.2.7/24
    lacks "$output" 192.0.2.8
    lacks "$output" 169.254.3.4
}

@test "config-linux.md#network-devices: hardware address and MTU are kept" {
    host ip link set dev0 mtu 1234 address 02:00:00:00:00:07
    devices '{"dev0": {"name": "inner0"}}'
    script 'cat /sys/class/net/inner0/mtu /sys/class/net/inner0/address'
    host_run
    ok
    equal "$output" $'1234\n02:00:00:00:00:07'
}

@test "config-linux.md#network-devices: a kernel parameter of the device can be set" {
    [ -e /proc/sys/net/ipv4/conf/lo/forwarding ] || not_here "no such parameter"
    devices '{"dev0": {"name": "inner0"}}'
    edit '.linux.sysctl = {"net.ipv4.conf.inner0.arp_filter": "1"}'
    script 'cat /proc/sys/net/ipv4/conf/inner0/arp_filter'
    host_run
    ok
    equal "$output" 1
}

@test "config-linux.md#network-devices: with a user namespace" {
    user_namespace
    devices '{"dev0": {"name": "inner0"}}'
    host ip address add 192.0.2.7/24 dev dev0
    script 'ip -o -4 address show dev inner0'
    host_run
    ok
    has "$output" 192.0.2.7/24
}

@test "config-linux.md#network-devices: into a namespace that is joined" {
    other_namespace
    devices '{"dev0": {"name": "inner0"}}'
    host_create
    ok
    other ip link show inner0
}

@test "config-linux.md#network-devices: MUST NOT be moved out before deletion" {
    other_namespace
    devices '{"dev0": {"name": "inner0"}}'
    host_create
    ok
    rt delete --force "$ID"
    ok
    other ip link show inner0
    host_lacks dev0
}

@test "config-linux.md#network-devices: its own name, taken inside, does not matter when it gets another" {
    other_namespace
    other ip link add dev0 type veth peer name x1
    devices '{"dev0": {"name": "inner0"}}'
    host_create
    ok
    other ip link show inner0
    other ip link show dev0
}

@test "config-linux.md#network-devices: a name that exists inside MUST generate an error" {
    other_namespace
    other ip link add taken type veth peer name x1
    devices '{"dev0": {"name": "taken"}}'
    local before
    before=$(device_state)
    host_create_refused
    equal "$(device_state)" "$before"
    other ip link show taken
}

@test "config-linux.md#network-devices: two devices with one name MUST generate an error, and both stay" {
    host ip link add dev1 type veth peer name peer1
    host ip address add 192.0.2.7/24 dev dev0
    host ip link set dev0 up
    devices '{"dev0": {"name": "same"}, "dev1": {"name": "same"}}'
    local before
    before=$(device_state)
    host_create_refused
    equal "$(device_state)" "$before"
    host ip link show dev1
}

@test "config-linux.md#network-devices: lo, which a namespace has already, is an error" {
    devices '{"lo": {}}'
    host_create_refused
}

@test "config-linux.md#network-devices: a device that the kernel does not let go is an error" {
    devices '{"lo": {"name": "lo7"}}'
    host_create_refused
    host ip link show lo
}

@test "config-linux.md#network-devices: a device that is not there is an error" {
    devices '{"banana": {}}'
    host_create_refused
}

@test "config-linux.md#network-devices: a create that fails later leaves the device as it was" {
    host ip address add 192.0.2.7/24 dev dev0
    host ip -6 address add 2001:db8::7/64 nodad dev dev0 2>/dev/null || true
    host ip link set dev0 up
    devices '{"dev0": {"name": "inner0"}}'
    edit '.linux.sysctl = {"net.ipv4.ip_default_ttl": "banana"}'
    local before
    before=$(device_state)
    has "$before" up
    host_create_refused
    equal "$(device_state)" "$before"
}

# The first sendmsg(2) lets the container's process go on: the device is there by then.
@test "config-linux.md#network-devices: delete takes back what a killed create left in another's namespace" {
    only_martlet
    command -v strace >/dev/null || not_here "no strace"
    other_namespace
    host ip address add 192.0.2.7/24 dev dev0
    host ip link set dev0 up
    devices '{"dev0": {"name": "inner0"}}'
    local before
    before=$(device_state)
    call "$T/container.out" "$T/container.err" nsenter --net="/proc/$HOST/ns/net" -- \
        strace -qq -o /dev/null -e trace=sendmsg -e inject=sendmsg:signal=SIGKILL:when=1 \
        "$RUNTIME" "${GLOBAL[@]}" --root "$ROOT" create --bundle "$BUNDLE" "$ID"
    differ "$status" 0
    other ip link show inner0
    host_lacks dev0
    with nsenter --net="/proc/$HOST/ns/net" -- delete --force "$ID"
    ok
    equal "$(device_state)" "$before"
    nothing_left
}

@test "config-linux.md#network-devices: without a network namespace of the container's is an error" {
    namespaces pid ipc uts mount
    edit 'del(.mounts[] | select(.type == "sysfs"))'
    devices '{"dev0": {}}'
    host_create_refused
    host ip link show dev0
}

@test "config-linux.md#network-devices: with the runtime's own namespace joined is an error" {
    edit '.linux.namespaces |= map(if .type == "network" then .path = $p else . end) | del(.mounts[] | select(.type == "sysfs"))' \
        --arg p "/proc/$HOST/ns/net"
    devices '{"dev0": {"name": "inner0"}}'
    host_create_refused
    host ip link show dev0
}

@test "config-linux.md#network-devices: a name of 16 bytes is an error" {
    devices '{"dev0": {"name": "a234567890123456"}}'
    host_create_refused
}

@test "config-linux.md#network-devices: a name with a slash is an error" {
    devices '{"dev0": {"name": "a/b"}}'
    host_create_refused
}
