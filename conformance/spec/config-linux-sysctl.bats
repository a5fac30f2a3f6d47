#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# config-linux.md#sysctl.

load ../helpers

@test "config-linux.md#sysctl: a value of the network namespace" {
    local before
    before=$(cat /proc/sys/net/ipv4/ip_default_ttl)
    edit '.linux.sysctl = {"net.ipv4.ip_default_ttl": "99"}'
    inside 'cat /proc/sys/net/ipv4/ip_default_ttl'
    equal "$output" 99
    equal "$(cat /proc/sys/net/ipv4/ip_default_ttl)" "$before"
}

@test "config-linux.md#sysctl: a value of the ipc namespace" {
    edit '.linux.sysctl = {"kernel.shmmax": "4321000", "kernel.msgmax": "4096", "fs.mqueue.msg_max": "11"}'
    inside 'cat /proc/sys/kernel/shmmax /proc/sys/kernel/msgmax /proc/sys/fs/mqueue/msg_max'
    equal "$output" $'4321000\n4096\n11'
}

@test "config-linux.md#sysctl: a value with several numbers" {
    edit '.linux.sysctl = {"net.ipv4.ping_group_range": "0 1000", "kernel.sem": "250 32000 100 128"}'
    inside 'cat /proc/sys/net/ipv4/ping_group_range /proc/sys/kernel/sem'
    equal "$(tr '\t' ' ' <<<"$output")" $'0 1000\n250 32000 100 128'
}

@test "config-linux.md#sysctl: many values" {
    edit '.linux.sysctl = {"net.ipv4.ip_default_ttl": "99", "net.ipv4.tcp_syn_retries": "3", "net.core.somaxconn": "77"}'
    inside 'cat /proc/sys/net/ipv4/ip_default_ttl /proc/sys/net/ipv4/tcp_syn_retries /proc/sys/net/core/somaxconn'
    equal "$output" $'99\n3\n77'
}

@test "config-linux.md#sysctl: is set although /proc/sys is read-only" {
    edit '.linux.sysctl = {"net.ipv4.ip_default_ttl": "99"} | .linux.readonlyPaths = ["/proc/sys"]'
    inside 'cat /proc/sys/net/ipv4/ip_default_ttl'
    equal "$output" 99
}

@test "config-linux.md#sysctl: a value that is not the container's is an error" {
    local before
    before=$(cat /proc/sys/vm/swappiness)
    edit '.linux.sysctl = {"vm.swappiness": "1"}'
    create_refused
    equal "$(cat /proc/sys/vm/swappiness)" "$before"
}

@test "config-linux.md#sysctl: a network value without a new network namespace is an error" {
    local before
    before=$(cat /proc/sys/net/ipv4/ip_default_ttl)
    edit '.linux.sysctl = {"net.ipv4.ip_default_ttl": "99"} | .linux.namespaces |= map(select(.type != "network"))
        | del(.mounts[] | select(.type == "sysfs"))'
    create_refused
    equal "$(cat /proc/sys/net/ipv4/ip_default_ttl)" "$before"
}

@test "config-linux.md#sysctl: an ipc value without a new ipc namespace is an error" {
    local before
    before=$(cat /proc/sys/kernel/shmmax)
    edit '.linux.sysctl = {"kernel.shmmax": "4321000"} | .linux.namespaces |= map(select(.type != "ipc"))'
    create_refused
    equal "$(cat /proc/sys/kernel/shmmax)" "$before"
}

@test "config-linux.md#sysctl: a key that the kernel does not know is an error" {
    edit '.linux.sysctl = {"net.ipv4.banana": "1"}'
    create_refused
}

@test "config-linux.md#sysctl: a value that the kernel refuses is an error" {
    edit '.linux.sysctl = {"net.ipv4.ip_default_ttl": "banana"}'
    create_refused
}
