#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# CVE-2024-3154: annotations become properties of the container's unit, and who may write annotations
# may have systemd do for them what it does as root: stop other units, or start some.
#
#     sudo conformance/vm/run --init systemd conformance/run conformance/security/systemd.bats

load ../helpers
load ../helpers/systemd

also_setup() {
    [ -z "$(missing)" ] || not_here "$(missing)"
    GLOBAL+=(--systemd-cgroup)
    edit '.linux.cgroupsPath = $p' --arg p "system.slice:conformance:$ID"
    VICTIM=victim-$ID.service
    EVIL=evil-$ID.service
    unit "$VICTIM" 'ExecStart=/bin/sleep 1000'
    unit "$EVIL" "ExecStart=/usr/bin/touch $T/evil-has-run"
    systemctl daemon-reload
    systemctl start "$VICTIM"
}

unit() { printf '[Unit]\nDescription=of a test\n[Service]\n%s\n' "$2" >"/run/systemd/system/$1"; }

eval "$(declare -f teardown | sed '1s/teardown/common_teardown/')"

teardown() {
    if [ -n "${VICTIM:-}" ]; then
        systemctl stop "$VICTIM" "$EVIL" || true
        rm -f "/run/systemd/system/$VICTIM" "/run/systemd/system/$EVIL"
        systemctl daemon-reload
    fi
    common_teardown
}

# lives NAME VALUE: a container with this property lives, if it may, and ends; the host is as before.
lives() {
    edit '.annotations = {($n): $v}' --arg n "org.systemd.property.$1" --arg v "$2"
    local code
    for code in 0 1; do
        script "exit $code"
        run_container
        not_hung
        rt delete --force "$ID"
        sleep 1
        systemctl --quiet is-active "$VICTIM" || say "$1=$2 has stopped another unit"
        [ ! -e "$T/evil-has-run" ] || say "$1=$2 has started another unit"
    done
}

@test "CVE-2024-3154: an annotation stops no other unit" {
    lives Conflicts "['$VICTIM']"
    lives PropagatesStopTo "['$VICTIM']"
}

@test "CVE-2024-3154: an annotation starts no other unit" {
    lives Wants "['$EVIL']"
    lives Requires "['$EVIL']"
    lives OnFailure "['$EVIL']"
    lives OnSuccess "['$EVIL']"
    lives Upholds "['$EVIL']"
}

@test "CVE-2024-3154: an annotation runs no program" {
    local name
    for name in ExecStart ExecStartPre ExecStartPost ExecStop ExecStopPost ExecCondition ExecReload; do
        lives "$name" "[('/usr/bin/touch', ['touch', '$T/evil-has-run'], false)]"
    done
}
