#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# features.md, features-linux.md.

load ../helpers

features() {
    rt features
    [ "$status" -eq 0 ] || is_martlet || skip 'this runtime has no features command'
    ok
    jq -e . <<<"$output" >"$T/features.json"
}

feature() { jq -c "$@" "$T/features.json"; }

@test "features.md: is one JSON object with ociVersionMin and ociVersionMax" {
    features
    equal "$(feature '[.ociVersionMin, .ociVersionMax] | map(test("^[0-9]+\\.[0-9]+\\.[0-9]+"))')" '[true,true]'
}

# runc 1.1.5 precedes the symfollow words and defaults.
@test "features.md#mount-options: lists every option that MUST be implemented" {
    features
    equal "$(feature '["async","atime","bind","defaults","dev","diratime","dirsync","exec","iversion","lazytime",
        "loud","noatime","nodev","nodiratime","noexec","noiversion","nolazytime","norelatime","nostrictatime",
        "nosuid","private","rbind","relatime","remount","ro","rprivate","rshared","rslave","runbindable","rw",
        "shared","silent","slave","strictatime","suid","sync","unbindable"] - .mountOptions')" '[]'
}

@test "features-linux.md#namespaces: lists those that are supported" {
    features
    equal "$(feature '["cgroup","ipc","mount","network","pid","user","uts"] - .linux.namespaces')" '[]'
}

@test "features-linux.md#namespaces: lists time" {
    features
    equal "$(feature '.linux.namespaces | contains(["time"])')" true
}

@test "features-linux.md#capabilities: lists the kernel's" {
    features
    equal "$(feature '["CAP_CHOWN","CAP_SYS_ADMIN","CAP_CHECKPOINT_RESTORE"] - .linux.capabilities')" '[]'
}

# Paths of all values, an index of an array as [], each with its type.
shape() {
    jq -r 'paths(type != "object" and type != "array") as $p
        | ($p | map(if type == "number" then "[]" else . end) | join(".")) + " " + (getpath($p) | type)' \
        "$T/features.json" | sort -u
}

@test "features.md: every property is one of the specification's, and of its type" {
    features
    local bad known
    # Whatever is null is unknown, but for the versions.
    known='^(ociVersion(Min|Max) string'
    known+='|(hooks|mountOptions|potentiallyUnsafeConfigAnnotations)\.\[\] string|annotations\..* string'
    known+='|linux\.(namespaces|capabilities)\.\[\] string'
    known+='|linux\.cgroup\.(v1|v2|systemd|systemdUser|rdma) boolean'
    known+='|linux\.seccomp\.(actions|operators|archs|knownFlags|supportedFlags)\.\[\] string'
    known+='|linux\.(seccomp|apparmor|selinux|netDevices|intelRdt|mountExtensions\.idmap)\.enabled boolean'
    known+='|linux\.intelRdt\.(schemata|monitoring) boolean'
    known+='|linux\.memoryPolicy\.(modes|flags)\.\[\] string'
    known+='|[^o].* null)$'
    bad=$(shape | grep -Ev "$known" || true)
    equal "$bad" ''
}

@test "features-linux.md: words are the specification's" {
    features
    equal "$(feature '[(.linux.namespaces // [])[] | select(IN("cgroup","ipc","mount","network","pid","time","user","uts") | not)]')" '[]'
    equal "$(feature '[(.linux.capabilities // [])[] | select(test("^CAP_[A-Z_]+$") | not)]')" '[]'
    equal "$(feature '[(.hooks // [])[] | select(IN("prestart","createRuntime","createContainer","startContainer","poststart","poststop") | not)]')" '[]'
    equal "$(feature '[(.linux.seccomp.actions // [])[] | select(test("^SCMP_ACT_(ALLOW|ERRNO|KILL|KILL_PROCESS|KILL_THREAD|LOG|NOTIFY|TRACE|TRAP)$") | not)]')" '[]'
    equal "$(feature '[(.linux.seccomp.operators // [])[] | select(test("^SCMP_CMP_(NE|LT|LE|EQ|GE|GT|MASKED_EQ)$") | not)]')" '[]'
    equal "$(feature '[(.linux.seccomp.archs // [])[] | select(test("^SCMP_ARCH_[A-Z0-9_]+$") | not)]')" '[]'
    equal "$(feature '(.linux.seccomp.supportedFlags // []) - (.linux.seccomp.knownFlags // [])')" '[]'
    equal "$(feature '[(.linux.memoryPolicy.modes // [])[] | select(startswith("MPOL_") | not)]')" '[]'
    equal "$(feature '[(.linux.memoryPolicy.flags // [])[] | select(startswith("MPOL_F_") | not)]')" '[]'
}

