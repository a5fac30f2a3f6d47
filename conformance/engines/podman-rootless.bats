#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Debian's podman as an ordinary user, with martlet-shim in conmon's place and the runtime under test. The
# user and its subordinate ids are there for these tests alone, in a mount namespace of theirs.

load ../helpers

: "${SHIM:=$(dirname "$CONFORMANCE")/.build/release/martlet-shim}"

missing() {
    local name
    for name in podman newuidmap newgidmap; do
        command -v "$name" >/dev/null || { echo "no $name"; return; }
    done
    [ -x "$SHIM" ] || { echo "no $SHIM: run make release"; return; }
    [ -e /etc/subuid ] && [ -e /etc/subgid ] || { echo 'no /etc/subuid'; return; }
    unshare --user true 2>/dev/null || echo 'no user namespaces'
}

setup_file() {
    [ -z "$(missing)" ] || return 0
    P=$(mktemp -d /tmp/mrXXXXXX)
    export P
    chmod 755 "$P"
    mkdir -p "$P/home" "$P/run" "$P/etc"
    cp /etc/passwd /etc/group "$P/etc"
    echo "tester:x:64000:64000::$P/home:/bin/sh" >>"$P/etc/passwd"
    echo 'tester:x:64000:' >>"$P/etc/group"
    echo 'tester:640000:65536' | tee "$P/etc/subgid" >"$P/etc/subuid"
    # Where the user can reach them.
    cp "$RUNTIME" "$P/runtime"
    cp "$SHIM" "$P/shim"
    cat >"$P/containers.conf" <<TOML
[containers]
netns = "none"
log_driver = "k8s-file"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "tested"
runtime_supports_json = ["tested"]
[engine.runtimes]
tested = ["$P/runtime"]
TOML
    printf '[storage]\ndriver = "vfs"\n' >"$P/storage.conf"
    cat >"$P/enter" <<SH
#!/bin/sh
for name in passwd group subuid subgid; do mount --bind "$P/etc/\$name" "/etc/\$name" || exit 99; done
cd "$P/home"
exec env -i HOME="$P/home" XDG_RUNTIME_DIR="$P/run" PATH="$P:$PATH" CONTAINERS_CONF="$P/containers.conf" \\
    CONTAINERS_STORAGE_CONF="$P/storage.conf" \\
    setpriv --reuid 64000 --regid 64000 --init-groups --inh-caps=-all "\$@"
SH
    cat >"$P/pm" <<SH
#!/bin/sh
exec podman --root "$P/home/root" --runroot "$P/run/podman" --conmon "$P/shim" "\$@"
SH
    chmod 755 "$P/enter" "$P/pm"
    tar -C "$(rootfs_template)" -cf "$P/image.tar" .
    chown -R 64000:64000 "$P/home" "$P/run"
    chmod 700 "$P/run"
    as_user "pm import -c 'CMD [\"/bin/sh\"]' $P/image.tar box:1" >"$P/import" 2>&1 || { cat "$P/import"; return 1; }
}

# as_user SCRIPT: a shell of the user's, which finds podman by the name pm.
# A process of podman's stays, and must not have what bats waits for.
as_user() {
    timeout -k 2 120 unshare --mount --propagation private "$P/enter" sh -c "$1" \
        3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&- </dev/null
}

# user_runs SCRIPT: the same; sets status, output and errors.
user_runs() {
    LIMIT=120 call "$T/out" "$T/err" unshare --mount --propagation private "$P/enter" sh -c "$1"
}

# Processes of the user and of its subordinate ids: containers, monitors, and podman's own that stays.
users_processes() {
    local pid uid
    for pid in /proc/[0-9]*; do
        uid=$(stat -c %u "$pid" 2>/dev/null) || continue
        if [ "$uid" = 64000 ] || { [ "$uid" -ge 640000 ] && [ "$uid" -lt 705536 ]; }; then
            gone "${pid#/proc/}" || echo "${pid#/proc/}"
        fi
    done
}

teardown_file() {
    [ -n "${P:-}" ] || return 0
    as_user 'pm rm -f -a -t 0; pm system migrate' >/dev/null 2>&1 || true
    users_processes | xargs -r kill -KILL 2>/dev/null || true
    rm -rf --one-file-system "$P"
}

setup() {
    [ -z "$(missing)" ] || not_here "$(missing)"
    T=$(mktemp -d)
    status=0 output='' errors=''
}

teardown() {
    [ -n "${T:-}" ] || return 0
    if [ -z "${BATS_TEST_COMPLETED:-}" ] && [ -z "${BATS_TEST_SKIPPED:-}" ]; then
        printf '%s\n' "stdout: ${output:0:2000}" "stderr: ${errors:0:2000}"
    fi
    as_user 'pm rm -f -a -t 0' >/dev/null 2>&1 || true
    rm -rf "$T"
}

@test "rootless podman: run: output, errors, exit code, and who it is" {
    user_runs 'pm run --rm box:1 sh -c "id -u; echo err >&2; exit 7"'
    equal "$status" 7
    equal "$output" 0
    has "$errors" err
}

@test "rootless podman: run -d, exec, logs, kill, wait, rm" {
    user_runs 'set -e
        pm run -d --name c box:1 sh -c "echo begun; exec sleep 1000" >/dev/null
        pm exec c sh -c "echo inside; exit 3" || echo "code $?"
        pm logs c
        pm kill c >/dev/null
        pm wait c
        pm rm c >/dev/null
        pm ps -aq'
    ok
    equal "$output" $'inside\ncode 3\nbegun\n137'
}

@test "rootless podman: a terminal, and input" {
    user_runs 'pm run --rm -t box:1 sh -c "test -t 1 && echo yes"; seq 20000 | pm run --rm -i box:1 tail -n 1'
    ok
    equal "$(tr -d '\r' <"$T/out")" $'yes\n20000'
}
