#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# config-linux.md#seccomp. What a filter does is seen by a program that makes the calls itself
# (helpers/src/syscalls.c).

load ../helpers

setup_file() { it_runs; }

also_setup() {
    cp "$(compiled "$(helper src/syscalls.c)")" "$BUNDLE/rootfs/bin/syscalls"
    edit '.process.noNewPrivileges = true'
}

# profile JSON: the container's linux.seccomp.
profile() { edit '.linux.seccomp = $p' --argjson p "$1"; }

# rule NAME ACTION [errnoRet [args]]: a profile that allows the rest.
rule() {
    profile "$(jq -nc --arg n "$1" --arg a "$2" --argjson e "${3:-null}" --argjson x "${4:-null}" \
        '{defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: [$n], action: $a}
            + (if $e then {errnoRet: $e} else {} end) + (if $x then {args: $x} else {} end)]}')"
}

# calls WORD…: makes them in a container.
calls() { args syscalls "$@"; run_container; }

number() { "$(compiled "$(helper src/syscalls.c)")" --number "$1"; }

# listed: a profile that refuses what it does not list. It lists what the helper needs and what
# runtimes do behind the filter, up to faccessat2, so that its author knew Linux 5.8.
listed() {
    local architecture=SCMP_ARCH_${HOSTTYPE^^}
    jq -nc --arg a "$architecture" '{defaultAction: "SCMP_ACT_ERRNO", defaultErrnoRet: 13, architectures: [$a], syscalls: [
        {action: "SCMP_ACT_ALLOW", names: ["execve", "brk", "arch_prctl", "set_tid_address", "set_robust_list",
        "rseq", "prlimit64", "readlink", "readlinkat", "getrandom", "mprotect", "mmap", "munmap", "write", "exit",
        "exit_group", "fstat", "newfstatat", "fstatat64", "futex", "uname", "capset", "capget", "close",
        "close_range", "openat", "read", "fcntl", "prctl", "setgid", "setuid", "setgroups", "setresuid", "setresgid",
        "chdir", "getpid", "gettid", "tgkill", "rt_sigreturn", "rt_sigaction", "rt_sigprocmask", "sigaltstack",
        "epoll_ctl", "epoll_pwait", "epoll_create1", "nanosleep", "sched_yield", "clone", "getdents64", "ioctl",
        "fstatfs", "statfs", "getuid", "geteuid", "getgid", "getegid", "sendmsg", "recvmsg", "sendto", "accept4",
        "dup3", "lseek", "pread64", "faccessat2", "access", "umask", "statx", "fchdir", "poll", "ppoll", "open",
        "stat", "select", "setsid", "fchown", "prlimit", "setrlimit", "getrlimit", "socket", "connect",
        "wait4", "madvise", "membarrier", "rt_sigtimedwait", "sigreturn", "pipe2", "getcwd", "eventfd2", "readv",
        "writev", "memfd_create", "dup", "dup2", "clock_gettime", "unlinkat", "timer_create", "timer_settime"]}]}'
}

@test "config-linux.md#seccomp: SCMP_ACT_ERRNO fails with EPERM if errnoRet is not set" {
    rule getppid SCMP_ACT_ERRNO
    calls getppid getsid
    ok
    equal "$output" 'getppid=EPERM getsid=ok'
}

@test "config-linux.md#seccomp: errnoRet is the errno" {
    rule getppid SCMP_ACT_ERRNO 38
    calls getppid
    equal "$output" getppid=ENOSYS
}

@test "config-linux.md#seccomp: defaultErrnoRet is the errno of what no rule names" {
    profile "$(listed)"
    calls getsid getpid
    equal "$output" 'getsid=EACCES getpid=ok'
}

@test "config-linux.md#seccomp: SCMP_ACT_KILL, KILL_THREAD and KILL_PROCESS kill" {
    local action
    for action in SCMP_ACT_KILL SCMP_ACT_KILL_THREAD SCMP_ACT_KILL_PROCESS; do
        rule getppid "$action"
        calls getppid
        equal "$status" 159
        lacks "$output" getppid
        rt delete --force "$ID"
    done
}

@test "config-linux.md#seccomp: SCMP_ACT_TRAP raises SIGSYS" {
    rule getppid SCMP_ACT_TRAP
    calls getppid
    equal "$status" 159
}

@test "config-linux.md#seccomp: SCMP_ACT_TRACE without a tracer is ENOSYS" {
    rule getppid SCMP_ACT_TRACE
    calls getppid
    equal "$output" getppid=ENOSYS
}