@test "features.md: nothing is listed twice" {
    features
    equal "$(feature '[paths(type == "array") as $p | getpath($p) | select(length != (unique | length))]')" '[]'
}

@test "features.md#specification-version: both versions are accepted" {
    features
    local version
    for version in "$(feature .ociVersionMin)" "$(feature .ociVersionMax)"; do
        edit '.ociVersion = ($v | fromjson)' --arg v "$version"
        inside 'echo ran'
        ok
    done
}

@test "features-linux.md#namespaces: whatever is listed can be had" {
    features
    local name
    for name in $(jq -r '.linux.namespaces[] | select(. != "user")' "$T/features.json"); do
        [ -e "/proc/self/ns/$(sed 's/network/net/; s/mount/mnt/' <<<"$name")" ] || continue
        edit '.linux.namespaces |= (map(select(.type != $n)) + [{type: $n}])' --arg n "$name"
        inside 'echo ran'
        ok
    done
}

@test "features-linux.md#capabilities: whatever is listed is understood without a warning" {
    only_martlet
    features
    edit '.process.capabilities = ({bounding: $c, effective: $c, permitted: $c})' \
        --argjson c "$(feature .linux.capabilities)"
    rt check --bundle "$BUNDLE"
    ok
    lacks "$output" capability
}

@test "features: what engines look for among the annotations is there" {
    only_martlet
    features
    equal "$(feature '.annotations | ["org.opencontainers.runc.version", "org.opencontainers.runc.commit", "org.opencontainers.runc.checkpoint.enabled"] - keys')" '[]'
    equal "$(feature '.potentiallyUnsafeConfigAnnotations | type')" '"array"'
}

@test "features: what is said to be off is refused by name, and what is on is not" {
    only_martlet
    features
    one() { # KEY FILTER WORD
        local is
        is=$(feature "$1")
        edit "$2"
        rt check --json --bundle "$BUNDLE"
        local refused
        refused=$(jq --arg w "$3" '[.findings[] | select(.kind == "unsupported" and (.path | startswith($w)))] | length > 0' <<<"$output")
        if [ "$is" = true ]; then equal "$refused" false; else equal "$refused" true; fi
    }
    one '.hooks | contains(["prestart"])' '.hooks.prestart = [{path: "/bin/true"}]' hooks
    one .linux.seccomp.enabled '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW"}' linux.seccomp
    one .linux.apparmor.enabled '.process.apparmorProfile = "x"' process.apparmorProfile
    one .linux.selinux.enabled '.process.selinuxLabel = "x"' process.selinuxLabel
    one .linux.intelRdt.enabled '.linux.intelRdt = {closID: "x"}' linux.intelRdt
    one .linux.netDevices.enabled '.linux.netDevices = {eth9: {}}' linux.netDevices
    one '.linux.memoryPolicy != null' '.linux.memoryPolicy = {mode: "MPOL_LOCAL"}' linux.memoryPolicy
    one .linux.mountExtensions.idmap.enabled '.mounts += [{destination: "/m", source: "/tmp", options: ["bind", "idmap"], uidMappings: [{containerID: 0, hostID: 1, size: 1}], gidMappings: [{containerID: 0, hostID: 1, size: 1}]}]' mounts
}

@test "features-linux.md#memorypolicy: lists modes and flags of the configuration" {
    features
    [ "$(feature .linux.memoryPolicy)" != null ] || is_martlet || skip 'this runtime precedes memory policies'
    equal "$(feature '["MPOL_DEFAULT","MPOL_BIND","MPOL_INTERLEAVE","MPOL_WEIGHTED_INTERLEAVE","MPOL_PREFERRED",
        "MPOL_PREFERRED_MANY","MPOL_LOCAL"] - .linux.memoryPolicy.modes')" '[]'
    equal "$(feature '["MPOL_F_NUMA_BALANCING","MPOL_F_RELATIVE_NODES","MPOL_F_STATIC_NODES"]
        - .linux.memoryPolicy.flags')" '[]'
}

@test "features-linux.md#intel-rdt: tells what is built in, whatever the host has" {
    features
    [ "$(feature .linux.intelRdt.schemata)" != null ] || is_martlet || skip 'this runtime precedes schemata'
    equal "$(feature '[.linux.intelRdt | .enabled, .schemata, .monitoring]')" '[true,true,true]'
}

@test "features-linux.md#netdevices: tells whether devices are moved" {
    features
    [ "$(feature .linux.netDevices)" != null ] || is_martlet || skip 'this runtime precedes network devices'
    equal "$(feature .linux.netDevices.enabled)" true
}

