#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Users, groups, capabilities, keyrings, terminals, environments: only what was configured.

load ../helpers

setup_file() { it_runs; }

# crun 1.8.1 takes 4294967295 and what it cuts down to it.
bad_id() {
    edit ".process.user$1 = \$v" --argjson v "$2"
    # jq would turn large numbers into others.
    script 'echo ran as $(id -u):$(id -g)'
    run_container
    refused
    lacks "$output" ran
    nothing_left
}

@test "CVE-2026-46680: uid 4294967295 is refused" { bad_id .uid 4294967295; }
@test "CVE-2026-46680: uid 4294967296 is refused" { bad_id .uid 4294967296; }
@test "CVE-2026-46680: uid -1 is refused" { bad_id .uid -1; }
@test "CVE-2026-46680: uid 1.5 is refused" { bad_id .uid 1.5; }
@test "CVE-2026-46680: gid 4294967295 is refused" { bad_id .gid 4294967295; }
@test "CVE-2026-46680: gid 4294967296 is refused" { bad_id .gid 4294967296; }
@test "CVE-2026-46680: gid -1 is refused" { bad_id .gid -1; }
@test "CVE-2026-46680: additional gid 4294967295 is refused" { bad_id .additionalGids '[4294967295]'; }
@test "CVE-2026-46680: additional gid 4294967296 is refused" { bad_id .additionalGids '[4294967296]'; }
@test "CVE-2026-46680: uid 1e3 in words is refused" { bad_id .uid '"1000"'; }

@test "CVE-2026-30892: an id that the image's passwd gives as a name stays a number" {
    echo '1000:x:0:0:trap:/:/bin/sh' >"$BUNDLE/rootfs/etc/passwd"
    edit '.process.user = {uid: 1000, gid: 1000}'
    inside 'grep ^Uid /proc/self/status | cut -f 2,3'
    equal "$output" $'1000\t1000'
}

@test "CVE-2022-29162: inheritable capabilities of the caller do not pass" {
    args cat /proc/self/status
    with setpriv --inh-caps +chown,+net_raw,+sys_admin -- run --bundle "$BUNDLE" "$ID"
    ok
    has "$output" $'CapInh:\t0000000000000000'
}

@test "CVE-2022-24769: ambient capabilities of the caller do not pass" {
    args cat /proc/self/status
    edit '.process.user = {uid: 1000, gid: 1000}'
    with setpriv --inh-caps +chown,+net_raw,+sys_admin --ambient-caps +chown,+net_raw,+sys_admin -- run --bundle "$BUNDLE" "$ID"
    ok
    has "$output" $'CapAmb:\t0000000000000000'
    has "$output" $'CapPrm:\t0000000000000000'
    has "$output" $'CapEff:\t0000000000000000'
}

@test "CVE-2016-8867: without capabilities in the configuration none is left, bounding neither" {
    edit 'del(.process.capabilities)'
    args cat /proc/self/status
    run_container
    ok
    local set
    for set in Inh Prm Eff Bnd Amb; do has "$output" "Cap$set:"$'\t0000000000000000'; done
}

@test "CVE-2022-2989: supplementary groups of the caller do not pass" {
    script 'id -G'
    with setpriv --groups 10,20,30 -- run --bundle "$BUNDLE" "$ID"
    ok
    equal "$output" 0
}

@test "CVE-2022-2989: supplementary groups of the caller do not pass to another user" {
    edit '.process.user = {uid: 1000, gid: 1000, additionalGids: [7]}'
    script 'id -G'
    with setpriv --groups 0,10,20 -- run --bundle "$BUNDLE" "$ID"
    ok
    equal "$output" '1000 7'
}

@test "CVE-2022-2989: nor in a user namespace" {
    user_namespace
    script 'grep Groups /proc/self/status'
    with setpriv --groups 10,20 -- run --bundle "$BUNDLE" "$ID"
    ok
    equal "$(tr -d '\t ' <<<"$output" | sed 's/:0$/:/')" Groups:
}

# Rootless: the one who calls may write no gid_map before setgroups is denied.
@test "CVE-2014-8989: setgroups is denied in a user namespace of an ordinary user" {
    local group
    mkdir -m 700 "$T/rootless"
    chown -R 1000:1000 "$BUNDLE" "$T/rootless"
    edit '.linux.namespaces |= map(select(.type != "network"))
        | .linux.namespaces += [{type: "user"}] | del(.mounts[] | select(.type == "sysfs"))
        | (.mounts[] | select(.type == "devpts").options) |= map(select(startswith("gid=") | not))
        | .linux.uidMappings = [{containerID: 0, hostID: 1000, size: 1}]
        | .linux.gidMappings = [{containerID: 0, hostID: 1000, size: 1}]'
    script 'cat /proc/self/setgroups'
    ROOT=$T/rootless
    with setpriv --reuid 1000 --regid 1000 --clear-groups env -u XDG_RUNTIME_DIR HOME="$T/rootless" -- run --bundle "$BUNDLE" "$ID"
    ok
    equal "$output" deny
}