@test "config-linux.md#seccomp: SCMP_ACT_LOG and SCMP_ACT_ALLOW let a call through" {
    profile '{"defaultAction": "SCMP_ACT_LOG", "syscalls": [{"names": ["getppid"], "action": "SCMP_ACT_ALLOW"}]}'
    calls getppid getsid
    equal "$output" 'getppid=ok getsid=ok'
}

@test "config-linux.md#seccomp: several names, in several rules" {
    profile '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
        {"names": ["getppid", "getsid"], "action": "SCMP_ACT_ERRNO", "errnoRet": 2},
        {"names": ["getpgid"], "action": "SCMP_ACT_ERRNO", "errnoRet": 3}]}'
    calls getppid getsid getpgid
    equal "$output" 'getppid=ENOENT getsid=ENOENT getpgid=ESRCH'
}

# personality takes any value, answers the old one, and has one argument.
@test "config-linux.md#seccomp: every operator compares" {
    local case
    for case in NE:5:0:5,ok:6,EPERM LT:5:0:4,EPERM:5,ok LE:5:0:5,EPERM:6,ok EQ:5:0:5,EPERM:4,ok \
        GE:5:0:5,EPERM:4,ok GT:5:0:6,EPERM:5,ok MASKED_EQ:12:4:5,EPERM:13,ok; do
        IFS=: read -r op value two one other <<<"$case"
        rule getpgid SCMP_ACT_ERRNO 1 "[{\"index\": 1, \"value\": $value, \"valueTwo\": $two, \"op\": \"SCMP_CMP_$op\"}]"
        calls "getpgid,0,${one%,*}" "getpgid,0,${other%,*}"
        equal "$op $output" "$op getpgid=${one#*,} getpgid=${other#*,}"
    done
}

@test "config-linux.md#seccomp: values have 64 bits" {
    rule getpgid SCMP_ACT_ERRNO 1 '[{"index": 1, "value": 4294967297, "op": "SCMP_CMP_EQ"}]'
    calls getpgid,0,4294967297 getpgid,0,1
    equal "$output" 'getpgid=EPERM getpgid=ok'
}

@test "config-linux.md#seccomp: all arguments of a rule must match" {
    rule getpgid SCMP_ACT_ERRNO 1 '[{"index": 1, "value": 1, "op": "SCMP_CMP_EQ"},
        {"index": 2, "value": 2, "op": "SCMP_CMP_EQ"}]'
    calls getpgid,0,1,2 getpgid,0,1,3 getpgid,0,0,2
    equal "$output" 'getpgid=EPERM getpgid=ok getpgid=ok'
}

# The specification does not say; runtimes agree.
@test "seccomp: an index that is compared twice makes two rules" {
    rule getpgid SCMP_ACT_ERRNO 1 '[{"index": 1, "value": 3, "op": "SCMP_CMP_EQ"},
        {"index": 1, "value": 5, "op": "SCMP_CMP_EQ"}]'
    calls getpgid,0,3 getpgid,0,5 getpgid,0,4
    equal "$output" 'getpgid=EPERM getpgid=EPERM getpgid=ok'
}

@test "seccomp: a system call's name that nobody knows is passed over" {
    rule no_such_call_2099 SCMP_ACT_ERRNO
    calls getppid
    ok
    equal "$output" getppid=ok
}

@test "config-linux.md#seccomp: architectures" {
    profile '{"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32",
        "SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"], "syscalls": [{"names": ["getppid"], "action": "SCMP_ACT_ERRNO"}]}'
    calls getppid
    equal "$output" getppid=EPERM
}

@test "seccomp: the calls of an architecture that is not listed kill" {
    [ "$(uname -m)" = x86_64 ] || not_here 'no second architecture'
    profile "$(listed)"
    calls $((0x40000000 + $(number getpid)))
    equal "$status" 159
}

# crun gives the default, which C libraries do not take for "there is no such call".
@test "seccomp: a system call newer than all that the profile names is ENOSYS" {
    profile "$(listed)"
    calls 999 1000000 getsid
    equal "$output" '999=ENOSYS 1000000=ENOSYS getsid=EACCES'
}

@test "seccomp: the same where the rest is killed" {
    profile "$(listed | jq -c '.defaultAction = "SCMP_ACT_KILL_PROCESS" | del(.defaultErrnoRet)')"
    calls 999
    equal "$output" 999=ENOSYS
    rt delete --force "$ID"
    calls getsid
    equal "$status" 159
}

@test "seccomp: a system call newer than the profile passes where the rest does" {
    profile '{"defaultAction": "SCMP_ACT_LOG", "syscalls": [{"names": ["getppid"], "action": "SCMP_ACT_ERRNO"}]}'
    calls 435
    lacks "$output" 435=EPERM
}

