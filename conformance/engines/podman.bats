#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Debian's podman with martlet-shim in conmon's place: each test with the runtime under test, and once
# more with runc. SHIM=/usr/bin/conmon runs the same with conmon, to see that the tests are right.

load ../helpers

: "${SHIM:=$(dirname "$CONFORMANCE")/.build/release/martlet-shim}"

missing() {
    if ! command -v podman >/dev/null; then
        echo 'no podman'
    elif [ ! -x "$SHIM" ]; then
        echo "no $SHIM: run make release"
    elif ! mountpoint -q /sys/fs/cgroup && [ ! -e /sys/fs/cgroup/cgroup.controllers ]; then
        echo 'no cgroups'
    fi
}

# All that podman writes is here, locks included.
write_configuration() {
    cat >"$P/containers.conf" <<TOML
[containers]
default_ulimits = ["nofile=1024:4096", "nproc=1024:4096"]
netns = "none"
log_driver = "k8s-file"
cgroups = "enabled"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
lock_type = "file"
runtime = "tested"
runtime_supports_json = ["tested", "runc"]
[engine.runtimes]
tested = ["$RUNTIME"]
runc = ["$(command -v runc || echo /usr/sbin/runc)"]
crun = ["$(command -v crun || echo /usr/bin/crun)"]
TOML
    printf '[storage]\ndriver = "vfs"\nrunroot = "%s"\ngraphroot = "%s"\n' "$P/run" "$P/root" >"$P/storage.conf"
    echo 'unqualified-search-registries = []' >"$P/registries.conf"
}

