# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154 # job, timeout, memory, here are run's
# How each kernel is found and booted. A boot_ function uses run's variables, puts the command's
# output on standard output, the kernel's messages into $job/console, and guest/command's archive into
# $job/result.

# why_not KERNEL INIT: prints why such a guest cannot boot here and fails, or succeeds.
why_not() {
    local program
    [ "$(uname -m)" = x86_64 ] || { echo "not on this machine: $1 is set up for x86_64 alone"; return 1; }
    for program in $("programs_$1") $([ "$2" = plain ] || echo systemd-run dbus-daemon) busybox; do
        command -v "$program" >/dev/null || { echo "not on this machine: no program $program"; return 1; }
    done
    "trial_$1" || return 1
}

# shellcheck disable=SC2016 # expanded by the shell that runs it
read_only='
job=$1
shift
mount --bind "$job" "$job" || exit 125
cut -d" " -f5 /proc/self/mountinfo | grep -vxF "$job" | while read -r at; do
    mount -o remount,bind,ro "$(printf %b "$at")" 2>/dev/null
done
mount -t tmpfs tmpfs /dev/shm # Where User Mode Linux keeps its memory.
ulimit -c 0
"$@" # Not as process 1: that one cannot abort.
exit'

# shut_in COMMAND…: in namespaces of its own where everything that is mounted is read-only but
# $job, and where all that it started ends with it. No guest can reach further than its host program.
shut_in() {
    timeout --foreground --signal KILL "$timeout" unshare --mount --pid --fork --kill-child --mount-proc \
        --propagation private sh -c "$read_only" sh "$job" "$@"
}

# --- User Mode Linux -------------------------------------------------------------------------

programs_uml() { echo linux.uml; }

# One processor: the kernel and its processes take turns, and would wait for each other's.
uml() {
    local preload=''
    # This kernel does not know how large the registers are with AMX.
    ! grep -qw amx_tile /proc/cpuinfo || preload=$(registers_library) || return
    shut_in taskset -c "$(any_processor)" ${preload:+env "LD_PRELOAD=$preload"} \
        linux.uml "mem=${memory}M" uml_dir="$job/" umid=guest noreboot \
        root=/dev/root rootfstype=hostfs rootflags=/ ro \
        con=null con0=null,fd:1 con1=null,fd:3 con2=null,fd:4 ssl=null console=tty2 \
        quiet panic=-1 cgroup_no_v1=all "$@" \
        </dev/null 2>>"$job/console" 3>"$job/result" 4>>"$job/console"
}

boot_uml() {
    # Through a pipe: it sets its outputs to not block, which must not happen to the caller's.
    uml init="$here/guest/init" VM_JOB="$job" | cat
    return "${PIPESTATUS[0]}"
}

trial_uml() {
    local timeout=20
    # The kernel panics at the end of its process 1, which is then expected.
    uml init="$(command -v busybox)" -- echo booted >/dev/null 2>&1 || true
    grep -q booted "$job/console" && return
    echo 'not on this machine: User Mode Linux does not boot'
    tail -n 5 "$job/console"
    return 1
}

# Prints the path of umlregisters.c as a library.
registers_library() {
    cc -O1 -shared -fPIC -o "$job/registers.so" "$here/umlregisters.c" -ldl >&2 && echo "$job/registers.so"
}

any_processor() {
    sed -n 's/^Cpus_allowed_list:\t//p' /proc/self/status | tr , '\n' | while IFS=- read -r from to; do
        seq "$from" "${to:-$from}"
    done | shuf -n 1
}