# runc 1.1.5 has no flags.
@test "config-linux.md#seccomp: every flag of the specification" {
    rule getppid SCMP_ACT_ERRNO
    edit '.linux.seccomp.flags = ["SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW"]'
    calls getppid
    ok
    equal "$output" getppid=EPERM
}

# crun 1.8.1 and runc 1.1.5 do not know it.
@test "config-linux.md#seccomp: SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV" {
    rule getppid SCMP_ACT_ERRNO
    edit '.linux.seccomp.flags = ["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"]'
    calls getppid
    ok
    equal "$output" getppid=EPERM
}

@test "config-linux.md#seccomp: unknown words are errors" {
    local change
    for change in '.defaultAction = "SCMP_ACT_NONE"' '.flags = ["SECCOMP_FILTER_FLAG_NONE"]' \
        '.architectures = ["SCMP_ARCH_NONE"]' '.syscalls[0].action = "SCMP_ACT_NONE"' \
        '.syscalls[0].args = [{"index": 0, "value": 1, "op": "SCMP_CMP_NONE"}]'; do
        rule getppid SCMP_ACT_ERRNO
        edit ".linux.seccomp |= ($change)"
        create_refused
    done
}

# runc 1.1.5 takes it.
@test "config-linux.md#seccomp: an errno with an action that has none is an error" {
    rule getppid SCMP_ACT_KILL 5
    create_refused
}

@test "config-linux.md#seccomp: the process has the filter, and not more of no_new_privs than it asked for" {
    rule acct SCMP_ACT_ERRNO
    inside 'grep -E "^(Seccomp|NoNewPrivs):" /proc/self/status'
    equal "$(tr '\t\n' '  ' <<<"$output")" 'NoNewPrivs: 1 Seccomp: 2 '
    rt delete --force "$ID"
    edit '.process.noNewPrivileges = false'
    inside 'grep -E "^(Seccomp|NoNewPrivs):" /proc/self/status'
    equal "$(tr '\t\n' '  ' <<<"$output")" 'NoNewPrivs: 0 Seccomp: 2 '
}

@test "seccomp: without no_new_privs, for a user, with no capability more than asked for" {
    rule getsid SCMP_ACT_ERRNO
    edit '.process.noNewPrivileges = false | .process.user = {uid: 1000, gid: 1000}'
    inside 'grep -E "^(Seccomp|Cap(Eff|Prm|Bnd)):" /proc/self/status'
    equal "$(tr '\t\n' '  ' <<<"$output")" \
        'CapPrm: 0000000000000000 CapEff: 0000000000000000 CapBnd: 0000000020000420 Seccomp: 2 '
}

@test "seccomp: in a user namespace" {
    user_namespace
    rule getsid SCMP_ACT_ERRNO
    edit '.process.noNewPrivileges = false'
    calls getsid
    equal "$output" getsid=EPERM
}

# What a runtime itself does behind the filter, a profile has to allow. Nothing but execve is needed.
@test "seccomp: with no_new_privs a profile needs to allow no more than the program needs" {
    only_martlet
    profile '{"defaultAction": "SCMP_ACT_KILL_PROCESS", "syscalls": [{"action": "SCMP_ACT_ALLOW",
        "names": ["execve", "brk", "arch_prctl", "set_tid_address", "set_robust_list", "rseq", "prlimit64", "readlink",
        "readlinkat", "getrandom", "mprotect", "newfstatat", "fstat", "write", "exit_group", "getppid"]}]}'
    calls getppid
    ok
    equal "$output" getppid=ok
}

@test "seccomp: start tells that the program is missing, though the filter lets nothing be said" {
    only_martlet
    profile '{"defaultAction": "SCMP_ACT_KILL_PROCESS", "syscalls": [{"action": "SCMP_ACT_ALLOW", "names": ["execve"]}]}'
    cp "$BUNDLE/rootfs/bin/busybox" "$BUNDLE/rootfs/home/true"
    args /home/true
    create
    ok
    rm "$BUNDLE/rootfs/home/true"
    start
    refused
    has "$errors" 'no such file'
    equal "$(status_of)" stopped
}

@test "seccomp: start tells that the filter forbids execve" {
    profile "$(listed | jq -c '.syscalls[0].names -= ["execve"]')"
    args syscalls getppid
    run_container
    refused
}

# ---------------------------------------------------------------------------------------------
# The listener

# agent [FLAG…]: one at $T/agent.
agent() {
    background python3 "$(helper seccomp-agent.py)" "$T/agent" "$T/told" "$@"
    within 5 test -S "$T/agent"
}

notifying() {
    rule getppid SCMP_ACT_NOTIFY
    edit '.linux.seccomp += {listenerPath: $a, listenerMetadata: "some=metadata"}
        | .annotations = {"my.key": "my value"}' --arg a "$T/agent"
}

