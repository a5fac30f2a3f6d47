#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What the kubelet asks of containerd: a pod with two containers, which have one shim of this
# repository, and the runtime under test behind it.

load ../helpers
load ../helpers/containerd

setup_file() {
    # The system's own python3: that is the one that has the package.
    /usr/bin/python3 -c 'import grpc' 2>/dev/null || return 0
    NAMESPACE=k8s.io
    containerd_up
}

teardown_file() { containerd_down; }

# For the kubelet everything is in the namespace k8s.io, which others may use as well: state and
# processes are told apart by the directory.
containerd_config() {
    cat <<TOML
version = 2
root = "$CD/root"
state = "$CD/state"
[grpc]
  address = "$CD/sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "docker.io/library/busybox:1"
  # The machine may not let it be lowered.
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "$CD/cni"
    conf_dir = "$CD/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    default_runtime_name = "martlet"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.martlet]
      runtime_type = "$TYPE"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.martlet.options]
        ConfigPath = "$CD/options.json"
TOML
}

also_setup() {
    containerd_is_up
    # Namespace k8s.io may be in use by others, so the state is elsewhere.
    ROOT=$CD/runtime/k8s.io
    POD=
    mkdir -p "$T/logs"
}

eval "$(declare -f teardown | sed '1s/teardown/common_teardown/')"

teardown() {
    if [ -n "$POD" ]; then
        cri StopPodSandbox "1=$POD"
        cri RemovePodSandbox "1=$POD"
    fi
    common_teardown
}

# cri METHOD FIELD…: sets status, output and errors.
cri() { LIMIT=70 call "$T/out" "$T/err" "$(helper cri-client.py)" "$CD/sock" "$@"; }

# value NUMBER: of a field of the last answer.
value() { sed -n "s/^ *$1: \"\{0,1\}\([^\"]*\)\"\{0,1\}\$/\1/p" <<<"$output" | head -n 1; }

# The network is the host's: there are no CNI plugins to be had everywhere.
sandbox() { printf '1(1=%s,2=uid-%s,3=default),3=%s/logs,8(2(1(1:=2%s)))' "$ID" "$ID" "$T" "${1:-}"; }

pod() {
    cri RunPodSandbox "1($(sandbox "${1:-}"))"
    ok
    POD=$(value 1)
}

# container NAME SCRIPT: makes and starts one, and sets $CONTAINER.
container() {
    cri CreateContainer "1=$POD" \
        "2(1(1=$1),2(1=docker.io/library/busybox:1),3=sh,3=-c,3=$2,11=$1.log)" "3($(sandbox))"
    ok
    CONTAINER=$(value 1)
    cri StartContainer "1=$CONTAINER"
    ok
}

# state_is CONTAINER NUMBER: 1 is running, 2 has exited.
state_is() {
    cri ContainerStatus "1=$1"
    [ "$(awk '$1 == "3:" { print $2; exit }' <<<"$output")" = "$2" ]
}

@test "a pod with two containers has one shim; both run, log, and end by themselves" {
    pod
    container one 'echo from one; sleep 1000'
    local one=$CONTAINER
    container two 'echo from two >&2; while [ ! -e /go ]; do sleep 0.1; done; exit 3'
    local two=$CONTAINER
    equal "$(shim_of "$POD" | wc -w)" 1
    equal "$(shim_of "$one")$(shim_of "$two")" ''
    within 5 grep -q 'stdout F from one' "$T/logs/one.log"
    within 5 grep -q 'stderr F from two' "$T/logs/two.log"

    cri ExecSync "1=$one" 2=sh 2=-c '2=echo said; exit 6'
    ok
    has "$output" said
    equal "$(value 3)" 6

    cri ExecSync "1=$two" 2=touch 2=/go
    ok
    within 5 state_is "$two" 2
    equal "$(awk '$1 == "7:" { print $2; exit }' <<<"$output")" 3
    state_is "$one" 1

    cri StopContainer "1=$one" 2:=1
    ok
    within 5 state_is "$one" 2
    cri RemoveContainer "1=$one"
    ok
    local shim
    shim=$(shim_of "$POD")
    cri StopPodSandbox "1=$POD"
    ok
    cri RemovePodSandbox "1=$POD"
    ok
    within 10 gone "$shim"
    POD=
}

@test "a pod outlives containerd, which finds it again" {
    pod
    container one 'sleep 1000'
    local shim
    shim=$(shim_of "$POD")
    containerd_kill
    containerd_start
    within 10 cri_ready
    state_is "$CONTAINER" 1
    equal "$(shim_of "$POD")" "$shim"
    cri ExecSync "1=$CONTAINER" 2=echo 2=still
    ok
    has "$output" still
}

cri_ready() {
    cri Version
    [ "$status" -eq 0 ]
}

@test "statistics and changed limits of a container" {
    [ -e /sys/fs/cgroup/memory ] || not_here 'memory under cgroup v1'
    pod
    container one 'sleep 1000'
    cri UpdateContainerResources "1=$CONTAINER" '2(4:=33554432)'
    ok
    cri ExecSync "1=$CONTAINER" 2=cat 2=/sys/fs/cgroup/memory/memory.limit_in_bytes
    has "$output" 33554432
    cri ContainerStats "1=$CONTAINER"
    ok
    has "$output" "$CONTAINER"
    # The sections about processor time and memory are there.
    matches "$output" '2:'
    matches "$output" '3:'
}

@test "containers that share a pid namespace end with their pod" {
    # PID: POD.
    pod ',2:=0'
    container one 'sleep 1234321 & sleep 1000'
    cri StopPodSandbox "1=$POD"
    ok
    within 10 nobody_sleeps
}

nobody_sleeps() { ! grep -lsaxz 1234321 /proc/[0-9]*/cmdline; }