@test "TIOCSTI: nothing is typed into the caller's terminal" {
    cp "$(compiled "$CONFORMANCE/security/src/type.c")" "$BUNDLE/rootfs/bin/type-in"
    args type-in $'echo TYPED\n'
    call "$T/out" "$T/err" "$(helper in-terminal.py)" sh -c '"$@"; sleep 0.2; timeout 0.5 cat; true' sh \
        "$RUNTIME" "${GLOBAL[@]}" --root "$ROOT" run --bundle "$BUNDLE" "$ID"
    has "$output" 'session 1, process 1, /dev/tty closed, typed 0 times'
    lacks "$output" TYPED
}

@test "TIOCSTI: nor with CAP_SYS_ADMIN and without no_new_privs, when stdin is not the terminal" {
    cp "$(compiled "$CONFORMANCE/security/src/type.c")" "$BUNDLE/rootfs/bin/type-in"
    edit '.process.noNewPrivileges = false | .process.capabilities |= map_values(. + ["CAP_SYS_ADMIN", "CAP_SYS_TTY_CONFIG"])'
    script 'type-in x </dev/null >/tmp/said 2>&1; cat /tmp/said'
    call "$T/out" "$T/err" "$(helper in-terminal.py)" sh -c '"$@" </dev/null | cat' sh \
        "$RUNTIME" "${GLOBAL[@]}" --root "$ROOT" run --bundle "$BUNDLE" "$ID"
    has "$output" '/dev/tty closed, typed 0 times'
}

@test "keyrings: the caller's session keyring is not the container's" {
    local keys
    keys=$(compiled "$CONFORMANCE/security/src/keys.c")
    "$keys" own true || not_here 'no session keyrings'
    cp "$keys" "$BUNDLE/rootfs/bin/keys"
    args keys look
    with "$keys" own -- run --bundle "$BUNDLE" "$ID"
    ok
    has "$output" 'not found'
}

# The control: with it the key is seen.
@test "keyrings: --no-new-keyring leaves the caller's" {
    local keys
    keys=$(compiled "$CONFORMANCE/security/src/keys.c")
    "$keys" own true || not_here 'no session keyrings'
    cp "$keys" "$BUNDLE/rootfs/bin/keys"
    args keys look
    with "$keys" own -- run --no-new-keyring --bundle "$BUNDLE" "$ID"
    ok
    equal "$output" found
}

@test "environment: nothing of the caller's is in the program's, or in anything else inside" {
    script 'env; tr "\0" "\n" </proc/1/environ; grep -r leaked /run /tmp /etc 2>/dev/null'
    with env SECRET=leaked LD_PRELOAD=leaked.so GODEBUG=leaked SWIFT_BACKTRACE=leaked XDG_RUNTIME_DIR=/leaked _LIBCONTAINER_X=leaked \
        -- run --bundle "$BUNDLE" "$ID"
    lacks "$output" leaked
}

@test "environment: the program that waits for start has nothing of the caller's that a container could read" {
    with env SECRET=leaked -- create --bundle "$BUNDLE" "$ID"
    # Its environ must not be open to the container: it is not dumpable, or it holds nothing.
    local pid uid
    pid=$(pid_of)
    [ -n "$pid" ]
    call "$T/out" "$T/err" nsenter --target "$pid" --pid --mount setpriv --bounding-set -all --inh-caps -all \
        "$BUNDLE/rootfs/bin/busybox" cat /proc/1/environ
    lacks "$output" leaked
}

@test "environment: the container's does not act on the runtime" {
    edit '.process.env = ["PATH=/bin", "LD_PRELOAD=/nonesuch.so", "LD_LIBRARY_PATH=/x", "SWIFT_BACKTRACE=enable=yes,swift-backtrace=/bin/evil", "GODEBUG=x", "MALLOC_TRACE=/tmp/trace", "TMPDIR=/nonesuch"]'
    inside 'echo ran; ls /tmp'
    ok
    equal "$output" ran
    lacks "$errors" nonesuch
}