@test "features.md: ociVersionMax is not less than ociVersionMin" {
    features
    equal "$(feature -r '.ociVersionMin, .ociVersionMax' | sort -V | head -n 1)" "$(feature -r .ociVersionMin)"
}

@test "features.md#hooks: whatever is listed is called" {
    features
    local name
    for name in $(feature -r '.hooks[]'); do
        edit '.hooks[$n] = [{path: "/bin/sh", args: ["sh", "-c", $s]}]' --arg n "$name" \
            --arg s "echo $name >>$([ "$name" = startContainer ] && echo /called || echo "$T/called")"
    done
    inside true
    ok
    equal "$(cat "$T/called" "$BUNDLE/rootfs/called" | sort)" "$(feature -r '.hooks[]' | sort)"
}

# A tmpfs takes no word that the runtime does not know and hands on. (runc 1.1.5 lists defaults, and
# hands it on.)
@test "features.md#mount-options: whatever is listed is recognized" {
    features
    add_mount /m/remount tmpfs tmpfs
    local word
    for word in $(feature -r '.mountOptions[]'); do
        case $word in
            idmap | ridmap) ;;
            bind | rbind) add_mount "/m/$word" none "$T" "$word" ;;
            *) add_mount "/m/$word" tmpfs tmpfs "$word" ;;
        esac
    done
    inside 'echo ran'
    ok
    equal "$output" ran
}

@test "features.md#mount-options: none SHOULD be a filesystem's own" {
    features
    equal "$(feature '.mountOptions - (.mountOptions - ["size", "mode", "uid", "gid", "nr_inodes", "newinstance",
        "ptmxmode", "lowerdir", "upperdir", "workdir", "hidepid", "subset", "data", "errors"])')" '[]'
}

@test "features.md#annotations: they are a map to strings" {
    features
    equal "$(feature '.annotations // {} | type')" '"object"'
    equal "$(feature '.annotations // {} | [to_entries[] | select(.key == "" or (.value | type) != "string")]')" '[]'
}

# What can be had must be told, though it be in part.
@test "features-linux.md#mountextensions: idmap is enabled where a mount with mappings can be made" {
    features
    mkdir "$T/source"
    add_mount /m none "$T/source" bind idmap
    edit '.mounts[-1] += {uidMappings: [{containerID: 0, hostID: 1000, size: 10}], gidMappings: [{containerID: 0, hostID: 1000, size: 10}]}'
    inside 'stat -c %u /m'
    [ "$status" -eq 0 ] && [ "$output" != 0 ] || not_here 'no mapped mounts here, or not by this runtime'
    equal "$(feature .linux.mountExtensions.idmap.enabled)" true
}

# filtered FILTER: a program that makes none of the calls runs behind the profile.
filtered() {
    edit '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW"}'
    edit ".linux.seccomp |= ($1)" --slurpfile f "$T/features.json"
    inside 'echo ran'
    ok
    equal "$output" ran
}

# SCMP_ACT_NOTIFY needs an agent.
@test "features-linux.md#seccomp: whatever action is listed is recognized" {
    features
    filtered '.syscalls = [($f[0].linux.seccomp.actions - ["SCMP_ACT_NOTIFY"])[] | {names: ["acct"], action: .,
        args: [{index: 0, value: (explode | add), op: "SCMP_CMP_EQ"}]}]'
}

@test "features-linux.md#seccomp: whatever operator is listed is recognized" {
    features
    filtered '.syscalls = [$f[0].linux.seccomp.operators[] | {names: ["acct"], action: "SCMP_ACT_ERRNO",
        args: [{index: 0, value: 7, valueTwo: 7, op: .}]}]'
}

@test "features-linux.md#seccomp: whatever architecture is listed is recognized" {
    features
    local name
    # One at a time: a filter is for processors that are alike.
    for name in $(feature -r '.linux.seccomp.archs[]'); do
        rt delete --force "$ID"
        edit '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", architectures: [$n],
            syscalls: [{names: ["acct"], action: "SCMP_ACT_ERRNO"}]}' --arg n "$name"
        create
        # The machine's own must work; another one cannot all be told here, but never as an unknown word.
        [ "$status" -eq 0 ] || lacks "$(tr '[:upper:]' '[:lower:]' <<<"$errors")" unknown
    done
}

@test "features-linux.md#seccomp: whatever flag is supported is recognized" {
    features
    local name
    for name in $(feature -r '.linux.seccomp.supportedFlags // [] | .[]'); do
        filtered ".flags = [\"$name\"]"
    done
}
