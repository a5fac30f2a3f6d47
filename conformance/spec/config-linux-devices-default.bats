#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# config-linux.md#default-devices, runtime-linux.md#dev-symbolic-links.

load ../helpers

# device NAME MAJOR MINOR (both as stat prints them, in hexadecimal)
device() {
    inside "stat -c '%F %t %T %a' /dev/$1"
    ok
    equal "$output" "character special file $2 $3 666"
}

@test "config-linux.md#default-devices: /dev/null" { device null 1 3; }
@test "config-linux.md#default-devices: /dev/zero" { device zero 1 5; }
@test "config-linux.md#default-devices: /dev/full" { device full 1 7; }
@test "config-linux.md#default-devices: /dev/random" { device random 1 8; }
@test "config-linux.md#default-devices: /dev/urandom" { device urandom 1 9; }
@test "config-linux.md#default-devices: /dev/tty" { device tty 5 0; }

@test "config-linux.md#default-devices: they work" {
    inside 'echo x >/dev/null && wc -c </dev/null; head -c 3 /dev/zero | od -An -tx1; head -c 9 /dev/urandom | wc -c; head -c 1 /dev/random | wc -c; echo x >/dev/full'
    equal "$(head -n 4 <<<"$output" | tr -s ' \n' ' ')" '0 00 00 00 9 1 '
    has "$errors" 'No space left'
}

@test "config-linux.md#default-devices: they work for another user" {
    edit '.process.user = {uid: 1000, gid: 1000}'
    inside 'echo x >/dev/null && head -c 3 /dev/zero | wc -c && head -c 2 /dev/urandom | wc -c'
    equal "$output" $'3\n2'
}

@test "config-linux.md#default-devices: /dev/ptmx is the container's own" {
    inside 'readlink /dev/ptmx || grep /dev/ptmx /proc/self/mountinfo; stat -L -c "%t %T" /dev/ptmx'
    ok
    has "$output" pts
    has "$output" '5 2'
}

@test "config-linux.md#default-devices: they are there without a mount on /dev" {
    edit 'del(.mounts[] | select(.destination | startswith("/dev")))'
    inside 'for d in null zero full random urandom tty; do test -c /dev/$d || echo "no $d"; done'
    ok
    equal "$output" ''
}

@test "config-linux.md#default-devices: they are there with a read-only root" {
    edit '.root.readonly = true'
    inside 'for d in null zero full random urandom tty; do test -c /dev/$d || echo "no $d"; done; echo x >/dev/null'
    ok
    equal "$output" ''
}

@test "config-linux.md#default-devices: without terminal there is no host console" {
    inside 'test -e /dev/console && echo x >/dev/console'
    [ "$status" -ne 0 ]
    equal "$output" ''
}

@test "runtime-linux.md#dev-symbolic-links: /dev/fd" { inside 'readlink /dev/fd'; equal "$output" /proc/self/fd; }
@test "runtime-linux.md#dev-symbolic-links: /dev/stdin" { inside 'readlink /dev/stdin'; equal "$output" /proc/self/fd/0; }
@test "runtime-linux.md#dev-symbolic-links: /dev/stdout" { inside 'readlink /dev/stdout'; equal "$output" /proc/self/fd/1; }
@test "runtime-linux.md#dev-symbolic-links: /dev/stderr" { inside 'readlink /dev/stderr'; equal "$output" /proc/self/fd/2; }

@test "runtime-linux.md#dev-symbolic-links: links that the image has already are no error" {
    edit 'del(.mounts[] | select(.destination | startswith("/dev")))'
    ln -s /proc/self/fd "$BUNDLE/rootfs/dev/fd"
    ln -s /proc/self/fd/0 "$BUNDLE/rootfs/dev/stdin"
    inside 'readlink /dev/fd'
    ok
    equal "$output" /proc/self/fd
}

@test "runtime-linux.md#dev-symbolic-links: a container runs twice on one root filesystem" {
    edit 'del(.mounts[] | select(.destination | startswith("/dev")))'
    inside 'echo one'
    ok
    inside 'readlink /dev/stdout; test -c /dev/null'
    ok
    equal "$output" /proc/self/fd/1
}
