#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# spec-fixtures/: configurations that break one rule each must be refused, and leave nothing.

load ../helpers

FIXTURES=$CONFORMANCE/../spec-fixtures

setup_file() { it_runs; }

# fixture FILE: as config.json. Peers refuse a version later than theirs, a container without mounts,
# and a program that is not in PATH: they get what would otherwise hide the rule that is broken.
fixture() {
    cp "$1" "$BUNDLE/config.json"
    is_martlet || ! jq -e 'type == "object"' "$1" >/dev/null 2>&1 || edit '
        (if .ociVersion == "1.3.0" then .ociVersion = "1.0.2" else . end)
        | (if .mounts == null or (.mounts | type) == "array"
            then .mounts = [{destination: "/proc", type: "proc", source: "proc"}] + .mounts else . end)
        | (if (.process | type) == "object" and .process.env == null then .process.env = ["PATH=/bin"] else . end)'
}

# all_refused SECTION: create refuses each of them, in words, without a crash.
all_refused() {
    local file bad='' number=0
    fixture "$FIXTURES/valid/process/minimal.json"
    create
    ok
    rt delete --force "$ID"
    for file in "$FIXTURES/invalid/$1"/*.json; do
        number=$((number + 1))
        fixture "$file"
        call "$T/container.out" "$T/container.err" \
            "$RUNTIME" "${GLOBAL[@]}" --root "$ROOT" create --bundle "$BUNDLE" "$ID-$number"
        errors=$(tr -d '\0' <"$T/container.err")
        [ "$status" -ne 0 ] || rt delete --force "$ID-$number"
        refused >/dev/null || bad+=" ${file##*/}($status)"
    done
    [ "$number" -gt 0 ] || say "no fixtures of $1"
    equal "$bad" ''
    nothing_left
}

# What is read from the log by engines: the first violation, and all of them in parts.
log_of() {
    rm -f "$T/log.json"
    cp "$1" "$BUNDLE/config.json"
    call "$T/container.out" "$T/container.err" \
        "$RUNTIME" "${GLOBAL[@]}" --root "$ROOT" --log "$T/log.json" --log-format json \
        create --bundle "$BUNDLE" "$ID"
}

@test "config.md#annotations: whatever breaks a rule of it is refused" { all_refused annotations; }

@test "config-linux.md#devices: whatever breaks a rule of it is refused" { all_refused devices; }

@test "config.md: a text that is no JSON object is refused" { all_refused document; }

@test "config.md#posix-platform-hooks: whatever breaks a rule of it is refused" { all_refused hooks; }

@test "config.md#hostname: whatever breaks a rule of it is refused" { all_refused hostname; }

@test "config-linux.md#intelrdt: whatever breaks a rule of it is refused" { all_refused intel-rdt; }

@test "config-linux.md#user-namespace-mappings: whatever breaks a rule of it is refused" { all_refused mappings; }

@test "config-linux.md#memory-policy: whatever breaks a rule of it is refused" { all_refused memory-policy; }

@test "config.md#mounts: whatever breaks a rule of it is refused" { all_refused mounts; }

@test "config-linux.md#namespaces: whatever breaks a rule of it is refused" { all_refused namespaces; }

@test "config-linux.md#network-devices: whatever breaks a rule of it is refused" { all_refused net-devices; }

@test "config-linux.md#masked-paths: whatever breaks a rule of it is refused" { all_refused paths; }

@test "config-linux.md#personality: whatever breaks a rule of it is refused" { all_refused personality; }

@test "config.md#process: whatever breaks a rule of it is refused" { all_refused process; }

@test "config-linux.md#control-groups: whatever breaks a rule of it is refused" { all_refused resources; }

@test "config.md#root: whatever breaks a rule of it is refused" { all_refused root; }

@test "config-linux.md#seccomp: whatever breaks a rule of it is refused" { all_refused seccomp; }

@test "config-linux.md#sysctl: whatever breaks a rule of it is refused" { all_refused sysctl; }

@test "config-linux.md#offset-for-time-namespace: whatever breaks a rule of it is refused" { all_refused time-offsets; }

@test "config.md#specification-version: whatever breaks a rule of it is refused" { all_refused version; }

@test "fixtures: no section is left out above" {
    local name
    for name in "$FIXTURES"/invalid/*/; do
        name=$(basename "$name")
        grep -q "{ all_refused $name; }" "$BATS_TEST_FILENAME" || say "not tested: $name"
    done
}

@test "each violation is in the one object of the JSON log, with its path, and in the order of reading" {
    only_martlet
    local file bad='' told
    for file in "$FIXTURES"/invalid/*/*.json; do
        log_of "$file"
        jq -e -s 'length == 1 and .[0].level == "error" and (.[0].msg | type == "string")' "$T/log.json" >/dev/null \
            || bad+=" ${file##*/}(objects)"
        told=$(jq -r '.violations[] | (if .path == "" then "" else "\(.path): " end) + "expected \(.expected), found \(.found)"' "$T/log.json")
        [ "$told" = "$(cat "${file%.json}.expected")" ] || bad+=" ${file##*/}"
        jq -e 'all(.violations[]; .section | test("^config(-linux)?\\.md"))' "$T/log.json" >/dev/null \
            || bad+=" ${file##*/}(section)"
    done
    equal "$bad" ''
}

@test "fixtures: no valid configuration has a violation, whatever this host makes of it" {
    only_martlet
    local file bad='' number=0
    for file in "$FIXTURES"/valid/*/*.json; do
        number=$((number + 1))
        cp "$file" "$BUNDLE/config.json"
        rt check --json --bundle "$BUNDLE"
        [ "$status" -le 1 ] || bad+=" ${file##*/}($status)"
        jq -e '[.findings[] | select(has("section"))] == []' <<<"$output" >/dev/null || bad+=" ${file##*/}"
    done
    [ "$number" -ge 60 ] || say "only $number"
    equal "$bad" ''
}
