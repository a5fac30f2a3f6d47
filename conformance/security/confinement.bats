#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What a container must not reach although nothing points there: other cgroups, devices, containers,
# libraries of the image in the runtime, hooks that inherit, and calls that a filter does not know.

load ../helpers
load ../helpers/cgroups

setup_file() { it_runs; }

# ---------------------------------------------------------------------------------------------
# Cgroups

# Root of the container tries to make a cgroup, and to move itself, wherever it sees one.
cgroup_attack='for d in $(find /sys/fs/cgroup -type d 2>/dev/null); do
    mkdir $d/attacked 2>/dev/null && echo made $d; done
for f in $(find /sys/fs/cgroup -name cgroup.procs 2>/dev/null); do
    echo $$ 2>/dev/null >$f && echo moved $f; done
for f in $(find /sys/fs/cgroup -name "*release_agent" 2>/dev/null); do
    echo /tmp/x 2>/dev/null >$f && echo released $f; done
echo tried'

# attacked FILTER: with that change of the configuration.
cgroups_attacked() {
    with_cgroups
    edit '.mounts += [{destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: ["nosuid", "noexec", "nodev", "relatime", "ro"]}]'
    script "$cgroup_attack"
    run_container
    # What cannot be mounted read-only may be refused.
    [ "$status" -eq 0 ] || { refused; return; }
    equal "$output" tried
}

@test "CVE-2023-25809: cgroups that are mounted read-only are, without a cgroup namespace" { cgroups_attacked; }

@test "CVE-2023-25809: and in a user namespace" {
    user_namespace
    cgroups_attacked
}

@test "CVE-2023-25809: and in both" {
    user_namespace
    edit '.linux.namespaces += [{type: "cgroup"}]'
    cgroups_attacked
}

# ---------------------------------------------------------------------------------------------
# Devices

# device NODE…: those that the container's root could make and read, of "memory kmsg loop".
opened() {
    edit '.process.capabilities |= map_values(. + ["CAP_MKNOD", "CAP_SYS_ADMIN", "CAP_SYSLOG"])'
    inside 'mknod /dev/m c 1 1; mknod /dev/k c 1 11; mknod /dev/l b 7 0
        for d in m k l; do (: </dev/$d) 2>/tmp/e && echo open $d; grep -q "No such device" /tmp/e && echo reached $d; done; echo tried'
    ok
}

@test "devices: a list that allows and denies nothing is no way to the rest" {
    with_cgroups
    limits '{devices: [{allow: true, type: "c", major: 1, minor: 3, access: "rwm"}]}'
    opened
    equal "$output" tried
}

@test "devices: a list that denies all is no way to anything" {
    with_cgroups
    limits '{devices: [{allow: false, access: "rwm"}]}'
    opened
    equal "$output" tried
}

# ---------------------------------------------------------------------------------------------
# Messages

@test "CVE-2021-43784: 20000 mappings are an error, or are mapped" {
    edit '.linux.namespaces += [{type: "user"}]
        | .linux.uidMappings = [range(20000) | {containerID: (2 * .), hostID: (100000 + 2 * .), size: 1}]
        | .linux.gidMappings = .linux.uidMappings'
    chown -R 100000:100000 "$BUNDLE/rootfs"
    inside 'wc -l </proc/self/uid_map'
    if [ "$status" -eq 0 ]; then
        equal "$output" 20000
    else
        refused
        nothing_left
    fi
}

# 65536 more of it would be another message, with namespaces of the attacker's choice.
@test "CVE-2021-43784: a text of more than 64 KiB is one text" {
    edit '.process.args = ["sh", "-c", "echo ${#LONG}"] | .process.env += ["LONG=" + ("x" * 70000)]'
    run_container
    [ "$status" -ne 0 ] || equal "$output" 70000
    edit '.hostname = ("x" * 70000)'
    create_refused
}

# ---------------------------------------------------------------------------------------------
# The image's libraries

# Whoever loads one of these names, loads the attacker's.
planted() {
    local library directory name
    library=$T/attack.so
    echo '#include <fcntl.h>
        __attribute__((constructor)) static void attack(void) { open("/attacked", O_CREAT | O_WRONLY, 0600); }' >"$T/attack.c"
    cc -shared -fPIC -o "$library" "$T/attack.c"
    for directory in lib lib64 usr/lib lib/x86_64-linux-gnu usr/lib/x86_64-linux-gnu lib/aarch64-linux-gnu; do
        mkdir -p "$BUNDLE/rootfs/$directory"
        for name in libnss_files.so.2 libnss_compat.so.2 libnss_dns.so.2 libnss_systemd.so.2 libc.so.6 libpthread.so.0 \
            libseccomp.so.2 libjson-c.so.5 libyajl.so.2 libcap.so.2 libgcc_s.so.1 libsystemd.so.0; do
            cp "$library" "$BUNDLE/rootfs/$directory/$name"
        done
    done
    cp "$library" "$BUNDLE/rootfs/attack.so"
    echo /attack.so >"$BUNDLE/rootfs/etc/ld.so.preload"
    echo 'passwd: files compat systemd' >"$BUNDLE/rootfs/etc/nsswitch.conf"
}

