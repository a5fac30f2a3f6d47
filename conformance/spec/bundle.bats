#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# bundle.md, and the parts of config.md that hold for every property.

load ../helpers

@test "bundle.md: config.json MUST reside in the root of the bundle directory" {
    rm "$BUNDLE/config.json"
    mkdir "$BUNDLE/below"
    base_config >"$BUNDLE/below/config.json"
    create_refused
}

@test "bundle.md: config.json MUST be called config.json" {
    local name
    for name in Config.json config.JSON config.json.bak runtime.json; do
        mv "$BUNDLE/config.json" "$BUNDLE/$name"
        create_refused
        mv "$BUNDLE/$name" "$BUNDLE/config.json"
    done
    inside 'echo ran'
    equal "$output" ran
}

@test "bundle.md: the bundle directory MUST exist" {
    rt create --bundle "$T/nowhere" "$ID"
    refused
    nothing_left
}

@test "bundle.md: a bundle works from any directory it is moved to" {
    mv "$BUNDLE" "$T/moved bundle"
    BUNDLE="$T/moved bundle"
    inside 'echo ran'
    ok
    equal "$output" ran
}

@test "bundle.md: config.json that is not JSON is an error and leaves nothing" {
    echo '{"ociVersion": "1.0.2", "process": ' >"$BUNDLE/config.json"
    create_refused
}

@test "bundle.md: an empty config.json is an error and leaves nothing" {
    : >"$BUNDLE/config.json"
    create_refused
}

@test "bundle.md: the bundle is not changed by a container's life" {
    args true
    cp "$BUNDLE/config.json" "$T/before"
    find "$BUNDLE" -maxdepth 2 | sort >"$T/names"
    run_container
    ok
    cmp "$BUNDLE/config.json" "$T/before"
    find "$BUNDLE" -maxdepth 2 | sort | diff "$T/names" -
}

# runc takes any string.
@test "config.md#specification-version: ociVersion MUST be in SemVer v2.0.0 format" {
    edit '.ociVersion = "banana"'
    create_refused
}

# runc never looks at it.
@test "config.md#specification-version: a major version that the runtime does not support is an error" {
    edit '.ociVersion = "2.0.0"'
    create_refused
}

# runc never looks.
@test "config.md#specification-version: ociVersion is REQUIRED" {
    edit 'del(.ociVersion)'
    create_refused
}

@test "config.md#specification-version: every form of SemVer v2.0.0 is taken" {
    local version
    for version in 1.0.0-rc5 1.0.2-dev 1.1.0+build.7 1.0.2-rc.1+exp.sha-5114f85 1.0.0-alpha-a.b-c; do
        edit '.ociVersion = $v' --arg v "$version"
        inside 'echo ran'
        ok
        equal "$output" ran
    done
}

@test "config.md#specification-version: any 1.0 configuration is accepted" {
    edit '.ociVersion = "1.0.0"'
    inside 'echo ran'
    equal "$output" ran
}

@test "config.md#extensibility: unknown properties MUST be ignored" {
    edit '.future = {a: [1]} | .process.future = "x" | .linux.future = 3 | .root.future = null | .mounts[0].future = true'
    inside 'echo ran'
    ok
    equal "$output" ran
}

@test "config.md#extensibility: properties of other platforms are ignored" {
    edit '.windows = {layerFolders: ["x"]} | .solaris = {milestone: "x"} | .vm = {kernel: {path: "/x"}}'
    inside 'echo ran'
    equal "$output" ran
}

@test "config.md#valid-values: a value of the wrong type MUST generate an error" {
    edit '.process.cwd = 5'
    create_refused
}

# crun takes it for no user at all.
@test "config.md#valid-values: an array where an object belongs MUST generate an error" {
    edit '.process.user = []'
    create_refused
}

# crun passes an unknown rootfsPropagation over.
@test "config.md#valid-values: an unsupported value MUST generate an error" {
    cp "$BUNDLE/config.json" "$T/good.json"
    local filter
    for filter in '.linux.rootfsPropagation = "banana"' \
        '.linux.namespaces += [{type: "banana"}]' \
        '.process.rlimits = [{type: "RLIMIT_BANANA", soft: 1, hard: 1}]' \
        '.mounts += [{destination: "/m", type: "bananafs", source: "none"}]' \
        '.linux.devices = [{type: "x", path: "/dev/x", major: 1, minor: 3}]' \
        '.linux.sysctl = {"net.banana": "1"}'; do
        cp "$T/good.json" "$BUNDLE/config.json"
        edit "$filter"
        create_refused || say "$filter"
    done
}

# A configuration without it asks for nothing of Linux: no namespace, no limit. Its mounts would be
# the machine's own, and so it has none here. (runc and crun refuse it.)
@test "config.md#platform-specific-configuration: linux is OPTIONAL" {
    edit 'del(.linux, .hostname, .mounts)'
    inside 'readlink /proc/self/ns/uts || echo ran'
    ok
    differ "$output" ''
}

@test "config.md#annotations: unknown annotations MUST NOT generate an error" {
    edit '.annotations = {"com.example.unknown": "1", "org.opencontainers.made-up": "2"}'
    inside 'echo ran'
    equal "$output" ran
}

@test "config.md#annotations: a value that is not a string is an error" {
    edit '.annotations = {"com.example.number": 5}'
    create_refused
}

# crun takes them for none.
@test "config.md#annotations: annotations MUST be a map" {
    local value
    for value in '["com.example.key"]' '"com.example.key"' 5; do
        edit '.annotations = $a' --argjson a "$value"
        create_refused
    done
}

@test "config.md#annotations: an empty map MAY be there" {
    edit '.annotations = {}'
    inside 'echo ran'
    equal "$output" ran
}

# runc and crun take it.
@test "config.md#annotations: an empty key MUST NOT be there" {
    edit '.annotations = {"": "value"}'
    create_refused
}

@test "config.md#annotations: keys of the specification's own are kept as they are" {
    edit '.annotations = {"org.opencontainers.image.os": "linux", "org.opencontainers.image.architecture": "amd64",
        "org.opencontainers.image.author": "a <a@example.com>", "org.opencontainers.image.stopSignal": "SIGUSR1"}'
    create
    ok
    rt state "$ID"
    equal "$(jq -cS '.annotations' <<<"$output")" "$(jq -cS '.annotations' "$BUNDLE/config.json")"
}
