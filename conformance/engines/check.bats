#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# `check`: what would fail on this host, all of it, before it does. What it says of files and programs is
# held against `run` in Tests/IntegrationTests/CheckTests.swift.

load ../helpers

setup_file() { it_runs; }
also_setup() { only_martlet; }

# fails PATH WORD…: one finding that would fail is at PATH, and has these words.
fails() {
    local message word
    message=$(jq -r --arg p "$1" '.findings[] | select(.severity == "failure" and .path == $p) | .message' <<<"$output")
    [ -n "$message" ] || say "nothing fails at $1"
    shift
    for word; do has "$message" "$word"; done
}

# checked COUNT: this many things would fail; the exit code says whether any does.
checked() {
    rt check --json --bundle "$BUNDLE"
    equal "$errors" ''
    equal "$(jq '[.findings[] | select(.severity == "failure")] | length' <<<"$output")" "$1"
    equal "$status" $(($1 > 0 ? 1 : 0))
    equal "$(jq .good <<<"$output")" "$([ "$1" -eq 0 ] && echo true || echo false)"
}

# and_so_it_does: create refuses it, and leaves nothing.
and_so_it_does() { create_refused; }

@test "check: 0 and one line where nothing would fail; 2 for a wrong call" {
    rt check --bundle "$BUNDLE"
    equal "$status$output$errors" "0$BUNDLE: nothing was found that would fail"
    checked 0
    rt check --no-such-flag
    equal "$status" 2
}

@test "check: security modules that are off" {
    [ ! -e /sys/fs/selinux/enforce ] && [ ! -e /sys/kernel/security/apparmor/profiles ] ||
        not_here 'a security module is on'
    edit '.process.apparmorProfile = "p" | .process.selinuxLabel = "l" | .linux.mountLabel = "m"'
    checked 3
    fails process.apparmorProfile AppArmor
    fails process.selinuxLabel SELinux
    fails linux.mountLabel SELinux
    and_so_it_does
}

@test "check: cgroup controllers that are not there, each of them" {
    with_cgroups
    [ ! -e /sys/fs/cgroup/net_cls ] && [ ! -e /sys/fs/cgroup/perf_event ] || not_here 'the host has net_cls'
    edit '.linux.resources = {network: {classID: 1}, unified: {"nonesuch.max": "1"}, pids: {limit: 10}}'
    checked 2
    has "$output" net_cls
    has "$output" nonesuch
    lacks "$output" pids
    equal "$(jq -r '[.findings[].path] | unique[]' <<<"$output")" linux.resources
    and_so_it_does
}

@test "check: what the kernel or the machine lacks: resctrl, network devices, a namespace's file" {
    [ ! -e /sys/fs/resctrl/schemata ] || not_here 'the host has resctrl'
    edit '.linux.intelRdt = {closID: "c"} | .linux.netDevices = {"no-such-dev": {}}
        | .linux.namespaces += [{type: "cgroup", path: "/no/such/file"}]'
    checked 3
    fails linux.intelRdt resctrl
    fails 'linux.netDevices["no-such-dev"]' 'no such network device'
    fails 'linux.namespaces[5].path' ENOENT
    and_so_it_does
}

@test "check: a seccomp agent that does not listen" {
    edit '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", listenerPath: "/no/agent",
        syscalls: [{names: ["mkdir"], action: "SCMP_ACT_NOTIFY"}]}'
    checked 1
    fails linux.seccomp.listenerPath ENOENT agent
    and_so_it_does
}

# as_user WORD…: the runtime, as an ordinary user.
as_user() {
    call "$T/out" "$T/err" setpriv --reuid 1000 --regid 1000 --clear-groups env HOME="$T" \
        "$RUNTIME" --root "$T/user-state" "$@"
}

# mapped SIZE: a user namespace of user 1000 with so many more ids.
mapped() {
    edit '.linux.namespaces += [{type: "user"}]
        | (.linux.uidMappings, .linux.gidMappings) =
            [{containerID: 0, hostID: 1000, size: 1}, {containerID: 1, hostID: 7000000, size: $s}]' \
        --argjson s "$1"
    chown -R 1000:1000 "$BUNDLE"
    chmod 755 "$T"
}

@test "check: ranges of ids that an ordinary user was not given" {
    command -v newuidmap >/dev/null || not_here 'newuidmap is not installed'
    mapped 10
    as_user check --json --bundle "$BUNDLE"
    equal "$status" 1
    fails 'linux.uidMappings[1]' /etc/subuid 7000000-7000009 --add-subuids
    fails 'linux.gidMappings[1]' /etc/subgid 7000000-7000009 --add-subgids
}

@test "check: cgroups that were not delegated to an ordinary user" {
    with_cgroups
    mapped 1
    edit '(.linux.uidMappings, .linux.gidMappings) |= .[:1]
        | .linux.resources = {pids: {limit: 10}} | .linux.cgroupsPath = "/not-delegated"'
    as_user check --json --bundle "$BUNDLE"
    equal "$status" 1
    fails linux.resources delegated
}

@test "check: an ordinary user without a user namespace" {
    chmod 755 "$T"
    as_user check --json --bundle "$BUNDLE"
    equal "$status" 1
    fails linux.namespaces 'only in a user namespace'
}

@test "check: the program, its interpreter and the root filesystem" {
    printf '#!/no/such/shell\n' >"$BUNDLE/rootfs/home/script"
    chmod 755 "$BUNDLE/rootfs/home/script"
    args /home/script
    checked 1
    fails process.args /no/such/shell '#! line'
    args nonesuch
    checked 1
    fails process.args 'executable file not found in $PATH'
    and_so_it_does
    edit '.root.path = "no-such-directory"'
    checked 1
    fails root.path ENOENT
    and_so_it_does
}