told() { jq -r ".text | fromjson | $1" "$T/told"; }

@test "config-linux.md#seccomp: the agent answers for the filter" {
    notifying
    agent --fail "$(number getppid)" 42
    calls getppid getsid
    ok
    equal "$output" 'getppid=ENOMSG getsid=ok'
}

@test "config-linux.md#containerprocessstate: one per connection, with the descriptor" {
    notifying
    args sleep 1000
    agent
    launched
    within 5 test -s "$T/told"
    equal "$(jq -c '[.first, .later, .closed]' "$T/told")" '[1,0,true]'
    equal "$(told '.fds | join(",")')" seccompFd
    equal "$(told .metadata)" some=metadata
    equal "$(told .pid)" "$(pid_of)"
    equal "$(told .state.pid)" "$(pid_of)"
    equal "$(told .state.id)" "$ID"
    equal "$(told .state.bundle)" "$BUNDLE"
    equal "$(told '.state.annotations["my.key"]')" 'my value'
    matches "$(told .state.status)" '^(creating|created)$'
}

# crun 1.8.1 says 0.2.0.
@test "config-linux.md#containerprocessstate: ociVersion is the specification's, twice" {
    notifying
    args sleep 1000
    agent
    launched
    within 5 test -s "$T/told"
    matches "$(told .ociVersion)" '^1\.[0-9]+\.[0-9]+'
    equal "$(told .state.ociVersion)" "$(rt state "$ID"; jq -r .ociVersion <<<"$output")"
}

@test "config-linux.md#containerprocessstate: no metadata where none is configured" {
    notifying
    edit 'del(.linux.seccomp.listenerMetadata)'
    args sleep 1000
    agent
    launched
    within 5 test -s "$T/told"
    equal "$(told '.metadata // "none"')" none
}

@test "seccomp: a listener without no_new_privs" {
    notifying
    edit '.process.noNewPrivileges = false | .linux.seccomp.syscalls[0].names = ["getsid"]'
    agent --fail "$(number getsid)" 42
    calls getsid
    equal "$output" getsid=ENOMSG
}

# The kernel makes one an error of the other; runc 1.1.5 and crun fail.
@test "seccomp: a listener with TSYNC" {
    notifying
    edit '.linux.seccomp.flags = ["SECCOMP_FILTER_FLAG_TSYNC"]'
    agent --fail "$(number getppid)" 42
    calls getppid
    equal "$output" getppid=ENOMSG
}

# runc refuses write, whose own use of it would wait for an agent that has no listener yet.
@test "seccomp: an agent that is asked about write and sendmsg" {
    only_martlet
    notifying
    edit '.linux.seccomp.syscalls[0].names += ["write", "sendmsg", "recvmsg", "capset", "execve"]
        | .process.noNewPrivileges = false'
    agent --fail "$(number getppid)" 42
    calls getppid
    equal "$output" getppid=ENOMSG
}

@test "seccomp: an agent that is asked about everything" {
    only_martlet
    notifying
    edit '.linux.seccomp.defaultAction = "SCMP_ACT_NOTIFY" | .linux.seccomp.syscalls = []'
    agent --fail "$(number getppid)" 42
    calls getppid getsid
    equal "$output" 'getppid=ENOMSG getsid=ok'
}

@test "seccomp: the program does not have the listener" {
    notifying
    agent
    inside 'ls -l /proc/self/fd | grep -c -e seccomp -e memfd'
    equal "$output" 0
}

# crun connects to it.
@test "config-linux.md#seccomp: without SCMP_ACT_NOTIFY listenerPath is ignored" {
    rule getppid SCMP_ACT_ERRNO
    edit '.linux.seccomp.listenerPath = "/nowhere/agent"'
    calls getppid
    equal "$output" getppid=EPERM
}

# crun takes it.
@test "config-linux.md#seccomp: SCMP_ACT_NOTIFY without listenerPath is an error" {
    rule getppid SCMP_ACT_NOTIFY
    create_refused
}

# runc 1.1.5 and crun take it.
@test "config-linux.md#seccomp: listenerMetadata without listenerPath is an error" {
    rule getppid SCMP_ACT_ERRNO
    edit '.linux.seccomp.listenerMetadata = "x"'
    create_refused
}

@test "config-linux.md#seccomp: an agent that is not there is an error, and nothing runs" {
    notifying
    script 'echo ran'
    never_runs
}

@test "config-linux.md#seccomp: a socket where nobody listens is an error, and nothing runs" {
    notifying
    python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$T/agent"
    script 'echo ran'
    never_runs
}