with_configuration() {
    export CONTAINERS_CONF=$P/containers.conf CONTAINERS_STORAGE_CONF=$P/storage.conf
    export CONTAINERS_REGISTRIES_CONF=$P/registries.conf
    PARENT=/martlet-podman-${P##*/}
    PODMAN=(podman --root "$P/root" --runroot "$P/run" --tmpdir "$P/tmp" --conmon "$SHIM")
}

setup_file() {
    [ -z "$(missing)" ] || return 0
    P=$(mktemp -d /tmp/mpXXXXXX)
    export P
    write_configuration
    with_configuration
    tar -C "$(rootfs_template)" -cf "$P/image.tar" .
    "${PODMAN[@]}" import -c 'CMD ["/bin/sh"]' "$P/image.tar" box:1 >/dev/null 2>&1
    "${PODMAN[@]}" import -c 'CMD ["/bin/sleep", "100000"]' "$P/image.tar" pause:1 >/dev/null 2>&1
}

teardown_file() {
    [ -n "${P:-}" ] || return 0
    with_configuration
    "${PODMAN[@]}" rm -f -a -t 0 >/dev/null 2>&1 || true
    # What podman forgets when its monitor was killed, whichever runtime it has.
    local runtime
    for runtime in "$RUNTIME" runc; do
        "$runtime" list --format json 2>/dev/null | jq -r --arg place "$P/" \
            '.[]? | select(.bundle | startswith($place)) | .id' \
            | xargs -r -n 1 "$runtime" delete --force || true
    done
    find /sys/fs/cgroup -depth -type d -path "*$PARENT*" -exec rmdir {} + 2>/dev/null || true
    umount -l "$P/root/vfs" "$P/root/overlay" "$P"/root/*-containers/*/userdata/shm 2>/dev/null || true
    rm -rf --one-file-system "$P"
}

setup() {
    [ -z "$(missing)" ] || not_here "$(missing)"
    with_configuration
    T=$(mktemp -d "$P/tXXXXXX")
    # conmon leaves a file where it is started.
    cd "$T"
    status=0 output='' errors='' LAST='' KNOWN=()
}

teardown() {
    [ -n "${T:-}" ] || return 0
    if [ -z "${BATS_TEST_COMPLETED:-}" ] && [ -z "${BATS_TEST_SKIPPED:-}" ]; then
        printf '%s\n' "last: $LAST" "stdout: ${output:0:2000}" "stderr: ${errors:0:2000}"
    fi
    local pid
    for pid in "${KNOWN[@]}"; do kill -KILL "$pid" 2>/dev/null || true; done
    "${PODMAN[@]}" pod rm -f -a -t 0 >/dev/null 2>&1 || true
    "${PODMAN[@]}" rm -f -a -t 0 >/dev/null 2>&1 || true
    # No monitor stays, whatever the test did.
    within 5 no_monitors || { monitors | xargs -r kill -KILL; return 1; }
}

monitors() { grep -lsaF -- "$P/root" /proc/[0-9]*/cmdline | cut -d/ -f3 | while read -r pid; do
    [[ $(readlink "/proc/$pid/exe") != "$(readlink -f "$SHIM")" ]] || echo "$pid"; done; }
no_monitors() { [ -z "$(monitors)" ]; }

# pm WORD…: podman. Sets status, output and errors.
pm() { LIMIT=60 call "$T/out" "$T/err" "${PODMAN[@]}" --runtime "$USED" "$@"; }
# run_box FLAG… -- WORD…: podman run.
run_box() {
    local flags=()
    while [ "$1" != -- ]; do flags+=("$1"); shift; done
    shift
    pm run --cgroup-parent "$PARENT" "${flags[@]}" box:1 "$@"
}

# on_each FUNCTION: with the runtime under test, then with runc.
on_each() {
    USED=tested "$1"
    case ${RUNTIME##*/} in runc*) return 0 ;; esac
    command -v runc >/dev/null || { echo '# no runc: half of this test is left out' >&3; return 0; }
    USED=runc "$1"
}

# Whether the runtime can put a process into a container.
can_exec() { [ "$USED" = runc ] || "$RUNTIME" exec --help >/dev/null 2>&1; }

# ---------------------------------------------------------------------------------------------

@test "podman: run: output, standard error and exit code" {
    body() {
        run_box --rm -- sh -c 'echo out; echo err >&2; exit 7'
        equal "$status" 7
        equal "$output" out
        has "$errors" err
        run_box --rm -- sh -c 'exit 200'
        equal "$status" 200
        run_box --rm -- /no/such/program
        equal "$status" 127
        run_box --rm -- nonesuch
        equal "$status" 127
        run_box --rm -- /etc
        equal "$status" 126
    }
    on_each body
}

@test "podman: run with input: all of it arrives, and its end" {
    body() {
        seq 1 20000 >"$T/in"
        INPUT=$T/in run_box --rm -i -- sh -c 'cat; echo end'
        ok
        equal "$(md5sum <"$T/out")" "$( (seq 1 20000; echo end) | md5sum)"
    }
    on_each body
}

@test "podman: run with 20 MB of output: not a byte is lost" {
    body() {
        run_box --rm -- sh -c 'seq 1 2500000'
        ok
        equal "$(md5sum <"$T/out")" "$(seq 1 2500000 | md5sum)"
    }
    on_each body
}

@test "podman: run -d, logs, logs -f, wait, rm" {
    body() {
        run_box -d --name c -- sh -c 'for i in 1 2 3 4 5; do echo line $i; sleep 0.2; done; exit 3'
        ok
        pm logs -f c
        ok
        equal "$output" $'line 1\nline 2\nline 3\nline 4\nline 5'
        pm wait c
        equal "$output" 3
        pm logs --tail 2 c
        equal "$output" $'line 4\nline 5'
        pm inspect -f '{{.State.ExitCode}} {{.State.Status}}' c
        equal "$output" '3 exited'
        pm rm c
        ok
    }
    on_each body
}

@test "podman: stop, start, restart, kill" {
    body() {
        run_box -d --name c -- sh -c 'trap "echo bye; exit 4" TERM; echo up; while :; do sleep 0.1; done'
        ok
        within 5 said c up
        pm stop -t 5 c
        ok
        pm inspect -f '{{.State.ExitCode}}' c
        equal "$output" 4
        pm start c
        ok
        pm restart -t 5 c
        ok
        pm ps --format '{{.Status}}'
        has "$output" Up
        pm kill c
        ok
        pm wait c
        equal "$output" 137
        pm logs c
        has "$output" bye
        pm rm c
        ok
    }
    on_each body
}

said() { pm logs "$1"; [[ $output == *"$2"* ]]; }

@test "podman: pause and unpause" {
    body() {
        run_box -d --name c -- sleep 1000
        ok
        pm pause c
        ok
        pm inspect -f '{{.State.Status}}' c
        equal "$output" paused
        pm unpause c
        ok
        pm inspect -f '{{.State.Status}}' c
        equal "$output" running
        pm rm -f -t 0 c
        ok
    }
    on_each body
}

# podman tells the size while the container starts: it may come a moment later.
SIZED='i=0; until [ -n "$(stty size 2>/dev/null)" ] || [ $i -gt 50 ]; do sleep 0.1; i=$((i+1)); done; stty size; '

@test "podman: run -it: a terminal, with the caller's size" {
    body() {
        call "$T/out" "$T/err" "$(helper in-terminal.py)" --size 33x77 --input $'typed\n' \
            "${PODMAN[@]}" --runtime "$USED" run --cgroup-parent "$PARENT" --rm -it box:1 \
            sh -c "tty; $SIZED"'read word; echo got $word; exit 6'
        equal "$status" 6
        has "$output" /dev/pts/0
        has "$output" '33 77'
        has "$output" 'got typed'
    }
    on_each body
}

@test "podman: attach: what comes, and the exit code" {
    body() {
        run_box -d -i --name c -- sh -c 'read word; echo got $word; exit 5'
        ok
        printf 'hello\n' >"$T/in"
        INPUT=$T/in pm attach c
        equal "$output" 'got hello'
        pm wait c
        equal "$output" 5
        pm rm c
        ok
    }
    on_each body
}

@test "podman: exec: output, input, exit code; detached" {
    body() {
        can_exec || return 0
        run_box -d --name c -- sleep 1000
        ok
        pm exec c sh -c 'echo out; echo err >&2; exit 9'
        equal "$status" 9
        equal "$output" out
        has "$errors" err
        seq 1 5000 >"$T/in"
        INPUT=$T/in pm exec -i c sh -c 'cat; echo end'
        ok
        equal "$(md5sum <"$T/out")" "$( (seq 1 5000; echo end) | md5sum)"
        pm exec -d c sh -c 'echo detached >/tmp/note'
        ok
        within 5 noted
        pm exec c /no/such/program
        equal "$status" 127
        pm rm -f -t 0 c
        ok
    }
    noted() { pm exec c cat /tmp/note; [ "$output" = detached ]; }
    on_each body
}

@test "podman: exec -it: a terminal" {
    body() {
        can_exec || return 0
        run_box -d --name c -- sleep 1000
        ok
        call "$T/out" "$T/err" "$(helper in-terminal.py)" --size 22x55 --input $'typed\n' \
            "${PODMAN[@]}" --runtime "$USED" exec -it c \
            sh -c "tty; $SIZED"'read word; echo got $word; exit 8'
        equal "$status" 8
        has "$output" '/dev/pts/'
        has "$output" '22 55'
        has "$output" 'got typed'
        pm rm -f -t 0 c
        ok
    }
    on_each body
}

@test "podman: healthcheck" {
    body() {
        can_exec || return 0
        run_box -d --name c --health-cmd 'test -e /tmp/well' --health-interval disable \
            --health-retries 1 -- sleep 1000
        ok
        pm healthcheck run c
        equal "$status" 1
        pm exec c touch /tmp/well
        ok
        pm healthcheck run c
        ok
        pm rm -f -t 0 c
        ok
    }
    on_each body
}

@test "podman: a pod with two containers" {
    body() {
        pm pod create --name p --infra=true --share ipc,uts --cgroup-parent "$PARENT" \
            --infra-image pause:1
        if [ "$status" -ne 0 ]; then say "pod create: $errors"; fi
        pm run -d --pod p --name one box:1 sh -c 'echo from one; exec sleep 1000'
        ok
        pm run -d --pod p --name two box:1 sh -c 'echo from two; exit 2'
        ok
        pm wait two
        equal "$output" 2
        within 5 said one 'from one'
        pm pod stop -t 0 p
        ok
        pm pod rm -f -t 0 p
        ok
    }
    on_each body
}

@test "podman: a container that is killed for want of memory is told as such" {
    [ -d /sys/fs/cgroup/memory ] || [ -e /sys/fs/cgroup/cgroup.controllers ] || not_here 'no memory cgroup'
    body() {
        run_box -d --name c --memory 16m --memory-swap 16m -- \
            sh -c 'dd if=/dev/zero of=/dev/null bs=64M count=1'
        ok
        pm wait c
        differ "$output" 0
        pm inspect -f '{{.State.OOMKilled}}' c
        equal "$output" true
        pm rm c
        ok
    }
    on_each body
}

@test "podman: a log of limited size" {
    body() {
        run_box -d --name c --log-opt max-size=10kb -- sh -c 'seq 1 5000'
        ok
        pm wait c
        local size
        size=$(stat -c %s "$P"/root/*-containers/*/userdata/ctr.log)
        [ "$size" -le 10240 ] || say "the log has $size bytes"
        pm logs --tail 1 c
        equal "$output" 5000
        pm rm c
        ok
    }
    on_each body
}

@test "podman: passthrough: the container has our own streams" {
    body() {
        run_box -d --log-driver passthrough --name c -- sh -c 'echo straight; exit 2'
        ok
        pm wait c
        equal "$output" 2
        pm rm c
        ok
    }
    on_each body
}

@test "podman: LISTEN_FDS reach the container" {
    body() {
        LIMIT=60 call "$T/out" "$T/err" python3 -c '
import os, socket, sys
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen(1)
os.dup2(listener.fileno(), 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
os.execvp(sys.argv[2], sys.argv[2:])' "$T/$USED.socket" "${PODMAN[@]}" --runtime "$USED" \
            run --cgroup-parent "$PARENT" --rm box:1 \
            sh -c 'echo $LISTEN_FDS; readlink /proc/self/fd/3'
        ok
        has "$output" 1
        has "$output" socket:
    }
    on_each body
}

@test "podman: the monitor killed: the container goes on, and can be removed" {
    body() {
        run_box -d --name c -- sleep 1000
        ok
        pm inspect -f '{{.State.ConmonPid}} {{.State.Pid}}' c
        local monitor pid
        read -r monitor pid <<<"$output"
        kill -KILL "$monitor"
        within 3 gone "$monitor"
        ! gone "$pid"
        pm rm -f -t 0 c
        ok
        within 5 gone "$pid"
    }
    on_each body
}

@test "podman: TERM to the monitor is passed on to the container" {
    body() {
        run_box -d --name c -- sh -c 'trap "exit 44" TERM; echo up; while :; do sleep 0.1; done'
        ok
        within 5 said c up
        pm inspect -f '{{.State.ConmonPid}}' c
        kill -TERM "$output"
        pm wait c
        equal "$output" 44
        pm rm c
        ok
    }
    on_each body
}

@test "podman: with crun behind the shim: run, -d, exec, logs, kill, wait" {
    command -v crun >/dev/null || not_here 'no crun'
    # crun refuses a machine with both cgroup versions: only the first one is left, for this test.
    cat >"$T/all" <<SH
! mountpoint -q /sys/fs/cgroup/unified || umount -R /sys/fs/cgroup/unified
pm() { ${PODMAN[*]} --runtime crun "\$@"; }
pm run --rm --cgroup-parent $PARENT box:1 sh -c 'echo out; exit 7' || echo "code \$?"
pm run -d --name c --cgroup-parent $PARENT box:1 sh -c 'echo begun; exec sleep 1000' >/dev/null
pm exec c sh -c 'echo inside; exit 3' || echo "code \$?"
pm logs c
pm kill c >/dev/null
pm wait c
pm rm c >/dev/null
SH
    LIMIT=100 call "$T/out" "$T/err" unshare --mount --propagation private sh "$T/all"
    ok
    equal "$output" $'out\ncode 7\ninside\ncode 3\nbegun\n137'
}

@test "podman: checkpoint and restore" {
    command -v criu >/dev/null && criu check >/dev/null 2>&1 || not_here 'criu cannot work with this kernel'
    body() {
        "$([ "$USED" = runc ] && echo runc || echo "$RUNTIME")" checkpoint --help >/dev/null 2>&1 || return 0
        run_box -d --name c -- sh -c 'i=0; while :; do i=$((i+1)); echo $i; sleep 0.1; done'
        ok
        within 5 said c 3
        pm container checkpoint c
        ok
        pm container restore c
        ok
        pm ps --format '{{.Status}}'
        has "$output" Up
        pm rm -f -t 0 c
        ok
    }
    on_each body
}
