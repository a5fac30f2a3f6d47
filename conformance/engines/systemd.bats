#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# --systemd-cgroup: the container's cgroup is a scope of systemd's, which knows what limits it.
#
#     sudo conformance/vm/run --init systemd conformance/run conformance/engines/systemd.bats
#     sudo conformance/vm/run --init systemd --cgroups hybrid conformance/run conformance/engines/systemd.bats

load ../helpers
load ../helpers/systemd

also_setup() {
    [ -z "$(missing)" ] || not_here "$(missing)"
    GLOBAL+=(--systemd-cgroup)
    SCOPE=conformance-$ID.scope
    edit '.linux.cgroupsPath = $p' --arg p "martletconformance-test.slice:conformance:$ID"
}

# property NAME [UNIT]: as systemctl tells it.
property() { systemctl show --property "$1" --value "${2:-$SCOPE}"; }

# Below the one mount of cgroup2, or v1's of memory.
directory() {
    if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
        echo "/sys/fs/cgroup$(property ControlGroup)"
    else
        echo "/sys/fs/cgroup/memory$(property ControlGroup)"
    fi
}

on_cgroup2() { [ -e /sys/fs/cgroup/cgroup.controllers ]; }

cgroup2() { on_cgroup2 || not_here 'no cgroup2 at /sys/fs/cgroup'; }

cgroup1() { ! on_cgroup2 || not_here 'no hierarchies of cgroup v1'; }

# v1 HIERARCHY FILE: what the container has there.
v1() { cat "/sys/fs/cgroup/$1$(property ControlGroup)/$2"; }

no_unit() { [ -z "$(systemctl list-units --all --plain --no-legend "*$ID*")" ]; }

# as_tester COMMAND…: as the ordinary user, in a service that a cgroup is delegated to.
as_tester() {
    call "$T/out" "$T/err" systemd-run --user --machine=tester@ --quiet --pipe --wait --collect \
        -p Delegate=yes -E PATH -- "$@"
}

has_tester() {
    [ -S /run/user/4000/bus ] || not_here 'no user 4000 with a systemd of its own'
}

# The state directory is another user's: only that user's runtime looks into it.
recorded_pid() { jq .pid "$ROOT/$ID/state.json"; }

# What the container's own user can use.
rootless_bundle() {
    namespaces pid ipc uts mount cgroup user
    edit '.linux.uidMappings = [{containerID: 0, hostID: $uid, size: 1}]
        | .linux.gidMappings = [{containerID: 0, hostID: $uid, size: 1}]
        | .mounts |= map(select(.destination == "/proc" or .destination == "/tmp"))
        | del(.linux.cgroupsPath)' --argjson uid "$1"
    install -d -o 4000 -g 4000 -m 700 "$ROOT"
    chown -R 4000:4000 "$BUNDLE"
}

@test "systemd: the container is in a scope of the slice that was asked for" {
    ready ''
    equal "$(property ActiveState)" active
    equal "$(property Slice)" martletconformance-test.slice
    equal "$(property Delegate)" yes
    equal "$(property CollectMode)" inactive-or-failed
    equal "$(property ControlGroup)" \
        "/martletconformance.slice/martletconformance-test.slice/$SCOPE"
    has "$(cat "/proc/$(pid_of)/cgroup")" ":$(property ControlGroup)"
}

@test "systemd: check tells what create would say, and makes nothing" {
    only_martlet
    edit '.linux.resources = {pids: {limit: 20}}'
    rt check --bundle "$BUNDLE"
    equal "$status$output$errors" "0$BUNDLE: nothing was found that would fail"
    no_unit
    ready ''
    rt check --bundle "$BUNDLE"
    equal "$status" 1
    has "$output" "$SCOPE"
    edit '.linux.cgroupsPath = "/some/path"'
    rt check --bundle "$BUNDLE"
    equal "$status" 1
    has "$output" 'slice:prefix:name'
}

@test "systemd: without a place it is in system.slice" {
    edit 'del(.linux.cgroupsPath)'
    ready ''
    has "$(cat "/proc/$(pid_of)/cgroup")" ":/system.slice/"
    has "$(systemctl list-units --plain --no-legend "*$ID.scope")" "$ID.scope"
}

@test "systemd: a path instead of slice:prefix:name is refused" {
    edit '.linux.cgroupsPath = "/some/path"'
    create_refused
    has "$errors" 'slice:prefix:name'
}

@test "systemd: the unit knows the limits, and they hold" {
    cgroup2
    edit '.linux.resources = {memory: {limit: 67108864, reservation: 33554432},
        cpu: {shares: 1024, quota: 50000, period: 100000}, pids: {limit: 20}}'
    ready ''
    equal "$(property MemoryMax)" 67108864
    equal "$(property MemoryLow)" 33554432
    equal "$(property CPUWeight)" 100
    equal "$(property CPUQuotaPerSecUSec)" 500ms
    equal "$(property TasksMax)" 20
    systemctl daemon-reload
    equal "$(cat "$(directory)/memory.max")" 67108864
    equal "$(cat "$(directory)/memory.low")" 33554432
    equal "$(cat "$(directory)/cpu.max")" '50000 100000'
    equal "$(cat "$(directory)/cpu.weight")" 100
    equal "$(cat "$(directory)/pids.max")" 20
}

