#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A filter is loaded before `start` where it lets the first process do all that it has to do up to its
# program, and last where it does not. No program, and no profile's author, may notice which.

load ../helpers

# When it is loaded is seen in a process that waits for `start` only in martlet's.
setup_file() {
    ! is_martlet || it_runs
    ACCEPT4=$(echo SYS_accept4 | "${CC:-cc}" -include sys/syscall.h -E -P - | tail -n 1)
    export ACCEPT4
}

also_setup() {
    only_martlet
    cp "$(compiled "$(helper src/ends.c)" -nostdlib)" "$BUNDLE/rootfs/bin/ends"
    args ends
    edit '.process.noNewPrivileges = false'
    edit '.process.capabilities = {bounding: ["CAP_KILL"], permitted: ["CAP_KILL"], effective: ["CAP_KILL"]}'
}

# What is left to do, as the first process does it.
NEEDED=(accept4 recvmsg sendmsg write clock_gettime dup3 close close_range fcntl prlimit64 newfstatat
    faccessat faccessat2 openat read fstat fstatfs execve exit_group brk mmap mremap munmap mprotect
    madvise futex getrandom rt_sigprocmask rt_sigreturn capget capset)

# only WORD…: a profile that kills for every other call.
only() {
    edit '.linux.seccomp = {defaultAction: "SCMP_ACT_KILL_PROCESS",
        syscalls: [{names: $names, action: "SCMP_ACT_ALLOW"}]}' \
        --argjson names "$(jq -nc '$ARGS.positional' --args "$@")"
}

# without NAME: a profile that kills for this call.
without() {
    edit '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW",
        syscalls: [{names: [$name], action: "SCMP_ACT_KILL_PROCESS"}]}' --arg name "$1"
}

# of_init FIELD: of /proc/PID/status of the container's process.
of_init() { awk -v field="$1:" '$1 == field {print $2}' "/proc/$(pid_of)/status"; }

# loaded [FLAG…]: creates the container, and its process waits under its filter.
loaded() { create "$@"; ok; within 5 is_filtered 2; }
is_filtered() { [ "$(of_init Seccomp)" = "$1" ]; }

# ran_to CODE [FLAG…]: runs a container to its end.
ran_to() { run_container "${@:2}"; equal "$status" "$1"; }

@test "seccomp: a filter under which the program can be come to is in force before start" {
    only "${NEEDED[@]}"
    loaded
    # Nobody keeps what was needed for it.
    equal "$(of_init CapEff)" 0000000000000020
    equal "$(of_init CapPrm)" 0000000000000020
    start
    ok
    stopped
    rt delete "$ID"
    ran_to 7
}

@test "seccomp: each call that is needed on the way is waited with for, if the filter forbids it" {
    local name
    # Without these there is no program, no end of it, or the capability that was kept could not go.
    for name in "${NEEDED[@]}"; do
        case $name in execve | exit_group | capset) continue ;; esac
        without "$name"
        create
        ok
        # The process has come to the gate, and waits there.
        within 5 waits
        is_filtered 0 || say "loaded, and forbids $name"
        start
        ok
        stopped
        rt delete "$ID"
        run_container
        equal "$name $status" "$name 7"
    done
}

# Its parent has let go of it, and it sleeps until somebody comes to the gate.
waits() { [[ $(cat "/proc/$(pid_of)/syscall") == "$ACCEPT4 "* ]]; }

@test "seccomp: a call that the filter forbids for some arguments only is waited with for" {
    without close
    edit '.linux.seccomp.syscalls[0].args = [{index: 0, value: 1000000, op: "SCMP_CMP_EQ"}]'
    create
    ok
    within 5 waits
    is_filtered 0
    start
    ok
}

