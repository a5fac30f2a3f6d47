#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# config-linux.md#memory-policy. Judged by /proc/PID/numa_maps, which tells each mapping's policy.
#
# runc 1.1.5 and crun 1.8.1 precede it (runtime-spec 1.3), and ignore it.

load ../helpers

numa_here() { [ -e /proc/self/numa_maps ] || not_here "the kernel has no NUMA"; }

# policies JSON: a container with this memory policy; sets POLICIES to those of its mappings.
policies() {
    numa_here
    edit '.linux.memoryPolicy = $p' --argjson p "$1"
    launched
    POLICIES=$(sed -E 's/^[0-9a-f]+ ((weighted |prefer \()?[^ ]+).*/\1/' "/proc/$(pid_of)/numa_maps" | sort -u)
}

# kernel_takes MODE [FLAGS [NODES]]: what set_mempolicy(2) says of it, here.
kernel_takes() {
    python3 - "$@" <<'PYTHON'
import ctypes, platform, sys
number = {"x86_64": 238, "aarch64": 237}[platform.machine()]
mask = ctypes.c_ulong(int(sys.argv[3]) if len(sys.argv) > 3 else 1)
sys.exit(ctypes.CDLL(None).syscall(number, int(sys.argv[1]) | int(sys.argv[2] if len(sys.argv) > 2 else 0), ctypes.byref(mask), 65) != 0)
PYTHON
}

refused_policy() {
    edit '.linux.memoryPolicy = $p' --argjson p "$1"
    create_refused
}

@test "config-linux.md#memory-policy: MPOL_DEFAULT" { policies '{"mode": "MPOL_DEFAULT"}'; equal "$POLICIES" default; }
@test "config-linux.md#memory-policy: MPOL_LOCAL" { policies '{"mode": "MPOL_LOCAL"}'; equal "$POLICIES" local; }
@test "config-linux.md#memory-policy: MPOL_BIND" { policies '{"mode": "MPOL_BIND", "nodes": "0"}'; equal "$POLICIES" bind:0; }
@test "config-linux.md#memory-policy: MPOL_INTERLEAVE" { policies '{"mode": "MPOL_INTERLEAVE", "nodes": "0"}'; equal "$POLICIES" interleave:0; }
@test "config-linux.md#memory-policy: MPOL_PREFERRED" { policies '{"mode": "MPOL_PREFERRED", "nodes": "0"}'; equal "$POLICIES" prefer:0; }
@test "config-linux.md#memory-policy: MPOL_PREFERRED without nodes is local" { policies '{"mode": "MPOL_PREFERRED"}'; equal "$POLICIES" local; }

@test "config-linux.md#memory-policy: MPOL_PREFERRED_MANY" {
    numa_here
    kernel_takes 5 || not_here "the kernel does not know MPOL_PREFERRED_MANY"
    policies '{"mode": "MPOL_PREFERRED_MANY", "nodes": "0"}'
    matches "$POLICIES" '^prefer.*:0$'
}

@test "config-linux.md#memory-policy: MPOL_WEIGHTED_INTERLEAVE" {
    numa_here
    kernel_takes 6 || not_here "the kernel does not know MPOL_WEIGHTED_INTERLEAVE"
    policies '{"mode": "MPOL_WEIGHTED_INTERLEAVE", "nodes": "0"}'
    equal "$POLICIES" 'weighted interleave:0'
}

@test "config-linux.md#memory-policy: MPOL_F_STATIC_NODES" {
    policies '{"mode": "MPOL_INTERLEAVE", "nodes": "0", "flags": ["MPOL_F_STATIC_NODES"]}'
    equal "$POLICIES" interleave=static:0
}

@test "config-linux.md#memory-policy: MPOL_F_RELATIVE_NODES" {
    policies '{"mode": "MPOL_BIND", "nodes": "0", "flags": ["MPOL_F_RELATIVE_NODES"]}'
    equal "$POLICIES" bind=relative:0
}

@test "config-linux.md#memory-policy: MPOL_F_NUMA_BALANCING" {
    numa_here
    kernel_takes 2 8192 || not_here "the kernel does not know MPOL_F_NUMA_BALANCING"
    policies '{"mode": "MPOL_BIND", "nodes": "0", "flags": ["MPOL_F_NUMA_BALANCING"]}'
    matches "$POLICIES" '^bind.*:0$'
}

@test "config-linux.md#memory-policy: nodes as a list with ranges" {
    # Static nodes: those that are there are used, as set_mempolicy(2) says.
    policies '{"mode": "MPOL_BIND", "nodes": "0-3,7", "flags": ["MPOL_F_STATIC_NODES"]}'
    matches "$POLICIES" '^bind=static:0'
}

@test "config-linux.md#memory-policy: in a user namespace, and for a user below root" {
    user_namespace
    edit '.process.user = {uid: 1000, gid: 1000}'
    policies '{"mode": "MPOL_BIND", "nodes": "0"}'
    equal "$POLICIES" bind:0
}

@test "config-linux.md#memory-policy: unset leaves the caller's" {
    numa_here
    launched
    equal "$(awk '{ print $2 }' "/proc/$(pid_of)/numa_maps" | sort -u)" default
}

@test "config-linux.md#memory-policy: where the kernel has no NUMA it is an error" {
    [ ! -e /proc/self/numa_maps ] || not_here "the kernel has NUMA"
    refused_policy '{"mode": "MPOL_BIND", "nodes": "0"}'
}

@test "config-linux.md#memory-policy: a node that is not there is an error" {
    refused_policy '{"mode": "MPOL_BIND", "nodes": "1023"}'
}

@test "config-linux.md#memory-policy: a node that no kernel knows is an error" {
    refused_policy '{"mode": "MPOL_BIND", "nodes": "0-4294967295"}'
}

@test "config-linux.md#memory-policy: mode is REQUIRED" { refused_policy '{"nodes": "0"}'; }
@test "config-linux.md#memory-policy: an unknown mode is an error" { refused_policy '{"mode": "MPOL_BANANA"}'; }
@test "config-linux.md#memory-policy: an unknown flag is an error" { refused_policy '{"mode": "MPOL_BIND", "nodes": "0", "flags": ["MPOL_F_BANANA"]}'; }
@test "config-linux.md#memory-policy: nodes that are no list are an error" { refused_policy '{"mode": "MPOL_BIND", "nodes": "0,,1"}'; }
@test "config-linux.md#memory-policy: MPOL_BIND without nodes is an error" { refused_policy '{"mode": "MPOL_BIND"}'; }
@test "config-linux.md#memory-policy: MPOL_INTERLEAVE with no nodes in the list is an error" { refused_policy '{"mode": "MPOL_INTERLEAVE", "nodes": ""}'; }
@test "config-linux.md#memory-policy: MPOL_DEFAULT with nodes is an error" { refused_policy '{"mode": "MPOL_DEFAULT", "nodes": "0"}'; }
@test "config-linux.md#memory-policy: MPOL_LOCAL with nodes is an error" { refused_policy '{"mode": "MPOL_LOCAL", "nodes": "0"}'; }
@test "config-linux.md#memory-policy: static and relative nodes together are an error" {
    refused_policy '{"mode": "MPOL_BIND", "nodes": "0", "flags": ["MPOL_F_STATIC_NODES", "MPOL_F_RELATIVE_NODES"]}'
}