@test "systemd: the unit knows the limits, and they hold, on v1" {
    cgroup1
    edit '.linux.resources = {memory: {limit: 67108864, swap: 100000000}, blockIO: {throttleReadBpsDevice: []},
        cpu: {shares: 512, quota: 50000, period: 100000}, pids: {limit: 20}}'
    [ -e /sys/fs/cgroup/memory/memory.memsw.limit_in_bytes ] || edit 'del(.linux.resources.memory.swap)'
    ready ''
    equal "$(property MemoryLimit)" 67108864
    equal "$(property CPUShares)" 512
    equal "$(property CPUQuotaPerSecUSec)" 500ms
    equal "$(property TasksMax)" 20
    local i
    for i in before after; do
        equal "$(v1 memory memory.limit_in_bytes)" 67108864
        equal "$(v1 cpu cpu.shares)" 512
        equal "$(v1 cpu cpu.cfs_quota_us)" 50000
        equal "$(v1 pids pids.max)" 20
        systemctl daemon-reload
    done
    rt update --memory 32m --pids-limit 9 --cpu-quota 10000 "$ID"
    ok
    equal "$(property MemoryLimit)" 33554432
    equal "$(property TasksMax)" 9
    systemctl daemon-reload
    equal "$(v1 memory memory.limit_in_bytes)" 33554432
    equal "$(v1 pids pids.max)" 9
    equal "$(v1 cpu cpu.cfs_quota_us)" 10000
}

# systemd 252 moves a scope's processes out of v1's devices when the unit's first rule comes late.
@test "systemd: whatever the unit is told, its processes stay where the rules are" {
    edit '.linux.resources = {devices: [{allow: true, access: "rwm"}]}'
    ready ''
    stays() {
        local place
        while IFS=: read -r _ _ place; do
            [ "$place" = "$(property ControlGroup)" ] || say "a process is in $place"
        done < <(grep -E '^[0-9]+:(devices|memory|pids|cpu,cpuacct|name=systemd|):' "/proc/$(pid_of)/cgroup")
    }
    stays
    systemctl daemon-reload
    stays
    echo '{"devices":[{"allow":false,"access":"rwm"}]}' >"$T/r.json"
    rt update -r "$T/r.json" "$ID"
    ok
    stays
    systemctl daemon-reload
    stays
    echo '{"devices":[{"allow":true,"access":"rwm"}]}' >"$T/r.json"
    rt update -r "$T/r.json" "$ID"
    ok
    stays
    systemctl daemon-reload
    stays
}

@test "systemd: too much memory is the end of the program" {
    edit '.linux.resources = {memory: {limit: 16777216, swap: 16777216}}'
    inside 'head -c 100000000 /dev/zero | tail; echo survived: $?'
    lacks "$output" 'survived: 0'
}

@test "systemd: a daemon-reload takes no device away, and gives none" {
    edit '.linux.resources = {devices: [{allow: false, access: "rwm"},
            {allow: true, type: "c", major: 1, minor: 3, access: "rwm"},
            {allow: true, type: "c", major: 1, minor: 5, access: "rw"}]}
        | .process.capabilities.bounding += ["CAP_MKNOD"]
        | .process.capabilities.effective += ["CAP_MKNOD"]
        | .process.capabilities.permitted += ["CAP_MKNOD"]'
    # /dev/kmsg is in no list.
    script 'mknod /tmp/kmsg c 1 11
probe() { echo x >/dev/null && head -c 1 /dev/zero >/tmp/z && ! true 2>/tmp/e 3</tmp/kmsg && echo "$1 right"; }
(probe before) 2>/tmp/e
echo ready
while [ ! -e /tmp/go ]; do sleep 0.05; done
(probe after) 2>/tmp/e
exec sleep 1000'
    launched
    within 10 grep -q ready "$T/container.out"
    systemctl daemon-reload
    touch "/proc/$(pid_of)/root/tmp/go"
    within 10 grep -q 'after right' "$T/container.out"
    grep -q 'before right' "$T/container.out"
    has "$(property DeviceAllow)" '/dev/char/1:5 rw'
    equal "$(property DevicePolicy)" strict
}

@test "systemd: update tells the unit too" {
    cgroup2
    edit '.linux.resources = {memory: {limit: 67108864}, cpu: {quota: 50000, period: 50000}}'
    ready ''
    rt update --memory 32m --pids-limit 9 --cpu-quota 10000 "$ID"
    ok
    equal "$(property MemoryMax)" 33554432
    equal "$(property TasksMax)" 9
    equal "$(property CPUQuotaPerSecUSec)" 200ms
    systemctl daemon-reload
    equal "$(cat "$(directory)/memory.max")" 33554432
    equal "$(cat "$(directory)/pids.max")" 9
    equal "$(cat "$(directory)/cpu.max")" '10000 50000'
}