@test "seccomp: in force before start, and all that a process can have" {
    only "${NEEDED[@]}"
    edit '.process.env = ["PATH=/nowhere:/etc:/bin", "A=B"]'
    edit '.process.rlimits = [{type: "RLIMIT_NOFILE", soft: 50, hard: 60}, {type: "RLIMIT_CORE", soft: 0, hard: 0}]'
    edit '.process.user = {uid: 1000, gid: 1000, additionalGids: [5, 6], umask: 18}'
    edit '.process.cwd = "/tmp"'
    loaded
    start
    ok
    rt delete --force "$ID"
    ran_to 7
    rt delete --force "$ID"
    # Descriptors of the caller's.
    with sh -c 'exec "$@" 3</etc/passwd 4</etc/passwd' sh -- run --bundle "$BUNDLE" --preserve-fds 2 "$ID"
    equal "$status" 7
    rt delete --force "$ID"
    # A trace, which is written on the way.
    rt --trace "$T/trace" run --bundle "$BUNDLE" "$ID"
    equal "$status" 7
    jq -e '[.. | .name? // empty] | index("start")' "$T/trace" >"$T/out"
}

@test "seccomp: in force before start, and why the program cannot be run is told all the same" {
    only "${NEEDED[@]}"
    local program=$BUNDLE/rootfs/bin/program
    # told TEXT: create has found it, and it is another one by the time of start.
    told() {
        cp "$BUNDLE/rootfs/bin/ends" "$program"
        loaded
        "${@:2}"
        start
        refused
        has "$errors" "$1"
        rt delete --force "$ID"
        rm -rf "$program"
    }
    args program
    told 'not found in $PATH' rm "$program"
    told 'EACCES' chmod 644 "$program"
    printf '#!/no/such\n' >"$T/script"
    told 'its interpreter "/no/such" (from the #! line) is not in the container' cp "$T/script" "$program"
    printf '\1\0\1' >"$T/binary"
    told 'is neither an ELF program' cp "$T/binary" "$program"
    args /bin/program
    told '/bin/program' rm "$program"
    told 'is a directory' eval "rm '$program'; mkdir '$program'"
}

# What create has found, start finds.
@test "seccomp: with it or without, early or last, places in PATH that cannot be looked into are passed over" {
    ln -s loop "$BUNDLE/rootfs/loop"
    edit '.process.env = ["PATH=/loop:/etc/passwd:/\("x" * 300):/nowhere:/bin"]'
    ran_to 7
    rt delete --force "$ID"
    without swapon
    ran_to 7
    rt delete --force "$ID"
    loaded
    start
    ok
    rt delete --force "$ID"
    without dup3
    ran_to 7
}

@test "seccomp: in force before start, and a script without a first line that names its shell" {
    only "${NEEDED[@]}" readlink getuid geteuid getgid getegid getppid getpid arch_prctl set_tid_address \
        set_robust_list rseq rt_sigaction uname ioctl lseek getcwd prctl stat lstat wait4 umask
    printf 'exit 9\n' >"$BUNDLE/rootfs/bin/script"
    chmod 755 "$BUNDLE/rootfs/bin/script"
    args script
    loaded
    rt delete --force "$ID"
    ran_to 9
}

@test "seccomp: a startContainer hook has no filter" {
    only "${NEEDED[@]}"
    edit '.hooks.startContainer = [{path: "/bin/sh", args: ["sh", "-c", "grep Seccomp: /proc/self/status >/hook"]}]'
    create
    ok
    within 5 waits
    is_filtered 0
    start
    ok
    equal "$(tr '\t' ' ' <"$BUNDLE/rootfs/hook")" 'Seccomp: 0'
}

@test "seccomp: exec under a filter that lets it be loaded early, and one that does not" {
    local name
    for name in swapon dup3; do
        without "$name"
        args sh -c 'sleep 100'
        launched
        rt exec "$ID" grep -E '^(Seccomp|CapEff|NoNewPrivs):' /proc/self/status
        ok
        equal "$(tr '\t\n' '  ' <<<"$output")" 'CapEff: 0000000000000020 NoNewPrivs: 0 Seccomp: 2 '
        rt exec "$ID" nowhere
        equal "$status" 255
        has "$errors" 'not found in $PATH'
        rt delete --force "$ID"
    done
}