# busybox is static: it loads nothing.
@test "CVE-2019-14271: the image's libraries are not loaded by the runtime" {
    planted
    edit '.process.user = {uid: 0, gid: 0, additionalGids: [5, 7]} | .process.cwd = "/nowhere/yet"
        | .process.env += ["LD_LIBRARY_PATH=/", "LD_PRELOAD=/attack.so", "GCONV_PATH=/", "LOCPATH=/", "LANG=x.y"]'
    ready ''
    [ ! -e "$BUNDLE/rootfs/attacked" ] || say 'loaded by create or start'
    rt exec --env LD_PRELOAD=/attack.so --user 1000 "$ID" true
    [ ! -e "$BUNDLE/rootfs/attacked" ] || say 'loaded by exec'
}

# ---------------------------------------------------------------------------------------------
# Other containers

@test "CVE-2021-21334: nothing of one container's environment is in another's" {
    local first=$ID
    edit '.process.env += ["SECRET=of-the-first"]'
    ready ''
    edit '.process.env |= map(select(startswith("SECRET") | not))'
    ID=$first-2
    inside 'env; tr "\0" "\n" </proc/self/environ; tr "\0" "\n" </proc/1/environ; cat /proc/*/environ 2>/dev/null | tr "\0" "\n"'
    ok
    lacks "$output" of-the-first
    # Nor beside the first, in its pid namespace, from outside of its root.
    ID=$first
    is_status running
}

@test "hooks: nothing of the caller's but the standard streams reaches one" {
    cat >"$T/hook" <<'HOOK'
#!/bin/sh
exec >"$1" 2>&1
/bin/busybox env
/bin/busybox ls -l /proc/self/fd
HOOK
    chmod 755 "$T/hook"
    edit '.hooks = {createRuntime: [{path: $h, args: ["hook", $o], env: ["OWN=1"]}],
        poststop: [{path: $h, args: ["hook", ($o + "2")], env: ["OWN=1"]}]}' --arg h "$T/hook" --arg o "$T/seen"
    echo secret >"$T/secret"
    args true
    call "$T/out" "$T/err" sh -c 'exec 7<"$1" 9<>"$1"; shift; SECRET=of-the-caller exec "$@"' sh "$T/secret" \
        "$RUNTIME" "${GLOBAL[@]}" --root "$ROOT" run --bundle "$BUNDLE" "$ID"
    ok
    local file
    for file in "$T/seen" "$T/seen2"; do
        has "$(cat "$file")" OWN=1
        lacks "$(cat "$file")" of-the-caller
        lacks "$(cat "$file")" "$T/secret"
        lacks "$(cat "$file")" "$ROOT"
    done
}

# ---------------------------------------------------------------------------------------------
# System calls

filtered() {
    edit '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", architectures: ["SCMP_ARCH_X86_64"],
        syscalls: [{names: ["getppid", "mkdir"], action: "SCMP_ACT_ERRNO", errnoRet: 13}]}'
    install -m 755 "$(compiled "$(helper src/syscalls.c)")" "$BUNDLE/rootfs/bin/syscalls"
}

# x32's numbers are those of x86-64 and one bit; a filter that compares numbers alone lets them by.
@test "seccomp: a denied call is denied by its number of x32, too" {
    [ "$(uname -m)" = x86_64 ] || not_here 'no x32'
    filtered
    args syscalls getppid
    run_container
    equal "$output" getppid=EACCES
    args syscalls 0x4000006e
    ID=$ID-2
    run_container
    lacks "$output" =ok
}

@test "seccomp: a denied call is denied with bits above the 32 that the kernel looks at" {
    [ "$(uname -m)" = x86_64 ] || not_here 'the number of getppid is not 110'
    filtered
    args syscalls 0x10000006e
    run_container
    lacks "$output" =ok
}

# ---------------------------------------------------------------------------------------------
# Standard streams

# What the caller has as /dev/null stays that, whatever the image calls so. runc 1.1.5 gives the program
# the image's.
@test "CVE-2026-88265: standard streams are the caller's null device, not the image's" {
    mkdir "$T/outside"
    echo untouched >"$T/outside/file"
    edit 'del(.mounts[] | select(.destination | startswith("/dev")))'
    rm -f "$BUNDLE/rootfs/dev/null"
    ln -s "../../../../../../..$T/outside/file" "$BUNDLE/rootfs/dev/null"
    script 'echo attacked; echo attacked >&2; stat -L -c %t:%T /proc/self/fd/0 >/seen'
    INPUT=/dev/null call /dev/null /dev/null "$RUNTIME" "${GLOBAL[@]}" --root "$ROOT" run --bundle "$BUNDLE" "$ID"
    equal "$(cat "$T/outside/file")" untouched
    [ ! -s "$BUNDLE/rootfs/seen" ] || equal "$(cat "$BUNDLE/rootfs/seen")" 1:3
}