@test "systemd: an update that fails leaves the unit as it was" {
    cgroup2
    edit '.linux.resources = {memory: {limit: 67108864}}'
    ready ''
    echo '{"memory":{"limit":33554432},"unified":{"memory.high":"nonsense"}}' >"$T/r.json"
    rt update -r "$T/r.json" "$ID"
    refused
    equal "$(property MemoryMax)" 67108864
    equal "$(cat "$(directory)/memory.max")" 67108864
}

@test "systemd: pause, resume, ps and kill --all" {
    ready 'sleep 2000 &'
    rt pause "$ID"
    ok
    is_status paused
    rt resume "$ID"
    ok
    is_status running
    rt ps --format json "$ID"
    ok
    has "$output" "$(pid_of)"
    rt kill --all "$ID" KILL
    ok
    stopped
}

@test "systemd: delete leaves no unit, failed or not" {
    ready ''
    end_container
    rt delete "$ID"
    ok
    no_unit
    ready ''
    rt delete --force "$ID"
    ok
    no_unit
    equal "$(systemctl list-units --failed --plain --no-legend "*$ID*")" ''
}

@test "systemd: a create that fails leaves no unit" {
    edit '.mounts += [{destination: "/tmp/x", type: "bind", source: "/nowhere/at/all", options: ["bind"]}]'
    create_refused
    no_unit
}

@test "systemd: a unit that is there already is refused, and left alone" {
    background systemd-run --quiet --scope --unit "$SCOPE" sleep 1000
    within 10 systemctl --quiet is-active "$SCOPE"
    create_refused_by_name() { create; refused; has "$errors" "$SCOPE"; }
    create_refused_by_name
    equal "$(property ActiveState)" active
    systemctl stop "$SCOPE"
}

@test "systemd: deleting a container does nothing to a later one in a scope of the same name" {
    only_martlet
    ready ''
    end_container
    local first=$ID
    within 10 no_unit
    ID=$ID-later
    ready ''
    rt delete "$first"
    ok
    is_status running
    equal "$(property ActiveState)" active
}

@test "systemd: annotations are properties of the unit" {
    edit '.annotations = {"org.systemd.property.TimeoutStopUSec": "uint64 7000000",
        "org.systemd.property.Description": "'"'a container'"'"}'
    ready ''
    equal "$(property TimeoutStopUSec)" 7s
    equal "$(property Description)" 'a container'
}

@test "systemd: an annotation with a wrong value is refused by its name" {
    edit '.annotations = {"org.systemd.property.TimeoutStopUSec": "soon"}'
    create_refused
    has "$errors" org.systemd.property.TimeoutStopUSec
}

@test "systemd: an annotation cannot stop other units or the machine (CVE-2024-3154)" {
    only_martlet
    local name
    for name in Conflicts OnFailure SuccessAction ExecStartPre; do
        edit '.annotations = {($n): "\u0027reboot\u0027"}' --arg n "org.systemd.property.$name"
        create
        refused
        has "$errors" "org.systemd.property.$name"
    done
}

@test "systemd: an ordinary user's container is in a scope of the user's own systemd" {
    has_tester
    rootless_bundle 4000
    ! on_cgroup2 || edit '.linux.resources = {pids: {limit: 20}}'
    as_tester "$RUNTIME" "${GLOBAL[@]}" --root "$ROOT" run --detach --bundle "$BUNDLE" "$ID"
    ok
    has "$(cat "/proc/$(recorded_pid)/cgroup")" "/user@4000.service/user.slice/"
    ! on_cgroup2 || equal "$(cat "/sys/fs/cgroup$(cut -d: -f3 "/proc/$(recorded_pid)/cgroup")/pids.max")" 20
    as_tester "$RUNTIME" --root "$ROOT" delete --force "$ID"
    ok
    as_tester systemctl --user list-units --all --plain --no-legend "*$ID*"
    equal "$output" ''
}

@test "systemd: a limit that v1 gives no ordinary user is refused by its name" {
    has_tester
    cgroup1
    rootless_bundle 4000
    edit '.linux.resources = {pids: {limit: 20}}'
    as_tester "$RUNTIME" "${GLOBAL[@]}" --root "$ROOT" create --bundle "$BUNDLE" "$ID"
    refused
    has "$errors" '/sys/fs/cgroup/pids'
    nothing_left
    as_tester systemctl --user list-units --all --plain --no-legend "*$ID*"
    equal "$output" ''
}

@test "systemd: root of a user namespace reaches the user's systemd" {
    has_tester
    rootless_bundle 0
    as_tester unshare --user --mount --map-root-user --map-auto "$RUNTIME" "${GLOBAL[@]}" --root "$ROOT" run --detach --bundle "$BUNDLE" "$ID"
    ok
    has "$(cat "/proc/$(recorded_pid)/cgroup")" "/user@4000.service/user.slice/"
    as_tester unshare --user --mount --map-root-user --map-auto "$RUNTIME" --root "$ROOT" delete --force "$ID"
    ok
}
