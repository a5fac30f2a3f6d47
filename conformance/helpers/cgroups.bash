# SPDX-License-Identifier: Apache-2.0
# For tests about cgroups: load it after helpers.bash. A container's cgroup is at a place of its own,
# whichever version it is in.
# shellcheck shell=bash disable=SC2154 # of helpers.bash

# A place of this test's own.
placed() { with_cgroups; edit '.linux.cgroupsPath = $p' --arg p "/martlet-conformance/$ID"; }

limits() { placed; edit ".linux.resources = $1"; }

# with_controller NAME: skips where neither v1 nor v2 has it.
with_controller() {
    [ -d "/sys/fs/cgroup/$1" ] || grep -qw "$1" /sys/fs/cgroup/cgroup.controllers 2>/dev/null \
        || not_here "no $1 controller"
}

cgroups_of() { find /sys/fs/cgroup -type d -path "*martlet-conformance/$ID*" 2>/dev/null; }

no_cgroups() { equal "$(cgroups_of)" ''; }

# in_v1 NAME: the container's directory in that hierarchy of v1.
in_v1() { printf '/sys/fs/cgroup/%s%s' "$1" "$(sed -n "s/^[0-9]*:$1://p" "/proc/$(pid_of)/cgroup")"; }

only_v1() { [ -d "/sys/fs/cgroup/$1" ] || not_here "the $1 controller is not on cgroup v1"; }

only_v2() { [ -e /sys/fs/cgroup/cgroup.controllers ] || not_here 'cgroup version 1'; }
